package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/search"
)

const (
	// settleBatch is the most contents settled at once: large enough that the
	// indexes' fixed cost for a batch is shared, small enough to stay short.
	settleBatch = 1024
	// settleBacklog bounds the contents waiting to be settled; beyond it verbs
	// wait, so that a burst cannot fill the memory.
	settleBacklog = 4096
	// settleLinger is how long a batch gathers when nobody waits for it. Searches
	// do not wait that long: they make the batch begin at once. Larger batches
	// make fewer segments, and merging segments is most of what an index costs.
	settleLinger = time.Second
	// settleTimeout bounds the settling of one batch.
	settleTimeout = time.Minute
	// projectTimeout bounds bringing shelf and queue in step with one content.
	projectTimeout = 10 * time.Second
)

var stripeSeed = maphash.MakeSeed()

// settle carries out what a committed change owes. What readers of this node
// see next, shelf and queue, is in step when it returns; the indexes follow in a
// batch that every search waits for. Whatever fails stays owed in the ledger
// and is found by the sweeper.
func (s *Service) settle(ctx context.Context, site string, subject content.Subject, id string) {
	// The change is committed: a client that left must not keep it half done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), projectTimeout)
	defer cancel()
	if err := s.project(ctx, site, subject, id); err != nil {
		// What the shelf has may be what was just taken off.
		s.shelf.Drop(site, subject)
		s.Log.Error("change not projected yet", "content", id, "err", err)
	}
	if err := s.settler.add(ctx, site, id); err != nil {
		s.Log.Warn("change left to the sweeper", "content", id, "err", err)
	}
}

// settleThread settles what a content's coming or going means for others: the
// replies below it are only public while it is, and the question above an
// answer names the answer that settled it.
func (s *Service) settleThread(ctx context.Context, rec *ledger.Record) {
	s.cache().standouts.InvalidateAll()
	if rec.Shown {
		if err := s.confirmProduct(ctx, rec.Site, rec.Subject); err != nil {
			s.Log.Error("product not confirmed", "product", rec.Subject.ID, "err", err)
		}
	}
	if rec.Kind == content.Answer {
		s.settle(ctx, rec.Site, rec.Subject, rec.Parent)
	}
	ctx = context.WithoutCancel(ctx)
	for reply, err := range s.Ledger.Contents.Scan(ctx, ledger.Prefix(ledger.ByParent, rec.Site, rec.ID)) {
		if err != nil {
			s.shelf.Drop(rec.Site, rec.Subject)
			s.Log.Error("replies not settled with their parent", "content", rec.ID, "err", err)
			return
		}
		s.settle(ctx, reply.Site, reply.Subject, reply.ID)
		s.settleThread(ctx, reply)
	}
}

// settleNew is settle for a content that was just added: nobody but its author's
// request knows of it yet, so nothing else can have changed it, and a pending
// one is on no shelf.
func (s *Service) settleNew(ctx context.Context, rec *ledger.Record) {
	if rec.Shown {
		s.settle(ctx, rec.Site, rec.Subject, rec.ID)
		s.settleThread(ctx, rec)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), projectTimeout)
	defer cancel()
	s.enqueue(rec)
	if err := s.settler.add(ctx, rec.Site, rec.ID); err != nil {
		s.Log.Warn("change left to the sweeper", "content", rec.ID, "err", err)
	}
}

// stripe is the lock of everything that goes by a name.
func (s *Service) stripe(name string) *sync.Mutex {
	return &s.stripes[maphash.String(stripeSeed, name)%uint64(len(s.stripes))]
}

// project brings queue and shelf in step with the ledger. Reading the ledger
// under the content's lock makes the order of callers irrelevant: the last one
// to read sees the last state.
func (s *Service) project(ctx context.Context, site string, subject content.Subject, id string) error {
	lock := s.stripe(id)
	lock.Lock()
	defer lock.Unlock()
	rec, err := s.Ledger.Contents.Get(ctx, id)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		s.queue.Remove(id)
	case err != nil:
		return fmt.Errorf("project %s: %w", id, err)
	default:
		s.enqueue(rec)
		if err := s.placeMedia(ctx, rec); err != nil {
			return fmt.Errorf("project %s: %w", id, err)
		}
	}
	if err := s.shelf.Refresh(ctx, site, subject, id); err != nil {
		return fmt.Errorf("project %s: %w", id, err)
	}
	return nil
}

