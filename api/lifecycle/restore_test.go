package lifecycle_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/rules"
)

var ada = content.Actor{ID: "ada", Name: "Ada", Role: content.Admin}

// ids are contents of a busy site.
type ids struct{ shown, pending, rejected string }

// busy fills a site with something of everything that an export holds.
func (n *node) busy(t *testing.T) (c ids) {
	t.Helper()
	ctx := t.Context()
	n.configured(t)
	carol, dave := content.Actor{ID: "carol", Role: content.Shopper}, content.Actor{ID: "dave", Role: content.Shopper}
	erin, frank := content.Actor{ID: "erin", Role: content.Shopper}, content.Actor{ID: "frank", Role: content.Shopper}

	// Two wait at a time, so that the history of one lies within that of another.
	c.pending = n.submit(t, bob, "A dim lamp, see www.cheap-stuff.biz")
	c.shown = n.published(t, alice, "A bright lamp")
	n.checked(t) // settled: what changes next finds no history that is still to be filed
	better := "A bright lamp, still"
	_, err := n.Edit(ctx, alice, site, c.shown, 2, lifecycle.Edit{Body: &better})
	noError(t, err)
	n.clock.advance(time.Minute)
	n.decide(t, c.shown, moderation.ActionApprove, 3)
	for i, who := range []content.Actor{bob, carol, dave} {
		_, err := n.Vote(ctx, who, site, c.shown, 1-2*(i%2))
		noError(t, err)
	}
	reply, err := n.Submit(ctx, bob, lifecycle.Submission{Site: site, Parent: c.shown, Text: content.Version{Body: "How bright?"}})
	noError(t, err)
	n.decide(t, reply.ID, moderation.ActionApprove, 1)

	_, err = n.AddNote(ctx, mod, site, c.pending, "Is that their own shop?")
	noError(t, err)
	_, err = n.PassOn(ctx, mod, site, c.pending, "second_opinion", "What do you think?", 1)
	noError(t, err)

	c.rejected = n.submit(t, carol, "Buy coins instead")
	n.decide(t, c.rejected, moderation.ActionReject, 1)
	_, err = n.Appeal(ctx, carol, site, c.rejected, "I sell no coins, I only mention them in passing.")
	noError(t, err)

	removed := n.published(t, dave, "A lamp that insults people")
	_, err = n.Report(ctx, bob, site, removed, "offensive", "Look at the end.")
	noError(t, err)
	_, err = n.Notify(ctx, site, removed, moderation.Notice{
		Explanation: "It insults my sister by her full name.", Location: "https://shop.example/lamp", Name: "E.", Email: "e@example.com", GoodFaith: true,
	})
	noError(t, err)
	n.decide(t, removed, moderation.ActionRemove, n.record(t, removed).Rev)

	withdrawn := n.published(t, erin, "A lamp I sent back")
	noError(t, n.Withdraw(ctx, erin, site, withdrawn, 2))
	n.published(t, frank, "A lamp of frank's")
	_, err = n.Erase(ctx, frank, site)
	noError(t, err)

	n.talk(t, alice, bob)
	n.clock.advance(time.Hour)
	noError(t, n.Ledger.Models.Insert(ctx, &ledger.Model{Site: site, Data: []byte{0, 255, 7}, To: n.clock.now(), Rev: 3}))
	return c
}

// configured puts settings, rules and policies in force.
func (n *node) configured(t *testing.T) {
	t.Helper()
	settings := content.DefaultSettings()
	settings.Languages, settings.Domains = []string{"en", "tr"}, []string{"shop.example"}
	settings.Synonyms = map[string][][]string{"en": {{"lamp", "light"}}}
	_, err := n.ChangeSettings(t.Context(), ada, site, settings, 0)
	noError(t, err)
	_, err = n.PutRule(t.Context(), ada, site, rules.Rule{Name: "Links", Source: `has("url")`, Action: rules.ActionRoute, Argument: "links", Enabled: true})
	noError(t, err)
	_, err = n.ChangePolicies(t.Context(), ada, site, map[string]moderation.Policy{"review": {Mode: moderation.ModeFirst, First: 2}}, 0)
	noError(t, err)
	_, err = n.PutBoard(t.Context(), ada, content.Board{Site: site, ID: "lounge", Name: "The lounge"})
	noError(t, err)
}

