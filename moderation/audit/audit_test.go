package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/moderation/audit"
)

func chain(t *testing.T, n int) []audit.Record {
	t.Helper()
	var out []audit.Record
	var last audit.Record
	for i := range n {
		var media []string
		if i%2 == 1 {
			media = []string{fmt.Sprintf("m%d", i)}
		}
		r, err := audit.Seal(last, audit.Record{
			Site: "demo", At: time.Date(2026, 1, 1, 0, i, 0, 123456789, time.FixedZone("x", 3600)), Actor: "mod-1", Role: "moderator",
			Content: fmt.Sprintf("c%d", i), Kind: "review", Action: "reject", From: "pending", To: "rejected", Rev: 2, Rating: 1 + i%5,
			After: audit.Digest([]byte("salt"), "title", "body"), Language: "en", Reasons: []string{"spam"}, Media: media,
			Versions: map[string]string{"lexicon/en": "1", "classifier": "classifier@1.20"},
		})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
		last = r
	}
	return out
}

func each(list []audit.Record) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	whole := chain(t, 6)
	head, err := audit.Verify(each(whole), whole[5].Head())
	if err != nil || head != whole[5].Head() {
		t.Fatalf("whole chain: %+v, %v", head, err)
	}
	for name, tt := range map[string]struct {
		harm func([]audit.Record) []audit.Record
		seq  int64
	}{
		"changed":   {func(r []audit.Record) []audit.Record { r[2].To = "approved"; return r }, 3},
		"rehashed":  {func(r []audit.Record) []audit.Record { r[2] = chain(t, 1)[0]; r[2].Seq = 3; return r }, 3},
		"missing":   {func(r []audit.Record) []audit.Record { return append(r[:3], r[4:]...) }, 5},
		"swapped":   {func(r []audit.Record) []audit.Record { r[1], r[2] = r[2], r[1]; return r }, 3},
		"first cut": {func(r []audit.Record) []audit.Record { return r[1:] }, 2},
		"last cut":  {func(r []audit.Record) []audit.Record { return r[:5] }, 6},
		"rating":    {func(r []audit.Record) []audit.Record { r[4].Rating = 5 - r[4].Rating%2; return r }, 5},
		"version":   {func(r []audit.Record) []audit.Record { r[3].Versions["classifier"] = "x"; return r }, 4},
		"medium":    {func(r []audit.Record) []audit.Record { r[5].Media = []string{"another"}; return r }, 6},
		"no medium": {func(r []audit.Record) []audit.Record { r[5].Media = nil; return r }, 6},
		"automatic": {func(r []audit.Record) []audit.Record { r[0].Automatic = true; return r }, 1},
		"time":      {func(r []audit.Record) []audit.Record { r[0].At = r[0].At.Add(time.Millisecond); return r }, 1},
	} {
		harmed := tt.harm(chain(t, 6))
		_, err := audit.Verify(each(harmed), whole[5].Head())
		var broken *audit.BrokenError
		if name == "rating" && harmed[4].Rating == whole[4].Rating {
			t.Fatal("the test changes nothing")
		}
		if !errors.Is(err, audit.ErrBroken) || !errors.As(err, &broken) || broken.Seq != tt.seq {
			t.Errorf("%s: %v, want record %d", name, err, tt.seq)
		}
	}
}

// TestOldChainsHold: records from before media were named have the hash they had.
func TestOldChainsHold(t *testing.T) {
	t.Parallel()
	const was = "ba4ea6088cc49e69b8ee6e54d59c78d294458114336863df1f1aeb8339de21ce"
	if got := chain(t, 1)[0].Hash; got != was {
		t.Errorf("hash %s, was %s", got, was)
	}
}

func TestRecordsSurviveStores(t *testing.T) {
	t.Parallel()
	var back []audit.Record
	for _, r := range chain(t, 3) {
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var b audit.Record
		if err := json.Unmarshal(raw, &b); err != nil {
			t.Fatal(err)
		}
		b.At = time.UnixMilli(b.At.UnixMilli()) // a store with milliseconds, local time
		back = append(back, b)
	}
	if _, err := audit.Verify(each(back), audit.Head{}); err != nil {
		t.Error(err)
	}
}

func TestNoWordsInRecords(t *testing.T) {
	t.Parallel()
	good := audit.Record{Site: "demo", Action: "approve", At: time.Unix(1, 0)}
	if _, err := audit.Seal(audit.Record{}, good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*audit.Record){
		"note as reason": func(r *audit.Record) { r.Reasons = []string{"she wrote that her neighbour"} },
		"words as media": func(r *audit.Record) { r.Media = []string{"her face"} },
		"name":           func(r *audit.Record) { r.Actor = "Jane Doe" },
		"text":           func(r *audit.Record) { r.After = "the whole text of the review" },
		"letters":        func(r *audit.Record) { r.Content = "şikayet" },
		"version":        func(r *audit.Record) { r.Versions = map[string]string{"x": "free words"} },
		"long":           func(r *audit.Record) { r.Before = strings.Repeat("a", 300) },
		"no site":        func(r *audit.Record) { r.Site = "" },
		"rating":         func(r *audit.Record) { r.Rating = 9 },
	} {
		r := good
		spoil(&r)
		if _, err := audit.Seal(audit.Record{}, r); !errors.Is(err, audit.ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if audit.Digest([]byte("a"), "bc") == audit.Digest([]byte("a"), "b", "c") || audit.Digest([]byte("a"), "b") == audit.Digest([]byte("b"), "b") {
		t.Error("digests collide")
	}
}

func TestExports(t *testing.T) {
	t.Parallel()
	list := chain(t, 2)
	list[0].Actor = "=cmd"
	var c, j bytes.Buffer
	if err := audit.WriteCSV(&c, each(list)); err != nil {
		t.Fatal(err)
	}
	if err := audit.WriteJSONLines(&j, each(list)); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(c.String(), "\n"); rows != 3 || !strings.Contains(c.String(), "'=cmd") {
		t.Errorf("CSV:\n%s", c.String())
	}
	if lines := strings.Count(j.String(), "\n"); lines != 2 || !strings.Contains(j.String(), `"hash":"`) {
		t.Errorf("JSON Lines:\n%s", j.String())
	}
	broken := errors.New("disk")
	failing := func(yield func(audit.Record, error) bool) { yield(audit.Record{}, broken) }
	if err := audit.WriteCSV(&c, failing); !errors.Is(err, broken) {
		t.Errorf("CSV: %v", err)
	}
	if err := audit.WriteJSONLines(&j, failing); !errors.Is(err, broken) {
		t.Errorf("JSON Lines: %v", err)
	}
}
