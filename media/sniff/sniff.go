// Package sniff says what an upload is by looking at its first bytes. Names and
// headers that came with it are not asked: a stranger chose them.
//
// The package knows signatures and the few fields behind them. It decodes
// nothing and does no I/O.
package sniff

import (
	"errors"
	"fmt"
)

// Kind is what an upload is to a shopper.
type Kind string

// The kinds.
const (
	Photo Kind = "photo"
	Video Kind = "video"
)

// The formats that are taken in.
const (
	JPEG = "jpeg"
	PNG  = "png"
	GIF  = "gif"
	WebP = "webp"
	MP4  = "mp4"
	MOV  = "mov"
	WebM = "webm"
)

// HeadSize is how many bytes of a file Sniff wants to see. Fewer do where the
// file is shorter; what follows is not looked at.
const HeadSize = 4096

var (
	// ErrUnsupported means that the format is known or unknown, but not taken in.
	ErrUnsupported = errors.New("unsupported format")
	// ErrMalformed means that the signature is right and what must follow is not.
	ErrMalformed = errors.New("malformed file")
	// ErrPolyglot means that the file is two things at once, such as a GIF that
	// is also a script. No camera or editor makes such files.
	ErrPolyglot = errors.New("file of two formats at once")
)

// Sniffed is a format that is taken in.
type Sniffed struct {
	Kind        Kind
	Format      string // one of the format constants
	ContentType string // media type, such as image/jpeg
}

var known = map[string]Sniffed{
	JPEG: {Photo, JPEG, "image/jpeg"},
	PNG:  {Photo, PNG, "image/png"},
	GIF:  {Photo, GIF, "image/gif"},
	WebP: {Photo, WebP, "image/webp"},
	MP4:  {Video, MP4, "video/mp4"},
	MOV:  {Video, MOV, "video/quicktime"},
	WebM: {Video, WebM, "video/webm"},
}

// Sniff tells the format by the first HeadSize bytes of a file. Its errors are
// ErrUnsupported, which names the format where it is a well-known one,
// ErrMalformed and ErrPolyglot.
func Sniff(head []byte) (Sniffed, error) {
	head = head[:min(len(head), HeadSize)]
	format, err := formatOf(head)
	if err != nil {
		return Sniffed{}, err
	}
	if other := second(head); other != "" {
		return Sniffed{}, fmt.Errorf("%w: %s and %s", ErrPolyglot, format, other)
	}
	return known[format], nil
}

// formatOf matches the signatures in turn; each checker looks at the fields
// behind its own.
func formatOf(head []byte) (string, error) {
	switch {
	case len(head) == 0:
		return "", fmt.Errorf("%w: the file is empty", ErrUnsupported)
	case at(head, 0, "\xff\xd8"):
		return JPEG, jpeg(head)
	case at(head, 0, "\x89PNG\r\n\x1a\n"):
		return PNG, png(head)
	case at(head, 0, "GIF87a"), at(head, 0, "GIF89a"):
		return GIF, gif(head)
	case at(head, 0, "RIFF") && at(head, 8, "WEBP"):
		return WebP, webp(head)
	case at(head, 0, "\x1a\x45\xdf\xa3"):
		return WebM, webm(head)
	}
	if format, err := movie(head); format != "" || err != nil {
		return format, err
	}
	if name := refused(head); name != "" {
		return "", fmt.Errorf("%w: %s", ErrUnsupported, name)
	}
	return "", ErrUnsupported
}

// at says whether text stands at an offset.
func at(b []byte, offset int, text string) bool {
	return len(b) >= offset+len(text) && string(b[offset:offset+len(text)]) == text
}

func malformed(format, why string) error {
	return fmt.Errorf("%w: %s: %s", ErrMalformed, format, why)
}
