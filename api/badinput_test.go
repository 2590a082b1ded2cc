package api_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api"
	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
)

// bad is one request that must be refused.
type bad struct {
	name, as, method, path string
	body                   any
	header                 []header
	status                 int
	code                   string
	// field and why are the first of the problem's errors; empty for none.
	field, why string
}

// TestBadInput sends what must be refused: with the right status, a problem
// that names the field, and the ledger as it was.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := open(t)
	mine := s.published("alice", "kettle", 5, "The first review.")
	waiting := s.submit("carol", "/products/kettle/questions", fields{"body": "It waits still."})
	foreign := s.elsewhere()
	s.tokens["expired"] = s.mint(site, auth.Grant{Subject: "alice", TTL: time.Second})
	s.tokens["none"] = unsigned(`{"alg":"none","typ":"JWT"}`)
	s.tokens["nothing"] = unsigned(`{"typ":"JWT"}`)
	s.clock.advance(time.Minute)

	var table []bad
	table = append(table, badBodies()...)
	table = append(table, badReviews()...)
	table = append(table, badPlaces(waiting.ID, foreign)...)
	table = append(table, badTokens()...)
	table = append(table, badParameters()...)
	table = append(
		table,
		bad{"a stale revision", "alice", "PATCH", "/contents/" + mine.ID, fields{"body": "Changed"}, []header{{"If-Match", `"1"`}}, 412, "precondition_failed", "", ""},
		bad{"no revision", "alice", "PATCH", "/contents/" + mine.ID, fields{"body": "Changed"}, nil, 428, "precondition_required", "If-Match", "precondition_required"},
		bad{"no entity tag", "alice", "PATCH", "/contents/" + mine.ID, fields{"body": "Changed"}, []header{{"If-Match", "two"}}, 412, "precondition_failed", "If-Match", "precondition_failed"},
		bad{"a second review", "alice", "POST", "/products/kettle/reviews", fields{"rating": 1, "body": "The second review."}, nil, 409, "duplicate", "", ""},
		bad{"a vote on one's own", "alice", "PUT", "/contents/" + mine.ID + "/vote", fields{"value": 1}, nil, 403, "own_content", "", ""},
		bad{"a report of one's own", "alice", "POST", "/contents/" + mine.ID + "/reports", fields{"reason": "spam"}, nil, 403, "own_content", "", ""},
		bad{"an unknown reason", "bob", "POST", "/contents/" + mine.ID + "/reports", fields{"reason": "dislike"}, nil, 422, "invalid", "reason", "invalid"},
		bad{"no value", "bob", "PUT", "/contents/" + mine.ID + "/vote", fields{}, nil, 422, "invalid", "value", "required"},
		bad{"half a vote", "bob", "PUT", "/contents/" + mine.ID + "/vote", fields{"value": 0.5}, nil, 422, "invalid", "value", "invalid_type"},
		bad{"an edit of nothing", "alice", "PATCH", "/contents/" + mine.ID, fields{"rating": 0}, []header{{"If-Match", `"2"`}}, 422, "invalid", "rating", "out_of_range"},
		bad{"an edit of the author", "alice", "PATCH", "/contents/" + mine.ID, fields{"author": "bob"}, []header{{"If-Match", `"2"`}}, 422, "invalid", "author", "unknown_field"},
		bad{"no action", "moderator", "POST", "/moderation/items/" + waiting.ID + "/decision", fields{"rev": 1}, nil, 422, "invalid", "action", "invalid"},
		bad{"no reason", "moderator", "POST", "/moderation/items/" + waiting.ID + "/decision", fields{"action": "reject", "rev": 1}, nil, 422, "invalid", "reasons", "required"},
		bad{"a reason of one's own", "moderator", "POST", "/moderation/items/" + waiting.ID + "/decision", fields{"action": "reject", "reasons": []string{"mood"}, "rev": 1}, nil, 422, "invalid", "reasons", "unknown"},
		bad{"no revision", "moderator", "POST", "/moderation/items/" + waiting.ID + "/decision", fields{"action": "approve"}, nil, 422, "invalid", "rev", "required"},
		bad{"a long note", "moderator", "POST", "/moderation/items/" + waiting.ID + "/decision", fields{"action": "approve", "note": strings.Repeat("n", 2001), "rev": 1}, nil, 422, "invalid", "note", "too_long"},
	)
	before := s.dump()
	for _, b := range table {
		a := s.do(b.as, b.method, b.path, b.body, b.header...)
		var p api.Problem
		a.into(&p)
		if a.status != b.status || p.Status != b.status || p.Code != b.code {
			t.Errorf("%s: %s answered %d %.300s, want %d %s", b.name, a.what, a.status, a.body, b.status, b.code)
			continue
		}
		var first content.FieldError
		if len(p.Errors) > 0 {
			first = p.Errors[0]
		}
		if first.Field != b.field || first.Code != b.why || b.field != "" && first.Message == "" {
			t.Errorf("%s: %s names %+v, want %s %s", b.name, a.what, p.Errors, b.field, b.why)
		}
		if got := a.header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: %s is %s", b.name, a.what, got)
		}
		if want, _, _ := strings.Cut(under(b.path), "?"); p.Instance != want && !strings.Contains(b.path, "%") {
			t.Errorf("%s: the problem is about %s, want %s", b.name, p.Instance, want)
		}
	}
	if p := as[api.Problem](s.do("alice", "POST", "/products/kettle/reviews", fields{"rating": 1, "body": "The second review."})); p.Existing != mine.ID {
		t.Errorf("a second review points at %q, want the first, %s", p.Existing, mine.ID)
	}
	if after := s.dump(); after != before {
		t.Errorf("the ledger changed:\n%s", difference(before, after))
	}
}

