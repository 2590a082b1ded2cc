package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/rules"
)

type queuePage = page[lifecycle.Waiting]

func (s *shop) queue(query string) queuePage {
	s.t.Helper()
	return as[queuePage](s.get("moderator", "/moderation/queue"+query).want(http.StatusOK))
}

// waitingIDs lists the ids of a page of the queue.
func waitingIDs(p queuePage) []string {
	out := make([]string, len(p.Items))
	for i, w := range p.Items {
		out[i] = w.Content.ID
	}
	return out
}

func TestTheQueueIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	s := open(t)
	var ids []string
	for i := range 5 {
		ids = append(ids, s.submit("alice", "/products/kettle/questions", fields{"body": fmt.Sprintf("Question about part number %d of it", i)}).ID)
	}
	review := s.submit("bob", "/products/pan/reviews", fields{"rating": 2, "body": "Çok ağır, ama iyi pişiriyor."})
	phone := s.submit("carol", "/boards/lounge/topics", fields{"title": "Selling", "body": "Ring me on +44 20 7946 0018 after six."})
	for query, want := range map[string][]string{
		"?kind=review":                           {review.ID},
		"?kind=review,topic&language=tr":         {review.ID},
		"?product=pan":                           {review.ID},
		"?board=lounge":                          {phone.ID},
		"?author=carol":                          {phone.ID},
		"?reason=phone":                          {phone.ID},
		"?reported=true":                         {},
		"?label=nothing":                         {},
		"?min_age=1h":                            {},
		"?language=xx":                           {},
		"?max_age=1h&kind=question&author=alice": ids,
	} {
		got := waitingIDs(s.queue(query))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s lists %v, want %v", query, got, want)
		}
	}
	if first := s.queue("?limit=1"); first.Items[0].Content.ID != phone.ID || !slices.Contains(first.Items[0].Signals, "phone") || first.Total != 7 {
		t.Errorf("the most urgent is %+v of %d", first.Items[0], first.Total)
	}
	// Paging goes on in the order of the first page while items come and go.
	p := s.queue("?limit=2")
	seen := waitingIDs(p)
	decided, err := s.svc.Queue(t.Context(), content.Actor{ID: "x", Role: content.Moderator}, site, moderation.Filter{}, lifecycle.Paging{Limit: 7})
	if err != nil {
		t.Fatal(err)
	}
	gone := decided.Items[4].Content
	s.decide("moderator", gone, "approve")
	late := s.submit("dave", "/products/kettle/questions", fields{"body": "Ring me on +44 20 7946 0019 please."})
	for p.Next != nil {
		p = s.queue("?limit=2&cursor=" + *p.Next)
		seen = append(seen, waitingIDs(p)...)
	}
	if slices.Contains(seen, late.ID) || slices.Contains(seen, gone.ID) || len(seen) != 6 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 6 {
		t.Errorf("paged through %v; %s came late and %s was decided", seen, late.ID, gone.ID)
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.review("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	claim := func(as, method string) *answer { return s.do(as, method, "/moderation/items/"+c.ID+"/claim", nil) }
	first := as[lifecycle.Claim](claim("moderator", http.MethodPost).want(http.StatusOK))
	if first.By != "mira" {
		t.Errorf("claimed: %+v", first)
	}
	if p := claim("omar", http.MethodPost).problem(http.StatusConflict, "claimed"); p.By != "mira" {
		t.Errorf("claimed twice: %+v", p)
	}
	s.clock.advance(time.Minute)
	if longer := as[lifecycle.Claim](claim("moderator", http.MethodPost).want(http.StatusOK)); !longer.Until.After(first.Until) {
		t.Errorf("prolonged: %+v, was %+v", longer, first)
	}
	if p := s.decision("omar", c, "approve").problem(http.StatusConflict, "claimed"); p.By != "mira" {
		t.Errorf("decided in spite of the claim: %+v", p)
	}
	if w := s.queue(""); w.Items[0].Claim == nil || w.Items[0].Claim.By != "mira" {
		t.Errorf("the queue shows %+v", w.Items[0])
	}
	claim("omar", http.MethodDelete).want(http.StatusNoContent) // not his: changes nothing
	claim("omar", http.MethodPost).problem(http.StatusConflict, "claimed")
	claim("moderator", http.MethodDelete).want(http.StatusNoContent)
	claim("omar", http.MethodPost).want(http.StatusOK)
	// A claim ends by itself, and with the decision.
	s.clock.advance(11 * time.Minute)
	claim("moderator", http.MethodPost).want(http.StatusOK)
	c = s.decide("moderator", c, "approve")
	claim("omar", http.MethodPost).want(http.StatusOK)
	s.do("moderator", http.MethodPost, "/moderation/items/never/claim", nil).problem(http.StatusNotFound, "not_found")
}

func TestManyDecisionsAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	var items []fields
	var good []string
	for i := range 3 {
		c := s.submit("alice", "/products/kettle/questions", fields{"body": fmt.Sprint("Question number ", i)})
		items, good = append(items, fields{"id": c.ID, "rev": c.Rev}), append(good, c.ID)
	}
	stale := s.published("bob", "kettle", 4, "Decided already.")
	own := s.submit("moderator", "/products/kettle/questions", fields{"body": "My own"})
	claimed := s.submit("carol", "/products/kettle/questions", fields{"body": "Somebody looks at it"})
	s.do("omar", http.MethodPost, "/moderation/items/"+claimed.ID+"/claim", nil).want(http.StatusOK)
	items = append(
		items, fields{"id": stale.ID, "rev": 1}, fields{"id": own.ID, "rev": 1}, fields{"id": claimed.ID, "rev": 1},
		fields{"id": "never", "rev": 1}, fields{"id": stale.ID, "rev": stale.Rev},
	)
	type result struct {
		ID      string
		Content *content.Private
		Problem *api.Problem
	}
	out := as[struct {
		Done, Failed int
		Results      []result
	}](s.do("moderator", http.MethodPost, "/moderation/decisions", fields{"action": "approve", "items": items}).want(http.StatusOK))
	want := []string{"", "", "", "conflict", "own_content", "claimed", "not_found", "transition"}
	if out.Done != 3 || out.Failed != 5 || len(out.Results) != len(want) {
		t.Fatalf("%d were done, %d failed, %d are told", out.Done, out.Failed, len(out.Results))
	}
	for i, r := range out.Results {
		switch {
		case r.ID != items[i]["id"]:
			t.Errorf("result %d is that of %s", i, r.ID)
		case want[i] == "" && (r.Problem != nil || r.Content == nil || r.Content.State != content.Approved):
			t.Errorf("result %d is %+v", i, r)
		case want[i] != "" && (r.Problem == nil || r.Problem.Code != want[i] || r.Content != nil):
			t.Errorf("result %d is %+v, want %s", i, r.Problem, want[i])
		}
	}
	for _, id := range good {
		s.public(id)
	}
	// The same content twice is decided about once.
	twice := s.submit("dave", "/products/kettle/questions", fields{"body": "Twice in one request"})
	both := slices.Repeat([]fields{{"id": twice.ID, "rev": 1}}, 2)
	if out := as[struct{ Done, Failed int }](s.do("moderator", http.MethodPost, "/moderation/decisions", fields{"action": "approve", "items": both}).want(http.StatusOK)); out.Done != 1 || out.Failed != 1 {
		t.Errorf("named twice: %+v", out)
	}
	s.unchanged(func() {
		for _, bad := range []fields{
			{"action": "approve", "items": []fields{}},
			{"action": "approve", "items": slices.Repeat([]fields{items[0]}, 501)},
			{"action": "reject", "items": items},
			{"action": "erase", "items": items},
			{"action": "reject", "reasons": []string{"because"}, "items": items},
		} {
			s.do("moderator", http.MethodPost, "/moderation/decisions", bad).problem(http.StatusUnprocessableEntity, "invalid")
		}
	})
	// They can be taken back alike.
	back := as[struct{ Done, Failed int }](s.do("moderator", http.MethodPost, "/moderation/decisions/undo", fields{"items": []fields{
		{"id": good[0], "rev": 2}, {"id": good[1], "rev": 2}, {"id": good[2], "rev": 1},
	}}).want(http.StatusOK))
	if back.Done != 2 || back.Failed != 1 {
		t.Errorf("taken back: %+v", back)
	}
	s.get("guest", "/contents/"+good[0]).problem(http.StatusNotFound, "not_found")
	s.public(good[2])
}

