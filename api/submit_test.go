package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

func TestASubmissionIsAnsweredWithWhereItIs(t *testing.T) {
	t.Parallel()
	s := open(t)
	a := s.do("alice", http.MethodPost, "/products/kettle/reviews", fields{
		"rating": 5, "title": "  Steady pour ", "body": "\n Holds eighty degrees. ", "ratings": fields{"value": 4},
		"attributes": fields{"use": "every day"}, "incentivized": true, "language": "en-GB",
		"media": []fields{{"id": s.photo("alice", 1), "caption": "On the stove"}},
	}).want(http.StatusCreated)
	c := asPrivate(a)
	if got, want := a.header.Get("Location"), under("/contents/"+c.ID); got != want {
		t.Errorf("Location is %s, want %s", got, want)
	}
	if got := a.header.Get("ETag"); got != lifecycle.RevTag(1) {
		t.Errorf("ETag is %s", got)
	}
	if c.Title != "Steady pour" || c.Body != "Holds eighty degrees." || c.Ratings["value"] != 4 || c.Attributes["use"] != "every day" ||
		!c.Incentivized || c.Language != "en-GB" || len(c.Media) != 1 || c.Media[0].Caption != "On the stove" {
		t.Errorf("submitted: %s", a.body)
	}
	if c.Author.Name != "Alice" || !c.Author.Verified || c.Author.VerifiedBy != "token" || c.Author.Staff || c.Author.ID == "alice" || c.AuthorID != "" {
		t.Errorf("its author: %+v", c.Author)
	}
	if got := s.get("alice", strings.TrimPrefix(a.header.Get("Location"), under(""))).want(http.StatusOK); !bytes.Equal(got.body, a.body) {
		t.Errorf("at its address is\n%s, submitted was\n%s", got.body, a.body)
	}
	// Only what the token vouches for is verified.
	if c := s.review("alice", "pan", 4, "Not in the token."); c.Author.Verified {
		t.Errorf("bought nothing, but: %+v", c.Author)
	}
	if c := s.submit("staff", "/products/kettle/questions", fields{"body": "Şimdi ne dersiniz?"}); !c.Author.Staff || c.Language != "tr" {
		t.Errorf("of the staff, in Turkish: %+v", c)
	}
}

func TestASubmissionCanBeSentTwice(t *testing.T) {
	t.Parallel()
	s := open(t)
	const path = "/products/kettle/questions"
	body := `{"body": "Does it whistle?"}`
	key := header{"Idempotency-Key", `"first"`}
	first := s.do("alice", http.MethodPost, path, body, key).want(http.StatusCreated)
	if first.header.Get("Idempotent-Replayed") != "" {
		t.Error("the first answer says that it is a repeated one")
	}
	c := asPrivate(first)
	s.unchanged(func() {
		// Some clients send the key without its quotes.
		for _, key := range []header{key, {"Idempotency-Key", "first"}} {
			again := s.do("alice", http.MethodPost, path, body, key).want(http.StatusCreated)
			if !bytes.Equal(again.body, first.body) || again.header.Get("Idempotent-Replayed") != "true" ||
				again.header.Get("Location") != first.header.Get("Location") || again.header.Get("ETag") != first.header.Get("ETag") {
				t.Errorf("repeated:\n%s %v\nfirst:\n%s %v", again.body, again.header, first.body, first.header)
			}
		}
		for name, other := range map[string]struct{ path, body string }{
			"another body":  {path, `{"body": "Does it sing?"}`},
			"other spaces":  {path, `{"body":"Does it whistle?"}`},
			"another place": {"/products/pan/questions", body},
		} {
			p := s.do("alice", http.MethodPost, other.path, other.body, key).problem(http.StatusUnprocessableEntity, "idempotency_mismatch")
			if len(p.Errors) != 1 || p.Errors[0].Field != "Idempotency-Key" {
				t.Errorf("%s: %+v", name, p)
			}
		}
		for name, value := range map[string]string{"long": strings.Repeat("k", 256), "unprintable": "a\u0085b"} {
			p := s.do("alice", http.MethodPost, path, body, header{"Idempotency-Key", value}).problem(http.StatusBadRequest, "invalid_parameter")
			if len(p.Errors) != 1 || p.Errors[0].Field != "Idempotency-Key" {
				t.Errorf("%s: %+v", name, p)
			}
		}
	})
	// What happened since does not change the answer.
	s.decide("moderator", c, "approve")
	if again := s.do("alice", http.MethodPost, path, body, key).want(http.StatusCreated); !bytes.Equal(again.body, first.body) {
		t.Errorf("repeated after the approval: %s", again.body)
	}
	// The key of somebody else is another key.
	if c2 := asPrivate(s.do("bob", http.MethodPost, path, `{"body": "And how loud?"}`, key).want(http.StatusCreated)); c2.ID == c.ID {
		t.Error("bob got what alice submitted")
	}
	// So is one that came to nothing.
	lost := header{"Idempotency-Key", "lost"}
	s.do("alice", http.MethodPost, path, `{"body": ""}`, lost).problem(http.StatusUnprocessableEntity, "invalid")
	s.do("alice", http.MethodPost, path, `{"body": "Second try"}`, lost).want(http.StatusCreated)
}

