package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
)

func testInsert(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	first, second := plain("a", 1, "first"), plain("a", 1, "second")
	insert(t, s, plainTable, first)
	holds(t, s, plainTable, first)

	for name, d := range map[string]ledger.Doc{"other": second, "same": first} {
		err := s.Insert(ctx, puts(plainTable, d)...)
		wantErr(t, err, ledger.ErrExists)
		var exists *ledger.ExistsError
		if !errors.As(err, &exists) || exists.Table != plainTable || exists.ID != "a" {
			t.Fatalf("%s: error %#v does not name the document in the way", name, err)
		}
	}
	holds(t, s, plainTable, first)

	// Another table has its own ids.
	insert(t, s, keyedTable, second)
	holds(t, s, keyedTable, second)
	holds(t, s, plainTable, first)
	if err := s.Insert(ctx); err != nil {
		t.Fatalf("insert nothing: %v", err)
	}
}

func testInsertInOrder(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	insert(t, s, plainTable, plain("taken", 7, "old"))
	key := ledger.Keys{ledger.BySite: ledger.Key("shop", "c")}
	err := s.Insert(ctx,
		ledger.Put{Table: "leases", Doc: plain("before", 1, "new")},
		ledger.Put{Table: plainTable, Doc: plain("taken", 1, "new")},
		ledger.Put{Table: keyedTable, Doc: doc("after", 1, key)},
		ledger.Put{Table: plainTable, Doc: plain("taken", 2, "newer")},
	)
	var exists *ledger.ExistsError
	if !errors.As(err, &exists) || *exists != (ledger.ExistsError{Table: plainTable, ID: "taken"}) {
		t.Fatalf("got error %v, want the taken id", err)
	}
	holds(t, s, plainTable, plain("taken", 7, "old"))
	lacks(t, s, keyedTable, "after")
	if got := ids(t, s.Scan(ctx, keyedTable, ledger.Prefix(ledger.BySite, "shop"))); len(got) > 0 {
		t.Fatalf("index has %q of a document that is not there", got)
	}

	// One id twice in one call: the second is in the way of the first.
	err = s.Insert(ctx, puts(plainTable, plain("twin", 1, "one"), plain("twin", 1, "two"))...)
	if !errors.As(err, &exists) || exists.ID != "twin" {
		t.Fatalf("got error %v, want the twin", err)
	}
	if raw, err := s.Get(ctx, plainTable, "twin"); err == nil {
		if got, want := parsed(t, raw), plain("twin", 1, "one"); !sameDoc(got, want) {
			t.Fatalf("the second twin was stored: %v", got.Data)
		}
	} else {
		wantErr(t, err, ledger.ErrNotFound)
	}

	all := []ledger.Doc{plain("x", 1, "1"), plain("y", 1, "2"), plain("z", 1, "3")}
	insert(t, s, plainTable, all...)
	for _, d := range all {
		holds(t, s, plainTable, d)
	}
}

func testInsertMissing(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	insert(t, s, plainTable, plain("b", 5, "old"), plain("d", 1, "same"))
	docs := []ledger.Doc{
		plain("a", 1, "new"), plain("b", 1, "new"), plain("c", 1, "new"),
		plain("d", 1, "same"), plain("c", 1, "again"), plain("e", 1, "new"),
	}
	added, err := s.InsertMissing(ctx, plainTable, docs)
	if err != nil {
		t.Fatal(err)
	}
	if want := []bool{true, false, true, false, false, true}; !slices.Equal(added, want) {
		t.Fatalf("added %v, want %v", added, want)
	}
	holds(t, s, plainTable, docs[0])
	holds(t, s, plainTable, plain("b", 5, "old"))
	holds(t, s, plainTable, docs[2])
	holds(t, s, plainTable, docs[5])

	added, err = s.InsertMissing(ctx, plainTable, docs)
	if err != nil || slices.Contains(added, true) || len(added) != len(docs) {
		t.Fatalf("second run added %v, %v", added, err)
	}
	if added, err = s.InsertMissing(ctx, plainTable, nil); err != nil || len(added) != 0 {
		t.Fatalf("nothing added %v, %v", added, err)
	}
}

func testInsertMissingMany(t *testing.T, s ledger.Store) {
	const n = 1300
	var odd, all []ledger.Doc
	for i := range n {
		id := fmt.Sprintf("%04d", i)
		d := doc(id, 1, ledger.Keys{ledger.BySite: ledger.Key("shop", id)}, bson.E{Key: "n", Value: i})
		if all = append(all, d); i%2 == 1 {
			odd = append(odd, d)
		}
	}
	fill(t, s, odd)
	added, err := s.InsertMissing(t.Context(), keyedTable, all)
	if err != nil {
		t.Fatal(err)
	}
	for i, ok := range added {
		if ok != (i%2 == 0) {
			t.Fatalf("document %d: added %v", i, ok)
		}
	}
	got := ids(t, s.Scan(t.Context(), keyedTable, ledger.Prefix(ledger.BySite, "shop")))
	if len(got) != n || !slices.IsSorted(got) {
		t.Fatalf("%d documents, in order %v; want %d", len(got), slices.IsSorted(got), n)
	}
}

