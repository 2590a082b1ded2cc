// Package upload takes in large files piece by piece, by the tus protocol 1.0.0
// (https://tus.io/protocols/resumable-upload), so that a shopper whose
// connection breaks goes on where it broke.
//
// The room knows HTTP and tusd, and keeps the bytes that have arrived in a
// folder. Whose an upload is, how much one may upload and what becomes of a
// whole file is asked of a [Desk]. Nothing that arrives is ever served from
// here: there is no GET.
//
// An upload lives in one folder of one process, and so do its locks: where
// several processes serve a site, what belongs to one upload has to reach the
// same one.
package upload

import (
	"context"
	"errors"

	"github.com/candor-ugc/candor/api/content"
)

// Desk is what an upload needs of the service.
type Desk interface {
	// BeginUpload reserves room for size bytes and names the upload, which
	// becomes the medium of that id, a UUIDv7. Its errors say who may not.
	BeginUpload(ctx context.Context, who content.Actor, site string, size int64) (id string, err error)
	// MayUpload is nil while somebody may go on with an upload, and the error of
	// an upload that never was for everybody else and ever after.
	MayUpload(ctx context.Context, who content.Actor, site, id string) error
	// FinishUpload takes in the whole file at path, which the caller removes
	// afterwards. Doing it again changes nothing.
	FinishUpload(ctx context.Context, site, id, path string) error
	// DropUpload gives up an upload that is not finished.
	DropUpload(ctx context.Context, who content.Actor, site, id string) error
}

var (
	// ErrNotFound means that there is no such upload, or none any more.
	ErrNotFound = errors.New("no such upload")
	// ErrMethod means that the address does not know the method; the answer's
	// Allow header lists those that it knows.
	ErrMethod = errors.New("method not allowed for uploads")
	// ErrVersion means that Tus-Resumable is not 1.0.0, or missing.
	ErrVersion = errors.New("unsupported version of tus")
	// ErrContentType means that a piece does not come as
	// application/offset+octet-stream.
	ErrContentType = errors.New("wrong content type of a piece")
	// ErrHeader means that a header of the protocol is missing or wrong; see
	// [HeaderError].
	ErrHeader = errors.New("invalid upload header")
	// ErrTooLarge means that the announced length, or what came, is too much.
	ErrTooLarge = errors.New("upload too large")
	// ErrOffset means that a piece does not begin where the last one ended.
	ErrOffset = errors.New("piece begins elsewhere")
	// ErrLocked means that another request works on the same upload, or that
	// this one made way for it.
	ErrLocked = errors.New("upload in use by another request")
	// ErrBusy means that too many uploads arrive at once, of all or of this
	// person.
	ErrBusy = errors.New("too many uploads at once")
	// ErrIdle means that too little of the body came in time. What came is kept.
	ErrIdle = errors.New("upload too slow")
	// ErrCut means that the body ended too early. What came is kept.
	ErrCut = errors.New("upload cut off")
	// ErrFull means that the disk is full. What came before is kept.
	ErrFull = errors.New("no room for uploads")
	// ErrClosed means that the service is stopping. What came is kept.
	ErrClosed = errors.New("uploads are closed")
)

// HeaderError says which header of a request is wrong, and why. It is an
// [ErrHeader].
type HeaderError struct {
	Header string
	Reason string // continues a sentence that begins with the header's name
}

func (e *HeaderError) Error() string { return ErrHeader.Error() + ": " + e.Header + " " + e.Reason }
func (e *HeaderError) Unwrap() error { return ErrHeader }

const (
	// Version is the one version of tus that is spoken.
	Version = "1.0.0"
	// Extensions are the extensions of tus that are spoken.
	Extensions = "creation,creation-with-upload,expiration,termination"
	// RequestHeaders are the headers that a browser's page must be allowed to
	// send, and ResponseHeaders those that it must be allowed to read.
	RequestHeaders  = "Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override"
	ResponseHeaders = "Location, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset"
)
