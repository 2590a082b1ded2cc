package search

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Index is an open index. It is safe for concurrent use; a Rebuild swaps what
// it stands on while it goes on serving.
type Index struct {
	path string
	kind Kind
	opts Options
	lock *os.File

	// pending are the changes that wait for the one batch that is being
	// written; whoever writes next takes all of them.
	pendingMu sync.Mutex
	pending   []*change
	// applying serialises batches and guards next.
	applying sync.Mutex
	next     *rebuild

	mu  sync.RWMutex // guards cur
	cur *generation  // nil when closed
}

// generation is a store in its folder, kept open while anything reads it.
type generation struct {
	name  string
	store *store
	users sync.WaitGroup
}

// Open opens the index at path. ErrMissing, ErrCorrupt and ErrOutdated say
// that it must be rebuilt, ErrLocked that another process has it.
func Open(path string, kind Kind, opts Options) (*Index, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open index: %w", ErrMissing)
	}
	x, err := locked(path, kind, opts)
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	m, err := readMeta(path, kind, opts)
	if err == nil {
		x.cur = &generation{name: m.Generation}
		x.cur.store, err = openStore(filepath.Join(path, filepath.Base(m.Generation)), kind, opts)
	}
	if err == nil {
		err = x.check()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), x.Close())
	}
	if err := removeOthers(path, m.Generation); err != nil {
		return nil, errors.Join(fmt.Errorf("open index: %w", err), x.Close())
	}
	return x, nil
}

// check reads every row once, which also warms the columns.
func (x *Index) check() error {
	v, err := x.cur.store.view(context.Background())
	if err != nil {
		return err
	}
	return v.close()
}

// Create makes a new, empty index at path, in place of any that is there.
func Create(path string, kind Kind, opts Options) (*Index, error) {
	x, err := locked(path, kind, opts)
	if err != nil {
		return nil, fmt.Errorf("create index: %w", err)
	}
	g, err := x.newGeneration()
	if err == nil {
		err = x.adopt(g)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create index: %w", err), x.Close())
	}
	return x, nil
}

func locked(path string, kind Kind, opts Options) (*Index, error) {
	if kind != Public && kind != Desk {
		return nil, fmt.Errorf("unknown kind of index %q", kind)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(path, lockName))
	if err != nil {
		return nil, err
	}
	return &Index{path: path, kind: kind, opts: opts, lock: lock}, nil
}

func (x *Index) newGeneration() (*generation, error) {
	name, err := newGeneration(x.path)
	if err != nil {
		return nil, err
	}
	s, err := newStore(filepath.Join(x.path, name), x.kind, x.opts)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(filepath.Join(x.path, name)))
	}
	return &generation{name: name, store: s}, nil
}

// adopt makes g current on disk and in memory and removes what was before.
func (x *Index) adopt(g *generation) error {
	m := meta{Version: mappingVersion, Kind: x.kind, Texts: x.opts.Texts == nil, Generation: g.name}
	if err := writeMeta(x.path, m); err != nil {
		return err
	}
	x.mu.Lock()
	old := x.cur
	x.cur = g
	x.mu.Unlock()
	var err error
	if old != nil {
		old.users.Wait()
		err = old.store.close()
	}
	return errors.Join(err, removeOthers(x.path, g.name))
}

// acquire returns the current generation; release must follow.
func (x *Index) acquire() (*generation, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.cur == nil || x.cur.store == nil {
		return nil, ErrClosed
	}
	x.cur.users.Add(1)
	return x.cur, nil
}

// view calls fn with a snapshot of the current generation.
func (x *Index) view(ctx context.Context, fn func(*view) error) error {
	g, err := x.acquire()
	if err != nil {
		return err
	}
	defer g.users.Done()
	v, err := g.store.view(ctx)
	if err != nil {
		return err
	}
	return errors.Join(fn(v), v.close())
}

// change is one call of Apply that waits to be written.
type change struct {
	put  []Document
	del  []string
	done chan error
}

// Apply deletes and puts documents in one durable batch, which the next Search
// sees. A document replaces the one of the same id whatever its Rev: callers
// serialise changes to one document. Calls that come while a batch is being
// written share the next one. ErrDocument leaves the index as it was.
func (x *Index) Apply(ctx context.Context, put []Document, del []string) error {
	for i := range put {
		if put[i].ID == "" || put[i].Site == "" {
			return fmt.Errorf("apply to index: %w: id %q, site %q", ErrDocument, put[i].ID, put[i].Site)
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("apply to index: %w", err)
	}
	c := &change{put: put, del: del, done: make(chan error, 1)}
	x.pendingMu.Lock()
	x.pending = append(x.pending, c)
	x.pendingMu.Unlock()

	x.applying.Lock()
	x.flush()
	x.applying.Unlock()
	if err := <-c.done; err != nil {
		return fmt.Errorf("apply to index: %w", err)
	}
	return nil
}

// flush writes all pending changes as one batch. The caller holds applying.
func (x *Index) flush() {
	x.pendingMu.Lock()
	changes := x.pending
	x.pending = nil
	x.pendingMu.Unlock()
	if len(changes) == 0 {
		return
	}
	put, del := merge(changes)
	err := x.write(put, del)
	for _, c := range changes {
		c.done <- err
	}
}

// merge makes one change of several, in which the last word on an id holds.
func merge(changes []*change) (put []Document, del []string) {
	if len(changes) == 1 {
		return changes[0].put, changes[0].del
	}
	last := make(map[string]int)
	for i, c := range changes {
		for _, id := range c.del {
			last[id] = -1
		}
		for j := range c.put {
			last[c.put[j].ID] = i
		}
	}
	for i, c := range changes {
		for j := range c.put {
			if last[c.put[j].ID] == i {
				put = append(put, c.put[j])
			}
		}
	}
	for id, i := range last {
		if i < 0 {
			del = append(del, id)
		}
	}
	return put, del
}

func (x *Index) write(put []Document, del []string) error {
	g, err := x.acquire()
	if err != nil {
		return err
	}
	defer g.users.Done()
	if x.next != nil {
		if err := x.next.overtake(put, del); err != nil {
			return err
		}
	}
	return g.store.apply(put, del)
}

// Count is the number of documents.
func (x *Index) Count(ctx context.Context) (uint64, error) {
	var n uint64
	err := x.view(ctx, func(v *view) error {
		n = v.docs
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("count index: %w", err)
	}
	return n, nil
}

// Close waits for running searches and releases the index; later calls return
// ErrClosed. Closing twice is not an error. A Rebuild that is under way ends
// with ErrClosed at its next batch: end it by its context and wait for it
// before the folder is used again.
func (x *Index) Close() error {
	x.applying.Lock()
	defer x.applying.Unlock()
	x.mu.Lock()
	g := x.cur
	x.cur = nil
	lock := x.lock
	x.lock = nil
	x.mu.Unlock()
	var err error
	if g != nil && g.store != nil {
		g.users.Wait()
		err = g.store.close()
	}
	if lock != nil {
		err = errors.Join(err, lock.Close())
	}
	if err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return nil
}
