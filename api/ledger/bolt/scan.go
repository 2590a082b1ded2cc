package bolt

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"go.etcd.io/bbolt"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
)

// page is how many documents one read transaction hands out. A transaction held
// open over the caller's work would keep old pages alive and could deadlock
// with a caller that writes.
const page = 256

// pageBytes is the size in bytes at which a page ends before it is full.
const pageBytes = 8 << 20

// checkEvery is how many keys are counted between two looks at the context.
const checkEvery = 4096

// Scan reads a range page by page.
func (s *Store) Scan(ctx context.Context, table string, r ledger.Range) iter.Seq2[bson.Raw, error] {
	return func(yield func(bson.Raw, error) bool) {
		left := r.Limit
		for {
			n := page
			if r.Limit > 0 {
				n = min(n, left)
			}
			docs, last, err := s.page(ctx, table, r, n)
			for _, d := range docs {
				if err := ctx.Err(); err != nil {
					yield(nil, err)
					return
				}
				if !yield(d, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			left -= len(docs)
			if last == "" || r.Limit > 0 && left <= 0 {
				return
			}
			r.After = last
		}
	}
}

// page reads up to n documents, and gives the key to go on after: "" at the end.
func (s *Store) page(ctx context.Context, table string, r ledger.Range, n int) (docs []bson.Raw, last string, err error) {
	size := 0
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		b, err := s.table(tx, table)
		if err != nil {
			return err
		}
		return s.walk(tx, table, r, func(k, v []byte) bool {
			if r.Index != "" {
				v = b.Get(v)
			}
			if v != nil {
				docs = append(docs, slices.Clone(v))
				size += len(v)
			}
			if len(docs) == n || size >= pageBytes {
				last = string(k)
				return false
			}
			return true
		})
	})
	return docs, last, err
}

// Count walks the keys of a range without reading documents.
func (s *Store) Count(ctx context.Context, table string, r ledger.Range) (int, error) {
	n := 0
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		err := s.walk(tx, table, r, func(_, _ []byte) bool {
			n++
			return (r.Limit == 0 || n < r.Limit) && (n%checkEvery != 0 || ctx.Err() == nil)
		})
		if err != nil {
			return err
		}
		return ctx.Err()
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// walk visits the entries of a range in order until visit says no.
func (s *Store) walk(tx *bbolt.Tx, table string, r ledger.Range, visit func(k, v []byte) bool) error {
	name := []byte(table)
	if r.Index != "" {
		name = indexBucket(table, r.Index)
	}
	b, err := s.table(tx, string(name))
	if err != nil {
		return err
	}
	c := b.Cursor()
	from, to, after := []byte(r.From), []byte(r.To), []byte(r.After)
	if r.Reverse {
		for k, v := before(c, to, after); k != nil && bytes.Compare(k, from) >= 0; k, v = c.Prev() {
			if !visit(k, v) {
				return nil
			}
		}
		return nil
	}
	if len(after) > 0 && bytes.Compare(after, from) >= 0 {
		from = append(slices.Clone(after), 0)
	}
	for k, v := c.Seek(from); k != nil && (len(to) == 0 || bytes.Compare(k, to) < 0); k, v = c.Next() {
		if !visit(k, v) {
			return nil
		}
	}
	return nil
}

// before moves the cursor to the last entry below both bounds; an empty bound
// does not bind.
func before(c *bbolt.Cursor, to, after []byte) (k, v []byte) {
	bound := to
	if len(after) > 0 && (len(to) == 0 || bytes.Compare(after, to) < 0) {
		bound = after
	}
	if len(bound) == 0 {
		return c.Last()
	}
	if k, _ = c.Seek(bound); k == nil {
		return c.Last()
	}
	return c.Prev()
}
