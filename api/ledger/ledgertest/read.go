package ledgertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
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
	fill(t, s, keyedTable, []ledger.Doc{b})
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
	fill(t, s, keyedTable, docs)
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
	fill(t, s, keyedTable, keyedDocs(400))
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

// keyedDocs makes documents in an order that is neither that of their ids nor
// that of their keys; every fourth has no key.
func keyedDocs(n int) []ledger.Doc {
	random := rand.New(rand.NewPCG(1, 2))
	docs := make([]ledger.Doc, n)
	for i, p := range random.Perm(n) {
		id := fmt.Sprintf("%04d", i)
		var keys ledger.Keys
		if i%4 > 0 {
			keys = ledger.Keys{ledger.BySite: ledger.Key("shop", fmt.Sprintf("%04d", p), id)}
		}
		docs[i] = doc(id, 1, keys, bson.E{Key: "n", Value: i})
	}
	random.Shuffle(n, func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	return docs
}

// selected is what a scan of r must give, worked out without an engine.
func selected(docs []ledger.Doc, r ledger.Range) []ledger.Doc {
	key := func(d ledger.Doc) string {
		if r.Index == "" {
			return d.ID
		}
		return d.Keys[r.Index]
	}
	var out []ledger.Doc
	for _, d := range docs {
		k := key(d)
		switch {
		case k == "", k < r.From, r.To != "" && k >= r.To:
		case r.After != "" && (!r.Reverse && k <= r.After || r.Reverse && k >= r.After):
		default:
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b ledger.Doc) int {
		if r.Reverse {
			a, b = b, a
		}
		return cmp.Compare(key(a), key(b))
	})
	if r.Limit > 0 && len(out) > r.Limit {
		out = out[:r.Limit]
	}
	return out
}

func testScan(t *testing.T, s ledger.Store) {
	docs := keyedDocs(540)
	fill(t, s, keyedTable, docs)
	k := func(n int) string { return ledger.Key("shop", fmt.Sprintf("%04d", n)) }
	bounded := []ledger.Range{
		{},
		{From: k(100), To: k(500)},
		{From: k(100)},
		{To: k(100)},
		{After: k(300)},
		{After: k(50), From: k(100), To: k(200)},
		{After: k(150), From: k(100), To: k(200)},
		{After: k(250), From: k(100), To: k(200)},
		{From: k(200), To: k(100)},
		{From: "t"},
		{To: "a"},
	}
	for i, r := range bounded {
		for _, limit := range []int{0, 1, 256, 257, 1000} {
			if limit > 0 && i > 1 {
				break // limits and bounds do not depend on each other
			}
			r.Limit = limit
			for _, r.Reverse = range []bool{false, true} {
				r.Index = ledger.BySite
				checkRange(t, s, docs, r)
				byID := ledger.Range{From: bareID(r.From), To: bareID(r.To), After: bareID(r.After), Limit: limit, Reverse: r.Reverse}
				checkRange(t, s, docs, byID)
			}
		}
	}
	// An exact key as a bound: From and To include and exclude it, After leaves
	// it out.
	some := selected(docs, ledger.Range{Index: ledger.BySite})[350].Keys[ledger.BySite]
	for _, reverse := range []bool{false, true} {
		for _, r := range []ledger.Range{{From: some}, {To: some}, {After: some}, {From: some, After: some}, {To: some, After: some}} {
			r.Index, r.Reverse = ledger.BySite, reverse
			checkRange(t, s, docs, r)
		}
	}
	// A caller may stop.
	for range s.Scan(t.Context(), keyedTable, ledger.Range{}) {
		break
	}
}

// bareID makes a bound of ids from one of keys.
func bareID(key string) string { return strings.TrimPrefix(key, "shop\x1f") }

func checkRange(t *testing.T, s ledger.Store, docs []ledger.Doc, r ledger.Range) {
	t.Helper()
	want := selected(docs, r)
	i := 0
	for raw, err := range s.Scan(t.Context(), keyedTable, r) {
		if err != nil {
			t.Fatalf("range %s: %v", show(r), err)
		}
		if i >= len(want) || !slices.Equal(raw, want[i].Data) {
			t.Fatalf("range %s: document %d of %d is %v", show(r), i, len(want), raw)
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("range %s: %d documents, want %d", show(r), i, len(want))
	}
	if n, err := s.Count(t.Context(), keyedTable, r); n != len(want) || err != nil {
		t.Fatalf("range %s: counts %d, %v, want %d", show(r), n, err, len(want))
	}
}

// testScanWhileChanging changes documents from inside the loop, which deadlocks
// where a scan holds a lock. What was not touched comes once and in order.
func testScanWhileChanging(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	const n = 600
	id := func(i int) string { return fmt.Sprintf("%04d", i) }
	make1 := func(id string, rev int64) ledger.Doc {
		return doc(id, rev, ledger.Keys{ledger.BySite: ledger.Key("shop", id)})
	}
	var docs []ledger.Doc
	for i := range n {
		docs = append(docs, make1(id(i), 1))
	}
	fill(t, s, keyedTable, docs)
	seen := map[string]int{}
	last := ""
	for raw, err := range s.Scan(ctx, keyedTable, ledger.Prefix(ledger.BySite, "shop")) {
		if err != nil {
			t.Fatal(err)
		}
		d := parsed(t, raw)
		if d.ID <= last {
			t.Fatalf("%q comes after %q", d.ID, last)
		}
		last = d.ID
		i := len(seen)
		seen[d.ID]++
		if i%20 != 0 {
			continue
		}
		// Delete behind and ahead, change ahead, and add behind.
		ahead := (i + 300) / 20 * 20
		if err := errors.Join(
			s.Delete(ctx, keyedTable, []string{id(i + 1), id(ahead + 2)}),
			s.Insert(ctx, puts(keyedTable, make1("+"+id(i), 1))...),
		); err != nil {
			t.Fatal(err)
		}
		if ahead+3 < n {
			if err := s.Replace(ctx, keyedTable, make1(id(ahead+3), 2), 1); err != nil && !errors.Is(err, ledger.ErrConflict) {
				t.Fatal(err)
			}
		}
	}
	for i := range n {
		if got := seen[id(i)]; got > 1 || got == 0 && i%20 != 1 && i%20 != 2 {
			t.Fatalf("%q was seen %d times", id(i), got)
		}
	}
}

// testScanLargeDocuments scans more than an engine should read in one go.
func testScanLargeDocuments(t *testing.T, s ledger.Store) {
	const n = 6
	for i := range n {
		insert(t, s, plainTable, plain(fmt.Sprint(i), 1, strings.Repeat("x", 4<<20)))
	}
	for _, reverse := range []bool{false, true} {
		want := []string{"0", "1", "2", "3", "4", "5"}
		if reverse {
			slices.Reverse(want)
		}
		if got := ids(t, s.Scan(t.Context(), plainTable, ledger.Range{Reverse: reverse})); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// testPrefix keeps neighbours apart whose names begin alike.
func testPrefix(t *testing.T, s ledger.Store) {
	sites := []string{"a", "ab", "a b", "a!", "a-b", "A", "b", "", "aa", "a\u200c", "ä"}
	products := []string{"p", "pp", "p p", "p!"}
	var docs []ledger.Doc
	for _, site := range sites {
		for _, product := range products {
			id := fmt.Sprintf("%d", len(docs))
			docs = append(docs, doc(id, 1, ledger.Keys{ledger.ByPublic: ledger.Key(site, "product", product, id)}))
		}
	}
	fill(t, s, keyedTable, docs)
	for _, site := range sites {
		checkPrefix(t, s, docs, []string{site}, len(products))
		for _, product := range products {
			checkPrefix(t, s, docs, []string{site, "product", product}, 1)
		}
		checkPrefix(t, s, docs, []string{site, "prod"}, 0)
	}
	checkPrefix(t, s, docs, nil, len(docs))
}

func checkPrefix(t *testing.T, s ledger.Store, docs []ledger.Doc, parts []string, n int) {
	t.Helper()
	r := ledger.Prefix(ledger.ByPublic, parts...)
	checkRange(t, s, docs, r)
	for raw, err := range s.Scan(t.Context(), keyedTable, r) {
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(parsed(t, raw).Keys[ledger.ByPublic], "\x1f")
		if !slices.Equal(got[:len(parts)], parts) {
			t.Errorf("prefix %q gives %q", parts, got)
		}
		n--
	}
	if n != 0 {
		t.Errorf("prefix %q: %d documents too few", parts, n)
	}
}
