package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/bolt"
)

const table = "contents"

func doc(id string, rev int64, text string) ledger.Doc {
	own, err := bson.Marshal(bson.D{{Key: "text", Value: text}})
	if err != nil {
		panic(err)
	}
	keys := ledger.Keys{ledger.BySite: ledger.Key("shop", id)}
	return ledger.Doc{ID: id, Rev: rev, Keys: keys, Data: ledger.WithKeys(id, rev, keys, own)}
}

func put(d ledger.Doc) ledger.Put { return ledger.Put{Table: table, Doc: d} }

func holds(t *testing.T, s ledger.Store, d ledger.Doc) {
	t.Helper()
	raw, err := s.Get(t.Context(), table, d.ID)
	if err != nil || !bytes.Equal(raw, d.Data) {
		t.Errorf("stored %v, %v, want %v", raw, err, d.Data)
	}
}

func TestInUse(t *testing.T) {
	t.Parallel()
	s := openFile(t, filepath.Join(t.TempDir(), "a", "b", "ledger.bolt"))
	if s.Shared() {
		t.Error("a file is shared")
	}
	second, err := bolt.Open(s.path)
	if !errors.Is(err, ledger.ErrInUse) {
		t.Errorf("got error %v, want %v", err, ledger.ErrInUse)
	}
	if err == nil {
		_ = second.Close()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("ping after close: %v", err)
	}
	openFile(t, s.path)
	// What shoppers wrote is nobody else's business on the machine.
	for path, want := range map[string]os.FileMode{s.path: 0o600, filepath.Dir(s.path): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no ledger"), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"not a ledger": garbage, "a folder": dir, "below a file": filepath.Join(garbage, "ledger.bolt"),
	} {
		s, err := bolt.Open(path)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
		}
		if errors.Is(err, ledger.ErrInUse) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// TestCopyOfOpenFile copies the file after each acknowledged change, as if the
// machine had stopped there: the copy holds that change and all before it.
func TestCopyOfOpenFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openFile(t, filepath.Join(dir, "ledger.bolt"))
	ctx := t.Context()
	for i := range 12 {
		id := fmt.Sprint(i)
		changed := doc(id, 2, strings.Repeat("changed", 1000))
		if err := s.Insert(ctx, put(doc(id, 1, "new")), put(doc("gone "+id, 1, "gone"))); err != nil {
			t.Fatal(err)
		}
		if err := s.Replace(ctx, table, changed, 1); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(ctx, table, []string{"gone " + id}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(dir, "copy "+id)
		if err := os.WriteFile(copied, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c := openFile(t, copied)
		holds(t, c, changed)
		for _, r := range []ledger.Range{{}, ledger.Prefix(ledger.BySite, "shop")} {
			if n, err := c.Count(ctx, table, r); n != i+1 || err != nil {
				t.Errorf("copy %d holds %d documents, %v", i, n, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailingChangeFailsAlone mixes changes that fail halfway with good ones, so
// that they meet in one transaction.
func TestFailingChangeFailsAlone(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	huge := strings.Repeat("x", ledger.MaxDocument)
	if err := s.Insert(ctx, put(doc("taken", 1, "old"))); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 24 {
		id := fmt.Sprint(w)
		wg.Go(func() {
			switch w % 3 {
			case 0:
				err := s.Insert(ctx, put(doc("half "+id, 1, "x")), put(doc(id, 1, huge)))
				if !errors.Is(err, ledger.ErrTooLarge) {
					t.Errorf("writer %d: got error %v, want %v", w, err, ledger.ErrTooLarge)
				}
			case 1:
				if err := s.Insert(ctx, put(doc(id, 1, "x"))); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			case 2:
				added, err := s.InsertMissing(ctx, table, []ledger.Doc{doc("taken", 1, "new"), doc(id, 1, "x")})
				if err != nil || added[0] || !added[1] {
					t.Errorf("writer %d: added %v, %v", w, added, err)
				}
			}
		})
	}
	wg.Wait()
	for w := range 24 {
		id := fmt.Sprint(w)
		if w%3 > 0 {
			holds(t, s, doc(id, 1, "x"))
			continue
		}
		for _, id := range []string{id, "half " + id} {
			if _, err := s.Get(ctx, table, id); !errors.Is(err, ledger.ErrNotFound) {
				t.Errorf("get %q: %v, want %v", id, err, ledger.ErrNotFound)
			}
		}
	}
	if n, err := s.Count(ctx, table, ledger.Prefix(ledger.BySite, "shop")); n != 17 || err != nil {
		t.Errorf("the index holds %d, %v, want 17", n, err)
	}
}

// TestNoFeed: one process writes the file, so there is nobody to follow.
func TestNoFeed(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, err := range s.Scan(t.Context(), table, ledger.Range{Index: ledger.ByFeed}) {
		if err == nil {
			t.Error("the file has a feed")
		}
		return
	}
	t.Error("a scan of the feed gives nothing and no error")
}