// elsewhere publishes a review on the other site and gives its id.
func (s *shop) elsewhere() string {
	s.t.Helper()
	ask := func(who auth.Grant, path string, body any) content.Private {
		r := s.request("guest", http.MethodPost, "/v1/sites/"+other+path, body)
		r.Header.Set("Authorization", "Bearer "+s.mint(other, who))
		a := s.send(r)
		if a.status >= 400 {
			s.t.Fatalf("%s answered %d %s", a.what, a.status, a.body)
		}
		return asPrivate(a)
	}
	c := ask(people["bob"], "/products/kettle/reviews", fields{"rating": 4, "body": "Of another site."})
	return ask(people["moderator"], "/moderation/items/"+c.ID+"/decision", fields{"action": "approve", "rev": 1}).ID
}

// unsigned makes a token without a signature.
func unsigned(head string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(head)) + "." + enc([]byte(`{"aud":"candor","iss":"candor","sub":"alice","site":"shop","roles":["admin"],"exp":4102444800}`)) + "."
}

const reviews = "/products/pan/reviews"

// badBodies are no JSON objects of the right fields.
func badBodies() []bad {
	row := func(name string, body any, status int, code, field, why string) bad {
		return bad{name, "alice", http.MethodPost, reviews, body, nil, status, code, field, why}
	}
	list := []bad{
		row("no JSON", "rating: 5", 400, "malformed_json", "", ""),
		row("half a JSON", `{"rating": 5, "body": "Half`, 400, "malformed_json", "", ""),
		row("nothing", "", 400, "malformed_json", "", ""),
		row("null", "null", 400, "malformed_json", "", ""),
		row("a list", `[{"rating": 5}]`, 422, "invalid", "body", "invalid_type"),
		row("a string", `"five stars"`, 422, "invalid", "body", "invalid_type"),
		row("two objects", `{"rating": 5, "body": "One"} {"rating": 1}`, 400, "malformed_json", "", ""),
		row("something behind it", `{"rating": 5, "body": "One"}]`, 400, "malformed_json", "", ""),
		row("a million brackets", strings.Repeat("[", 200_000), 400, "malformed_json", "", ""),
		row("deep objects", strings.Repeat(`{"ratings":`, 17)+"1"+strings.Repeat("}", 17), 400, "malformed_json", "", ""),
		row("10 MB of JSON", `{"rating": 5, "body": "`+strings.Repeat("x", 10<<20)+`"}`, 413, "body_too_large", "", ""),
		row("10 MB of spaces", strings.Repeat(" ", 10<<20), 413, "body_too_large", "", ""),
		row("one byte too many", `{"body": "`+strings.Repeat("x", api.MaxJSON)+`"}`, 413, "body_too_large", "", ""),
		row("an unknown field", fields{"rating": 5, "body": "Fine.", "stars": 5}, 422, "invalid", "stars", "unknown_field"),
		row("an unknown field of a long name", `{"`+strings.Repeat("n", 9999)+`": 1}`, 422, "invalid", strings.Repeat("n", 100), "unknown_field"),
		row("an unknown field within", fields{"rating": 5, "body": "Fine.", "media": []fields{{"id": "m", "url": "x"}}}, 422, "invalid", "url", "unknown_field"),
	}
	for _, owned := range []string{
		"state", "author", "votes", "rev", "id", "site", "kind", "subject", "parent", "shown", "replies", "reasons", "note",
		"created_at", "updated_at", "published_at", "verified", "staff", "author_id", "accepted_answer", "statement",
	} {
		list = append(list, row("the server's "+owned, `{"rating": 5, "body": "Fine.", "`+owned+`": null}`, 422, "invalid", owned, "unknown_field"))
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset", "application/xml"} {
		list = append(list, bad{"a body of " + kind, "alice", http.MethodPost, reviews, fields{"rating": 5, "body": "Fine."}, []header{{"Content-Type", kind}}, 415, "unsupported_media_type", "", ""})
	}
	return list
}

