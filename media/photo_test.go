package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/disintegration/imaging"

	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/nearby"
)

// difference is the mean distance of two pictures' samples, 0 to 255; 255 when
// their sizes differ.
func difference(a, b image.Image) float64 {
	if a.Bounds().Size() != b.Bounds().Size() {
		return 255
	}
	x, y := imaging.Clone(a), imaging.Clone(b)
	sum := 0
	for i := range x.Pix {
		sum += max(int(x.Pix[i]), int(y.Pix[i])) - min(int(x.Pix[i]), int(y.Pix[i]))
	}
	return float64(sum) / float64(len(x.Pix))
}

// However a camera was held, what is served looks like the upright photo.
func TestOrientations(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(dataFolder(t, "images"), "exif_orientation_examples")
	p, store := processor(t, media.Limits{})
	for shape, orientations := range map[string][]int{"Landscape": {1, 2, 3, 4, 5, 6, 7, 8}, "Portrait": {1, 6, 8}} {
		var uprightFull, uprightSmall image.Image
		var upright media.Info
		for _, orientation := range orientations {
			data, err := os.ReadFile(filepath.Join(folder, fmt.Sprintf("%s_%d.jpg", shape, orientation)))
			if err != nil {
				t.Fatal(err)
			}
			info, all, err := p.Photo(t.Context(), bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			full, small := decoded(t, store, variant(t, all, media.Full)), decoded(t, store, variant(t, all, media.Small))
			if orientation == 1 {
				uprightFull, uprightSmall, upright = full, small, info
				// The measure tells a picture from its mirror image.
				if d := difference(small, imaging.FlipH(small)); d < 10 {
					t.Fatalf("%s and its mirror image differ by %.1f only", shape, d)
				}
				continue
			}
			if d := difference(full, uprightFull); d > 4 {
				t.Errorf("%s %d: full differs by %.1f", shape, orientation, d)
			}
			if d := difference(small, uprightSmall); d > 3 {
				t.Errorf("%s %d: small differs by %.1f", shape, orientation, d)
			}
			if d := nearby.Distance(info.PHash, upright.PHash); d > 4 {
				t.Errorf("%s %d: pHash differs by %d bits", shape, orientation, d)
			}
		}
	}
}

func encoded(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ramp is a picture that is not the same everywhere.
func ramp(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(255 * x / w), uint8(255 * y / h), uint8(x * y), 255})
		}
	}
	return img
}

func TestPhotoAndWebP(t *testing.T) {
	t.Parallel()
	p, store := processor(t, media.Limits{WebPPixels: 600 * 400})
	for _, c := range []struct {
		w, h int
		want []string
	}{
		{600, 400, []string{media.Full, media.Large, media.Small, media.Thumb}},
		{700, 400, []string{media.Large, media.Small, media.Thumb}}, // too large for full
	} {
		data := encoded(t, ramp(c.w, c.h))
		info, jpegs, err := p.Photo(t.Context(), iotest.HalfReader(bytes.NewReader(data)))
		if err != nil {
			t.Fatal(err)
		}
		if info.Format != "png" || info.Width != c.w || info.Height != c.h || info.Size != int64(len(data)) || blob.NameOf(data, "png") != info.SHA256+".png" {
			t.Errorf("%+v", info)
		}
		webps, err := p.PhotoWebP(t.Context(), bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if len(jpegs) != 4 || len(webps) != len(c.want) {
			t.Errorf("%d and %d variants", len(jpegs), len(webps))
		}
		for _, name := range c.want {
			j, w := variant(t, jpegs, name), variant(t, webps, name)
			if w.ContentType != "image/webp" || j.ContentType != "image/jpeg" || w.Width != j.Width || w.Height != j.Height {
				t.Errorf("%+v beside %+v", w, j)
			}
			if err := blob.Verify(t.Context(), store, w.Blob); err != nil {
				t.Error(err)
			}
			if head := read(t, store, w.Blob); w.Format != "webp" || !bytes.Equal(head[8:12], []byte("WEBP")) {
				t.Errorf("%s is no WebP", name)
			}
		}
	}
}

// The same upload again makes the same names: nothing is stored twice.
func TestSamePhotoSameBlobs(t *testing.T) {
	t.Parallel()
	p, store := processor(t, media.Limits{})
	data := encoded(t, ramp(700, 500))
	_, first, err := p.Photo(t.Context(), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := p.Photo(t.Context(), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("%+v, then %+v", first[i], second[i])
		}
	}
	// Large is full here, as nothing is enlarged.
	files := 0
	for _, err := range store.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		files++
	}
	if files != 3 {
		t.Errorf("%d files", files)
	}
}

