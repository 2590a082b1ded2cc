package shelf

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/candor-ugc/candor/api/content"
)

// DefaultMaxBytes is the bound of a shelf whose Options name none.
const DefaultMaxBytes = 256 << 20

// Errors of the shelf, compared with errors.Is.
var (
	// ErrGone: the source has no content with this id.
	ErrGone = errors.New("shelf: no such content")
	// ErrCursor: the cursor is damaged, or belongs to another listing.
	ErrCursor = errors.New("shelf: invalid cursor")
	// ErrSort: the sort is unknown, or needs matches that are not given.
	ErrSort = errors.New("shelf: invalid sort")
	// ErrLimit: the limit is not within 1 to MaxLimit.
	ErrLimit = errors.New("shelf: invalid limit")
)

// Loaded is one content with the votes for it. The shelf keeps no reference to
// the content.
type Loaded struct {
	Content *content.Content
	Votes   content.Votes
}

// Source is where a shelf reads what is public. Its methods are called
// concurrently and return when ctx ends. The Rev of a content never falls, not
// even when it is deleted and comes again under its id: a shelf takes a lower
// one for an outdated answer and keeps what it has.
type Source interface {
	// Published gives everything that is public about a subject, of any kind and
	// in any order, and stops at the first error. A content that changes while
	// it runs may come in either form.
	Published(ctx context.Context, site string, subject content.Subject) iter.Seq2[Loaded, error]
	// One gives a content as it is committed now, public or not; ErrGone when it
	// is not there at all.
	One(ctx context.Context, site, id string) (Loaded, error)
}

// Options are the settings of a shelf.
type Options struct {
	// MaxBytes bounds the memory of all rows together; 0 is DefaultMaxBytes. The
	// row used last stays whatever its size, so that a subject larger than the
	// bound is served too.
	MaxBytes int64
	// Prior gives mean (1 to 5) and weight (in reviews) of the opinion that the
	// score of a product starts from, and is asked with every summary; nil is
	// that of content.DefaultSettings.
	Prior func(site string) (mean, weight float64)
}

// Stats tell how a shelf is doing.
type Stats struct {
	// Subjects is the number of loaded rows, Cards of the contents in them, Bytes
	// the memory they take.
	Subjects int
	Cards    int
	Bytes    int64
	// Hits counts the requests that found their row loaded, Misses those that
	// waited for it, Evictions the rows that made room for others.
	Hits, Misses, Evictions uint64
}

// Ref names a published content by its subject and id.
type Ref struct {
	Subject content.Subject
	ID      string
}

// maxLoads bounds how many rows are read from the source at the same time, and
// with it the memory that is not yet counted.
const maxLoads = 8

// Shelf is safe for concurrent use.
type Shelf struct {
	src   Source
	max   int64
	prior func(site string) (mean, weight float64)
	loads chan struct{}

	mu    sync.Mutex
	rows  map[key]*row
	used  *list.List // of loaded rows, the one used last in front
	stats Stats
}

// New makes an empty shelf.
func New(src Source, o Options) *Shelf {
	s := &Shelf{
		src:   src,
		max:   o.MaxBytes,
		prior: o.Prior,
		loads: make(chan struct{}, maxLoads),
		rows:  map[key]*row{},
		used:  list.New(),
	}
	if s.max <= 0 {
		s.max = DefaultMaxBytes
	}
	if s.prior == nil {
		d := content.DefaultSettings()
		s.prior = func(string) (float64, float64) { return d.PriorMean, d.PriorWeight }
	}
	return s
}

// Refresh reads one content again and brings its row in step. When it returns
// without an error, every request that starts later sees the content at least
// as it was when Refresh was called. It does nothing while the row is not
// loaded. When it fails the row is dropped, so that nothing stale is served.
//
// Calls may come in any order and at the same time: each reads the source while
// no other changes the row.
func (s *Shelf) Refresh(ctx context.Context, site string, subject content.Subject, id string) error {
	r := s.touched(key{site, subject}, id)
	if r == nil {
		return nil
	}
	if err := s.refresh(ctx, r, id); err != nil {
		s.mu.Lock()
		s.forget(r)
		s.mu.Unlock()
		return fmt.Errorf("refresh shelf: %w", err)
	}
	return nil
}

// touched gives the row that a content must be brought in step on. It is nil
// when no row has to change, or when the one that is loading will see to it.
func (s *Shelf) touched(k key, id string) *row {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[k]
	if r == nil || !r.place.reading {
		return r
	}
	r.place.missed[id] = struct{}{}
	return nil
}

func (s *Shelf) refresh(ctx context.Context, r *row, id string) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	defer r.release()
	return s.reread(ctx, r, id)
}

// reread brings a row in step with one content. The caller holds the turn.
func (s *Shelf) reread(ctx context.Context, r *row, id string) error {
	l, err := s.src.One(ctx, r.key.site, id)
	if errors.Is(err, ErrGone) {
		l, err = Loaded{}, nil
	}
	if err != nil {
		return fmt.Errorf("read %q: %w", id, err)
	}
	gained, err := r.put(id, l)
	if err != nil {
		return err
	}
	s.charge(r, gained)
	return nil
}

// Drop forgets one row; it is loaded again when asked for.
func (s *Shelf) Drop(site string, subject content.Subject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rows[key{site, subject}]; r != nil {
		s.forget(r)
	}
}

// DropAll forgets every row of a site.
func (s *Shelf) DropAll(site string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, r := range s.rows {
		if k.site == site {
			s.forget(r)
		}
	}
}

// Stats tells how the shelf is doing.
func (s *Shelf) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Subjects = s.used.Len()
	return stats
}
