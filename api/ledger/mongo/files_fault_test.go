package mongo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/mongo"
)

// onRead does something when a reader comes to it, and goes on.
func onRead(do func()) io.Reader {
	return readerFunc(func([]byte) (int, error) {
		do()
		return 0, io.EOF
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestFilesBrokenWriter: a source that fails leaves nothing.
func TestFilesBrokenWriter(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	f, db := openFiles(t, uri, patient), database(t, uri)
	for _, broken := range []error{errors.New("broken source"), io.ErrUnexpectedEOF} {
		for _, size := range []int{0, 10, 9 * chunk} {
			err := f.Write(t.Context(), "film", io.MultiReader(bytes.NewReader(noise(size)), iotest.ErrReader(broken)))
			if !errors.Is(err, broken) || errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("%d bytes: %v, want the error of the source", size, err)
			}
			bucketHolds(t, db, 0, 0)
		}
	}
	// Given up in the middle, at the end of a batch and at its own end.
	for _, size := range []int{10, 8 * chunk, 9 * chunk} {
		ctx, cancel := context.WithCancel(t.Context())
		err := f.Write(ctx, "film", io.MultiReader(bytes.NewReader(noise(size)), onRead(cancel)))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d bytes: %v, want that of the context", size, err)
		}
		bucketHolds(t, db, 0, 0)
	}
}

// TestFilesCrash leaves chunks without an entry, as a writer does whose process
// or server is gone. They do no harm, and go with the name.
func TestFilesCrash(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	f, db := openFiles(t, uri, patient), database(t, uri)
	p, by := through(t, uri)
	crashing := openFiles(t, by, mongo.Options{Timeout: 5 * time.Second, Retries: -1})
	content := noise(9 * chunk)
	for _, name := range []string{"film", "film:2"} {
		write(t, f, name+"s", content[:10])
	}
	source := io.MultiReader(bytes.NewReader(content[:8*chunk]), onRead(p.close), bytes.NewReader(content[8*chunk:]))
	if err := crashing.Write(t.Context(), "film", source); !errors.Is(err, ledger.ErrUnavailable) {
		t.Fatalf("got error %v, want %v", err, ledger.ErrUnavailable)
	}
	bucketHolds(t, db, 2, 2+8)
	if visible(t, f, "film") {
		t.Error("what a crash left is visible")
	}
	write(t, f, "film", content)
	if got := readFrom(t, f, "film", 0); !bytes.Equal(got, content) {
		t.Errorf("written again: %d bytes, or others", len(got))
	}
	bucketHolds(t, db, 3, 2+8+9)
	for range 2 {
		if err := f.Remove(t.Context(), "film"); err != nil {
			t.Fatal(err)
		}
		bucketHolds(t, db, 2, 2)
	}
	if visible(t, f, "film") || !visible(t, f, "films") || !visible(t, f, "film:2s") {
		t.Error("removed another than it should")
	}
}

// TestFilesRemoveMeanwhile removes a name while it is written, at each stage:
// in the end the file is whole or gone.
func TestFilesRemoveMeanwhile(t *testing.T) {
	t.Parallel()
	content := noise(9 * chunk)
	inserts := func(collection string) func(bson.Raw) bool {
		return func(c bson.Raw) bool { return c.Lookup("insert").StringValue() == collection }
	}
	for name, strike := range map[string]*fault{
		"between chunks": nil,
		"after chunks":   {command: "insert", only: inserts("media.chunks")},
		"after entry":    {command: "insert", only: inserts("media.files")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			uri := fresh(t)
			other, db := openFiles(t, uri, patient), database(t, uri)
			p, by := through(t, uri)
			f := openFiles(t, by, patient)
			remove := func() {
				if err := other.Remove(context.Background(), "film"); err != nil {
					t.Error(err)
				}
			}
			between := onRead(remove)
			if strike != nil {
				// The answer is lost too, so the insert is repeated.
				strike.before = remove
				p.strike(*strike)
				between = strings.NewReader("")
			}
			source := io.MultiReader(bytes.NewReader(content[:8*chunk]), between, bytes.NewReader(content[8*chunk:]))
			err := f.Write(t.Context(), "film", source)
			switch {
			case err == nil:
				if got := readFrom(t, other, "film", 0); !bytes.Equal(got, content) {
					t.Errorf("written, and %d bytes, or others", len(got))
				}
			case !errors.Is(err, ledger.ErrUnavailable):
				t.Errorf("got error %v, want %v", err, ledger.ErrUnavailable)
			default:
				bucketHolds(t, db, 0, 0)
			}
		})
	}
}

