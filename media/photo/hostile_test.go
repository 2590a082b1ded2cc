package photo_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/candor-ugc/candor/media/photo"
	"github.com/candor-ugc/candor/media/sniff"
)

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
