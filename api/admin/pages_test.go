package admin_test

import (
	"fmt"
	"image"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/candor-ugc/candor/api/admin"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media/mediatest"
)

// hostile are texts that would run or break out where a page trusted them.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg/onload=alert(1)>`, `</textarea><script>alert(1)</script>`,
	`</title><script>alert(1)</script>`, `javascript:alert(1)`, `{{.CSRF}} ${alert(1)} {{constructor.constructor('alert(1)')()}}`,
	`<mark>x</mark><iframe srcdoc="<script>alert(1)</script>">`, `<a href="javascript:alert(1)">x</a>`, `-->]]><!--<img src=x onerror=alert(1)>`,
	`<style>*{display:none}</style>`, `<base href="https://evil.example/">`, `<form action="https://evil.example/"><input name=csrf>`,
	`<details open ontoggle=alert(1)>`, "<img src=`x` onerror=alert(1)>",
}

// poison fills a site with hostile texts in every field, and gives the ids.
func (s *shop) poison() []string {
	s.t.Helper()
	admin := content.Actor{ID: "ada", Role: content.Admin}
	ids := make([]string, len(hostile))
	small := mediatest.JPEG(s.t, image.NewGray(image.Rect(0, 0, 16, 12)), 75)
	for i, bad := range hostile {
		product := content.Product{Site: site, ID: fmt.Sprintf("bad%d", i), Name: bad, Brand: bad, Description: bad}
		if _, err := s.svc.PutProduct(s.t.Context(), admin, product); err != nil {
			s.t.Fatal(err)
		}
		name := bad
		if len(name) > content.MaxName {
			name = name[:content.MaxName]
		}
		who := content.Actor{ID: bad, Name: name, Role: content.Shopper}
		done, err := s.svc.Submit(s.t.Context(), who, lifecycle.Submission{
			Site: site, Kind: content.Review, Subject: content.ProductOf(product.ID),
			Text: content.Version{
				Title: bad, Body: bad + " phone +1 202 555 0143 " + bad, Rating: 1, Attributes: map[string]string{"size": bad},
				Media: []content.Media{{ID: s.upload(bad, small), Caption: bad, Alt: bad}},
			},
		})
		if err != nil {
			s.t.Fatal(err)
		}
		ids[i] = done.ID
		if _, err := s.svc.AddNote(s.t.Context(), admin, site, done.ID, bad); err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.svc.PassOn(s.t.Context(), content.Actor{ID: "omar", Role: content.Moderator}, site, done.ID, "second_opinion", bad, 1); err != nil {
			s.t.Fatal(err)
		}
	}
	return ids
}

// pagesOf are the addresses of every page that shows what people wrote.
func pagesOf(ids []string) []string {
	out := []string{
		"/queue", "/search", "/search?q=phone", "/audit", "/statistics", "/rules", "/settings", "/password",
		"/queue?product=" + url.QueryEscape(hostile[0]) + "&author=" + url.QueryEscape(hostile[1]) + "&cluster=" + url.QueryEscape(hostile[2]),
		"/search?q=" + url.QueryEscape(hostile[1]), "/search?q=" + url.QueryEscape(`"`+hostile[0]),
		"/sign-in?next=" + url.QueryEscape(hostile[1]), "/nothing/here",
	}
	for i, id := range ids {
		out = append(out, "/items/"+id, "/author?id="+url.QueryEscape(hostile[i]))
	}
	return out
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	s := open(t)
	ids := s.poison()
	ada := s.signedIn("ada")
	for _, path := range pagesOf(ids) {
		r := ada.get(path)
		if r.status >= 500 {
			t.Errorf("%s: %d", path, r.status)
		}
		policy := r.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for _, problem := range inspect(t, r.body) {
			t.Errorf("%s: %s", path, problem)
		}
	}
}

