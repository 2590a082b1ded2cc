package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// claim takes the media that a version names for a content, before the content
// is written: whatever happens in between, no content names a medium that may
// be swept. It gives back what it took when one cannot be had. Errors:
// content.Invalid, ErrInFlight.
func (s *Service) claim(ctx context.Context, who content.Actor, rec *ledger.Record, list []content.Media) (undo func(), err error) {
	undo = func() {}
	if len(list) == 0 {
		return undo, nil
	}
	var e content.Invalid
	if s.Media == nil {
		e.Add("media", "not_allowed", "photos and videos are not taken here")
		return undo, e
	}
	if len(list) > s.Media.Items {
		e.Add("media", "too_many", "must have at most %d items", s.Media.Items)
		return undo, e
	}
	var taken []claimed
	isNew := rec.Rev == 0
	undo = func() { s.unclaim(ctx, rec.ID, isNew, taken) }
	for i, m := range list {
		field := fmt.Sprintf("media[%d].id", i)
		rev, err := s.claimOne(ctx, who, rec, m.ID)
		if wrong := (*unclaimable)(nil); errors.As(err, &wrong) {
			e.Add(field, wrong.code, "%s", wrong.text)
			continue
		}
		if err != nil {
			undo()
			return func() {}, err
		}
		if rev > 0 {
			taken = append(taken, claimed{m.ID, rev})
		}
	}
	if err := e.Err(); err != nil {
		undo()
		return func() {}, err
	}
	rec.Pictured = true
	return undo, nil
}

// unclaimable says why a content cannot have a medium.
type unclaimable struct{ code, text string }

func (e *unclaimable) Error() string { return e.text }

var (
	errUnknownMedium = &unclaimable{"unknown", "must be the id of a photo or video that you uploaded"}
	errTakenMedium   = &unclaimable{"taken", "belongs to another content already; upload it again"}
	errFailedMedium  = &unclaimable{"failed", "could not be processed; leave it out or upload another one"}
	errPartialMedium = &unclaimable{"uploading", "has not arrived whole; finish the upload first"}
)

// claimed is a medium that was just taken, at its revision since.
type claimed struct {
	id  string
	rev int64
}

// claimOne takes one medium, and gives its revision if it was not the content's
// before.
func (s *Service) claimOne(ctx context.Context, who content.Actor, rec *ledger.Record, id string) (rev int64, err error) {
	if !content.ValidID(id) {
		return 0, errUnknownMedium
	}
	now := s.now()
	_, err = s.Ledger.Media.Modify(ctx, id, func(m *ledger.Medium, found bool) error {
		rev = 0
		switch {
		case !found, m.Site != rec.Site, m.Author != who.ID:
			return errUnknownMedium
		case m.Content == rec.ID && m.Expires.IsZero():
			return errClaimedAlready // a version that is there names it
		case m.Content == rec.ID:
			// Another edit took it and may fail: that one must not give it back, nor
			// may others have it, while this one is at work.
		case m.State == content.Failed:
			return errFailedMedium
		case m.State == content.Uploading:
			return errPartialMedium
		default:
			if err := s.abandoned(ctx, m); err != nil {
				return err
			}
			rev = m.Rev + 1
		}
		m.Content, m.TakenAt, m.UpdatedAt, m.Rev = rec.ID, now, now, m.Rev+1
		// Unless the content names it by then, it goes.
		m.Expires = now.Add(stagedLife)
		return nil
	})
	if errors.Is(err, errClaimedAlready) {
		return 0, nil
	}
	return rev, err
}

var errClaimedAlready = errors.New("claimed already")

// abandoned is nil for a medium that no content has: also for one that was taken
// for a version that was never written, because of a crash.
func (s *Service) abandoned(ctx context.Context, m *ledger.Medium) error {
	if m.Content == "" {
		return nil
	}
	rec, err := s.load(ctx, m.Site, m.Content)
	if err == nil {
		named := m.Expires.IsZero()
		if !named {
			named, err = s.everNamed(ctx, rec, m.ID)
		}
		if named {
			return errTakenMedium
		}
	}
	switch {
	case err != nil && !isGone(err):
		return err
	case s.Now().Sub(m.TakenAt) <= inFlight:
		return ErrInFlight
	}
	return nil
}

// everNamed reports whether any version of a content names a medium.
func (s *Service) everNamed(ctx context.Context, rec *ledger.Record, medium string) (bool, error) {
	if rec.Names(medium) {
		return true, nil
	}
	for _, e := range rec.Events {
		if e.Previous != nil && e.Previous.Names(medium) {
			return true, nil
		}
	}
	for old, err := range s.Ledger.Revisions.Scan(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID)) {
		if err != nil {
			return false, fmt.Errorf("read revisions: %w", err)
		}
		if old.Version.Names(medium) {
			return true, nil
		}
	}
	return false, nil
}

// definite reports whether an error means that nothing was written: of any other
// a change may have happened all the same, and its media stay with it.
func definite(err error) bool {
	for _, known := range []error{ErrDuplicate, ErrInFlight, ErrReplayMismatch, ErrConflict, ErrNotFound, ErrTooManyEdits, moderation.ErrTransition} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// unclaim gives media back to those who uploaded them. Nobody but its own request
// knows of a new content. Another edit of one that is there may count on what
// this one took, and has then touched it since. What stays is free again after a
// while, as after a crash.
func (s *Service) unclaim(ctx context.Context, id string, isNew bool, taken []claimed) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	for _, c := range taken {
		mine := func(m *ledger.Medium) bool { return m.Content == id && (isNew || m.Rev == c.rev) }
		err := s.changeWhile(ctx, c.id, mine, func(m *ledger.Medium) { m.Content = "" })
		if err != nil && !isGone(err) {
			s.Log.Warn("medium not given back", "medium", c.id, "err", err)
		}
	}
}
