package lifecycle

import (
	"context"
	"slices"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// Accept marks the answer that settled a question, or with an empty answer takes
// the mark off. Who asked may, and the shop's staff. Errors: ErrSignIn,
// ErrNotFound, ErrForbidden, ErrConflict, content.Invalid.
func (s *Service) Accept(ctx context.Context, who content.Actor, site, question, answer string) (content.Private, error) {
	if !who.May(content.Shopper) {
		return content.Private{}, ErrSignIn
	}
	for attempt := 0; ; attempt++ {
		rec, err := s.publicRecord(ctx, site, question)
		if err != nil {
			return content.Private{}, err
		}
		if rec.Author.ID != who.ID && !who.May(content.Staff) {
			return content.Private{}, ErrForbidden
		}
		if rec.Kind != content.Question {
			return content.Private{}, &moderation.TransitionError{From: moderation.State(rec.State), Action: "accept an answer to"}
		}
		if err := s.answers(ctx, site, question, answer); err != nil {
			return content.Private{}, err
		}
		if rec.Accepted == answer {
			return s.acceptView(ctx, who, rec)
		}
		from, actor := rec.Rev, who
		if rec.Author.ID == who.ID {
			actor.ID = rec.Author.Handle
		}
		note(rec, "accept", actor, "", s.now())
		rec.Accepted = answer
		err = s.commit(ctx, rec, from)
		if isConflict(err) && attempt < 5 {
			continue
		}
		if err != nil {
			return content.Private{}, err
		}
		return s.acceptView(ctx, who, rec)
	}
}

// acceptView is the question as who marked its answer may see it: staff who did
// not write it see what is public, not an edit that waits.
func (s *Service) acceptView(ctx context.Context, who content.Actor, rec *ledger.Record) (content.Private, error) {
	if rec.Author.ID == who.ID || who.May(content.Moderator) {
		return s.private(ctx, rec, who.May(content.Moderator))
	}
	public := *rec
	public.Current, _ = rec.PublicVersion()
	public.Current.Media = slices.DeleteFunc(slices.Clone(public.Current.Media), func(m content.Media) bool {
		return !rec.Shows(public.Current, m.ID)
	})
	public.State, public.Reasons, public.Note, public.Decided, public.Withheld = content.Approved, nil, "", nil, nil
	public.ApprovedVersion = nil
	return s.view(ctx, &public, forStaff)
}

// answers checks that a content is a public answer to a question.
func (s *Service) answers(ctx context.Context, site, question, answer string) error {
	if answer == "" {
		return nil
	}
	rec, err := s.publicRecord(ctx, site, answer)
	if err != nil && !isGone(err) {
		return err
	}
	if err != nil || rec.Parent != question || rec.Kind != content.Answer {
		var e content.Invalid
		e.Add("answer", "invalid", "must be the id of a published answer to this question")
		return e
	}
	return nil
}
