package upload_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/upload"
)

// Of two pieces at once the first goes on, and the other is told so.
func TestTwoPiecesAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *upload.Config) { c.Wait = 10 * time.Millisecond })
	path := r.create(5)
	body, writer := io.Pipe()
	first := later(func() reply { return r.patch(path, 0, body) })
	<-r.reading
	r.want(r.patch(path, 0, strings.NewReader("HELLO")), http.StatusLocked)
	if _, err := writer.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close() // a pipe's does not fail
	r.want(<-first, http.StatusNoContent)
	r.arrived(path, []byte("hello"))
}

// A client that asks how far its upload got has lost the connection that still
// seems to work on it.
func TestAskingEndsHangingPiece(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodHead, http.MethodDelete} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			path := r.create(5)
			body, writer := io.Pipe()
			defer func() { _ = writer.Close() }() // a pipe's does not fail
			first := later(func() reply { return r.patch(path, 0, body) })
			<-r.reading
			got := r.ask(method, path, nil)
			r.want(got, map[string]int{http.MethodHead: 200, http.MethodDelete: 204}[method])
			r.want(<-first, http.StatusLocked)
			if method == http.MethodHead {
				r.want(r.patch(path, 0, strings.NewReader("hello")), http.StatusNoContent)
				r.arrived(path, []byte("hello"))
			}
			if n := r.files(); n != 0 {
				t.Errorf("%d files", n)
			}
		})
	}
}

// Nobody waits for ever for somebody else's finishing.
func TestLockIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *upload.Config) { c.Wait = 10 * time.Millisecond })
	begun, done := make(chan struct{}), make(chan struct{})
	r.desk.onFinish(func(context.Context, string) error {
		close(begun)
		<-done
		return nil
	})
	path := r.create(5)
	first := later(func() reply { return r.patch(path, 0, strings.NewReader("hello")) })
	<-begun
	for _, method := range []string{http.MethodHead, http.MethodDelete} {
		r.want(r.ask(method, path, nil), http.StatusLocked)
	}
	r.want(r.patch(path, 5, nil), http.StatusLocked)
	close(done)
	r.want(<-first, http.StatusNoContent)
	r.arrived(path, []byte("hello"))
}

func TestSlots(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*upload.Config)
		bob    int
	}{
		"all":    {func(c *upload.Config) { c.Concurrent = 1 }, http.StatusServiceUnavailable},
		"person": {func(c *upload.Config) { c.PerPerson = 1 }, http.StatusCreated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.change)
			path, other := r.create(5), r.create(5)
			body, writer := io.Pipe()
			first := later(func() reply { return r.patch(path, 0, body) })
			<-r.reading
			r.want(r.patch(other, 0, strings.NewReader("hello")), http.StatusServiceUnavailable)
			whole := []string{"Upload-Length", "5", "Content-Type", "application/offset+octet-stream"}
			r.want(r.ask(http.MethodPost, uploads, strings.NewReader("hello"), whole...), http.StatusServiceUnavailable)
			r.want(r.ask(http.MethodPost, uploads, strings.NewReader("hello"), append(whole, "X-Who", "bob")...), c.bob)
			if n := r.desk.open(); n != 2 {
				t.Errorf("%d reservations", n)
			}
			if n := r.offset(other); n != 0 { // asking needs no slot
				t.Errorf("offset %d", n)
			}
			_ = writer.Close() // a pipe's does not fail
			r.want(<-first, http.StatusNoContent)
			r.want(r.patch(other, 0, strings.NewReader("hello")), http.StatusNoContent)
		})
	}
}

// drip gives one byte at a time, so slowly that it never ends in time.
type drip struct {
	ticks <-chan time.Time
	ended <-chan struct{}
}

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-d.ticks:
		return copy(p, "x"), nil
	case <-d.ended:
		return 0, io.EOF
	}
}

func TestSlowClientsAreEnded(t *testing.T) {
	t.Parallel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for name, ticks := range map[string]<-chan time.Time{"silent": nil, "trickling": ticker.C} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *upload.Config) { c.Idle, c.Concurrent = 200*time.Millisecond, 1 })
			path := r.create(1 << 20)
			ended := make(chan struct{})
			got := r.patch(path, 0, drip{ticks, ended})
			close(ended)
			r.want(got, http.StatusRequestTimeout)
			at := r.offset(path)
			if (at > 0) != (ticks != nil) {
				t.Errorf("%d bytes were kept", at)
			}
			// The slot is free again.
			r.want(r.patch(path, at, reader(random(10))), http.StatusNoContent)
		})
	}
}

// steady gives a piece at each tick.
type steady struct {
	ticks <-chan time.Time
	left  int
}

func (s *steady) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	<-s.ticks
	s.left--
	return copy(p, bytes.Repeat([]byte("x"), 8<<10)), nil
}

