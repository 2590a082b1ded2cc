package photo

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"

	"github.com/corona10/goimagehash"
	"github.com/disintegration/imaging"
	encoder "github.com/gen2brain/webp"

	"github.com/candor-ugc/candor/media/sniff"
)

// Qualities of JPEG, 1 to 100. Where a picture is shown in its full size,
// artefacts are seen; thumbnails are many.
const (
	qualityFull = 88
	qualitySize = 82
)

// WebP's quality, and its effort: more than 4 takes far longer for little.
const (
	webpQuality = 80
	webpEffort  = 4
	webpSide    = 16383 // RFC 9649, 2.7
)

// renderer makes the variants of one picture.
type renderer struct {
	header  header
	options Options
	convert *conversion
	result  Result
	files   [][]byte
}

func render(img image.Image, h header, o Options) (Result, [][]byte, error) {
	r := &renderer{header: h, options: o, convert: toSRGB(h.profile)}
	r.result = Result{Width: h.width, Height: h.height, Frames: h.frames}
	if h.orientation >= 5 {
		r.result.Width, r.result.Height = h.height, h.width
	}
	// Planes stay planes in full size, as there is then no rounding to RGB and
	// back, and less memory is needed. All others are made right at once.
	rgb, right := img.(*image.NRGBA)
	if right {
		img = r.finish(rgb)
	}
	if err := r.full(img, right); err != nil {
		return Result{}, nil, err
	}
	if o.FullOnly {
		return r.result, r.files, nil
	}
	smallest, err := r.sizes(img, right)
	if err != nil {
		return Result{}, nil, err
	}
	if err := r.describe(smallest); err != nil {
		return Result{}, nil, err
	}
	return r.result, r.files, nil
}

// finish makes a picture upright and gives it the output's colours. It may
// change what it is given.
func (r *renderer) finish(img *image.NRGBA) *image.NRGBA {
	img = orient(img, r.header.orientation)
	r.convert.apply(img)
	if r.options.Output == sniff.JPEG {
		onWhite(img)
	}
	return img
}

// full makes the variant in full size, unless it is too large for WebP.
func (r *renderer) full(img image.Image, right bool) error {
	if r.options.Output == sniff.WebP &&
		(max(r.header.width, r.header.height) > webpSide || int64(r.header.width)*int64(r.header.height) > r.options.WebPPixels) {
		return nil
	}
	if !right {
		turned := image.Image(nil)
		if r.convert == nil && r.options.Output == sniff.JPEG {
			turned = orientPlanes(img, r.header.orientation)
		}
		if turned == nil {
			turned = r.finish(imaging.Clone(img))
		}
		img = turned
	}
	return r.add(Full, img, qualityFull)
}

// sizes makes each size of the one above, by which a good filter loses nothing,
// and gives the smallest.
func (r *renderer) sizes(img image.Image, right bool) (*image.NRGBA, error) {
	for _, size := range sizes {
		b := img.Bounds()
		w, h := fit(b, size.side)
		if last := len(r.result.Variants) - 1; last >= 0 && w == b.Dx() && h == b.Dy() {
			same := r.result.Variants[last]
			same.Name = size.variant
			r.result.Variants = append(r.result.Variants, same)
			continue
		}
		next := shrink(img, w, h)
		if !right {
			next, right = r.finish(next), true
		}
		if err := r.add(size.variant, next, qualitySize); err != nil {
			return nil, err
		}
		img = next
	}
	smallest := imaging.Clone(img)
	if !right {
		smallest = r.finish(smallest)
	}
	return smallest, nil
}

// add encodes a picture.
func (r *renderer) add(name string, img image.Image, quality int) error {
	file, err := encode(img, r.options.Output, quality)
	if err != nil {
		return err
	}
	r.files = append(r.files, file)
	b := img.Bounds()
	r.result.Variants = append(r.result.Variants, Variant{name, b.Dx(), b.Dy(), len(r.files) - 1})
	return nil
}

// describe adds what is computed from the smallest variant, which it changes.
func (r *renderer) describe(smallest *image.NRGBA) error {
	onWhite(smallest)
	var err error
	if r.result.Placeholder, err = placeholder(smallest); err != nil {
		return err
	}
	p, err := goimagehash.PerceptionHash(smallest)
	if err != nil {
		return fmt.Errorf("hash photo: %w", err)
	}
	d, err := goimagehash.DifferenceHash(smallest)
	if err != nil {
		return fmt.Errorf("hash photo: %w", err)
	}
	r.result.PHash, r.result.DHash = p.GetHash(), d.GetHash()
	return nil
}

// encode writes a picture without any metadata.
func encode(img image.Image, output string, quality int) ([]byte, error) {
	var b bytes.Buffer
	var err error
	if output == sniff.WebP {
		err = encoder.Encode(&b, img, encoder.Options{Quality: webpQuality, Method: webpEffort})
	} else {
		if n, ok := img.(*image.NRGBA); ok {
			// The encoder is quick with this type; it has no transparency here.
			img = &image.RGBA{Pix: n.Pix, Stride: n.Stride, Rect: n.Rect}
		}
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	}
	if err != nil {
		return nil, fmt.Errorf("encode photo: %w", err)
	}
	return b.Bytes(), nil
}

// fit is the size whose longer side is side; smaller pictures keep theirs.
func fit(b image.Rectangle, side int) (w, h int) {
	w, h = b.Dx(), b.Dy()
	longer := max(w, h)
	if longer <= side {
		return w, h
	}
	scale := float64(side) / float64(longer)
	return max(1, int(math.Round(float64(w)*scale))), max(1, int(math.Round(float64(h)*scale)))
}

// keepSharp is how many times the wanted size averaging leaves to the filter.
const keepSharp = 2

// shrink resizes. Far above the wanted size, averaging comes first: it is
// several times as quick as the filter, which then sees enough to be sharp.
func shrink(img image.Image, w, h int) *image.NRGBA {
	if b := img.Bounds(); b.Dx() > 2*keepSharp*w && b.Dy() > 2*keepSharp*h {
		img = imaging.Resize(img, keepSharp*w, keepSharp*h, imaging.Box)
	}
	return imaging.Resize(img, w, h, imaging.CatmullRom)
}

// onWhite puts a picture on white.
func onWhite(img *image.NRGBA) {
	for i := 3; i < len(img.Pix); i += 4 {
		a := uint32(img.Pix[i])
		if a == 255 {
			continue
		}
		for c := i - 3; c < i; c++ {
			img.Pix[c] = byte((uint32(img.Pix[c])*a + 255*(255-a) + 127) / 255)
		}
		img.Pix[i] = 255
	}
}
