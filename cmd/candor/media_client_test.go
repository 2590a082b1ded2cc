package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// medium is what the tests read of a photo or video on the wire.
type medium struct {
	ID, Kind, State, Reason string
	Width, Height           int
	Duration                float64
	Placeholder             string
	Variants                []variant
}

type variant struct {
	Variant       string
	Width, Height int
	URL           string
}

// path is the address of a variant below the site.
func (v variant) path() string { return strings.TrimPrefix(v.URL, "/v1/sites/shop") }

// pictured is what the tests read of a content with photos and videos.
type pictured struct {
	item
	Media []medium
}

// raw sends a body of so many bytes as it is.
func (c client) raw(method, path string, body io.Reader, size int, header ...string) (answer, error) {
	req, err := http.NewRequest(method, c.base+path, body)
	if err != nil {
		return answer{}, err
	}
	req.ContentLength = int64(size)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	b, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	return answer{res.StatusCode, res.Header, b}, err
}

// upload sends a file as a page's form does.
func (c client) upload(name string, data []byte) (answer, error) {
	return c.uploadBy(name, data, func(r io.Reader) io.Reader { return r })
}

// uploadBy does so through a line.
func (c client) uploadBy(name string, data []byte, line func(io.Reader) io.Reader) (answer, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return answer{}, err
	}
	return c.raw(http.MethodPost, "/media", line(&body), body.Len(), "Content-Type", form.FormDataContentType())
}

// uploaded uploads a file that must be taken in.
func (c client) uploaded(t testing.TB, name string, data []byte) medium {
	t.Helper()
	a, err := c.upload(name, data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return decoded[medium](t, a, http.StatusCreated, name)
}

// settled waits until nothing more happens to an upload by itself.
func (c client) settled(t testing.TB, id string) (m medium) {
	t.Helper()
	eventually(t, "the end of the work on "+id, func() bool {
		m = get[medium](t, c, "/media/"+id)
		return m.State == "ready" || m.State == "failed"
	})
	return m
}

// named are media as a submission names them.
func named(ids []string) []map[string]string {
	out := make([]map[string]string, len(ids))
	for i, id := range ids {
		out[i] = map[string]string{"id": id, "alt": fmt.Sprintf("Picture %d", i+1)}
	}
	return out
}

// eventually asks again and again until it is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(startTimeout)
	for !so() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// mediaTool finds a program that is needed to make or look at media.
// Continuous integration has it.
func mediaTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skipf("%s is not installed; .ci/setup installs it", name)
	return ""
}

// film makes a video with ffmpeg.
func film(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	args = append(append([]string{"-nostdin", "-v", "error"}, args...), path)
	if out, err := exec.CommandContext(t.Context(), mediaTool(t, "ffmpeg"), args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return fileBytes(t, path)
}

// regular are the paths of all files below a folder.
func regular(t testing.TB, folder string) iter.Seq[string] {
	t.Helper()
	return func(yield func(string) bool) {
		err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && !yield(path) {
				return fs.SkipAll
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func fileSize(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func fileBytes(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// drawn is a photo of coarse coloured fields, another for every seed.
func drawn(t testing.TB, seed uint64, w, h int) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for range 30 {
		c := color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255}
		x, y := r.IntN(w), r.IntN(h)
		for dy := range min(h/6, h-y) {
			row := img.Pix[img.PixOffset(x, y+dy):][:4*min(w/6, w-x)]
			for i := 0; i < len(row); i += 4 {
				row[i], row[i+1], row[i+2] = c.R, c.G, c.B
			}
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// stamped is the same MP4 file with another box at its end, which nothing shows:
// the same video to look at, another file to store.
func stamped(movie []byte, stamp uint64) []byte {
	box := append([]byte{0, 0, 0, 16}, "free"...)
	return append(bytes.Clone(movie), binary.BigEndian.AppendUint64(box, stamp)...)
}
