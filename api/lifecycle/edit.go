package lifecycle

import (
	"context"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// Edit changes some of what an author wrote; nil fields stay.
type Edit struct {
	Rating       *int
	Ratings      map[string]int
	Title        *string
	Body         *string
	Language     *string
	Media        *[]content.Media
	Attributes   map[string]string
	Incentivized *bool
}

func (e Edit) on(v content.Version) content.Version {
	set(&v.Rating, e.Rating)
	set(&v.Title, e.Title)
	set(&v.Body, e.Body)
	set(&v.Language, e.Language)
	set(&v.Media, e.Media)
	set(&v.Incentivized, e.Incentivized)
	if e.Ratings != nil {
		v.Ratings = e.Ratings
	}
	if e.Attributes != nil {
		v.Attributes = e.Attributes
	}
	return v
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// own loads a content that who wrote: ErrNotFound for what they may not know
// of, ErrForbidden for what is public but not theirs.
func (s *Service) own(ctx context.Context, who content.Actor, site, id string) (*ledger.Record, error) {
	if !who.May(content.Shopper) {
		return nil, ErrSignIn
	}
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return nil, err
	}
	if rec.Author.ID == who.ID {
		return rec, nil
	}
	if who.May(content.Moderator) {
		return nil, ErrForbidden
	}
	if err := s.visible(ctx, rec); err != nil {
		return nil, err
	}
	return nil, ErrForbidden
}

// Edit lets an author change a content from revision rev. What was approved
// stays public until the change is approved. An edit that changes nothing is no
// change. Errors: ErrSignIn, ErrNotFound, ErrForbidden, ErrConflict,
// content.Invalid, moderation.ErrTransition, ErrTooManyEdits.
func (s *Service) Edit(ctx context.Context, who content.Actor, site, id string, rev int64, e Edit) (content.Private, error) {
	rec, err := s.own(ctx, who, site, id)
	if err != nil {
		return content.Private{}, err
	}
	if rec.Rev != rev {
		return content.Private{}, conflictOf(rec)
	}
	text := e.on(rec.Current)
	if text.Same(rec.Current) {
		return s.private(ctx, rec, false)
	}
	if err := text.Validate(rec.Kind, false); err != nil {
		return content.Private{}, err
	}
	if e.Body != nil && e.Language == nil {
		text.Language = "" // detected anew
	}
	next := *rec
	next.Current = text
	unclaim, err := s.claim(ctx, who, &next, text.Media)
	if err != nil {
		return content.Private{}, err
	}
	p, err := s.edit(ctx, who, rec, next)
	if definite(err) {
		unclaim()
	}
	return p, err
}

// edit has a changed content judged and writes it in the place of rec.
func (s *Service) edit(ctx context.Context, who content.Actor, rec *ledger.Record, next ledger.Record) (content.Private, error) {
	screening, err := s.screen(ctx, &next)
	if err != nil {
		return content.Private{}, err
	}
	text := next.Current
	next.Current, next.Screening = rec.Current, &screening
	ch := change{
		action: moderation.ActionEdit, actor: rec.Author.Handle, role: who.Role,
		at: s.now(), text: &text,
	}
	if err := apply(&next, ch); err != nil {
		return content.Private{}, err
	}
	if err := s.decideAutomatically(&next, ch.at); err != nil {
		return content.Private{}, err
	}
	if err := s.commit(ctx, &next, rec.Rev); err != nil {
		return content.Private{}, err
	}
	return s.private(ctx, &next, false)
}

// Withdraw takes an author's content off, for good. rev 0 withdraws whatever
// revision it is at. Withdrawing twice is no error.
func (s *Service) Withdraw(ctx context.Context, who content.Actor, site, id string, rev int64) error {
	for attempt := 0; ; attempt++ {
		rec, err := s.own(ctx, who, site, id)
		if err != nil {
			return err
		}
		if rev != 0 && rec.Rev != rev {
			return conflictOf(rec)
		}
		if rec.State == content.Withdrawn {
			return nil
		}
		from := rec.Rev
		ch := change{action: moderation.ActionWithdraw, actor: rec.Author.Handle, role: who.Role, at: s.now()}
		if err := apply(rec, ch); err != nil {
			return err
		}
		err = s.commit(ctx, rec, from)
		if rev == 0 && isConflict(err) && attempt < 10 {
			continue
		}
		return err
	}
}

// now is the clock at the precision the ledger keeps.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }
