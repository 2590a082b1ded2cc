package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// public is what strangers read of a content.
func (s *shop) public(id string) content.Public {
	s.t.Helper()
	return as[content.Public](s.get("guest", "/contents/"+id).want(http.StatusOK))
}

func (s *shop) found(words string) int {
	s.t.Helper()
	return as[page[any]](s.get("guest", "/search?q="+words).want(http.StatusOK)).Total
}

func TestAnEditKeepsTheApprovedTextPublic(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.published("alice", "kettle", 5, "An aardvark brews tea.")
	edited := asPrivate(s.edit("alice", c, fields{"rating": 2, "body": "A wombat brews tea."}).want(http.StatusOK))
	if edited.State != content.Pending || !edited.Shown || edited.Rev != c.Rev+1 || edited.Body != "A wombat brews tea." {
		t.Fatalf("edited: %+v", edited)
	}
	check := func(when, body string, stars int, aardvarks, wombats int) {
		t.Helper()
		if p := s.public(c.ID); p.Body != body || p.Rating != stars {
			t.Errorf("%s strangers read %q with %d stars", when, p.Body, p.Rating)
		}
		if a, w := s.found("aardvark"), s.found("wombat"); a != aardvarks || w != wombats {
			t.Errorf("%s strangers find %d aardvarks and %d wombats", when, a, w)
		}
		sum := as[content.Summary](s.get("guest", "/products/kettle/summary").want(http.StatusOK))
		if sum.Count != 1 || sum.Histogram[stars-1] != 1 || sum.Average != float64(stars) {
			t.Errorf("%s the summary is %+v", when, sum)
		}
		list := as[page[content.Public]](s.get("guest", "/products/kettle/reviews").want(http.StatusOK))
		if len(list.Items) != 1 || list.Items[0].Body != body {
			t.Errorf("%s the listing is %+v", when, list)
		}
	}
	check("after the edit", "An aardvark brews tea.", 5, 1, 0)
	rejected := s.decide("moderator", edited, "reject", "off_topic")
	if rejected.State != content.Rejected || !rejected.Shown || !slices.Equal(rejected.Reasons, []string{"off_topic"}) {
		t.Errorf("rejected: %+v", rejected)
	}
	check("after the edit was rejected", "An aardvark brews tea.", 5, 1, 0)
	again := asPrivate(s.edit("alice", rejected, fields{"title": "Better"}).want(http.StatusOK))
	s.decide("moderator", again, "approve")
	check("after it was approved", "A wombat brews tea.", 2, 0, 1)
}

func TestWhatModeratorsDecide(t *testing.T) {
	t.Parallel()
	type step struct {
		action  string
		reasons []string
		state   content.State
		shown   bool
	}
	no := []string{"url"}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"approve and remove and restore", []step{
			{"approve", nil, content.Approved, true},
			{"remove", no, content.Removed, false},
			{"restore", nil, content.Approved, true},
		}},
		{"reject and restore", []step{{"reject", no, content.Rejected, false}, {"restore", nil, content.Pending, false}}},
		{"reject and approve", []step{{"reject", no, content.Rejected, false}, {"approve", nil, content.Approved, true}}},
		{"request changes and approve", []step{{"request_changes", no, content.ChangesRequested, false}, {"approve", nil, content.Approved, true}}},
		{"approve and request changes", []step{{"approve", nil, content.Approved, true}, {"request_changes", no, content.ChangesRequested, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			item := s.review("alice", "kettle", 5, "Holds eighty degrees for green tea.")
			for _, st := range c.steps {
				now := s.decide("moderator", item, st.action, st.reasons...)
				if now.State != st.state || now.Shown != st.shown || now.Rev != item.Rev+1 {
					t.Fatalf("%s made %+v, want %s, shown %t", st.action, now, st.state, st.shown)
				}
				if status := s.get("guest", "/contents/"+item.ID).status; (status == http.StatusOK) != st.shown {
					t.Errorf("after %s strangers get %d", st.action, status)
				}
				item = now
			}
			events := as[page[ledger.Event]](s.get("moderator", "/moderation/audit").want(http.StatusOK)).Items
			if len(events) != len(c.steps)+1 {
				t.Fatalf("%d changes are on record, want %d", len(events), len(c.steps)+1)
			}
			for i, st := range c.steps {
				e := events[len(c.steps)-1-i]
				if e.Action != st.action || e.To != st.state || e.Actor != "mira" || e.Automatic || !slices.Equal(e.Reasons, st.reasons) {
					t.Errorf("change %d is on record as %+v", i, e)
				}
			}
			if links, err := s.svc.CheckAudit(t.Context(), site); err != nil || links != int64(len(events)) {
				t.Errorf("the chain has %d links of %d: %v", links, len(events), err)
			}
		})
	}
}

