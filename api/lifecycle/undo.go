package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// undoTime is how long a decision can be undone.
const undoTime = 15 * time.Minute

// actionUndo and actionUphold are decisions that move no state by themselves:
// taking a decision back, and letting it stand against an appeal.
const (
	actionUndo   moderation.Action = "undo"
	actionUphold moderation.Action = "uphold"
)

// Undo takes back the last decision about a content or one of its photos, as long as nothing has
// happened to it since: what was public before is public again, what waited
// waits again in its old place. Who decided may undo it, and administrators may.
// rev is the revision the decision made. Errors: ErrSignIn, ErrForbidden,
// ErrNotFound, ErrOwn, ErrConflict, ErrTooLate, ErrClaimed, ErrSomebodyElse,
// moderation.ErrTransition.
func (s *Service) Undo(ctx context.Context, who content.Actor, site, id string, rev int64) (content.Private, error) {
	if err := moderates(who); err != nil {
		return content.Private{}, err
	}
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return content.Private{}, err
	}
	now, was := s.now(), rec.Undo
	switch {
	case rec.Rev != rev:
		return content.Private{}, conflictOf(rec)
	case was == nil || was.Rev != rec.Rev:
		return content.Private{}, &moderation.TransitionError{From: moderation.State(rec.State), Action: actionUndo}
	case rec.Author.ID == who.ID:
		return content.Private{}, ErrOwn
	case was.By != who.ID && !who.May(content.Admin):
		return content.Private{}, ErrForbidden
	case now.Sub(was.At) > undoTime:
		return content.Private{}, ErrTooLate
	}
	about := was.Appeal
	if len(was.Media) > 0 && about.State() == rec.Appeal.State() {
		about = nil // the decision left the text alone
	}
	revert(rec, who, now)
	// Who may not decide about what it was before may not take back what
	// somebody else decided about that either.
	if againstMedia(rec, who.ID, was.Media) {
		return content.Private{}, ErrSomebodyElse
	}
	if err := s.mayDecide(ctx, who, rec, about); err != nil {
		return content.Private{}, err
	}
	if err := s.commit(ctx, rec, rev); err != nil {
		return content.Private{}, err
	}
	s.tell(rec, "changed", who.ID)
	return s.private(ctx, rec, true)
}

// UndoAll takes back decisions, each on its own.
func (s *Service) UndoAll(ctx context.Context, who content.Actor, site string, targets []Target) ([]Result, error) {
	if err := moderates(who); err != nil {
		return nil, err
	}
	return each(targets, func(t Target) (content.Private, error) {
		return s.Undo(ctx, who, site, t.ID, t.Rev)
	}), nil
}

// revert puts a record back to how it stood before its last decision, at a new
// revision.
func revert(rec *ledger.Record, who content.Actor, at time.Time) {
	was := rec.Undo
	note(rec, string(actionUndo), who, "", at)
	event := &rec.Events[len(rec.Events)-1]
	event.From, event.To, event.Media = rec.State, was.State, was.Media
	rec.State, rec.Reasons, rec.Note, rec.Reports = was.State, was.Reasons, was.Note, was.Reports
	rec.ApprovedRev, rec.ApprovedVersion = was.ApprovedRev, was.ApprovedVersion
	rec.PublishedAt, rec.QueuedAt, rec.Decided = was.PublishedAt, was.QueuedAt, was.Decided
	rec.Escalation, rec.Appeal, rec.Withheld = was.Escalation, was.Appeal, was.Withheld
	rec.Shown = moderation.Shows(moderation.State(rec.State), rec.ApprovedRev > 0)
	rec.Undo = nil
}

// note adds an event that leaves the state as it is, and counts as a change.
func note(rec *ledger.Record, action string, who content.Actor, words string, at time.Time) {
	forgetSettled(rec)
	rec.Rev++
	rec.UpdatedAt, rec.Owes = at, true
	rec.Events = append(rec.Events, ledger.Event{
		ID: fmt.Sprintf("%s/%d", rec.ID, rec.Rev), Site: rec.Site, Content: rec.ID, Kind: rec.Kind, Rev: rec.Rev,
		Action: action, From: rec.State, To: rec.State, Actor: who.ID, Role: who.Role, Note: words,
		Version: rec.Current.Rev, TextHash: textHash(rec.Salt, rec.Current), Language: rec.Current.Language,
		Rating: rec.Current.Rating, At: at,
	})
}

// tellDecided says that nothing of a content waits any longer, or that something
// still does.
func (s *Service) tellDecided(rec *ledger.Record, by string) {
	kind := "decided"
	if rec.Waits() {
		kind = "changed"
	}
	s.tell(rec, kind, by)
}

// tell passes news of a content on to those who watch.
func (s *Service) tell(rec *ledger.Record, kind, by string) {
	if s.Tell == nil {
		return
	}
	s.Tell(content.Happening{
		Site: rec.Site, Type: kind, ID: rec.ID, Rev: rec.Rev, State: rec.State, By: by, At: s.now(),
	})
}
