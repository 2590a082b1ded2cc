package search

import (
	"errors"
	"fmt"
)

var (
	// ErrMissing: there is no index in the folder.
	ErrMissing = errors.New("search index is missing")
	// ErrCorrupt: the folder holds an index that cannot be trusted.
	ErrCorrupt = errors.New("search index is corrupt")
	// ErrOutdated: the index was built by another version of the mapping.
	ErrOutdated = errors.New("search index is outdated")
	// ErrLocked: another process has the index open.
	ErrLocked = errors.New("search index is in use")
	// ErrClosed: the index has been closed.
	ErrClosed = errors.New("search index is closed")
	// ErrQuery: the query is wrong; a *SyntaxError says where when it can.
	ErrQuery = errors.New("bad search query")
	// ErrCursor: Query.After was not made by this index for this query.
	ErrCursor = errors.New("bad search cursor")
	// ErrDocument: a document cannot be indexed, for want of an id or a site.
	ErrDocument = errors.New("bad search document")
	// ErrRebuilding: another rebuild of the same index is under way.
	ErrRebuilding = errors.New("search index is being rebuilt")
)

// SyntaxError is a mistake in Query.Text. It is an ErrQuery.
type SyntaxError struct {
	Pos int // byte offset in Query.Text
	Msg string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("bad search query: %s at byte %d", e.Msg, e.Pos)
}

// Unwrap makes errors.Is(err, ErrQuery) true.
func (e *SyntaxError) Unwrap() error { return ErrQuery }
