package photo_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"math"
	"strings"
	"testing"

	encoder "github.com/gen2brain/webp"

	"github.com/candor-ugc/candor/media/photo"
	"github.com/candor-ugc/candor/media/sniff"
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ w, h int }{{2000, 1000}, {1280, 1280}, {1281, 40}, {300, 900}, {160, 7}, {1, 1}, {3000, 1}} {
		m := makeOf(t, encodeJPEG(t, image.NewGray(image.Rect(0, 0, c.w, c.h))), options("jpeg"))
		want := map[string]int{photo.Full: max(c.w, c.h), photo.Large: 1280, photo.Small: 480, photo.Thumb: 160}
		if len(m.Variants) != len(want) {
			t.Errorf("%v: %d variants", c, len(m.Variants))
		}
		for _, v := range m.Variants {
			m.picture(t, v.Name)
			if longer := max(v.Width, v.Height); longer != min(want[v.Name], max(c.w, c.h)) || v.Width < 1 || v.Height < 1 {
				t.Errorf("%v: %s is %d x %d", c, v.Name, v.Width, v.Height)
			}
		}
	}
}

func TestTransparencyBecomesWhite(t *testing.T) {
	t.Parallel()
	img := corners(40, 40)
	for i := range 40 * 20 { // the upper half is transparent: half at the left, wholly at the right
		x := i % 40
		c := img.NRGBAAt(x, i/40)
		c.A = 0
		if x < 20 {
			c.A = 128
		}
		img.SetNRGBA(x, i/40, c)
	}
	m := makeOf(t, encodePNG(t, img), options("png"))
	full := m.picture(t, photo.Full)
	wantColor(t, full, 10, 10, color.NRGBA{255, 127, 127, 255}, 8)
	wantColor(t, full, 30, 10, color.NRGBA{255, 255, 255, 255}, 4)
	wantColor(t, full, 30, 30, color.NRGBA{0, 0, 255, 255}, 12)

	o := options("png")
	o.Output = sniff.WebP
	asWebP := makeOf(t, encodePNG(t, img), o)
	kept := asWebP.picture(t, photo.Full)
	if a := color.NRGBAModel.Convert(kept.At(30, 5)).(color.NRGBA).A; a > 3 {
		t.Errorf("WebP lost transparency: alpha %d", a)
	}
	back := makeOf(t, asWebP.files[asWebP.Variants[0].File], options("webp")).picture(t, photo.Full)
	wantColor(t, back, 30, 30, color.NRGBA{0, 0, 255, 255}, 12)
	wantColor(t, back, 30, 10, color.NRGBA{255, 255, 255, 255}, 4)
}

func TestFormats(t *testing.T) {
	t.Parallel()
	src := corners(64, 40)
	same := func(dst draw.Image) image.Image {
		draw.Draw(dst, dst.Bounds(), src, image.Point{}, draw.Src)
		return dst
	}
	r := src.Bounds()
	palette := image.NewPaletted(r, color.Palette{
		color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{0, 0, 255, 255}, color.White,
	})
	var animation bytes.Buffer
	if err := gif.EncodeAll(&animation, &gif.GIF{
		Image: []*image.Paletted{same(palette).(*image.Paletted), image.NewPaletted(r, palette.Palette)}, Delay: []int{1, 1},
	}); err != nil {
		t.Fatal(err)
	}
	var lossy bytes.Buffer
	if err := encoder.Encode(&lossy, src, encoder.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	frame := append([]byte{0, 0, 0, 0, 0, 0, 63, 0, 0, 39, 0, 0, 100, 0, 0, 0}, lossless(t, src)...)
	for name, c := range map[string]struct {
		format string
		file   []byte
		frames int
	}{
		"jpeg":          {"jpeg", encodeJPEG(t, src), 1},
		"png 8":         {"png", encodePNG(t, src), 1},
		"png 16":        {"png", encodePNG(t, same(image.NewNRGBA64(r))), 1},
		"png palette":   {"png", encodePNG(t, palette), 1},
		"gif":           {"gif", animation.Bytes(), 2},
		"webp lossless": {"webp", riff(lossless(t, src)), 1},
		"webp lossy":    {"webp", lossy.Bytes(), 1},
		"webp animated": {"webp", riff(extended(2, 64, 40), chunk("ANIM", make([]byte, 6)), chunk("ANMF", frame), chunk("ANMF", frame)), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := makeOf(t, c.file, options(c.format))
			if m.Frames != c.frames || m.Width != 64 || m.Height != 40 {
				t.Errorf("%d frames of %d x %d", m.Frames, m.Width, m.Height)
			}
			wantCorners(t, m.picture(t, photo.Full), 16)
			wantCorners(t, m.picture(t, photo.Thumb), 16)
		})
	}
}

