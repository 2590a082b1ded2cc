package upload

import (
	"context"
	"sync"
	"time"
)

// key names an upload.
type key struct{ site, id string }

// locks lets one request at a time work on an upload. tusd's own locker is not
// used: with it every further PATCH would break off the one that is running, and
// one whose client hangs could keep the lock.
type locks struct {
	mu     sync.Mutex
	held   map[key]*hold
	closed bool
}

type hold struct {
	// stop tells the holder to make way, and why; it does not block.
	stop func(why error)
	left chan struct{}
}

func newLocks() *locks { return &locks{held: map[key]*hold{}} }

// claim says how a lock is asked for.
type claim struct {
	// wait is for how long.
	wait time.Duration
	// push tells the holder to make way.
	push bool
}

// take waits for the lock of an upload; free gives it back. The new holder's
// stop is called from other goroutines, but not after free. Errors: ErrLocked,
// ErrClosed.
func (l *locks) take(ctx context.Context, k key, c claim, stop func(why error)) (free func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	for {
		free, left, err := l.try(k, c.push, stop)
		if left == nil {
			return free, err
		}
		select {
		case <-left:
		case <-ctx.Done():
			return nil, ErrLocked
		}
	}
}

// try takes a free lock, or gives what is closed when it becomes free.
func (l *locks) try(k key, push bool, stop func(why error)) (free func(), left <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, ErrClosed
	}
	if other := l.held[k]; other != nil {
		if push {
			other.stop(ErrLocked)
		}
		return nil, other.left, nil
	}
	mine := &hold{stop: stop, left: make(chan struct{})}
	l.held[k] = mine
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, k)
		close(mine.left)
	}, nil, nil
}

// close gives no lock any more, tells all holders to make way, and gives what is
// closed when each has.
func (l *locks) close() (all []<-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, h := range l.held {
		h.stop(ErrClosed)
		all = append(all, h.left)
	}
	return all
}

// unstoppable is the stop of a holder that soon ends by itself.
func unstoppable(error) {}

// slots bounds what happens at once, for all and for each person.
type slots struct {
	mu   sync.Mutex
	free int
	each int
	of   map[string]int
}

func newSlots(all, each int) *slots { return &slots{free: all, each: each, of: map[string]int{}} }

// enter takes a slot for somebody, and does not wait: ErrBusy.
func (s *slots) enter(who string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free == 0 || s.of[who] == s.each {
		return nil, ErrBusy
	}
	s.free--
	s.of[who]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free++
		if s.of[who]--; s.of[who] == 0 {
			delete(s.of, who)
		}
	}, nil
}
