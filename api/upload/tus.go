package upload

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	tusd "github.com/tus/tusd/v2/pkg/handler"
)

// answer keeps what tusd answers, so that nothing of it reaches the client before
// it was looked at.
type answer struct {
	header http.Header
	status int
	text   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.text.Write(p)
}

// SetReadDeadline keeps tusd from the connection: the body sees to its time.
func (a *answer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline keeps tusd from the connection: a deadline would outlive the
// request where the server sets none.
func (a *answer) SetWriteDeadline(time.Time) error { return nil }

// answered are the headers that reach the client.
var answered = []string{"Location", "Upload-Expires", "Upload-Length", "Upload-Metadata", "Upload-Offset"}

// send passes the answer on. A successful one has no body.
func (a *answer) send(w http.ResponseWriter) {
	for _, name := range answered {
		if v := a.header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(a.status)
}

// refusals are the errors of tusd that a client can cause.
var refusals = map[string]error{
	tusd.ErrNotFound.ErrorCode:        ErrNotFound,
	tusd.ErrMismatchOffset.ErrorCode:  ErrOffset,
	tusd.ErrSizeExceeded.ErrorCode:    ErrTooLarge,
	tusd.ErrMaxSizeExceeded.ErrorCode: ErrTooLarge,
}

// ask lets tusd carry out a request, of which it sees the upload, the body and
// the named headers alone: others could change what it does.
func (c *call) ask(b *body, notes tusd.MetaData, do http.HandlerFunc, headers ...string) (*answer, error) {
	req := &request{key: c.key, notes: notes}
	ctx, cancel := context.WithCancel(context.WithValue(c.r.Context(), requestKey{}, req))
	defer cancel() // tusd's goroutines wait for it
	in := (&http.Request{
		Method: c.r.Method, URL: &url.URL{Path: "/" + c.tusID()}, Header: http.Header{}, Body: http.NoBody, ContentLength: c.r.ContentLength,
	}).WithContext(ctx)
	for _, name := range headers {
		in.Header.Set(name, c.r.Header.Get(name))
	}
	if b != nil {
		in.Body = b
	}
	a := &answer{header: http.Header{}}
	do(a, in)
	switch {
	case isFull(req.err):
		return nil, fmt.Errorf("%w: %w", ErrFull, req.err)
	case req.err != nil:
		return nil, req.err
	case b != nil && b.failed() != nil:
		return nil, b.failed()
	case a.status < 200 || a.status > 299:
		code, _, _ := bytes.Cut(a.text.Bytes(), []byte(":"))
		if err := refusals[string(code)]; err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("tusd answered %d: %s", a.status, a.text.String())
	}
	return a, nil
}
