package ledgertest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
)

func testGet(t *testing.T, s ledger.Store) {
	lacks(t, s, plainTable, "nobody")
	lacks(t, s, plainTable, "")
	insert(t, s, plainTable, plain("a", 1, "a"))
	for _, near := range []string{"A", "a ", "aa", "", "а"} { // the last is Cyrillic
		lacks(t, s, plainTable, near)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Fatalf("ping: %v", err)
	}
}

// testCopies changes bytes that went in or came out: the stored ones stay.
func testCopies(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	want := doc("a", 1, ledger.Keys{ledger.BySite: ledger.Key("shop", "a")}, bson.E{Key: "text", Value: "kept"})
	given := want
	given.Data = slices.Clone(want.Data)
	insert(t, s, keyedTable, given)
	clear(given.Data)
	holds(t, s, keyedTable, want)
	raw, err := s.Get(ctx, keyedTable, "a")
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	holds(t, s, keyedTable, want)
	for raw, err := range s.Scan(ctx, keyedTable, ledger.Prefix(ledger.BySite, "shop")) {
		if err != nil {
			t.Fatal(err)
		}
		clear(raw)
	}
	holds(t, s, keyedTable, want)
}

// testBytes stores every BSON type that Candor's documents use.
func testBytes(t *testing.T, s ledger.Store) {
	fields := bson.D{
		{Key: "string", Value: "پیراهنی زیبا و خوش‌دوخت 👌🏽"},
		{Key: "empty", Value: ""},
		{Key: "lines", Value: "a\r\nb\tc\"\\</script>\u2028\u200f"},
		{Key: "int32", Value: int32(-7)},
		{Key: "int64", Value: int64(math.MinInt64)},
		{Key: "big", Value: int64(math.MaxInt64)},
		{Key: "double", Value: 0.1},
		{Key: "whole", Value: 3.0},
		{Key: "tiny", Value: math.SmallestNonzeroFloat64},
		{Key: "true", Value: true},
		{Key: "false", Value: false},
		{Key: "null", Value: nil},
		{Key: "time", Value: time.UnixMilli(1_700_000_000_123)},
		{Key: "early", Value: time.Time{}},
		{Key: "binary", Value: []byte{0, 1, 0xff}},
		{Key: "no bytes", Value: []byte{}},
		{Key: "list", Value: bson.A{"a", int32(1), bson.D{{Key: "z", Value: 1}, {Key: "a", Value: 2}}}},
		{Key: "no list", Value: bson.A{}},
		{Key: "nested", Value: bson.D{{Key: "z", Value: bson.D{{Key: "b", Value: 1}, {Key: "a", Value: 2}}}, {Key: "کلید", Value: "x"}}},
		{Key: "no fields", Value: bson.D{}},
	}
	keys := ledger.Keys{ledger.BySite: ledger.Key("shop", "a"), ledger.ByWaiting: ledger.Key("shop", "a")}
	a, b := doc("a", 1, keys, fields...), doc("b", 1, nil, fields...)
	insert(t, s, keyedTable, a)
	holds(t, s, keyedTable, a)
	fill(t, s, []ledger.Doc{b})
	holds(t, s, keyedTable, b)
	slices.Reverse(fields)
	changed := doc("a", 2, keys, fields...)
	if err := s.Replace(t.Context(), keyedTable, changed, 1); err != nil {
		t.Fatal(err)
	}
	holds(t, s, keyedTable, changed)
	for raw, err := range s.Scan(t.Context(), keyedTable, ledger.Prefix(ledger.BySite, "shop")) {
		if err != nil || !slices.Equal(raw, changed.Data) {
			t.Fatalf("scan gives %v, %v", raw, err)
		}
	}
}