// The same request sent many times at once makes one content.
func TestASubmissionSentManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	ids := make([]string, 8)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			a := s.do("alice", http.MethodPost, "/products/kettle/reviews", `{"rating": 5, "body": "Once is enough."}`, header{"Idempotency-Key", "k"})
			if a.status == http.StatusCreated {
				ids[i] = asPrivate(a).ID
			} else {
				a.problem(http.StatusConflict, "in_flight")
			}
		})
	}
	all.Wait()
	mine := as[page[content.Private]](s.get("alice", "/me/contents")).Items
	if len(mine) != 1 {
		t.Fatalf("%d contents were made", len(mine))
	}
	for i, id := range ids {
		if id != "" && id != mine[0].ID {
			t.Errorf("request %d was told of %s, there is %s", i, id, mine[0].ID)
		}
	}
}

func TestOneReviewOfAProduct(t *testing.T) {
	t.Parallel()
	s := open(t)
	first := s.review("alice", "kettle", 5, "The first.")
	again := func(as string, key ...header) *answer {
		return s.do(as, http.MethodPost, "/products/kettle/reviews", fields{"rating": 1, "body": "The second."}, key...)
	}
	key := header{"Idempotency-Key", "once"}
	s.unchanged(func() {
		for _, keys := range [][]header{nil, {key}, {key}} {
			if p := again("alice", keys...).problem(http.StatusConflict, "duplicate"); p.Existing != first.ID {
				t.Errorf("the second review: %+v, want the first, %s", p, first.ID)
			}
		}
	})
	s.review("alice", "pan", 4, "Of another product.")
	s.review("bob", "kettle", 4, "Of another shopper.")
	s.submit("alice", "/products/kettle/questions", fields{"body": "Questions are not counted?"})
	// What a moderator turned down can be mended, not written anew.
	rejected := s.decide("moderator", first, "reject", "url")
	if p := again("alice").problem(http.StatusConflict, "duplicate"); p.Existing != first.ID {
		t.Errorf("after a rejection: %+v", p)
	}
	s.do("alice", http.MethodDelete, "/contents/"+rejected.ID, nil).want(http.StatusNoContent)
	second := asPrivate(again("alice", key).want(http.StatusCreated))
	if p := again("alice").problem(http.StatusConflict, "duplicate"); p.Existing != second.ID {
		t.Errorf("after the withdrawal: %+v, want %s", p, second.ID)
	}
}

func TestOneReviewOfAProductAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	var made, refused int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			status := s.do("alice", http.MethodPost, "/products/kettle/reviews", fields{"rating": 5, "body": "Many at once."}).status
			mu.Lock()
			defer mu.Unlock()
			switch status {
			case http.StatusCreated:
				made++
			case http.StatusConflict:
				refused++
			}
		})
	}
	all.Wait()
	if made != 1 || refused != 7 {
		t.Errorf("%d reviews were made and %d refused", made, refused)
	}
}

func TestUnknownProductsAndBoards(t *testing.T) {
	t.Parallel()
	s := open(t)
	// A product may come into being with its first submission.
	s.get("guest", "/products/lamp/reviews").problem(http.StatusNotFound, "not_found")
	// Its id is a shopper's words: strangers learn of it when something about it
	// was looked at and approved.
	first := s.review("alice", "lamp", 5, "Bright.")
	s.get("guest", "/products/lamp").problem(http.StatusNotFound, "not_found")
	s.get("guest", "/products/lamp/summary").problem(http.StatusNotFound, "not_found")
	s.get("guest", "/products/lamp/reviews").problem(http.StatusNotFound, "not_found")
	s.decide("moderator", first, "approve")
	if p := as[content.Product](s.get("guest", "/products/lamp").want(http.StatusOK)); p.Name != "lamp" {
		t.Errorf("the new product is %+v", p)
	}
	if list := as[page[any]](s.get("guest", "/products/lamp/reviews").want(http.StatusOK)); list.Total != 1 {
		t.Errorf("its listing is %+v", list)
	}
	s.do("admin", http.MethodPut, "/settings", fields{"unknown_products": false}, header{"If-Match", `"0"`}).want(http.StatusOK)
	s.unchanged(func() {
		s.do("alice", http.MethodPost, "/products/sofa/reviews", fields{"rating": 5, "body": "Soft."}).problem(http.StatusNotFound, "not_found")
		s.do("alice", http.MethodPost, "/boards/attic/topics", fields{"title": "Dust", "body": "So much."}).problem(http.StatusNotFound, "not_found")
		s.do("alice", http.MethodPost, "/products/a%2Fb/reviews", fields{"rating": 5, "body": "Odd."}).problem(http.StatusNotFound, "not_found")
		s.do("alice", http.MethodPost, "/products/"+strings.Repeat("x", 129)+"/reviews", fields{"rating": 5, "body": "Long."}).problem(http.StatusNotFound, "not_found")
		for _, path := range []string{"/products/sofa", "/products/sofa/reviews", "/products/sofa/questions", "/products/sofa/summary", "/products/sofa/suggest?q=soft", "/products/sofa/highlights", "/boards/attic", "/boards/attic/topics"} {
			s.get("guest", path).problem(http.StatusNotFound, "not_found")
		}
	})
}

// A key whose request was lost in a crash is free again after a while.
func TestAKeyThatACrashLeftBehind(t *testing.T) {
	t.Parallel()
	s := open(t)
	body, key := `{"body": "Does it whistle?"}`, header{"Idempotency-Key", "k"}
	c := asPrivate(s.do("alice", http.MethodPost, "/products/kettle/questions", body, key).want(http.StatusCreated))
	if err := s.ledger.Contents.Delete(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	s.do("alice", http.MethodPost, "/products/kettle/questions", body, key).problem(http.StatusConflict, "in_flight")
	s.clock.advance(time.Minute)
	if again := asPrivate(s.do("alice", http.MethodPost, "/products/kettle/questions", body, key).want(http.StatusCreated)); again.ID == c.ID {
		t.Error("the lost content was answered for")
	}
}