// TestFilesRemoveLate completes a file between the steps of its removal.
func TestFilesRemoveLate(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	f, db := openFiles(t, uri, patient), database(t, uri)
	p, by := through(t, uri)
	remover := openFiles(t, by, patient)
	removing, written, removed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	p.strike(fault{
		command: "delete", answer: notPrimary,
		only: func(c bson.Raw) bool { return c.Lookup("delete").StringValue() == "media.chunks" },
		before: func() {
			close(removing)
			<-written
		},
	})
	source := io.MultiReader(bytes.NewReader(noise(8*chunk)), onRead(func() {
		go func() { removed <- remover.Remove(context.Background(), "film") }()
		<-removing
	}), strings.NewReader("the end"))
	err := f.Write(t.Context(), "film", source)
	close(written)
	if err := errors.Join(err, <-removed); err != nil {
		t.Error(err)
	}
	bucketHolds(t, db, 0, 0)
}

// TestFilesFaults breaks the way to the server while a file is written.
func TestFilesFaults(t *testing.T) {
	t.Parallel()
	server(t)
	into := func(collection string) func(bson.Raw) bool {
		return func(c bson.Raw) bool {
			s, _ := c.Lookup("insert").StringValueOK()
			return s == collection
		}
	}
	content := noise(9 * chunk)
	for _, test := range []struct {
		name   string
		fault  fault
		err    error
		chunks int64 // that stay when nothing is visible
	}{
		{"answer to chunks lost", fault{command: "insert", only: into("media.chunks")}, nil, 9},
		{"answers to chunks lost", fault{command: "insert", only: into("media.chunks"), times: 3}, nil, 9},
		{"all answers to chunks lost", fault{command: "insert", only: into("media.chunks"), times: 100}, ledger.ErrUnavailable, 0},
		{"answer to entry lost", fault{command: "insert", only: into("media.files")}, nil, 9},
		{"all answers to entry lost", fault{command: "insert", only: into("media.files"), times: 100}, ledger.ErrUnavailable, 9},
		{"entry refused", fault{command: "insert", only: into("media.files"), answer: unknown, times: 100}, ledger.ErrUnavailable, 0},
		{"chunks not held by the majority", fault{command: "insert", only: into("media.chunks"), answer: noMajority, times: 100}, ledger.ErrUnavailable, 0},
		{"entry not held by the majority", fault{command: "insert", only: into("media.files"), answer: noMajority, times: 100}, ledger.ErrUnavailable, 0},
		{"chunks meet a deadlock", fault{command: "insert", only: into("media.chunks"), answer: deadlock}, nil, 9},
		{"chunks lost by the server", fault{command: "insert", only: into("media.chunks"), answer: bson.D{{Key: "ok", Value: 1.0}, {Key: "n", Value: 8}}}, ledger.ErrUnavailable, 0},
		{"count meets a new primary", fault{command: "aggregate", answer: notPrimary}, nil, 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			uri := fresh(t)
			other, db := openFiles(t, uri, patient), database(t, uri)
			p, by := through(t, uri)
			f := openFiles(t, by, patient)
			p.strike(test.fault)
			if err := f.Write(t.Context(), "film", bytes.NewReader(content)); !errors.Is(err, test.err) {
				t.Fatalf("got error %v, want %v", err, test.err)
			}
			if test.err != nil {
				bucketHolds(t, db, 0, test.chunks)
				return
			}
			bucketHolds(t, db, 1, 9)
			if got := readFrom(t, other, "film", 0); !bytes.Equal(got, content) {
				t.Errorf("%d bytes, or others", len(got))
			}
		})
	}
}

// TestFilesReadFaults: a lost connection does not end a reader.
func TestFilesReadFaults(t *testing.T) {
	t.Parallel()
	p, by := through(t, fresh(t))
	f := openFiles(t, by, patient)
	content := noise(9 * chunk)
	write(t, f, "film", content)
	p.strike(fault{command: "find", times: 3, only: func(c bson.Raw) bool { return c.Lookup("find").StringValue() == "media.chunks" }})
	if got := readFrom(t, f, "film", 100); !bytes.Equal(got, content[100:]) {
		t.Errorf("%d bytes, or others", len(got))
	}
	r, err := f.ReadAt(t.Context(), "film", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("read of a closed store: %v, want %v", err, ledger.ErrUnavailable)
	}
}
