package mongo_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/mongo"
)

// TestOpenTolerates opens on servers that lack what the ledger can do without.
func TestOpenTolerates(t *testing.T) {
	t.Parallel()
	server(t)
	sparse := func(c bson.Raw) bool {
		_, err := c.LookupErr("indexes", "0", "sparse")
		return err == nil && c.Lookup("indexes", "0", "sparse").Boolean()
	}
	majority := func(c bson.Raw) bool {
		level, _ := c.Lookup("readConcern", "level").StringValueOK()
		return level == "majority"
	}
	for _, test := range []struct {
		name    string
		fault   fault
		indexes bool
		told    string
	}{
		{"nothing lacking", fault{command: "nothing"}, true, ""},
		{"no indexes", fault{command: "createIndexes", answer: unknown, times: 1000}, false, "index=waiting"},
		{"no sparse indexes", fault{command: "createIndexes", answer: unknown, times: 1000, only: sparse}, true, ""},
		{"no list of indexes", fault{command: "listIndexes", answer: unknown, times: 1000}, true, ""},
		{"no majority reads", fault{command: "find", answer: unknown, times: 1000, only: majority}, true, "majority"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			uri := fresh(t)
			p, by := through(t, uri)
			p.strike(test.fault)
			var log bytes.Buffer
			s, err := mongo.Open(t.Context(), by, mongo.Options{Timeout: time.Minute, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			if err := insert(s, doc("a", 1, "mine")); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get(t.Context(), "contents", "a"); err != nil {
				t.Fatal(err)
			}
			if n, err := s.Count(t.Context(), "contents", ledger.Prefix(ledger.ByOwes)); n != 1 || err != nil {
				t.Fatalf("counted %d, %v", n, err)
			}
			for _, schema := range ledger.Schemas() {
				for _, index := range schema.Indexes {
					if got := indexed(t, uri, schema.Table)["x."+index]; got != test.indexes {
						t.Errorf("table %s has index %s: %v, want %v", schema.Table, index, got, test.indexes)
					}
				}
			}
			if got := log.String(); !strings.Contains(got, test.told) || test.told == "" && got != "" {
				t.Errorf("logged %q, want %q", got, test.told)
			}
		})
	}
}

// indexed gives the fields that a table has indexes on.
func indexed(t *testing.T, uri, table string) map[string]bool {
	t.Helper()
	_, name, _ := strings.Cut(strings.TrimPrefix(uri, "mongodb://"), "/")
	name, _, _ = strings.Cut(name, "?")
	list, err := connect(t, uri).Database(name).Collection(table).Indexes().ListSpecifications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	for _, i := range list {
		elements, err := i.KeysDocument.Elements()
		if err != nil {
			t.Fatal(err)
		}
		fields[elements[0].Key()] = true
	}
	return fields
}

// TestOpenFails covers addresses that lead nowhere.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for name, test := range map[string]struct {
		uri  string
		want error
	}{
		"nobody listens":   {"mongodb://" + gone.Addr().String(), ledger.ErrUnavailable},
		"nobody answers":   {"mongodb://" + silent.Addr().String(), ledger.ErrUnavailable},
		"no address":       {"mongodb://", nil},
		"another protocol": {"http://127.0.0.1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := mongo.Open(t.Context(), test.uri, mongo.Options{Timeout: 300 * time.Millisecond})
			if err == nil {
				_ = s.Close()
				t.Fatal("opened")
			}
			if got := errors.Is(err, ledger.ErrUnavailable); got != (test.want != nil) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
		})
	}
}

