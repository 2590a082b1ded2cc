package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

const (
	// orphanGrace is how old a stored file must be before it counts as left over:
	// longer than any upload or processing lasts.
	orphanGrace = 24 * time.Hour
	// orphanEvery is how often left-over files are looked for.
	orphanEvery  = 24 * time.Hour
	orphansLease = "orphans"
	// expiredBatch is how many expired uploads are looked at in one sweep.
	expiredBatch = 200
)

// sweepMedia gives up uploads that no content took, and, once a day, files that
// nothing refers to.
func (s *Service) sweepMedia(ctx context.Context) error {
	if s.Media == nil {
		return nil
	}
	r := ledger.Range{Index: ledger.ByTime, To: ledger.Millis(s.Now()), Limit: expiredBatch}
	expired, err := s.Ledger.Media.All(ctx, r)
	if err != nil {
		return fmt.Errorf("find expired uploads: %w", err)
	}
	var stuck error
	for _, m := range expired {
		// One that cannot be removed keeps nothing else from being.
		if err := s.expire(ctx, m); err != nil {
			stuck = errors.Join(stuck, fmt.Errorf("expire upload: %w", err))
		}
	}
	_, err = s.Ledger.Leases.Get(ctx, orphansLease)
	first := errors.Is(err, ledger.ErrNotFound)
	mine, err := s.lease(ctx, orphansLease, s.NewID(), orphanEvery)
	// A ledger in which they were never looked for may be one that is still to be
	// restored beside its files.
	if err != nil || !mine || first {
		return errors.Join(stuck, err)
	}
	n, err := s.collectOrphans(ctx, s.Now().Add(-orphanGrace), func(string) {})
	if n > 0 {
		s.Log.Info("left-over files deleted", "files", n)
	}
	return errors.Join(stuck, err)
}

// expire removes an upload whose time is over, unless a content names it. A failed
// one stays too for as long as that content stands, as its author is told why.
func (s *Service) expire(ctx context.Context, m *ledger.Medium) error {
	if m.Content != "" {
		rec, err := s.load(ctx, m.Site, m.Content)
		named := false
		if err == nil {
			named, err = s.everNamed(ctx, rec, m.ID)
		}
		if err != nil && !isGone(err) {
			return err
		}
		if named {
			return s.changeMedium(ctx, m.ID, func(m *ledger.Medium) { m.Expires = time.Time{} })
		}
	}
	from := m.Content
	err := s.discard(ctx, m.ID, "expired", func(now *ledger.Medium) bool {
		return now.Content == from && !now.Expires.IsZero() && !s.Now().Before(now.Expires)
	})
	if err != nil {
		return err
	}
	now, err := s.Ledger.Media.Get(ctx, m.ID)
	if err != nil || now.State != content.Failed {
		return ignoreMissing(err)
	}
	return s.Ledger.Media.Delete(ctx, m.ID)
}

func ignoreMissing(err error) error {
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	return err
}

// collectOrphans deletes the stored files that no medium needs, of those older
// than a time, after the notes of needs that are none any more. told is told each
// note and file.
func (s *Service) collectOrphans(ctx context.Context, before time.Time, told func(what string)) (n int, err error) {
	for ref, err := range s.staleNotes(ctx, before) {
		if err != nil {
			return n, err
		}
		told(staleNote(ref))
		gone, err := s.drop(ctx, ref.Blob, ref.Medium)
		if err != nil {
			return n, err
		}
		if gone {
			n++
		}
	}
	for name, err := range s.orphanFiles(ctx, before) {
		if err != nil {
			return n, err
		}
		told(orphanFile(name))
		gone, err := s.drop(ctx, name, "")
		if err != nil {
			return n, err
		}
		if gone {
			n++
		}
	}
	return n, nil
}

func staleNote(ref *ledger.BlobRef) string {
	return fmt.Sprintf("%s: is noted as needed for %s, which does not name it", ref.Blob, ref.Medium)
}

func orphanFile(name string) string { return name + ": nothing refers to this file" }

// staleNotes are the notes older than a time of media that are gone, or that do
// not name the file and will not: a crash came between file and record.
func (s *Service) staleNotes(ctx context.Context, before time.Time) iter.Seq2[*ledger.BlobRef, error] {
	return func(yield func(*ledger.BlobRef, error) bool) {
		for ref, err := range s.Ledger.Blobs.Scan(ctx, ledger.Range{}) {
			stale := false
			if err == nil && !ref.At.After(before) {
				var m *ledger.Medium
				m, err = s.Ledger.Media.Get(ctx, ref.Medium)
				stale = err != nil || !mayNeed(m, ref.Blob)
				err = ignoreMissing(err)
			}
			if err != nil {
				yield(nil, fmt.Errorf("find left-over files: %w", err))
				return
			}
			if stale && !yield(ref, nil) {
				return
			}
		}
	}
}

// mayNeed reports whether a medium names a file, or may come to.
func mayNeed(m *ledger.Medium, name string) bool {
	return !m.State.Settled() || m.Work != "" || m.Source == name ||
		slices.ContainsFunc(m.Files, func(f ledger.MediumFile) bool { return f.Blob == name })
}

// orphanFiles are the stored files older than a time that no medium needs.
func (s *Service) orphanFiles(ctx context.Context, before time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for info, err := range s.Media.Store.List(ctx, "", "") {
			left := err == nil && !info.Modified.After(before)
			if left {
				left, err = s.unneeded(ctx, info.Name, "")
			}
			if err != nil {
				yield("", fmt.Errorf("find left-over files: %w", err))
				return
			}
			if left && !yield(info.Name, nil) {
				return
			}
		}
	}
}
