package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/media/mediatest"
)

// parts is a form of several parts, each a name and a content.
func parts(t testing.TB, list ...[2]string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, part := range list {
		p, err := w.CreateFormFile(part[0], "x")
		if err == nil {
			_, err = io.WriteString(p, part[1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// left are the temporary files of uploads.
func (s *shop) left() []string {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(s.api.SpoolDir, "candor-upload-*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// waitFor waits for what a connection that broke off leaves to others.
func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	late := time.After(time.Minute)
	for !is() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

func (s *shop) media() int {
	s.t.Helper()
	n, err := s.ledger.Media.Count(s.t.Context(), ledger.Range{})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// TestFormsThatAreNone are refused in words about the form, and leave nothing.
func TestFormsThatAreNone(t *testing.T) {
	t.Parallel()
	s := open(t)
	photo := string(mediatest.Photo(t, 1))
	whole, kind := parts(t, [2]string{"file", photo})
	wrong, wrongKind := parts(t, [2]string{"photo", photo})
	second, secondKind := parts(t, [2]string{"caption", "x"}, [2]string{"file", photo})
	empty, emptyKind := parts(t, [2]string{"file", ""})
	none, noneKind := parts(t)
	for _, tt := range []struct {
		name, body, kind string
		status           int
		code, field      string
	}{
		{"no content type", whole, "", 415, "unsupported_media_type", ""},
		{"JSON", "{}", "application/json", 415, "unsupported_media_type", ""},
		{"the bare file", photo, "image/jpeg", 415, "unsupported_media_type", ""},
		{"another multipart", whole, strings.Replace(kind, "form-data", "mixed", 1), 415, "unsupported_media_type", ""},
		{"no boundary", whole, "multipart/form-data", 400, "malformed_form", ""},
		{"another boundary", whole, "multipart/form-data; boundary=x", 400, "malformed_form", ""},
		{"no body", "", kind, 400, "malformed_form", ""},
		{"no parts", none, noneKind, 400, "malformed_form", ""},
		{"not a form", "hello", kind, 400, "malformed_form", ""},
		{"another field", wrong, wrongKind, 400, "malformed_form", "file"},
		{"the file second", second, secondKind, 400, "malformed_form", "file"},
		{"an empty file", empty, emptyKind, 400, "malformed_form", "file"},
		{"cut in the file", whole[:len(whole)/2], kind, 400, "malformed_form", ""},
		{"cut before the end", whole[:len(whole)-20], kind, 400, "malformed_form", ""},
		{"endless headers", "--b\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 12_000), "multipart/form-data; boundary=b", 400, "malformed_form", ""},
	} {
		a := s.do("alice", http.MethodPost, "/media", tt.body, header{"Content-Type", tt.kind})
		p := a.problem(tt.status, tt.code)
		if got := len(p.Errors); got != map[bool]int{true: 0, false: 1}[tt.field == ""] || got == 1 && p.Errors[0].Field != tt.field {
			t.Errorf("%s: %s", tt.name, a.body)
		}
		for _, word := range []string{"multipart:", "EOF", "NextPart", "candor-upload", s.api.SpoolDir, "boundary=", ".go"} {
			if bytes.Contains(a.body, []byte(word)) {
				t.Errorf("%s tells of %q: %s", tt.name, word, a.body)
			}
		}
	}
	if n := s.media(); n != 0 || len(s.left()) != 0 {
		t.Errorf("%d media and the files %q are left", n, s.left())
	}
	// Parts behind the file are no harm.
	two, twoKind := parts(t, [2]string{"file", photo}, [2]string{"file", "another"})
	s.do("alice", http.MethodPost, "/media", two, header{"Content-Type", twoKind}).want(http.StatusCreated)
	if n := s.media(); n != 1 || len(s.left()) != 0 {
		t.Errorf("%d media and the files %q are left", n, s.left())
	}
}

// TestRefusedFiles are refused in words about the file.
func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	s := open(t)
	photo := mediatest.Photo(t, 1)
	for _, tt := range []struct {
		name   string
		data   []byte
		status int
		code   string
	}{
		{"HTML", []byte("<!doctype html><script>alert(1)</script>"), 415, "media_unsupported"},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), 415, "media_unsupported"},
		{"PDF", []byte("%PDF-1.7\n%"), 415, "media_unsupported"},
		{"a playlist", []byte("#EXTM3U\nfile:///etc/passwd\n"), 415, "media_unsupported"},
		{"half a photo", photo[:len(photo)/2], 422, "media_damaged"},
		{"a photo and a page", append([]byte("\xff\xd8\xff\xfe\x00\x20<html><script>x</script>     "), photo[2:]...), 422, "media_polyglot"},
	} {
		a := s.upload("alice", tt.data)
		a.problem(tt.status, tt.code)
		for _, word := range []string{"worker", "sniff", "process photo", "decode", ".go", "candor-"} {
			if bytes.Contains(a.body, []byte(word)) {
				t.Errorf("%s tells of %q: %s", tt.name, word, a.body)
			}
		}
	}
	if len(s.left()) != 0 {
		t.Errorf("the files %q are left", s.left())
	}
	for info, err := range s.files.List(t.Context(), "", "") {
		t.Errorf("stored: %s, %v", info.Name, err)
	}
}

// endless is a body of zeros without an announced length.
type endless struct{ left int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	e.left -= n
	return int(n), nil
}

// TestTooLargeForms are refused by what they announce, and where they announce
// nothing, by what comes.
func TestTooLargeForms(t *testing.T) {
	t.Parallel()
	s := open(t)
	most := s.svc.MaxUpload()
	head := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"
	ask := func(length int64) (status int, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.server.URL+under("/media"), io.MultiReader(strings.NewReader(head), &endless{left: most + 2<<20}))
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = length
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		r.Header.Set("Authorization", "Bearer "+s.tokens["alice"])
		res, err := s.client.Do(r)
		if err != nil {
			// The answer may have come while the body was still on its way.
			return 0, ""
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	for _, length := range []int64{int64(len(head)) + most + 2<<20, -1} {
		status, body := ask(length)
		if status != 0 && (status != http.StatusRequestEntityTooLarge || !strings.Contains(body, "media_too_large") || !strings.Contains(body, "MiB")) {
			t.Errorf("length %d: %d %s", length, status, body)
		}
	}
	waitFor(t, "no file is left", func() bool { return len(s.left()) == 0 })
	if n := s.media(); n != 0 {
		t.Errorf("%d media are left", n)
	}
}

// wire is a connection whose request is written by hand.
type wire struct {
	net.Conn
	t testing.TB
}

func (s *shop) wire() *wire {
	s.t.Helper()
	u, err := url.Parse(s.server.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(s.t.Context(), "tcp", u.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return &wire{conn, s.t}
}

// begin sends the head of a form of some length, and some of it.
func (w *wire) begin(token string, length int) {
	w.t.Helper()
	_, err := fmt.Fprintf(w, "POST %s HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n"+
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n\xff\xd8\xff", under("/media"), token, length)
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) status() int {
	w.t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(w), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestCutConnections leave neither a file nor a medium, and cost no quota.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.svc.Media.Quota.ShopperFiles = 1
	for range 5 {
		w := s.wire()
		w.begin(s.tokens["alice"], 1_000_000)
		waitFor(t, "it arrives", func() bool { return len(s.left()) == 1 })
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "no file is left", func() bool { return len(s.left()) == 0 })
	}
	if n := s.media(); n != 0 {
		t.Errorf("%d media are left", n)
	}
	s.upload("alice", mediatest.Photo(t, 1)).want(http.StatusCreated)
	full := s.upload("alice", mediatest.Photo(t, 1))
	full.problem(http.StatusTooManyRequests, "upload_quota")
	if got := full.header.Get("Retry-After"); got != "3600" {
		t.Errorf("when to try again: %q", got)
	}
	s.upload("bob", mediatest.Photo(t, 1)).want(http.StatusCreated)
	s.noWork()
}

// TestOnePersonsSlowUploads do not take the places of others, and whoever has used
// up the quota is told before sending anything.
func TestOnePersonsSlowUploads(t *testing.T) {
	t.Parallel()
	s := open(t)
	const places = 8
	var slow []*wire
	for range places {
		w := s.wire()
		w.begin(s.tokens["alice"], 1_000_000)
		slow = append(slow, w)
	}
	waitFor(t, "all arrive", func() bool { return len(s.left()) == places })
	last := s.wire()
	last.begin(s.tokens["alice"], 1_000_000)
	if status := last.status(); status != http.StatusServiceUnavailable {
		t.Errorf("one more: %d", status)
	}
	s.errors.take() // which is the service's to log
	s.upload("bob", mediatest.Photo(t, 1)).want(http.StatusCreated)
	for _, w := range slow {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "no file is left", func() bool { return len(s.left()) == 0 })
	s.upload("alice", mediatest.Photo(t, 1)).want(http.StatusCreated)
	s.svc.Media.Quota.ShopperFiles = 1
	w := s.wire()
	w.begin(s.tokens["alice"], 1_000_000)
	if status := w.status(); status != http.StatusTooManyRequests {
		t.Errorf("without quota: %d", status)
	}
	s.noWork()
}

// TestNoRoomForUploads: what goes wrong here is told without saying what.
func TestNoRoomForUploads(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.api.SpoolDir = filepath.Join(s.api.SpoolDir, "none")
	a := s.upload("alice", mediatest.Photo(t, 1))
	a.problem(http.StatusInternalServerError, "internal")
	if text := s.errors.take(); !strings.Contains(text, "receive upload") {
		t.Errorf("logged %q", text)
	}
	if bytes.Contains(a.body, []byte("none")) {
		t.Errorf("tells where: %s", a.body)
	}
}

// TestUploadsOverHTTPCount: size, count and site.
func TestUploadsOverHTTPCount(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.svc.Media.Quota.SiteBytes = 30_000
	data := mediatest.Photo(t, 1)
	n := 0
	for ; ; n++ {
		a := s.upload("alice", data)
		if a.status == http.StatusCreated {
			continue
		}
		a.problem(http.StatusServiceUnavailable, "uploads_full")
		if a.header.Get("Retry-After") == "" {
			t.Error("it is not said when to try again")
		}
		break
	}
	if want := 30_000 / len(data); n != want {
		t.Errorf("%d uploads of %d bytes fit into 30000", n, len(data))
	}
	s.errors.take()
	s.noWork()
}
