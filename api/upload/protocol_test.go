package upload_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/upload"
)

func TestUploadInPieces(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	got := r.want(r.ask(http.MethodOptions, uploads, nil, "Tus-Resumable", "", "X-Who", ""), http.StatusNoContent)
	for name, want := range map[string]string{
		"Tus-Version": "1.0.0", "Tus-Extension": "creation,creation-with-upload,expiration,termination", "Tus-Max-Size": strconv.Itoa(maxBytes),
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.header.Get(name), want)
		}
	}
	file, note := random(1<<20+7), metadata("a cat.jpg")
	got = r.want(r.ask(http.MethodPost, uploads, nil, "Upload-Length", strconv.Itoa(len(file)), "Upload-Metadata", note), http.StatusCreated)
	path, expires := got.header.Get("Location"), r.clock.Now().Add(24*time.Hour).Format(http.TimeFormat)
	if !strings.HasPrefix(path, uploads+"/") || got.header.Get("Upload-Expires") != expires {
		t.Errorf("%v", got.header)
	}
	for at := 0; at < len(file); {
		got := r.want(r.ask(http.MethodHead, path, nil), http.StatusOK)
		for name, want := range map[string]string{
			"Upload-Offset": strconv.Itoa(at), "Upload-Length": strconv.Itoa(len(file)), "Upload-Metadata": note,
			"Upload-Expires": expires, "Cache-Control": "no-store", "Content-Length": "",
		} {
			if got.header.Get(name) != want {
				t.Errorf("HEAD at %d: %s is %q, want %q", at, name, got.header.Get(name), want)
			}
		}
		end := min(at+300_000, len(file))
		got = r.want(r.patch(path, at, reader(file[at:end])), http.StatusNoContent)
		if at = end; got.header.Get("Upload-Offset") != strconv.Itoa(at) || (got.header.Get("Upload-Expires") == expires) != (at < len(file)) {
			t.Errorf("PATCH to %d: %v", at, got.header)
		}
	}
	r.arrived(path, file)
	r.want(r.ask(http.MethodHead, path, nil), http.StatusNotFound)
	if n := r.desk.finishes(); n != 1 {
		t.Errorf("finished %d times", n)
	}
}

// cut sends half of a piece over a connection of its own, and hangs up.
func (r *rig) cut(path string, offset int, piece []byte) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nX-Who: alice\r\n"+
		"Content-Type: application/offset+octet-stream\r\nUpload-Offset: %d\r\nContent-Length: %d\r\n\r\n%s", path, offset, len(piece), piece[:len(piece)/2])
	if err == nil {
		<-r.reading
	}
	if err = errors.Join(err, conn.Close()); err != nil {
		r.t.Fatal(err)
	}
}

func TestResumeAfterCut(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	file := random(3 << 20)
	path := r.create(len(file))
	at := 0
	for range 3 {
		r.cut(path, at, file[at:min(at+1<<20, len(file))])
		now := r.offset(path)
		if now < at {
			t.Fatalf("offset went back from %d to %d", at, now)
		}
		at = now
	}
	if at == 0 {
		t.Error("nothing was kept of three pieces")
	}
	r.want(r.patch(path, at, reader(file[at:])), http.StatusNoContent)
	r.arrived(path, file)
}

