// Package photo makes of a picture that a stranger sent the pictures that are
// served: upright, in sRGB, without any metadata, in the sizes that pages need.
//
// It decodes hostile files, so it is made to run in a child process (see the
// worker package): it may use much memory, may panic, may take long. It does no
// I/O and stores nothing.
package photo

import (
	"errors"
	"fmt"

	"github.com/candor-ugc/candor/media/sniff"
)

var (
	// ErrTooLarge means more pixels than are allowed, or a side longer than any
	// output format can have.
	ErrTooLarge = errors.New("photo has too many pixels")
	// ErrFrames means more frames than are allowed.
	ErrFrames = errors.New("photo has too many frames")
	// ErrDamaged means that the file cannot be decoded to its end.
	ErrDamaged = errors.New("photo is damaged")
	// ErrFeature means that the file uses a rare feature of its format that is
	// not taken in, such as 12 bits a sample in JPEG.
	ErrFeature = errors.New("photo uses an unsupported feature of its format")
	// ErrOutput means that the wanted output format is none.
	ErrOutput = errors.New("unknown output format")
)

// codes name the errors where they cross from one process to another.
var codes = map[string]error{
	"too_large": ErrTooLarge,
	"frames":    ErrFrames,
	"damaged":   ErrDamaged,
	"feature":   ErrFeature,
	"output":    ErrOutput,
}

// Code names an error for FromCode.
func Code(err error) string {
	for code, known := range codes {
		if errors.Is(err, known) {
			return code
		}
	}
	return "internal"
}

// FromCode is the error that a code names, nil for none.
func FromCode(code string) error { return codes[code] }

// The variants, by the longer side in pixels. No picture is enlarged.
const (
	Thumb = "thumb" // 160
	Small = "small" // 480
	Large = "large" // 1280
	Full  = "full"  // as it came
)

var sizes = []struct {
	variant string
	side    int
}{{Large, 1280}, {Small, 480}, {Thumb, 160}}

// maxSide is the longest side that JPEG can have.
const maxSide = 65535

// Options say what to make.
type Options struct {
	// Format is what the file is: sniff.JPEG, PNG, GIF or WebP.
	Format string `json:"format"`
	// Output is what to make: sniff.JPEG or WebP.
	Output string `json:"output"`
	// Pixels is how many a photo may have, in one frame.
	Pixels int64 `json:"pixels"`
	// Frames is how many an animation may have; the first is served.
	Frames int `json:"frames"`
	// WebPPixels is up to how many pixels the full variant is made as WebP, which
	// takes much time and memory.
	WebPPixels int64 `json:"webp_pixels"`
	// FullOnly leaves the other variants out.
	FullOnly bool `json:"full_only"`
}

// Result describes what was made.
type Result struct {
	Width       int       `json:"width"` // of the upright photo, in pixels
	Height      int       `json:"height"`
	Frames      int       `json:"frames"` // in the file; 1 if it does not move
	Placeholder string    `json:"placeholder"`
	PHash       uint64    `json:"phash"`
	DHash       uint64    `json:"dhash"`
	Variants    []Variant `json:"variants"` // from full to thumb
}

// Variant is one picture that was made.
type Variant struct {
	Name   string `json:"name"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	File   int    `json:"file"` // index; variants that are the same share a file
}

// Make decodes data and makes the variants. Reserve is called with the bytes of
// memory that are needed, before they are. Errors: those of the package, and
// Reserve's.
func Make(data []byte, o Options, reserve func(bytes int64) error) (Result, [][]byte, error) {
	if o.Output != sniff.JPEG && o.Output != sniff.WebP {
		return Result{}, nil, fmt.Errorf("%w: %q", ErrOutput, o.Output)
	}
	h, err := inspect(data, o.Format, o.Frames)
	if err != nil {
		return Result{}, nil, err
	}
	if err := h.check(o); err != nil {
		return Result{}, nil, err
	}
	if err := reserve(h.memory(o)); err != nil {
		return Result{}, nil, err
	}
	img, err := decode(data, o.Format, h)
	if err != nil {
		return Result{}, nil, err
	}
	return render(img, h, o)
}
