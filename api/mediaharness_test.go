package api_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/api/upload"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/mediatest"
)

// mediaConfig makes and keeps photos, and videos where ffmpeg is installed.
func (s *shop) mediaConfig(dir string, known *lifecycle.Pictures) *lifecycle.MediaConfig {
	s.t.Helper()
	var err error
	if s.files, err = blob.OpenLocal(filepath.Join(dir, "media")); err != nil {
		s.t.Fatal(err)
	}
	return &lifecycle.MediaConfig{
		Processor: mediatest.Processor(s.t, s.files), Store: s.files, TempDir: dir, Known: known,
		Key: func(site string) []byte { return []byte("a key of at least 32 bytes for " + site) },
	}
}

// openUploads takes in what can be resumed.
func (s *shop) openUploads(dir string) {
	s.t.Helper()
	h, err := upload.New(upload.Config{
		Dir: filepath.Join(dir, "uploads"), Desk: s.svc, Final: lifecycle.RefusesUpload, MaxBytes: s.svc.MaxUpload(), Now: s.clock.Now,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(h.Close)
	s.svc.Media.Forget = h.Forget
	s.api.ReadyUploads(h)
}

// form is a form with one file.
func form(t testing.TB, field, name string, data []byte) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// upload uploads a file in one request.
func (s *shop) upload(as string, data []byte) *answer {
	s.t.Helper()
	body, contentType := form(s.t, "file", "holiday.jpg", data)
	return s.do(as, http.MethodPost, "/media", body, header{"Content-Type", contentType})
}

// photo uploads a photo and gives its id, once nothing is left to do with it.
func (s *shop) photo(who string, seed uint64) string {
	s.t.Helper()
	id := as[content.PrivateMedia](s.upload(who, mediatest.Photo(s.t, seed)).want(http.StatusCreated)).ID
	s.noWork()
	return id
}

// noWork waits until nothing is left to do with media.
func (s *shop) noWork() {
	s.t.Helper()
	for {
		left, err := s.ledger.Media.Count(s.t.Context(), ledger.Prefix(ledger.ByOwes))
		if err != nil {
			s.t.Fatal(err)
		}
		if left == 0 {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-s.t.Context().Done():
			s.t.Fatal("work on media does not end")
		}
	}
}