// badReviews are reviews with one field that is wrong.
func badReviews() []bad {
	with := func(field string, value any) fields {
		f := fields{"rating": 5, "body": "Holds eighty degrees."}
		if value == nil {
			delete(f, field)
		} else {
			f[field] = value
		}
		return f
	}
	many := func(n int, value any) fields {
		f := fields{}
		for i := range n {
			f["name "+strings.Repeat("i", i+1)] = value
		}
		return f
	}
	var list []bad
	for _, c := range []struct {
		name, field string
		value       any
		why         string
	}{
		{"no rating", "rating", nil, "required"},
		{"rating 0", "rating", 0, "out_of_range"},
		{"rating 6", "rating", 6, "out_of_range"},
		{"rating -1", "rating", -1, "out_of_range"},
		{"rating 4.5", "rating", 4.5, "invalid_type"},
		{`rating "5"`, "rating", "5", "invalid_type"},
		{"rating true", "rating", true, "invalid_type"},
		{"rating 1e99", "rating", 1e99, "invalid_type"},
		{"no body", "body", nil, "required"},
		{"an empty body", "body", "", "required"},
		{"a blank body", "body", " \n\t\u00a0", "required"},
		{"100,000 characters", "body", strings.Repeat("x", 100_000), "too_long"},
		{"10,001 characters of four bytes", "body", strings.Repeat("🐨", 10_001), "too_long"},
		{"NUL", "body", "Holds\x00 eighty", "invalid_character"},
		{"a bell", "body", "Holds\a eighty", "invalid_character"},
		{"a turned direction", "body", "Holds \u202e eighty", "invalid_character"},
		{"an isolated direction", "body", "Holds \u2066 eighty", "invalid_character"},
		{"a byte order mark", "body", "Holds \ufeff eighty", "invalid_character"},
		{"a number for the body", "body", 5, "invalid_type"},
		{"a long title", "title", strings.Repeat("t", 256), "too_long"},
		{"a turned title", "title", "Steady \u202b pour", "invalid_character"},
		{"a language by name", "language", "English", "invalid"},
		{"a long language", "language", "en-" + strings.Repeat("a", 40), "invalid"},
		{"eleven ratings", "ratings", many(11, 5), "too_many"},
		{"ratings of 6", "ratings.", fields{"value": 6}, "out_of_range"},
		{"ratings of text", "ratings", fields{"value": "5"}, "invalid_type"},
		{"ratings of $where", "ratings", fields{"$where": 5}, "invalid_key"},
		{"ratings of a.b", "ratings", fields{"a.b": 5}, "invalid_key"},
		{"twenty-one attributes", "attributes", many(21, "x"), "too_many"},
		{"a long attribute", "attributes.", fields{"use": strings.Repeat("x", 201)}, "too_long"},
		{"an attribute without a name", "attributes", fields{"": "x"}, "invalid_key"},
		{"eleven photos", "media", make([]fields, 11), "too_many"},
		{"a photo without an id", "media[0].id", []fields{{"caption": "x"}}, "invalid"},
		{"the same photo twice", "media[1].id", []fields{{"id": "m"}, {"id": "m"}}, "invalid"},
		{"a long caption", "media[0].caption", []fields{{"id": "m", "caption": strings.Repeat("c", 301)}}, "too_long"},
		{"perhaps incentivized", "incentivized", "perhaps", "invalid_type"},
	} {
		key, _, _ := strings.Cut(c.field, "[")
		key = strings.TrimSuffix(key, ".")
		field := c.field
		switch field {
		case "ratings.":
			field = "ratings.value"
		case "attributes.":
			field = "attributes.use"
		}
		list = append(list, bad{c.name, "alice", http.MethodPost, reviews, with(key, c.value), nil, 422, "invalid", field, c.why})
	}
	for name, c := range map[string]struct{ body, field string }{
		"invalid UTF-8 in the body":  {"{\"rating\": 5, \"body\": \"Holds \xff\xfe eighty\"}", "body"},
		"invalid UTF-8 in the title": {"{\"rating\": 5, \"title\": \"Holds \xc3\x28\", \"body\": \"Fine.\"}", "title"},
		"half a character":           {"{\"rating\": 5, \"body\": \"Holds \xe2\x82\"}", "body"},
	} {
		list = append(list, bad{name, "alice", http.MethodPost, reviews, c.body, nil, 400, "invalid_utf8", c.field, "invalid_utf8"})
	}
	list = append(
		list,
		bad{"a question with stars", "alice", http.MethodPost, "/products/pan/questions", fields{"rating": 5, "body": "Is it?"}, nil, 422, "invalid", "rating", "not_allowed"},
		bad{"a question with ratings", "alice", http.MethodPost, "/products/pan/questions", fields{"ratings": fields{"value": 5}, "body": "Is it?"}, nil, 422, "invalid", "ratings", "not_allowed"},
		bad{"a topic without a title", "alice", http.MethodPost, "/boards/lounge/topics", fields{"body": "Is it?"}, nil, 422, "invalid", "title", "required"},
	)
	return list
}

