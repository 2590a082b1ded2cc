package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// claimTime is how long a claim keeps other moderators from deciding.
const claimTime = 10 * time.Minute

// Claim is a moderator's word to decide about an item soon.
type Claim struct {
	By    string    `json:"by"`
	Until time.Time `json:"until"`
}

func claimName(site, id string) string { return ledger.Key("claim", site, id) }

// claimOn gives the claim that lasts on a content, nil when there is none.
func (s *Service) claimOn(ctx context.Context, site, id string) (*ledger.Lease, error) {
	l, err := s.Ledger.Leases.Get(ctx, claimName(site, id))
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read claim: %w", err)
	}
	if !s.Now().Before(l.Until) {
		return nil, nil
	}
	return l, nil
}

func (s *Service) claimView(ctx context.Context, site, id string) (*Claim, error) {
	l, err := s.claimOn(ctx, site, id)
	if l == nil || err != nil {
		return nil, err
	}
	return &Claim{By: l.Holder, Until: l.Until}, nil
}

// Claim reserves an item for a moderator, or prolongs their claim: ErrClaimed,
// ErrNotFound, ErrOwn, ErrSomebodyElse.
func (s *Service) Claim(ctx context.Context, who content.Actor, site, id string) (*Claim, error) {
	if err := moderates(who); err != nil {
		return nil, err
	}
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return nil, err
	}
	switch {
	case rec.Author.ID == who.ID:
		return nil, ErrOwn
	case onlyOwnCause(rec, who.ID):
		return nil, ErrSomebodyElse
	}
	mine, err := s.lease(ctx, claimName(site, id), who.ID, claimTime)
	if err != nil {
		return nil, err
	}
	c, err := s.claimOn(ctx, site, id)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, ErrConflict
	}
	if !mine {
		return nil, &ClaimedError{By: c.Holder, Until: c.Until}
	}
	s.tellClaim(site, id, "claimed", who.ID)
	return &Claim{By: c.Holder, Until: c.Until}, nil
}

// Release gives a claim up. Giving up what one does not hold is no error.
func (s *Service) Release(ctx context.Context, who content.Actor, site, id string) error {
	if err := moderates(who); err != nil {
		return err
	}
	if _, err := s.load(ctx, site, id); err != nil {
		return err
	}
	return s.release(ctx, who, site, id)
}

func (s *Service) release(ctx context.Context, who content.Actor, site, id string) error {
	c, err := s.claimOn(ctx, site, id)
	if err != nil {
		return err
	}
	if c == nil || c.Holder != who.ID {
		return nil
	}
	if err := s.Ledger.Leases.Delete(ctx, claimName(site, id)); err != nil {
		return fmt.Errorf("release claim: %w", err)
	}
	s.tellClaim(site, id, "released", who.ID)
	return nil
}

func (s *Service) tellClaim(site, id, kind, by string) {
	if s.Tell != nil {
		s.Tell(content.Happening{Site: site, Type: kind, ID: id, By: by, At: s.now()})
	}
}
