package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	candor "github.com/candor-ugc/candor"
	"github.com/candor-ugc/candor/api/content"
)

func TestConditionalReads(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.published("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	paths := []string{
		"/products/kettle", "/products/kettle/reviews", "/products/kettle/reviews?sort=helpful&limit=1", "/products/kettle/questions",
		"/products/kettle/summary", "/summaries?products=kettle,pan", "/boards", "/boards/lounge", "/boards/lounge/topics",
		"/contents/" + c.ID, "/contents/" + c.ID + "/replies", "/search?q=green", "/reasons", "/products/kettle/highlights",
	}
	tags := map[string]string{}
	for _, path := range paths {
		a := s.get("guest", path).want(http.StatusOK)
		tag := a.header.Get("ETag")
		if tag == "" || a.header.Get("Cache-Control") != "public, no-cache" {
			t.Errorf("%s has the ETag %q and %q", path, tag, a.header.Get("Cache-Control"))
		}
		tags[path] = tag
		for _, header := range []header{
			{"If-None-Match", tag}, {"If-None-Match", "W/" + tag}, {"If-None-Match", `"x", ` + tag + `, "y"`}, {"If-None-Match", "*"},
		} {
			if a := s.get("guest", path, header).want(http.StatusNotModified); len(a.body) != 0 || a.header.Get("ETag") != tag {
				t.Errorf("%s with %s: %q with the ETag %s", path, header.value, a.body, a.header.Get("ETag"))
			}
		}
		for _, header := range []header{{"If-None-Match", `"x"`}, {"If-None-Match", strings.Trim(tag, `"`)}} {
			s.get("guest", path, header).want(http.StatusOK)
		}
	}
	// A vote changes what is read, and so the tag.
	s.do("bob", http.MethodPut, "/contents/"+c.ID+"/vote", fields{"value": 1}).want(http.StatusOK)
	for _, path := range []string{"/products/kettle/reviews", "/contents/" + c.ID, "/search?q=green"} {
		if a := s.get("guest", path, header{"If-None-Match", tags[path]}).want(http.StatusOK); a.header.Get("ETag") == tags[path] {
			t.Errorf("%s has the same tag after a vote", path)
		}
	}
	// What only its author sees is no public copy.
	a := s.get("alice", "/contents/"+c.ID, header{"If-None-Match", tags["/contents/"+c.ID]}).want(http.StatusOK)
	if a.header.Get("Cache-Control") != "private, no-cache" || a.header.Get("Vary") != "Authorization" {
		t.Errorf("the author's copy: %v", a.header)
	}
	for _, path := range []string{"/me/contents", "/me/export", "/me/reports"} {
		if got := s.get("alice", path).header.Get("Cache-Control"); got != "private, no-store" {
			t.Errorf("%s has %q", path, got)
		}
	}
	if got := s.get("moderator", "/search?q=green&explain=true").want(http.StatusOK).header.Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("an explained search has %q", got)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.published("alice", "kettle", 5, "Holds eighty degrees for green tea.")
	for _, path := range []string{"/products/kettle/reviews", "/products/kettle/summary", "/search?q=green", "/contents/never", "/products?limit=0"} {
		as := "admin"
		get, head := s.get(as, path), s.do(as, http.MethodHead, path, nil)
		if head.status != get.status || len(head.body) != 0 || head.header.Get("ETag") != get.header.Get("ETag") || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d %v %q, GET: %d %v", path, head.status, head.header, head.body, get.status, get.header)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/openapi.yaml", "/docs", "/docs/init.js"} {
		s.send(s.request("guest", http.MethodHead, path, nil)).want(http.StatusOK)
	}
	s.do("guest", http.MethodHead, "/me/contents", nil).want(http.StatusUnauthorized)
}

func TestPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	s := open(t)
	origin := header{"Origin", "https://shop.example"}
	for _, path := range []string{"/products/kettle/reviews", "/contents/never", "/me/export", "/nothing"} {
		a := s.do("guest", http.MethodOptions, path, nil, origin, header{"Access-Control-Request-Method", "PATCH"}).want(http.StatusNoContent)
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin":  "*",
			"Access-Control-Allow-Methods": "PATCH",
			"Access-Control-Allow-Headers": "If-Match",
		} {
			if got := a.header.Get(name); !strings.Contains(got, want) {
				t.Errorf("OPTIONS %s: %s is %q", path, name, got)
			}
		}
	}
	for path, status := range map[string]int{"/products/kettle/reviews": 200, "/contents/never": 404, "/me/contents": 401} {
		a := s.get("guest", path, origin).want(status)
		if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
		for _, name := range []string{"ETag", "Link", "Location", "Idempotent-Replayed", "RateLimit", "RateLimit-Policy", "Retry-After"} {
			if !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), name) {
				t.Errorf("%s: pages may not read %s", path, name)
			}
		}
	}
	if a := s.send(s.request("guest", http.MethodGet, "/healthz", nil, origin)); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("pages of other origins may read the operations' addresses")
	}
}

