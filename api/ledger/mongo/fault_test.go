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

// doc makes a document that owes something.
func doc(id string, rev int64, text string) ledger.Doc {
	own, err := bson.Marshal(bson.D{{Key: "text", Value: text}})
	if err != nil {
		panic(err)
	}
	keys := ledger.Keys{ledger.ByOwes: ledger.Key("1", id)}
	return ledger.Doc{ID: id, Rev: rev, Keys: keys, Data: ledger.WithKeys(id, rev, keys, own)}
}

func insert(s ledger.Store, docs ...ledger.Doc) error {
	puts := make([]ledger.Put, len(docs))
	for i, d := range docs {
		puts[i] = ledger.Put{Table: "contents", Doc: d}
	}
	return s.Insert(context.Background(), puts...)
}

func insertMissing(want ...bool) func(s ledger.Store) error {
	return func(s ledger.Store) error {
		docs := []ledger.Doc{doc("a", 1, "mine"), doc("b", 1, "mine"), doc("c", 1, "mine")}
		got, err := s.InsertMissing(context.Background(), "contents", docs)
		if err == nil && !slices.Equal(got, want) {
			return errors.New("the wrong documents were added")
		}
		return err
	}
}

func replace(rev int64) func(s ledger.Store) error {
	return func(s ledger.Store) error {
		return s.Replace(context.Background(), "contents", doc("a", rev+1, "mine"), rev)
	}
}

func insertA(s ledger.Store) error { return insert(s, doc("a", 1, "mine")) }

func unsetA(s ledger.Store) error {
	return s.Unset(context.Background(), "contents", ledger.ByOwes, []ledger.Ref{{ID: "a", Rev: 1}})
}

func deleteA(s ledger.Store) error {
	return s.Delete(context.Background(), "contents", []string{"a"})
}

// Answers of servers.
var (
	deadlock   = bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "deadlock detected"}, {Key: "code", Value: 1}, {Key: "codeName", Value: "InternalError"}}
	notPrimary = bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "not primary"}, {Key: "code", Value: 10107}, {Key: "codeName", Value: "NotWritablePrimary"}}
	unknown    = bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "not implemented"}, {Key: "code", Value: 238}, {Key: "codeName", Value: "NotImplemented"}}
	tooLarge   = bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "too large"}, {Key: "code", Value: 10334}, {Key: "codeName", Value: "BSONObjectTooLarge"}}
	noMajority = bson.D{{Key: "ok", Value: 1.0}, {Key: "n", Value: 1}, {Key: "nModified", Value: 1}, {Key: "writeConcernError", Value: bson.D{
		{Key: "code", Value: 64}, {Key: "errmsg", Value: "waiting for replication timed out"},
	}}}
)

// writeErrors is the answer of a server that inserted all but some.
func writeErrors(n int, code int, message string, indexes ...int) bson.D {
	list := bson.A{}
	for _, i := range indexes {
		list = append(list, bson.D{{Key: "index", Value: i}, {Key: "code", Value: code}, {Key: "errmsg", Value: message}})
	}
	return bson.D{{Key: "ok", Value: 1.0}, {Key: "n", Value: n}, {Key: "writeErrors", Value: list}}
}