func TestTakingADecisionBack(t *testing.T) {
	t.Parallel()
	s := open(t)
	undo := func(as string, c content.Private) *answer {
		return s.do(as, http.MethodPost, "/moderation/items/"+c.ID+"/undo", fields{"rev": c.Rev})
	}
	c := s.published("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	undo("omar", c).problem(http.StatusForbidden, "forbidden")
	back := asPrivate(undo("moderator", c).want(http.StatusOK))
	if back.State != content.Pending || back.Shown || back.PublishedAt != nil {
		t.Errorf("taken back: %+v", back)
	}
	s.sameAsNever(c.ID)
	if s.found("green") != 0 {
		t.Error("it is found still")
	}
	undo("moderator", back).problem(http.StatusConflict, "transition")
	undo("moderator", c).problem(http.StatusConflict, "conflict")
	c = s.decide("moderator", back, "reject", "url")
	s.clock.advance(16 * time.Minute)
	undo("moderator", c).problem(http.StatusConflict, "too_late")
	c = s.decide("moderator", c, "approve")
	if back := asPrivate(undo("admin", c).want(http.StatusOK)); back.State != content.Rejected || !slices.Equal(back.Reasons, []string{"url"}) {
		t.Errorf("taken back by an administrator: %+v", back)
	}
}

func TestAppeals(t *testing.T) {
	t.Parallel()
	s := open(t)
	appeal := func(as string, c content.Private, text string) *answer {
		return s.do(as, http.MethodPost, "/contents/"+c.ID+"/appeal", fields{"text": text})
	}
	const why = "The link leads to the maker's own manual."
	waiting := s.submit("alice", "/products/kettle/questions", fields{"body": "It waits still."})
	c := s.decide("moderator", s.review("alice", "kettle", 5, "See the manual."), "reject", "url")
	s.unchanged(func() {
		appeal("alice", waiting, why).problem(http.StatusConflict, "transition")
		p := appeal("alice", c, "No!").problem(http.StatusUnprocessableEntity, "invalid")
		if p.Errors[0].Field != "text" || p.Errors[0].Code != "too_short" {
			t.Errorf("a short appeal: %+v", p)
		}
	})
	c = asPrivate(appeal("alice", c, why).want(http.StatusCreated))
	if c.Statement == nil || c.Statement.Appeal != "open" {
		t.Errorf("appealed: %+v", c.Statement)
	}
	appeal("alice", c, why).problem(http.StatusConflict, "transition") // once
	if list := s.queue("?label=appeal"); len(list.Items) != 1 || !list.Items[0].Appeal {
		t.Errorf("the queue: %+v", list)
	}
	s.decision("moderator", c, "approve").problem(http.StatusForbidden, "somebody_else")
	now := s.decide("omar", c, "approve")
	if !now.Shown {
		t.Errorf("granted: %+v", now)
	}
	if item := as[lifecycle.Case](s.get("omar", "/moderation/items/"+c.ID)); item.Appeal == nil || item.Appeal.Outcome != "granted" {
		t.Errorf("the case: %+v", item.Appeal)
	}
}

func TestPassingOnAndNotes(t *testing.T) {
	t.Parallel()
	s := open(t)
	plain := s.review("bob", "pan", 5, "Waits a little longer than the other one.")
	c := s.review("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	pass := func(as, kind string, rev int64) *answer {
		return s.do(as, http.MethodPost, "/moderation/items/"+c.ID+"/escalation", fields{"kind": kind, "note": "Not sure", "rev": rev})
	}
	s.unchanged(func() {
		pass("moderator", "somewhere", 1).problem(http.StatusUnprocessableEntity, "invalid")
		pass("moderator", "escalation", 7).problem(http.StatusConflict, "conflict")
	})
	c = asPrivate(pass("moderator", "second_opinion", 1).want(http.StatusOK))
	s.decision("moderator", c, "approve").problem(http.StatusForbidden, "somebody_else")
	if list := s.queue(""); list.Items[0].Content.ID != c.ID || list.Items[0].Passed != "second_opinion" || list.Items[1].Content.ID != plain.ID {
		t.Errorf("the queue: %v", waitingIDs(list))
	}
	c = asPrivate(pass("omar", "escalation", c.Rev).want(http.StatusOK))
	s.decision("omar", c, "approve").problem(http.StatusForbidden, "somebody_else")
	note := as[ledger.Note](s.do("omar", http.MethodPost, "/moderation/items/"+c.ID+"/notes", fields{"text": " Ask the shop. "}).want(http.StatusCreated))
	if note.By != "omar" || note.Text != "Ask the shop." {
		t.Errorf("noted: %+v", note)
	}
	item := as[lifecycle.Case](s.get("moderator", "/moderation/items/"+c.ID).want(http.StatusOK))
	if len(item.Notes) != 1 || item.Escalation == nil || item.Escalation.By != "omar" {
		t.Errorf("the case: %+v %+v", item.Notes, item.Escalation)
	}
	if a := s.get("alice", "/contents/"+c.ID).want(http.StatusOK); strings.Contains(string(a.body), "Ask the shop") || strings.Contains(string(a.body), "Not sure") {
		t.Errorf("the author reads %s", a.body)
	}
	s.decide("admin", c, "approve")
}

func TestNoticesOfIllegalContent(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.published("alice", "kettle", 5, "A page of somebody's book.")
	send := func(change fields) *answer {
		body := fields{"explanation": "It copies a whole page of my book.", "name": "Ada Lind", "email": "ada@example.com", "good_faith": true}
		for k, v := range change {
			body[k] = v
		}
		return s.do("guest", http.MethodPost, "/contents/"+c.ID+"/notices", body)
	}
	s.unchanged(func() {
		for _, change := range []fields{{"explanation": "Short"}, {"good_faith": false}, {"name": ""}, {"email": "nobody"}} {
			p := send(change).problem(http.StatusUnprocessableEntity, "invalid")
			if len(p.Errors) != 1 {
				t.Errorf("%v: %+v", change, p)
			}
		}
	})
	a := send(nil).want(http.StatusCreated)
	receipt := as[lifecycle.Receipt](a)
	where := strings.TrimPrefix(a.header.Get("Location"), under(""))
	if got := as[lifecycle.Receipt](s.get("guest", where).want(http.StatusOK)); got.ID != receipt.ID || got.Outcome != "open" {
		t.Errorf("the receipt: %+v", got)
	}
	if list := s.queue("?reported=true"); len(list.Items) != 1 {
		t.Errorf("%d contents are back in the queue", len(list.Items))
	}
	item := as[lifecycle.Case](s.get("moderator", "/moderation/items/"+c.ID).want(http.StatusOK))
	s.decide("moderator", item.Content, "remove", "off_topic")
	if got := as[lifecycle.Receipt](s.get("guest", where).want(http.StatusOK)); got.Outcome != "upheld" {
		t.Errorf("the receipt after the removal: %+v", got)
	}
	s.get("guest", "/notices/never").problem(http.StatusNotFound, "not_found")
	s.send(s.request("guest", http.MethodGet, "/v1/sites/"+other+where, nil)).problem(http.StatusNotFound, "not_found")
}

func TestTheDeskSearchesEverything(t *testing.T) {
	t.Parallel()
	s := open(t)
	pending := s.review("alice", "kettle", 5, "The wombat waits.")
	rejected := s.decide("moderator", s.review("bob", "kettle", 2, "The wombat was turned down."), "reject", "off_topic")
	s.published("carol", "kettle", 3, "The wombat is public.")
	for query, want := range map[string]int{
		"q=wombat": 3, "q=wombat&state=pending": 1, "q=wombat&state=rejected,approved": 2, "q=wombat&rating=5,2": 2, "q=nothing": 0,
		"q=state:rejected+wombat": 1,
	} {
		if got := as[page[any]](s.get("moderator", "/moderation/search?"+query).want(http.StatusOK)).Total; got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
	found := as[page[struct{ Content content.Private }]](s.get("moderator", "/moderation/search?q=wombat&state=pending&explain=true"))
	if len(found.Items) != 1 || found.Items[0].Content.ID != pending.ID || found.Items[0].Content.AuthorID != "alice" {
		t.Errorf("found: %+v", found)
	}
	for _, query := range []string{"q=wombat&state=lost", "state=pending", "q=wombat&cursor=xx", "q=colour:blue"} {
		if a := s.get("moderator", "/moderation/search?"+query); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	person := as[lifecycle.Person](s.get("moderator", "/moderation/authors/bob").want(http.StatusOK))
	if person.Name != "Bob" || person.History.Rejected != 1 || len(person.Contents.Items) != 1 || person.Contents.Items[0].ID != rejected.ID {
		t.Errorf("the author: %+v", person)
	}
	s.get("moderator", "/moderation/authors/nobody").problem(http.StatusNotFound, "not_found")
}

func TestFiguresAndAudit(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.published("alice", "kettle", 5, "Good.")
	s.decide("moderator", s.review("bob", "kettle", 1, "Bad."), "reject", "off_topic")
	s.review("carol", "kettle", 3, "Waits.")
	stats := as[lifecycle.Stats](s.get("moderator", "/moderation/stats").want(http.StatusOK))
	if stats.Waiting != 1 || stats.Kinds["review"] != 1 || stats.Actions["approve"] != 1 || stats.Actions["submit"] != 3 {
		t.Errorf("stats: %+v", stats)
	}
	figures := as[lifecycle.Figures](s.get("moderator", "/moderation/figures?days=2").want(http.StatusOK))
	if figures.Decisions != 2 || figures.Rejected.Count != 1 || len(figures.PerDay) != 2 || figures.PerDay[1].Approved != 1 {
		t.Errorf("figures: %+v", figures)
	}
	for _, days := range []string{"0", "367", "x"} {
		if a := s.get("moderator", "/moderation/figures?days="+days); a.status != http.StatusBadRequest && a.status != http.StatusUnprocessableEntity {
			t.Errorf("figures of %s days: %d", days, a.status)
		}
	}
	links := strings.Split(strings.TrimSpace(string(s.get("moderator", "/moderation/audit/export").want(http.StatusOK).body)), "\n")
	if len(links) != 5 {
		t.Errorf("the chain has %d links", len(links))
	}
	table := strings.Split(strings.TrimSpace(string(s.get("moderator", "/moderation/audit/export?format=csv").want(http.StatusOK).body)), "\n")
	if len(table) != 6 || !strings.HasPrefix(table[0], "seq,site,") {
		t.Errorf("the chain as a table has %d lines, the first is %s", len(table), table[0])
	}
	s.get("moderator", "/moderation/audit/export?format=pdf").problem(http.StatusBadRequest, "invalid_parameter")
	// Pages of the audit join up.
	var ids []string
	for cursor := ""; ; {
		p := as[page[ledger.Event]](s.get("moderator", "/moderation/audit?limit=2"+cursor).want(http.StatusOK))
		for _, e := range p.Items {
			ids = append(ids, e.ID)
		}
		if p.Next == nil {
			break
		}
		cursor = "&cursor=" + *p.Next
	}
	if len(ids) != 5 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 5 {
		t.Errorf("paged through the audit: %v", ids)
	}
}

func TestRulesAndPolicies(t *testing.T) {
	t.Parallel()
	s := open(t)
	rule := fields{"name": "Wombats", "source": `body contains "wombat"`, "action": "label", "argument": "wombat", "enabled": true}
	with := func(change fields) fields {
		out := fields{}
		for _, m := range []fields{rule, change} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	s.unchanged(func() {
		for _, change := range []fields{{"source": "body contains"}, {"source": ""}, {"action": "explode"}, {"argument": ""}} {
			for method, path := range map[string]string{http.MethodPost: "/moderation/rules"} {
				p := s.do("admin", method, path, with(change)).problem(http.StatusUnprocessableEntity, "invalid")
				if len(p.Errors) != 1 {
					t.Errorf("%v: %+v", change, p)
				}
			}
		}
		s.do("admin", http.MethodPut, "/moderation/rules/never", rule).problem(http.StatusNotFound, "not_found")
		s.do("admin", http.MethodDelete, "/moderation/rules/never", nil).problem(http.StatusNotFound, "not_found")
	})
	made := as[rules.Rule](s.do("admin", http.MethodPost, "/moderation/rules", rule).want(http.StatusCreated))
	s.review("alice", "kettle", 5, "A wombat makes tea.")
	if list := s.queue("?label=wombat"); len(list.Items) != 1 {
		t.Errorf("the rule labelled %d contents", len(list.Items))
	}
	test := as[rules.Report](s.do("moderator", http.MethodPost, "/moderation/rules/backtest", rule).want(http.StatusOK))
	if test.Failures != 0 {
		t.Errorf("tried out: %+v", test)
	}
	changed := as[rules.Rule](s.do("admin", http.MethodPut, "/moderation/rules/"+made.ID, with(fields{"enabled": false})).want(http.StatusOK))
	if changed.Version != 2 || changed.Enabled {
		t.Errorf("changed: %+v", changed)
	}
	s.review("bob", "kettle", 5, "Another wombat makes tea.")
	if list := s.queue("?label=wombat"); len(list.Items) != 1 {
		t.Errorf("switched off, the rule labelled %d contents", len(list.Items)-1)
	}
	s.do("admin", http.MethodDelete, "/moderation/rules/"+made.ID, nil).want(http.StatusNoContent)
	if list := as[lifecycle.RuleView](s.get("moderator", "/moderation/rules").want(http.StatusOK)); len(list.Rules) != 0 || list.Rev != 3 {
		t.Errorf("the rules: %+v", list)
	}

	a := s.get("moderator", "/moderation/policies").want(http.StatusOK)
	if got := as[lifecycle.PolicyView](a); a.header.Get("ETag") != `"0"` || len(got.Kinds) != 6 {
		t.Errorf("the policies: %s", a.body)
	}
	put := func(body fields, rev string) *answer {
		return s.do("admin", http.MethodPut, "/moderation/policies", body, header{"If-Match", rev})
	}
	s.unchanged(func() {
		put(fields{"kinds": fields{"rumour": fields{}}}, `"0"`).problem(http.StatusUnprocessableEntity, "invalid")
		put(fields{"kinds": fields{"review": fields{"mode": "publish all"}}}, `"0"`).problem(http.StatusUnprocessableEntity, "invalid")
		put(fields{"kinds": fields{"review": fields{"stars": 4}}}, `"0"`).problem(http.StatusUnprocessableEntity, "invalid")
		put(fields{"kinds": fields{}}, `"4"`).problem(http.StatusPreconditionFailed, "precondition_failed")
	})
	if a := put(fields{"kinds": fields{"question": fields{"mode": "first", "first": 2}}}, `"0"`).want(http.StatusOK); a.header.Get("ETag") != `"1"` {
		t.Errorf("changed: %s %s", a.header.Get("ETag"), a.body)
	}
	put(fields{"kinds": fields{}}, `"0"`).problem(http.StatusPreconditionFailed, "precondition_failed")
}
