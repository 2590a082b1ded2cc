package photo_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/media/photo"
	"github.com/candor-ugc/candor/media/sniff"
	encoder "github.com/gen2brain/webp"
)

func options(format string) photo.Options {
	return photo.Options{Format: format, Output: sniff.JPEG, Pixels: 50_000_000, Frames: 300, WebPPixels: 16_000_000}
}

func anyMemory(int64) error { return nil }

// made is what Make gave, with its files decoded.
type made struct {
	photo.Result
	files [][]byte
}

func makeOf(t *testing.T, data []byte, o photo.Options) made {
	t.Helper()
	result, files, err := photo.Make(data, o, anyMemory)
	if err != nil {
		t.Fatal(err)
	}
	return made{result, files}
}

// picture decodes a variant.
func (m made) picture(t *testing.T, name string) image.Image {
	t.Helper()
	for _, v := range m.Variants {
		if v.Name != name {
			continue
		}
		decode := jpeg.Decode
		if bytes.HasPrefix(m.files[v.File], []byte("RIFF")) {
			decode = encoder.Decode
		}
		img, err := decode(bytes.NewReader(m.files[v.File]))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != v.Width || b.Dy() != v.Height {
			t.Fatalf("%s is %v, said %d x %d", name, b, v.Width, v.Height)
		}
		return img
	}
	t.Fatalf("no variant %s", name)
	return nil
}

// wantColor compares one pixel, with room for what JPEG does.
func wantColor(t *testing.T, img image.Image, x, y int, want color.NRGBA, room int) {
	t.Helper()
	got := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
	for i, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B), int(got.A) - int(want.A)} {
		if d < -room || d > room {
			t.Errorf("at %d, %d: %v, want %v (channel %d)", x, y, got, want, i)
			return
		}
	}
}

// corners is a picture whose corners have four colours: red, green, blue and
// white, clockwise from the upper left. Its sides are not alike.
func corners(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{A: 255}
			switch {
			case x < w/2 && y < h/2:
				c.R = 255
			case y < h/2:
				c.G = 255
			case x >= w/2:
				c.B = 255
			default:
				c.R, c.G, c.B = 255, 255, 255
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func wantCorners(t *testing.T, img image.Image, room int) {
	t.Helper()
	b := img.Bounds()
	wantColor(t, img, b.Dx()/4, b.Dy()/4, color.NRGBA{255, 0, 0, 255}, room)
	wantColor(t, img, b.Dx()*3/4, b.Dy()/4, color.NRGBA{0, 255, 0, 255}, room)
	wantColor(t, img, b.Dx()*3/4, b.Dy()*3/4, color.NRGBA{0, 0, 255, 255}, room)
	wantColor(t, img, b.Dx()/4, b.Dy()*3/4, color.NRGBA{255, 255, 255, 255}, room)
}

// lying gives the picture that is upright again after an orientation: the
// inverse of what a viewer does.
func lying(img *image.NRGBA, orientation int) *image.NRGBA {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if orientation >= 5 {
		w, h = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			// Where the stored pixel x, y is seen (EXIF 2.32, 4.6.4).
			seen := [...]image.Point{
				1: {x, y}, 2: {w - 1 - x, y}, 3: {w - 1 - x, h - 1 - y}, 4: {x, h - 1 - y},
				5: {y, x}, 6: {h - 1 - y, x}, 7: {h - 1 - y, w - 1 - x}, 8: {y, w - 1 - x},
			}[orientation]
			out.SetNRGBA(x, y, img.NRGBAAt(seen.X, seen.Y))
		}
	}
	return out
}

// exif is a TIFF structure that says an orientation and a place.
func exif(order binary.AppendByteOrder, orientation int) []byte {
	b := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 0x010f) // make
	b = order.AppendUint16(b, 2)
	b = order.AppendUint32(b, 4)
	b = append(b, "Cam\x00"...)
	b = order.AppendUint16(b, 0x0112) // orientation
	b = order.AppendUint16(b, 3)
	b = order.AppendUint32(b, 1)
	b = order.AppendUint16(b, uint16(orientation))
	b = append(b, 0, 0)
	return order.AppendUint32(b, 0)
}

func encodeJPEG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withSegment puts a segment behind a JPEG's start.
func withSegment(file []byte, marker byte, body []byte) []byte {
	out := append([]byte{0xff, 0xd8, 0xff, marker}, byte((len(body)+2)>>8), byte(len(body)+2))
	return append(append(out, body...), file[2:]...)
}

func encodePNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withChunk puts a chunk behind a PNG's header.
func withChunk(file []byte, name string, body []byte) []byte {
	const header = 8 + 25
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	chunk = append(append(chunk, name...), body...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return append(append(append([]byte(nil), file[:header]...), chunk...), file[header:]...)
}

func TestOrientation(t *testing.T) {
	t.Parallel()
	upright := corners(80, 48)
	for orientation := 1; orientation <= 8; orientation++ {
		stored := lying(upright, orientation)
		little, big := exif(binary.LittleEndian, orientation), exif(binary.BigEndian, orientation)
		gray := image.NewGray(stored.Bounds())
		draw.Draw(gray, gray.Bounds(), stored, image.Point{}, draw.Src)
		for name, file := range map[string][]byte{
			"jpeg": withSegment(encodeJPEG(t, stored), 0xe1, append([]byte("Exif\x00\x00"), little...)),
			"grey": withSegment(encodeJPEG(t, gray), 0xe1, append([]byte("Exif\x00\x00"), big...)),
			"png":  withChunk(encodePNG(t, stored), "eXIf", big),
			"webp": webpWith(t, stored, little),
		} {
			t.Run(fmt.Sprint(name, orientation), func(t *testing.T) {
				t.Parallel()
				format := name
				if name == "grey" {
					format = "jpeg"
				}
				m := makeOf(t, file, options(format))
				if m.Width != 80 || m.Height != 48 {
					t.Errorf("%d x %d", m.Width, m.Height)
				}
				img := m.picture(t, photo.Full)
				if name == "grey" {
					wantColor(t, img, 20, 12, color.NRGBA{76, 76, 76, 255}, 8)
					wantColor(t, img, 60, 12, color.NRGBA{150, 150, 150, 255}, 8)
					wantColor(t, img, 60, 36, color.NRGBA{29, 29, 29, 255}, 8)
					wantColor(t, img, 20, 36, color.NRGBA{255, 255, 255, 255}, 8)
					return
				}
				wantCorners(t, img, 12)
			})
		}
	}
}

// All ways to halve colours survive all turns, with odd sides too.
func TestOrientationOfPlanes(t *testing.T) {
	t.Parallel()
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		for orientation := 1; orientation <= 8; orientation++ {
			stored := lying(corners(83, 51), orientation)
			img := toPlanes(stored, ratio)
			wantCorners(t, photo.Upright(img, orientation), 12)
		}
	}
}

// toPlanes converts to a subsampling that encoders rarely make.
func toPlanes(img *image.NRGBA, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	out := image.NewYCbCr(img.Bounds(), ratio)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c := img.NRGBAAt(x, y)
			i := out.COffset(x, y)
			out.Y[out.YOffset(x, y)], out.Cb[i], out.Cr[i] = color.RGBToYCbCr(c.R, c.G, c.B)
		}
	}
	return out
}

func chunk(name string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func riff(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func extended(flags byte, w, h int) []byte {
	return chunk("VP8X", []byte{flags, 0, 0, 0, byte(w - 1), byte((w - 1) >> 8), 0, byte(h - 1), byte((h - 1) >> 8), 0})
}

// lossless gives the image chunk of a lossless WebP.
func lossless(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encoder.Encode(&b, img, encoder.Options{Lossless: true, Exact: true}); err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(b.Bytes(), []byte("VP8L"))
	if i < 0 {
		t.Fatal("no lossless image")
	}
	return b.Bytes()[i:]
}

func webpWith(t *testing.T, img image.Image, exif []byte) []byte {
	t.Helper()
	b := img.Bounds()
	return riff(extended(8, b.Dx(), b.Dy()), lossless(t, img), chunk("EXIF", exif))
}

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

// profileOf builds a profile of three primaries under D50 and a curve.
func profileOf(primaries [9]float64, curve []byte) []byte {
	fixed := func(v float64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(int32(math.Round(v*65536)))) }
	var tags, data []byte
	const count = 6
	add := func(name string, body []byte) {
		tags = append(tags, name...)
		tags = binary.BigEndian.AppendUint32(tags, uint32(132+12*count+len(data)))
		tags = binary.BigEndian.AppendUint32(tags, uint32(len(body)))
		data = append(data, body...)
	}
	for i, name := range []string{"rXYZ", "gXYZ", "bXYZ"} {
		body := []byte("XYZ \x00\x00\x00\x00")
		for row := range 3 {
			body = append(body, fixed(primaries[3*i+row])...)
		}
		add(name, body)
	}
	for _, name := range []string{"rTRC", "gTRC", "bTRC"} {
		add(name, curve)
	}
	p := make([]byte, 128)
	copy(p[12:], "mntrRGB XYZ ")
	copy(p[36:], "acsp")
	p = binary.BigEndian.AppendUint32(p, count)
	p = slices.Concat(p, tags, data)
	binary.BigEndian.PutUint32(p, uint32(len(p)))
	return p
}

// The primaries of Display P3 and sRGB, as their profiles have them.
var (
	displayP3 = [9]float64{0.51512, 0.2412, -0.00105, 0.29198, 0.69225, 0.04189, 0.1571, 0.06657, 0.78407}
	srgb      = [9]float64{0.43607, 0.22249, 0.01392, 0.38515, 0.71687, 0.09708, 0.14307, 0.06061, 0.7141}
)

// formula is sRGB's curve as a formula, power as a simple one.
func formula() []byte {
	b := []byte("para\x00\x00\x00\x00\x00\x03\x00\x00")
	for _, v := range []float64{2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045} {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(v*65536))))
	}
	return b
}

