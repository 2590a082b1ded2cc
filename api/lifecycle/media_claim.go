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
	var taken []string
	undo = func() { s.unclaim(ctx, rec.ID, taken) }
	for i, m := range list {
		field := fmt.Sprintf("media[%d].id", i)
		fresh, err := s.claimOne(ctx, who, rec, m.ID)
		if wrong := (*unclaimable)(nil); errors.As(err, &wrong) {
			e.Add(field, wrong.code, "%s", wrong.text)
			continue
		}
		if err != nil {
			undo()
			return func() {}, err
		}
		if fresh {
			taken = append(taken, m.ID)
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

// claimOne takes one medium, and says whether it was not the content's before.
func (s *Service) claimOne(ctx context.Context, who content.Actor, rec *ledger.Record, id string) (fresh bool, err error) {
	if !content.ValidID(id) {
		return false, errUnknownMedium
	}
	now := s.now()
	_, err = s.Ledger.Media.Modify(ctx, id, func(m *ledger.Medium, found bool) error {
		fresh = false
		switch {
		case !found, m.Site != rec.Site, m.Author != who.ID:
			return errUnknownMedium
		case m.State == content.Failed:
			return errFailedMedium
		case m.State == content.Uploading:
			return errPartialMedium
		case m.Content == rec.ID:
			return errClaimedAlready
		case m.Content != "":
			if err := s.abandoned(ctx, m); err != nil {
				return err
			}
		}
		fresh = true
		m.Content, m.TakenAt, m.UpdatedAt, m.Rev = rec.ID, now, now, m.Rev+1
		// Unless the content is there by then, it goes.
		m.Expires = now.Add(stagedLife)
		return nil
	})
	if errors.Is(err, errClaimedAlready) {
		return false, nil
	}
	return fresh, err
}

var errClaimedAlready = errors.New("claimed already")

// abandoned is nil for a medium whose content was never written, because of a
// crash.
func (s *Service) abandoned(ctx context.Context, m *ledger.Medium) error {
	_, err := s.load(ctx, m.Site, m.Content)
	switch {
	case isGone(err) && s.Now().Sub(m.TakenAt) > inFlight:
		return nil
	case isGone(err):
		return ErrInFlight
	case err == nil:
		return errTakenMedium
	}
	return err
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

// unclaim gives media back to those who uploaded them. What fails is left to the
// sweeper.
func (s *Service) unclaim(ctx context.Context, id string, media []string) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	for _, medium := range media {
		_, err := s.Ledger.Media.Modify(ctx, medium, func(m *ledger.Medium, found bool) error {
			if !found || m.Content != id {
				return ErrNotFound
			}
			m.Content, m.UpdatedAt, m.Rev = "", s.now(), m.Rev+1
			return nil
		})
		if err != nil && !isGone(err) {
			s.Log.Warn("medium not given back", "medium", medium, "err", err)
		}
	}
}