// calls makes every call at once and gives their errors by name.
func calls(ctx context.Context, s ledger.Store) map[string]error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := map[string]error{}
	for name, call := range map[string]func() error{
		"ping":   func() error { return s.Ping(ctx) },
		"insert": func() error { return s.Insert(ctx, ledger.Put{Table: "contents", Doc: doc("new", 1, "")}) },
		"insert missing": func() error {
			_, err := s.InsertMissing(ctx, "contents", []ledger.Doc{doc("newer", 1, "")})
			return err
		},
		"get":     func() error { _, err := s.Get(ctx, "contents", "a"); return err },
		"replace": func() error { return s.Replace(ctx, "contents", doc("a", 2, ""), 1) },
		"unset":   func() error { return s.Unset(ctx, "contents", ledger.ByOwes, []ledger.Ref{{ID: "a", Rev: 1}}) },
		"delete":  func() error { return s.Delete(ctx, "contents", []string{"b"}) },
		"count":   func() error { _, err := s.Count(ctx, "contents", ledger.Range{}); return err },
		"scan": func() error {
			for _, err := range s.Scan(ctx, "contents", ledger.Range{}) {
				return err
			}
			return nil
		},
	} {
		wg.Go(func() {
			err := call()
			mu.Lock()
			defer mu.Unlock()
			errs[name] = err
		})
	}
	wg.Wait()
	return errs
}

// TestServerGone loses the server after the start. It does not run beside other
// tests, so that the server answers within the short timeout while it is there.
func TestServerGone(t *testing.T) {
	uri := fresh(t)
	p, by := through(t, uri)
	s, err := mongo.Open(t.Context(), by, mongo.Options{Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := insert(s, doc("a", 1, "")); err != nil {
		t.Fatal(err)
	}
	p.close()
	for name, err := range calls(t.Context(), s) {
		if !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("%s: got error %v, want %v", name, err, ledger.ErrUnavailable)
		}
	}
}

// TestServerHangs gets no answers. Calls end with their own timeout, and at once
// with the context of their caller.
func TestServerHangs(t *testing.T) {
	uri := fresh(t)
	p, by := through(t, uri)
	s, err := mongo.Open(t.Context(), by, mongo.Options{Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var onStrike atomic.Pointer[context.CancelFunc]
	for _, command := range []string{"ping", "insert", "find", "update", "delete", "aggregate"} {
		p.strike(fault{command: command, hang: true, times: 1000, before: func() {
			if struck := onStrike.Load(); struck != nil {
				(*struck)()
			}
		}})
	}
	for name, err := range calls(t.Context(), s) {
		if !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("%s: got error %v, want %v", name, err, ledger.ErrUnavailable)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	onStrike.Store(&cancel)
	for name, err := range calls(ctx, s) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v, want that of the context", name, err)
		}
	}
}

// TestTwoNodes opens one database twice, as two nodes do: one wins each
// revision, and each sees what the other wrote.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	nodes := []located{openAt(t, uri), openAt(t, uri)}
	if !nodes[0].Shared() {
		t.Error("a server is not shared")
	}
	if err := insert(nodes[0], doc("a", 1, "0")); err != nil {
		t.Fatal(err)
	}
	for rev := int64(1); rev <= 25; rev++ {
		errs := make([]error, 2)
		var wg sync.WaitGroup
		for i, s := range nodes {
			wg.Go(func() {
				errs[i] = s.Replace(t.Context(), "contents", doc("a", rev+1, string(rune('0'+i))), rev)
			})
		}
		wg.Wait()
		won := 0
		if errs[0] != nil {
			won = 1
		}
		if errs[won] != nil || !errors.Is(errs[1-won], ledger.ErrConflict) {
			t.Fatalf("revision %d: %v", rev, errs)
		}
		want := doc("a", rev+1, string(rune('0'+won)))
		check(t, nodes[1-won], &want)
	}
}

// TestDatabase: the path of the address names the database.
func TestDatabase(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	s := openAt(t, uri)
	if err := insert(s, doc("a", 1, "x")); err != nil {
		t.Fatal(err)
	}
	client := connect(t, uri)
	name := uri[strings.LastIndex(uri, "candor_test_"):]
	name, _, _ = strings.Cut(name, "?")
	collections, err := client.Database(name).ListCollectionNames(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]bool{}
	for _, schema := range ledger.Schemas() {
		tables[schema.Table] = true
	}
	for _, c := range collections {
		if !tables[c] {
			t.Errorf("the database has a collection %q that is no table of %q", c, slices.Sorted(maps.Keys(tables)))
		}
	}
	raw, err := client.Database(name).Collection("contents").FindOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}).Raw()
	if err != nil || !bytes.Equal(raw, doc("a", 1, "x").Data) {
		t.Errorf("the database holds %v, %v", raw, err)
	}
}
