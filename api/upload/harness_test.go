package upload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/upload"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashFolder); dir != "" {
		hangInFinish(dir)
	}
	goleak.VerifyTestMain(m)
}

var (
	errGone    = errors.New("desk: not found")
	errQuota   = errors.New("desk: quota")
	errRefused = errors.New("desk: refused")
	errTrouble = errors.New("desk: trouble")
)

// statuses are what the errors become for a client of the tests.
var statuses = []struct {
	err    error
	status int
}{
	{errGone, http.StatusNotFound},
	{errQuota, http.StatusTooManyRequests},
	{errRefused, http.StatusUnprocessableEntity},
	{upload.ErrNotFound, http.StatusNotFound},
	{upload.ErrMethod, http.StatusMethodNotAllowed},
	{upload.ErrVersion, http.StatusPreconditionFailed},
	{upload.ErrContentType, http.StatusUnsupportedMediaType},
	{upload.ErrHeader, http.StatusBadRequest},
	{upload.ErrTooLarge, http.StatusRequestEntityTooLarge},
	{upload.ErrOffset, http.StatusConflict},
	{upload.ErrLocked, http.StatusLocked},
	{upload.ErrBusy, http.StatusServiceUnavailable},
	{upload.ErrIdle, http.StatusRequestTimeout},
	{upload.ErrCut, http.StatusBadRequest},
	{upload.ErrFull, http.StatusInsufficientStorage},
	{upload.ErrClosed, http.StatusServiceUnavailable},
}

func statusOf(err error) int {
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status
		}
	}
	return http.StatusInternalServerError
}

func final(err error) bool { return statusOf(err) < http.StatusInternalServerError }

// desk is a service that remembers what it was asked.
type desk struct {
	mu       sync.Mutex
	owners   map[string]string // SITE/ID to the person
	sizes    map[string]int64
	finished map[string][sha256.Size]byte
	calls    int // of FinishUpload
	begin    func(size int64) error
	finish   func(ctx context.Context, path string) error
}

func newDesk() *desk {
	return &desk{owners: map[string]string{}, sizes: map[string]int64{}, finished: map[string][sha256.Size]byte{}}
}

func (d *desk) BeginUpload(_ context.Context, who content.Actor, site string, size int64) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.begin != nil {
		if err := d.begin(size); err != nil {
			return "", err
		}
	}
	id := uuid.Must(uuid.NewV7()).String()
	d.owners[site+"/"+id], d.sizes[site+"/"+id] = who.ID, size
	return id, nil
}

func (d *desk) MayUpload(_ context.Context, who content.Actor, site, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if owner, ok := d.owners[site+"/"+id]; !ok || owner != who.ID {
		return errGone
	}
	return nil
}

func (d *desk) FinishUpload(ctx context.Context, site, id, path string) error {
	d.mu.Lock()
	d.calls++
	finish, size := d.finish, d.sizes[site+"/"+id]
	_, done := d.finished[site+"/"+id]
	d.mu.Unlock()
	if done {
		return nil
	}
	if finish != nil {
		if err := finish(ctx, path); err != nil {
			if errors.Is(err, errRefused) {
				d.forget(site + "/" + id)
			}
			return err
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if size != 0 && int64(len(b)) != size {
		return errors.New("desk: not the size that was announced")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finished[site+"/"+id] = sha256.Sum256(b)
	delete(d.owners, site+"/"+id)
	return nil
}

func (d *desk) DropUpload(ctx context.Context, who content.Actor, site, id string) error {
	if err := d.MayUpload(ctx, who, site, id); err != nil {
		return err
	}
	d.forget(site + "/" + id)
	return nil
}

func (d *desk) forget(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.owners, key)
}

// open counts the uploads that the desk has reserved room for.
func (d *desk) open() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.owners)
}

func (d *desk) finishes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

