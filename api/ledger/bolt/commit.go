package bolt

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/candor-ugc/candor/api/ledger"
)

// maxGroup is the most changes that share a transaction: enough to hide the cost
// of fsync, few enough that one transaction stays short.
const maxGroup = 512

// outcome is what a change came to without failing: nil when it was written,
// else why nothing of it was.
type outcome error

// write is one change waiting for its group.
type write struct {
	apply func(tx *bbolt.Tx) (outcome, error)
	// result is buffered, so the committer never waits for a caller that left.
	result chan error
}

// errAborted ends a transaction that a failing change spoilt.
var errAborted = errors.New("bolt: transaction aborted")

// write hands a change to the committer and waits until it is durable. A caller
// whose context ends meanwhile does not learn whether it was written.
func (s *Store) write(ctx context.Context, apply func(tx *bbolt.Tx) (outcome, error)) error {
	w := &write{apply: apply, result: make(chan error, 1)}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	select {
	case <-s.closing:
		return fmt.Errorf("ledger is closed: %w", ledger.ErrUnavailable)
	default:
	}
	select {
	case s.writes <- w:
	case <-s.closing:
		return fmt.Errorf("ledger is closed: %w", ledger.ErrUnavailable)
	case <-ctx.Done():
		return fmt.Errorf("write ledger: %w", ctx.Err())
	}
	select {
	case err := <-w.result:
		return err
	case <-s.done:
		// The committer may have answered just before it ended.
		select {
		case err := <-w.result:
			return err
		default:
			return fmt.Errorf("ledger is closed: %w", ledger.ErrUnavailable)
		}
	case <-ctx.Done():
		return fmt.Errorf("write ledger: %w", ctx.Err())
	}
}

// commit writes groups of changes until the store closes.
func (s *Store) commit() {
	defer close(s.done)
	group := make([]*write, 0, maxGroup)
	for {
		group = group[:0]
		select {
		case w := <-s.writes:
			group = append(group, w)
		case <-s.closing:
			s.drain(group)
			return
		}
		s.commitGroup(s.gather(group))
	}
}

// gather adds what waits already, without waiting for more.
func (s *Store) gather(group []*write) []*write {
	for len(group) < maxGroup {
		select {
		case w := <-s.writes:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

func (s *Store) drain(group []*write) {
	for {
		group = s.gather(group[:0])
		if len(group) == 0 {
			return
		}
		s.commitGroup(group)
	}
}

// commitGroup writes a group in one transaction. A change that fails halfway
// would leave its half behind, so then every change gets a transaction of its
// own: the failing ones fail alone.
func (s *Store) commitGroup(group []*write) {
	outcomes := make([]error, len(group))
	err := s.db.Update(func(tx *bbolt.Tx) error {
		for i, w := range group {
			o, err := w.apply(tx)
			if err != nil {
				outcomes[i] = err
				return errors.Join(errAborted, err)
			}
			outcomes[i] = o
		}
		return nil
	})
	switch {
	case err == nil:
	case errors.Is(err, errAborted) && len(group) > 1:
		for _, w := range group {
			s.commitGroup([]*write{w})
		}
		return
	case errors.Is(err, errAborted):
		// outcomes[0] says why.
	default:
		for i := range outcomes {
			outcomes[i] = fmt.Errorf("commit: %w", errors.Join(ledger.ErrUnavailable, err))
		}
	}
	for i, w := range group {
		w.result <- outcomes[i]
	}
}