func TestADecisionTellsTheAuthorWhy(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.review("alice", "kettle", 5, "See my shop for more.")
	s.do("moderator", http.MethodPost, "/moderation/items/"+c.ID+"/decision", fields{
		"action": "reject", "reasons": []string{"url"}, "message": "Please leave the shop out.", "note": "third time", "rev": 1,
	}).want(http.StatusOK)
	a := s.get("alice", "/contents/"+c.ID).want(http.StatusOK)
	own := asPrivate(a)
	if own.State != content.Rejected || own.Note != "Please leave the shop out." || own.Statement == nil || own.Statement.Restriction != "not_published" {
		t.Errorf("the author reads %s", a.body)
	}
	if strings.Contains(string(a.body), "third time") || strings.Contains(string(a.body), "mira") {
		t.Errorf("the author reads what is for moderators: %s", a.body)
	}
	if item := as[lifecycle.Case](s.get("moderator", "/moderation/items/"+c.ID)); item.History[1].Note != "third time" || item.DecidedBy != "mira" {
		t.Errorf("moderators read %+v", item.History)
	}
}

func TestWhatCannotBeDoneIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	pending := s.review("alice", "kettle", 5, "It waits.")
	approved := s.published("bob", "kettle", 4, "It is public.")
	withdrawn := s.review("carol", "kettle", 3, "Taken back.")
	s.do("carol", http.MethodDelete, "/contents/"+withdrawn.ID, nil).want(http.StatusNoContent)
	withdrawn.Rev++
	removed := s.decide("moderator", s.published("dave", "kettle", 3, "Taken off."), "remove", "spam")
	own := s.submit("moderator", "/products/kettle/questions", fields{"body": "May I decide about my own?"})
	s.unchanged(func() {
		s.decision("moderator", pending, "restore").problem(http.StatusConflict, "transition")
		s.decision("moderator", pending, "uphold").problem(http.StatusConflict, "transition")
		s.decision("moderator", approved, "approve").problem(http.StatusConflict, "transition")
		s.decision("moderator", withdrawn, "approve").problem(http.StatusConflict, "transition")
		s.decision("moderator", removed, "approve").problem(http.StatusConflict, "transition")
		s.decision("moderator", own, "approve").problem(http.StatusForbidden, "own_content")
		s.edit("dave", removed, fields{"body": "Now better"}).problem(http.StatusConflict, "transition")
		s.edit("carol", withdrawn, fields{"body": "Back again"}).problem(http.StatusConflict, "transition")
		s.do("dave", http.MethodDelete, "/contents/"+removed.ID, nil).problem(http.StatusConflict, "transition")
		s.edit("bob", pending, fields{"body": "Not mine"}).problem(http.StatusNotFound, "not_found")
		s.edit("alice", approved, fields{"body": "Not mine"}).problem(http.StatusForbidden, "forbidden")
		s.do("alice", http.MethodDelete, "/contents/"+approved.ID, nil).problem(http.StatusForbidden, "forbidden")
		s.edit("moderator", pending, fields{"body": "Not mine"}).problem(http.StatusForbidden, "forbidden")
	})
}

