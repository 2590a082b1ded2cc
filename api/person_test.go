package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
)

func TestWhatOneHasWritten(t *testing.T) {
	t.Parallel()
	s := open(t)
	var want []string
	for i := range 5 {
		c := s.submit("alice", "/products/kettle/questions", fields{"body": fmt.Sprint("Question number ", i)})
		want = append([]string{c.ID}, want...)
	}
	s.submit("bob", "/products/kettle/questions", fields{"body": "Of somebody else"})
	s.do("alice", http.MethodDelete, "/contents/"+want[2], nil).want(http.StatusNoContent)
	p := as[page[content.Private]](s.get("alice", "/me/contents?limit=2").want(http.StatusOK))
	// What arrives meanwhile is on no later page.
	s.submit("alice", "/products/kettle/questions", fields{"body": "Came late"})
	var got []string
	var states []content.State
	for {
		for _, c := range p.Items {
			got, states = append(got, c.ID), append(states, c.State)
		}
		if p.Next == nil {
			break
		}
		p = as[page[content.Private]](s.get("alice", "/me/contents?limit=2&cursor="+*p.Next).want(http.StatusOK))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || states[2] != content.Withdrawn {
		t.Errorf("alice wrote %v (%v), want %v", got, states, want)
	}
	s.get("guest", "/me/contents").problem(http.StatusUnauthorized, "sign_in")
}

// exported reads an export by the type of its lines.
func exported(t *testing.T, a *answer) map[string][]json.RawMessage {
	t.Helper()
	out := map[string][]json.RawMessage{}
	for line := range bytes.Lines(a.want(http.StatusOK).body) {
		var row struct {
			Type string
			Data json.RawMessage
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatalf("line %s: %v", line, err)
		}
		out[row.Type] = append(out[row.Type], row.Data)
	}
	return out
}

func TestExportAndErasure(t *testing.T) {
	t.Parallel()
	s := open(t)
	const secret = "quokka"
	public := s.published("alice", "kettle", 5, "The "+secret+" drinks tea.")
	public = asPrivate(s.edit("alice", public, fields{"body": "The " + secret + " drinks coffee."}).want(http.StatusOK))
	public = s.decide("moderator", public, "approve")
	edited := asPrivate(s.edit("alice", public, fields{"body": "The " + secret + " drinks milk."}).want(http.StatusOK))
	waiting := asPrivate(s.do("alice", http.MethodPost, "/products/pan/reviews", fields{"rating": 1, "title": secret, "body": "It waits."}, header{"Idempotency-Key", "k"}))
	rejected := s.decide("moderator", s.submit("alice", "/products/kettle/questions", fields{"body": "Where is the " + secret + "?"}), "reject", "off_topic")
	s.do("alice", http.MethodPost, "/contents/"+rejected.ID+"/appeal", fields{"text": "It is about the " + secret + " of the kettle."}).want(http.StatusCreated)
	s.do("moderator", http.MethodPost, "/moderation/items/"+waiting.ID+"/notes", fields{"text": "She means the " + secret + "."}).want(http.StatusCreated)
	theirs := s.published("bob", "kettle", 4, "It belongs to somebody else.")
	s.do("alice", http.MethodPut, "/contents/"+theirs.ID+"/vote", fields{"value": 1}).want(http.StatusOK)
	s.do("carol", http.MethodPut, "/contents/"+theirs.ID+"/vote", fields{"value": 1}).want(http.StatusOK)
	s.do("alice", http.MethodPost, "/contents/"+theirs.ID+"/reports", fields{"reason": "other", "note": "No " + secret}).want(http.StatusCreated)
	reply := s.decide("moderator", s.submit("carol", "/contents/"+public.ID+"/replies", fields{"body": "I agree."}), "approve")

	export := exported(t, s.get("alice", "/me/export"))
	for kind, n := range map[string]int{"content": 3, "revision": 2, "vote": 1, "report": 1} {
		if len(export[kind]) != n {
			t.Errorf("%d lines of the type %s are exported, want %d: %s", len(export[kind]), kind, n, export[kind])
		}
	}
	for _, text := range []string{"drinks tea", "drinks coffee", "drinks milk"} {
		if !strings.Contains(fmt.Sprintf("%s", export), text) {
			t.Errorf("%q is not exported", text)
		}
	}
	if others := exported(t, s.get("bob", "/me/export")); len(others["content"]) != 1 || strings.Contains(fmt.Sprintf("%s", others), secret) {
		t.Errorf("bob is given %s", others)
	}

	receipt := as[ledger.Receipt](s.do("alice", http.MethodDelete, "/me", nil).want(http.StatusOK))
	if receipt.Contents != 3 || receipt.Votes != 1 || receipt.Reports != 1 || receipt.Site != site || receipt.ID == "" {
		t.Errorf("the receipt: %+v", receipt)
	}
	s.erased(secret, public, edited, waiting, rejected)
	if v := s.public(theirs.ID).Votes; v.Helpful != 1 {
		t.Errorf("without her vote there are %+v", v)
	}
	// What others wrote stays theirs, but nobody can make sense of it alone.
	if c := asPrivate(s.get("carol", "/contents/"+reply.ID).want(http.StatusOK)); c.State != content.Approved {
		t.Errorf("carol's reply is %+v", c)
	}
	s.sameAsNever(reply.ID)
	if found := as[page[any]](s.get("guest", "/search?q=agree").want(http.StatusOK)); len(found.Items) != 0 {
		t.Errorf("strangers find %+v", found.Items)
	}
	if n := len(exported(t, s.get("alice", "/me/export"))); n != 0 {
		t.Errorf("%d types of lines are left to export", n)
	}
	if again := as[ledger.Receipt](s.do("alice", http.MethodDelete, "/me", nil).want(http.StatusOK)); again.Contents+again.Votes+again.Reports != 0 {
		t.Errorf("erased again: %+v", again)
	}
	if _, err := s.svc.CheckAudit(t.Context(), site); err != nil {
		t.Errorf("the chain after the erasure: %v", err)
	}
	s.review("alice", "kettle", 2, "She may begin anew.")
}

// erased checks that nothing of a text is left anywhere.
func (s *shop) erased(secret string, list ...content.Private) {
	t := s.t
	t.Helper()
	for line := range strings.Lines(s.dump()) {
		if strings.Contains(line, secret) || strings.Contains(line, `"alice"`) || strings.Contains(line, `Alice`) {
			t.Errorf("the ledger holds still: %.600s", line)
		}
	}
	if n := s.found(secret); n != 0 {
		t.Errorf("strangers find %d contents", n)
	}
	if n := as[page[any]](s.get("moderator", "/moderation/search?q="+secret)).Total; n != 0 {
		t.Errorf("moderators find %d contents", n)
	}
	if n := s.queue("?author=alice").Total; n != 0 {
		t.Errorf("%d contents wait", n)
	}
	if sum := as[content.Summary](s.get("guest", "/products/kettle/summary")); sum.Count != 1 || sum.Histogram[4] != 0 {
		t.Errorf("the summary counts still: %+v", sum)
	}
	for _, c := range list {
		s.sameAsNever(c.ID)
		s.get("alice", "/contents/"+c.ID).problem(http.StatusNotFound, "not_found")
		a := s.get("moderator", "/moderation/items/"+c.ID).want(http.StatusOK)
		item := as[lifecycle.Case](a)
		if item.Content.State != content.Erased || strings.Contains(string(a.body), secret) || strings.Contains(strings.ToLower(string(a.body)), "alice") {
			t.Errorf("moderators see %s", a.body)
		}
	}
}
