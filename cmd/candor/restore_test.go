package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
)

// moderated adds to a stocked folder what people do with it: decisions, an edit,
// a report, settings, rules and policies.
func moderated(t *testing.T) string {
	t.Helper()
	data := stocked(t)
	base, stop := serveHere(t, data)
	defer stop()
	c := newClient(t, base, "")
	ada, mira := c.as(tokenOf(t, data, "ada", content.Admin)), c.as(tokenOf(t, data, "mira", content.Moderator))
	send[any](t, ada, http.MethodPut, "/settings", map[string]any{"languages": []string{"en", "tr"}, "reports_to_requeue": 5}, http.StatusOK, "If-Match", `"0"`)
	send[any](t, ada, http.MethodPost, "/moderation/rules", map[string]any{
		"name": "Links", "source": `has("url")`, "action": "route", "argument": "links", "enabled": true,
	}, http.StatusCreated)
	send[any](t, ada, http.MethodPut, "/moderation/policies", map[string]any{"kinds": map[string]any{"review": map[string]any{"mode": "first", "first": 2}}},
		http.StatusOK, "If-Match", `"0"`)
	decide := func(it item, action string, reasons ...string) {
		t.Helper()
		send[any](t, mira, http.MethodPost, "/moderation/items/"+it.ID+"/decision", map[string]any{"action": action, "rev": it.Rev, "reasons": reasons}, http.StatusOK)
	}
	// Two wait at a time, so that the history of one lies within that of another.
	zoe, yan := c.as(tokenOf(t, data, "zoe", content.Shopper)), c.as(tokenOf(t, data, "yan", content.Shopper))
	review := func(c client, body string) item {
		t.Helper()
		return send[item](t, c, http.MethodPost, "/products/lamp/reviews", map[string]any{"rating": 4, "body": body}, http.StatusCreated)
	}
	first, second := review(zoe, "Bright, and the switch is where I look for it"), review(yan, "Buy coins instead")
	decide(first, "approve")
	decide(second, "reject", "spam")
	edited := send[item](t, zoe, http.MethodPatch, "/contents/"+first.ID, map[string]any{"body": "Bright, but the switch broke"}, http.StatusOK, "If-Match", `"2"`)
	decide(edited, "approve")
	send[any](t, yan, http.MethodPost, "/contents/"+first.ID+"/reports", map[string]any{"reason": "other", "note": "It never broke."}, http.StatusCreated)
	return data
}

// managed is what moderators and administrators see of a folder, by path.
func managed(t *testing.T, data string) map[string]string {
	t.Helper()
	base, stop := serveHere(t, data)
	defer stop()
	c := newClient(t, base, tokenOf(t, data, "ada", content.Admin))
	seen := map[string]string{}
	for _, path := range []string{
		"/settings", "/moderation/rules", "/moderation/policies", "/moderation/queue", "/moderation/audit?limit=100", "/moderation/audit/export", "/products",
	} {
		a, err := c.ask(http.MethodGet, path, nil)
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %v %s", path, a.status, err, a.body)
		}
		seen[path] = string(a.body)
	}
	for _, it := range all(t, c, "/products/lamp/reviews") {
		path := "/moderation/items/" + it.ID
		a, err := c.ask(http.MethodGet, path, nil)
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %v", path, a.status, err)
		}
		seen[path] = string(a.body)
	}
	return seen
}

// exportLines is an export of a folder, each line with its members in order.
// When a sum of votes was last counted is left out: votes that are taken in are
// counted again.
func exportLines(t *testing.T, data string) (lines []string, raw string) {
	t.Helper()
	raw = command(t, "export", "--data", data, "--site", "shop").must(t).out
	for line := range strings.Lines(raw) {
		var l struct {
			Table, Key string
			Doc        map[string]any
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Table == "tallies" {
			delete(l.Doc, "changed")
			delete(l.Doc, "rev")
		}
		b, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	return lines, raw
}

// TestRestore moves a site by an export into a folder that has nothing but the
// site's keys.
func TestRestore(t *testing.T) {
	t.Parallel()
	data := moderated(t)
	want, raw := exportLines(t, data)
	file := filepath.Join(t.TempDir(), "export.jsonl")
	if err := os.WriteFile(file, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{
		"settings", "products", "tallies", "contents", "slots", "revisions", "events", "votes", "reports", "audit", "rules", "policies",
	} {
		if !strings.Contains(raw, `{"table":"`+table+`"`) {
			t.Errorf("there is nothing of the table %s to restore", table)
		}
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	if err := os.CopyFS(filepath.Join(fresh, "sites"), os.DirFS(filepath.Join(data, "sites"))); err != nil {
		t.Fatal(err)
	}
	for _, counts := range []string{
		fmt.Sprintf("added %d, there already 0, rejected 0,", len(want)),
		fmt.Sprintf("added 0, there already %d, rejected 0,", len(want)),
	} {
		r := command(t, "import", "--data", fresh, "--site", "shop", file).must(t)
		if !strings.HasPrefix(r.out, counts) {
			t.Fatalf("import: %q %s, want %q", r.out, r.errs, counts)
		}
		if got := command(t, "check", "--data", fresh).must(t); !strings.HasSuffix(got.out, "found 0 problems\n") || strings.Contains(got.out, "and 0 audit") {
			t.Errorf("check: %q %s", got.out, got.errs)
		}
		lines, _ := exportLines(t, fresh)
		if len(lines) != len(want) {
			t.Fatalf("%d lines, want %d", len(lines), len(want))
		}
		for i := range lines {
			if lines[i] != want[i] {
				t.Fatalf("line %d of the export is\n%s\nwant\n%s", i+1, lines[i], want[i])
			}
		}
	}
	if before, after := command(t, "check", "--data", data).must(t), command(t, "check", "--data", fresh).must(t); before.out != after.out {
		t.Errorf("checked %q, before %q", after.out, before.out)
	}
	if got, want := shown(t, fresh), shown(t, data); got != want {
		t.Errorf("strangers see\n%s\nwant\n%s", got, want)
	}
	was := managed(t, data)
	is := managed(t, fresh)
	for path, want := range was {
		if is[path] != want {
			t.Errorf("%s gives\n%s\nwant\n%s", path, is[path], want)
		}
	}
	// A site that is not there takes nothing, nor does another one.
	command(t, "site", "create", "annex", "--data", fresh).must(t)
	r := command(t, "import", "--data", fresh, "--site", "annex", file)
	if !strings.HasPrefix(r.out, fmt.Sprintf("added 0, there already 0, rejected %d,", len(want))) || !strings.Contains(r.errs, `belongs to the site "shop"`) {
		t.Errorf("import into another site: %q %.300s", r.out, r.errs)
	}
}
