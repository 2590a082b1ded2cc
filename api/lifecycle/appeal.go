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
		against, action := rec.Decided.By, rec.Decided.Action
		who.ID = rec.Author.Handle // the audit knows authors by pseudonym
		note(rec, "appeal", who, "", at)
		rec.Appeal = &ledger.Appeal{Text: text, At: at, Against: against, Action: action}
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
	restricted := rec.State == content.Rejected || rec.State == content.Removed
	if !restricted || rec.Decided == nil || rec.Appeal != nil && !rec.Appeal.At.Before(rec.Decided.At) || rec.Appeal.Open() {
		return &moderation.TransitionError{From: moderation.State(rec.State), Action: "appeal"}
	}
	if rec.Appeal != nil && rec.Decided.Action == string(actionUphold) {
		return &moderation.TransitionError{From: moderation.State(rec.State), Action: "appeal"}
	}
	if s.now().Sub(rec.Decided.At) > appealTime {
		return ErrTooLate
	}
	return nil
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
	if rec.State == content.Approved || rec.State == content.Pending {
		closed.Outcome = granted
	}
	rec.Appeal = &closed
}
