// Package blobtest is the contract that every blob store keeps, as tests.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/candor-ugc/candor/media/blob"
)

// Run tests a store. Open gives an empty one for each test, which it may run at
// the same time as others.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s blob.Store)
	}{
		{"PutOpen", testPutOpen},
		{"PutTwice", testPutTwice},
		{"PutWrongSize", testPutWrongSize},
		{"PutBrokenSource", testPutBrokenSource},
		{"PutCancelled", testPutCancelled},
		{"PutOverDamaged", testPutOverDamaged},
		{"PutAtOnce", testPutAtOnce},
		{"Seek", testSeek},
		{"Range", testRange},
		{"NotFound", testNotFound},
		{"Delete", testDelete},
		{"List", testList},
		{"Names", testNames},
		{"Verify", testVerify},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// content is size bytes that look random and are the same for the same seed.
func content(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, uint64(size)))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func put(t *testing.T, s blob.Store, b []byte, ending string) string {
	t.Helper()
	name := blob.NameOf(b, ending)
	if err := s.Put(t.Context(), name, bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	return name
}

func get(t *testing.T, s blob.Store, name string) ([]byte, blob.ObjectInfo) {
	t.Helper()
	file, info, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(file)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	return b, info
}

func absent(t *testing.T, s blob.Store, name string) {
	t.Helper()
	if _, _, err := s.Open(t.Context(), name); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("open: %v, want ErrNotFound", err)
	}
	for o, err := range s.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if o.Name == name {
			t.Error("listed")
		}
	}
}

// large is more than one part of an upload or one chunk of a database has.
const large = 6<<20 + 1

func testPutOpen(t *testing.T, s blob.Store) {
	for _, size := range []int{0, 1, 1000, 300_000, large} {
		want := content(1, size)
		name := put(t, s, want, "mp4")
		got, info := get(t, s, name)
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back as other %d", size, len(got))
		}
		if info.Name != name || info.Size != int64(size) || info.ContentType != "video/mp4" || info.Modified.IsZero() {
			t.Errorf("described as %+v", info)
		}
	}
}

func testPutTwice(t *testing.T, s blob.Store) {
	b := content(2, 5000)
	name := put(t, s, b, "jpg")
	if put(t, s, b, "jpg") != name {
		t.Error("another name for the same content")
	}
	if got, _ := get(t, s, name); !bytes.Equal(got, b) {
		t.Error("the second put changed it")
	}
	if all := list(t, s, "", ""); len(all) != 1 {
		t.Errorf("%d files", len(all))
	}
}

func testPutWrongSize(t *testing.T, s blob.Store) {
	b := content(3, 5000)
	name := blob.NameOf(b, "jpg")
	for _, size := range []int64{4999, 5001, 0, 1 << 40} {
		if err := s.Put(t.Context(), name, bytes.NewReader(b), size); !errors.Is(err, blob.ErrSize) {
			t.Errorf("size %d: %v, want ErrSize", size, err)
		}
		absent(t, s, name)
	}
}

func testPutBrokenSource(t *testing.T, s blob.Store) {
	broken := errors.New("broken source")
	for _, size := range []int{10, large} {
		b := content(4, size)
		name := blob.NameOf(b, "jpg")
		source := io.MultiReader(bytes.NewReader(b[:size-1]), iotest.ErrReader(broken))
		if err := s.Put(t.Context(), name, source, int64(size)); !errors.Is(err, broken) {
			t.Errorf("%d bytes: %v, want the source's error", size, err)
		}
		absent(t, s, name)
	}
}

func testPutCancelled(t *testing.T, s blob.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	b := content(5, large)
	name := blob.NameOf(b, "jpg")
	// The source cancels in the middle, and goes on.
	source := io.MultiReader(bytes.NewReader(b[:large/2]), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, io.EOF
	}), bytes.NewReader(b[large/2:]))
	if err := s.Put(ctx, name, source, large); err == nil {
		t.Error("put with a cancelled context")
	}
	absent(t, s, name)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A file of another size than it should have is damaged; putting it mends it.
func testPutOverDamaged(t *testing.T, s blob.Store) {
	b := content(6, 5000)
	name := blob.NameOf(b, "jpg")
	if err := s.Put(t.Context(), name, bytes.NewReader(b[:100]), 100); err != nil {
		t.Fatal(err)
	}
	put(t, s, b, "jpg")
	if got, _ := get(t, s, name); !bytes.Equal(got, b) {
		t.Error("still damaged")
	}
}

func testPutAtOnce(t *testing.T, s blob.Store) {
	b := content(7, 100_000)
	name := blob.NameOf(b, "jpg")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := s.Put(t.Context(), name, bytes.NewReader(b), int64(len(b))); err != nil {
				t.Error(err)
			}
			file, _, err := s.Open(t.Context(), name)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(file)
			if err = errors.Join(err, file.Close()); err != nil || !bytes.Equal(got, b) {
				t.Errorf("read %d bytes: %v", len(got), err)
			}
		})
	}
	group.Wait()
	if all := list(t, s, "", ""); len(all) != 1 {
		t.Errorf("%d files", len(all))
	}
	if err := s.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	absent(t, s, name)
}