// TestFaults breaks the way to the server while one change is made. Whatever
// happens, nil means that the change is stored, a refusal that it is not, and
// unavailable that nobody knows.
func TestFaults(t *testing.T) {
	t.Parallel()
	server(t)
	mine := func(rev int64) *ledger.Doc { d := doc("a", rev, "mine"); return &d }
	theirs := func(rev int64) *ledger.Doc { d := doc("a", rev, "theirs"); return &d }
	for _, test := range []struct {
		name   string
		stored []ledger.Doc
		fault  fault
		// meanwhile is what another process does when the fault strikes.
		meanwhile func(other ledger.Store) error
		change    func(s ledger.Store) error
		err       error
		// want is the document "a" in the end, nil for none.
		want *ledger.Doc
	}{
		{
			name: "answer to insert lost", fault: fault{command: "insert"},
			change: insertA, want: mine(1),
		}, {
			name: "answer to insert lost twice", fault: fault{command: "insert", times: 2},
			change: insertA, want: mine(1),
		}, {
			name: "all answers to insert lost", fault: fault{command: "insert", times: 100},
			change: insertA, err: ledger.ErrUnavailable, want: mine(1),
		}, {
			name: "answer to insert of a taken id lost", fault: fault{command: "insert"}, stored: []ledger.Doc{*theirs(1)},
			change: insertA, err: ledger.ErrExists, want: theirs(1),
		}, {
			name: "answer to insert lost, and settled by another", fault: fault{command: "insert"}, meanwhile: unsetA,
			change: insertA, want: mine(1),
		}, {
			name: "answer to insert lost, and changed by another", fault: fault{command: "insert"},
			meanwhile: func(s ledger.Store) error {
				return s.Replace(context.Background(), "contents", *theirs(2), 1)
			},
			change: insertA, err: ledger.ErrUnavailable, want: theirs(2),
		}, {
			name: "answer to insert missing lost", fault: fault{command: "insert"}, stored: []ledger.Doc{*theirs(1)},
			change: insertMissing(false, true, true), want: theirs(1),
		}, {
			name: "answer to replace lost", fault: fault{command: "update"}, stored: []ledger.Doc{*theirs(1)},
			change: replace(1), want: mine(2),
		}, {
			name: "answer to replace from an old revision lost", fault: fault{command: "update"}, stored: []ledger.Doc{*theirs(2)},
			change: replace(1), err: ledger.ErrConflict, want: theirs(2),
		}, {
			name: "answer to replace lost, and changed by another", fault: fault{command: "update"}, stored: []ledger.Doc{*theirs(1)},
			meanwhile: func(s ledger.Store) error {
				return s.Replace(context.Background(), "contents", *theirs(3), 2)
			},
			change: replace(1), err: ledger.ErrUnavailable, want: theirs(3),
		}, {
			name: "answer to replace lost, and deleted by another", fault: fault{command: "update"}, stored: []ledger.Doc{*theirs(1)},
			meanwhile: deleteA, change: replace(1), err: ledger.ErrUnavailable,
		}, {
			name: "answer to unset lost", fault: fault{command: "update"}, stored: []ledger.Doc{*mine(1)},
			change: unsetA, want: mine(1),
		}, {
			name: "answer to delete lost", fault: fault{command: "delete"}, stored: []ledger.Doc{*mine(1)},
			change: deleteA,
		}, {
			name: "answer to a look lost", fault: fault{command: "find"}, stored: []ledger.Doc{*theirs(2)},
			change: replace(1), err: ledger.ErrConflict, want: theirs(2),
		}, {
			name: "insert meets a deadlock", fault: fault{command: "insert", answer: deadlock},
			change: insertA, want: mine(1),
		}, {
			name: "insert meets deadlocks, the id is taken", fault: fault{command: "insert", answer: deadlock, times: 100}, stored: []ledger.Doc{*mine(1)},
			change: insertA, err: ledger.ErrExists, want: mine(1),
		}, {
			name: "insert meets deadlocks, the id is free", fault: fault{command: "insert", answer: deadlock, times: 100},
			change: insertA, err: ledger.ErrUnavailable,
		}, {
			name: "insert meets a deadlock as a write error", fault: fault{command: "insert", answer: writeErrors(0, 1, "deadlock detected", 0)},
			change: insertA, want: mine(1),
		}, {
			// The answer is made up: "a" is free when the insert is repeated.
			name: "insert missing meets a deadlock", fault: fault{command: "insert", answer: writeErrors(1, 1, "deadlock detected", 0, 1)},
			change: insertMissing(true, true, true), want: mine(1),
		}, {
			name: "replace meets a write conflict", fault: fault{command: "update", answer: writeErrors(0, 112, "WriteConflict", 0)}, stored: []ledger.Doc{*theirs(1)},
			change: replace(1), want: mine(2),
		}, {
			name: "insert meets a new primary", fault: fault{command: "insert", answer: notPrimary},
			change: insertA, want: mine(1),
		}, {
			name: "insert is not journaled by the majority", fault: fault{command: "insert", answer: noMajority},
			change: insertA, err: ledger.ErrUnavailable,
		}, {
			name: "insert missing is not journaled by the majority", fault: fault{command: "insert", answer: noMajority},
			change: insertMissing(), err: ledger.ErrUnavailable,
		}, {
			name: "replace is not journaled by the majority", fault: fault{command: "update", answer: noMajority}, stored: []ledger.Doc{*theirs(1)},
			change: replace(1), err: ledger.ErrUnavailable, want: theirs(1),
		}, {
			name: "server refuses to write", fault: fault{command: "insert", answer: unknown},
			change: insertA, err: ledger.ErrUnavailable,
		}, {
			name: "server takes smaller documents only", fault: fault{command: "insert", answer: tooLarge},
			change: insertA, err: ledger.ErrTooLarge,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			uri := fresh(t)
			other := openAt(t, uri)
			p, by := through(t, uri)
			s := openAt(t, by)
			if err := insert(other, test.stored...); err != nil {
				t.Fatal(err)
			}
			f := test.fault
			var once sync.Once
			struck := false
			f.before = func() {
				once.Do(func() {
					struck = true
					if test.meanwhile == nil {
						return
					}
					if err := test.meanwhile(other); err != nil {
						t.Errorf("meanwhile: %v", err)
					}
				})
			}
			p.strike(f)
			if err := test.change(s); !errors.Is(err, test.err) {
				t.Errorf("got error %v, want %v", err, test.err)
			}
			p.close()
			if !struck {
				t.Error("the fault did not strike")
			}
			check(t, other, test.want)
		})
	}
}

