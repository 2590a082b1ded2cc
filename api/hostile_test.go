package api_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
)

// What a hostile tester tried once must not work again.

func TestAThreadVanishesWhole(t *testing.T) {
	t.Parallel()
	s := open(t)
	question := s.decide("moderator", s.submit("alice", "/products/kettle/questions", fields{"body": "Does it keep warm?"}), "approve")
	answer := s.submit("bob", "/contents/"+question.ID+"/replies", fields{"body": "Gobbledygookish warm for half an hour."})
	answer = s.decide("moderator", answer, "approve")
	asPrivate(s.do("alice", http.MethodPut, "/contents/"+question.ID+"/accepted", fields{"answer": answer.ID}).want(http.StatusOK))
	comment := s.submit("carol", "/contents/"+answer.ID+"/replies", fields{"body": "Gobbledygookish indeed."})
	s.decide("moderator", comment, "approve")
	type found struct {
		Total  int                       `json:"total"`
		Facets map[string]map[string]int `json:"facets"`
	}
	look := func() found { return as[found](s.get("guest", "/search?q=gobbledygookish").want(http.StatusOK)) }
	counted := func() content.Summary {
		return as[content.Summary](s.get("guest", "/products/kettle/summary").want(http.StatusOK))
	}
	if f := look(); f.Total != 2 || counted().Answers != 1 {
		t.Fatalf("published: %+v, %+v", f, counted())
	}
	// The answer goes, and what stands below it with it; the question no longer
	// names it.
	answer = asPrivate(s.get("moderator", "/contents/"+answer.ID))
	answer = s.decide("moderator", answer, "remove", "spam")
	if f := look(); f.Total != 0 || f.Facets["kind"]["comment"] != 0 || counted().Answers != 0 {
		t.Errorf("the answer is removed: %+v, %+v", f, counted())
	}
	if q := as[content.Public](s.get("guest", "/contents/"+question.ID).want(http.StatusOK)); q.AcceptedAnswer != "" || q.Replies != 0 {
		t.Errorf("the question still names it: %+v", q)
	}
	s.sameAsNever(comment.ID)
	s.decide("moderator", answer, "restore")
	if f := look(); f.Total != 2 || counted().Answers != 1 {
		t.Errorf("restored: %+v, %+v", f, counted())
	}
	if q := as[content.Public](s.get("guest", "/contents/"+question.ID)); q.AcceptedAnswer != answer.ID {
		t.Errorf("restored: %+v", q)
	}
}

func TestStaffDoNotReadAWaitingEdit(t *testing.T) {
	t.Parallel()
	s := open(t)
	question := s.decide("moderator", s.submit("alice", "/products/kettle/questions", fields{"body": "Does it keep warm?"}), "approve")
	answer := s.decide("moderator", s.submit("bob", "/contents/"+question.ID+"/replies", fields{"body": "For half an hour."}), "approve")
	question = asPrivate(s.get("alice", "/contents/"+question.ID))
	s.edit("alice", question, fields{"body": "A secret edit?"}).want(http.StatusOK)
	got := asPrivate(s.do("staff", http.MethodPut, "/contents/"+question.ID+"/accepted", fields{"answer": answer.ID}).want(http.StatusOK))
	if got.Body != "Does it keep warm?" || got.State != content.Approved {
		t.Errorf("staff read %+v", got)
	}
}

func TestNobodyUndoesOrClaimsInTheirOwnCause(t *testing.T) {
	t.Parallel()
	s := open(t)
	own := s.published("admin", "kettle", 5, "Holds eighty degrees for green tea.")
	own = s.decide("moderator", own, "remove", "spam")
	s.do("admin", http.MethodPost, "/moderation/items/"+own.ID+"/undo", fields{"rev": own.Rev}).problem(http.StatusForbidden, "own_content")
	waiting := s.review("moderator", "kettle", 4, "A plain decent kettle, a little loud.")
	s.do("moderator", http.MethodPost, "/moderation/items/"+waiting.ID+"/claim", nil).problem(http.StatusForbidden, "own_content")
	s.do("moderator", http.MethodPost, "/moderation/items/"+waiting.ID+"/escalation",
		fields{"kind": "escalation", "note": "", "rev": waiting.Rev}).problem(http.StatusForbidden, "own_content")

	// Who was appealed against may not take the grant back.
	c := s.decide("admin", s.review("alice", "kettle", 3, "It is fine, see the manual."), "reject", "url")
	c = asPrivate(s.do("alice", http.MethodPost, "/contents/"+c.ID+"/appeal", fields{"text": "It is the maker's manual."}).want(http.StatusCreated))
	c = s.decide("moderator", c, "approve")
	s.do("admin", http.MethodPost, "/moderation/items/"+c.ID+"/undo", fields{"rev": c.Rev}).problem(http.StatusForbidden, "somebody_else")
}