func testSeek(t *testing.T, s blob.Store) {
	b := content(8, 600_000)
	file, _, err := s.Open(t.Context(), put(t, s, b, "mp4"))
	if err != nil {
		t.Fatal(err)
	}
	check := func(offset int64, whence int, from, n int) {
		t.Helper()
		at, err := file.Seek(offset, whence)
		if err != nil || at != int64(from) {
			t.Fatalf("seek to %d: %v", at, err)
		}
		got := make([]byte, n)
		if _, err := io.ReadFull(file, got); err != nil || !bytes.Equal(got, b[from:from+n]) {
			t.Errorf("from %d: other bytes, %v", from, err)
		}
	}
	check(500_000, io.SeekStart, 500_000, 1000)
	check(0, io.SeekStart, 0, 10)
	check(90, io.SeekCurrent, 100, 300_000)
	check(-5, io.SeekEnd, 599_995, 5)
	if n, err := file.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if _, err := file.Seek(-1, io.SeekStart); err == nil {
		t.Error("seek before the start")
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}

// What delivery does: the standard library answers range requests from it.
func testRange(t *testing.T, s blob.Store) {
	b := content(9, 300_000)
	file, info, err := s.Open(t.Context(), put(t, s, b, "mp4"))
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	request.Header.Set("Range", "bytes=299000-")
	response := httptest.NewRecorder()
	http.ServeContent(response, request, info.Name, info.Modified, file)
	if response.Code != http.StatusPartialContent || !bytes.Equal(response.Body.Bytes(), b[299_000:]) {
		t.Errorf("status %d, %d bytes", response.Code, response.Body.Len())
	}
	if got := response.Header().Get("Content-Type"); got != "video/mp4" {
		t.Errorf("type %q", got)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}

func testNotFound(t *testing.T, s blob.Store) {
	absent(t, s, blob.NameOf([]byte("never stored"), "jpg"))
}

func testDelete(t *testing.T, s blob.Store) {
	kept := put(t, s, []byte("kept"), "jpg")
	name := put(t, s, []byte("gone"), "jpg")
	for range 2 { // the second time there is nothing to delete
		if err := s.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		absent(t, s, name)
	}
	get(t, s, kept)
	// It may be stored again.
	put(t, s, []byte("gone"), "jpg")
	get(t, s, name)
}

func list(t *testing.T, s blob.Store, prefix, after string) []string {
	t.Helper()
	var names []string
	for o, err := range s.List(t.Context(), prefix, after) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Size <= 0 || o.ContentType == "" || o.Modified.IsZero() {
			t.Errorf("listed as %+v", o)
		}
		names = append(names, o.Name)
	}
	return names
}

func testList(t *testing.T, s blob.Store) {
	if got := list(t, s, "", ""); got != nil {
		t.Errorf("an empty store lists %v", got)
	}
	var all []string
	for i := range 40 {
		all = append(all, put(t, s, fmt.Appendf(nil, "content %d", i), []string{"jpg", "webp"}[i%2]))
	}
	slices.Sort(all)
	if got := list(t, s, "", ""); !slices.Equal(got, all) {
		t.Errorf("listed %d of %d, or in another order", len(got), len(all))
	}
	if got := list(t, s, "", all[24]); !slices.Equal(got, all[25:]) {
		t.Errorf("behind the 25th: %d", len(got))
	}
	for _, prefix := range []string{all[7][:1], all[7][:2], all[7][:20], all[7]} {
		var want []string
		for _, name := range all {
			if strings.HasPrefix(name, prefix) {
				want = append(want, name)
			}
		}
		if got := list(t, s, prefix, ""); !slices.Equal(got, want) {
			t.Errorf("prefix %q: %v, want %v", prefix, got, want)
		}
	}
	if got := list(t, s, all[7][:2], all[39]); got != nil && all[7][:2] != all[39][:2] {
		t.Errorf("behind the last: %v", got)
	}
	for o, err := range s.List(t.Context(), "", "") {
		if err != nil || o.Name != all[0] {
			t.Errorf("the first is %+v, %v", o, err)
		}
		break // ends without complaint
	}
}

func testNames(t *testing.T, s blob.Store) {
	sum := strings.Repeat("0", 64)
	for _, name := range []string{
		"", ".", "..", "/", "a.jpg", "../" + sum + ".jpg", sum, sum + ".", sum + ".jpg/..", sum + ".html", sum + ".JPG",
		strings.Repeat("G", 64) + ".jpg", sum + ".jpg\x00", sum[:63] + ".jpg", sum + "0.jpg",
	} {
		if err := s.Put(t.Context(), name, strings.NewReader("x"), 1); !errors.Is(err, blob.ErrName) {
			t.Errorf("put %q: %v, want ErrName", name, err)
		}
		if _, _, err := s.Open(t.Context(), name); !errors.Is(err, blob.ErrName) {
			t.Errorf("open %q: %v, want ErrName", name, err)
		}
		if err := s.Delete(t.Context(), name); !errors.Is(err, blob.ErrName) {
			t.Errorf("delete %q: %v, want ErrName", name, err)
		}
	}
}

func testVerify(t *testing.T, s blob.Store) {
	name := put(t, s, content(10, 70_000), "jpg")
	if err := blob.Verify(t.Context(), s, name); err != nil {
		t.Error(err)
	}
	other := blob.NameOf([]byte("something else"), "jpg")
	if err := s.Put(t.Context(), other, strings.NewReader("not that"), 8); err != nil {
		t.Fatal(err)
	}
	if err := blob.Verify(t.Context(), s, other); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
	if err := blob.Verify(t.Context(), s, blob.NameOf(nil, "jpg")); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}