// testUnicode uses ids that sort differently by UTF-16 or by collation, or that
// look alike.
func testUnicode(t *testing.T, s ledger.Store) {
	names := []string{
		"\u00e9", "e\u0301", "E", "e", "\u00e9 ", "\u00ff", "z", "Z", "۱۲", "12", "سلام", "\ufeb3\ufefc\ufee1",
		"नमस्ते", "ığdır", "Iğdır", "\uff5e", "😀", "👩\u200d👩\u200d👧", "\u200fx", "x", "a.b", "$x", "a/b", `a\b`,
		`"quoted"`, "日本", strings.Repeat("ک", 64), "a\x1fb", "a\x1f", "%41", "A", "\uff21", "0", "00",
	}
	var docs []ledger.Doc
	for _, n := range names {
		docs = append(docs, doc(n, 1, ledger.Keys{ledger.BySite: ledger.Key("فروشگاه", n)}, bson.E{Key: "text", Value: n}))
	}
	fill(t, s, docs)
	for _, d := range docs {
		holds(t, s, keyedTable, d)
	}
	slices.Sort(names)
	if got := ids(t, s.Scan(t.Context(), keyedTable, ledger.Range{})); !slices.Equal(got, names) {
		t.Errorf("by id:\n got %q\nwant %q", got, names)
	}
	if got := ids(t, s.Scan(t.Context(), keyedTable, ledger.Prefix(ledger.BySite, "فروشگاه"))); !slices.Equal(got, names) {
		t.Errorf("by site:\n got %q\nwant %q", got, names)
	}
	for _, n := range names {
		changed := doc(n, 2, nil, bson.E{Key: "text", Value: n + n})
		if err := s.Replace(t.Context(), keyedTable, changed, 1); err != nil {
			t.Fatalf("replace %q: %v", n, err)
		}
		holds(t, s, keyedTable, changed)
	}
}

func testUnknownNames(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	d := plain("a", 1, "a")
	_, missing := s.InsertMissing(ctx, "nothing", []ledger.Doc{d})
	_, get := s.Get(ctx, "nothing", "a")
	_, count := s.Count(ctx, "nothing", ledger.Range{})
	_, index := s.Count(ctx, plainTable, ledger.Range{Index: "nothing"})
	for name, err := range map[string]error{
		"insert": s.Insert(ctx, puts("nothing", d)...), "insert missing": missing, "get": get, "count": count,
		"count by index": index,
		"replace":        s.Replace(ctx, "nothing", d, 1),
		"delete":         s.Delete(ctx, "nothing", []string{"a"}),
		"scan":           firstErr(ctx, s, "nothing", ledger.Range{}),
		"scan by index":  firstErr(ctx, s, plainTable, ledger.Range{Index: "nothing"}),
	} {
		if err == nil || errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("%s: got error %v, want one about the name", name, err)
		}
	}
}

func firstErr(ctx context.Context, s ledger.Store, table string, r ledger.Range) error {
	for _, err := range s.Scan(ctx, table, r) {
		if err != nil {
			return err
		}
	}
	return nil
}

// everything calls each method once and gives their errors by name.
func everything(ctx context.Context, s ledger.Store) map[string]error {
	_, missing := s.InsertMissing(ctx, keyedTable, []ledger.Doc{plain("new", 1, "new")})
	_, get := s.Get(ctx, keyedTable, "old")
	_, count := s.Count(ctx, keyedTable, ledger.Range{})
	return map[string]error{
		"insert":         s.Insert(ctx, puts(keyedTable, plain("new", 1, "new"))...),
		"insert missing": missing,
		"get":            get,
		"count":          count,
		"replace":        s.Replace(ctx, keyedTable, plain("old", 2, "changed"), 1),
		"unset":          s.Unset(ctx, keyedTable, ledger.ByOwes, []ledger.Ref{{ID: "old", Rev: 1}}),
		"delete":         s.Delete(ctx, keyedTable, []string{"old"}),
		"scan":           firstErr(ctx, s, keyedTable, ledger.Range{}),
		"empty scan":     firstErr(ctx, s, plainTable, ledger.Range{}),
	}
}

func testCancelled(t *testing.T, s ledger.Store) {
	old := doc("old", 1, ledger.Keys{ledger.ByOwes: ledger.Key("1", "old")})
	insert(t, s, keyedTable, old)
	for name, err := range everything(cancelled(), s) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v, want that of the context", name, err)
		}
	}
	holds(t, s, keyedTable, old)
	lacks(t, s, keyedTable, "new")
}

func testCancelledScan(t *testing.T, s ledger.Store) {
	fill(t, s, keyedDocs(400))
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	var last error
	for raw, err := range s.Scan(ctx, keyedTable, ledger.Range{}) {
		if last = err; err != nil {
			break
		}
		if raw == nil || last != nil {
			t.Fatal("a document without bytes")
		}
		if n++; n == 3 {
			cancel()
		}
	}
	cancel()
	if !errors.Is(last, context.Canceled) || n > 300 {
		t.Fatalf("the scan gave %d documents and ended with %v", n, last)
	}
}

func testClosed(t *testing.T, s ledger.Store) {
	insert(t, s, keyedTable, plain("old", 1, "old"))
	together(3, func(int) {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	errs := everything(t.Context(), s)
	errs["ping"] = s.Ping(t.Context())
	for name, err := range errs {
		if !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("%s: got error %v, want %v", name, err, ledger.ErrUnavailable)
		}
	}
}
