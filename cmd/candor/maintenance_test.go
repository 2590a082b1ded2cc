package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/search"
)

// stocked makes a data folder with contents of every kind, votes and replies.
func stocked(t *testing.T) string {
	t.Helper()
	data := newData(t)
	var rows strings.Builder
	for i, body := range []string{"Sturdy and bright", "Dim, sadly", "Fine for the price", "Arrived late", "Bright enough", "Broke soon"} {
		row := map[string]any{
			"key": body, "product": map[string]string{"id": "lamp", "name": "Desk lamp"}, "rating": 1 + i%5, "body": body,
			"helpful_votes": i, "author": map[string]string{"id": "a" + body[:2], "name": body[:2]}, "created_at": "2024-03-0" + string(rune('1'+i)) + "T10:00:00Z",
		}
		if i == 5 {
			row["state"] = "pending"
		}
		if err := json.NewEncoder(&rows).Encode(row); err != nil {
			t.Fatal(err)
		}
	}
	rows.WriteString(`{"key":"q","product":"lamp","question":"Which bulb?","answers":[{"body":"E27."}]}` + "\n")
	rows.WriteString(`{"key":"c","kind":"comment","parent":"Dim, sadly","body":"Mine too"}` + "\n")
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.WriteFile(file, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := command(t, "import", "--data", data, "--site", "shop", "--state", "approved", file).must(t)
	if !strings.HasPrefix(r.out, "added 9, there already 0, rejected 0,") {
		t.Fatalf("import: %s%s", r.out, r.errs)
	}
	base, stop := serveHere(t, data)
	defer stop()
	c := newClient(t, base, "")
	for i, it := range all(t, c, "/products/lamp/reviews") {
		send[any](t, c.as(tokenOf(t, data, "voter", content.Shopper)), http.MethodPut, "/contents/"+it.ID+"/vote",
			map[string]int{"value": 1 - 2*(i%2)}, http.StatusOK)
	}
	return data
}

var score = regexp.MustCompile(`"score":[0-9.e-]+,"highlights"`)

// shown is what strangers see of a stocked folder, byte for byte.
func shown(t *testing.T, data string, args ...string) string {
	t.Helper()
	base, stop := serveHere(t, data, args...)
	defer stop()
	c := newClient(t, base, "")
	var out strings.Builder
	for _, path := range []string{
		"/products/lamp/reviews", "/products/lamp/reviews?sort=helpful", "/products/lamp/summary", "/products/lamp/questions", "/search?q=bright",
	} {
		a, err := c.ask(http.MethodGet, path, nil)
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %v", path, a.status, err)
		}
		// How much a match is worth depends on how fresh it is.
		out.Write(score.ReplaceAll(a.body, nil))
		out.WriteByte('\n')
	}
	return out.String()
}

func TestCopyAndReindex(t *testing.T) {
	t.Parallel()
	data := stocked(t)
	want := shown(t, data)
	if !strings.Contains(want, "Sturdy") || strings.Contains(want, "Broke soon") {
		t.Fatalf("unexpected sample: %s", want)
	}
	from, to := "bolt:"+filepath.Join(data, "ledger.db"), "bolt:"+filepath.Join(t.TempDir(), "copy.db")
	first := command(t, "copy", "--from", from, "--to", to).must(t)
	second := command(t, "copy", "--from", from, "--to", to).must(t)
	if !strings.Contains(first.out, " 0 were there already") || !strings.HasPrefix(second.out, "copied 0 documents") {
		t.Errorf("copied %q, then %q", first.out, second.out)
	}
	// The copy serves the same from a folder that has nothing but the sites.
	fresh := filepath.Join(t.TempDir(), "fresh")
	if err := os.CopyFS(filepath.Join(fresh, "sites"), os.DirFS(filepath.Join(data, "sites"))); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, fresh, "--ledger", to); got != want {
		t.Errorf("the copy shows\n%s\nwant\n%s", got, want)
	}
	r := command(t, "reindex", "--data", data).must(t)
	if !strings.HasPrefix(r.out, "indexed 9 contents, 8 of them public") {
		t.Errorf("reindex: %q", r.out)
	}
	if got := shown(t, data); got != want {
		t.Errorf("after reindex\n%s\nwant\n%s", got, want)
	}
	if err := os.RemoveAll(filepath.Join(data, "index")); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, data); got != want {
		t.Errorf("without an index\n%s\nwant\n%s", got, want)
	}
	exported := command(t, "export", "--data", data, "--site", "shop").must(t).out
	if copied := command(t, "export", "--data", fresh, "--ledger", to, "--site", "shop").must(t).out; copied != exported {
		t.Error("the copy exports something else")
	}
}

