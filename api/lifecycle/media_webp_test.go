package lifecycle_test

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/candor-ugc/candor/media/mediatest"
)

// TestWebPWaitsForPhotos that somebody waits for: while one is being made, nothing
// is made that can be made later, and afterwards it is.
func TestWebPWaitsForPhotos(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	f := n.breakable()
	begun, open := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var done []string
	note := func(what string) (first bool) {
		mu.Lock()
		defer mu.Unlock()
		done = append(done, what)
		return len(done) == 1
	}
	f.set(func(name string) error {
		if note("store " + filepath.Ext(name)) {
			close(begun)
			<-open
		}
		return nil
	}, nil)
	// WebP is made of what is stored.
	f.opening(func(string) { note("begin WebP") })
	slow := make(chan error, 1)
	data := mediatest.Photo(t, 1)
	go func() {
		_, err := n.upload(t, alice, data)
		slow <- err
	}()
	<-begun
	others := []string{n.photo(t, bob, 2), n.photo(t, bob, 3), n.photo(t, bob, 4)}
	close(open)
	noError(t, <-slow)
	n.noWork(t)
	mu.Lock()
	defer mu.Unlock()
	first := slices.Index(done, "begin WebP")
	if first < 0 || !slices.Contains(done, "store .webp") {
		t.Fatalf("no WebP was made: %q", done)
	}
	if slices.Contains(done[first:], "store .jpg") {
		t.Errorf("WebP was begun while photos were made: %q", done)
	}
	for _, id := range others {
		equal(t, "missing", n.missing(t, id), []string(nil))
	}
}