// settleBatch indexes the present state of contents and keeps their history,
// then notes that they owe nothing at the revision that was read.
func (s *Service) settleBatch(ctx context.Context, batch []owed) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	seen := make(map[string]bool, len(batch))
	recs := make([]*ledger.Record, 0, len(batch))
	var gone []string
	for _, o := range batch {
		if seen[o.id] {
			continue
		}
		seen[o.id] = true
		rec, err := s.Ledger.Contents.Get(ctx, o.id)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			gone = append(gone, o.id)
		case err != nil:
			return fmt.Errorf("settle: %w", err)
		default:
			recs = append(recs, rec)
		}
	}
	return s.settleRecords(ctx, recs, gone)
}

func (s *Service) settleRecords(ctx context.Context, recs []*ledger.Record, gone []string) error {
	work, wctx := errgroup.WithContext(ctx)
	work.Go(guarded(func() error { return s.index(wctx, recs, gone) }))
	work.Go(guarded(func() error { return s.keepHistory(wctx, recs) }))
	if err := work.Wait(); err != nil {
		return err
	}
	refs := make([]ledger.Ref, 0, len(recs))
	for _, rec := range recs {
		if rec.Unsettled() {
			refs = append(refs, ledger.Ref{ID: rec.ID, Rev: rec.Rev})
		}
	}
	if len(refs) == 0 {
		return nil
	}
	if err := s.Ledger.Contents.Unset(ctx, ledger.ByOwes, refs); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	return nil
}

// guarded makes an error of a panic. A fault of an index must not end the
// process: the change stays owed as after any other failure, and would be met
// again at every start.
func guarded(work func() error) func() error {
	return func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return work()
	}
}

// index brings both indexes in step with the given records.
func (s *Service) index(ctx context.Context, recs []*ledger.Record, gone []string) error {
	var public, desk []search.Document
	hide, drop := slices.Clone(gone), slices.Clone(gone)
	for _, rec := range recs {
		votes, err := s.votes(ctx, rec.ID)
		if err != nil {
			return err
		}
		name := s.productName(ctx, rec.Site, rec.Subject)
		approved := rec.Shown
		if err := s.below(ctx, rec); err != nil {
			return err
		}
		if d, ok := publicDocument(rec, votes, name); ok {
			public = append(public, d)
		} else if approved || rec.Rev > 1 {
			// At its first revision nothing of a pending one was ever there.
			hide = append(hide, rec.ID)
		}
		if rec.State == content.Erased {
			drop = append(drop, rec.ID)
		} else {
			desk = append(desk, deskDocument(rec, votes, name))
		}
	}
	work, wctx := errgroup.WithContext(ctx)
	work.Go(guarded(func() error { return s.Public.Apply(wctx, public, hide) }))
	work.Go(guarded(func() error { return s.Desk.Apply(wctx, desk, drop) }))
	if err := work.Wait(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// keepHistory files the events of unsettled records, and the versions that they
// replaced. Both are named by content and revision, so doing it again changes
// nothing.
func (s *Service) keepHistory(ctx context.Context, recs []*ledger.Record) error {
	var events []*ledger.Event
	var revisions []*ledger.Revision
	for _, rec := range recs {
		if !rec.Unsettled() {
			continue
		}
		for _, e := range rec.Events {
			if e.Previous != nil && rec.State != content.Erased {
				revisions = append(revisions, &ledger.Revision{
					ID: fmt.Sprintf("%s/%d", rec.ID, e.Previous.Rev), Site: rec.Site, Content: rec.ID, Version: *e.Previous,
				})
			}
			e.Previous = nil
			events = append(events, &e)
		}
	}
	if len(revisions) > 0 {
		if _, err := s.Ledger.Revisions.InsertMissing(ctx, revisions); err != nil {
			return fmt.Errorf("keep revisions: %w", err)
		}
	}
	if len(events) > 0 {
		if err := s.chain(ctx, events); err != nil {
			return err
		}
		if _, err := s.Ledger.Events.InsertMissing(ctx, events); err != nil {
			return fmt.Errorf("keep events: %w", err)
		}
	}
	return nil
}