func TestUnknownAddressesAndMethods(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, path := range []string{"/", "/v1", "/v1/sites/" + site, under("/nothing"), under("/products/kettle/reviews/"), "/docs/assets/none.js", "/docs/assets/..%2f..%2fgo.mod"} {
		s.send(s.request("guest", http.MethodGet, path, nil)).problem(http.StatusNotFound, "not_found")
	}
	a := s.do("alice", http.MethodPut, "/products/kettle/reviews", fields{})
	a.problem(http.StatusMethodNotAllowed, "method_not_allowed")
	for _, method := range []string{"GET", "POST", "HEAD"} {
		if !strings.Contains(a.header.Get("Allow"), method) {
			t.Errorf("Allow is %q", a.header.Get("Allow"))
		}
	}
	s.send(s.request("guest", http.MethodPost, "/healthz", nil)).problem(http.StatusMethodNotAllowed, "method_not_allowed")
}

func TestEveryAnswerIsTakenForWhatItIs(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, path := range []string{under("/products/kettle"), under("/contents/never"), "/nothing", "/docs", "/healthz", "/docs/assets/swagger-ui.css"} {
		a := s.send(s.request("guest", http.MethodGet, path, nil))
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Content-Type") == "" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	docs := s.send(s.request("guest", http.MethodGet, "/docs", nil)).want(http.StatusOK)
	if policy := docs.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src 'unsafe") {
		t.Errorf("the page of the contract may do too much: %s", policy)
	}
	if got := s.send(s.request("guest", http.MethodGet, "/openapi.yaml", nil)).want(http.StatusOK); string(got.body) != string(candor.Contract) {
		t.Error("the contract that is served is another one")
	}
	if metrics := s.send(s.request("guest", http.MethodGet, "/metrics", nil)).want(http.StatusOK); !strings.Contains(string(metrics.body), `candor_requests_total{method="GET",route="/v1/sites/:site/products/:product",status="200"} 1`) {
		t.Errorf("the request is not counted:\n%s", metrics.body)
	}
}

// next follows the Link header.
func (s *shop) next(as string, a *answer) *answer {
	s.t.Helper()
	link := a.header.Get("Link")
	if link == "" {
		return nil
	}
	address, found := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	if !found {
		s.t.Fatalf("%s has the Link %q", a.what, link)
	}
	u, err := url.Parse(address)
	if err != nil {
		s.t.Fatal(err)
	}
	if p := asPage(a); p.Next == nil || *p.Next != u.Query().Get("cursor") {
		s.t.Fatalf("%s has the Link %q and the cursor %v", a.what, link, p.Next)
	}
	return s.send(s.request(as, http.MethodGet, address, nil)).want(http.StatusOK)
}

func asPage(a *answer) page[content.Public] {
	a.t.Helper()
	return as[page[content.Public]](a)
}

// TestCursorsWhileItemsArrive reads page after page while contents come and go.
func TestCursorsWhileItemsArrive(t *testing.T) {
	t.Parallel()
	for _, sort := range []string{"newest", "oldest", "highest", "lowest", "helpful", "relevant"} {
		t.Run(sort, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			var ids []string
			for i := range 9 {
				c := s.submit("alice", "/products/kettle/questions", fields{"body": fmt.Sprintf("Question %d of the wombat", i), "language": "en"})
				ids = append(ids, s.decide("moderator", c, "approve").ID)
			}
			seen := map[string]int{}
			note := func(a *answer) {
				for _, c := range asPage(a).Items {
					seen[c.ID]++
				}
			}
			a := s.get("guest", "/products/kettle/questions?q=wombat&limit=2&language=en,tr&sort="+sort).want(http.StatusOK)
			note(a)
			gone := ids[4]
			for step := 0; a.header.Get("Link") != ""; step++ {
				switch step {
				case 0:
					c := s.submit("bob", "/products/kettle/questions", fields{"body": "Another wombat", "language": "en"})
					s.decide("moderator", c, "approve")
				case 1:
					if seen[gone] == 0 {
						s.decide("moderator", content.Private{Public: content.Public{ID: gone}, Rev: 2}, "remove", "spam")
					} else {
						gone = ""
					}
				case 20:
					t.Fatal("the listing has no end")
				}
				a = s.next("guest", a)
				note(a)
			}
			if p := asPage(a); p.Next != nil {
				t.Errorf("the last page has the cursor %s, but no Link", *p.Next)
			}
			for _, id := range ids {
				if want := 1; seen[id] != want && id != gone {
					t.Errorf("%s came %d times", id, seen[id])
				}
			}
			if seen[gone] > 0 {
				t.Errorf("%s was removed and came later", gone)
			}
		})
	}
}