// A frame may be smaller than its canvas; the rest shows as white.
func TestFrameOnCanvas(t *testing.T) {
	t.Parallel()
	red := image.NewPaletted(image.Rect(10, 20, 30, 40), color.Palette{color.NRGBA{255, 0, 0, 255}})
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{red}, Delay: []int{0}, Config: image.Config{Width: 50, Height: 60}}); err != nil {
		t.Fatal(err)
	}
	solid := image.NewNRGBA(image.Rect(0, 0, 20, 20))
	draw.Draw(solid, solid.Bounds(), image.NewUniform(color.NRGBA{255, 0, 0, 255}), image.Point{}, draw.Src)
	frame := append([]byte{5, 0, 0, 10, 0, 0, 19, 0, 0, 19, 0, 0, 100, 0, 0, 0}, lossless(t, solid)...)
	for format, file := range map[string][]byte{"gif": b.Bytes(), "webp": riff(extended(2, 50, 60), chunk("ANMF", frame))} {
		img := makeOf(t, file, options(format)).picture(t, photo.Full)
		if img.Bounds().Dx() != 50 || img.Bounds().Dy() != 60 {
			t.Errorf("%s: %v", format, img.Bounds())
		}
		wantColor(t, img, 20, 30, color.NRGBA{255, 0, 0, 255}, 12)
		wantColor(t, img, 40, 50, color.NRGBA{255, 255, 255, 255}, 4)
		wantColor(t, img, 4, 4, color.NRGBA{255, 255, 255, 255}, 4)
	}
}

func TestPlaceholder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ w, h, wantW, wantH int }{{300, 200, 4, 3}, {200, 300, 3, 4}, {200, 210, 4, 4}} {
		m := makeOf(t, encodeJPEG(t, corners(c.w, c.h)), options("jpeg"))
		text, ok := strings.CutPrefix(m.Placeholder, "data:image/png;base64,")
		if !ok || len(m.Placeholder) > 200 {
			t.Fatalf("%d characters: %s", len(m.Placeholder), m.Placeholder)
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if img.Bounds().Dx() != c.wantW || img.Bounds().Dy() != c.wantH {
			t.Errorf("%d x %d: %v", c.w, c.h, img.Bounds())
		}
		wantColor(t, img, 0, 0, color.NRGBA{255, 0, 0, 255}, 12)
		wantColor(t, img, c.wantW-1, 0, color.NRGBA{0, 255, 0, 255}, 12)
	}
}

func TestHashes(t *testing.T) {
	t.Parallel()
	shapes := func(w, h int, turn float64) image.Image {
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				u, v := float64(x)/float64(w), float64(y)/float64(h)
				l := 127 + 60*math.Sin(9*u+turn)*math.Cos(7*v) + 60*math.Sin(4*u*v+3*turn)
				img.SetNRGBA(x, y, color.NRGBA{uint8(l), uint8(l), uint8(255 - l), 255})
			}
		}
		return img
	}
	a := makeOf(t, encodeJPEG(t, shapes(600, 400, 0)), options("jpeg"))
	smaller := makeOf(t, encodePNG(t, shapes(300, 200, 0)), options("png"))
	other := makeOf(t, encodeJPEG(t, shapes(600, 400, 2)), options("jpeg"))
	distance := func(x, y uint64) int { return len(strings.ReplaceAll(fmt.Sprintf("%b", x^y), "0", "")) }
	if d := distance(a.PHash, smaller.PHash); d > 6 {
		t.Errorf("pHash of the same picture in half the size: %d bits", d)
	}
	if d := distance(a.DHash, smaller.DHash); d > 6 {
		t.Errorf("dHash of the same picture in half the size: %d bits", d)
	}
	if d := distance(a.PHash, other.PHash); d < 12 {
		t.Errorf("pHash of another picture: %d bits", d)
	}
}