func TestCreationWithUpload(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	file := random(100_000)
	length, piece := strconv.Itoa(len(file)), "application/offset+octet-stream"
	whole := r.want(r.ask(http.MethodPost, uploads, reader(file), "Upload-Length", length, "Content-Type", piece), http.StatusCreated)
	if whole.header.Get("Upload-Offset") != length || whole.header.Get("Upload-Expires") != "" {
		t.Errorf("%v", whole.header)
	}
	r.arrived(whole.header.Get("Location"), file)
	part := r.want(r.ask(http.MethodPost, uploads, reader(file[:777]), "Upload-Length", length, "Content-Type", piece), http.StatusCreated)
	if part.header.Get("Upload-Offset") != "777" || part.header.Get("Upload-Expires") == "" {
		t.Errorf("%v", part.header)
	}
	path := part.header.Get("Location")
	r.want(r.patch(path, 777, reader(file[777:])), http.StatusNoContent)
	r.arrived(path, file)
	// A body of another type belongs to no piece.
	other := r.want(r.ask(http.MethodPost, uploads, reader(file), "Upload-Length", length, "Content-Type", "image/jpeg"), http.StatusCreated)
	if n := r.offset(other.header.Get("Location")); n != 0 {
		t.Errorf("%d bytes were taken", n)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	path := r.create(100)
	r.want(r.patch(path, 0, reader(random(10))), http.StatusNoContent)
	open := r.desk.open()
	const post, patch, head, del, piece = http.MethodPost, http.MethodPatch, http.MethodHead, http.MethodDelete, "application/offset+octet-stream"
	for _, c := range []struct {
		name, method, path string
		status             int
		headers            []string
	}{
		{"no version", post, uploads, 412, []string{"Upload-Length", "5", "Tus-Resumable", ""}},
		{"other version", post, uploads, 412, []string{"Upload-Length", "5", "Tus-Resumable", "0.2.2"}},
		{"no version to patch", patch, path, 412, []string{"Tus-Resumable", "", "Content-Type", piece, "Upload-Offset", "10"}},
		{"no version to ask", head, path, 412, []string{"Tus-Resumable", ""}},
		{"no version to drop", del, path, 412, []string{"Tus-Resumable", ""}},
		{"no length", post, uploads, 400, nil},
		{"length of nothing", post, uploads, 400, []string{"Upload-Length", "0"}},
		{"negative length", post, uploads, 400, []string{"Upload-Length", "-5"}},
		{"signed length", post, uploads, 400, []string{"Upload-Length", "+5"}},
		{"odd length", post, uploads, 400, []string{"Upload-Length", "5e3"}},
		{"endless length", post, uploads, 400, []string{"Upload-Length", "99999999999999999999"}},
		{"too long", post, uploads, 413, []string{"Upload-Length", strconv.Itoa(maxBytes + 1)}},
		{"length later", post, uploads, 400, []string{"Upload-Defer-Length", "1"}},
		{"length now and later", post, uploads, 400, []string{"Upload-Length", "5", "Upload-Defer-Length", "1"}},
		{"part of another", post, uploads, 400, []string{"Upload-Length", "5", "Upload-Concat", "partial"}},
		{"joined", post, uploads, 400, []string{"Upload-Concat", "final;" + path}},
		{"much metadata", post, uploads, 400, []string{"Upload-Length", "5", "Upload-Metadata", "n " + strings.Repeat("A", 5000)}},
		{"metadata beyond ASCII", post, uploads, 400, []string{"Upload-Length", "5", "Upload-Metadata", "ñ AAAA"}},
		{"first piece too long", post, uploads, 413, []string{"Upload-Length", "5", "Content-Type", piece}},
		{"no type", patch, path, 415, []string{"Upload-Offset", "10"}},
		{"wrong type", patch, path, 415, []string{"Upload-Offset", "10", "Content-Type", "image/jpeg"}},
		{"draft of the IETF", patch, path, 415, []string{"Upload-Offset", "10", "Content-Type", "application/partial-upload", "Upload-Draft-Interop-Version", "6"}},
		{"no offset", patch, path, 400, []string{"Content-Type", piece}},
		{"negative offset", patch, path, 400, []string{"Content-Type", piece, "Upload-Offset", "-1"}},
		{"odd offset", patch, path, 400, []string{"Content-Type", piece, "Upload-Offset", "ten"}},
		{"offset behind", patch, path, 409, []string{"Content-Type", piece, "Upload-Offset", "0"}},
		{"offset ahead", patch, path, 409, []string{"Content-Type", piece, "Upload-Offset", "11"}},
		{"piece too long", patch, path, 413, []string{"Content-Type", piece, "Upload-Offset", "10"}},
		{"get", http.MethodGet, path, 405, nil},
		{"get all", http.MethodGet, uploads, 405, nil},
		{"put", http.MethodPut, path, 405, nil},
		{"post to one", post, path, 405, []string{"Upload-Length", "5"}},
		{"patch all", patch, uploads, 405, nil},
		{"trace", http.MethodTrace, path, 405, nil},
	} {
		var body io.Reader
		if c.method == post || c.method == patch {
			body = reader(random(200))
		}
		got := r.ask(c.method, c.path, body, c.headers...)
		if got.err != nil || got.status != c.status {
			t.Errorf("%s: %d %v, want %d", c.name, got.status, got.err, c.status)
			continue
		}
		r.want(got, c.status)
		if got.status == http.StatusMethodNotAllowed && !strings.Contains(got.header.Get("Allow"), "OPTIONS") {
			t.Errorf("%s: Allow is %q", c.name, got.header.Get("Allow"))
		}
	}
	if r.desk.open() != open || r.files() != 2 {
		t.Errorf("%d reservations, %d files", r.desk.open(), r.files())
	}
	if n := r.offset(path); n != 10 {
		t.Errorf("offset %d", n)
	}
}

func TestPieceOfUnknownLengthTooLong(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	path := r.create(100)
	r.want(r.patch(path, 0, io.MultiReader(reader(random(60)), reader(random(60)))), http.StatusRequestEntityTooLarge)
	if n := r.desk.finishes(); n != 0 {
		t.Errorf("finished %d times", n)
	}
}

// A client that knows no PATCH and DELETE names them, and is asked who it is all
// the same.
func TestMethodOverride(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	const name, piece = "X-HTTP-Method-Override", "application/offset+octet-stream"
	path := r.create(5)
	for _, c := range []struct {
		status  int
		headers []string
	}{
		{404, []string{name, "PATCH", "X-Who", "mallory", "Content-Type", piece, "Upload-Offset", "0"}},
		{404, []string{name, "DELETE", "X-Who", "mallory"}},
		{412, []string{name, "PATCH", "Tus-Resumable", "", "Content-Type", piece, "Upload-Offset", "0"}},
		{405, []string{name, "GET"}},
		{405, []string{name, "HEAD"}},
		{405, []string{name, "OPTIONS"}},
		{405, []string{name, "delete"}},
	} {
		r.want(r.ask(http.MethodPost, path, reader([]byte("hello")), c.headers...), c.status)
	}
	// What a GET or HEAD carries along means nothing.
	r.want(r.ask(http.MethodHead, path, nil, name, "DELETE"), http.StatusOK)
	r.want(r.ask(http.MethodGet, path, nil, name, "HEAD"), http.StatusMethodNotAllowed)
	r.want(r.ask(http.MethodPost, uploads, nil, name, "PATCH", "Upload-Length", "5"), http.StatusMethodNotAllowed)
	r.want(r.ask(http.MethodPost, path, reader([]byte("hello")), name, "PATCH", "Content-Type", piece, "Upload-Offset", "0"), http.StatusNoContent)
	r.arrived(path, []byte("hello"))
	path = r.create(5)
	r.want(r.ask(http.MethodPost, path, nil, name, "DELETE"), http.StatusNoContent)
	r.want(r.ask(http.MethodHead, path, nil), http.StatusNotFound)
}

// Strangers get the answer of an upload that never was, whatever they try.
func TestStrangers(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	path := r.create(100)
	r.want(r.patch(path, 0, reader(random(10))), http.StatusNoContent)
	never := uploads + "/0197f3a0-0000-7000-8000-000000000000"
	elsewhere := strings.Replace(path, "/demo/", "/other/", 1)
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete} {
		var first string
		for _, c := range []struct{ who, path string }{{"alice", never}, {"mallory", path}, {"", path}, {"alice", elsewhere}} {
			got := r.want(r.ask(method, c.path, nil, "X-Who", c.who, "Content-Type", "application/offset+octet-stream", "Upload-Offset", "10"), http.StatusNotFound)
			got.header.Del("Date")
			if all := fmt.Sprint(got.body, got.header); first == "" {
				first = all
			} else if all != first {
				t.Errorf("%s %s by %q: %s, an upload that never was: %s", method, c.path, c.who, all, first)
			}
		}
	}
	if n := r.offset(path); n != 10 {
		t.Errorf("offset %d", n)
	}
}

