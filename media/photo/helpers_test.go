package photo_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	encoder "github.com/gen2brain/webp"

	"github.com/candor-ugc/candor/media/photo"
	"github.com/candor-ugc/candor/media/sniff"
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

var errNoMemory = errors.New("no memory")
