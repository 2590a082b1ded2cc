package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/candor-ugc/candor/api/ledger"
)

const (
	// followEvery is how stale this node's view of the others' changes may be.
	followEvery = 500 * time.Millisecond
	// followSkew is how far behind a change may enter the feed: the difference
	// between the nodes' clocks and the time a write takes.
	followSkew = 30 * time.Second
	// followTell is how often Config.Followed is told.
	followTell = 5 * time.Second
)

// following brings shelf, queue and indexes of this node in step with what
// other nodes committed to the shared ledger.
func (s *Service) following(ctx context.Context) error {
	seen := otter.Must(&otter.Options[string, int64]{
		MaximumSize: 200_000, ExpiryCalculator: otter.ExpiryWriting[string, int64](2 * followSkew),
	})
	defer seen.StopAllGoroutines()
	since := s.since
	if since.IsZero() {
		since = s.Now()
	}
	told := s.Now()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := s.Now()
		if err := s.follow(ctx, since.Add(-followSkew), seen); err != nil {
			if ctx.Err() == nil {
				s.Log.Error("following other nodes failed", "err", err)
			}
			continue // from the same time again
		}
		since = now
		if s.Followed != nil && now.Sub(told) >= followTell {
			if err := s.settler.flush(ctx); err == nil {
				s.Followed(now)
				told = now
			}
		}
	}
}

// follow applies the changes since a time that were not applied before.
func (s *Service) follow(ctx context.Context, since time.Time, seen *otter.Cache[string, int64]) error {
	r := ledger.Range{Index: ledger.ByFeed, From: ledger.Millis(since)}
	for rec, err := range s.Ledger.Contents.Scan(ctx, r) {
		if err != nil {
			return fmt.Errorf("follow contents: %w", err)
		}
		if rev, ok := seen.GetIfPresent(rec.ID); ok && rev >= rec.Rev {
			continue
		}
		s.settle(ctx, rec.Site, rec.Subject, rec.ID)
		s.settleThread(ctx, rec)
		seen.Set(rec.ID, rec.Rev)
	}
	for t, err := range s.Ledger.Tallies.Scan(ctx, r) {
		if err != nil {
			return fmt.Errorf("follow votes: %w", err)
		}
		key := "votes " + t.Content
		if rev, ok := seen.GetIfPresent(key); ok && rev >= t.Rev {
			continue
		}
		s.settle(ctx, t.Site, t.Subject, t.Content)
		seen.Set(key, t.Rev)
	}
	return nil
}

// CatchUpLater makes [Service.Start] begin with what other nodes have changed
// since a time: what happened while this node was not running. It is called
// before Start.
func (s *Service) CatchUpLater(since time.Time) { s.since = since }
