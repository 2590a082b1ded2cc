package search_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/candor-ugc/candor/search"
)

func TestApplyPutsReplacesAndDeletes(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed(),
		search.Document{ID: "a", Language: "en", Body: "A quiet fan"},
		search.Document{ID: "b", Language: "en", Body: "A loud fan"})
	if got := ids(find(t, x, search.Query{Text: "quiet", Language: "en"})); !slices.Equal(got, []string{"a"}) {
		t.Errorf("quiet finds %v", got)
	}
	put(t, x, search.Document{ID: "a", Language: "en", Body: "It broke", Rev: 2})
	if got := find(t, x, search.Query{Text: "quiet", Language: "en"}); got.Total != 0 {
		t.Errorf("the replaced text is still found: %v", ids(got))
	}
	for range 2 { // idempotent
		if err := x.Apply(t.Context(), nil, []string{"a", "nobody"}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := x.Count(t.Context()); err != nil || n != 1 {
		t.Errorf("count %d, %v", n, err)
	}
	if got := ids(find(t, x, search.Query{})); !slices.Equal(got, []string{"b"}) {
		t.Errorf("left over: %v", got)
	}
}

func TestApplyRefusesDocumentsWithoutIDOrSite(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed())
	for _, d := range []search.Document{{Site: "shop"}, {ID: "a"}} {
		err := x.Apply(t.Context(), []search.Document{{ID: "ok", Site: "shop"}, d}, nil)
		if !errors.Is(err, search.ErrDocument) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	if n, _ := x.Count(t.Context()); n != 0 {
		t.Errorf("a refused batch left %d documents", n)
	}
}

func TestConcurrentChangesAreAllThere(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed())
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				id := fmt.Sprintf("%d-%d", w, i)
				d := search.Document{ID: id, Site: "shop", Language: "en", Body: "word" + id}
				if err := x.Apply(t.Context(), []search.Document{d}, nil); err != nil {
					t.Error(err)
				}
				if r := find(t, x, search.Query{Text: `"word` + id + `"`}); r.Total != 1 {
					t.Errorf("%s is not visible after Apply: %d", id, r.Total)
				}
			}
		})
	}
	wg.Wait()
	if n, err := x.Count(t.Context()); err != nil || n != 80 {
		t.Errorf("count %d, %v", n, err)
	}
}

func TestSitesAreApart(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed(),
		search.Document{ID: "a", Site: "one", Language: "en", Subject: "p", SubjectType: "product", Body: "quiet fan"},
		search.Document{ID: "b", Site: "two", Language: "en", Subject: "p", SubjectType: "product", Body: "quiet fan"})
	for _, q := range []search.Query{{Text: "quiet"}, {}, {Subject: "p"}, {Text: "quiet", Subject: "p"}, {Text: "-loud"}} {
		q.Site = "one"
		q.Facets = true
		r := find(t, x, q)
		if !slices.Equal(ids(r), []string{"a"}) || r.Facets[search.FacetKind][0].Count != 1 {
			t.Errorf("%+v finds %v, facets %v", q, ids(r), r.Facets)
		}
	}
	if _, err := x.Search(t.Context(), search.Query{Text: "quiet"}); !errors.Is(err, search.ErrQuery) {
		t.Errorf("no site: %v", err)
	}
	if r := find(t, x, search.Query{Site: "three", Text: "quiet"}); r.Total != 0 {
		t.Errorf("an unknown site has %d hits", r.Total)
	}
}