func TestStaleRevisions(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.published("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	stale := c
	stale.Rev = 1
	path := "/contents/" + c.ID
	s.unchanged(func() {
		p := s.edit("alice", stale, fields{"body": "Changed"}).problem(http.StatusPreconditionFailed, "precondition_failed")
		if p.Rev != c.Rev || p.State != content.Approved || p.By != "" {
			t.Errorf("the author of a stale change is told %+v", p)
		}
		p = s.do("alice", http.MethodDelete, path, nil, header{"If-Match", `"1"`}).problem(http.StatusPreconditionFailed, "precondition_failed")
		if p.By != "" {
			t.Errorf("the author of a stale withdrawal is told %+v", p)
		}
		for _, tag := range []string{`"x"`, `W/"2"`, "*", `"0"`, `"-1"`, `"99999999999999999999"`} {
			s.do("alice", http.MethodPatch, path, fields{"body": "Changed"}, header{"If-Match", tag}).problem(http.StatusPreconditionFailed, "precondition_failed")
		}
		p = s.do("alice", http.MethodPatch, path, fields{"body": "Changed"}).problem(http.StatusPreconditionRequired, "precondition_required")
		if len(p.Errors) != 1 || p.Errors[0].Field != "If-Match" {
			t.Errorf("without If-Match: %+v", p)
		}
		p = s.decision("omar", stale, "remove", "spam").problem(http.StatusConflict, "conflict")
		if p.Rev != c.Rev || p.State != content.Approved || p.By != "mira" {
			t.Errorf("the moderator of a stale decision is told %+v", p)
		}
		if a := s.edit("alice", c, fields{"body": c.Body}).want(http.StatusOK); a.header.Get("ETag") != `"2"` {
			t.Errorf("an edit that changes nothing has the ETag %s", a.header.Get("ETag"))
		}
	})
	a := s.edit("alice", c, fields{"body": "Changed"}).want(http.StatusOK)
	if a.header.Get("ETag") != `"3"` {
		t.Errorf("the edit has the ETag %s", a.header.Get("ETag"))
	}
	s.do("alice", http.MethodDelete, path, nil, header{"If-Match", `"3"`}).want(http.StatusNoContent)
	s.do("alice", http.MethodDelete, path, nil).want(http.StatusNoContent) // twice is no error
}

// Of people who change the same revision at once one wins.
func TestOneWinner(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.review("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	statuses := make([]int, 8)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			as, action := []string{"moderator", "omar", "admin"}[i%3], []string{"approve", "reject"}[i%2]
			statuses[i] = s.decision(as, c, action, "url").status
		})
	}
	all.Wait()
	slices.Sort(statuses)
	if statuses[0] != http.StatusOK || statuses[1] != http.StatusConflict || statuses[7] != http.StatusConflict {
		t.Errorf("eight decisions about one revision: %v", statuses)
	}
	if now := asPrivate(s.get("moderator", "/contents/"+c.ID)); now.Rev != 2 {
		t.Errorf("the content is at revision %d", now.Rev)
	}
	if events := as[page[any]](s.get("moderator", "/moderation/audit")).Items; len(events) != 2 {
		t.Errorf("%d changes are on record, want 2", len(events))
	}
}

func TestVotes(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.published("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	vote := func(as string, value int) *answer {
		return s.do(as, http.MethodPut, "/contents/"+c.ID+"/vote", fields{"value": value})
	}
	type sum struct{ Helpful, Unhelpful, Value int }
	for _, v := range []struct {
		as    string
		value int
		want  sum
	}{
		{"bob", 1, sum{1, 0, 1}},
		{"bob", 1, sum{1, 0, 1}}, // once a person
		{"carol", -1, sum{1, 1, -1}},
		{"staff", 1, sum{2, 1, 1}},
		{"bob", -1, sum{1, 2, -1}}, // changed
		{"carol", 0, sum{1, 1, 0}}, // taken back
		{"carol", 0, sum{1, 1, 0}},
		{"dave", 0, sum{1, 1, 0}}, // never given
	} {
		if got := as[sum](vote(v.as, v.value).want(http.StatusOK)); got != v.want {
			t.Errorf("%s votes %d: %+v, want %+v", v.as, v.value, got, v.want)
		}
		public, private := s.public(c.ID).Votes, asPrivate(s.get("alice", "/contents/"+c.ID)).Votes
		if want := (content.Votes{Helpful: v.want.Helpful, Unhelpful: v.want.Unhelpful}); public != want || private != want {
			t.Errorf("after %s votes %d strangers read %+v and the author %+v", v.as, v.value, public, private)
		}
	}
	s.unchanged(func() {
		vote("alice", 1).problem(http.StatusForbidden, "own_content")
		vote("guest", 1).problem(http.StatusUnauthorized, "sign_in")
		for _, value := range []int{2, -2, 1000} {
			p := vote("dave", value).problem(http.StatusUnprocessableEntity, "invalid")
			if len(p.Errors) != 1 || p.Errors[0].Field != "value" || p.Errors[0].Code != "out_of_range" {
				t.Errorf("a vote of %d: %+v", value, p)
			}
		}
	})
}

