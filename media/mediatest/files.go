package mediatest

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Drawing is a picture of coarse coloured fields, another for every seed. Small
// ones spare the workers: with the race detector each pixel costs much.
func Drawing(width, height int, seed uint64) image.Image {
	r := rand.New(rand.NewPCG(seed, 1))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	field := (width + height) / 9
	for range 40 {
		x, y := r.IntN(width*15/16), r.IntN(height*15/16)
		c := color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255}
		for i := range field * field {
			img.Set(x+i%field, y+i/field, c)
		}
	}
	return img
}

// JPEG is a picture as a file of a quality, 1 to 100.
func JPEG(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Photo is a small photo, another for every seed.
func Photo(t testing.TB, seed uint64) []byte {
	t.Helper()
	return JPEG(t, Drawing(200, 150, seed), 90)
}

// FFmpeg is the path of ffmpeg. It skips a test that makes videos where ffmpeg is
// missing; continuous integration has it.
func FFmpeg(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skip("ffmpeg is not installed; .ci/setup installs it")
	return ""
}

// Film makes a video by ffmpeg, as the arguments say, and gives the path of the
// file of that name.
func Film(t testing.TB, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	all := append([]string{"-nostdin", "-v", "error", "-threads", "1"}, args...)
	out, err := exec.CommandContext(t.Context(), FFmpeg(t), append(all, path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}
