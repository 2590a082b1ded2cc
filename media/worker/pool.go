package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Options of a pool. Zero values stand for the defaults.
type Options struct {
	// Program is the program that serves. Default this one.
	Program string
	// Args are the arguments that make it serve. No default.
	Args []string
	// Workers is how many jobs run at once. Default 2.
	Workers int
	// Memory is how much all running jobs may reserve together, in bytes.
	// Default 512 MiB.
	Memory int64
	// MaxReply bounds the files of one answer together, in bytes. Default 256 MiB.
	MaxReply int64
	// Jobs is after how many jobs a child is replaced, so that leaks stay small.
	// Default 1000.
	Jobs int
	// Idle is after which time an unused child is ended. Default 1 minute.
	Idle time.Duration
}

func (o Options) withDefaults() Options {
	if o.Workers == 0 {
		o.Workers = 2
	}
	if o.Memory == 0 {
		o.Memory = 512 << 20
	}
	if o.MaxReply == 0 {
		o.MaxReply = 256 << 20
	}
	if o.Jobs == 0 {
		o.Jobs = 1000
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	return o
}

// Pool runs jobs in children, which it starts when they are needed.
type Pool struct {
	options Options
	slots   *semaphore.Weighted
	memory  *semaphore.Weighted

	mu     sync.Mutex
	idle   []*child // the one used last is used next
	closed bool
}

// NewPool makes a pool without any child.
func NewPool(o Options) *Pool {
	o = o.withDefaults()
	return &Pool{
		options: o,
		slots:   semaphore.NewWeighted(int64(o.Workers)),
		memory:  semaphore.NewWeighted(o.Memory),
	}
}

// Job is one piece of work.
type Job struct {
	Op     string
	Params any // becomes JSON
	Data   []byte
	// Time is how long the job may take once it has a worker, waiting for memory
	// not counted. It bounds processor time as well.
	Time time.Duration
}

// Do runs one job, and waits for a free worker first. The result is decoded into
// result. Errors: *RemoteError, ErrCrashed, ErrMemory, ErrTimeout, ErrClosed,
// ErrProtocol, and the context's.
func (p *Pool) Do(ctx context.Context, j Job, result any) ([][]byte, error) {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("wait for a worker: %w", err)
	}
	defer p.slots.Release(1)
	c, err := p.take()
	if err != nil {
		return nil, err
	}
	files, err := p.run(ctx, c, j, result)
	if remote := (*RemoteError)(nil); err != nil && !errors.As(err, &remote) {
		return nil, errors.Join(err, c.kill())
	}
	p.giveBack(c)
	return files, err
}

// run talks one job through with a child. After any error but a RemoteError the
// child is in an unknown state.
func (p *Pool) run(ctx context.Context, c *child, j Job, result any) ([][]byte, error) {
	params, err := json.Marshal(j.Params)
	if err != nil {
		return nil, fmt.Errorf("encode job: %w", err)
	}
	// Every processor may work for the job.
	cpu := int64(j.Time/time.Second+1) * int64(runtime.NumCPU())
	order, err := json.Marshal(job{j.Op, params, cpu})
	if err != nil {
		return nil, fmt.Errorf("encode job: %w", err)
	}
	watch := c.watch(ctx, j.Time)
	defer func() { watch.stop() }()
	err = c.send(order, j.Data)
	var files [][]byte
	if err == nil {
		files, err = p.receive(ctx, c, watch, result)
	}
	if remote := (*RemoteError)(nil); err == nil || errors.As(err, &remote) {
		// An answer that came together with the end of the time counts, unless
		// the child was killed already.
		if !watch.stop() {
			return nil, watch.cause()
		}
		return files, err
	}
	if !watch.stop() {
		return nil, watch.cause()
	}
	return nil, c.explain(err)
}

// receive reads a child's answer.
func (p *Pool) receive(ctx context.Context, c *child, watch *watch, result any) ([][]byte, error) {
	var files [][]byte
	var reserved int64
	defer func() { p.memory.Release(reserved) }()
	left := p.options.MaxReply
	for {
		kind, payload, err := readFrame(c.out, left)
		if err != nil {
			return nil, err
		}
		switch kind {
		case frameData:
			files = append(files, payload)
			left -= int64(len(payload))
			continue
		case frameReserve:
			if reserved, err = p.grant(ctx, c, watch, reserved, payload); err != nil {
				return nil, err
			}
			continue
		case frameResult:
			if err := json.Unmarshal(payload, result); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
			}
			return files, nil
		case frameFailure:
			var f failure
			if err := json.Unmarshal(payload, &f); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
			}
			return nil, &RemoteError{f.Code, f.Message}
		}
		return nil, fmt.Errorf("%w: unexpected frame %q", ErrProtocol, kind)
	}
}

// grant waits until the memory that a job asks for is free. The job's clock
// stands still meanwhile.
func (p *Pool) grant(ctx context.Context, c *child, watch *watch, reserved int64, payload []byte) (int64, error) {
	var bytes int64
	if err := json.Unmarshal(payload, &bytes); err != nil || bytes < 0 || reserved != 0 {
		return reserved, fmt.Errorf("%w: bad request for memory", ErrProtocol)
	}
	if bytes > p.options.Memory {
		return 0, fmt.Errorf("%w: %d MiB", ErrMemory, bytes>>20)
	}
	watch.pause()
	defer watch.resume()
	if err := p.memory.Acquire(ctx, bytes); err != nil {
		return 0, fmt.Errorf("wait for memory: %w", err)
	}
	return bytes, writeFrame(c.in, frameGrant, nil)
}

// take gives an idle child, or a new one.
func (p *Pool) take() (*child, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if c.timer.Stop() {
			p.mu.Unlock()
			return c, nil
		}
	}
	p.mu.Unlock()
	return startChild(p.options.Program, p.options.Args)
}

// giveBack keeps a child for the next job, or ends it when it has done enough.
func (p *Pool) giveBack(c *child) {
	c.jobs++
	p.mu.Lock()
	if !p.closed && c.jobs < p.options.Jobs {
		c.timer = time.AfterFunc(p.options.Idle, func() { p.retire(c) })
		p.idle = append(p.idle, c)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	// Nothing depends on how an idle child ends.
	_ = c.kill()
}

// retire ends a child that nobody used for long.
func (p *Pool) retire(c *child) {
	p.mu.Lock()
	for i, other := range p.idle {
		if other == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			break
		}
	}
	p.mu.Unlock()
	_ = c.kill()
}

// Close ends the idle children at once, waits for the running jobs, and ends
// their children too. Later jobs get ErrClosed.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	var errs error
	for _, c := range idle {
		c.timer.Stop()
		errs = errors.Join(errs, c.kill())
	}
	// With every slot taken, no job runs. The background context is right: a job
	// ends by its own time.
	if err := p.slots.Acquire(context.Background(), int64(p.options.Workers)); err != nil {
		return errors.Join(errs, err)
	}
	p.slots.Release(int64(p.options.Workers))
	return errs
}

// Pids are the process ids of the idle children, for measuring.
func (p *Pool) Pids() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var pids []int
	for _, c := range p.idle {
		pids = append(pids, c.cmd.Process.Pid)
	}
	return pids
}
