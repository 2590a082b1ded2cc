package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// Vote notes whether somebody finds a public content helpful (1), not (-1), or
// takes that back (0), and gives the new sum. Errors: ErrSignIn, ErrNotFound,
// ErrOwn, content.Invalid.
func (s *Service) Vote(ctx context.Context, who content.Actor, site, id string, value int) (content.Votes, error) {
	var votes content.Votes
	if !who.May(content.Shopper) {
		return votes, ErrSignIn
	}
	if value < -1 || value > 1 {
		var e content.Invalid
		e.Add("value", "out_of_range", "must be 1, 0 or -1")
		return votes, e
	}
	rec, err := s.publicRecord(ctx, site, id)
	if err != nil {
		return votes, err
	}
	if rec.Author.ID == who.ID {
		return votes, ErrOwn
	}
	now := s.now()
	vote, err := s.Ledger.Votes.Modify(ctx, ledger.Key(site, id, who.ID), func(v *ledger.Vote, found bool) error {
		if v.Value == value && (found || value == 0) {
			return errSame
		}
		*v = ledger.Vote{Site: site, Content: id, Voter: who.ID, Value: value, At: now, Rev: v.Rev + 1, Owes: true}
		return nil
	})
	if errors.Is(err, errSame) {
		return s.votes(ctx, id)
	}
	if err != nil {
		return votes, fmt.Errorf("vote: %w", err)
	}
	return s.settleVote(ctx, rec, vote)
}

var errSame = errors.New("as it was")

// publicRecord loads what strangers may see: ErrNotFound for all else.
func (s *Service) publicRecord(ctx context.Context, site, id string) (*ledger.Record, error) {
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return nil, err
	}
	return rec, s.visible(ctx, rec)
}

// visible reports ErrNotFound for what strangers may not see: what is not
// approved, and replies below something that is not.
func (s *Service) visible(ctx context.Context, rec *ledger.Record) error {
	for {
		if _, public := rec.PublicVersion(); !public {
			return ErrNotFound
		}
		if rec.Parent == "" {
			return nil
		}
		parent, err := s.load(ctx, rec.Site, rec.Parent)
		if err != nil {
			return err
		}
		rec = parent // depth is bounded by content.MaxDepth
	}
}

// votes reads the sum of a content's votes.
func (s *Service) votes(ctx context.Context, id string) (content.Votes, error) {
	t, err := s.Ledger.Tallies.Get(ctx, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return content.Votes{}, nil
	}
	if err != nil {
		return content.Votes{}, fmt.Errorf("read votes: %w", err)
	}
	return t.Votes, nil
}

// settleVote brings the sum in step with the votes, and the rest with the sum.
func (s *Service) settleVote(ctx context.Context, rec *ledger.Record, vote *ledger.Vote) (content.Votes, error) {
	votes, err := s.recount(ctx, rec)
	if err != nil {
		return votes, err
	}
	ref := ledger.Ref{ID: ledger.Key(vote.Site, vote.Content, vote.Voter), Rev: vote.Rev}
	if err := s.Ledger.Votes.Unset(ctx, ledger.ByOwes, []ledger.Ref{ref}); err != nil {
		return votes, fmt.Errorf("settle vote: %w", err)
	}
	s.settle(ctx, rec.Site, rec.Subject, rec.ID)
	return votes, nil
}

// recount sums the votes for a content. The sum's revision is read before the
// votes are counted and must not have moved when it is written: whoever counted
// last wrote last, so the sum cannot lose a vote that was there.
func (s *Service) recount(ctx context.Context, rec *ledger.Record) (content.Votes, error) {
	t, err := s.Ledger.Tallies.Modify(ctx, rec.ID, func(t *ledger.Tally, _ bool) error {
		up, err := s.Ledger.Votes.Count(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID, "+"))
		if err != nil {
			return err
		}
		down, err := s.Ledger.Votes.Count(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID, "-"))
		if err != nil {
			return err
		}
		*t = ledger.Tally{
			Content: rec.ID, Site: rec.Site, Subject: rec.Subject, Changed: s.now(), Rev: t.Rev + 1,
			Base: t.Base, Votes: content.Votes{Helpful: t.Base.Helpful + up, Unhelpful: t.Base.Unhelpful + down},
		}
		return nil
	})
	if err != nil {
		return content.Votes{}, fmt.Errorf("count votes: %w", err)
	}
	return t.Votes, nil
}

// sweepVotes counts what a crash left uncounted.
func (s *Service) sweepVotes(ctx context.Context, r ledger.Range) error {
	for vote, err := range s.Ledger.Votes.Scan(ctx, r) {
		if err != nil {
			return fmt.Errorf("find uncounted votes: %w", err)
		}
		rec, err := s.load(ctx, vote.Site, vote.Content)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := s.settleVote(ctx, rec, vote); err != nil {
			return err
		}
	}
	return nil
}