// talk adds a question with an accepted answer, and a topic.
func (n *node) talk(t *testing.T, asks, answers content.Actor) {
	t.Helper()
	ctx := t.Context()
	question, err := n.Submit(ctx, asks, lifecycle.Submission{Site: site, Kind: content.Question, Subject: lamp, Text: content.Version{Body: "Which bulb?"}})
	noError(t, err)
	n.decide(t, question.ID, moderation.ActionApprove, 1)
	answer, err := n.Submit(ctx, answers, lifecycle.Submission{Site: site, Parent: question.ID, Text: content.Version{Body: "E27."}})
	noError(t, err)
	n.decide(t, answer.ID, moderation.ActionApprove, 1)
	_, err = n.Accept(ctx, asks, site, question.ID, answer.ID)
	noError(t, err)
	topic, err := n.Submit(ctx, answers, lifecycle.Submission{Site: site, Kind: content.Topic, Subject: content.BoardOf("lounge"), Text: content.Version{Title: "Lamps", Body: "Which do you have?"}})
	noError(t, err)
	n.decide(t, topic.ID, moderation.ActionApprove, 1)
}

// empty is a node on a ledger that nobody has written to.
func empty(t *testing.T) *node {
	t.Helper()
	n := newNode(t)
	noError(t, n.Ledger.Products.Delete(t.Context(), ledger.Key(site, lamp.ID)))
	return n
}

// exported is the export of a site, line by line, once all is settled.
func (n *node) exported(t *testing.T) (lines []string) {
	t.Helper()
	n.checked(t)
	for line, err := range lifecycle.Export(t.Context(), n.store, site, nil) {
		noError(t, err)
		b, err := json.Marshal(line)
		noError(t, err)
		lines = append(lines, string(b))
	}
	return lines
}

// take gives lines to an importer.
func take(t *testing.T, im *lifecycle.Importer, lines []string) {
	t.Helper()
	for i, line := range lines {
		if !lifecycle.IsExportLine([]byte(line)) {
			t.Fatalf("is no line of an export: %.200s", line)
		}
		noError(t, im.Restore(t.Context(), []byte(line), "export", i+1))
	}
}

func (n *node) restored(t *testing.T, lines []string) lifecycle.Imported {
	t.Helper()
	im, err := n.Import(t.Context(), site, content.Pending)
	noError(t, err)
	take(t, im, lines)
	done, err := im.Close(t.Context())
	noError(t, err)
	return done
}

// seen is what strangers and moderators see of a site.
func (n *node) seen(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	var out strings.Builder
	add := func(v any, err error) {
		t.Helper()
		noError(t, err)
		b, err := json.Marshal(v)
		noError(t, err)
		out.Write(b)
		out.WriteByte('\n')
	}
	page, _ := n.shown(t)
	add(json.RawMessage(page.Body), nil)
	sum, err := n.Summary(ctx, site, lamp.ID)
	noError(t, err)
	add(json.RawMessage(sum.Body), nil)
	add(n.SiteSettings(ctx, site))
	add(n.SiteRules(ctx, mod, site))
	add(n.Policies(ctx, mod, site))
	add(n.Boards(ctx, site, lifecycle.Paging{Limit: 100}))
	add(n.Products(ctx, site, lifecycle.Paging{Limit: 100}))
	add(n.Queue(ctx, mod, site, moderation.Filter{}, lifecycle.Paging{Limit: 100}))
	add(n.Audit(ctx, mod, site, lifecycle.Paging{Limit: 100}))
	for link, err := range n.AuditTrail(ctx, mod, site) {
		add(link, err)
	}
	links, err := n.CheckAudit(ctx, site)
	add(links, err)
	add([]int{n.found(t, "lamp"), n.found(t, "light"), n.found(t, "bulb"), n.found(t, "coins")}, nil)
	for rec, err := range n.Ledger.Contents.Scan(ctx, ledger.Prefix(ledger.BySite, site)) {
		noError(t, err)
		if rec.State != content.Erased {
			add(n.Case(ctx, mod2, site, rec.ID))
		}
	}
	return out.String()
}

// canonical is a line of JSON without what may differ: the order of members,
// and what a sum of votes notes of its own making, since votes that are taken in
// are counted again.
func canonical(t *testing.T, line string) string {
	t.Helper()
	if line == "" {
		return ""
	}
	var v any
	noError(t, json.Unmarshal([]byte(line), &v))
	if l, ok := v.(map[string]any); ok && l["table"] == "tallies" {
		doc, ok := l["doc"].(map[string]any)
		if !ok {
			t.Fatalf("no document: %s", line)
		}
		delete(doc, "changed")
		delete(doc, "rev")
	}
	b, err := json.Marshal(v)
	noError(t, err)
	return string(b)
}