// A slow upload that keeps coming is not ended, however long it takes.
func TestSteadyClientGoesOn(t *testing.T) {
	t.Parallel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	r := newRig(t, func(c *upload.Config) { c.Idle = 300 * time.Millisecond })
	path := r.create(30 * 8 << 10)
	r.want(r.patch(path, 0, &steady{ticker.C, 30}), http.StatusNoContent)
	r.arrived(path, bytes.Repeat([]byte("x"), 30*8<<10))
}

// Closing ends who is receiving at once, waits for who is finishing, and keeps
// what has arrived.
func TestClose(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	begun, done := make(chan struct{}), make(chan struct{})
	r.desk.onFinish(func(ctx context.Context, _ string) error {
		close(begun)
		<-done
		return ctx.Err()
	})
	receiving, finishing := r.create(100), r.create(5)
	body, writer := io.Pipe()
	defer func() { _ = writer.Close() }() // a pipe's does not fail
	first := later(func() reply { return r.patch(receiving, 0, io.MultiReader(strings.NewReader("some"), body)) })
	<-r.reading
	second := later(func() reply { return r.patch(finishing, 0, strings.NewReader("hello")) })
	<-begun
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		r.handler.Close()
	}()
	r.want(<-first, http.StatusServiceUnavailable)
	select {
	case <-closed:
		t.Error("closed before the finishing was over")
	default:
	}
	close(done)
	r.want(<-second, http.StatusNoContent)
	<-closed
	r.desk.onFinish(nil)
	r.handler = open(t, r.config())
	at := r.offset(receiving)
	file := append([]byte("some"), random(96)...)
	r.want(r.patch(receiving, at, reader(file[at:])), http.StatusNoContent)
	r.arrived(receiving, file)
}

// A desk that does not come to an end is broken off, and finishes next time.
func TestCloseBreaksOff(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *upload.Config) { c.Grace = time.Millisecond })
	begun := make(chan struct{})
	r.desk.onFinish(func(ctx context.Context, _ string) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	path := r.create(5)
	got := later(func() reply { return r.patch(path, 0, strings.NewReader("hello")) })
	<-begun
	r.handler.Close()
	r.want(<-got, http.StatusInternalServerError)
	r.desk.onFinish(nil)
	r.handler = open(t, r.config())
	if err := r.handler.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.arrived(path, []byte("hello"))
}

// Many clients that lose their connections, ask and go on all get through.
func TestManyClients(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *upload.Config) { c.Concurrent, c.PerPerson = 1000, 1000 })
	var all sync.WaitGroup
	for n := range 12 {
		all.Go(func() {
			if err := r.restless(rand.New(rand.NewPCG(uint64(n), 7)), random(400_000+n)); err != nil {
				t.Errorf("client %d: %v", n, err)
			}
		})
	}
	all.Wait()
	r.handler.Close() // waits for what is still being removed
	if len(r.desk.finished) != 12 || r.files() != 0 {
		t.Errorf("%d finished, %d files", len(r.desk.finished), r.files())
	}
}

// restless uploads a file and breaks off again and again.
func (r *rig) restless(random *rand.Rand, file []byte) error {
	got := r.ask(http.MethodPost, uploads, nil, "Upload-Length", strconv.Itoa(len(file)))
	path := got.header.Get("Location")
	for try := 0; ; try++ {
		got := r.ask(http.MethodHead, path, nil)
		if got.status == http.StatusNotFound && try > 0 {
			break // it is finished
		}
		at, err := strconv.Atoi(got.header.Get("Upload-Offset"))
		if err != nil || got.status != http.StatusOK {
			return fmt.Errorf("HEAD: %d %w", got.status, errors.Join(err, got.err))
		}
		end := min(at+1+random.IntN(100_000), len(file))
		ctx, cancel := context.WithCancel(r.t.Context())
		body := reader(file[at:end])
		if random.IntN(2) == 0 {
			body = &leaver{reader(file[at:end]), random.IntN(end - at), cancel}
		}
		got = r.askCtx(ctx, http.MethodPatch, path, body, "Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.Itoa(at))
		cancel()
		switch {
		case got.err != nil && !errors.Is(got.err, context.Canceled):
			return fmt.Errorf("PATCH: %w", got.err)
		case got.err != nil || slices.Contains(retried, got.status):
		default:
			return fmt.Errorf("PATCH: %d", got.status)
		}
	}
	r.desk.mu.Lock()
	defer r.desk.mu.Unlock()
	if sum := r.desk.finished["demo/"+path[len(uploads)+1:]]; sum != sha256.Sum256(file) {
		return errors.New("another content arrived")
	}
	return nil
}

// retried are what a client gets whose last request, which it left, is still
// under way, and when all is well.
var retried = []int{http.StatusNoContent, http.StatusConflict, http.StatusLocked, http.StatusNotFound}

// leaver cancels its request in the middle.
type leaver struct {
	io.Reader
	left  int
	leave func()
}

func (l *leaver) Read(p []byte) (int, error) {
	if l.left <= 0 {
		l.leave()
	}
	n, err := l.Reader.Read(p[:min(len(p), 4096)])
	l.left -= n
	return n, err
}