// Only a site and a UUID become a path, and nobody is asked about others.
func TestTraversal(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := strings.TrimPrefix(r.create(5), uploads+"/")
	for _, c := range []struct{ site, id string }{
		{"demo", "../demo/" + id},
		{"demo", ".."},
		{"demo", "."},
		{"demo", "/" + id},
		{"demo", id + "/"},
		{"demo", id + ".info"},
		{"demo", strings.ToUpper(id)},
		{"demo", "{" + id + "}"},
		{"demo", "urn:uuid:" + id},
		{"demo", strings.ReplaceAll(id, "-", "")},
		{"demo", id + "\x00"},
		{"demo", "..%2f" + id},
		{"demo", `..\` + id},
		{"", id},
		{"..", id},
		{"demo/..", id},
		{"demo/", id},
		{"Demo", id},
		{".", id},
	} {
		for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete} {
			w, req := request(t, method, nil)
			req.Header.Set("Upload-Offset", "0")
			req.Header.Set("Content-Type", "application/offset+octet-stream")
			r.desk.mu.Lock()
			r.desk.owners[c.site+"/"+c.id] = "alice" // even where the desk would allow it
			r.desk.mu.Unlock()
			err := r.handler.Serve(w, req, content.Actor{ID: "alice", Role: content.Shopper}, c.site, c.id)
			r.desk.mu.Lock()
			if c.site != "demo" || c.id != id {
				delete(r.desk.owners, c.site+"/"+c.id)
			}
			r.desk.mu.Unlock()
			if !errors.Is(err, upload.ErrNotFound) {
				t.Errorf("%s %q %q: %v", method, c.site, c.id, err)
			}
		}
	}
	w, req := request(t, http.MethodPost, nil)
	req.Header.Set("Upload-Length", "5")
	if err := r.handler.Serve(w, req, content.Actor{ID: "alice", Role: content.Shopper}, "../x", ""); !errors.Is(err, upload.ErrNotFound) {
		t.Error(err)
	}
	if n := r.files(); n != 2 {
		t.Errorf("%d files", n)
	}
}

func TestTermination(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	path := r.create(100)
	r.want(r.patch(path, 0, reader(random(10))), http.StatusNoContent)
	r.want(r.ask(http.MethodDelete, path, nil), http.StatusNoContent)
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete} {
		r.want(r.ask(method, path, nil, "Content-Type", "application/offset+octet-stream", "Upload-Offset", "10"), http.StatusNotFound)
	}
	if r.files() != 0 || r.desk.open() != 0 {
		t.Errorf("%d files, %d reservations", r.files(), r.desk.open())
	}
}