// same compares lines of JSON.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d lines, want %d", what, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		g, w := canonical(t, got[i]), canonical(t, want[i])
		if g == w {
			continue
		}
		at := 0
		for at < min(len(g), len(w)) && g[at] == w[at] {
			at++
		}
		at = max(at-100, 0)
		t.Errorf("%s: line %d has\n%.300s\nwant\n%.300s", what, i+1, g[at:], w[min(at, len(w)):])
		return
	}
}

// tables counts the lines of each table.
func tables(lines []string) map[string]int {
	count := map[string]int{}
	for _, line := range lines {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, `{"table":"`), `"`)
		count[name]++
	}
	return count
}

// TestRestore takes an export into an empty ledger: the same site, to the last
// byte, and alive.
func TestRestore(t *testing.T) {
	t.Parallel()
	from := newNode(t)
	c := from.busy(t)
	lines := from.exported(t)
	count := tables(lines)
	for _, name := range []string{
		"settings", "products", "boards", "tallies", "contents", "slots", "revisions", "events", "votes", "reports", "receipts", "notes",
		"notices", "audit", "rules", "policies", "models",
	} {
		if count[name] == 0 {
			t.Errorf("there is nothing of the table %s to restore", name)
		}
	}
	to := empty(t)
	to.clock.at.Store(from.clock.at.Load())
	equal(t, "restored", to.restored(t, lines), lifecycle.Imported{Added: len(lines), Reasons: []lifecycle.Rejected{}})
	to.checked(t)
	same(t, "the export again", to.exported(t), lines)
	same(t, "what is seen", strings.Split(to.seen(t), "\n"), strings.Split(from.seen(t), "\n"))

	equal(t, "restored again", to.restored(t, lines), lifecycle.Imported{Skipped: len(lines), Reasons: []lifecycle.Rejected{}})
	same(t, "the export after that", to.exported(t), lines)

	// Life goes on: places are taken, votes are changed and history is continued.
	if _, err := to.Submit(t.Context(), alice, review("Another review")); !errors.Is(err, lifecycle.ErrDuplicate) {
		t.Errorf("a second review of the same product: %v", err)
	}
	votes, err := to.Vote(t.Context(), bob, site, c.shown, -1)
	noError(t, err)
	equal(t, "votes", votes, content.Votes{Helpful: 1, Unhelpful: 2})
	_, err = to.Decide(t.Context(), mod2, site, c.pending, decision(moderation.ActionApprove, to.record(t, c.pending).Rev))
	noError(t, err)
	before, err := from.CheckAudit(t.Context(), site)
	noError(t, err)
	after, err := to.CheckAudit(t.Context(), site)
	noError(t, err)
	equal(t, "audit records", after, before+1)
	to.checked(t)
}

// TestRestoreIntoWhatIsThere keeps what has changed since.
func TestRestoreIntoWhatIsThere(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	c := n.busy(t)
	lines := n.exported(t)
	dimmer := "Not so bright any more"
	_, err := n.Edit(t.Context(), alice, site, c.shown, n.record(t, c.shown).Rev, lifecycle.Edit{Body: &dimmer})
	noError(t, err)
	_, err = n.PutRule(t.Context(), ada, site, rules.Rule{Name: "Long", Source: "length > 4000", Action: rules.ActionHold, Enabled: true})
	noError(t, err)
	changed := n.exported(t)
	equal(t, "restored", n.restored(t, lines), lifecycle.Imported{Skipped: len(lines), Reasons: []lifecycle.Rejected{}})
	same(t, "the export", n.exported(t), changed)
}

// TestRestoreRefuses leaves out lines that cannot be used, and takes the others.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	from := newNode(t)
	from.busy(t)
	lines := from.exported(t)
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, `{"table":"contents"`) })
	good := lines[i]
	bad := map[string]string{ // by what is said
		"not a line of an export":       good[:len(good)/2],
		"table: \"poems\" is not known": strings.Replace(good, `"contents"`, `"poems"`, 1),
		"table: \"leases\" is not":      strings.Replace(good, `"contents"`, `"leases"`, 1),
		"doc: not extended JSON":        `{"table":"contents","key":"a","doc":[1]}`,
		"doc: not a document of its":    strings.Replace(good, `"rev":`, `"rev":{},"old":`, 1),
		"doc: belongs to the site":      strings.Replace(good, `"site":"`+site+`"`, `"site":"elsewhere"`, 1),
	}
	to := empty(t)
	im, err := to.Import(t.Context(), site, content.Pending)
	noError(t, err)
	var told []lifecycle.Rejected
	im.Report = func(r lifecycle.Rejected) { told = append(told, r) }
	for says, line := range bad {
		noError(t, im.Restore(t.Context(), []byte(line), "bad", 7))
		if last := told[len(told)-1]; !strings.Contains(last.Reason, says) || last.File != "bad" || last.Line != 7 {
			t.Errorf("said %+v, want %q in it", last, says)
		}
	}
	take(t, im, lines)
	done, err := im.Close(t.Context())
	noError(t, err)
	equal(t, "done", fmt.Sprint(done.Added, done.Skipped, done.Rejected), fmt.Sprint(len(lines), 0, len(bad)))
	same(t, "the export", to.exported(t), lines)
}