func TestWhatWasPassedOnStaysPassedOn(t *testing.T) {
	t.Parallel()
	s := open(t)
	pass := func(as, kind string, c content.Private) *answer {
		return s.do(as, http.MethodPost, "/moderation/items/"+c.ID+"/escalation", fields{"kind": kind, "note": "?", "rev": c.Rev})
	}
	c := s.review("alice", "kettle", 3, "It is fine for what it costs.")
	c = asPrivate(pass("moderator", "escalation", c).want(http.StatusOK))
	pass("omar", "second_opinion", c).problem(http.StatusConflict, "transition")
	s.decision("omar", c, "approve").problem(http.StatusForbidden, "somebody_else")
	d := s.review("bob", "kettle", 3, "It does what it says, no more than that.")
	d = asPrivate(pass("moderator", "second_opinion", d).want(http.StatusOK))
	pass("omar", "second_opinion", d).problem(http.StatusConflict, "transition")
	s.decision("moderator", d, "approve").problem(http.StatusForbidden, "somebody_else")
	s.decision("omar", d, "approve").want(http.StatusOK)
}

func TestAReportKeepsItsOutcome(t *testing.T) {
	t.Parallel()
	s := open(t)
	outcome := func() string {
		return as[page[struct{ Outcome string }]](s.get("bob", "/me/reports").want(http.StatusOK)).Items[0].Outcome
	}
	s.do("admin", http.MethodPut, "/settings", fields{"reports_to_requeue": 1}, header{"If-Match", `"0"`}).want(http.StatusOK)
	c := s.published("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	s.clock.advance(time.Minute)
	s.do("bob", http.MethodPost, "/contents/"+c.ID+"/reports", fields{"reason": "spam", "note": ""}).want(http.StatusCreated)
	if got := outcome(); got != "open" {
		t.Errorf("at first %s", got)
	}
	s.clock.advance(time.Minute)
	c = asPrivate(s.get("moderator", "/contents/"+c.ID))
	c = s.decide("moderator", c, "approve")
	if got := outcome(); got != "dismissed" {
		t.Errorf("approved: %s", got)
	}
	s.clock.advance(time.Minute)
	c = asPrivate(s.edit("alice", c, fields{"body": "Holds ninety degrees for black tea."}).want(http.StatusOK))
	if got := outcome(); got != "dismissed" {
		t.Errorf("edited since: %s", got)
	}
	s.clock.advance(time.Minute)
	s.decide("moderator", c, "reject", "url")
	if got := outcome(); got != "dismissed" {
		t.Errorf("the edit is rejected: %s", got)
	}
}

func TestAnInvisibleTextIsNoText(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, body := range []string{"\u200d\u200d", "\u3164", "\u2800 \u00a0", "\U000e0041"} {
		p := s.do("alice", http.MethodPost, "/products/kettle/reviews", fields{"rating": 5, "body": body}).problem(http.StatusUnprocessableEntity, "invalid")
		if p.Errors[0].Field != "body" || p.Errors[0].Code != "required" {
			t.Errorf("%q: %+v", body, p.Errors)
		}
	}
}

func TestMetricsAreForThisMachine(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.send(s.request("guest", http.MethodGet, "/metrics", nil)).want(http.StatusOK)
	s.send(s.request("guest", http.MethodGet, "/metrics", nil, header{"X-Forwarded-For", "203.0.113.9"})).problem(http.StatusNotFound, "not_found")
}

func TestBurstsAreSeen(t *testing.T) {
	t.Parallel()
	s := open(t)
	signals := func(c content.Private) (codes []string) {
		type item struct{ Signals []struct{ Code string } }
		for _, sig := range as[item](s.get("moderator", "/moderation/items/"+c.ID).want(http.StatusOK)).Signals {
			codes = append(codes, sig.Code)
		}
		return codes
	}
	texts := []string{
		"Does it keep the water warm?", "Which plug does it come with?", "Can it go on an induction hob?", "How long is the cord?",
		"Is the lid made of steel?", "Does the handle get hot?", "Would it pour slowly enough for coffee?", "Is there a spare filter?",
	}
	for i, text := range texts {
		c := s.submit("alice", "/products/kettle/questions", fields{"body": text})
		got := signals(c)
		if author := slices.Contains(got, "author_burst"); author != (i >= 5) {
			t.Errorf("question %d of one author: %v", i+1, got)
		}
		if subject := slices.Contains(got, "burst"); subject != (i >= 6) {
			t.Errorf("question %d about one product: %v", i+1, got)
		}
		s.clock.advance(time.Minute)
	}
	s.clock.advance(25 * time.Hour)
	if got := signals(s.submit("alice", "/products/kettle/questions", fields{"body": "Is it loud when it boils?"})); slices.Contains(got, "burst") || slices.Contains(got, "author_burst") {
		t.Errorf("a day later: %v", got)
	}
}
