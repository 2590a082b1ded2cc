package lifecycle

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/candor-ugc/candor/api/ledger"
)

// Limits of every listing.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// Paging asks for one page of a listing.
type Paging struct {
	// Limit is 1 to 100; 0 means 20.
	Limit int
	// Cursor is the Next of the page before, "" for the first.
	Cursor string
}

// Cursor is where a listing goes on; it is null in JSON at the end.
type Cursor string

// MarshalJSON writes a string, or null for the empty one.
func (c Cursor) MarshalJSON() ([]byte, error) {
	if c == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(c))
}

// List is one page of a listing.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  Cursor `json:"next"`
}

// pageOf reads one page of a range. The cursor is the key of the last document,
// so what is added meanwhile moves nothing: ErrCursor.
func pageOf[D, T any](ctx context.Context, t ledger.Table[D], r ledger.Range, p Paging, view func(*D) (T, error)) (List[T], error) {
	out := List[T]{Items: []T{}}
	if p.Limit == 0 {
		p.Limit = DefaultLimit
	}
	if p.Cursor != "" {
		key, err := base64.RawURLEncoding.DecodeString(p.Cursor)
		if err != nil || !strings.HasPrefix(string(key), r.From) {
			return out, ErrCursor
		}
		r.After = string(key)
	}
	r.Limit = p.Limit + 1
	docs, err := t.All(ctx, r)
	if err != nil {
		return out, err
	}
	if len(docs) > p.Limit {
		docs = docs[:p.Limit]
		out.Next = Cursor(base64.RawURLEncoding.EncodeToString([]byte(t.Key(docs[p.Limit-1], r.Index))))
	}
	for _, d := range docs {
		v, err := view(d)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}