// hostile are files that must be refused.
func hostile(t testing.TB) map[string]struct {
	file []byte
	want error
} {
	t.Helper()
	var j bytes.Buffer
	if err := jpeg.Encode(&j, ramp(300, 200), nil); err != nil {
		t.Fatal(err)
	}
	header := encoded(t, ramp(2, 2))
	copy(header[16:], "\x00\x00\xc3\x50\x00\x00\xc3\x50") // 50,000 x 50,000
	binary.BigEndian.PutUint32(header[29:], crc32.ChecksumIEEE(header[12:29]))
	frames := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00")
	for range 5000 {
		frames = append(frames, "\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"...)
	}
	frames = append(frames, 0x3b)
	return map[string]struct {
		file []byte
		want error
	}{
		"webp of 28 bytes":    {[]byte("RIFF\x14\x00\x00\x00WEBPVP8L\x08\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00"), media.ErrTooManyPixels},
		"gif of many frames":  {frames, media.ErrTooManyFrames},
		"png header":          {header, media.ErrTooManyPixels},
		"truncated jpeg":      {j.Bytes()[:j.Len()/2], media.ErrDamaged},
		"svg":                 {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), media.ErrUnsupported},
		"html":                {[]byte("<!doctype html><script>alert(1)</script>"), media.ErrUnsupported},
		"zip":                 {[]byte("PK\x03\x04\x14\x00\x08\x00"), media.ErrUnsupported},
		"pdf":                 {[]byte("%PDF-1.7\n%\xe2\xe3"), media.ErrUnsupported},
		"playlist":            {[]byte("#EXTM3U\nhttp://127.0.0.1:1/secret\n"), media.ErrUnsupported},
		"empty":               {nil, media.ErrUnsupported},
		"video":               {[]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42"), media.ErrUnsupported},
		"jpeg and html":       {append([]byte("\xff\xd8\xff\xfe\x00\x20<html><script>x</script>     "), j.Bytes()[2:]...), media.ErrPolyglot},
		"gif and script":      {[]byte("GIF89a/*\x00\x01\x00\x00*/=1;alert(1)"), media.ErrMalformed},
		"more than its limit": {make([]byte, 2<<20), media.ErrTooManyBytes},
	}
}

func TestHostilePhotos(t *testing.T) {
	t.Parallel()
	p, store := processor(t, media.Limits{PhotoBytes: 1 << 20})
	for name, c := range hostile(t) {
		_, _, err := p.Photo(t.Context(), bytes.NewReader(c.file))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if _, err := p.PhotoWebP(t.Context(), bytes.NewReader(c.file)); err == nil {
			t.Errorf("%s: became WebP", name)
		}
	}
	wantNothingStored(t, store)
	if _, _, err := p.Photo(t.Context(), bytes.NewReader(encoded(t, ramp(20, 20)))); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// Whatever bits are flipped, a photo is served or refused, and the next works.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	p, _ := processor(t, media.Limits{JobTime: time.Minute})
	var j bytes.Buffer
	if err := jpeg.Encode(&j, ramp(160, 120), nil); err != nil {
		t.Fatal(err)
	}
	served, refused := 0, 0
	for i := 2; i < j.Len(); i += 1 + j.Len()/150 {
		file := bytes.Clone(j.Bytes())
		file[i] ^= 1 << (i % 8)
		_, _, err := p.Photo(t.Context(), bytes.NewReader(file))
		if err == nil {
			served++
			continue
		}
		refused++
		if !slices.ContainsFunc(refusals, func(known error) bool { return errors.Is(err, known) }) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	if served == 0 || refused == 0 {
		t.Errorf("%d served, %d refused", served, refused)
	}
}

func TestPhotoLimits(t *testing.T) {
	t.Parallel()
	data := encoded(t, ramp(1200, 900))
	for name, c := range map[string]struct {
		limits media.Limits
		want   error
	}{
		"pixels": {media.Limits{PhotoPixels: 1000 * 1000}, media.ErrTooManyPixels},
		"bytes":  {media.Limits{PhotoBytes: 1000}, media.ErrTooManyBytes},
		"time":   {media.Limits{JobTime: time.Millisecond}, media.ErrTimeout},
		"memory": {media.Limits{JobMemory: 1 << 20}, media.ErrCostly},
		"none":   {media.Limits{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := processor(t, c.limits)
			if _, _, err := p.Photo(t.Context(), bytes.NewReader(data)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestBrokenSource(t *testing.T) {
	t.Parallel()
	p, _ := processor(t, media.Limits{})
	broken := errors.New("broken")
	source := io.MultiReader(strings.NewReader("\xff\xd8\xff\xe0"), iotest.ErrReader(broken))
	if _, _, err := p.Photo(t.Context(), source); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
