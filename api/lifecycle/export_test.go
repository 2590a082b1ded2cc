package lifecycle

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
)

// Sweep is what the sweeper does at every tick.
func (s *Service) Sweep(ctx context.Context) error { return s.sweep(ctx, sweepAge) }

// Leftover is how long a change owes before the sweeper takes it to be left over.
const Leftover = sweepAge

// InFlight is how long a reservation is believed to belong to a request at work.
const InFlight = inFlight

// Follow takes in what other nodes have changed since a time.
func (s *Service) Follow(ctx context.Context, since time.Time) error {
	return s.follow(ctx, since, otter.Must(&otter.Options[string, int64]{MaximumSize: 100}))
}
