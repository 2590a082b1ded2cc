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

const actionAppeal moderation.Action = "appeal"

// Appeal lets an author complain about the decisions that keep their content from
// the public: about the text, and about its photos and videos. Somebody else than
// who took one decides. There is one appeal a decision. Errors: ErrSignIn,
// ErrNotFound, ErrForbidden, ErrTooLate, content.Invalid, moderation.ErrTransition.
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
		c, err := complaintAbout(rec, s.now())
		if err != nil {
			return content.Private{}, err
		}
		from, waited := rec.Rev, rec.Waits()
		author := content.Actor{ID: rec.Author.Handle, Role: who.Role} // the audit knows authors by pseudonym
		appeal(rec, author, c, text, s.now())
		err = s.commit(ctx, rec, from)
		if isConflict(err) && attempt < 5 {
			continue
		}
		if err != nil {
			return content.Private{}, err
		}
		if waited { // else the queue tells
			s.tell(rec, "changed", "")
		}
		return s.private(ctx, rec, false)
	}
}

// appeal notes what its author complains about. What waits already keeps its
// place.
func appeal(rec *ledger.Record, author content.Actor, c complaint, text string, at time.Time) {
	if !rec.Waits() {
		rec.QueuedAt = at
	}
	note(rec, string(actionAppeal), author, "", at)
	rec.Events[len(rec.Events)-1].Media = c.media
	rec.Undo = nil
	if d := rec.Decided; c.text {
		rec.Appeal = &content.Appeal{Text: text, At: at, Rev: rec.Rev, Against: d.By, Role: d.Role, Action: d.Action}
	}
	eachWithheld(rec, func(w *content.Withheld) {
		if slices.Contains(c.media, w.Medium) {
			w.Appeal = &content.Appeal{Text: text, At: at, Rev: rec.Rev, Against: w.By, Role: w.Role, Action: string(actionWithhold)}
		}
	})
}

// eachWithheld changes what is known of withheld media.
func eachWithheld(rec *ledger.Record, change func(*content.Withheld)) {
	rec.Withheld = slices.Clone(rec.Withheld) // others may hold the record too
	for i := range rec.Withheld {
		change(&rec.Withheld[i])
	}
}

// complaint is what an author may appeal about.
type complaint struct {
	text  bool
	media []string
}

// complaintAbout gives the decisions that nobody appealed against before:
// ErrTooLate, moderation.ErrTransition where there are none.
func complaintAbout(rec *ledger.Record, now time.Time) (complaint, error) {
	var c complaint
	late := false
	inTime := func(at time.Time) bool {
		if now.Sub(at) <= appealTime {
			return true
		}
		late = true
		return false
	}
	if d := rec.Decided; d != nil && (rec.State == content.Rejected || rec.State == content.Removed) && !heard(rec) {
		c.text = inTime(d.At)
	}
	if rec.State != content.Withdrawn && rec.State != content.Erased {
		for _, w := range rec.Withheld {
			if w.Appeal == nil && rec.Names(w.Medium) && inTime(w.At) {
				c.media = append(c.media, w.Medium)
			}
		}
	}
	switch {
	case c.text, len(c.media) > 0:
		return c, nil
	case late:
		return c, ErrTooLate
	}
	return c, &moderation.TransitionError{From: moderation.State(rec.State), Action: actionAppeal}
}

// heard reports whether there was an appeal against the last decision about the
// text already.
func heard(rec *ledger.Record) bool {
	return rec.Appeal != nil && (rec.Appeal.Rev > rec.Decided.Rev || rec.Decided.Action == string(actionUphold))
}

// MediaAppeal is an author's complaint about one photo or video.
type MediaAppeal struct {
	Medium string `json:"medium"`
	content.Appeal
}

func mediaAppeals(rec *ledger.Record) []MediaAppeal {
	var out []MediaAppeal
	for _, w := range rec.Withheld {
		if w.Appeal != nil && rec.Names(w.Medium) {
			out = append(out, MediaAppeal{w.Medium, *w.Appeal})
		}
	}
	return out
}

