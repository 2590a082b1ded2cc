package worker

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// watch kills a child when its job's time or the caller's context ends.
type watch struct {
	ctx       context.Context
	limit     time.Duration
	kill      func()
	timer     *time.Timer
	unbind    func() bool
	mu        sync.Mutex
	left      time.Duration // while paused
	since     time.Time     // when the timer was last started
	over      bool          // stopped: nothing is killed any more
	killed    bool
	timeIsOut bool
}

// watch starts watching a child.
func (c *child) watch(ctx context.Context, limit time.Duration) *watch {
	w := &watch{ctx: ctx, limit: limit, left: limit, kill: func() {
		// A process that is gone already needs no killing.
		_ = c.cmd.Process.Kill()
	}}
	w.resume()
	w.unbind = context.AfterFunc(ctx, func() { w.end(false) })
	return w
}

func (w *watch) end(timeIsOut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.killed {
		return
	}
	w.killed, w.timeIsOut = true, timeIsOut
	w.kill()
}

// pause stops the clock.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.left -= time.Since(w.since)
}

// resume starts the clock again.
func (w *watch) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = time.Now()
	w.timer = time.AfterFunc(max(w.left, 0), func() { w.end(true) })
}

// stop ends the watching, and says whether the child was left alive.
func (w *watch) stop() bool {
	w.unbind()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.over = true
	return !w.killed
}

// cause is why the child was killed.
func (w *watch) cause() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timeIsOut {
		return fmt.Errorf("%w: more than %s", ErrTimeout, w.limit)
	}
	return fmt.Errorf("stop worker: %w", context.Cause(w.ctx))
}
