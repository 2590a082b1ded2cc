package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/media/blob"
)

// Stored files are shared: equal ones are stored once, whoever uploaded them. A
// file is needed while a blobs document says so. Two rules keep one from being
// deleted while another upload begins to need it, on whatever node:
//
//   - who stores a file notes the need first, and then waits while it is being
//     deleted;
//   - who deletes one holds the file's lease, and only then looks whether others
//     need it.
//
// Their own note is taken away after the file, so that a deletion that fails can
// be repeated. A medium may be given up while somebody still stores a file of
// it: so who deletes looks again after the note is gone, and who stores looks for
// the note after the file is there.

const (
	// deleteLease is how long the lease on a file lasts that is being deleted;
	// deleteTime bounds the deletion, to end well before.
	deleteLease = time.Minute
	deleteTime  = 30 * time.Second
	// deleteWait bounds the wait for somebody else's deletion.
	deleteWait  = 10 * time.Second
	deletePause = 20 * time.Millisecond
)

// keeper stores the files of one medium, after it has noted that it needs them.
type keeper struct {
	s            *Service
	site, medium string
}

// Put implements media.Putter.
func (k keeper) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	if err := k.note(ctx, name); err != nil {
		return err
	}
	err := k.s.patiently(ctx, func() (bool, error) {
		l, err := k.s.Ledger.Leases.Get(ctx, fileLease(name))
		if errors.Is(err, ledger.ErrNotFound) {
			return true, nil
		}
		return err == nil && !k.s.Now().Before(l.Until), err
	})
	if err != nil {
		return fmt.Errorf("store a file: %w", err)
	}
	if err := k.s.Media.Store.Put(ctx, name, r, size); err != nil {
		return err
	}
	// What is stored is noted even while the service stops.
	ctx, cancel := unhurried(ctx)
	defer cancel()
	return k.note(ctx, name)
}

// note notes the need of a file, unless it is noted.
func (k keeper) note(ctx context.Context, name string) error {
	_, err := k.s.Ledger.Blobs.Get(ctx, ledger.Key(name, k.medium))
	if errors.Is(err, ledger.ErrNotFound) {
		err = k.s.Ledger.Blobs.Insert(ctx, &ledger.BlobRef{Blob: name, Medium: k.medium, Site: k.site, At: k.s.now(), Rev: 1})
	}
	if err != nil && !errors.Is(err, ledger.ErrExists) {
		return fmt.Errorf("note the need of a file: %w", err)
	}
	return nil
}

func fileLease(name string) string { return "file/" + name }

// patiently repeats a try until it succeeds, for a while: ErrBusy.
func (s *Service) patiently(ctx context.Context, try func() (bool, error)) error {
	for waited := time.Duration(0); ; waited += deletePause {
		done, err := try()
		if done || err != nil {
			return err
		}
		if waited >= deleteWait {
			return ErrBusy
		}
		timer := time.NewTimer(deletePause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// released tells of files that a medium no longer needs whether they are gone;
// else somebody else needs them.
type released map[string]bool

// releaseFiles gives up all files of a medium. It may be repeated.
func (s *Service) releaseFiles(ctx context.Context, medium string) (released, error) {
	files := released{}
	refs, err := s.Ledger.Blobs.All(ctx, ledger.Prefix(ledger.ByMedium, medium))
	if err != nil {
		return files, fmt.Errorf("release files: %w", err)
	}
	for _, ref := range refs {
		gone, err := s.drop(ctx, ref.Blob, medium)
		if err != nil {
			return files, fmt.Errorf("release files: %w", err)
		}
		files[ref.Blob] = gone
	}
	return files, nil
}

// drop takes the note away that a medium needs a file, and deletes the file if
// nobody else does. It says whether the file is gone, having looked. After an
// error it may be repeated.
func (s *Service) drop(ctx context.Context, name, medium string) (gone bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTime)
	defer cancel()
	holder := s.NewID()
	err = s.patiently(ctx, func() (bool, error) { return s.lease(ctx, fileLease(name), holder, deleteLease) })
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.Ledger.Leases.Delete(ctx, fileLease(name))) }()
	alone, err := s.unneeded(ctx, name, medium)
	if err != nil {
		return false, err
	}
	if alone {
		if err := s.Media.Store.Delete(ctx, name); err != nil {
			return false, fmt.Errorf("delete file: %w", err)
		}
	}
	if medium != "" {
		if err := s.Ledger.Blobs.Delete(ctx, ledger.Key(name, medium)); err != nil {
			return false, err
		}
	}
	if !alone {
		return false, nil
	}
	return true, s.stayGone(ctx, name)
}

// stayGone looks whether a deleted file is gone, and deletes it again if somebody
// has just stored it.
func (s *Service) stayGone(ctx context.Context, name string) error {
	there := func() (bool, error) {
		file, _, err := s.Media.Store.Open(ctx, name)
		if errors.Is(err, blob.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look after a deleted file: %w", err)
		}
		return true, file.Close()
	}
	if is, err := there(); err != nil || !is {
		return err
	}
	if err := s.Media.Store.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete file: %w", err)
	}
	if is, err := there(); err != nil || !is {
		return err
	}
	return fmt.Errorf("delete file: %s is still there", name)
}

// unneeded reports whether no medium needs a file, beside one that may.
func (s *Service) unneeded(ctx context.Context, name, beside string) (bool, error) {
	r := ledger.Prefix("", name)
	r.Limit = 2
	refs, err := s.Ledger.Blobs.All(ctx, r)
	if err != nil {
		return false, fmt.Errorf("look who needs a file: %w", err)
	}
	return !slices.ContainsFunc(refs, func(ref *ledger.BlobRef) bool { return ref.Medium != beside }), nil
}
