package ledger_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
)

const separator = "\x1f"

// parts are names that collate, fold or look alike, or sort close to the
// separator.
var parts = []string{"", "a", "ab", "a b", "a!", "A", "b", "é", "e\u0301", "ش", "😀", "\uff5e", "\x7f", " ", "\xff", "0", "00"}

func contains(r ledger.Range, key string) bool {
	return key >= r.From && (r.To == "" || key < r.To)
}

// FuzzPrefix: a prefix holds the keys that begin with its parts and have more,
// and no others.
func FuzzPrefix(f *testing.F) {
	for _, a := range parts {
		for _, b := range parts {
			f.Add(a, b, "x", "y")
			f.Add(a, "x", b, "y")
			f.Add("x", a, "x", b)
			f.Add(a, b, a, "")
		}
	}
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		for _, s := range []*string{&a, &b, &c, &d} {
			*s = strings.ReplaceAll(*s, separator, "")
		}
		key := []string{c, d, "id"}
		for _, prefix := range [][]string{{a}, {a, b}, {a, b, ""}, {c}, {c, d}, {c, d, "id"}} {
			r := ledger.Prefix(ledger.BySite, prefix...)
			want := len(prefix) < len(key) && slices.Equal(prefix, key[:len(prefix)])
			if got := contains(r, ledger.Key(key...)); got != want {
				t.Errorf("prefix %q contains %q: %v, want %v", prefix, key, got, want)
			}
			if r.Index != ledger.BySite || r.From > r.To {
				t.Errorf("prefix %q is [%q, %q) of %q", prefix, r.From, r.To, r.Index)
			}
		}
	})
}

// FuzzKeyOrder: keys of printable parts sort as the lists of their parts do.
func FuzzKeyOrder(f *testing.F) {
	for _, a := range parts {
		for _, b := range parts {
			f.Add(a, "x", b, "y")
			f.Add("x", a, "x", b)
		}
	}
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		printable := func(s string) string {
			return string(slices.DeleteFunc([]byte(s), func(c byte) bool { return c < ' ' }))
		}
		x, y := []string{printable(a), printable(b)}, []string{printable(c), printable(d)}
		if got, want := cmp.Compare(ledger.Key(x...), ledger.Key(y...)), slices.Compare(x, y); got != want {
			t.Errorf("keys of %q and %q compare as %d, want %d", x, y, got, want)
		}
		if got := strings.Split(ledger.Key(x...), separator); !slices.Equal(got, x) {
			t.Errorf("key of %q has the parts %q", x, got)
		}
	})
}

func TestPrefixOfNothing(t *testing.T) {
	t.Parallel()
	if got, want := ledger.Prefix(ledger.ByOwes), (ledger.Range{Index: ledger.ByOwes}); got != want {
		t.Errorf("got %+v, want the whole index", got)
	}
}

// TestPrefixLeavesParts: a caller's slice with room behind it stays as it is.
func TestPrefixLeavesParts(t *testing.T) {
	t.Parallel()
	list := []string{"shop", "p-1", "c"}
	ledger.Prefix(ledger.BySite, list[:1]...)
	if want := []string{"shop", "p-1", "c"}; !slices.Equal(list, want) {
		t.Errorf("the parts became %q", list)
	}
}

// FuzzMillis: times as text sort as the times do.
func FuzzMillis(f *testing.F) {
	for _, a := range []int64{-1, 0, 1, 15, 16, 1_700_000_000_000, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()} {
		f.Add(a, a+1)
		f.Add(a, int64(0))
	}
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
	f.Fuzz(func(t *testing.T, a, b int64) {
		a, b = a%last, b%last
		x, y := ledger.Millis(time.UnixMilli(a)), ledger.Millis(time.UnixMilli(b).Add(999*time.Microsecond))
		if len(x) != 12 || len(y) != 12 {
			t.Errorf("%q and %q differ in length", x, y)
		}
		// Times before 1970 count as 1970.
		if got, want := cmp.Compare(x, y), cmp.Compare(max(a, 0), max(b, 0)); got != want {
			t.Errorf("%d as %q and %d as %q compare as %d, want %d", a, x, b, y, got, want)
		}
	})
}