func TestExportResumes(t *testing.T) {
	t.Parallel()
	data := stocked(t)
	whole := command(t, "export", "--data", data, "--site", "shop").must(t).out
	lines := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	tables := map[string]int{}
	for _, line := range lines {
		var l struct {
			Table string
			Doc   map[string]any
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		tables[l.Table]++
	}
	if tables["contents"] != 9 || tables["votes"] != 5 || tables["products"] != 1 {
		t.Errorf("exported %v", tables)
	}
	for _, cut := range []int{0, 1, len(whole) / 3, len(whole) / 2, len(whole) - 1, len(whole)} {
		out := filepath.Join(t.TempDir(), "export.jsonl")
		if err := os.WriteFile(out, []byte(whole[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"export", "--data", data, "--site", "shop", "--out", out}
		if r := command(t, args...); r.code != exitFailed || !strings.Contains(r.errs, "--resume") {
			t.Errorf("export onto a file: exit status %d, %q", r.code, r.errs)
		}
		command(t, append(args, "--resume")...).must(t)
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != whole {
			t.Errorf("resumed at byte %d: %d bytes, want %d", cut, len(got), len(whole))
		}
	}
	out := filepath.Join(t.TempDir(), "notes.txt")
	for _, text := range []string{"my notes\n", `{"table":"poems","key":"a"}` + "\n"} {
		if err := os.WriteFile(out, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := command(t, "export", "--data", data, "--site", "shop", "--out", out, "--resume"); r.code != exitFailed {
			t.Errorf("resumed a file of %q: exit status %d", text, r.code)
		}
		if got, err := os.ReadFile(out); err != nil || string(got) != text {
			t.Errorf("a file that is no export became %q %v", got, err)
		}
	}
}

// TestCheck plants damage and sees it found, mended and gone.
func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(t *testing.T, data string)
		says  string
	}{
		"wrong sum of votes": {plantLedger(func(ctx context.Context, l *ledger.Ledger, id string) error {
			_, err := l.Tallies.Modify(ctx, id, func(v *ledger.Tally, _ bool) error {
				v.Votes.Helpful += 7
				v.Rev++
				return nil
			})
			return err
		}), "votes are noted"},
		"lost sum of votes": {plantLedger(func(ctx context.Context, l *ledger.Ledger, id string) error {
			return l.Tallies.Delete(ctx, id)
		}), "votes are noted"},
		"lost history": {plantLedger(func(ctx context.Context, l *ledger.Ledger, id string) error {
			return l.Events.Delete(ctx, id+"/1")
		}), "changes are on record"},
		"content missing in the public index": {plantIndex(search.Public), "public index holds"},
		"content missing in the desk index":   {plantIndex(search.Desk), "desk index holds"},
		"public index gone":                   {plantFiles("public", true), "public index could not be used"},
		"desk index cut short":                {plantFiles("desk", false), "desk index could not be used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := stocked(t)
			command(t, "check", "--data", data).must(t)
			c.plant(t, data)
			r := command(t, "check", "--data", data)
			if r.code != exitFailed || !strings.Contains(r.errs, c.says) {
				t.Errorf("check: exit status %d, %q, want %q in it", r.code, r.errs, c.says)
			}
			command(t, "check", "--data", data, "--repair").must(t)
			if r := command(t, "check", "--data", data).must(t); !strings.Contains(r.out, "found 0 problems") {
				t.Errorf("after the repair: %q", r.out)
			}
		})
	}
}

// plantLedger damages what belongs to the first review that has a vote.
func plantLedger(damage func(context.Context, *ledger.Ledger, string) error) func(*testing.T, string) {
	return func(t *testing.T, data string) {
		t.Helper()
		store, err := openLedger(t.Context(), "bolt:"+filepath.Join(data, "ledger.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = store.Close() }()
		l := ledger.New(store)
		for v, err := range l.Votes.Scan(t.Context(), ledger.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(t.Context(), l, v.Content); err != nil {
				t.Fatal(err)
			}
			return
		}
		t.Fatal("no votes")
	}
}

// plantIndex takes one content out of an index.
func plantIndex(kind search.Kind) func(*testing.T, string) {
	return func(t *testing.T, data string) {
		t.Helper()
		x, err := search.Open(filepath.Join(data, "index", string(kind)), kind, search.Options{})
		if err != nil {
			t.Fatal(err)
		}
		res, err := x.Search(t.Context(), search.Query{Site: "shop", Limit: 1})
		if err != nil || len(res.Hits) == 0 {
			t.Fatalf("%v %v", res, err)
		}
		if err := x.Apply(t.Context(), nil, []string{res.Hits[0].ID}); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// plantFiles removes an index, or cuts each of its files in half.
func plantFiles(name string, remove bool) func(*testing.T, string) {
	return func(t *testing.T, data string) {
		t.Helper()
		dir := filepath.Join(data, "index", name)
		if remove {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			return
		}
		segments, err := filepath.Glob(filepath.Join(dir, "*", "*.zap"))
		if err != nil || len(segments) == 0 {
			t.Fatalf("no segments in %s: %v", dir, err)
		}
		for _, file := range segments {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, b[:len(b)/2], 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
