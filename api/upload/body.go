package upload

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// pace is how many bytes have to come within Config.Idle: a client that trickles
// must not keep a slot.
const pace = 4 << 10

// body is the body of a request, which ends when too little of it comes in time,
// or when it is told to.
type body struct {
	from io.ReadCloser
	conn *http.ResponseController
	idle time.Duration

	mu     sync.Mutex
	err    error // why reading ended, io.EOF at the end
	fresh  int   // bytes since the deadline was set
	halted bool  // err came from another goroutine
}

func newBody(w http.ResponseWriter, r *http.Request, idle time.Duration) *body {
	b := &body{from: r.Body, conn: http.NewResponseController(w), idle: idle}
	if b.from == nil || b.from == http.NoBody {
		b.from, b.err = http.NoBody, io.EOF
		b.deadline(time.Time{})
		return b
	}
	b.deadline(time.Now().Add(idle))
	return b
}

// deadline bounds the next reads, in the machine's time as the connection knows
// no other. Where the connection has no deadlines, the server's own limit holds.
func (b *body) deadline(t time.Time) { _ = b.conn.SetReadDeadline(t) }

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if err := b.ended(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.halted:
		return n, b.err
	case errors.Is(err, io.EOF):
		// What follows, until the answer, is not the client's to delay.
		b.err = io.EOF
		b.deadline(time.Time{})
		return n, io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.err = ErrIdle
	case err != nil:
		b.err = fmt.Errorf("%w: %w", ErrCut, err)
	default:
		if b.fresh += n; b.fresh >= pace {
			b.fresh = 0
			b.deadline(time.Now().Add(b.idle))
		}
	}
	return n, b.err
}

// Close implements io.Closer.
func (b *body) Close() error { return b.from.Close() }

// ended is why nothing more is read, nil while more may come.
func (b *body) ended() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// failed is what kept the body from being read to its end.
func (b *body) failed() error {
	if err := b.ended(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// stop ends the reading, also one that is waiting for bytes.
func (b *body) stop(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err, b.halted = why, true
		b.deadline(time.Unix(1, 0))
	}
}