func testReplace(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	wantErr(t, s.Replace(ctx, plainTable, plain("a", 2, "new"), 1), ledger.ErrNotFound)
	lacks(t, s, plainTable, "a")

	insert(t, s, plainTable, plain("a", 1, "one"), plain("b", 1, "bystander"))
	if err := s.Replace(ctx, plainTable, plain("a", 2, "two"), 1); err != nil {
		t.Fatal(err)
	}
	holds(t, s, plainTable, plain("a", 2, "two"))
	for _, from := range []int64{0, 1, 3, -1} {
		wantErr(t, s.Replace(ctx, plainTable, plain("a", from+1, "stale"), from), ledger.ErrConflict)
	}
	// Repeating a change that was made is a conflict like any other.
	wantErr(t, s.Replace(ctx, plainTable, plain("a", 2, "two"), 1), ledger.ErrConflict)
	holds(t, s, plainTable, plain("a", 2, "two"))
	holds(t, s, plainTable, plain("b", 1, "bystander"))
}

func testReplaceMovesKeys(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	owes, site := ledger.Key("0001", "a"), ledger.Key("shop", "a")
	insert(t, s, keyedTable, doc("a", 1, ledger.Keys{ledger.BySite: site, ledger.ByOwes: owes}))
	later := doc("a", 2, ledger.Keys{ledger.BySite: site, ledger.ByWaiting: site, ledger.ByOwes: ledger.Key("0002", "a")})
	if err := s.Replace(ctx, keyedTable, later, 1); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		r    ledger.Range
		want int
	}{
		{ledger.Prefix(ledger.BySite, "shop"), 1},
		{ledger.Prefix(ledger.ByWaiting, "shop"), 1},
		{ledger.Prefix(ledger.ByOwes, "0001"), 0},
		{ledger.Prefix(ledger.ByOwes, "0002"), 1},
		{ledger.Prefix(ledger.ByPublic), 0},
	} {
		if got := ids(t, s.Scan(ctx, keyedTable, test.r)); len(got) != test.want {
			t.Errorf("range %s gives %q, want %d documents", show(test.r), got, test.want)
		}
		if got, err := s.Count(ctx, keyedTable, test.r); got != test.want || err != nil {
			t.Errorf("range %s counts %d, %v, want %d", show(test.r), got, err, test.want)
		}
	}
}

func testUnset(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	keyed := func(id string, rev int64) ledger.Doc {
		return doc(id, rev, ledger.Keys{ledger.BySite: ledger.Key("shop", id), ledger.ByOwes: ledger.Key("1", id)}, bson.E{Key: "text", Value: "سلام"})
	}
	a, b, c := keyed("a", 3), keyed("b", 3), keyed("c", 3)
	lone := doc("lone", 1, ledger.Keys{ledger.ByOwes: ledger.Key("1", "lone")})
	insert(t, s, keyedTable, a, b, c, lone)
	refs := []ledger.Ref{at(a), {ID: "b", Rev: 2}, {ID: "c", Rev: 4}, {ID: "absent", Rev: 1}, at(lone)}
	for range 2 { // the second time nothing is left to do
		if err := s.Unset(ctx, keyedTable, ledger.ByOwes, refs); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := ids(t, s.Scan(ctx, keyedTable, ledger.Prefix(ledger.ByOwes))), []string{"b", "c"}; !slices.Equal(got, want) {
		t.Fatalf("still owing: %q, want %q", got, want)
	}
	if got, want := ids(t, s.Scan(ctx, keyedTable, ledger.Prefix(ledger.BySite, "shop"))), []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Fatalf("by site: %q, want %q", got, want)
	}
	holds(t, s, keyedTable, b)
	holds(t, s, keyedTable, c)
	holds(t, s, keyedTable, doc("a", 3, ledger.Keys{ledger.BySite: ledger.Key("shop", "a")}, bson.E{Key: "text", Value: "سلام"}))
	raw, err := s.Get(ctx, keyedTable, "lone")
	if err != nil {
		t.Fatal(err)
	}
	if got := parsed(t, raw); !sameDoc(got, doc("lone", 1, nil)) {
		t.Fatalf("the last key was taken off and left %v", raw)
	}
	// The revision stands, and the key may come back.
	if err := s.Replace(ctx, keyedTable, keyed("a", 4), 3); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Count(ctx, keyedTable, ledger.Prefix(ledger.ByOwes)); n != 3 || err != nil {
		t.Fatalf("owing: %d, %v, want 3", n, err)
	}
	if err := s.Unset(ctx, keyedTable, ledger.ByOwes, nil); err != nil {
		t.Fatal(err)
	}
}

