package upload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/content"
)

// finish hands a complete upload to the Desk, whose lock the caller holds, and
// removes its files. It goes on when the client has left. After an error that is
// not final the files stay, and finish may be called again.
func (h *Handler) finish(ctx context.Context, u upload) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.Finish)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	// A crash may have come between the last byte and its flush.
	if err := syncFile(u.path); err != nil {
		return fmt.Errorf("finish upload: %w", err)
	}
	err := h.Desk.FinishUpload(ctx, u.site, u.id, u.path)
	if err != nil {
		err = fmt.Errorf("finish upload: %w", err)
		if ctx.Err() != nil || !h.Final(err) {
			return err
		}
		err = refused{err}
	}
	if gone := h.store.remove(u.key); gone != nil {
		// Finished or refused it is nevertheless; the sweeper tries again.
		h.Log.Warn("upload left to the sweeper", "site", u.site, "upload", u.id, "err", gone)
	}
	return err
}

// refused marks the error of a file that is refused for good.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

func isRefused(err error) bool {
	var r refused
	return errors.As(err, &r)
}

func (h *Handler) expired(created time.Time) bool { return !h.Now().Before(created.Add(h.Life)) }

// Recover finishes the uploads that are complete and yet unfinished, because the
// service ended before or the Desk failed, and removes those whose time is over.
// It is called at the start and may be called at any time; what does not succeed
// is logged and stays. An error says that the folder cannot be read, or that ctx
// ended.
func (h *Handler) Recover(ctx context.Context) error {
	return h.each(ctx, "recover uploads", func(k key) (done string, err error) {
		u, err := h.store.load(ctx, k)
		if err == nil && u.complete() {
			err = h.finish(ctx, u)
			switch {
			case err == nil:
				return "finished", nil
			case isRefused(err):
				return "refused", err
			}
		}
		if h.expired(h.store.born(ctx, k)) {
			return "expired", errors.Join(err, h.store.remove(k))
		}
		return "", err
	})
}

// Forget removes what has arrived of an upload of this process, and ends the
// request that is receiving; the Desk refuses the upload by then. One that is
// not there is no error.
func (h *Handler) Forget(ctx context.Context, site, id string) error {
	if !content.ValidSite(site) || !validID(id) {
		return nil
	}
	k := key{site, id}
	free, err := h.locks.take(ctx, k, claim{wait: h.Wait, push: true}, unstoppable)
	if err != nil {
		return fmt.Errorf("forget upload: %w", err)
	}
	defer free()
	return h.store.remove(k)
}

// Sweep removes the files of uploads that began before a time, except those that
// are being worked on. Errors: as of Recover.
func (h *Handler) Sweep(ctx context.Context, before time.Time) error {
	return h.each(ctx, "sweep uploads", func(k key) (done string, err error) {
		if !h.store.born(ctx, k).Before(before) {
			return "", nil
		}
		return "swept", h.store.remove(k)
	})
}

// each does something with every upload on which nobody else works, and logs
// what was done.
func (h *Handler) each(ctx context.Context, what string, do func(key) (done string, err error)) error {
	all, err := h.store.list()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, k := range all {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		free, busy, err := h.locks.try(k, false, unstoppable)
		if busy != nil {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		done, err := do(k)
		free()
		switch {
		case err != nil:
			h.Log.Warn(what, "site", k.site, "upload", k.id, "done", done, "err", err)
		case done != "":
			h.Log.Info(what, "site", k.site, "upload", k.id, "done", done)
		}
	}
	return nil
}
