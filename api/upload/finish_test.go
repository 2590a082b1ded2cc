package upload_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/upload"
)

func TestDeskRefusesToBegin(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.desk.begin = func(int64) error { return errQuota }
	r.want(r.ask(http.MethodPost, uploads, nil, "Upload-Length", "5"), http.StatusTooManyRequests)
	if n := r.files(); n != 0 {
		t.Errorf("%d files", n)
	}
}

// A refused file is gone, and so is its upload; also when it came with its
// creation.
func TestDeskRefusesFile(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.desk.onFinish(func(context.Context, string) error { return errRefused })
	path := r.create(5)
	r.want(r.patch(path, 0, strings.NewReader("hello")), http.StatusUnprocessableEntity)
	r.want(r.ask(http.MethodHead, path, nil), http.StatusNotFound)
	r.want(r.ask(http.MethodPost, uploads, strings.NewReader("hello"), "Upload-Length", "5", "Content-Type", "application/offset+octet-stream"),
		http.StatusUnprocessableEntity)
	if r.files() != 0 || r.desk.open() != 0 {
		t.Errorf("%d files, %d reservations", r.files(), r.desk.open())
	}
}

// After trouble the file stays, and whoever asks next for it tries again.
func TestTroubleIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(r *rig, path string) reply{
		"head":        func(r *rig, path string) reply { return r.ask(http.MethodHead, path, nil) },
		"empty patch": func(r *rig, path string) reply { return r.patch(path, 5, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.desk.onFinish(func(context.Context, string) error { return errTrouble })
			path := r.create(5)
			r.want(r.patch(path, 0, strings.NewReader("hello")), http.StatusInternalServerError)
			r.want(again(r, path), http.StatusInternalServerError)
			r.want(r.ask(http.MethodHead, path, nil, "X-Who", "mallory"), http.StatusNotFound)
			if n := r.desk.finishes(); n != 2 {
				t.Errorf("tried %d times", n)
			}
			r.desk.onFinish(nil)
			got := r.want(again(r, path), map[string]int{"head": 200, "empty patch": 204}[name])
			if got.header.Get("Upload-Offset") != "5" {
				t.Errorf("%v", got.header)
			}
			r.arrived(path, []byte("hello"))
		})
	}
}

// Nobody learns of an upload whose creation ends in trouble: it is given up.
func TestTroubleWithFirstPieceLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.desk.onFinish(func(context.Context, string) error { return errTrouble })
	r.want(r.ask(http.MethodPost, uploads, strings.NewReader("hello"), "Upload-Length", "5", "Content-Type", "application/offset+octet-stream"),
		http.StatusInternalServerError)
	if r.files() != 0 || r.desk.open() != 0 {
		t.Errorf("%d files, %d reservations", r.files(), r.desk.open())
	}
}

func TestFinishOutlivesClient(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	begun, left := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	r.desk.onFinish(func(ctx context.Context, _ string) error {
		close(begun)
		<-left
		ended <- ctx.Err()
		return nil
	})
	path := r.create(5)
	ctx, cancel := context.WithCancel(t.Context())
	got := later(func() reply {
		return r.askCtx(ctx, http.MethodPatch, path, strings.NewReader("hello"), "Content-Type", "application/offset+octet-stream", "Upload-Offset", "0")
	})
	<-begun
	cancel()
	if a := <-got; !errors.Is(a.err, context.Canceled) {
		t.Errorf("%d %v", a.status, a.err)
	}
	close(left)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	r.handler.Close() // waits for the end
	r.arrived(path, []byte("hello"))
}

// What a hanging desk does not finish in time stays, also when it calls its own
// error final.
func TestFinishIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *upload.Config) { c.Finish = time.Millisecond })
	r.desk.onFinish(func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return errors.Join(errRefused, ctx.Err())
	})
	path := r.create(5)
	if got := r.patch(path, 0, strings.NewReader("hello")); got.status != http.StatusUnprocessableEntity {
		t.Errorf("%d %v", got.status, got.err)
	}
	if n := r.files(); n != 2 {
		t.Errorf("%d files", n)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *upload.Config) { c.Life = time.Hour })
	path := r.create(100)
	r.clock.advance(time.Hour - time.Second)
	r.want(r.patch(path, 0, reader(random(10))), http.StatusNoContent)
	r.clock.advance(time.Second)
	r.want(r.patch(path, 10, reader(random(10))), http.StatusNotFound)
	r.want(r.ask(http.MethodHead, path, nil), http.StatusNotFound)
	if n := r.files(); n != 0 {
		t.Errorf("%d files", n)
	}
}

