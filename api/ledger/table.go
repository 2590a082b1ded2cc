package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Table is a typed view of one table of a store.
type Table[T any] struct {
	store Store
	name  string
	// meta gives id, revision and keys of a document.
	meta func(*T) (id string, rev int64, keys Keys)
}

func (t Table[T]) encode(v *T) (Doc, error) {
	id, rev, keys := t.meta(v)
	own, err := bson.Marshal(v)
	if err != nil {
		return Doc{}, fmt.Errorf("encode %s %q: %w", t.name, id, err)
	}
	data := WithKeys(id, rev, keys, own)
	if len(data) > MaxDocument {
		return Doc{}, fmt.Errorf("encode %s %q: %d bytes: %w", t.name, id, len(data), ErrTooLarge)
	}
	return Doc{ID: id, Rev: rev, Keys: keys, Data: data}, nil
}

func (t Table[T]) decode(raw bson.Raw) (*T, error) {
	v := new(T)
	if err := bson.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("decode %s: %w", t.name, err)
	}
	return v, nil
}

// Put prepares v for [Store.Insert] together with documents of other tables.
func (t Table[T]) Put(v *T) (Put, error) {
	d, err := t.encode(v)
	return Put{Table: t.name, Doc: d}, err
}

// Insert adds v: ErrExists.
func (t Table[T]) Insert(ctx context.Context, v *T) error {
	p, err := t.Put(v)
	if err != nil {
		return err
	}
	return t.store.Insert(ctx, p)
}

// InsertMissing adds the documents whose ids are free and tells which.
func (t Table[T]) InsertMissing(ctx context.Context, vs []*T) ([]bool, error) {
	docs := make([]Doc, len(vs))
	for i, v := range vs {
		d, err := t.encode(v)
		if err != nil {
			return nil, err
		}
		docs[i] = d
	}
	return t.store.InsertMissing(ctx, t.name, docs)
}

// Get returns the document with the id: ErrNotFound.
func (t Table[T]) Get(ctx context.Context, id string) (*T, error) {
	raw, err := t.store.Get(ctx, t.name, id)
	if err != nil {
		return nil, err
	}
	return t.decode(raw)
}

// Replace changes the document from revision from: ErrNotFound, ErrConflict.
func (t Table[T]) Replace(ctx context.Context, v *T, from int64) error {
	d, err := t.encode(v)
	if err != nil {
		return err
	}
	return t.store.Replace(ctx, t.name, d, from)
}

// Modify reads the document with the id (a new T when there is none), lets
// change alter it, and writes it, again from the start when another writer was
// faster. change must raise the revision by one; an error from it ends the
// attempt with nothing written. It gives up with ErrConflict after many
// attempts.
func (t Table[T]) Modify(ctx context.Context, id string, change func(v *T, found bool) error) (*T, error) {
	for attempt := range 200 {
		if err := pause(ctx, attempt); err != nil {
			return nil, fmt.Errorf("modify %s %q: %w", t.name, id, err)
		}
		v, err := t.Get(ctx, id)
		found := err == nil
		if errors.Is(err, ErrNotFound) {
			v, err = new(T), nil
		}
		if err != nil {
			return nil, err
		}
		_, from, _ := t.meta(v)
		if err := change(v, found); err != nil {
			return nil, err
		}
		if found {
			err = t.Replace(ctx, v, from)
		} else {
			err = t.Insert(ctx, v)
		}
		if err == nil {
			return v, nil
		}
		lost := errors.Is(err, ErrConflict) || errors.Is(err, ErrExists) || errors.Is(err, ErrNotFound)
		if !lost || ctx.Err() != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("modify %s %q: %w", t.name, id, ErrConflict)
}

// pause waits before an attempt once several were lost: 1 to 20 ms. A replica
// set shows readers only what its majority holds, so the document that won may
// take some milliseconds to appear, and reading it again at once would use up
// all attempts on an old one.
func pause(ctx context.Context, attempt int) error {
	if attempt < 10 {
		return nil
	}
	timer := time.NewTimer(time.Duration(min(attempt-9, 20)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Delete removes documents by id.
func (t Table[T]) Delete(ctx context.Context, ids ...string) error {
	return t.store.Delete(ctx, t.name, ids)
}

// Unset takes the key of one index off those documents that are still at their
// revision.
func (t Table[T]) Unset(ctx context.Context, index string, refs []Ref) error {
	return t.store.Unset(ctx, t.name, index, refs)
}

// Scan gives the documents of a range in order.
func (t Table[T]) Scan(ctx context.Context, r Range) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for raw, err := range t.store.Scan(ctx, t.name, r) {
			if err != nil {
				yield(nil, err)
				return
			}
			v, err := t.decode(raw)
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// All collects a range, which must have a limit or be known to be small.
func (t Table[T]) All(ctx context.Context, r Range) ([]*T, error) {
	var out []*T
	for v, err := range t.Scan(ctx, r) {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Count counts the documents of a range.
func (t Table[T]) Count(ctx context.Context, r Range) (int, error) {
	return t.store.Count(ctx, t.name, r)
}

// Key gives the key of v in an index, "" when it is not in it: the cursor after
// v.
func (t Table[T]) Key(v *T, index string) string {
	id, _, keys := t.meta(v)
	if index == "" {
		return id
	}
	return keys[index]
}