func TestOpenSaysWhyAnIndexMustBeRebuilt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "index")
	open := func(kind search.Kind, opts search.Options) error {
		x, err := search.Open(path, kind, opts)
		if err == nil {
			err = x.Close()
		}
		return err
	}
	if err := open(search.Public, fixed()); !errors.Is(err, search.ErrMissing) {
		t.Errorf("no folder: %v", err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := open(search.Public, fixed()); !errors.Is(err, search.ErrMissing) {
		t.Errorf("empty folder: %v", err)
	}
	x, err := search.Create(path, search.Public, fixed())
	if err != nil {
		t.Fatal(err)
	}
	if err := open(search.Public, fixed()); !errors.Is(err, search.ErrLocked) {
		t.Errorf("in use: %v", err)
	}
	put(t, x, search.Document{ID: "a", Language: "en", Body: "hello"})
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(search.Public, fixed()); err != nil {
		t.Errorf("sound index: %v", err)
	}
	if err := open(search.Desk, fixed()); !errors.Is(err, search.ErrCorrupt) {
		t.Errorf("other kind: %v", err)
	}
	other := fixed()
	other.Texts = func(context.Context, []string) (map[string]search.Text, error) { return nil, nil }
	if err := open(search.Public, other); !errors.Is(err, search.ErrOutdated) {
		t.Errorf("texts elsewhere: %v", err)
	}
	if err := os.Remove(filepath.Join(path, "index.json")); err != nil {
		t.Fatal(err)
	}
	if err := open(search.Public, fixed()); !errors.Is(err, search.ErrCorrupt) {
		t.Errorf("no meta: %v", err)
	}
}

func TestClosedIndexSaysSo(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed())
	for range 2 {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, searchErr := x.Search(t.Context(), search.Query{Site: "shop"})
	_, countErr := x.Count(t.Context())
	for _, err := range []error{
		searchErr, countErr, x.Apply(t.Context(), []search.Document{{ID: "a", Site: "shop"}}, nil),
		x.Rebuild(t.Context(), stream(), nil),
	} {
		if !errors.Is(err, search.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func stream(docs ...search.Document) iter.Seq2[search.Document, error] {
	return func(yield func(search.Document, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// TestDamageIsFoundAtOpen flips and cuts every file of an index in turn. Open
// must answer ErrCorrupt, or an index that still holds everything where the
// damage hit bytes that mean nothing.
func TestDamageIsFoundAtOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "index")
	x, err := search.Create(path, search.Desk, fixed())
	if err != nil {
		t.Fatal(err)
	}
	var docs []search.Document
	for i := range 300 {
		docs = append(docs, search.Document{ID: fmt.Sprint(i), Language: "en", Body: "some words of a review"})
	}
	put(t, x, docs...)
	if err := x.Apply(t.Context(), nil, []string{"7"}); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	damage := map[string]func([]byte) []byte{
		"empty":      func([]byte) []byte { return nil },
		"half":       func(b []byte) []byte { return b[:len(b)/2] },
		"last byte":  func(b []byte) []byte { b[len(b)-1] ^= 0x40; return b },
		"first byte": func(b []byte) []byte { b[0] ^= 0x40; return b },
		"middle":     func(b []byte) []byte { b[len(b)/2] ^= 0x40; return b },
		"zeros":      func(b []byte) []byte { clear(b[len(b)/4 : len(b)/2]); return b },
		"noise": func(b []byte) []byte {
			for i := 0; i < len(b); i += 97 {
				b[i] ^= byte(i)
			}
			return b
		},
	}
	var found int
	for _, name := range files(t, path) {
		for how, fn := range damage {
			copied := filepath.Join(t.TempDir(), "index")
			if err := os.CopyFS(copied, os.DirFS(path)); err != nil {
				t.Fatal(err)
			}
			target := filepath.Join(copied, name)
			b, err := os.ReadFile(target)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(target, fn(b), 0o600); err != nil {
				t.Fatal(err)
			}
			x, err := search.Open(copied, search.Desk, fixed())
			if err != nil {
				if !errors.Is(err, search.ErrCorrupt) {
					t.Errorf("%s %s: %v", name, how, err)
				}
				found++
				continue
			}
			if n, err := x.Count(t.Context()); err != nil || n != 299 {
				t.Errorf("%s %s: opened with %d documents, %v", name, how, n, err)
			}
			if err := x.Close(); err != nil {
				t.Errorf("%s %s: close: %v", name, how, err)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d damages were found", found)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && d.Name() != "lock" {
			rel, relErr := filepath.Rel(dir, p)
			out = append(out, rel)
			return relErr
		}
		return err
	})
	if err != nil || len(out) < 3 {
		t.Fatalf("files of the index: %v, %v", out, err)
	}
	return out
}

func TestRebuildReplacesWhatIsThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "index")
	docs := make([]search.Document, 2500)
	for i := range docs {
		docs[i] = search.Document{ID: fmt.Sprint(i), Site: "shop", Language: "en", Body: "lovely"}
	}
	var seen []int
	x, err := search.Rebuild(t.Context(), path, search.Public, fixed(), stream(docs...), func(n int) { seen = append(seen, n) })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(seen) || seen[len(seen)-1] != len(docs) {
		t.Errorf("progress %v", seen)
	}
	if n, err := x.Count(t.Context()); err != nil || n != 2500 {
		t.Fatalf("count %d, %v", n, err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("the ledger is away")
	broken := func(yield func(search.Document, error) bool) { yield(search.Document{}, failure) }
	if _, err := search.Rebuild(t.Context(), path, search.Public, fixed(), broken, nil); !errors.Is(err, failure) {
		t.Fatalf("broken stream: %v", err)
	}
	x, err = search.Open(path, search.Public, fixed())
	if err != nil {
		t.Fatalf("a failed rebuild must leave the old index: %v", err)
	}
	if n, _ := x.Count(t.Context()); n != 2500 {
		t.Errorf("a failed rebuild left %d documents", n)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	gens, _ := filepath.Glob(filepath.Join(path, "g-*"))
	if len(gens) != 1 {
		t.Errorf("folders left behind: %v", gens)
	}
}

// TestRebuildWhileServing changes documents while a rebuild streams what they
// were before; the changes must win, and searches must never see a gap.
func TestRebuildWhileServing(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed())
	old := make([]search.Document, 1500)
	for i := range old {
		old[i] = search.Document{ID: fmt.Sprint(i), Site: "shop", Language: "en", Body: "before"}
	}
	put(t, x, old...)
	docs := func(yield func(search.Document, error) bool) {
		for i, d := range old {
			switch i {
			case 10: // before the first batch is written
				change := search.Document{ID: "5", Site: "shop", Language: "en", Body: "after"}
				if err := x.Apply(t.Context(), []search.Document{change}, []string{"6"}); err != nil {
					t.Error(err)
				}
				if err := x.Rebuild(t.Context(), stream(), nil); !errors.Is(err, search.ErrRebuilding) {
					t.Errorf("second rebuild: %v", err)
				}
			case 1200: // after it
				change := search.Document{ID: "7", Site: "shop", Language: "en", Body: "after"}
				if err := x.Apply(t.Context(), []search.Document{change}, []string{"8", "1400"}); err != nil {
					t.Error(err)
				}
				if r := find(t, x, search.Query{Text: "after"}); r.Total != 2 {
					t.Errorf("during the rebuild %d are changed", r.Total)
				}
			}
			if !yield(d, nil) {
				return
			}
		}
	}
	if err := x.Rebuild(t.Context(), docs, nil); err != nil {
		t.Fatal(err)
	}
	if n, _ := x.Count(t.Context()); n != 1497 {
		t.Errorf("count %d after the swap", n)
	}
	got := ids(find(t, x, search.Query{Text: "after"}))
	slices.Sort(got)
	if !slices.Equal(got, []string{"5", "7"}) {
		t.Errorf("changed documents after the swap: %v", got)
	}
}
