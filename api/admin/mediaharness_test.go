package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/mediatest"
)

func TestMain(m *testing.M) {
	media.WorkerMain()
	goleak.VerifyTestMain(m,
		// Bleve's analysis workers live as long as the process.
		goleak.IgnoreAnyFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"),
		// Caches clean up until they are collected as garbage.
		goleak.IgnoreTopFunction("github.com/maypok86/otter/v2.periodicCleanUp[...]"))
}

// files is a store whose reading of uploaded videos can be held up, so that they
// stay in work.
type files struct {
	*blob.Local
	mu sync.Mutex
	// held is closed when videos may go on; nil while nothing is held.
	held chan struct{}
}

func (f *files) Open(ctx context.Context, name string) (io.ReadSeekCloser, media.ObjectInfo, error) {
	f.mu.Lock()
	held := f.held
	f.mu.Unlock()
	file, info, err := f.Local.Open(ctx, name)
	if held != nil && err == nil && strings.HasSuffix(name, ".bin") {
		select {
		case <-held:
		case <-ctx.Done():
			return nil, media.ObjectInfo{}, errors.Join(ctx.Err(), file.Close())
		}
	}
	return file, info, err
}

// hold holds videos up until goOn is called.
func (f *files) hold() (goOn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := make(chan struct{})
	f.held = held
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		close(held)
		f.held = nil
	}
}

// media makes what photos and videos need, with real parts.
func (s *shop) media(dir string) *lifecycle.MediaConfig {
	t := s.t
	t.Helper()
	local, err := blob.OpenLocal(filepath.Join(dir, "media"))
	if err != nil {
		t.Fatal(err)
	}
	s.files = &files{Local: local}
	return &lifecycle.MediaConfig{
		Processor: mediatest.Processor(t, s.files), Store: s.files, TempDir: t.TempDir(), Known: lifecycle.NewPictures(),
		Key: func(site string) []byte { return []byte("a key of at least 32 bytes for " + site) },
	}
}

// withFiles serves photos and videos beside the view, as the service does.
func (s *shop) withFiles(view http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", view)
	mux.HandleFunc("GET /v1/sites/{site}/media/{id}/{variant}", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		expires, _ := strconv.ParseInt(q.Get("expires"), 10, 64) // an address without has no signature either
		takes := func(kind string) bool { return strings.Contains(r.Header.Get("Accept"), kind) }
		f, err := s.svc.OpenMedium(r.Context(), content.Actor{}, r.PathValue("site"), r.PathValue("id"), r.PathValue("variant"),
			lifecycle.Access{Signature: q.Get("signature"), Expires: time.Unix(expires, 0)}, takes)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer func() { _ = f.Close() }() // it was only read
		w.Header().Set("Content-Type", f.ContentType)
		http.ServeContent(w, r, "", time.Time{}, f)
	})
	return mux
}

// upload uploads bytes whole, and gives the id.
func (s *shop) upload(author string, data []byte) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "upload")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	m, err := s.svc.Upload(s.t.Context(), content.Actor{ID: author, Name: author, Role: content.Shopper}, site, path, int64(len(data)))
	if err != nil {
		s.t.Fatal(err)
	}
	return m.ID
}

func (s *shop) photo(author string, seed uint64) string {
	s.t.Helper()
	return s.upload(author, mediatest.JPEG(s.t, mediatest.Drawing(640, 480, seed), 75))
}

// film uploads a video of three seconds. It skips the test where ffmpeg is not
// installed.
func (s *shop) film(t *testing.T, author string) string {
	t.Helper()
	data, err := os.ReadFile(mediatest.Film(t, "film.mp4", "-f", "lavfi", "-i", "testsrc=size=640x360:rate=15:duration=3",
		"-pix_fmt", "yuv420p", "-preset", "ultrafast"))
	if err != nil {
		t.Fatal(err)
	}
	return s.upload(author, data)
}

// brokenFilm begins as a video does, and is none.
func brokenFilm() []byte {
	return append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), make([]byte, 4000)...)
}

// pictured submits a review with photos and videos, and gives its id.
func (s *shop) pictured(author, body string, ids ...string) string {
	s.t.Helper()
	v := content.Version{Title: "With pictures", Body: body, Rating: 4}
	for i, id := range ids {
		v.Media = append(v.Media, content.Media{ID: id, Caption: fmt.Sprintf("Caption %d", i+1), Alt: fmt.Sprintf("A kettle seen from side %d", i+1)})
	}
	done, err := s.svc.Submit(s.t.Context(), content.Actor{ID: author, Name: author, Role: content.Shopper}, lifecycle.Submission{
		Site: site, Kind: content.Review, Subject: content.ProductOf("kettle"), Text: v,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return done.ID
}

// reach tells whether strangers get the thumbnail of a photo or video.
func (s *shop) reach(id string) bool {
	s.t.Helper()
	f, err := s.svc.OpenMedium(s.t.Context(), content.Actor{}, site, id, "thumb", lifecycle.Access{}, nil)
	if errors.Is(err, lifecycle.ErrNotFound) {
		return false
	}
	if err != nil {
		s.t.Fatal(err)
	}
	closed(s.t, f)
	return true
}

// processed waits until nothing is left to do with photos and videos.
func (s *shop) processed() {
	s.t.Helper()
	l := ledger.New(s.store)
	for {
		left, err := l.Media.Count(s.t.Context(), ledger.Prefix(ledger.ByOwes))
		if err != nil {
			s.t.Fatal(err)
		}
		if left == 0 {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.t.Context().Done():
			s.t.Fatal("work on photos and videos does not end")
		}
	}
}

// publicMedia are the ids of the photos and videos that strangers see with the
// kettle.
func (s *shop) publicMedia() (ids []string) {
	s.t.Helper()
	g, err := s.svc.Gallery(s.t.Context(), site, "kettle", lifecycle.Paging{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, item := range g.Items {
		ids = append(ids, item.Media.ID)
	}
	return ids
}