// TestRestoreBrokenOff ends a restore after each table, in order or not, and does
// it again.
func TestRestoreBrokenOff(t *testing.T) {
	t.Parallel()
	from := newNode(t)
	from.busy(t)
	lines := from.exported(t)
	table := func(i int) string {
		name, _, _ := strings.Cut(lines[i], `","`)
		return name
	}
	for cut := 1; cut < len(lines); cut++ {
		if table(cut-1) == table(cut) {
			continue
		}
		for _, crash := range []bool{false, true} {
			t.Run(fmt.Sprintf("before line %d of %d, crash %t", cut+1, len(lines), crash), func(t *testing.T) {
				t.Parallel()
				to := empty(t)
				to.clock.at.Store(from.clock.at.Load())
				im, err := to.Import(t.Context(), site, content.Pending)
				noError(t, err)
				take(t, im, lines[:cut])
				if crash {
					to.sweepAll(t)
				} else {
					_, err := im.Close(t.Context())
					noError(t, err)
				}
				to.restored(t, lines)
				same(t, "the export", to.exported(t), lines)
				same(t, "what is seen", strings.Split(to.seen(t), "\n"), strings.Split(from.seen(t), "\n"))
			})
		}
	}
}

// sweepAll lets the sweeper look at everything that was written.
func (n *node) sweepAll(t *testing.T) {
	t.Helper()
	n.clock.advance(time.Hour)
	noError(t, n.Sweep(t.Context()))
	n.clock.advance(-time.Hour)
}

// TestRestoreWhileSweeping lets the sweeper look all through a restore of more
// than is written at once: it must find the history of what it settles.
func TestRestoreWhileSweeping(t *testing.T) {
	t.Parallel()
	from := newNode(t)
	im, err := from.Import(t.Context(), site, content.Pending)
	noError(t, err)
	const rows = 1100
	for i := range rows {
		row, err := lifecycle.ParseImportRow(fmt.Appendf(nil, `{"product":"lamp","rating":%d,"body":"Bright number %d"}`, 1+i%5, i), 0)
		noError(t, err)
		noError(t, im.Add(t.Context(), row, "rows", i+1))
	}
	_, err = im.Close(t.Context())
	noError(t, err)
	page, err := from.Queue(t.Context(), mod, site, moderation.Filter{}, lifecycle.Paging{Limit: 100})
	noError(t, err)
	for _, it := range slices.Backward(page.Items) {
		from.clock.advance(time.Minute)
		from.decide(t, it.Content.ID, moderation.ActionApprove, 1)
	}
	lines := from.exported(t)
	to := empty(t)
	to.clock.at.Store(from.clock.at.Load())
	im, err = to.Import(t.Context(), site, content.Pending)
	noError(t, err)
	for len(lines) > 0 {
		part := lines[:min(len(lines), 300)]
		take(t, im, part)
		to.sweepAll(t)
		lines = lines[len(part):]
	}
	_, err = im.Close(t.Context())
	noError(t, err)
	_, err = to.CheckAudit(t.Context(), site)
	noError(t, err)
	same(t, "the export", to.exported(t), from.exported(t))
}

// TestRestoreBesideTheFiles puts stored files in place first: the sweeper must
// not take them for left over before what refers to them is there.
func TestRestoreBesideTheFiles(t *testing.T) {
	t.Parallel()
	from := newNode(t)
	id := from.photo(t, alice, 1)
	done, err := from.Submit(t.Context(), alice, with("Good light", id))
	noError(t, err)
	from.decide(t, done.ID, moderation.ActionApprove, 1)
	lines := from.exported(t)
	c := newClock()
	c.at.Store(time.Now().Add(48 * time.Hour).UnixMilli()) // the files are old
	to := nodeWith(t, &node{store: openStore(t), clock: c, files: from.files})
	noError(t, to.Ledger.Products.Delete(t.Context(), ledger.Key(site, lamp.ID)))
	noError(t, to.SweepMedia(t.Context()))
	to.restored(t, lines)
	c.advance(25 * time.Hour)
	noError(t, to.SweepMedia(t.Context()))
	to.checked(t)
	equal(t, "the photo", to.reach(t, content.Actor{}, id, "thumb", lifecycle.Access{}), true)
}
