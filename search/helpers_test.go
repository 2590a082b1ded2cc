package search_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/candor-ugc/candor/search"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fixed is a clock that stands still.
func fixed() search.Options {
	return search.Options{Now: func() time.Time { return epoch.AddDate(0, 6, 0) }}
}

func create(t testing.TB, kind search.Kind, opts search.Options, docs ...search.Document) *search.Index {
	t.Helper()
	x, err := search.Create(filepath.Join(t.TempDir(), "index"), kind, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	put(t, x, docs...)
	return x
}

func put(t testing.TB, x *search.Index, docs ...search.Document) {
	t.Helper()
	for i := range docs {
		if docs[i].Site == "" {
			docs[i].Site = "shop"
		}
		if docs[i].ContentKind == "" {
			docs[i].ContentKind = "review"
		}
		if docs[i].Created.IsZero() {
			docs[i].Created = epoch
		}
	}
	if err := x.Apply(t.Context(), docs, nil); err != nil {
		t.Fatal(err)
	}
}

func find(t testing.TB, x *search.Index, q search.Query) search.Result {
	t.Helper()
	if q.Site == "" {
		q.Site = "shop"
	}
	r, err := x.Search(t.Context(), q)
	if err != nil {
		t.Fatalf("search %+v: %v", q, err)
	}
	return r
}

func ids(r search.Result) []string {
	out := make([]string, len(r.Hits))
	for i, h := range r.Hits {
		out[i] = h.ID
	}
	return out
}

// sharedData finds the folder of real test data beside the project; "" when
// the machine has none.
func sharedData(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		dir = filepath.Dir(dir)
		name := filepath.Join(dir, "shared", "data")
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			return name
		}
	}
	return ""
}

type review struct {
	Product  struct{ ID, Name string }
	Language string
	Rating   *int
	Title    string
	Body     string
	Created  *time.Time `json:"created_at"`
}

// readReviews reads real reviews as documents; pattern is a glob of file names.
func readReviews(t testing.TB, pattern string) []search.Document {
	t.Helper()
	data := sharedData(t)
	if data == "" {
		t.Skip("no shared/data beside the project")
	}
	names, err := filepath.Glob(filepath.Join(data, "reviews", pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	var out []search.Document
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		for n := 0; s.Scan(); n++ {
			var r review
			if err := json.Unmarshal(s.Bytes(), &r); err != nil {
				t.Fatalf("%s:%d: %v", name, n+1, err)
			}
			d := search.Document{
				ID: fmt.Sprintf("%s-%06d", filepath.Base(name)[:5], n), Site: "shop", ContentKind: "review",
				SubjectType: "product", Subject: r.Product.ID, ProductName: r.Product.Name, Language: r.Language,
				Title: r.Title, Body: r.Body, Created: epoch.Add(-time.Duration(n) * time.Minute),
			}
			if r.Rating != nil {
				d.Rating = *r.Rating
			}
			if r.Created != nil {
				d.Created = *r.Created
			}
			out = append(out, d)
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
