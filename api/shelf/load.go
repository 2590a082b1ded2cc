package shelf

import (
	"container/list"
	"context"
	"fmt"
	"runtime/debug"

	"github.com/candor-ugc/candor/api/content"
)

// A place is what the shelf knows of a row; Shelf.mu guards it.
type place struct {
	// ready is closed when loading has ended, with err or without.
	ready chan struct{}
	err   error
	// reading is true while the source is being read: what is refreshed then may
	// or may not have been read before it changed, and is noted in missed.
	reading bool
	missed  map[string]struct{}
	// waiting counts those who wait for ready; without any, cancel ends the load.
	waiting int
	cancel  context.CancelFunc
	// used is the place among the loaded rows, nil when the row is not there.
	used *list.Element
	size change
}

// open gives a loaded row, loading it when it is not there.
func (s *Shelf) open(ctx context.Context, k key) (*row, error) {
	r, loaded := s.join(ctx, k)
	if loaded {
		return r, nil
	}
	return r, s.wait(ctx, r)
}

// openAll gives the rows of several contents. They load side by side.
func (s *Shelf) openAll(ctx context.Context, site string, refs []Ref) (map[content.Subject]*row, error) {
	rows := make(map[content.Subject]*row, 1)
	var joined []*row
	for _, ref := range refs {
		if rows[ref.Subject] != nil {
			continue
		}
		r, loaded := s.join(ctx, key{site, ref.Subject})
		if rows[ref.Subject] = r; !loaded {
			joined = append(joined, r)
		}
	}
	var failed error
	for _, r := range joined {
		if err := s.wait(ctx, r); err != nil && failed == nil {
			failed = err
		}
	}
	return rows, failed
}

// join gives a row that is loaded, or else one that loads and must be waited
// for.
func (s *Shelf) join(ctx context.Context, k key) (r *row, loaded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r = s.rows[k]
	if r != nil && r.place.used != nil {
		s.stats.Hits++
		s.used.MoveToFront(r.place.used)
		return r, true
	}
	s.stats.Misses++
	if r == nil {
		r = newRow(k)
		// The load outlives the request that began it when others wait too.
		loading, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r.place = place{
			ready: make(chan struct{}), reading: true, missed: map[string]struct{}{}, cancel: cancel,
		}
		s.rows[k] = r
		go s.load(loading, r)
	}
	r.place.waiting++
	return r, false
}

// wait waits for a joined row. The last who gives up ends the load.
func (s *Shelf) wait(ctx context.Context, r *row) error {
	var gaveUp error
	select {
	case <-r.place.ready:
	case <-ctx.Done():
		gaveUp = fmt.Errorf("wait for shelf: %w", context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.place.waiting--
	if gaveUp == nil {
		return r.place.err
	}
	if r.place.waiting == 0 && r.place.used == nil {
		r.place.cancel()
		s.forget(r)
	}
	return gaveUp
}

// load reads a row and puts it on the shelf.
func (s *Shelf) load(ctx context.Context, r *row) {
	r.turn <- struct{}{}
	defer r.release()
	err := s.read(ctx, r)
	if err != nil {
		err = fmt.Errorf("load shelf: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(r.place.ready)
	r.place.cancel()
	r.place.err = err
	switch {
	case s.rows[r.key] != r:
		// Dropped meanwhile: good for those who wait already, but not to keep.
	case err != nil:
		s.forget(r)
	default:
		r.place.used = s.used.PushFront(r)
		s.stats.Bytes += r.place.size.bytes
		s.stats.Cards += r.place.size.cards
		s.evict()
	}
}

// read fills a row from the source, and then reads again what was refreshed
// meanwhile.
func (s *Shelf) read(ctx context.Context, r *row) (err error) {
	// Nobody above this goroutine could catch a panic of the source.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("source panicked: %v\n%s", p, debug.Stack())
		}
	}()
	select {
	case s.loads <- struct{}{}:
		defer func() { <-s.loads }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	size, err := r.fill(s.src.Published(ctx, r.key.site, r.key.subject))
	if err != nil {
		return err
	}
	s.charge(r, size)
	for id := range s.missed(r) {
		if err := s.reread(ctx, r, id); err != nil {
			return err
		}
	}
	// A source that just ends when it is told to stop has not given everything.
	return context.Cause(ctx)
}

// missed gives what was refreshed while the source was read. From now on who
// refreshes waits for the turn, which the load still has.
func (s *Shelf) missed(r *row) map[string]struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := r.place.missed
	r.place.reading, r.place.missed = false, nil
	return ids
}

// charge counts what a row gained.
func (s *Shelf) charge(r *row, gained change) {
	if gained == (change{}) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.place.size.bytes += gained.bytes
	r.place.size.cards += gained.cards
	if r.place.used != nil {
		s.stats.Bytes += gained.bytes
		s.stats.Cards += gained.cards
		s.evict()
	}
}

// evict forgets the rows used least recently until the others fit. The caller
// holds mu.
func (s *Shelf) evict() {
	for s.stats.Bytes > s.max && s.used.Len() > 1 {
		s.forget(s.used.Back().Value.(*row))
		s.stats.Evictions++
	}
}

// forget takes a row off the shelf, loaded or loading. Who has it goes on with
// it. The caller holds mu.
func (s *Shelf) forget(r *row) {
	if s.rows[r.key] == r {
		delete(s.rows, r.key)
	}
	if r.place.used != nil {
		s.used.Remove(r.place.used)
		r.place.used = nil
		s.stats.Bytes -= r.place.size.bytes
		s.stats.Cards -= r.place.size.cards
	}
}
