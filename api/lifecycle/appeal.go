package lifecycle

import (
	"context"
	"slices"
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
// the public: the text, or photos and videos of it. Somebody else than who took it
// decides. There is one appeal a decision. Errors: ErrSignIn, ErrNotFound, ErrForbidden, ErrTooLate,
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
		c, _ := s.complaint(rec)
		who.ID = rec.Author.Handle // the audit knows authors by pseudonym
		note(rec, "appeal", who, "", at)
		rec.Events[len(rec.Events)-1].Media = c.media
		rec.Appeal = &ledger.Appeal{Text: text, At: at, Against: c.by, Action: c.action, Media: c.media}
		markAppealed(rec, c.media, true)
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

// markAppealed notes of withheld media whether they were appealed about.
func markAppealed(rec *ledger.Record, media []string, appealed bool) {
	rec.Withheld = slices.Clone(rec.Withheld)
	for i, w := range rec.Withheld {
		if slices.Contains(media, w.Medium) {
			rec.Withheld[i].Appealed = appealed
		}
	}
}

// dropAppeal takes an open appeal away that its author made moot. They may appeal
// again about what is withheld still.
func dropAppeal(rec *ledger.Record) {
	if rec.Appeal.Open() {
		markAppealed(rec, rec.Appeal.Media, false)
		rec.Appeal = nil
	}
}

func (s *Service) mayAppeal(rec *ledger.Record) error {
	c, ok := s.complaint(rec)
	switch {
	case !ok, rec.Appeal.Open():
		return &moderation.TransitionError{From: moderation.State(rec.State), Action: "appeal"}
	case s.now().Sub(c.at) > appealTime:
		return ErrTooLate
	}
	return nil
}

// complaint is what an author may appeal against: the last decision about their
// text where that is kept back, else those about photos and videos.
type complaint struct {
	at         time.Time
	by, action string
	// media are those that were withheld, all that no appeal was about before.
	media []string
}

func (s *Service) complaint(rec *ledger.Record) (c complaint, ok bool) {
	if rec.State == content.Rejected || rec.State == content.Removed {
		d, before := rec.Decided, rec.Appeal
		heard := before != nil && len(before.Media) == 0 && d != nil && (!before.At.Before(d.At) || d.Action == string(actionUphold))
		if d == nil || heard {
			return complaint{}, false
		}
		return complaint{at: d.At, by: d.By, action: d.Action}, true
	}
	for _, w := range rec.Withheld {
		if w.Appealed {
			continue
		}
		c.media = append(c.media, w.Medium)
		if w.At.After(c.at) {
			c.at, c.by, c.action = w.At, w.By, string(actionWithhold)
		}
	}
	return c, len(c.media) > 0
}

// appealedAgainst reports whether an open appeal is against what somebody
// decided, who must not decide again.
func appealedAgainst(rec *ledger.Record, moderator string) bool {
	if !rec.Appeal.Open() {
		return false
	}
	return rec.Appeal.Against == moderator || slices.ContainsFunc(rec.Withheld, func(w content.Withheld) bool {
		return w.By == moderator && slices.Contains(rec.Appeal.Media, w.Medium)
	})
}

// uphold lets the decision stand that was appealed against.
func uphold(rec *ledger.Record, ch change) {
	note(rec, string(actionUphold), content.Actor{ID: ch.actor, Role: ch.role}, ch.note, ch.at)
	rec.Events[len(rec.Events)-1].Media = rec.Appeal.Media
	if ch.message != "" {
		rec.Note = ch.message
	}
}

// closeAppeal notes what a decision means for an open appeal: what is public
// again was granted, all else dismissed. One about photos is not answered by a
// decision that lets the text be public.
func closeAppeal(rec *ledger.Record, ch change) {
	if !rec.Appeal.Open() {
		return
	}
	closed := *rec.Appeal
	closed.DecidedAt = ch.at
	closed.Outcome = dismissed
	public := rec.State == content.Approved || rec.State == content.Pending
	if public && ch.action != actionUphold {
		if len(closed.Media) > 0 {
			return
		}
		closed.Outcome = granted
	}
	rec.Appeal = &closed
}
