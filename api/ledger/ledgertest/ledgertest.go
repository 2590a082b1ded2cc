// Package ledgertest is the contract of ledger engines as one suite of tests,
// run through ledger.Store and through the typed tables on top of it. An engine
// that passes can carry Candor.
//
// It must not know any engine: what only one engine promises is tested beside
// that engine.
package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
)

// Option adds to the suite what only some engines can show.
type Option func(*suite)

// Reopen lets the suite check that what was acknowledged outlives the store.
// The function closes s and opens the same ledger again.
func Reopen(reopen func(t *testing.T, s ledger.Store) ledger.Store) Option {
	return func(c *suite) { c.reopen = reopen }
}

type suite struct {
	open   func(t *testing.T) ledger.Store
	reopen func(t *testing.T, s ledger.Store) ledger.Store
}

// Run runs the suite. Each of its tests, all parallel, calls open for an empty
// store of its own, which open closes in t.Cleanup; the suite may have closed it
// before.
func Run(t *testing.T, open func(t *testing.T) ledger.Store, options ...Option) {
	c := &suite{open: open}
	for _, o := range options {
		o(c)
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s ledger.Store)
	}{
		{"Insert", testInsert},
		{"InsertInOrder", testInsertInOrder},
		{"InsertMissing", testInsertMissing},
		{"InsertMissingMany", testInsertMissingMany},
		{"Get", testGet},
		{"Copies", testCopies},
		{"Bytes", testBytes},
		{"Unicode", testUnicode},
		{"Large", testLarge},
		{"Replace", testReplace},
		{"ReplaceMovesKeys", testReplaceMovesKeys},
		{"Unset", testUnset},
		{"UnsetMany", testUnsetMany},
		{"Delete", testDelete},
		{"UnknownNames", testUnknownNames},
		{"Cancelled", testCancelled},
		{"CancelledScan", testCancelledScan},
		{"Closed", testClosed},
		{"Scan", testScan},
		{"ScanWhileChanging", testScanWhileChanging},
		{"ScanLargeDocuments", testScanLargeDocuments},
		{"Prefix", testPrefix},
		{"RaceInsert", testRaceInsert},
		{"RaceInsertMissing", testRaceInsertMissing},
		{"RaceReplace", testRaceReplace},
		{"RaceModify", testRaceModify},
		{"RaceVotes", testRaceVotes},
		{"RaceClose", testRaceClose},
		{"TableRecords", testTableRecords},
		{"TableRoundTrip", testTableRoundTrip},
		{"TableModify", testTableModify},
		{"TableTimes", testTableTimes},
		{"TableLarge", testTableLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, c.open(t))
		})
	}
	if c.reopen != nil {
		t.Run("Reopen", func(t *testing.T) {
			t.Parallel()
			testReopen(t, c)
		})
	}
}

// doc makes a document as the typed tables do.
func doc(id string, rev int64, keys ledger.Keys, fields ...bson.E) ledger.Doc {
	own, err := bson.Marshal(append(bson.D{}, fields...))
	if err != nil {
		panic(err)
	}
	return ledger.Doc{ID: id, Rev: rev, Keys: keys, Data: ledger.WithKeys(id, rev, keys, own)}
}

// plain makes a document of the table plainTable, which has no keys.
func plain(id string, rev int64, text string) ledger.Doc {
	return doc(id, rev, nil, bson.E{Key: "text", Value: text})
}

const (
	plainTable = "slots"
	keyedTable = "contents"
)

// at names a document at its revision.
func at(d ledger.Doc) ledger.Ref { return ledger.Ref{ID: d.ID, Rev: d.Rev} }

func puts(table string, docs ...ledger.Doc) []ledger.Put {
	out := make([]ledger.Put, len(docs))
	for i, d := range docs {
		out[i] = ledger.Put{Table: table, Doc: d}
	}
	return out
}

func insert(t *testing.T, s ledger.Store, table string, docs ...ledger.Doc) {
	t.Helper()
	if err := s.Insert(t.Context(), puts(table, docs...)...); err != nil {
		t.Fatalf("insert: %v", err)
	}
}

// fill inserts many documents into keyedTable.
func fill(t *testing.T, s ledger.Store, docs []ledger.Doc) {
	t.Helper()
	added, err := s.InsertMissing(t.Context(), keyedTable, docs)
	if err != nil {
		t.Fatalf("insert missing: %v", err)
	}
	for i, ok := range added {
		if !ok {
			t.Fatalf("insert missing: %q was there", docs[i].ID)
		}
	}
}

// holds checks that the stored document is d, byte by byte.
func holds(t *testing.T, s ledger.Store, table string, d ledger.Doc) {
	t.Helper()
	raw, err := s.Get(t.Context(), table, d.ID)
	if err != nil {
		t.Fatalf("get %q: %v", d.ID, err)
	}
	if !bytes.Equal(raw, d.Data) {
		t.Fatalf("get %q:\n got %v\nwant %v", d.ID, raw, d.Data)
	}
}

// lacks checks that there is no document with the id.
func lacks(t *testing.T, s ledger.Store, table, id string) {
	t.Helper()
	raw, err := s.Get(t.Context(), table, id)
	wantErr(t, err, ledger.ErrNotFound)
	if raw != nil {
		t.Fatalf("get %q gives %v with its error", id, raw)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

// parsed reads a stored document without its bytes.
func parsed(t *testing.T, raw bson.Raw) ledger.Doc {
	t.Helper()
	d, err := ledger.ParseDoc(raw)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ids collects the ids that a scan gives.
func ids(t *testing.T, docs iter.Seq2[bson.Raw, error]) []string {
	t.Helper()
	out := []string{}
	for raw, err := range docs {
		if err != nil {
			t.Fatalf("scan: %v", err)
		}
		out = append(out, parsed(t, raw).ID)
	}
	return out
}

// show prints a range; %+v would hide the separators.
func show(r ledger.Range) string {
	return fmt.Sprintf("%q [%q, %q) after %q, limit %d, reverse %v", r.Index, r.From, r.To, r.After, r.Limit, r.Reverse)
}

// together runs work n times at once and waits.
func together(n int, work func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			work(i)
		})
	}
	close(start)
	wg.Wait()
}

// sameDoc compares a stored document with what it should be; an engine may keep
// an empty set of keys where the last one was taken off.
func sameDoc(got, want ledger.Doc) bool {
	return got.ID == want.ID && got.Rev == want.Rev && maps.Equal(got.Keys, want.Keys) &&
		bytes.Equal(ledger.WithKeys(got.ID, got.Rev, nil, got.Data), ledger.WithKeys(want.ID, want.Rev, nil, want.Data))
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
