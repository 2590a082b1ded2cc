package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/search/language"
)

func (s *shop) imports(query, body string) *answer {
	s.t.Helper()
	return s.do("admin", http.MethodPost, "/import"+query, body, header{"Content-Type", "application/x-ndjson"})
}

func TestImportOverHTTP(t *testing.T) {
	t.Parallel()
	s := open(t)
	lines := []string{
		`{"product": {"id": "lamp", "name": "A lamp"}, "rating": 5, "body": "Bright wombat.", "created_at": "2025-01-02T03:04:05Z", "author": {"id": "zoe", "name": "Zoë"}, "verified": true, "helpful_votes": 3, "source": "old shop", "unknown": [1]}`,
		``,
		`{"product": "lamp", "rating": null, "body": "Stars are missing.", "language": "nb"}`,
		`{"product": "lamp", "rating": 4, "body": ""}`,
		`{"product": "lamp", "question": "Is the wombat bright?", "answers": [{"body": "Very.", "from": "review"}, {"body": "Quite."}]}`,
		`{"key": "t1", "kind": "topic", "board": "lounge", "body": "A topic without a title."}`,
		`{"kind": "post", "parent": "t1", "body": "And a post."}`,
		`{"product": "lamp", "rating": 9, "body": "Nine stars"}`,
		`{"product": "lamp", "rating": "5", "body": "Words"}`,
		`{"product": "lamp"`,
		`{"rating": 5, "body": "About nothing"}`,
		`{"kind": "answer", "parent": "lost", "body": "To nobody"}`,
		`{"product": "lamp", "body": "Both", "state": "rejected"}`,
		`{"product": "lamp", "body": "When?", "created_at": "yesterday"}`,
	}
	body := strings.Join(lines, "\n")
	done := as[lifecycle.Imported](s.imports("?state=approved", body).want(http.StatusOK))
	if done.Added != 8 || done.Skipped != 0 || done.Rejected != 7 {
		t.Errorf("imported: %+v", done)
	}
	reasons := map[int]string{8: "rating", 9: "rating", 10: "JSON", 11: "product", 12: "parent", 13: "state", 14: "created_at"}
	for _, r := range done.Reasons {
		if want := reasons[r.Line]; want == "" || !strings.Contains(r.Reason, want) {
			t.Errorf("line %d was turned down: %s", r.Line, r.Reason)
		}
		delete(reasons, r.Line)
	}
	if len(reasons) > 0 {
		t.Errorf("not turned down: %v", reasons)
	}
	sum := as[content.Summary](s.get("guest", "/products/lamp/summary").want(http.StatusOK))
	if sum.Count != 3 || sum.Rated != 2 || sum.Average != 4.5 || sum.Questions != 1 || sum.Answers != 2 || sum.Verified != 1 {
		t.Errorf("the summary: %+v", sum)
	}
	if s.found("wombat") != 2 {
		t.Errorf("%d wombats are found", s.found("wombat"))
	}
	list := asPage(s.get("guest", "/products/lamp/reviews?sort=oldest&limit=1"))
	if c := list.Items[0]; c.CreatedAt.Year() != 2025 || c.Author.Name != "Zoë" || c.Votes.Helpful != 3 || c.Author.VerifiedBy != "import" {
		t.Errorf("the oldest is %+v", c)
	}
	// Again: nothing new.
	s.unchanged(func() {
		if again := as[lifecycle.Imported](s.imports("?state=approved", body)); again.Added != 0 || again.Skipped != 8 {
			t.Errorf("imported again: %+v", again)
		}
	})
	// By default what comes waits.
	if done := as[lifecycle.Imported](s.imports("", `{"product": "lamp", "rating": 1, "body": "A late wombat."}`)); done.Added != 1 {
		t.Errorf("imported late: %+v", done)
	}
	if s.found("wombat") != 2 || s.queue("?product=lamp").Total != 1 {
		t.Error("what was imported without a state is public")
	}
	if nothing := as[lifecycle.Imported](s.imports("", "").want(http.StatusOK)); nothing.Added+nothing.Skipped+nothing.Rejected != 0 {
		t.Errorf("imported nothing: %+v", nothing)
	}
}

func TestImportsAreBounded(t *testing.T) {
	t.Parallel()
	s := open(t)
	first := `{"product": "lamp", "rating": 5, "body": "The first."}` + "\n"
	long := s.imports("", first+`{"product": "lamp", "rating": 5, "body": "`+strings.Repeat("x", 3<<20)+`"}`)
	if p := long.problem(http.StatusRequestEntityTooLarge, "body_too_large"); !strings.Contains(p.Detail, "line 2") {
		t.Errorf("a long line: %+v", p)
	}
	blank := s.imports("", first+strings.Repeat("\n", api.MaxImport))
	if p := blank.problem(http.StatusRequestEntityTooLarge, "body_too_large"); p.Detail == "" {
		t.Errorf("too much: %+v", p)
	}
	if s.queue("?product=lamp").Total != 1 {
		t.Error("the lines before were not taken in")
	}
}

// TestRealTexts imports real reviews, with the real language detector, and
// compares what is served with what the file says.
func TestRealTexts(t *testing.T) {
	t.Parallel()
	file, err := os.Open(filepath.Join(sharedData(t), "reviews", "tr-hepsiburada_airfryer.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	s := open(t, func(o *options) { o.detect = language.Load().Detect })
	type want struct{ count, stars int }
	products, rows := map[string]want{}, 300
	var body strings.Builder
	for lines := bufio.NewScanner(file); lines.Scan() && rows > 0; rows-- {
		var row struct {
			Product struct{ ID string }
			Rating  int
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		w := products[row.Product.ID]
		products[row.Product.ID] = want{w.count + 1, w.stars + row.Rating}
		body.Write(lines.Bytes())
		body.WriteByte('\n')
	}
	if done := as[lifecycle.Imported](s.imports("?state=approved", body.String()).want(http.StatusOK)); done.Rejected != 0 || done.Added != 300 {
		t.Fatalf("imported: %+v", done)
	}
	if len(products) == 0 {
		t.Fatal("the file names no products")
	}
	for id, w := range products {
		sum := as[content.Summary](s.get("guest", "/products/"+id+"/summary").want(http.StatusOK))
		if sum.Count != w.count || fmt.Sprintf("%.4f", sum.Average) != fmt.Sprintf("%.4f", float64(w.stars)/float64(w.count)) {
			t.Errorf("%s: %+v, want %+v", id, sum, w)
		}
		if list := asPage(s.get("guest", "/products/"+id+"/reviews?limit=1&language=tr")); list.Total < w.count*9/10 {
			t.Errorf("%s: %d of %d reviews are taken for Turkish", id, list.Total, w.count)
		}
	}
	if c := s.submit("alice", "/products/kettle/questions", fields{"body": "Bu su ısıtıcısı kaç dakikada kaynatıyor acaba?"}); c.Language != "tr" {
		t.Errorf("a Turkish question is taken for %q", c.Language)
	}
	if c := s.submit("alice", "/products/kettle/questions", fields{"body": "How long does this kettle take to boil a litre of water?"}); c.Language != "en" {
		t.Errorf("an English question is taken for %q", c.Language)
	}
}

// sharedData finds the folder with test data beside the project.
func sharedData(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		data := filepath.Join(dir, "shared", "data")
		if _, err := os.Stat(data); err == nil {
			return data
		}
		if dir == filepath.Dir(dir) {
			t.Skip("no folder shared/data beside the project")
		}
	}
}