// badPlaces are what nothing can be written to.
func badPlaces(waiting, foreign string) []bad {
	text := fields{"body": "Hello"}
	post := func(name, path string) bad {
		return bad{name, "alice", http.MethodPost, path, text, nil, 404, "not_found", "", ""}
	}
	return []bad{
		{"an unknown board", "alice", http.MethodPost, "/boards/attic/topics", fields{"title": "Hello", "body": "Hello"}, nil, 404, "not_found", "", ""},
		post("a product with a slash", "/products/a%2Fb/questions"),
		post("a product with a control character", "/products/a%1Fb/questions"),
		post("a product of broken text", "/products/a%FFb/questions"),
		post("the folder above", "/products/%2E%2E/questions"),
		post("a reply to what waits", "/contents/"+waiting+"/replies"),
		post("a reply to another site", "/contents/"+foreign+"/replies"),
		post("a reply to what never was", "/contents/never/replies"),
		{"a vote on another site", "alice", http.MethodPut, "/contents/" + foreign + "/vote", fields{"value": 1}, nil, 404, "not_found", "", ""},
		{"a vote on what waits", "alice", http.MethodPut, "/contents/" + waiting + "/vote", fields{"value": 1}, nil, 404, "not_found", "", ""},
		{"a report of another site", "alice", http.MethodPost, "/contents/" + foreign + "/reports", fields{"reason": "spam"}, nil, 404, "not_found", "", ""},
		{"a decision about another site", "moderator", http.MethodPost, "/moderation/items/" + foreign + "/decision", fields{"action": "remove", "reasons": []string{"spam"}, "rev": 2}, nil, 404, "not_found", "", ""},
		{"a content of another site", "moderator", http.MethodGet, "/contents/" + foreign, nil, nil, 404, "not_found", "", ""},
		{"an unknown product", "guest", http.MethodGet, "/products/sofa/reviews", nil, nil, 404, "not_found", "", ""},
		{"the summary of an unknown product", "guest", http.MethodGet, "/products/sofa/summary", nil, nil, 404, "not_found", "", ""},
	}
}

// badTokens are refused whatever they ask for.
func badTokens() []bad {
	var list []bad
	for as, code := range map[string]string{
		"foreign": "token_invalid", "misplaced": "token_foreign", "garbage": "token_invalid", "expired": "token_expired",
		"none": "token_invalid", "nothing": "token_invalid",
	} {
		list = append(
			list,
			bad{as + " token", as, http.MethodPost, reviews, fields{"rating": 5, "body": "Fine."}, nil, 401, code, "", ""},
			bad{as + " token for what needs none", as, http.MethodGet, reviews, nil, nil, 401, code, "", ""},
			bad{as + " token of a moderator", as, http.MethodGet, "/moderation/queue", nil, nil, 401, code, "", ""},
		)
	}
	for _, value := range []string{"Bearer", "Bearer ", "Basic YWRhOmFkYQ==", "Token x", "bearer" + strings.Repeat("x", 9000)} {
		list = append(list, bad{"the header " + value, "guest", http.MethodGet, "/me/contents", nil, []header{{"Authorization", value}}, 401, "token_invalid", "", ""})
	}
	return append(list, bad{"no token", "guest", http.MethodPost, reviews, fields{"rating": 5, "body": "Fine."}, nil, 401, "sign_in", "", ""})
}

