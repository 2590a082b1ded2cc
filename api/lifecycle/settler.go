package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// settler gathers contents whose indexes must be brought in step.
type settler struct {
	s *Service

	mu      sync.Mutex
	changed *sync.Cond // queue, urgent, done or closed changed
	queue   []owed
	// taken and done count contents ever taken in and settled, in order.
	taken, done uint64
	// urgent is how far somebody waits for; failed is what the last batch that
	// covered it came to.
	urgent uint64
	failed error
	closed bool
}

type owed struct{ site, id string }

func newSettler(s *Service) *settler {
	t := &settler{s: s}
	t.changed = sync.NewCond(&t.mu)
	return t
}

// add queues a content; it waits while too many are queued.
func (t *settler) add(ctx context.Context, site, id string) error {
	defer t.wake(ctx)()
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.queue) >= settleBacklog && !t.closed && ctx.Err() == nil {
		t.changed.Wait()
	}
	switch {
	case ctx.Err() != nil:
		return ErrBusy
	case t.closed:
		return errors.New("settler is closed")
	}
	t.queue = append(t.queue, owed{site, id})
	t.taken++
	t.changed.Broadcast()
	return nil
}

// wake makes waiting end when ctx does.
func (t *settler) wake(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.changed.Broadcast()
	})
}

// flush waits until everything taken in before is in the indexes, so that a
// search sees every change made on this node before it.
func (t *settler) flush(ctx context.Context) error {
	t.mu.Lock()
	if t.done >= t.taken {
		t.mu.Unlock()
		return nil
	}
	t.mu.Unlock()
	defer t.wake(ctx)()
	t.mu.Lock()
	defer t.mu.Unlock()
	upTo := t.taken
	t.urgent = max(t.urgent, upTo)
	t.changed.Broadcast()
	for t.done < upTo && ctx.Err() == nil && !t.closed {
		t.changed.Wait()
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("wait for the index: %w", err)
	}
	return t.failed
}

func (t *settler) close() {
	t.mu.Lock()
	t.closed = true
	t.changed.Broadcast()
	for t.done < t.taken {
		t.changed.Wait()
	}
	t.mu.Unlock()
}

// run settles batches until the settler is closed and empty, or ctx ends.
func (t *settler) run(ctx context.Context) {
	defer t.wake(ctx)()
	for {
		batch := t.next(ctx)
		if len(batch) == 0 {
			return
		}
		err := guarded(func() error { return t.s.settleBatch(ctx, batch) })()
		if err != nil && ctx.Err() == nil {
			t.s.Log.Error("changes not settled yet", "contents", len(batch), "err", err)
		}
		t.mu.Lock()
		t.done += uint64(len(batch))
		t.failed = err
		t.changed.Broadcast()
		t.mu.Unlock()
	}
}

// next waits for a batch: until it is full, has lingered, or somebody waits.
func (t *settler) next(ctx context.Context) []owed {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.queue) == 0 && !t.closed && ctx.Err() == nil {
		t.changed.Wait()
	}
	if len(t.queue) > 0 {
		t.linger(ctx)
	}
	n := min(len(t.queue), settleBatch)
	batch := t.queue[:n:n]
	t.queue = t.queue[n:]
	if len(t.queue) == 0 {
		t.queue = nil
	}
	t.changed.Broadcast()
	return batch
}

func (t *settler) linger(ctx context.Context) {
	over := false
	timer := time.AfterFunc(settleLinger, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		over = true
		t.changed.Broadcast()
	})
	defer timer.Stop()
	for !over && len(t.queue) < settleBatch && t.urgent <= t.done && !t.closed && ctx.Err() == nil {
		t.changed.Wait()
	}
}
