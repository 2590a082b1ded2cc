package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api"
	"github.com/candor-ugc/candor/api/content"
)

// kindCase says how a kind is submitted and where it shows.
type kindCase struct {
	kind content.Kind
	// under gives what the content is posted to, from a published review,
	// question and topic.
	under func(review, question, topic string) string
	// listing is where it is listed; replies are listed under their parent.
	listing string
	body    fields
}

func kindCases() []kindCase {
	at := func(path string) func(string, string, string) string {
		return func(string, string, string) string { return path }
	}
	return []kindCase{
		{content.Review, at("/products/pan/reviews"), "/products/pan/reviews", fields{"rating": 4, "body": "A quokka among pans."}},
		{content.Question, at("/products/pan/questions"), "/products/pan/questions", fields{"body": "Is the quokka heavy?"}},
		{content.Topic, at("/boards/lounge/topics"), "/boards/lounge/topics", fields{"title": "About it", "body": "Talk about the quokka."}},
		{content.Comment, func(r, _, _ string) string { return "/contents/" + r + "/replies" }, "", fields{"body": "My quokka agrees."}},
		{content.Answer, func(_, q, _ string) string { return "/contents/" + q + "/replies" }, "", fields{"body": "The quokka is light."}},
		{content.Post, func(_, _, p string) string { return "/contents/" + p + "/replies" }, "", fields{"body": "The quokka speaks."}},
	}
}

// view is everything that a stranger can see of one content.
type view struct {
	Listed   int
	Replies  int // as the parent counts them
	Found    int
	ByID     int
	Voted    int
	Answered int
	Reviews  int // of the summary
	Stars    int
	Asked    int
}

// TestNothingIsPublicBeforeItIsApproved follows each of the six kinds from its
// submission to its approval, as strangers see it.
func TestNothingIsPublicBeforeItIsApproved(t *testing.T) {
	t.Parallel()
	for _, k := range kindCases() {
		t.Run(string(k.kind), func(t *testing.T) {
			t.Parallel()
			s := open(t)
			review := s.published("carol", "kettle", 3, "Something to comment on.")
			question := s.decide("moderator", s.submit("carol", "/products/kettle/questions", fields{"body": "Does it whistle?"}), "approve")
			topic := s.decide("moderator", s.submit("carol", "/boards/lounge/topics", fields{"title": "Tea", "body": "Which one?"}), "approve")
			path := k.under(review.ID, question.ID, topic.ID)
			listing, parent := k.listing, ""
			if listing == "" {
				listing = path
				parent = strings.TrimSuffix(path, "/replies")
			}
			look := func(id string) view { return s.view(listing, parent, id) }
			before := look("019ca000-0000-7000-8000-00000000beef")

			c := s.submit("alice", path, k.body)
			if c.Kind != k.kind || c.State != content.Pending || c.Shown || c.Rev != 1 || c.PublishedAt != nil {
				t.Fatalf("submitted: %+v", c)
			}
			if now := look(c.ID); now != before {
				t.Errorf("while it waits strangers see %+v, without it %+v", now, before)
			}
			s.sameAsNever(c.ID)

			c = s.decide("moderator", c, "approve")
			if c.State != content.Approved || !c.Shown || c.PublishedAt == nil {
				t.Fatalf("approved: %+v", c)
			}
			want := before
			want.Listed, want.Found, want.ByID, want.Voted, want.Answered = before.Listed+1, before.Found+1, 200, 200, 200
			switch k.kind {
			case content.Review:
				want.Reviews, want.Stars = before.Reviews+1, before.Stars+4
			case content.Question:
				want.Asked = before.Asked + 1
			case content.Comment, content.Answer, content.Post:
				want.Replies = before.Replies + 1
			}
			if now := look(c.ID); now != want {
				t.Errorf("once approved strangers see %+v, want %+v", now, want)
			}

			// What is taken off again is gone from everywhere at once.
			s.decide("moderator", c, "remove", "off_topic")
			if now := look(c.ID); now != before {
				t.Errorf("once removed strangers see %+v, want %+v", now, before)
			}
			s.sameAsNever(c.ID)
		})
	}
}

// view looks as a stranger; voting and listing replies are looked at too,
// because they tell whether something is there.
func (s *shop) view(listing, parent, id string) view {
	s.t.Helper()
	v := view{
		Listed: as[page[content.Public]](s.get("guest", listing).want(http.StatusOK)).Total,
		Found:  as[page[json.RawMessage]](s.get("guest", "/search?q=quokka").want(http.StatusOK)).Total,
		ByID:   s.get("guest", "/contents/"+id).status,
		Voted:  s.do("bob", http.MethodPut, "/contents/"+id+"/vote", fields{"value": 0}).status,
	}
	v.Answered = s.get("guest", "/contents/"+id+"/replies").status
	if parent != "" {
		v.Replies = as[content.Public](s.get("guest", parent).want(http.StatusOK)).Replies
	}
	sum := as[content.Summary](s.get("guest", "/products/pan/summary").want(http.StatusOK))
	v.Reviews, v.Asked = sum.Count, sum.Questions
	for i, n := range sum.Histogram {
		v.Stars += (i + 1) * n
	}
	return v
}