func TestRecover(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.desk.onFinish(func(context.Context, string) error { return errTrouble })
	expired := r.create(100)
	complete := r.create(5)
	r.want(r.patch(complete, 0, strings.NewReader("hello")), http.StatusInternalServerError)
	r.clock.advance(23 * time.Hour)
	young := r.create(100)
	r.want(r.patch(young, 0, reader(random(10))), http.StatusNoContent)
	r.desk.onFinish(func(_ context.Context, path string) error {
		if b, err := os.ReadFile(path); err != nil || string(b) == "never" {
			return errors.Join(errRefused, err)
		}
		return nil
	})
	refused := r.create(5)
	// Every byte is there, and the crash came before anybody was asked.
	if err := os.WriteFile(filepath.Join(r.dir, "demo", filepath.Base(refused)), []byte("never"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(r.dir, "demo", "0197f3a0-0000-7000-8000-000000000000")
	if err := os.WriteFile(damaged+".info", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(damaged+".info", time.Time{}, r.clock.Now().Add(-25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	r.clock.advance(time.Hour)
	// What does not belong there stays.
	if err := os.WriteFile(filepath.Join(r.dir, "demo", "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	r.handler.Close()
	r.handler = open(t, r.config())
	if err := r.handler.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.files(); n != 3 {
		t.Errorf("%d files, want those of the young upload and one more", n)
	}
	if err := os.Remove(filepath.Join(r.dir, "demo", "README")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{expired, complete, refused} {
		r.want(r.ask(http.MethodHead, path, nil), http.StatusNotFound)
	}
	if n := r.offset(young); n != 10 {
		t.Errorf("offset %d", n)
	}
	r.want(r.ask(http.MethodDelete, young, nil), http.StatusNoContent)
	r.arrived(complete, []byte("hello"))
}

// Trouble that lasts longer than an upload lives ends it.
func TestRecoverGivesUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.desk.onFinish(func(context.Context, string) error { return errTrouble })
	path := r.create(5)
	r.want(r.patch(path, 0, strings.NewReader("hello")), http.StatusInternalServerError)
	for _, left := range []int{2, 0} {
		if err := r.handler.Recover(t.Context()); err != nil || r.files() != left {
			t.Errorf("%d files, want %d; %v", r.files(), left, err)
		}
		r.clock.advance(24 * time.Hour)
	}
	if n := r.desk.finishes(); n != 3 {
		t.Errorf("tried %d times", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.create(5)
	if err := r.handler.Recover(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	old, running := r.create(100), r.create(100)
	r.clock.advance(time.Minute)
	young := r.create(100)
	body, writer := io.Pipe()
	got := later(func() reply { return r.patch(running, 0, body) })
	<-r.reading
	if err := r.handler.Sweep(t.Context(), r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close() // a pipe's does not fail
	r.want(<-got, http.StatusNoContent)
	if r.files() != 4 || r.offset(young) != 0 || r.offset(running) != 0 {
		t.Errorf("%d files", r.files())
	}
	r.want(r.ask(http.MethodHead, old, nil), http.StatusNotFound)
	if err := r.handler.Sweep(t.Context(), r.clock.Now().Add(time.Second)); err != nil || r.files() != 0 {
		t.Errorf("%d files, %v", r.files(), err)
	}
}

// An upload whose files cannot be made is given up.
func TestCreationFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	if err := os.WriteFile(filepath.Join(r.dir, "demo"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.want(r.ask(http.MethodPost, uploads, nil, "Upload-Length", "5"), http.StatusInternalServerError)
	if n := r.desk.open(); n != 0 {
		t.Errorf("%d reservations", n)
	}
}

// A full disk is told, loses nothing, and the upload goes on when there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full, which is a full disk on Linux alone")
	}
	r := newRig(t, nil)
	path := r.create(5)
	file := filepath.Join(r.dir, "demo", filepath.Base(path))
	if err := errors.Join(os.Remove(file), os.Symlink("/dev/full", file)); err != nil {
		t.Fatal(err)
	}
	r.want(r.patch(path, 0, strings.NewReader("hello")), http.StatusInsufficientStorage)
	if n := r.offset(path); n != 0 {
		t.Errorf("offset %d", n)
	}
	if err := errors.Join(os.Remove(file), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r.want(r.patch(path, 0, strings.NewReader("hello")), http.StatusNoContent)
	r.arrived(path, []byte("hello"))
}

// Files that disappeared, or that came from another folder, are no upload.
func TestFilesOfAnotherPlace(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	path := r.create(5)
	file := filepath.Join(r.dir, "demo", filepath.Base(path))
	other := filepath.Join(r.dir, "demo", "0197f3a0-0000-7000-8000-000000000000")
	if err := errors.Join(os.Link(file, other), os.Rename(file+".info", other+".info")); err != nil {
		t.Fatal(err)
	}
	r.want(r.ask(http.MethodHead, path, nil), http.StatusNotFound)
	r.want(r.patch(path, 0, strings.NewReader("hello")), http.StatusNotFound)
	r.desk.mu.Lock()
	r.desk.owners["demo/"+filepath.Base(other)] = "alice"
	r.desk.mu.Unlock()
	r.want(r.ask(http.MethodHead, uploads+"/"+filepath.Base(other), nil), http.StatusInternalServerError)
	if b, err := os.ReadFile(file); err != nil || len(b) != 0 {
		t.Errorf("%q %v", b, err)
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for name, change := range map[string]func(*upload.Config){
		"folder": func(c *upload.Config) { c.Dir = "" },
		"desk":   func(c *upload.Config) { c.Desk = nil },
		"final":  func(c *upload.Config) { c.Final = nil },
		"bound":  func(c *upload.Config) { c.MaxBytes = 0 },
		"place":  func(c *upload.Config) { c.Dir = "/dev/null/uploads" },
	} {
		c := r.config()
		change(&c)
		if h, err := upload.New(c); err == nil {
			t.Errorf("without a %s", name)
			h.Close()
		}
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	path := r.create(5)
	r.handler.Close()
	r.want(r.ask(http.MethodHead, path, nil), http.StatusServiceUnavailable)
	r.want(r.patch(path, 0, strings.NewReader("hello")), http.StatusServiceUnavailable)
	r.want(r.ask(http.MethodPost, uploads, nil, "Upload-Length", "5"), http.StatusServiceUnavailable)
	if r.desk.open() != 1 || r.files() != 2 {
		t.Errorf("%d reservations, %d files", r.desk.open(), r.files())
	}
	if err := r.handler.Recover(t.Context()); !errors.Is(err, upload.ErrClosed) {
		t.Error(err)
	}
	w, req := request(t, http.MethodOptions, nil)
	if err := r.handler.Serve(w, req, content.Actor{}, "demo", ""); err != nil || w.Code != http.StatusNoContent {
		t.Errorf("%d %v", w.Code, err)
	}
}