func TestListingsAreFilteredAndCounted(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, r := range []struct {
		as    string
		stars int
		extra fields
	}{
		{"alice", 5, fields{"body": "Sturdy wombat", "language": "en"}}, // bought it
		{"bob", 4, fields{"body": "Çok iyi", "language": "tr", "incentivized": true}},
		{"carol", 1, fields{"body": "Broken wombat", "language": "en", "media": []fields{{"id": s.photo("carol", 1)}}}},
	} {
		r.extra["rating"] = r.stars
		s.decide("moderator", s.submit(r.as, "/products/kettle/reviews", r.extra), "approve")
	}
	for query, want := range map[string]string{
		"":                              "[1 4 5]",
		"sort=oldest":                   "[5 4 1]",
		"sort=highest":                  "[5 4 1]",
		"sort=lowest":                   "[1 4 5]",
		"rating=4,5":                    "[4 5]",
		"rating=2":                      "[]",
		"language=tr":                   "[4]",
		"language=en,tr&sort=lowest":    "[1 4 5]",
		"verified=true":                 "[5]",
		"verified=0":                    "[1 4]",
		"media=true":                    "[1]",
		"incentivized=1":                "[4]",
		"incentivized=false&rating=1,4": "[1]",
		"q=wombat&sort=highest":         "[5 1]",
		"q=wombat&rating=1":             "[1]",
		"q=quokka":                      "[]",
		"limit=100":                     "[1 4 5]",
	} {
		p := asPage(s.get("guest", "/products/kettle/reviews?"+query).want(http.StatusOK))
		got := []int{}
		for _, c := range p.Items {
			got = append(got, c.Rating)
		}
		if fmt.Sprint(got) != want || p.Total != len(got) {
			t.Errorf("%q lists %v of %d, want %s", query, got, p.Total, want)
		}
	}
	facets := as[struct {
		Facets struct {
			Rating, Language              map[string]int
			Verified, Media, Incentivized int
		}
	}](s.get("guest", "/products/kettle/reviews?rating=4,5")).Facets
	if facets.Rating["1"] != 1 || facets.Rating["4"] != 1 || facets.Language["en"] != 1 || facets.Media != 0 || facets.Verified != 1 || facets.Incentivized != 1 {
		t.Errorf("with the filter the facets are %+v", facets)
	}
	sums := as[struct{ Items []content.Summary }](s.get("guest", "/summaries?products=pan,kettle,none,kettle").want(http.StatusOK)).Items
	if len(sums) != 2 || sums[0].Product != "kettle" || sums[0].Count != 3 || sums[0].Average != 3.3333 || sums[1].Count != 0 || sums[1].Score != 3.5 {
		t.Errorf("summaries: %+v", sums)
	}
	many := strings.Repeat("a-product-with-a-long-id-of-forty-bytes-,", 99) + "kettle"
	if sums := as[struct{ Items []content.Summary }](s.get("guest", "/summaries?products="+many).want(http.StatusOK)).Items; len(sums) != 1 {
		t.Errorf("summaries of a hundred products: %+v", sums)
	}
}