// sameAsNever checks that whoever may not know of a content is told the same
// about it as about an id that never was.
func (s *shop) sameAsNever(id string) {
	s.t.Helper()
	const never = "019ca000-0000-7000-8000-00000000dead"
	for _, as := range []string{"guest", "bob", "staff"} {
		for _, try := range []struct {
			method, path string
			body         any
			header       []header
		}{
			{http.MethodGet, "/contents/%", nil, nil},
			{http.MethodGet, "/contents/%/replies", nil, nil},
			{http.MethodPost, "/contents/%/replies", fields{"body": "Hello"}, nil},
			{http.MethodPut, "/contents/%/vote", fields{"value": 1}, nil},
			{http.MethodPut, "/contents/%/accepted", fields{"answer": ""}, nil},
			{http.MethodPost, "/contents/%/reports", fields{"reason": "spam"}, nil},
			{http.MethodPost, "/contents/%/appeal", fields{"text": "Please look at it again."}, nil},
			{http.MethodPatch, "/contents/%", fields{"body": "Mine now"}, []header{{"If-Match", `"1"`}}},
			{http.MethodDelete, "/contents/%", nil, nil},
		} {
			ask := func(id string) (int, api.Problem, string) {
				a := s.do(as, try.method, strings.Replace(try.path, "%", id, 1), try.body, try.header...)
				var p api.Problem
				a.into(&p)
				p.Instance = ""
				return a.status, p, a.header.Get("Cache-Control") + a.header.Get("ETag") + a.header.Get("Vary")
			}
			status, problem, headers := ask(id)
			neverStatus, neverProblem, neverHeaders := ask(never)
			guest := as == "guest" && try.method != http.MethodGet
			if status != neverStatus || !guest && status != http.StatusNotFound || guest && status != http.StatusUnauthorized {
				s.t.Errorf("%s %s as %s: %d for what is there, %d for what never was", try.method, try.path, as, status, neverStatus)
			}
			if got, want := mustJSON(s.t, problem), mustJSON(s.t, neverProblem); got != want || headers != neverHeaders {
				s.t.Errorf("%s %s as %s:\n%s %s for what is there,\n%s %s for what never was", try.method, try.path, as, got, headers, want, neverHeaders)
			}
		}
	}
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Everybody asks for the same content in each state.
func TestWhoSeesAContentInWhichState(t *testing.T) {
	t.Parallel()
	s := open(t)
	states := map[string]content.Private{}
	states["pending"] = s.review("alice", "kettle", 5, "It waits.")
	for i, step := range []struct{ state, action, reason string }{
		{"approved", "approve", ""}, {"rejected", "reject", "url"}, {"changes_requested", "request_changes", "url"},
	} {
		c := s.submit("alice", "/products/kettle/questions", fields{"body": "Question number " + string(rune('1'+i))})
		if step.reason == "" {
			states[step.state] = s.decide("moderator", c, step.action)
		} else {
			states[step.state] = s.decide("moderator", c, step.action, step.reason)
		}
	}
	c := s.decide("moderator", s.submit("alice", "/products/kettle/questions", fields{"body": "To be removed"}), "approve")
	states["removed"] = s.decide("moderator", c, "remove", "spam")
	c = s.submit("alice", "/products/kettle/questions", fields{"body": "To be withdrawn"})
	s.do("alice", http.MethodDelete, "/contents/"+c.ID, nil).want(http.StatusNoContent)
	states["withdrawn"] = c

	for state, c := range states {
		for as, sees := range map[string]string{
			"guest": "public", "bob": "public", "staff": "public", "alice": "own", "moderator": "all", "admin": "all",
			"foreign": "token_invalid", "misplaced": "token_foreign", "garbage": "token_invalid",
		} {
			a := s.get(as, "/contents/"+c.ID)
			switch {
			case strings.HasPrefix(sees, "token"):
				a.problem(http.StatusUnauthorized, sees)
			case sees == "public" && state != "approved":
				a.problem(http.StatusNotFound, "not_found")
			case sees == "public":
				if seen := asPrivate(a.want(http.StatusOK)); seen.State != "" || seen.Rev != 0 || seen.AuthorID != "" {
					t.Errorf("%s sees of an approved content %s", as, a.body)
				}
			default:
				seen := asPrivate(a.want(http.StatusOK))
				if string(seen.State) != state || seen.Body != c.Body || (seen.AuthorID != "") != (sees == "all") {
					t.Errorf("%s sees of a content that is %s: %s", as, state, a.body)
				}
			}
		}
	}
}
