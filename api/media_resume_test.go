package api_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/media/mediatest"
)

// tus sends a request of the protocol.
func (s *shop) tus(as, method, path, body string, headers ...header) *answer {
	s.t.Helper()
	headers = append([]header{{"Tus-Resumable", "1.0.0"}, {"Content-Type", "application/offset+octet-stream"}}, headers...)
	var sent any
	if body != "" {
		sent = body
	}
	return s.do(as, method, path, sent, headers...)
}

// begin begins an upload and gives its id.
func (s *shop) begin(as string, size int) string {
	s.t.Helper()
	a := s.tus(as, http.MethodPost, "/uploads", "", header{"Upload-Length", strconv.Itoa(size)}, header{"Content-Type", ""}).want(http.StatusCreated)
	id, ok := strings.CutPrefix(a.header.Get("Location"), under("/uploads/"))
	if !ok {
		s.t.Fatalf("Location %q", a.header.Get("Location"))
	}
	return id
}

func (s *shop) piece(as, id string, offset int, data []byte) *answer {
	s.t.Helper()
	return s.tus(as, http.MethodPatch, "/uploads/"+id, string(data), header{"Upload-Offset", strconv.Itoa(offset)})
}

// arrived are the files of what has arrived of uploads.
func (s *shop) arrived() (files []string) {
	s.t.Helper()
	err := filepath.WalkDir(filepath.Join(s.api.SpoolDir, "uploads"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

// TestResumedPhoto comes in pieces, is known from the beginning, and may be named
// once it is whole.
func TestResumedPhoto(t *testing.T) {
	t.Parallel()
	s := open(t)
	data := mediatest.Photo(t, 1)
	id := s.begin("alice", len(data))
	state := func(want content.MediumState) {
		t.Helper()
		if m := as[content.PrivateMedia](s.get("alice", "/media/"+id).want(http.StatusOK)); m.State != want || len(m.Variants) > 0 != (want == content.Ready) {
			t.Errorf("%+v, want %s", m, want)
		}
	}
	review := fields{"rating": 5, "body": "Look.", "media": []fields{{"id": id}}}
	state(content.Uploading)
	s.piece("alice", id, 0, data[:5000]).want(http.StatusNoContent)
	if a := s.tus("alice", http.MethodHead, "/uploads/"+id, ""); a.want(http.StatusOK).header.Get("Upload-Offset") != "5000" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("HEAD: %v", a.header)
	}
	a := s.do("alice", http.MethodPost, "/products/kettle/reviews", review)
	if p := a.problem(http.StatusUnprocessableEntity, "invalid"); p.Errors[0].Field != "media[0].id" || p.Errors[0].Code != "uploading" {
		t.Errorf("named too early: %s", a.body)
	}
	for _, who := range []string{"bob", "moderator", "admin"} {
		s.tus(who, http.MethodHead, "/uploads/"+id, "").want(http.StatusNotFound)
		s.piece(who, id, 5000, data[5000:]).problem(http.StatusNotFound, "not_found")
		s.tus(who, http.MethodDelete, "/uploads/"+id, "").problem(http.StatusNotFound, "not_found")
	}
	s.tus("guest", http.MethodHead, "/uploads/"+id, "").want(http.StatusUnauthorized)
	s.piece("alice", id, 4000, data[4000:]).problem(http.StatusConflict, "upload_offset")
	s.piece("alice", id, 5000, data[5000:]).want(http.StatusNoContent)
	state(content.Ready)
	s.noWork()
	if left := s.arrived(); len(left) != 0 {
		t.Errorf("left %q", left)
	}
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		s.tus("alice", method, "/uploads/"+id, "x", header{"Upload-Offset", "0"}).problem(http.StatusNotFound, "not_found")
	}
	s.do("alice", http.MethodPost, "/products/kettle/reviews", review).want(http.StatusCreated)
}

// TestResumedFilesThatAreRefused fail for good, in words about the file, and leave
// nothing.
func TestResumedFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	page := []byte("<!doctype html><script>alert(1)</script>")
	id := s.begin("alice", len(page))
	s.piece("alice", id, 0, page).problem(http.StatusUnsupportedMediaType, "media_unsupported")
	s.piece("alice", id, 0, page).problem(http.StatusNotFound, "not_found")
	if m := as[content.PrivateMedia](s.get("alice", "/media/"+id).want(http.StatusOK)); m.State != content.Failed || m.Reason != "unsupported" {
		t.Errorf("%+v", m)
	}
	if left := s.arrived(); len(left) != 0 {
		t.Errorf("left %q", left)
	}
	for size, want := range map[string]struct {
		status int
		code   string
	}{
		"0": {400, "invalid_parameter"}, "-1": {400, "invalid_parameter"}, "x": {400, "invalid_parameter"}, "": {400, "invalid_parameter"},
		"99999999999999999999": {400, "invalid_parameter"}, fmt.Sprint(s.svc.MaxUpload() + 1): {413, "media_too_large"},
	} {
		s.tus("alice", http.MethodPost, "/uploads", "", header{"Upload-Length", size}, header{"Content-Type", ""}).problem(want.status, want.code)
	}
	s.do("alice", http.MethodPost, "/uploads", nil, header{"Upload-Length", "10"}).problem(http.StatusPreconditionFailed, "tus_version")
	s.svc.Media.Quota.ShopperFiles = 1
	s.tus("alice", http.MethodPost, "/uploads", "", header{"Upload-Length", "10"}, header{"Content-Type", ""}).problem(http.StatusTooManyRequests, "upload_quota")
}

// TestUploadsThatAreGivenUp: by their owner, by time, and with their person.
func TestUploadsThatAreGivenUp(t *testing.T) {
	t.Parallel()
	s := open(t)
	data := mediatest.Photo(t, 1)
	start := func(as string) string {
		t.Helper()
		id := s.begin(as, len(data))
		s.piece(as, id, 0, data[:3000]).want(http.StatusNoContent)
		return id
	}
	gone := func(as, id string) {
		t.Helper()
		s.tus(as, http.MethodHead, "/uploads/"+id, "").want(http.StatusNotFound)
		s.piece(as, id, 3000, data[3000:]).problem(http.StatusNotFound, "not_found")
	}
	id := start("alice")
	s.tus("alice", http.MethodDelete, "/uploads/"+id, "").want(http.StatusNoContent)
	gone("alice", id)
	id = start("alice")
	s.tus("alice", http.MethodPost, "/uploads/"+id, "", header{"X-HTTP-Method-Override", "DELETE"}).want(http.StatusNoContent)
	gone("alice", id)
	id = start("alice")
	s.do("alice", http.MethodDelete, "/media/"+id, nil).want(http.StatusNoContent)
	gone("alice", id)
	id = start("alice")
	kept := start("bob")
	s.do("alice", http.MethodDelete, "/me", nil).want(http.StatusOK)
	gone("alice", id)
	for _, path := range s.arrived() {
		if strings.Contains(path, id) {
			t.Errorf("left of an erased person: %s", path)
		}
	}
	s.clock.advance(24*time.Hour + time.Second)
	gone("bob", kept)
}