func table() []byte {
	b := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), 1024)
	for i := range 1024 {
		v := float64(i) / 1023
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(math.Round(v*65535)))
	}
	return b
}

func TestColourProfiles(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(profileOf(displayP3, formula())); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	// Computed from the chromaticities of both spaces under D65.
	for _, c := range []struct{ p3, srgb color.NRGBA }{
		{color.NRGBA{200, 100, 50, 255}, color.NRGBA{215, 93, 31, 255}},
		{color.NRGBA{60, 180, 90, 255}, color.NRGBA{0, 183, 78, 255}},
		{color.NRGBA{128, 128, 128, 255}, color.NRGBA{128, 128, 128, 255}},
		{color.NRGBA{255, 0, 0, 255}, color.NRGBA{255, 0, 0, 255}},
		{color.NRGBA{90, 90, 200, 255}, color.NRGBA{90, 90, 207, 255}},
	} {
		img := image.NewNRGBA(image.Rect(0, 0, 170, 170))
		draw.Draw(img, img.Bounds(), image.NewUniform(c.p3), image.Point{}, draw.Src)
		plain := encodeJPEG(t, img)
		icc := func(p []byte) []byte { return append([]byte("ICC_PROFILE\x00\x01\x01"), p...) }
		for name, f := range map[string]struct {
			format string
			file   []byte
			want   color.NRGBA
		}{
			"formula":  {"jpeg", withSegment(plain, 0xe2, icc(profileOf(displayP3, formula()))), c.srgb},
			"table":    {"jpeg", withSegment(plain, 0xe2, icc(profileOf(displayP3, table()))), c.srgb},
			"png":      {"png", withChunk(encodePNG(t, img), "iCCP", append([]byte("P3\x00\x00"), packed.Bytes()...)), c.srgb},
			"webp":     {"webp", riff(extended(32, 170, 170), chunk("ICCP", profileOf(displayP3, formula())), lossless(t, img)), c.srgb},
			"srgb":     {"jpeg", withSegment(plain, 0xe2, icc(profileOf(srgb, formula()))), c.p3},
			"none":     {"jpeg", plain, c.p3},
			"broken":   {"jpeg", withSegment(plain, 0xe2, icc(profileOf(displayP3, formula())[:200])), c.p3},
			"singular": {"jpeg", withSegment(plain, 0xe2, icc(profileOf([9]float64{1, 1, 1, 1, 1, 1, 1, 1, 1}, formula()))), c.p3},
		} {
			m := makeOf(t, f.file, options(f.format))
			for _, v := range []string{photo.Full, photo.Thumb} {
				img := m.picture(t, v)
				t.Run(name, func(t *testing.T) { wantColor(t, img, 80, 80, f.want, 3) })
			}
		}
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

var errNoMemory = errors.New("no memory")

// What is refused is refused before a pixel is decoded: before memory for it is
// asked for.
func TestRefusedBeforeDecoding(t *testing.T) {
	t.Parallel()
	pngHeader := withChunk(encodePNG(t, corners(2, 2)), "tEXt", []byte("x"))
	binary.BigEndian.PutUint32(pngHeader[16:], 50_000)
	binary.BigEndian.PutUint32(pngHeader[20:], 50_000)
	binary.BigEndian.PutUint32(pngHeader[29:], crc32.ChecksumIEEE(pngHeader[12:29]))
	var frames bytes.Buffer
	animation := &gif.GIF{}
	for range 5000 {
		animation.Image = append(animation.Image, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black, color.White}))
		animation.Delay = append(animation.Delay, 1)
	}
	if err := gif.EncodeAll(&frames, animation); err != nil {
		t.Fatal(err)
	}
	wide := []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00\x2c\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02\x44\x01\x00\x3b")
	sof := encodeJPEG(t, corners(16, 16))
	at := bytes.Index(sof, []byte{0xff, 0xc0})
	copy(sof[at+5:], "\xff\xff\xff\xff")
	// 28 bytes that claim 16384 x 16384 pixels.
	bomb := []byte("RIFF\x14\x00\x00\x00WEBPVP8L\x08\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00")
	for name, c := range map[string]struct {
		format string
		file   []byte
		want   error
	}{
		"webp of 28 bytes": {"webp", bomb, photo.ErrTooLarge},
		"png header":       {"png", pngHeader, photo.ErrTooLarge},
		"gif screen":       {"gif", wide, photo.ErrTooLarge},
		"jpeg frame":       {"jpeg", sof, photo.ErrTooLarge},
		"gif frames":       {"gif", frames.Bytes(), photo.ErrFrames},
		"long side":        {"png", encodePNG(t, image.NewGray(image.Rect(0, 0, 70_000, 1))), photo.ErrTooLarge},
		"empty":            {"jpeg", nil, photo.ErrDamaged},
		"unknown":          {"bmp", []byte("BM"), photo.ErrFeature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := photo.Make(c.file, options(c.format), func(int64) error {
				t.Error("memory was asked for")
				return errNoMemory
			})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	// And without memory nothing is decoded.
	if _, _, err := photo.Make(encodeJPEG(t, corners(16, 16)), options("jpeg"), func(int64) error { return errNoMemory }); !errors.Is(err, errNoMemory) {
		t.Errorf("got %v", err)
	}
}

func TestDamaged(t *testing.T) {
	t.Parallel()
	src := corners(120, 90)
	for format, file := range map[string][]byte{"jpeg": encodeJPEG(t, src), "png": encodePNG(t, src), "webp": riff(lossless(t, src))} {
		for cut := 12; cut < len(file)-2; cut += 1 + len(file)/60 {
			_, _, err := photo.Make(file[:cut], options(format), anyMemory)
			if !errors.Is(err, photo.ErrDamaged) && !errors.Is(err, photo.ErrFeature) {
				t.Errorf("%s cut at %d of %d: %v", format, cut, len(file), err)
			}
		}
	}
	// A frame of an animation that lies outside.
	frame := append([]byte{200, 0, 0, 0, 0, 0, 119, 0, 0, 89, 0, 0, 100, 0, 0, 0}, lossless(t, src)...)
	if _, _, err := photo.Make(riff(extended(2, 120, 90), chunk("ANMF", frame)), options("webp"), anyMemory); !errors.Is(err, photo.ErrDamaged) {
		t.Errorf("frame outside: %v", err)
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, err := range []error{photo.ErrTooLarge, photo.ErrFrames, photo.ErrDamaged, photo.ErrFeature, photo.ErrOutput} {
		if got := photo.FromCode(photo.Code(fmt.Errorf("wrapped: %w", err))); !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if photo.FromCode(photo.Code(errNoMemory)) != nil {
		t.Error("an error of others has a code")
	}
}

// FuzzMake must not panic outside of decoders that are known to; here every
// panic counts, as none is known.
func FuzzMake(f *testing.F) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, corners(16, 16), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	b.Reset()
	if err := png.Encode(&b, corners(8, 8)); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b"))
	f.Add(riff(extended(2, 8, 8), chunk("ANMF", make([]byte, 40))))
	f.Add(profileOf(displayP3, formula()))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := sniff.Sniff(data)
		if err != nil || s.Kind != sniff.Photo {
			return
		}
		o := options(s.Format)
		o.Pixels = 1 << 16
		m, files, err := photo.Make(data, o, func(n int64) error {
			if n > 256<<20 {
				return errNoMemory
			}
			return nil
		})
		if err == nil && (len(m.Variants) != 4 || len(files) == 0 || m.Width < 1 || m.Height < 1) {
			t.Fatalf("%+v with %d files", m, len(files))
		}
	})
}
