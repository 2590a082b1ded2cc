package ledgertest

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
)

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
	fill(t, s, docs)
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
	for _, err := range s.Scan(t.Context(), keyedTable, ledger.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
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
	fill(t, s, docs)
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
	fill(t, s, docs)
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