func TestWithKeys(t *testing.T) {
	t.Parallel()
	own, err := bson.Marshal(bson.D{
		{Key: "rev", Value: "wrong"},
		{Key: "b", Value: 1},
		{Key: "_id", Value: "wrong"},
		{Key: "x", Value: bson.D{{Key: "site", Value: "wrong"}}},
		{Key: "a", Value: bson.D{{Key: "_id", Value: "kept"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := ledger.Keys{"site": "s", "owes": "o"}
	got := ledger.WithKeys("id", 7, keys, own)
	want, err := bson.Marshal(bson.D{
		{Key: "_id", Value: "id"},
		{Key: "b", Value: 1},
		{Key: "a", Value: bson.D{{Key: "_id", Value: "kept"}}},
		{Key: "rev", Value: int64(7)},
		{Key: "x", Value: bson.D{{Key: "owes", Value: "o"}, {Key: "site", Value: "s"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %v\nwant %v", got, bson.Raw(want))
	}
	d, err := ledger.ParseDoc(got)
	if err != nil || d.ID != "id" || d.Rev != 7 || !maps.Equal(d.Keys, keys) || !slices.Equal(d.Data, got) {
		t.Errorf("parsed as %+v, %v", d, err)
	}
	if without := ledger.WithKeys("id", 7, nil, got); without.Lookup("x").Type != 0 {
		t.Errorf("without keys: %v", without)
	}
}

// FuzzParseDoc: whatever lies on the disk is read or refused, and what was read
// is written back the same.
func FuzzParseDoc(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{5, 0, 0, 0, 0})
	for _, id := range []string{"", "a", "ش"} {
		f.Add([]byte(ledger.WithKeys(id, 3, ledger.Keys{"site": "s" + separator + id}, nil)))
		f.Add([]byte(ledger.WithKeys(id, -1, nil, nil))[1:])
	}
	for _, d := range []bson.D{{{Key: "_id", Value: 7}}, {{Key: "_id", Value: "a"}, {Key: "rev", Value: "b"}, {Key: "x", Value: 1}}} {
		raw, err := bson.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ledger.ParseDoc(data)
		if err != nil {
			return
		}
		again, err := ledger.ParseDoc(ledger.WithKeys(d.ID, d.Rev, d.Keys, d.Data))
		if err != nil || again.ID != d.ID || again.Rev != d.Rev || !maps.Equal(again.Keys, d.Keys) {
			t.Errorf("%v, read as %+v, comes back as %+v, %v", bson.Raw(data), d, again, err)
		}
	})
}

func TestExistsError(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("insert: %w", &ledger.ExistsError{Table: "slots", ID: "a"})
	if !errors.Is(err, ledger.ErrExists) || errors.Is(err, ledger.ErrConflict) {
		t.Errorf("%v is not what it should be", err)
	}
	if got := err.Error(); !strings.Contains(got, "slots") || !strings.Contains(got, `"a"`) {
		t.Errorf("%q names neither table nor id", got)
	}
}

// TestSchemas: names are unique, and can be fields and buckets.
func TestSchemas(t *testing.T) {
	t.Parallel()
	tables := map[string]bool{}
	for _, s := range ledger.Schemas() {
		if tables[s.Table] || strings.ContainsAny(s.Table, ".$ ") || s.Table == "" {
			t.Errorf("table %q", s.Table)
		}
		tables[s.Table] = true
		indexes := map[string]bool{}
		for _, i := range s.Indexes {
			if indexes[i] || strings.ContainsAny(i, ".$ ") || i == "" {
				t.Errorf("index %q of %q", i, s.Table)
			}
			indexes[i] = true
		}
	}
}
