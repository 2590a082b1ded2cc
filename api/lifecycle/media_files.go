package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
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
//   - who deletes one holds the file's lease, takes their own note away, and
//     only then looks whether others need it.

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
	ref := &ledger.BlobRef{Blob: name, Medium: k.medium, Site: k.site, At: k.s.now(), Rev: 1}
	if err := k.s.Ledger.Blobs.Insert(ctx, ref); err != nil && !errors.Is(err, ledger.ErrExists) {
		return fmt.Errorf("note the need of a file: %w", err)
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
	return k.s.Media.Store.Put(ctx, name, r, size)
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

// dropped counts the files that a medium no longer needs.
type dropped struct{ gone, shared int }

// releaseFiles gives up all files of a medium. It may be repeated.
func (s *Service) releaseFiles(ctx context.Context, medium string) (dropped, error) {
	var d dropped
	refs, err := s.Ledger.Blobs.All(ctx, ledger.Prefix(ledger.ByMedium, medium))
	if err != nil {
		return d, fmt.Errorf("release files: %w", err)
	}
	for _, ref := range refs {
		gone, err := s.drop(ctx, ref.Blob, medium)
		if err != nil {
			return d, fmt.Errorf("release files: %w", err)
		}
		if gone {
			d.gone++
		} else {
			d.shared++
		}
	}
	return d, nil
}

// drop takes the note away that a medium needs a file, and deletes the file if
// nobody else does. It says whether the file is gone, having looked.
func (s *Service) drop(ctx context.Context, name, medium string) (gone bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTime)
	defer cancel()
	holder := s.NewID()
	err = s.patiently(ctx, func() (bool, error) { return s.lease(ctx, fileLease(name), holder, deleteLease) })
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.Ledger.Leases.Delete(ctx, fileLease(name))) }()
	if medium != "" {
		if err := s.Ledger.Blobs.Delete(ctx, ledger.Key(name, medium)); err != nil {
			return false, err
		}
	}
	needed, err := s.needed(ctx, name)
	if err != nil || needed {
		return false, err
	}
	if err := s.Media.Store.Delete(ctx, name); err != nil {
		return false, fmt.Errorf("delete file: %w", err)
	}
	file, _, err := s.Media.Store.Open(ctx, name)
	if errors.Is(err, blob.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look after a deleted file: %w", err)
	}
	return false, errors.Join(fmt.Errorf("delete file: %s is still there", name), file.Close())
}

// needed reports whether any medium needs a file.
func (s *Service) needed(ctx context.Context, name string) (bool, error) {
	r := ledger.Prefix("", name)
	r.Limit = 1
	refs, err := s.Ledger.Blobs.All(ctx, r)
	return len(refs) > 0, err
}