// inspect finds what only hostile markup could have put into a page.
func inspect(t *testing.T, page string) (problems []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "iframe", "style", "base", "object", "embed":
			problems = append(problems, "has a <"+n.Data+">")
		case "script":
			if n.FirstChild != nil {
				problems = append(problems, "has a script in the page")
			}
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.TrimSpace(a.Val))
			switch {
			case n.Data == "img" && a.Key == "src" && strings.HasPrefix(a.Val, "data:image/png;base64,"):
				// a placeholder
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
				problems = append(problems, fmt.Sprintf("<%s %s=%q>", n.Data, a.Key, a.Val))
			case (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") &&
				!strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "#") && value != "" && value != "https://shop.example/kettle":
				problems = append(problems, fmt.Sprintf("<%s %s=%q> leads away", n.Data, a.Key, a.Val))
			}
		}
	}
	return problems
}

func TestEveryPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	s := open(t)
	ids := s.decided()
	ada := s.signedIn("ada")
	for _, language := range []string{"en", "tr", "fa", "hi", "nb", "fil"} {
		if r := ada.send("/preferences", url.Values{"language": {language}, "theme": {"dark"}, "density": {"dense"}}); r.status != http.StatusSeeOther {
			t.Fatalf("choose %s: %d", language, r.status)
		}
		for _, path := range []string{"/queue", "/search?q=kettle", "/audit", "/statistics", "/rules", "/settings", "/password", "/items/" + ids[2], "/nothing", "/author?id=alice"} {
			r := ada.get(path)
			want := http.StatusOK
			if path == "/nothing" {
				want = http.StatusNotFound
			}
			if r.status != want {
				t.Errorf("%s in %s: %d", path, language, r.status)
			}
			if !strings.Contains(r.body, `<html lang="`+language+`"`) || !strings.Contains(r.body, `data-theme="dark" data-density="dense"`) {
				t.Errorf("%s in %s: %s", path, language, between(r.body, "<html", ">"))
			}
			if (language == "fa") != strings.Contains(r.body, `dir="rtl" data-theme`) {
				t.Errorf("%s in %s: wrong direction", path, language)
			}
			if key := rawKey(r.body); key != "" {
				t.Errorf("%s in %s shows the key %q", path, language, key)
			}
		}
	}
	b := s.stranger()
	req := b.request(http.MethodGet, "/sign-in", nil)
	req.Header.Set("Accept-Language", "de;q=0.9, no, en;q=0.1")
	if r := b.do(req); !strings.Contains(r.body, `lang="nb"`) {
		t.Errorf("Norwegian was asked for: %s", between(r.body, "<html", ">"))
	}
}

// rawKey finds a key of the texts that was shown in place of its text.
func rawKey(page string) string {
	for _, prefix := range []string{"action.", "state.", "kind.", "filters.", "statistics.", "settings.", "rules.", "error.", "author.", "item.", "did.", "medium.", "diff."} {
		if _, rest, found := strings.Cut(page, ">"+prefix); found {
			return prefix + between(rest, "", "<")
		}
	}
	return ""
}

// decided makes a site that something has happened on, and gives three reviews:
// one by alice that is approved and reported, one rejected, and one approved
// whose edit waits.
func (s *shop) decided() []string {
	s.t.Helper()
	ctx, mira := s.t.Context(), content.Actor{ID: "mira", Name: "Mira", Role: content.Moderator}
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	first := s.review("alice", "Good kettle", "It boils a litre in three minutes and pours well.", 5)
	second := s.review("bob", "Call me", "Same kettle cheaper, call +1 202 555 0143 now.", 5)
	third := s.review("carol", "Warm handle", "The handle gets warm after some minutes. The lid closes well.", 3)
	approve := lifecycle.Decision{Action: "approve", Rev: 1}
	_, err := s.svc.Decide(ctx, mira, site, first, approve)
	must(err)
	_, err = s.svc.Decide(ctx, mira, site, second, lifecycle.Decision{Action: "reject", Reasons: []string{"personal_data"}, Rev: 1, Note: "number"})
	must(err)
	_, err = s.svc.Decide(ctx, mira, site, third, approve)
	must(err)
	body := "The handle gets hot after some minutes. The lid closes well."
	_, err = s.svc.Edit(ctx, content.Actor{ID: "carol", Name: "carol", Role: content.Shopper}, site, third, 2, lifecycle.Edit{Body: &body})
	must(err)
	_, err = s.svc.Report(ctx, content.Actor{ID: "dave", Name: "Dave", Role: content.Shopper}, site, first, "spam", "looks paid")
	must(err)
	_, err = s.svc.AddNote(ctx, mira, site, third, "Seen before.")
	must(err)
	return []string{first, second, third}
}

