package lifecycle

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
)

// Sweep is what the sweeper does at every tick.
func (s *Service) Sweep(ctx context.Context) error { return s.sweep(ctx, sweepAge) }

// SweepMedia is what the sweeper does about media at every tick.
func (s *Service) SweepMedia(ctx context.Context) error { return s.sweepMedia(ctx) }

// WorkOnMedia does all work of a kind that is due.
func (s *Service) WorkOnMedia(ctx context.Context, kind string) error { return s.workAll(ctx, kind) }

// CollectOrphans is what the sweeper does once a day.
func (s *Service) CollectOrphans(ctx context.Context, before time.Time) (int, error) {
	return s.collectOrphans(ctx, before, func(string) {})
}

// StagedLife is how long an upload waits for its content, WorkLease how long a
// node that is silent is believed to be at work, StorePause how long work waits
// for a store that is in trouble, CrashTries how often work may crash, and
// OrphanGrace how old left-over files become.
const (
	StagedLife  = stagedLife
	FailedLife  = failedLife
	WorkLease   = workLease
	StorePause  = storePause
	CrashTries  = crashTries
	OrphanGrace = orphanGrace
	PicturesAge = picturesAge
)

// Leftover is how long a change owes before the sweeper takes it to be left over.
const Leftover = sweepAge

// InFlight is how long a reservation is believed to belong to a request at work.
const InFlight = inFlight

// Follow takes in what other nodes have changed since a time.
func (s *Service) Follow(ctx context.Context, since time.Time) error {
	return s.follow(ctx, since, otter.Must(&otter.Options[string, int64]{MaximumSize: 100}))
}
