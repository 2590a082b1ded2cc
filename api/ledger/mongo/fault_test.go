package mongo_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
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