func TestWeight(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.reviews(30)
	if total := s.weight("/queue"); total > maxWeight {
		t.Errorf("the queue weighs %d bytes with all its files", total)
	}
}

// maxWeight is what the queue may weigh with all its files, in bytes.
const maxWeight = 100_000

// weight loads a page as a browser does that shows no pictures.
func (s *shop) weight(path string) (total int) {
	s.t.Helper()
	ada := s.signedIn("ada")
	page := ada.get(path)
	total = len(page.body)
	for _, address := range []string{between(page.body, `rel="stylesheet" href="`, `"`), between(page.body, `<script src="`, `"`), between(page.body, `rel="icon" href="`, `"`)} {
		r := ada.get(address)
		if r.status != http.StatusOK || !strings.Contains(r.header.Get("Cache-Control"), "immutable") {
			s.t.Errorf("%s: %d, %q", address, r.status, r.header.Get("Cache-Control"))
		}
		total += len(r.body)
	}
	return total
}

func TestItemWithoutScript(t *testing.T) {
	t.Parallel()
	s := open(t)
	ids := s.decided()
	mira := s.signedIn("mira")
	item := mira.get("/items/" + ids[2]).body
	for _, want := range []string{
		"<del>warm</del><ins>hot</ins>", "Seen before.", "Kettle", "An older version is public", "https://shop.example/kettle",
		`name="action" value="approve"`, `data-key="r"`,
	} {
		if !strings.Contains(item, want) {
			t.Errorf("the item lacks %q", want)
		}
	}
	evidence := mira.get("/items/" + ids[1]).body
	if !strings.Contains(evidence, `<mark class="high">&#43;1 202 555 0143</mark><sup class="ref" aria-hidden="true">1</sup>`) {
		t.Errorf("the phone number is not marked: %s", between(evidence, `<div class="body"`, `</div>`))
	}
	if !strings.Contains(mira.get("/items/"+ids[0]).body, "looks paid") {
		t.Error("the report is not shown")
	}
}

func TestOnlyTheDifferenceAfterARequest(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.review("alice", "Fine", "It boils fast. Call me for more about the lid.", 4)
	mira := s.signedIn("mira")
	if strings.Contains(mira.get("/items/"+id).body, "What the edit changes") {
		t.Error("a new text shows a difference")
	}
	mira.send("/items/"+id+"/decision", url.Values{"action": {"request_changes"}, "reason": {"personal_data"}, "rev": {"1"}})
	body := "It boils fast. Ask here for more about the lid."
	_, err := s.svc.Edit(t.Context(), content.Actor{ID: "alice", Name: "alice", Role: content.Shopper}, site, id, 2, lifecycle.Edit{Body: &body})
	if err != nil {
		t.Fatal(err)
	}
	// In the moment of the edit, and again once it is settled.
	for range 2 {
		if page := mira.get("/items/" + id).body; !strings.Contains(page, "<del>Call me</del><ins>Ask here</ins>") {
			t.Errorf("the difference is %s", between(page, `class="diff"`, "</div>"))
		}
		mira.get("/search?q=lid")
	}
}

