package lifecycle

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/candor-ugc/candor/api/ledger"
)

// renewal keeps the lease on a medium while it is worked on, and notes how far
// the work has come.
type renewal struct {
	done     chan struct{}
	ended    chan struct{}
	fraction atomic.Uint64
}

// renew begins to renew the lease; cancel is called with the cause when the
// medium is somebody else's, or gone.
func (s *Service) renew(ctx context.Context, m *ledger.Medium, cancel context.CancelCauseFunc) *renewal {
	r := &renewal{done: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		tick := time.NewTicker(progressStep)
		defer tick.Stop()
		last, told := time.Now(), 0.0
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.done:
				return
			case <-tick.C:
			}
			now := math.Float64frombits(r.fraction.Load())
			if now-told < 0.01 && time.Since(last) < workRenew {
				continue
			}
			last, told = time.Now(), now
			if err := s.stillMine(ctx, m.ID, now); err != nil {
				if ctx.Err() == nil {
					cancel(err)
				}
				return
			}
		}
	}()
	return r
}

// progress notes the done share of the work, 0 to 1.
func (r *renewal) progress(fraction float64) { r.fraction.Store(math.Float64bits(fraction)) }

// wait ends the renewal.
func (r *renewal) wait() {
	close(r.done)
	<-r.ended
}

// stillMine renews the lease: ErrNotFound when the medium is somebody else's by
// now.
func (s *Service) stillMine(ctx context.Context, id string, progress float64) error {
	mine := func(m *ledger.Medium) bool { return m.Holder == s.Node && m.Work == ledger.WorkVideo }
	return s.changeWhile(ctx, id, mine, func(m *ledger.Medium) {
		m.Due, m.Progress = s.now().Add(workLease), progress
	})
}
