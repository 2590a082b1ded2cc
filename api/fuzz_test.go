package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/candor-ugc/candor/api"
)

// FuzzDecode reads any bytes as a submission: an error must become a problem
// that blames the client.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"rating": 5, "body": "Fine."}`, `{"rating": 4.5}`, `{"rating": "5"}`, `{"ratings": {"value": 5}}`, `{"media": [{"id": "m"}]}`,
		`{"state": "approved"}`, `null`, `[]`, ``, `{"body": "\ud800"}`, "{\"body\": \"\xff\"}", "{\"\xff\": 1}", `{}{}`, `{"body": "\u0000"}`,
		`[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]`, `{"Rating": 5, "rating": 1e400}`, `{"rating": -0}`, `{"attributes": {"a": null}}`, `{"": ""}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := api.DecodeSubmission(b)
		if err == nil {
			if !utf8.Valid(b) {
				t.Errorf("%q was read, although it is not UTF-8", b)
			}
			return
		}
		p := api.ProblemOf(err)
		if p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%q becomes %+v", b, p)
		}
		for _, e := range p.Errors {
			if e.Field == "" || e.Code == "" || e.Message == "" || !utf8.ValidString(e.Message) {
				t.Errorf("%q becomes %+v", b, p)
			}
		}
	})
}

// FuzzCursors asks every listing to go on at any place: it gives a page, or says
// that the cursor is none of its own.
func FuzzCursors(f *testing.F) {
	s := open(f)
	for range 3 {
		c := s.submit("alice", "/products/kettle/questions", fields{"body": "Where is the wombat?"})
		s.decide("moderator", c, "approve")
		s.submit("alice", "/products/kettle/questions", fields{"body": "It waits for the wombat."})
	}
	s.do("bob", http.MethodPost, "/contents/"+as[page[struct{ ID string }]](s.get("guest", "/products/kettle/questions")).Items[0].ID+"/reports", fields{"reason": "other"})
	listings := []struct{ as, path string }{
		{"guest", "/products/kettle/questions?limit=1"},
		{"guest", "/products/kettle/questions?limit=1&sort=helpful&q=wombat"},
		{"guest", "/search?q=wombat&limit=1"},
		{"guest", "/boards?limit=1"},
		{"alice", "/me/contents?limit=1"},
		{"bob", "/me/reports?limit=1"},
		{"moderator", "/moderation/queue?limit=1"},
		{"moderator", "/moderation/audit?limit=1"},
		{"moderator", "/moderation/search?q=wombat&limit=1"},
		{"moderator", "/moderation/authors/alice?limit=1"},
		{"admin", "/products?limit=1"},
	}
	for _, seed := range []string{"", "garbage", "AAAA", "_-", "\x00", "Zm9v\n", "\u2028"} {
		f.Add(0, seed)
	}
	for i, l := range listings {
		p := as[page[any]](s.get(l.as, l.path).want(http.StatusOK))
		if p.Next == nil {
			continue
		}
		for j := range listings { // of one listing, and offered to all
			f.Add(j, *p.Next)
		}
		f.Add(i, (*p.Next)[:len(*p.Next)-1])
		f.Add(i, "A"+(*p.Next)[1:])
	}
	f.Fuzz(func(t *testing.T, listing int, cursor string) {
		if listing < 0 {
			listing = ^listing
		}
		l := listings[listing%len(listings)]
		a := s.with(t).get(l.as, l.path+"&cursor="+url.QueryEscape(cursor))
		if a.status == http.StatusOK {
			return
		}
		var p api.Problem
		a.into(&p)
		if a.status != http.StatusBadRequest || !slices.Contains([]string{"invalid_cursor", "invalid_parameter"}, p.Code) || len(p.Errors) == 0 || p.Errors[0].Field != "cursor" {
			t.Errorf("%s answered %d %s", a.what, a.status, a.body)
		}
	})
}

// FuzzParameters asks with any query: it is answered or refused, never failed.
func FuzzParameters(f *testing.F) {
	s := open(f)
	s.published("alice", "kettle", 5, "The wombat makes tea.")
	for _, seed := range []string{
		"", "q=wombat", "sort=;drop", "limit=0", "rating=1,2&verified=true", "%zz", "q=%FF", "q=%22", "q=-wombat", "q=\"", "language=any&q=a",
		"min_age=1h", "kind=review&state=pending&q=OR", "q=rating:5", "explain=true&q=wombat", "cursor=%00", "=&&&=", "q=" + "a+b+c+d+e+f",
	} {
		f.Add(seed)
	}
	paths := []struct{ as, path string }{
		{"guest", "/products/kettle/reviews"},
		{"guest", "/search"},
		{"guest", "/summaries"},
		{"guest", "/products/kettle/suggest"},
		{"moderator", "/moderation/queue"},
		{"moderator", "/moderation/search"},
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, p := range paths {
			r := s.with(t).request(p.as, http.MethodGet, under(p.path), nil)
			r.URL.RawQuery = query
			if a := s.with(t).inside(r); a.status != http.StatusOK && a.status != http.StatusBadRequest {
				t.Errorf("%s?%s answered %d %s", p.path, query, a.status, a.body)
			}
		}
	})
}
