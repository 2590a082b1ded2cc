package mongo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/mongo"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/blob/blobtest"
)

var _ blob.Files = (*mongo.Files)(nil)

// chunk is how many bytes of a file stand in one document.
const chunk = 255 << 10

func openFiles(t *testing.T, uri string, opts mongo.Options) *mongo.Files {
	t.Helper()
	f, err := mongo.OpenFiles(t.Context(), uri, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// database is the database of an address, beside the store.
func database(t *testing.T, uri string) *driver.Database {
	t.Helper()
	_, name, _ := strings.Cut(strings.TrimPrefix(uri, "mongodb://"), "/")
	name, _, _ = strings.Cut(name, "?")
	return connect(t, uri).Database(name)
}

// bucketHolds compares the numbers of entries and chunks.
func bucketHolds(t *testing.T, db *driver.Database, entries, chunks int64) {
	t.Helper()
	for name, want := range map[string]int64{"media.files": entries, "media.chunks": chunks} {
		if n, err := db.Collection(name).CountDocuments(t.Context(), bson.D{}); n != want || err != nil {
			t.Errorf("%s holds %d, %v, want %d", name, n, err, want)
		}
	}
}

// noise is size bytes that look random.
func noise(size int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(size)))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func write(t *testing.T, f *mongo.Files, name string, content []byte) {
	t.Helper()
	if err := f.Write(t.Context(), name, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

// readFrom reads a file from an offset to its end.
func readFrom(t *testing.T, f *mongo.Files, name string, offset int64) []byte {
	t.Helper()
	r, err := f.ReadAt(t.Context(), name, offset)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return b
}

func visible(t *testing.T, f *mongo.Files, name string) bool {
	t.Helper()
	_, _, found, err := f.Stat(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	err = f.Each(t.Context(), "", "", func(n string, _ int64, _ time.Time) bool {
		if n == name && !found {
			t.Errorf("%s is listed and not found", name)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFilesContract(t *testing.T) {
	t.Parallel()
	server(t)
	blobtest.Run(t, func(t *testing.T) blob.Store {
		return blob.NewDatabase(openFiles(t, fresh(t), patient))
	})
}

// TestFilesRanges reads from around borders of chunks and of batches.
func TestFilesRanges(t *testing.T) {
	t.Parallel()
	f := openFiles(t, fresh(t), patient)
	content := noise(9*chunk + 1000)
	write(t, f, "film", content)
	for _, n := range []int64{0, 1, 3, 8, 9} {
		for _, beside := range []int64{-1, 0, 1} {
			at := max(n*chunk+beside, 0)
			r, err := f.ReadAt(t.Context(), "film", at)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, min(chunk+2, int64(len(content))-at))
			if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, content[at:at+int64(len(got))]) {
				t.Errorf("from %d: other bytes, %v", at, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if _, err := r.Read(got); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("read after the end of it all: %v", err)
			}
		}
	}
	for _, at := range []int{0, chunk, 3*chunk - 1, len(content) - 1} {
		if got := readFrom(t, f, "film", int64(at)); !bytes.Equal(got, content[at:]) {
			t.Errorf("from %d to the end: %d bytes, or others", at, len(got))
		}
	}
	if _, err := f.ReadAt(t.Context(), "another", 0); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("what is not there: %v, want ErrNotFound", err)
	}
}

// TestFilesReadNoMore: a range asks for its chunks alone, and a file that lost
// one ends there instead of going on with the next.
func TestFilesReadNoMore(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	f, db := openFiles(t, uri, patient), database(t, uri)
	store := blob.NewDatabase(f)
	content := noise(4 * chunk)
	name := blob.NameOf(content, "mp4")
	if err := store.Put(t.Context(), name, bytes.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Collection("media.chunks").DeleteOne(t.Context(), bson.D{{Key: "n", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	if got := readFrom(t, f, name, 2*chunk+5); !bytes.Equal(got, content[2*chunk+5:]) {
		t.Errorf("behind the gap: %d bytes, or others", len(got))
	}
	if got := readFrom(t, f, name, 5); !bytes.Equal(got, content[5:chunk]) {
		t.Errorf("before the gap: %d bytes, or others", len(got))
	}
	if got := readFrom(t, f, name, chunk+5); len(got) != 0 {
		t.Errorf("in the gap: %d bytes", len(got))
	}
	if err := blob.Verify(t.Context(), store, name); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("verified: %v, want ErrDamaged", err)
	}
}

// TestFilesRemoveNames: names that begin alike are others.
func TestFilesRemoveNames(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	f, db := openFiles(t, uri, patient), database(t, uri)
	names := []string{"a", "a:", "a:b", "a:000000000000000000000000", "ab", "A", ""}
	for _, name := range names {
		write(t, f, name, []byte(name+"!"))
	}
	for i, name := range names {
		if err := f.Remove(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		left := int64(len(names) - 1 - i)
		bucketHolds(t, db, left, left)
	}
}

// TestFilesEach lists more than a page, of names that have several files.
func TestFilesEach(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	f, db := openFiles(t, uri, patient), database(t, uri)
	var docs []bson.D
	var names []string
	for i := range 200 {
		name := fmt.Sprintf("f%03d", i)
		names = append(names, name)
		for revision := range 3 {
			docs = append(docs, bson.D{
				{Key: "_id", Value: bson.NewObjectID()},
				{Key: "length", Value: int32(i + revision)}, // as other tools may write it
				{Key: "chunkSize", Value: chunk},
				{Key: "uploadDate", Value: time.Unix(int64(1000-revision), 0)},
				{Key: "filename", Value: name},
			})
		}
	}
	if _, err := db.Collection("media.files").InsertMany(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		prefix, after string
		want          []string
	}{
		{"", "", names},
		{"f", "f085", names[86:]},
		{"f1", "", names[100:]},
		{"f01", "", names[10:20]},
		{"f01", "f014", names[15:20]},
		{"f01", "f0", names[10:20]},
		{"f01", "f1", nil},
		{"g", "", nil},
	} {
		var got []string
		err := f.Each(t.Context(), test.prefix, test.after, func(name string, size int64, modified time.Time) bool {
			// The first of the three.
			if want := int64(len(got)+slices.Index(names, test.want[0])) + 2; size != want || modified.Unix() != 998 {
				t.Errorf("%s has %d bytes, want %d, of %v", name, size, want, modified)
			}
			got = append(got, name)
			return true
		})
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("prefix %q after %q: %d names, %v, want %d", test.prefix, test.after, len(got), err, len(test.want))
		}
	}
	n := 0
	if err := f.Each(t.Context(), "", "", func(string, int64, time.Time) bool { n++; return n < 5 }); n != 5 || err != nil {
		t.Errorf("stopped after %d, %v", n, err)
	}
}

// TestFilesOfOtherTools: the driver's own GridFS reads what was written, and the
// other way round.
func TestFilesOfOtherTools(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	now := time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC)
	opts := patient
	opts.Now = func() time.Time { return now }
	f, db := openFiles(t, uri, opts), database(t, uri)
	tool := db.GridFSBucket(options.GridFSBucket().SetName("media"))
	content := noise(9*chunk + 7)
	write(t, f, "ours", content)
	if size, modified, found, err := f.Stat(t.Context(), "ours"); size != int64(len(content)) || !modified.Equal(now) || !found || err != nil {
		t.Errorf("described as %d, %v, %v, %v", size, modified, found, err)
	}
	var read bytes.Buffer
	if _, err := tool.DownloadToStreamByName(t.Context(), "ours", &read); err != nil || !bytes.Equal(read.Bytes(), content) {
		t.Errorf("the tool read %d bytes, or others, %v", read.Len(), err)
	}
	for range 2 {
		_, err := tool.UploadFromStream(t.Context(), "theirs", bytes.NewReader(content), options.GridFSUpload().SetChunkSizeBytes(1000_000))
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []int64{0, 999_999, 1_000_000, 2_000_001} {
		if got := readFrom(t, f, "theirs", at); !bytes.Equal(got, content[at:]) {
			t.Errorf("theirs from %d: %d bytes, or others", at, len(got))
		}
	}
	bucketHolds(t, db, 3, 10+2*3)
	if err := f.Remove(t.Context(), "theirs"); err != nil {
		t.Fatal(err)
	}
	bucketHolds(t, db, 1, 10)
}

// TestFilesOpen: a server that refuses indexes is slow, not wrong; one that does
// not answer is unavailable.
func TestFilesOpen(t *testing.T) {
	t.Parallel()
	uri := fresh(t)
	openFiles(t, uri, patient)
	for _, of := range []string{"media.files", "media.chunks"} {
		first := map[string]string{"media.files": "filename", "media.chunks": "files_id"}[of]
		if !indexed(t, uri, of)[first] {
			t.Errorf("%s has no index", of)
		}
	}
	p, by := through(t, fresh(t))
	p.strike(fault{command: "createIndexes", answer: unknown, times: 1000})
	var log bytes.Buffer
	f := openFiles(t, by, mongo.Options{Timeout: time.Minute, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	write(t, f, "film", []byte("content"))
	if got := readFrom(t, f, "film", 3); string(got) != "tent" {
		t.Errorf("read %q", got)
	}
	if got := log.String(); strings.Count(got, "refuses an index") != 2 {
		t.Errorf("logged %q", got)
	}
	p.close()
	_, err := mongo.OpenFiles(t.Context(), by, mongo.Options{Timeout: 300 * time.Millisecond})
	if !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("got error %v, want %v", err, ledger.ErrUnavailable)
	}
}
