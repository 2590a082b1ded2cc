package api_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api"
	"github.com/candor-ugc/candor/api/content"
)

// rank orders the people of the tests by their role.
var rank = map[content.Role]int{"": 0, content.Shopper: 1, content.Staff: 2, content.Moderator: 3, content.Admin: 4}

// TestWhoMayCallWhat asks every route as everybody. What a role may not call
// is refused before anything is read, and changes nothing.
func TestWhoMayCallWhat(t *testing.T) {
	t.Parallel()
	s := open(t)
	c, medium := s.published("carol", "kettle", 4, "Something to ask for."), s.photo("carol", 1)
	fill := regexp.MustCompile(`:\w+`)
	address := func(r api.Route, site string) string {
		return fill.ReplaceAllStringFunc(strings.Replace(r.Path, ":site", site, 1), func(name string) string {
			return map[string]string{":product": "kettle", ":board": "lounge", ":id": c.ID, ":author": "carol", ":rule": "r", ":notice": "n", ":medium": medium, ":variant": "thumb"}[name]
		})
	}
	s.unchanged(func() {
		for _, r := range api.Routes() {
			for as, role := range map[string]content.Role{
				"guest": "", "bob": content.Shopper, "staff": content.Staff, "moderator": content.Moderator,
			} {
				if rank[role] >= rank[r.Role] {
					continue
				}
				a := s.send(s.request(as, r.Method, address(r, site), "{", header{"If-Match", `"1"`}))
				if r.Method == http.MethodHead { // without a body
					a.want(map[bool]int{true: http.StatusUnauthorized, false: http.StatusForbidden}[role == ""])
					continue
				}
				if role == "" {
					a.problem(http.StatusUnauthorized, "sign_in")
					if a.header.Get("WWW-Authenticate") == "" {
						t.Errorf("%s %s does not say how to sign in", r.Method, r.Path)
					}
				} else {
					a.problem(http.StatusForbidden, "forbidden")
				}
			}
			if r.Method == http.MethodHead {
				continue
			}
			s.send(s.request("foreign", r.Method, address(r, site), nil)).problem(http.StatusUnauthorized, "token_invalid")
			s.send(s.request("misplaced", r.Method, address(r, site), nil)).problem(http.StatusUnauthorized, "token_foreign")
			s.send(s.request("admin", r.Method, address(r, "nowhere"), nil)).problem(http.StatusNotFound, "not_found")
		}
		for _, unknown := range []string{"..%2f" + site, strings.ToUpper(site), "a--", strings.Repeat("x", 65), "%00"} {
			s.send(s.request("admin", http.MethodGet, "/v1/sites/"+unknown+"/boards", nil)).problem(http.StatusNotFound, "not_found")
		}
	})
}

// The role that a route asks for is enough.
func TestTheRoleOfARouteIsEnough(t *testing.T) {
	t.Parallel()
	s := open(t)
	medium := s.photo("carol", 1)
	c := s.decide("moderator", s.submit("carol", "/products/kettle/reviews", fields{
		"rating": 4, "body": "Something to ask for.", "media": []fields{{"id": medium}},
	}), "approve")
	notice := s.do("guest", http.MethodPost, "/contents/"+c.ID+"/notices", fields{
		"explanation": "It copies a whole page of my book.", "name": "Ada", "email": "ada@example.com", "good_faith": true,
	}).want(http.StatusCreated).header.Get("Location")
	fill := strings.NewReplacer(
		"/v1/sites/:site", "", ":product", "kettle", ":board", "lounge", ":id", c.ID, ":author", "carol",
		":notice", strings.TrimPrefix(notice, under("/notices/")),
		":medium", medium, ":variant", "thumb",
	)
	// An upload is known to who made it, and to moderators.
	own := []string{under("/media/" + medium), under("/media/" + medium + "/events")}
	query := map[string]string{"search": "?q=ask", "suggest": "?q=ask", "summaries": "?products=kettle"}
	for _, r := range api.Routes() {
		if r.Method != http.MethodGet {
			continue
		}
		path := fill.Replace(r.Path)
		path += query[path[strings.LastIndex(path, "/")+1:]]
		for as, role := range map[string]content.Role{
			"guest": "", "bob": content.Shopper, "staff": content.Staff, "moderator": content.Moderator, "admin": content.Admin,
		} {
			if rank[role] < rank[r.Role] {
				continue
			}
			if slices.Contains(own, under(path)) && !role.Includes(content.Moderator) {
				as = "carol"
			}
			if a := s.get(as, path); a.status != http.StatusOK {
				t.Errorf("%s as %s: %d %s", path, as, a.status, a.body)
			}
		}
	}
}

// An id of another site is an id that never was, whoever asks.
func TestSitesKnowNothingOfEachOther(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.published("carol", "kettle", 4, "Something to ask for.")
	token := s.mint(other, people["admin"])
	ask := func(method, path string, body any) *answer {
		r := s.request("guest", method, "/v1/sites/"+other+path, body, header{"If-Match", `"2"`})
		r.Header.Set("Authorization", "Bearer "+token)
		return s.send(r)
	}
	s.unchanged(func() {
		for _, try := range []struct {
			method, path string
			body         any
		}{
			{http.MethodGet, "/contents/" + c.ID, nil},
			{http.MethodGet, "/contents/" + c.ID + "/replies", nil},
			{http.MethodPost, "/contents/" + c.ID + "/replies", fields{"body": "Hello"}},
			{http.MethodPatch, "/contents/" + c.ID, fields{"body": "Hello"}},
			{http.MethodDelete, "/contents/" + c.ID, nil},
			{http.MethodPut, "/contents/" + c.ID + "/vote", fields{"value": 1}},
			{http.MethodPost, "/contents/" + c.ID + "/reports", fields{"reason": "spam"}},
			{http.MethodGet, "/moderation/items/" + c.ID, nil},
			{http.MethodPost, "/moderation/items/" + c.ID + "/claim", nil},
			{http.MethodPost, "/moderation/items/" + c.ID + "/decision", fields{"action": "remove", "reasons": []string{"spam"}, "rev": 2}},
			{http.MethodGet, "/moderation/authors/carol", nil},
			{http.MethodGet, "/products/kettle", nil},
			{http.MethodGet, "/products/kettle/reviews", nil},
			{http.MethodGet, "/products/kettle/summary", nil},
			{http.MethodGet, "/boards/lounge", nil},
		} {
			ask(try.method, try.path, try.body).problem(http.StatusNotFound, "not_found")
		}
		for _, path := range []string{"/search?q=something", "/moderation/search?q=something", "/moderation/queue", "/moderation/audit", "/me/contents", "/products", "/boards"} {
			if p := as[page[any]](ask(http.MethodGet, path, nil).want(http.StatusOK)); len(p.Items) != 0 {
				t.Errorf("%s lists of another site %v", path, p.Items)
			}
		}
	})
}