// TestDriverRepeats lets the driver repeat a write by itself, as it does on a
// replica set, towards a server that does not know a repetition when it sees
// one. The store gets the second answer alone and must not take it for another
// writer's doing.
func TestDriverRepeats(t *testing.T) {
	t.Parallel()
	server(t)
	want1, want2 := doc("a", 1, "mine"), doc("a", 2, "mine")
	for _, test := range []struct {
		name    string
		command string
		stored  []ledger.Doc
		change  func(s ledger.Store) error
		err     error
		want    ledger.Doc
	}{
		{"insert", "insert", nil, insertA, nil, want1},
		{"insert missing", "insert", nil, insertMissing(true, true, true), nil, want1},
		{"replace", "update", []ledger.Doc{doc("a", 1, "theirs")}, replace(1), nil, want2},
		{"taken", "insert", []ledger.Doc{doc("a", 1, "theirs")}, insertA, ledger.ErrExists, doc("a", 1, "theirs")},
		{"stale", "update", []ledger.Doc{doc("a", 2, "theirs")}, replace(1), ledger.ErrConflict, doc("a", 2, "theirs")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			uri := fresh(t)
			other := openAt(t, uri)
			p, by := through(t, uri)
			p.replicaSet = true
			// Without repetitions of its own, the store depends on the driver's.
			s, err := mongo.Open(t.Context(), by, mongo.Options{Timeout: time.Minute, Retries: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			if err := insert(other, test.stored...); err != nil {
				t.Fatal(err)
			}
			p.strike(fault{command: test.command})
			if err := test.change(s); !errors.Is(err, test.err) {
				t.Errorf("got error %v, want %v", err, test.err)
			}
			check(t, other, &test.want)
		})
	}
}

// check compares the text and revision of the document "a".
func check(t *testing.T, s ledger.Store, want *ledger.Doc) {
	t.Helper()
	raw, err := s.Get(t.Context(), "contents", "a")
	if want == nil {
		if !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("stored %v, %v, want nothing", raw, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	keyless := func(raw bson.Raw) []byte { return ledger.WithKeys(want.ID, 0, nil, raw) }
	if rev := raw.Lookup("rev").AsInt64(); rev != want.Rev || !bytes.Equal(keyless(raw), keyless(want.Data)) {
		t.Errorf("stored %v, want %v", raw, want.Data)
	}
}

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
