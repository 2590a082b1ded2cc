package lifecycle

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// Decisions about one photo or video; they leave the state of the text alone.
const (
	actionWithhold moderation.Action = "withhold_media"
	actionRelease  moderation.Action = "release_media"
)

// Withholding is what a moderator decides about one photo or video.
type Withholding struct {
	// Medium is its id; Withhold keeps it from the public, else it is given back.
	Medium   string
	Withhold bool
	// Reasons are codes of moderation.Reasons, needed to withhold.
	Reasons []string
	// Message is told to the author, Note to other moderators.
	Message, Note string
	// Rev is the revision of the content that was looked at.
	Rev int64
}

func (w Withholding) validate() error {
	d := Decision{Action: moderation.ActionReject, Reasons: w.Reasons, Message: w.Message, Note: w.Note, Rev: w.Rev}
	if w.Withhold {
		return d.Validate()
	}
	d.Action = moderation.ActionApprove
	var e content.Invalid
	if len(w.Reasons) > 0 {
		e.Add("reasons", "invalid", "are for what is withheld")
	}
	if w.Message != "" {
		e.Add("message", "invalid", "is for what is withheld")
	}
	return errors.Join(d.Validate(), e.Err())
}

// Withhold keeps one photo or video of a content from the public, or gives it
// back, whatever the state of the text. Pictures that look like a withheld one
// are held from then on. Errors: ErrSignIn, ErrForbidden, ErrNotFound, ErrOwn,
// ErrConflict, ErrClaimed, ErrSomebodyElse, ErrMediaPending, content.Invalid,
// moderation.ErrTransition where it is so already.
func (s *Service) Withhold(ctx context.Context, who content.Actor, site, id string, w Withholding) (content.Private, error) {
	if err := moderates(who); err != nil {
		return content.Private{}, err
	}
	if err := w.validate(); err != nil {
		return content.Private{}, err
	}
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return content.Private{}, err
	}
	switch {
	case rec.Author.ID == who.ID:
		return content.Private{}, ErrOwn
	case rec.State == content.Erased, !rec.Names(w.Medium):
		return content.Private{}, ErrNotFound
	case rec.Rev != w.Rev:
		return content.Private{}, conflictOf(rec)
	}
	if againstMedia(rec, who.ID, []string{w.Medium}) {
		return content.Private{}, ErrSomebodyElse
	}
	if err := s.mayDecide(ctx, who, rec, nil); err != nil {
		return content.Private{}, err
	}
	// What was approved without it needs no approval any more once it is back.
	if v, ok := rec.LastApproved(); ok && !w.Withhold && v.Names(w.Medium) {
		if err := s.mediumSeen(ctx, site, w.Medium); err != nil {
			return content.Private{}, err
		}
	}
	waited := rec.Waits()
	if err := withhold(rec, who, w, s.now()); err != nil {
		return content.Private{}, err
	}
	if err := s.commit(ctx, rec, w.Rev); err != nil {
		return content.Private{}, err
	}
	if waited {
		s.tellDecided(rec, who.ID)
	} else {
		s.tell(rec, "changed", who.ID)
	}
	return s.private(ctx, rec, true)
}

func withhold(rec *ledger.Record, who content.Actor, w Withholding, at time.Time) error {
	action := actionRelease
	if w.Withhold {
		action = actionWithhold
	}
	if _, withheld := rec.WithheldMedium(w.Medium); withheld == w.Withhold {
		return &moderation.TransitionError{From: moderation.State(rec.State), Action: action}
	}
	before := snapshot(rec, who.ID, at, []string{w.Medium})
	note(rec, string(action), who, w.Note, at)
	event := &rec.Events[len(rec.Events)-1]
	event.Reasons, event.Media = w.Reasons, []string{w.Medium}
	rec.Withheld = slices.DeleteFunc(slices.Clone(rec.Withheld), func(o content.Withheld) bool { return o.Medium == w.Medium })
	if w.Withhold {
		rec.Withheld = append(rec.Withheld, content.Withheld{
			Medium: w.Medium, Reasons: w.Reasons, Message: w.Message, By: who.ID, Role: who.Role, At: at,
		})
	}
	rec.Undo = before
	ended(rec)
	return nil
}

// mediaSeen refuses to publish what nobody can have looked at: media that are
// not processed yet, of the version that is to be public.
func (s *Service) mediaSeen(ctx context.Context, rec *ledger.Record, v content.Version) error {
	for _, named := range v.Media {
		if _, withheld := rec.WithheldMedium(named.ID); withheld {
			continue
		}
		if err := s.mediumSeen(ctx, rec.Site, named.ID); err != nil {
			return err
		}
	}
	return nil
}

// mediumSeen is ErrMediaPending for a medium that nobody can have looked at.
func (s *Service) mediumSeen(ctx context.Context, site, id string) error {
	m, err := s.loadMedium(ctx, site, id)
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !m.State.Settled() {
		return ErrMediaPending
	}
	return nil
}
