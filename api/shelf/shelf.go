package shelf

import (
	"context"
	"errors"
	"iter"

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
// concurrently and return when ctx ends.
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

// Shelf is safe for concurrent use.
type Shelf struct{}

// New makes an empty shelf.
func New(src Source, o Options) *Shelf { return &Shelf{} }

// Item gives the encoded public form of one content and its strong, quoted
// entity tag, or false when it is not public.
func (s *Shelf) Item(ctx context.Context, site string, subject content.Subject, id string) (body []byte, etag string, ok bool, err error) {
	return nil, "", false, nil
}

// Items gives the encoded public forms of several contents of a site by id.
// Those that are not public are absent.
func (s *Shelf) Items(ctx context.Context, site string, refs []Ref) (map[string][]byte, error) {
	return nil, nil
}

// Refresh reads one content again and brings its row in step. When it returns
// without an error, every request that starts later sees the content at least
// as it was when Refresh was called. It does nothing while the row is not
// loaded. When it fails the row is dropped, so that nothing stale is served.
func (s *Shelf) Refresh(ctx context.Context, site string, subject content.Subject, id string) error {
	return nil
}

// Drop forgets one row; it is loaded again when asked for.
func (s *Shelf) Drop(site string, subject content.Subject) {}

// DropAll forgets every row of a site.
func (s *Shelf) DropAll(site string) {}

// Stats tells how the shelf is doing.
func (s *Shelf) Stats() Stats { return Stats{} }
