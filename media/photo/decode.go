package photo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"

	"github.com/disintegration/imaging"
	"golang.org/x/image/webp"

	"github.com/candor-ugc/candor/media/sniff"
)

// decode gives the first frame as *image.YCbCr, *image.Gray or *image.NRGBA: the
// types that the rest is quick with.
func decode(data []byte, format string, h header) (image.Image, error) {
	var img image.Image
	var err error
	switch format {
	case sniff.JPEG:
		if img, err = jpeg.Decode(bytes.NewReader(data)); err != nil {
			return nil, jpegError(err)
		}
	case sniff.PNG:
		if img, err = png.Decode(bytes.NewReader(data)); err != nil {
			return nil, pngError(err)
		}
	case sniff.GIF:
		if img, err = gif.Decode(bytes.NewReader(data)); err != nil {
			return nil, damaged(err)
		}
		img = onCanvas(img, img.Bounds().Min, h)
	case sniff.WebP:
		if img, err = decodeWebP(data, h); err != nil {
			return nil, err
		}
	}
	if b := img.Bounds(); b.Dx() != h.width || b.Dy() != h.height {
		return nil, fmt.Errorf("%w: %d x %d instead of %d x %d", ErrDamaged, b.Dx(), b.Dy(), h.width, h.height)
	}
	return plain(img), nil
}

// jpegError tells what the file does wrong from what the decoder cannot.
func jpegError(err error) error {
	var unsupported jpeg.UnsupportedError
	if errors.As(err, &unsupported) {
		return fmt.Errorf("%w: %w", ErrFeature, err)
	}
	return damaged(err)
}

func pngError(err error) error {
	var unsupported png.UnsupportedError
	if errors.As(err, &unsupported) {
		return fmt.Errorf("%w: %w", ErrFeature, err)
	}
	return damaged(err)
}

// decodeWebP decodes a still picture, or the first frame of an animation.
func decodeWebP(data []byte, h header) (image.Image, error) {
	w := webpWalk(data)
	if !w.animated {
		return decodeStill(data)
	}
	f := w.frames[0]
	still := f.still()
	config, err := webp.DecodeConfig(bytes.NewReader(still))
	if err != nil {
		return nil, damaged(err)
	}
	if config.Width != f.width || config.Height != f.height || f.x+f.width > h.width || f.y+f.height > h.height {
		return nil, fmt.Errorf("%w: frame outside of the picture", ErrDamaged)
	}
	img, err := decodeStill(still)
	if err != nil {
		return nil, err
	}
	return onCanvas(plain(img), image.Pt(f.x, f.y), h), nil
}

// decodeStill decodes a still picture. A lossy one has samples from 16 to 235, and
// to 240 in the colours (RFC 6386, 9.2, and ITU-R BT.601), which the decoder hands
// on as if they were the full ones of JPEG.
func decodeStill(data []byte) (image.Image, error) {
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, damaged(err)
	}
	switch img := img.(type) {
	case *image.YCbCr:
		fullRange(img)
	case *image.NYCbCrA:
		fullRange(&img.YCbCr)
	}
	return img, nil
}

// fullRange stretches samples in place.
func fullRange(img *image.YCbCr) {
	var light, colour [256]byte
	for i := range 256 {
		light[i] = stretch(float64(i-16) * 255 / 219)
		colour[i] = stretch(float64(i-128)*255/224 + 128)
	}
	for plane, table := range map[*[]byte]*[256]byte{&img.Y: &light, &img.Cb: &colour, &img.Cr: &colour} {
		for i, v := range *plane {
			(*plane)[i] = table[v]
		}
	}
}

func stretch(v float64) byte { return byte(math.Round(min(max(v, 0), 255))) }

// onCanvas puts a frame on the transparent whole that it is a part of.
func onCanvas(frame image.Image, at image.Point, h header) image.Image {
	b := frame.Bounds()
	if b == image.Rect(0, 0, h.width, h.height) {
		return frame
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, h.width, h.height))
	draw.Draw(canvas, b.Sub(b.Min).Add(at), frame, b.Min, draw.Src)
	return canvas
}

// plain converts the rarer types. CMYK is taken for what an ideal press does
// with it, as browsers without colour management do: profiles of presses are
// tables of a megabyte, and shoppers' photos have none.
func plain(img image.Image) image.Image {
	switch img := img.(type) {
	case *image.YCbCr, *image.Gray, *image.NRGBA:
		return img
	case *image.CMYK:
		rgba := image.NewRGBA(img.Bounds())
		draw.Draw(rgba, rgba.Bounds(), img, img.Bounds().Min, draw.Src)
		return opaque(rgba)
	case *image.RGBA:
		if img.Opaque() {
			return opaque(img)
		}
	case *image.NYCbCrA:
		return fromYCbCrA(img)
	}
	return imaging.Clone(img)
}

// opaque sees a picture without transparency as the other type, whose bytes are
// then the same.
func opaque(img *image.RGBA) *image.NRGBA {
	return &image.NRGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}
}

func fromYCbCrA(img *image.NYCbCrA) *image.NRGBA {
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := b.Min.Y; y < b.Max.Y; y++ {
		row := out.Pix[(y-b.Min.Y)*out.Stride:]
		for x := b.Min.X; x < b.Max.X; x++ {
			i := img.COffset(x, y)
			p := row[4*(x-b.Min.X):]
			p[0], p[1], p[2] = color.YCbCrToRGB(img.Y[img.YOffset(x, y)], img.Cb[i], img.Cr[i])
			p[3] = img.A[img.AOffset(x, y)]
		}
	}
	return out
}