// againstText reports whether an open appeal is against what somebody decided about
// the text.
func againstText(rec *ledger.Record, who string) bool {
	return rec.Appeal.Open() && rec.Appeal.Against == who
}

// againstMedia reports whether an open appeal is against what somebody decided
// about one of some photos or videos.
func againstMedia(rec *ledger.Record, who string, media []string) bool {
	return slices.ContainsFunc(rec.AppealedMedia(), func(w content.Withheld) bool {
		return w.By == who && slices.Contains(media, w.Medium)
	})
}

// onlyOwnCause reports whether all that waits are appeals against what somebody
// decided: nothing is theirs to decide then, to claim or to pass on.
func onlyOwnCause(rec *ledger.Record, who string) bool {
	if rec.State == content.Pending || !rec.Appealed() {
		return false
	}
	others := func(w content.Withheld) bool { return w.By != who }
	return (!rec.Appeal.Open() || againstText(rec, who)) && !slices.ContainsFunc(rec.AppealedMedia(), others)
}

// againstAdministrator reports whether an open appeal may be for nobody to decide
// but an administrator that it is against.
func againstAdministrator(rec *ledger.Record) bool {
	return rec.Appeal.Open() && rec.Appeal.Role == content.Admin ||
		slices.ContainsFunc(rec.AppealedMedia(), func(w content.Withheld) bool { return w.Role == content.Admin })
}

// upheld is what a moderator would let stand: all that appeals are open about and
// that somebody else decided. ErrSomebodyElse, moderation.ErrTransition.
func upheld(rec *ledger.Record, who string) (complaint, error) {
	var c complaint
	c.text = rec.Appeal.Open() && !againstText(rec, who)
	for _, w := range rec.AppealedMedia() {
		if w.By != who {
			c.media = append(c.media, w.Medium)
		}
	}
	switch {
	case c.text, len(c.media) > 0:
		return c, nil
	case rec.Appealed():
		return c, ErrSomebodyElse
	}
	return c, &moderation.TransitionError{From: moderation.State(rec.State), Action: actionUphold}
}

// uphold lets decisions stand that were appealed against. One about a photo leaves
// alone what waits or was said about the text. It gives what stands.
func uphold(rec *ledger.Record, ch change) (complaint, error) {
	c, err := upheld(rec, ch.actor)
	if err != nil {
		return c, err
	}
	note(rec, string(actionUphold), content.Actor{ID: ch.actor, Role: ch.role}, ch.note, ch.at)
	rec.Events[len(rec.Events)-1].Media = c.media
	if c.text {
		rec.Appeal = rec.Appeal.Closed(content.Dismissed, ch.at)
		if ch.message != "" {
			rec.Note = ch.message
		}
	}
	eachWithheld(rec, func(w *content.Withheld) {
		if !slices.Contains(c.media, w.Medium) {
			return
		}
		w.Appeal = w.Appeal.Closed(content.Dismissed, ch.at)
		if ch.message != "" {
			w.Message = ch.message
		}
	})
	return c, nil
}

// closeAppeal notes what a decision about the text means for an open appeal about
// it: what is public again was granted, all else dismissed.
func closeAppeal(rec *ledger.Record, ch change) {
	if !rec.Appeal.Open() {
		return
	}
	outcome := content.Dismissed
	if rec.State == content.Approved || rec.State == content.Pending {
		outcome = content.Granted
	}
	rec.Appeal = rec.Appeal.Closed(outcome, ch.at)
}

// dropAppeals takes open appeals away that the author made moot: an edit the one
// about the text, and taking back the content all.
func dropAppeals(rec *ledger.Record, all bool) {
	if rec.Appeal.Open() {
		rec.Appeal = nil
	}
	if !all {
		return
	}
	eachWithheld(rec, func(w *content.Withheld) {
		if w.Appeal.Open() {
			w.Appeal = nil
		}
	})
}