func TestChangesAreBounded(t *testing.T) {
	t.Parallel()
	s := open(t, func(o *options) { o.config.WritesPerMinute = 5 })
	c := s.published("carol", "kettle", 5, "Something to vote on.")
	vote := func(as string) *answer {
		return s.do(as, http.MethodPut, "/contents/"+c.ID+"/vote", fields{"value": 1})
	}
	for i := range 5 {
		a := vote("bob").want(http.StatusOK)
		if got, want := a.header.Get("RateLimit-Policy"), `"writes";q=5;w=60`; got != want {
			t.Errorf("RateLimit-Policy is %s, want %s", got, want)
		}
		if got, want := a.header.Get("RateLimit"), fmt.Sprintf(`"writes";r=%d;t=`, 4-i); !strings.HasPrefix(got, want) {
			t.Errorf("after %d changes RateLimit is %s", i+1, got)
		}
	}
	s.unchanged(func() {
		a := vote("bob")
		a.problem(http.StatusTooManyRequests, "rate_limited")
		if a.header.Get("Retry-After") != "12" || a.header.Get("RateLimit") != `"writes";r=0;t=12` {
			t.Errorf("refused: %v", a.header)
		}
	})
	s.get("bob", "/me/contents").want(http.StatusOK) // reading is not bounded
	vote("dave").want(http.StatusOK)                 // nor is somebody else
	vote("guest").problem(http.StatusUnauthorized, "sign_in")
	s.clock.advance(12 * time.Second)
	vote("bob").want(http.StatusOK)
	vote("bob").problem(http.StatusTooManyRequests, "rate_limited")
	// Strangers are told apart by their address, whatever a proxy that nobody
	// knows says about it.
	notice := fields{"explanation": "It copies a whole page of my book.", "name": "Ada", "email": "ada@example.com", "good_faith": true}
	for i := range 6 {
		a := s.do("guest", http.MethodPost, "/contents/"+c.ID+"/notices", notice, header{"X-Forwarded-For", fmt.Sprint("10.0.0.", i)})
		if want := map[bool]int{true: http.StatusCreated, false: http.StatusTooManyRequests}[i < 5]; a.status != want {
			t.Errorf("notice %d: %d, want %d", i, a.status, want)
		}
	}
}

func TestNothingIsServedBeforeTheServiceIsReady(t *testing.T) {
	t.Parallel()
	s := open(t, func(o *options) { o.unready = true })
	s.api.Progress("12000 contents in the public index")
	for _, path := range []string{"/products/kettle", "/me/contents"} {
		a := s.get("alice", path)
		if p := a.problem(http.StatusServiceUnavailable, "starting"); p.Detail != "" || a.header.Get("Retry-After") != "2" {
			t.Errorf("%s: %+v %v", path, p, a.header)
		}
	}
	ready := func() (int, string) {
		a := s.send(s.request("guest", http.MethodGet, "/readyz", nil))
		return a.status, string(a.body)
	}
	if status, body := ready(); status != http.StatusServiceUnavailable || !strings.Contains(body, "12000 contents in the public index") {
		t.Errorf("readyz: %d %s", status, body)
	}
	s.send(s.request("guest", http.MethodGet, "/healthz", nil)).want(http.StatusOK)
	s.send(s.request("guest", http.MethodGet, "/metrics", nil)).want(http.StatusOK)
	s.api.Ready(s.svc)
	if status, body := ready(); status != http.StatusOK {
		t.Errorf("readyz: %d %s", status, body)
	}
	s.get("guest", "/products/kettle").want(http.StatusOK)
	s.api.Unready("stopping")
	s.get("guest", "/products/kettle").problem(http.StatusServiceUnavailable, "starting")
}

func TestAPanicTellsNothing(t *testing.T) {
	t.Parallel()
	broken := false
	s := open(t, func(o *options) {
		o.detect = func(string, ...string) (string, float64) {
			if broken {
				panic("the secret is hunter2")
			}
			return "en", 1
		}
	})
	broken = true
	s.unchanged(func() {
		a := s.do("alice", http.MethodPost, "/products/kettle/questions", fields{"body": "Does it whistle?"})
		if p := a.problem(http.StatusInternalServerError, "internal"); p.Detail != "" || strings.Contains(string(a.body), "hunter2") {
			t.Errorf("answered: %s", a.body)
		}
	})
	if text := s.errors.take(); !strings.Contains(text, "hunter2") {
		t.Errorf("logged: %s", text)
	}
	broken = false
	s.do("alice", http.MethodPost, "/products/kettle/questions", fields{"body": "Does it whistle?"}).want(http.StatusCreated)
}

// A ledger that fails is an internal matter: it is logged, and told to nobody.
func TestAClosedLedgerTellsNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	if err := s.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	a := s.get("moderator", "/moderation/items/some")
	if a.status < http.StatusInternalServerError {
		t.Fatalf("answered %d %s", a.status, a.body)
	}
	p := a.problem(a.status, map[int]string{500: "internal", 503: "unavailable"}[a.status])
	if p.Detail != "" || p.Errors != nil {
		t.Errorf("answered: %s", a.body)
	}
	ready := s.send(s.request("guest", http.MethodGet, "/readyz", nil)).want(http.StatusServiceUnavailable)
	if !strings.Contains(string(ready.body), "the ledger does not answer") {
		t.Errorf("readyz: %s", ready.body)
	}
	if text := s.errors.take(); text == "" {
		t.Error(errors.New("nothing was logged"))
	}
}
