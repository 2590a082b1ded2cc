package upload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	tusd "github.com/tus/tusd/v2/pkg/handler"

	"github.com/candor-ugc/candor/api/content"
)

// call is one request on its way to a verb.
type call struct {
	h   *Handler
	w   http.ResponseWriter
	r   *http.Request
	who content.Actor
	key
}

// enter takes a slot for the asker.
func (c *call) enter() (leave func(), err error) {
	return c.h.slots.enter(c.site + "\x1f" + c.who.ID)
}

// create begins an upload, and takes in its first piece if the request brings
// one. An upload of which the client does not learn is given up again.
func (c *call) create() error {
	size, metadata, err := creation(c.r.Header, c.h.MaxBytes)
	if err != nil {
		return err
	}
	piece := c.r.Header.Get("Content-Type") == pieceType
	if piece {
		leave, err := c.enter()
		if err != nil {
			return err
		}
		defer leave()
	}
	if c.id, err = c.h.Desk.BeginUpload(c.r.Context(), c.who, c.site, size); err != nil {
		return err
	}
	if !validID(c.id) {
		return fmt.Errorf("begin upload: %q is no id", c.id)
	}
	b := newBody(c.w, c.r, c.h.Idle)
	free, err := c.h.locks.take(c.r.Context(), c.key, claim{wait: c.h.Wait}, b.stop)
	if err != nil {
		c.giveUp()
		return err
	}
	defer free()
	notes := tusd.MetaData{noteCreated: c.h.Now().UTC().Format(time.RFC3339Nano), noteMetadata: metadata}
	answer, err := c.ask(b, notes, c.h.tusd.PostFile, "Upload-Length", "Content-Type")
	if err == nil {
		answer.header.Set("Location", strings.TrimSuffix(c.r.URL.EscapedPath(), "/")+"/"+c.id)
		err = c.settle(answer)
	}
	if err != nil && !isRefused(err) {
		c.giveUp()
	}
	return err
}

// giveUp takes back what create did; nobody was told the id.
func (c *call) giveUp() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), c.h.Wait)
	defer cancel()
	err := errors.Join(c.h.store.remove(c.key), c.h.Desk.DropUpload(ctx, c.who, c.site, c.id))
	if err != nil {
		c.h.Log.Warn("upload left to the sweeper", "site", c.site, "upload", c.id, "err", err)
	}
}

// head says how much of an upload has arrived. It ends a request that is still
// receiving: who asks has lost that connection.
func (c *call) head() error {
	free, err := c.h.locks.take(c.r.Context(), c.key, claim{wait: c.h.Wait, push: true}, unstoppable)
	if err != nil {
		return err
	}
	defer free()
	u, err := c.load()
	if err != nil {
		return err
	}
	answer, err := c.ask(nil, nil, c.h.tusd.HeadFile)
	if err != nil {
		return err
	}
	// There is nothing to get that would have this length.
	answer.header.Del("Content-Length")
	answer.header.Del("Upload-Metadata")
	if u.metadata != "" {
		answer.header.Set("Upload-Metadata", u.metadata)
	}
	if u.complete() {
		leave, err := c.enter() // to finish is work too
		if err != nil {
			return err
		}
		defer leave()
	}
	return c.settle(answer)
}

// patch takes in a piece, and finishes the upload after the last one.
func (c *call) patch() error {
	if c.r.Header.Get("Content-Type") != pieceType {
		return ErrContentType
	}
	if _, err := number(c.r.Header, "Upload-Offset"); err != nil {
		return err
	}
	leave, err := c.enter()
	if err != nil {
		return err
	}
	defer leave()
	b := newBody(c.w, c.r, c.h.Idle)
	// Nobody is told to make way: of two at once the first goes on. What else
	// holds the lock may be done in a moment.
	free, err := c.h.locks.take(c.r.Context(), c.key, claim{wait: c.h.Wait / 10}, b.stop)
	if err != nil {
		return err
	}
	defer free()
	if _, err := c.load(); err != nil {
		return err
	}
	answer, err := c.ask(b, nil, c.h.tusd.PatchFile, "Upload-Offset", "Content-Type")
	if err != nil {
		return err
	}
	return c.settle(answer)
}

// drop gives up an upload.
func (c *call) drop() error {
	free, err := c.h.locks.take(c.r.Context(), c.key, claim{wait: c.h.Wait, push: true}, unstoppable)
	if err != nil {
		return err
	}
	defer free()
	if err := c.h.Desk.DropUpload(c.r.Context(), c.who, c.site, c.id); err != nil {
		return err
	}
	if err := c.h.store.remove(c.key); err != nil {
		// Nobody can reach it any more.
		c.h.Log.Warn("upload left to the sweeper", "site", c.site, "upload", c.id, "err", err)
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// load gives the upload, and removes it when its time is over: ErrNotFound.
func (c *call) load() (upload, error) {
	u, err := c.h.store.load(c.r.Context(), c.key)
	if err != nil {
		return upload{}, err
	}
	if c.h.expired(u.created) && !u.complete() {
		return upload{}, errors.Join(ErrNotFound, c.h.store.remove(c.key))
	}
	return u, nil
}

// settle finishes the upload if it is complete, and sends the answer.
func (c *call) settle(a *answer) error {
	u, err := c.h.store.load(c.r.Context(), c.key)
	if err != nil {
		return err
	}
	if u.complete() {
		if err := c.h.finish(c.r.Context(), u); err != nil {
			return err
		}
	} else {
		a.header.Set("Upload-Expires", u.created.Add(c.h.Life).UTC().Format(http.TimeFormat))
	}
	a.send(c.w)
	return nil
}

// pieceType is the media type of a piece of an upload.
const pieceType = "application/offset+octet-stream"

// maxMetadata bounds Upload-Metadata in bytes.
const maxMetadata = 4 << 10

// creation reads what announces an upload. Errors: ErrHeader, ErrTooLarge.
func creation(h http.Header, most int64) (size int64, metadata string, err error) {
	for _, name := range []string{"Upload-Defer-Length", "Upload-Concat"} {
		if h.Get(name) != "" {
			return 0, "", &HeaderError{name, "is of an extension that is not spoken here"}
		}
	}
	if size, err = number(h, "Upload-Length"); err != nil {
		return 0, "", err
	}
	switch {
	case size == 0:
		return 0, "", &HeaderError{"Upload-Length", "must be more than 0"}
	case size > most:
		return 0, "", ErrTooLarge
	}
	metadata = strings.Join(h.Values("Upload-Metadata"), ",")
	printable := strings.IndexFunc(metadata, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if len(metadata) > maxMetadata || !printable {
		return 0, "", &HeaderError{"Upload-Metadata", fmt.Sprintf("must be at most %d characters of ASCII", maxMetadata)}
	}
	return size, metadata, nil
}

// number reads a header that is a whole number of bytes: ErrHeader.
func number(h http.Header, name string) (int64, error) {
	wrong := &HeaderError{name, "must be one whole number of bytes"}
	values := h.Values(name)
	if len(values) != 1 || strings.Trim(values[0], "0123456789") != "" {
		return 0, wrong
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return 0, wrong
	}
	return n, nil
}