// badParameters are wrong in the address.
func badParameters() []bad {
	get := func(as, path, code, field, why string) bad {
		return bad{path, as, http.MethodGet, path, nil, nil, 400, code, field, why}
	}
	var list []bad
	for as, paths := range map[string][]string{
		"guest":     {"/products/kettle/reviews?", "/products/kettle/questions?", "/boards/lounge/topics?", "/boards?", "/search?q=x&"},
		"moderator": {"/moderation/queue?", "/moderation/audit?", "/moderation/search?q=x&", "/moderation/authors/alice?"},
		"alice":     {"/me/contents?", "/me/reports?"},
		"admin":     {"/products?"},
	} {
		for _, path := range paths {
			for _, limit := range []string{"0", "-1", "101", "10000", "", "ten", "1e1", "99999999999999999999"} {
				list = append(list, get(as, path+"limit="+limit, "invalid_parameter", "limit", "out_of_range"))
			}
			for _, cursor := range []string{"garbage", "AAAA", "%00", strings.Repeat("x", 900)} {
				b := get(as, path+"cursor="+cursor, "invalid_cursor", "cursor", "invalid")
				if cursor == "%00" {
					b.code = "invalid_parameter"
				}
				list = append(list, b)
			}
			list = append(list, get(as, path+"cursor="+strings.Repeat("x", 1001), "invalid_parameter", "cursor", "invalid"))
		}
	}
	for _, path := range []string{"/products/kettle/reviews?", "/boards/lounge/topics?", "/search?q=x&"} {
		for query, why := range map[string]string{
			"sort=;drop": "invalid", "sort=%3Bdrop": "invalid", "sort=NEWEST": "invalid", "sort=newest,oldest": "invalid", "sort=%zz": "invalid",
			"rating=0": "invalid", "rating=6": "invalid", "rating=4.5": "invalid", "rating=1,,2": "invalid", "rating=five": "invalid",
			"language=English": "invalid", "language=en;tr": "invalid", "verified=yes": "invalid", "media=2": "invalid", "incentivized=": "invalid",
			"rating=" + strings.Repeat("1,", 101): "too_many",
		} {
			field, _, _ := strings.Cut(query, "=")
			list = append(list, get("guest", path+query, "invalid_parameter", field, why))
		}
	}
	return append(
		list,
		get("guest", "/products/kettle/reviews?sort=relevant", "invalid_parameter", "sort", "invalid"),
		get("guest", "/products/kettle/reviews?q="+strings.Repeat("x", 1001), "invalid_parameter", "q", "invalid"),
		get("guest", "/products/kettle/reviews?q=%FF", "invalid_parameter", "q", "invalid"),
		get("guest", "/search", "invalid_parameter", "q", "required"),
		get("guest", "/search?q=", "invalid_parameter", "q", "required"),
		get("guest", "/search?q=x&kind=rumour", "invalid_parameter", "kind", "invalid"),
		get("guest", "/search?q=x&product=kettle&board=lounge", "invalid_parameter", "board", "not_allowed"),
		get("guest", "/summaries", "invalid_parameter", "products", "required"),
		get("guest", "/summaries?products="+strings.Repeat("a,", 101), "invalid_parameter", "products", "too_many"),
		get("guest", "/products/kettle/suggest", "invalid_parameter", "q", "required"),
		get("guest", "/products/kettle/suggest?q=x&limit=21", "invalid_parameter", "limit", "out_of_range"),
		get("guest", "/products/kettle/highlights?limit=51", "invalid_parameter", "limit", "out_of_range"),
		get("moderator", "/moderation/queue?min_age=tomorrow", "invalid_parameter", "min_age", "invalid"),
		get("moderator", "/moderation/queue?max_age=-1h", "invalid_parameter", "max_age", "invalid"),
		get("moderator", "/moderation/queue?kind=rumour", "invalid_parameter", "kind", "invalid"),
		get("moderator", "/moderation/search?q=x&state=lost", "invalid_parameter", "state", "invalid"),
		bad{"an unknown state", "admin", http.MethodPost, "/import?state=rejected", "", nil, 400, "invalid_parameter", "state", "invalid"},
	)
}
