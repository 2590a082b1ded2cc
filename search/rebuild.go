package search

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
)

const (
	// A rebuild's batch ends at this many documents or bytes of text,
	// whichever comes first.
	rebuildDocs  = 1000
	rebuildBytes = 4 << 20
)

// rebuild is a generation that is being filled while another one serves.
type rebuild struct {
	g *generation
	// changed are the ids that were changed since the rebuild began; what the
	// stream still says of them is old.
	changed map[string]struct{}
}

// overtake applies a live change to the new generation.
func (r *rebuild) overtake(put []Document, del []string) error {
	for i := range put {
		r.changed[put[i].ID] = struct{}{}
	}
	for _, id := range del {
		r.changed[id] = struct{}{}
	}
	return r.g.store.apply(put, del)
}

// Rebuild makes a new index from docs in place of whatever is at path and
// opens it. The new one is built beside the old and takes its place in one
// step; an error or a crash leaves the old one. progress, when not nil, is
// called with the number of documents so far.
func Rebuild(ctx context.Context, path string, kind Kind, opts Options,
	docs iter.Seq2[Document, error], progress func(n int),
) (*Index, error) {
	x, err := locked(path, kind, opts)
	if err != nil {
		return nil, fmt.Errorf("rebuild index: %w", err)
	}
	if err := x.Rebuild(ctx, docs, progress); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

// Rebuild fills a new generation from docs while the current one goes on
// serving, then swaps it in. Documents changed by Apply meanwhile keep that
// change, whatever docs says of them. ErrRebuilding when one is under way.
func (x *Index) Rebuild(ctx context.Context, docs iter.Seq2[Document, error], progress func(n int)) error {
	r, err := x.beginRebuild()
	if err != nil {
		return fmt.Errorf("rebuild index: %w", err)
	}
	if err = x.fill(ctx, r, docs, progress); err == nil {
		err = ctx.Err()
	}
	x.applying.Lock()
	defer x.applying.Unlock()
	x.next = nil
	if err == nil && x.lock == nil {
		err = ErrClosed
	}
	if err == nil {
		err = x.adopt(r.g)
	} else {
		err = errors.Join(err, r.g.store.close(), os.RemoveAll(filepath.Join(x.path, r.g.name)))
	}
	if err != nil {
		return fmt.Errorf("rebuild index: %w", err)
	}
	return nil
}

func (x *Index) beginRebuild() (*rebuild, error) {
	x.applying.Lock()
	defer x.applying.Unlock()
	if x.lock == nil {
		return nil, ErrClosed
	}
	if x.next != nil {
		return nil, ErrRebuilding
	}
	g, err := x.newGeneration()
	if err != nil {
		return nil, err
	}
	x.next = &rebuild{g: g, changed: make(map[string]struct{})}
	return x.next, nil
}

func (x *Index) fill(ctx context.Context, r *rebuild, docs iter.Seq2[Document, error], progress func(n int)) error {
	var batch []Document
	size, n := 0, 0
	flush := func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.pour(r, batch); err != nil {
			return err
		}
		n += len(batch)
		batch, size = batch[:0], 0
		if progress != nil {
			progress(n)
		}
		return nil
	}
	for d, err := range docs {
		if err != nil {
			return err
		}
		batch = append(batch, d)
		size += len(d.Title) + len(d.Body) + len(d.ProductName)
		if len(batch) < rebuildDocs && size < rebuildBytes {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}

// pour writes a batch of the stream, without what live changes overtook. It
// holds applying, so that no change can come between the look and the write.
func (x *Index) pour(r *rebuild, batch []Document) error {
	x.applying.Lock()
	defer x.applying.Unlock()
	if x.lock == nil {
		return ErrClosed
	}
	fresh := batch
	if len(r.changed) > 0 {
		fresh = make([]Document, 0, len(batch))
		for _, d := range batch {
			if _, changed := r.changed[d.ID]; !changed {
				fresh = append(fresh, d)
			}
		}
	}
	return r.g.store.apply(fresh, nil)
}
