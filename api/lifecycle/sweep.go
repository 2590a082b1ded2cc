package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/candor-ugc/candor/api/ledger"
)

const (
	// sweepEvery is how often the sweeper looks, sweepAge how long a change may
	// owe before it is believed to be left over.
	sweepEvery = 10 * time.Second
	sweepAge   = 30 * time.Second
	sweepLease = time.Minute
)

// sweeping settles what crashes and failures left, on one node at a time.
func (s *Service) sweeping(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		mine, err := s.lease(ctx, "sweep", s.Node, sweepLease)
		if err == nil && mine {
			err = errors.Join(s.sweep(ctx, sweepAge), s.sweepMedia(ctx))
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Error("sweep failed", "err", err)
		}
	}
}

// sweep settles every change that has owed for longer than age; for age 0 every
// change, those too that a clock set back since makes seem to lie ahead.
func (s *Service) sweep(ctx context.Context, age time.Duration) error {
	r := ledger.Range{Index: ledger.ByOwes}
	if age > 0 {
		r.To = ledger.Millis(s.Now().Add(-age).Add(time.Millisecond))
	}
	batch := make([]*ledger.Record, 0, settleBatch)
	n := 0
	flush := func() error {
		for _, rec := range batch {
			if err := s.project(ctx, rec.Site, rec.Subject, rec.ID); err != nil {
				return err
			}
			s.settleThread(ctx, rec)
		}
		err := s.settleRecords(ctx, batch, nil)
		n += len(batch)
		batch = batch[:0]
		return err
	}
	for rec, err := range s.Ledger.Contents.Scan(ctx, r) {
		if err != nil {
			return fmt.Errorf("find what is owed: %w", err)
		}
		if batch = append(batch, rec); len(batch) == settleBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if n > 0 {
		s.Log.Info("settled what was owed", slog.Int("contents", n))
	}
	if err := s.sweepReplays(ctx); err != nil {
		return err
	}
	return s.sweepVotes(ctx, r)
}

const (
	// replayLife is how long an answer is kept for requests that are repeated.
	replayLife = 7 * 24 * time.Hour
	// replayBatch is how many old ones are dropped at once.
	replayBatch = 1_000
)

// sweepReplays drops the answers that nobody will ask for again.
func (s *Service) sweepReplays(ctx context.Context) error {
	r := ledger.Range{Index: ledger.ByTime, To: ledger.Millis(s.Now().Add(-replayLife)), Limit: replayBatch}
	old, err := s.Ledger.Replays.All(ctx, r)
	if err != nil || len(old) == 0 {
		return err
	}
	keys := make([]string, len(old))
	for i, v := range old {
		keys[i] = v.Key
	}
	if err := s.Ledger.Replays.Delete(ctx, keys...); err != nil {
		return fmt.Errorf("drop old answers: %w", err)
	}
	return nil
}

// lease takes or renews the right to do some work alone. The clocks of nodes
// may differ by less than ttl.
func (s *Service) lease(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	mine := false
	_, err := s.Ledger.Leases.Modify(ctx, name, func(l *ledger.Lease, _ bool) error {
		mine = l.Holder == holder || !s.Now().Before(l.Until)
		if !mine {
			return errHeld
		}
		l.Name, l.Holder, l.Until, l.Rev = name, holder, s.now().Add(ttl), l.Rev+1
		return nil
	})
	if errors.Is(err, errHeld) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", name, err)
	}
	return mine, nil
}

var errHeld = errors.New("held by another")