func testUnsetMany(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	const n = 160
	var docs []ledger.Doc
	var refs []ledger.Ref
	for i := range n {
		id := fmt.Sprintf("%04d", i)
		docs = append(docs, doc(id, 2, ledger.Keys{ledger.ByOwes: ledger.Key("1", id)}))
		refs = append(refs, ledger.Ref{ID: id, Rev: int64(2 - i%2)})
	}
	fill(t, s, docs)
	if err := s.Unset(ctx, keyedTable, ledger.ByOwes, refs); err != nil {
		t.Fatal(err)
	}
	if left, err := s.Count(ctx, keyedTable, ledger.Prefix(ledger.ByOwes)); left != n/2 || err != nil {
		t.Fatalf("%d owe still, %v; want %d", left, err, n/2)
	}
}

func testDelete(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	const n = 600
	var docs []ledger.Doc
	var gone []string
	for i := range n {
		id := fmt.Sprintf("%04d", i)
		docs = append(docs, doc(id, 1, ledger.Keys{ledger.BySite: ledger.Key("shop", id)}))
		if i >= 3 {
			gone = append(gone, id)
		}
	}
	fill(t, s, docs)
	insert(t, s, plainTable, plain("0005", 1, "another table"))
	for range 2 { // ids that are not there are no error
		if err := s.Delete(ctx, keyedTable, gone); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(ctx, keyedTable, nil); err != nil {
		t.Fatal(err)
	}
	want := []string{"0000", "0001", "0002"}
	if got := ids(t, s.Scan(ctx, keyedTable, ledger.Range{})); !slices.Equal(got, want) {
		t.Fatalf("left by id: %q, want %q", got, want)
	}
	if got := ids(t, s.Scan(ctx, keyedTable, ledger.Prefix(ledger.BySite, "shop"))); !slices.Equal(got, want) {
		t.Fatalf("left by site: %q, want %q", got, want)
	}
	lacks(t, s, keyedTable, "0005")
	holds(t, s, plainTable, plain("0005", 1, "another table"))
	// A free id can be taken again.
	insert(t, s, keyedTable, docs[5])
	holds(t, s, keyedTable, docs[5])
}

// testLarge stores documents up to the limit and refuses what is beyond.
func testLarge(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	sized := func(id string, rev int64, size int) ledger.Doc {
		d := plain(id, rev, "")
		return plain(id, rev, strings.Repeat("x", size-len(d.Data)))
	}
	limit := sized("limit", 1, ledger.MaxDocument)
	if len(limit.Data) != ledger.MaxDocument {
		t.Fatalf("the document has %d bytes", len(limit.Data))
	}
	insert(t, s, plainTable, limit)
	holds(t, s, plainTable, limit)

	insert(t, s, plainTable, plain("small", 1, "small"))
	over := sized("over", 1, ledger.MaxDocument+1)
	wantErr(t, s.Insert(ctx, puts(plainTable, plain("first", 1, "x"), over)...), ledger.ErrTooLarge)
	_, err := s.InsertMissing(ctx, plainTable, []ledger.Doc{plain("first", 1, "x"), over})
	wantErr(t, err, ledger.ErrTooLarge)
	wantErr(t, s.Replace(ctx, plainTable, sized("small", 2, ledger.MaxDocument+1), 1), ledger.ErrTooLarge)
	holds(t, s, plainTable, plain("small", 1, "small"))
	for _, id := range []string{"over", "first"} {
		lacks(t, s, plainTable, id)
	}
}

// testReopen makes one change of each sort and looks for it in a store opened
// anew.
func testReopen(t *testing.T, c *suite) {
	ctx := t.Context()
	s := c.open(t)
	keyed := func(id string, rev int64) ledger.Doc {
		return doc(id, rev, ledger.Keys{ledger.BySite: ledger.Key("shop", id), ledger.ByOwes: ledger.Key("1", id)},
			bson.E{Key: "at", Value: time.UnixMilli(1_700_000_000_123)})
	}
	insert(t, s, keyedTable, keyed("a", 1), keyed("b", 1), keyed("c", 1))
	fill(t, s, []ledger.Doc{keyed("d", 1)})
	if err := errors.Join(
		s.Replace(ctx, keyedTable, keyed("b", 2), 1),
		s.Delete(ctx, keyedTable, []string{"c"}),
		s.Unset(ctx, keyedTable, ledger.ByOwes, []ledger.Ref{{ID: "d", Rev: 1}}),
	); err != nil {
		t.Fatal(err)
	}
	s = c.reopen(t, s)
	holds(t, s, keyedTable, keyed("a", 1))
	holds(t, s, keyedTable, keyed("b", 2))
	lacks(t, s, keyedTable, "c")
	for index, want := range map[string][]string{ledger.BySite: {"a", "b", "d"}, ledger.ByOwes: {"a", "b"}} {
		if got := ids(t, s.Scan(ctx, keyedTable, ledger.Prefix(index))); !slices.Equal(got, want) {
			t.Errorf("index %s: %q, want %q", index, got, want)
		}
	}
	wantErr(t, s.Insert(ctx, puts(keyedTable, keyed("a", 1))...), ledger.ErrExists)
	if err := s.Replace(ctx, keyedTable, keyed("b", 3), 2); err != nil {
		t.Fatal(err)
	}
}
