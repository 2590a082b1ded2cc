package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
)

func TestTheCatalogue(t *testing.T) {
	t.Parallel()
	s := open(t)
	full := fields{
		"name": "Lumi kettle", "url": "https://shop.example/lumi", "image": "https://shop.example/lumi.jpg", "brand": "Lumi",
		"gtin": "9520041010307", "description": "Pours well.", "group": "lumi",
	}
	p := as[content.Product](s.do("admin", http.MethodPut, "/products/lumi", full).want(http.StatusOK))
	if p.ID != "lumi" || p.Name != "Lumi kettle" || p.GTIN != "9520041010307" || p.Group != "lumi" || p.UpdatedAt.IsZero() {
		t.Errorf("added: %+v", p)
	}
	if got := as[content.Product](s.get("guest", "/products/lumi").want(http.StatusOK)); got != p {
		t.Errorf("read: %+v, put: %+v", got, p)
	}
	// What is left out is emptied.
	s.do("admin", http.MethodPut, "/products/lumi", fields{"name": "Lumi"}).want(http.StatusOK)
	if got := as[content.Product](s.get("guest", "/products/lumi")); got.Name != "Lumi" || got.Brand != "" {
		t.Errorf("replaced: %+v", got)
	}
	first := as[page[content.Product]](s.get("admin", "/products?limit=2").want(http.StatusOK))
	s.do("admin", http.MethodPut, "/products/anvil", fields{"name": "Came late, sorts first"}).want(http.StatusOK)
	second := as[page[content.Product]](s.get("admin", "/products?limit=2&cursor="+*first.Next).want(http.StatusOK))
	if len(first.Items) != 2 || len(second.Items) != 1 || second.Items[0].ID != "pan" || second.Next != nil {
		t.Errorf("paged: %+v and %+v", first, second)
	}
	s.unchanged(func() {
		for _, c := range []struct {
			id    string
			body  fields
			field string
		}{
			{"lumi", fields{}, "name"},
			{"lumi", fields{"name": strings.Repeat("n", 256)}, "name"},
			{"lumi", fields{"name": "x", "url": "javascript:alert(1)"}, "url"},
			{"lumi", fields{"name": "x", "image": "/lumi.jpg"}, "image"},
			{"lumi", fields{"name": "x", "url": "https://" + strings.Repeat("x", 2000)}, "url"},
			{"lumi", fields{"name": "x", "gtin": "9520041010308"}, "gtin"},
			{"lumi", fields{"name": "x", "group": "a/b"}, "group"},
			{"lumi", fields{"name": "x", "price": 5}, "price"},
			{"a%2Fb", fields{"name": "x"}, "id"},
			{"a%1Fb", fields{"name": "x"}, "id"},
			{strings.Repeat("x", 129), fields{"name": "x"}, "id"},
		} {
			p := s.do("admin", http.MethodPut, "/products/"+c.id, c.body).problem(http.StatusUnprocessableEntity, "invalid")
			if len(p.Errors) != 1 || p.Errors[0].Field != c.field {
				t.Errorf("%s %v: %+v, want the field %s", c.id, c.body, p.Errors, c.field)
			}
		}
	})
}

func TestBoards(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := as[content.Board](s.do("admin", http.MethodPut, "/boards/mutfak", fields{"name": "Mutfak", "description": "Yemek", "language": "tr"}).want(http.StatusOK))
	if b.ID != "mutfak" || b.Language != "tr" {
		t.Errorf("added: %+v", b)
	}
	list := as[page[content.Board]](s.get("guest", "/boards").want(http.StatusOK))
	if len(list.Items) != 2 || list.Items[0].ID != "lounge" || list.Items[1] != b {
		t.Errorf("listed: %+v", list)
	}
	s.unchanged(func() {
		for field, body := range map[string]fields{
			"name": {"name": " "}, "language": {"name": "x", "language": "Turkish"}, "description": {"name": "x", "description": strings.Repeat("d", 2001)},
		} {
			p := s.do("admin", http.MethodPut, "/boards/mutfak", body).problem(http.StatusUnprocessableEntity, "invalid")
			if len(p.Errors) != 1 || p.Errors[0].Field != field {
				t.Errorf("%v: %+v", body, p.Errors)
			}
		}
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.published("alice", "kettle", 5, "One review.")
	a := s.get("admin", "/settings").want(http.StatusOK)
	if got := as[content.Settings](a); a.header.Get("ETag") != `"0"` || got.PriorMean != 3.5 || got.Rev != 0 || !got.UnknownProducts {
		t.Errorf("by default: %s %s", a.header.Get("ETag"), a.body)
	}
	put := func(rev string, body fields) *answer {
		return s.do("admin", http.MethodPut, "/settings", body, header{"If-Match", rev})
	}
	s.unchanged(func() {
		for field, body := range map[string]fields{
			"languages": {"languages": []string{}}, "languages[0]": {"languages": []string{"English"}}, "prior_mean": {"prior_mean": 0},
			"prior_weight": {"prior_weight": -1}, "reports_to_requeue": {"reports_to_requeue": 1001}, "rev": {"rev": 7},
			"synonyms.en[0]": {"synonyms": fields{"en": [][]string{{"alone"}}}}, "synonyms.English": {"synonyms": fields{"English": [][]string{}}},
		} {
			p := put(`"0"`, body).problem(http.StatusUnprocessableEntity, "invalid")
			if len(p.Errors) == 0 || p.Errors[0].Field != field {
				t.Errorf("%v: %+v, want the field %s", body, p.Errors, field)
			}
		}
		s.do("admin", http.MethodPut, "/settings", fields{}).problem(http.StatusPreconditionRequired, "precondition_required")
		put(`"1"`, fields{"prior_mean": 2}).problem(http.StatusPreconditionFailed, "precondition_failed")
	})
	changed := put(`"0"`, fields{"prior_mean": 2, "prior_weight": 1}).want(http.StatusOK)
	if got := as[content.Settings](changed); changed.header.Get("ETag") != `"1"` || got.PriorMean != 2 || got.ReportsToRequeue != 3 || len(got.Languages) != 6 {
		t.Errorf("changed: %s %s", changed.header.Get("ETag"), changed.body)
	}
	put(`"0"`, fields{"prior_mean": 3}).problem(http.StatusPreconditionFailed, "precondition_failed")
	if got := s.get("admin", "/settings").want(http.StatusOK); string(got.body) != string(changed.body) {
		t.Errorf("read: %s, changed: %s", got.body, changed.body)
	}
	// The score follows at once: (5 + 2) / 2.
	if sum := as[content.Summary](s.get("guest", "/products/kettle/summary")); sum.Score != 3.5 {
		t.Errorf("the score is %v", sum.Score)
	}
	put(`"1"`, fields{"synonyms": fields{"en": [][]string{{"kettle", "boiler"}}}}).want(http.StatusOK)
}