func TestVotesAtOnceAddUp(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.published("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	voters := []string{"bob", "carol", "dave", "staff", "moderator", "omar", "admin"}
	var all sync.WaitGroup
	for _, as := range voters {
		all.Go(func() {
			for _, value := range []int{-1, 0, 1} {
				s.do(as, http.MethodPut, "/contents/"+c.ID+"/vote", fields{"value": value}).want(http.StatusOK)
			}
		})
	}
	all.Wait()
	if got := s.public(c.ID).Votes; got != (content.Votes{Helpful: len(voters)}) {
		t.Errorf("%d helpful votes became %+v", len(voters), got)
	}
}

func TestReportsPutAContentBackIntoTheQueue(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.published("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	report := func(as, reason string) *answer {
		return s.do(as, http.MethodPost, "/contents/"+c.ID+"/reports", fields{"reason": reason, "note": "Have a look"})
	}
	waiting := func() int { return as[page[any]](s.get("moderator", "/moderation/queue?reported=true")).Total }
	report("alice", "spam").problem(http.StatusForbidden, "own_content")
	for i, as := range []string{"bob", "bob", "carol"} { // the second of bob takes the place of the first
		report(as, []string{"spam", "fake", "spam"}[i]).want(http.StatusCreated)
		if waiting() != 0 {
			t.Fatalf("it is back in the queue after report %d", i+1)
		}
	}
	report("dave", "other").want(http.StatusCreated)
	if n := waiting(); n != 1 {
		t.Fatalf("%d contents wait after three people have reported", n)
	}
	s.public(c.ID) // until somebody has decided
	item := as[lifecycle.Case](s.get("moderator", "/moderation/items/"+c.ID).want(http.StatusOK))
	if len(item.Reports) != 3 || item.Content.State != content.Pending || !item.Content.Shown {
		t.Errorf("the case has %d reports and %+v", len(item.Reports), item.Content)
	}
	mine := as[page[lifecycle.MyReport]](s.get("bob", "/me/reports").want(http.StatusOK)).Items
	if len(mine) != 1 || mine[0].Reason != "fake" || mine[0].Outcome != lifecycle.OutcomeOpen {
		t.Errorf("bob reads of his reports %+v", mine)
	}
	// The text that is public was turned down, so it comes off.
	if now := s.decide("moderator", item.Content, "reject", "spam"); now.State != content.Removed || now.Shown {
		t.Errorf("rejected: %+v", now)
	}
	s.get("guest", "/contents/"+c.ID).problem(http.StatusNotFound, "not_found")
	if mine = as[page[lifecycle.MyReport]](s.get("bob", "/me/reports")).Items; mine[0].Outcome != lifecycle.OutcomeUpheld {
		t.Errorf("bob reads of his reports %+v", mine)
	}
}

func TestThreadsEndAtTheirDepth(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.published("alice", "kettle", 5, "The top of the thread.")
	for depth := 1; depth <= content.MaxDepth; depth++ {
		parent := c.ID
		c = s.submit([]string{"bob", "carol"}[depth%2], "/contents/"+parent+"/replies", fields{"body": fmt.Sprint("Reply number ", depth)})
		if c.Parent != parent || c.Kind != content.Comment {
			t.Fatalf("reply %d: %+v", depth, c)
		}
		c = s.decide("moderator", c, "approve")
	}
	s.unchanged(func() {
		s.do("dave", http.MethodPost, "/contents/"+c.ID+"/replies", fields{"body": "Too deep"}).problem(http.StatusUnprocessableEntity, "too_deep")
	})
}

func TestAnAnswerThatSettledAQuestion(t *testing.T) {
	t.Parallel()
	s := open(t)
	q := s.decide("moderator", s.submit("alice", "/products/kettle/questions", fields{"body": "Does it whistle?"}), "approve")
	reply := s.submit("bob", "/contents/"+q.ID+"/replies", fields{"body": "It hums."})
	accept := func(as, answer string) *answer {
		return s.do(as, http.MethodPut, "/contents/"+q.ID+"/accepted", fields{"answer": answer})
	}
	s.unchanged(func() {
		p := accept("alice", reply.ID).problem(http.StatusUnprocessableEntity, "invalid")
		if p.Errors[0].Field != "answer" {
			t.Errorf("an answer that waits: %+v", p)
		}
		accept("carol", "").problem(http.StatusForbidden, "forbidden")
	})
	reply = s.decide("moderator", reply, "approve")
	if got := asPrivate(accept("alice", reply.ID).want(http.StatusOK)).AcceptedAnswer; got != reply.ID {
		t.Errorf("accepted %q", got)
	}
	if got := s.public(q.ID).AcceptedAnswer; got != reply.ID {
		t.Errorf("strangers read the accepted answer %q", got)
	}
	found := as[lifecycle.Suggested](s.get("guest", "/products/kettle/suggest?q=does+it+whistle").want(http.StatusOK))
	if len(found.Questions) != 1 || !found.Questions[0].Accepted {
		t.Errorf("suggested: %+v", found)
	}
	accept("staff", "").want(http.StatusOK)
	if got := s.public(q.ID).AcceptedAnswer; got != "" {
		t.Errorf("strangers still read the accepted answer %q", got)
	}
}
