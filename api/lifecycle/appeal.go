package lifecycle

import (
	"context"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// appealTime is how long a decision can be appealed against: six months (DSA
// article 20(1)).
const appealTime = 183 * 24 * time.Hour

// minAppeal is the least that an appeal must say, in characters.
const minAppeal = 10

// Outcomes of an appeal.
const (
	granted   = "granted"
	dismissed = "dismissed"
)

// Appeal lets an author complain about a decision that keeps their content from
// the public. Somebody else than who took it decides. There is one appeal a
// decision. Errors: ErrSignIn, ErrNotFound, ErrForbidden, ErrTooLate,
// content.Invalid, moderation.ErrTransition.
func (s *Service) Appeal(ctx context.Context, who content.Actor, site, id, text string) (content.Private, error) {
	var e content.Invalid
	e.Text("text", text, minAppeal, content.MaxNote)
	for attempt := 0; ; attempt++ {
		rec, err := s.own(ctx, who, site, id)
		if err != nil {
			return content.Private{}, err
		}
		if err := e.Err(); err != nil {
			return content.Private{}, err
		}
		if err := s.mayAppeal(rec); err != nil {
			return content.Private{}, err
		}
		from, at := rec.Rev, s.now()
		_, against, _ := s.appealable(rec)
		who.ID = rec.Author.Handle // the audit knows authors by pseudonym
		note(rec, "appeal", who, "", at)
		rec.Appeal = &ledger.Appeal{Text: text, At: at, Against: against.by, Action: against.action}
		rec.QueuedAt, rec.Undo = at, nil
		err = s.commit(ctx, rec, from)
		if isConflict(err) && attempt < 5 {
			who.ID = rec.Author.ID
			continue
		}
		if err != nil {
			return content.Private{}, err
		}
		s.tell(rec, "queued", "")
		return s.private(ctx, rec, false)
	}
}

func (s *Service) mayAppeal(rec *ledger.Record) error {
	at, against, ok := s.appealable(rec)
	if !ok || rec.Appeal != nil && !rec.Appeal.At.Before(at) || rec.Appeal.Open() {
		return &moderation.TransitionError{From: moderation.State(rec.State), Action: "appeal"}
	}
	if rec.Appeal != nil && against.action == string(actionUphold) {
		return &moderation.TransitionError{From: moderation.State(rec.State), Action: "appeal"}
	}
	if s.now().Sub(at) > appealTime {
		return ErrTooLate
	}
	return nil
}

// decider is who took a decision, and which.
type decider struct{ by, action string }

// appealable is the last decision that keeps something of a content from the
// public: the text, or one of its photos and videos.
func (s *Service) appealable(rec *ledger.Record) (at time.Time, against decider, ok bool) {
	if d := rec.Decided; d != nil && (rec.State == content.Rejected || rec.State == content.Removed) {
		at, against, ok = d.At, decider{d.By, d.Action}, true
	}
	for _, w := range rec.Withheld {
		// Where the text is kept back too, that is what the appeal is about.
		if restricted := rec.State == content.Rejected || rec.State == content.Removed; !restricted && (!ok || w.At.After(at)) {
			at, against, ok = w.At, decider{w.By, string(actionWithhold)}, true
		}
	}
	return at, against, ok
}

// uphold lets the decision stand that was appealed against.
func uphold(rec *ledger.Record, ch change) {
	note(rec, string(actionUphold), content.Actor{ID: ch.actor, Role: ch.role}, ch.note, ch.at)
	if ch.message != "" {
		rec.Note = ch.message
	}
}

// closeAppeal notes what a decision means for an open appeal: what is public
// again was granted, all else dismissed.
func closeAppeal(rec *ledger.Record, ch change) {
	if !rec.Appeal.Open() {
		return
	}
	closed := *rec.Appeal
	closed.DecidedAt = ch.at
	closed.Outcome = dismissed
	public := rec.State == content.Approved || rec.State == content.Pending
	if public && ch.action != actionUphold {
		closed.Outcome = granted
	}
	rec.Appeal = &closed
}