func TestDecideWithoutScript(t *testing.T) {
	t.Parallel()
	s := open(t)
	ids := s.reviews(4)
	mira, omar := s.signedIn("mira"), s.signedIn("omar")

	r := mira.send("/items/"+ids[0]+"/decision", url.Values{"action": {"reject"}, "reason": {"off_topic"}, "author_language": {"tr"}, "rev": {"1"}, "next": {"/admin/shop/queue"}})
	if r.status != http.StatusSeeOther {
		t.Fatalf("reject: %d %s", r.status, r.body)
	}
	next := mira.get(r.header.Get("Location"))
	if !strings.Contains(next.body, "Done: Rejected.") || !strings.Contains(next.body, `name="item" value="`+ids[0]+`.2"`) {
		t.Fatalf("the next page does not offer to undo: %s", between(next.body, `class="flash`, "</div>"))
	}
	c, err := s.svc.Case(t.Context(), content.Actor{ID: "ada", Role: content.Admin}, site, ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if c.Content.Note == "" || len(c.Content.Reasons) != 1 {
		t.Errorf("the author is told %q, %v", c.Content.Note, c.Content.Reasons)
	}

	conflict := omar.send("/items/"+ids[0]+"/decision", url.Values{"action": {"approve"}, "message": {"typed at length"}, "rev": {"1"}})
	if conflict.status != http.StatusConflict || !strings.Contains(conflict.body, "Already decided by mira: Rejected.") || !strings.Contains(conflict.body, "typed at length") {
		t.Errorf("conflict: %d %s", conflict.status, between(conflict.body, `class="flash`, "</div>"))
	}
	if r := mira.send("/undo", url.Values{"item": {ids[0] + ".2"}}); r.status != http.StatusSeeOther || s.state(ids[0]) != content.Pending {
		t.Errorf("undo: %d, %s", r.status, s.state(ids[0]))
	}

	bulk := url.Values{"action": {"approve"}, "item": {ids[1] + ".1", ids[2] + ".1", ids[3] + ".1"}}
	r = mira.send("/decisions", bulk)
	if page := mira.get(r.header.Get("Location")).body; !strings.Contains(page, "Done for 3: Approved.") {
		t.Errorf("bulk: %d %s", r.status, between(page, `class="flash`, "</div>"))
	}
	undo := url.Values{"item": {ids[1] + ".2", ids[2] + ".2", ids[3] + ".2"}}
	mira.send("/undo", undo)
	for _, id := range ids {
		if got := s.state(id); got != content.Pending {
			t.Errorf("%s after undo: %s", id, got)
		}
	}
	for name, form := range map[string]url.Values{
		"nothing chosen": {"action": {"approve"}}, "no reason": {"action": {"reject"}, "item": {ids[1] + ".3"}}, "malformed": {"action": {"approve"}, "item": {"x"}},
	} {
		if r := mira.send("/decisions", form); r.status < 400 || r.status >= 500 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.review("alice", "Good", "The kettle boils a litre in three minutes.", 5)
	s.review("bob", "Call", "Cheaper elsewhere, call +1 202 555 0143 today.", 5)
	s.review("nasrin", "خوب", "این کتری آب را خیلی زود جوش می‌آورد و صدایی هم ندارد.", 4)
	mira := s.signedIn("mira")
	for query, want := range map[string]int{
		"": 3, "language=fa": 1, "reason=phone": 1, "author=alice": 1, "kind=question": 0, "product=kettle": 3, "product=pan": 0,
		"age=24h": 0, "reported=1": 0, "appeals=1": 0, "escalated=1": 0, "kind=nonsense": 0, "kind=review&language=en": 2,
	} {
		body := mira.get("/queue?" + query).body
		if got := strings.Count(body, `<li class="item`); got != want {
			t.Errorf("%q lists %d, want %d", query, got, want)
		}
		if want == 0 && !strings.Contains(body, "Nothing matches these filters") {
			t.Errorf("%q: the empty list says nothing", query)
		}
	}
	if r := mira.get("/queue?cursor=nonsense"); r.status != http.StatusBadRequest {
		t.Errorf("bad cursor: %d", r.status)
	}
}

func TestSettingsAndRules(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.decided()
	ada := s.signedIn("ada")
	good := url.Values{"languages": {"en, fa"}, "reports_to_requeue": {"5"}, "prior_mean": {"3"}, "prior_weight": {"4"}, "rev": {"0"}}
	if r := ada.send("/settings", good); r.status != http.StatusSeeOther {
		t.Fatalf("save: %d %s", r.status, r.body)
	}
	if v, err := s.svc.SiteSettings(t.Context(), site); err != nil || v.ReportsToRequeue != 5 || v.UnknownProducts || len(v.Languages) != 2 {
		t.Errorf("settings are %+v, %v", v, err)
	}
	if r := ada.send("/settings", good); r.status != http.StatusConflict {
		t.Errorf("from an old revision: %d", r.status)
	}
	bad := url.Values{"languages": {"en"}, "reports_to_requeue": {"many"}, "prior_mean": {"3"}, "prior_weight": {"4"}, "rev": {"1"}}
	if r := ada.send("/settings", bad); r.status != http.StatusUnprocessableEntity {
		t.Errorf("no number: %d", r.status)
	}

	rule := url.Values{"name": {"Phones"}, "source": {`has("phone")`}, "action": {"hold"}, "enabled": {"1"}, "do": {"try"}}
	r := ada.send("/rules", rule)
	if r.status != http.StatusOK || !strings.Contains(r.body, "Decisions examined") {
		t.Fatalf("backtest: %d %s", r.status, between(r.body, "<main", "</main>"))
	}
	rule.Set("do", "save")
	if r := ada.send("/rules", rule); r.status != http.StatusSeeOther {
		t.Fatalf("save rule: %d", r.status)
	}
	page := ada.get("/rules").body
	if !strings.Contains(page, "Phones") {
		t.Error("the rule is not listed")
	}
	rule.Set("source", `has("phone" &&`)
	if r := ada.send("/rules", rule); r.status != http.StatusUnprocessableEntity || !strings.Contains(r.body, "This rule cannot be used") {
		t.Errorf("bad rule: %d", r.status)
	}
	if r := ada.send("/rules/delete", url.Values{"id": {between(page, `name="id" value="`, `"`)}}); r.status != http.StatusSeeOther {
		t.Errorf("delete: %d", r.status)
	}
}

func TestClaimPassAndNote(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.reviews(1)[0]
	mira, omar := s.signedIn("mira"), s.signedIn("omar")
	path := "/items/" + id
	if r := mira.send(path+"/claim", url.Values{}); r.status != http.StatusSeeOther {
		t.Fatalf("claim: %d", r.status)
	}
	if r := omar.send(path+"/claim", url.Values{}); r.status != http.StatusConflict || !strings.Contains(r.body, "mira is working on this") {
		t.Errorf("second claim: %d", r.status)
	}
	if r := omar.send(path+"/decision", url.Values{"action": {"approve"}, "rev": {"1"}}); r.status != http.StatusConflict {
		t.Errorf("deciding what another claimed: %d", r.status)
	}
	if !strings.Contains(omar.get("/queue").body, "mira is looking at this") {
		t.Error("the list does not show the claim")
	}
	mira.send(path+"/release", url.Values{})
	if r := omar.send(path+"/notes", url.Values{"note": {"Ask the shop."}}); r.status != http.StatusSeeOther {
		t.Errorf("note: %d", r.status)
	}
	if r := omar.send(path+"/notes", url.Values{"note": {" "}}); r.status != http.StatusUnprocessableEntity {
		t.Errorf("empty note: %d", r.status)
	}
	if r := omar.send(path+"/pass", url.Values{"kind": {"escalation"}, "note": {"Not for me."}, "rev": {"1"}}); r.status != http.StatusSeeOther {
		t.Errorf("escalate: %d", r.status)
	}
	page := mira.get(path).body
	for _, want := range []string{"Ask the shop.", "Not for me.", "Escalate"} {
		if !strings.Contains(page, want) {
			t.Errorf("the item lacks %q", want)
		}
	}
}

func TestStarting(t *testing.T) {
	t.Parallel()
	view, err := admin.New(admin.Config{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	w := httptest.NewRecorder()
	view.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/admin/shop/queue", nil))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "getting ready") {
		t.Errorf("before it is ready: %d %s", w.Code, w.Body)
	}
}