func (d *desk) onFinish(f func(ctx context.Context, path string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finish = f
}

// clock is a clock that is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const maxBytes = 8 << 20

// rig is a server of uploads with its parts.
type rig struct {
	t       testing.TB
	desk    *desk
	clock   *clock
	dir     string
	handler *upload.Handler
	server  *httptest.Server
	// reading is sent to when the body of a PATCH or POST is read first.
	reading chan struct{}
}

func newRig(t testing.TB, change func(*upload.Config)) *rig {
	t.Helper()
	r := &rig{
		t: t, desk: newDesk(), clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		dir: filepath.Join(t.TempDir(), "uploads"), reading: make(chan struct{}, 1000),
	}
	c := r.config()
	if change != nil {
		change(&c)
	}
	r.handler = open(t, c)
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

func (r *rig) config() upload.Config {
	return upload.Config{Dir: r.dir, Desk: r.desk, Final: final, MaxBytes: maxBytes, Now: r.clock.Now}
}

func open(t testing.TB, c upload.Config) *upload.Handler {
	t.Helper()
	h, err := upload.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP does what the api does: it tells who asks, and renders errors.
func (r *rig) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	rest, ok := strings.CutPrefix(req.URL.Path, "/v1/sites/")
	site, rest, ok2 := strings.Cut(rest, "/uploads")
	if !ok || !ok2 {
		http.NotFound(w, req)
		return
	}
	req.Body = &spy{ReadCloser: req.Body, reading: r.reading}
	err := r.handler.Serve(w, req, content.Actor{ID: req.Header.Get("X-Who"), Role: content.Shopper}, site, strings.TrimPrefix(rest, "/"))
	if err != nil {
		status := statusOf(err)
		if status == http.StatusInternalServerError && !errors.Is(err, errTrouble) {
			w.Header().Set("X-Surprise", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte("problem " + strconv.Itoa(status)))
	}
}

// spy says when a body is read first. It hides http.NoBody, as a handler in
// front may.
type spy struct {
	io.ReadCloser
	once    sync.Once
	reading chan struct{}
}

func (s *spy) Read(p []byte) (int, error) {
	s.once.Do(func() { s.reading <- struct{}{} })
	return s.ReadCloser.Read(p)
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

// ask sends a request of alice's, unless a header says otherwise. Headers come
// in pairs; an empty value removes one.
func (r *rig) ask(method, path string, body io.Reader, headers ...string) reply {
	return r.askCtx(r.t.Context(), method, path, body, headers...)
}

func (r *rig) askCtx(ctx context.Context, method, path string, body io.Reader, headers ...string) reply {
	req, err := http.NewRequestWithContext(ctx, method, r.server.URL+path, body)
	if err != nil {
		return reply{err: err}
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	req.Header.Set("X-Who", "alice")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		}
	}
	res, err := r.server.Client().Do(req)
	if err != nil {
		return reply{err: err}
	}
	b, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // read to its end
	return reply{res.StatusCode, res.Header, string(b), err}
}

// want checks the status of an answer, and that tusd does not speak.
func (r *rig) want(got reply, status int) reply {
	r.t.Helper()
	if got.err != nil {
		r.t.Fatal(got.err)
	}
	if got.status != status {
		r.t.Fatalf("status %d, want %d: %q %v", got.status, status, got.body, got.header)
	}
	if got.header.Get("Tus-Resumable") != "1.0.0" {
		r.t.Errorf("%d without Tus-Resumable", status)
	}
	if strings.Contains(got.body, "ERR_") {
		r.t.Errorf("tusd's own words reached the client: %q", got.body)
	}
	return got
}

const uploads = "/v1/sites/demo/uploads"

// create begins an upload and gives its path.
func (r *rig) create(size int) string {
	r.t.Helper()
	got := r.want(r.ask(http.MethodPost, uploads, nil, "Upload-Length", strconv.Itoa(size)), http.StatusCreated)
	return got.header.Get("Location")
}

func (r *rig) patch(path string, offset int, body io.Reader, headers ...string) reply {
	return r.ask(http.MethodPatch, path, body, append([]string{
		"Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.Itoa(offset),
	}, headers...)...)
}

// offset asks how much has arrived.
func (r *rig) offset(path string) int {
	r.t.Helper()
	got := r.want(r.ask(http.MethodHead, path, nil), http.StatusOK)
	n, err := strconv.Atoi(got.header.Get("Upload-Offset"))
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// later sends a request from another goroutine.
func later(f func() reply) <-chan reply {
	c := make(chan reply, 1)
	go func() { c <- f() }()
	return c
}

// files counts what lies in the folder.
func (r *rig) files() int {
	r.t.Helper()
	n := 0
	err := filepath.WalkDir(r.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// arrived checks that the desk has the content of an upload, and nothing is left.
func (r *rig) arrived(path string, content []byte) {
	r.t.Helper()
	r.desk.mu.Lock()
	got, ok := r.desk.finished["demo/"+filepath.Base(path)]
	r.desk.mu.Unlock()
	if !ok || got != sha256.Sum256(content) {
		r.t.Errorf("finished %t, or with another content", ok)
	}
	if n := r.files(); n != 0 {
		r.t.Errorf("%d files are left", n)
	}
}

func random(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size), byte(size >> 8)}).Read(b) // never fails
	return b
}

func metadata(name string) string {
	return "filename " + base64.StdEncoding.EncodeToString([]byte(name)) + ",is_confidential"
}

func reader(b []byte) io.Reader { return bytes.NewReader(b) }
