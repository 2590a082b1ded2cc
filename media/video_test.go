package media_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/mediatest"
	"github.com/candor-ugc/candor/media/video"
)

const (
	picture = "testsrc=size=320x240:rate=15:duration="
	tone    = "sine=frequency=440:duration="
)

func TestVideoFormats(t *testing.T) {
	t.Parallel()
	mediatest.FFmpeg(t)
	mp4 := mediatest.Film(t, "plain.mp4", "-f", "lavfi", "-i", picture+"2", "-f", "lavfi", "-i", tone+"2", "-c:v", "libx264", "-preset", "ultrafast",
		"-metadata", "title=private", "-metadata", "location=+40.6-111.8/")
	for name, c := range map[string]struct {
		path          string
		format        string
		width, height int
	}{
		"mp4":     {mp4, "mp4", 320, 240},
		"rotated": {mediatest.Film(t, "rotated.mov", "-i", mp4, "-c", "copy", "-metadata:s:v", "rotate=90"), "mov", 240, 320},
		"webm": {mediatest.Film(t, "small.webm", "-f", "lavfi", "-i", picture+"1", "-f", "lavfi", "-i", tone+"1", "-c:v", "libvpx", "-deadline", "realtime",
			"-c:a", "libvorbis"), "webm", 320, 240},
		"without duration": {mediatest.Film(t, "live.webm", "-f", "lavfi", "-i", picture+"1", "-c:v", "libvpx", "-deadline", "realtime", "-live", "1"), "webm", 320, 240},
		"wide pixels":      {mediatest.Film(t, "wide.mp4", "-f", "lavfi", "-i", picture+"1", "-vf", "setsar=2", "-preset", "ultrafast"), "mp4", 640, 240},
		"odd sides": {mediatest.Film(t, "odd.mp4", "-f", "lavfi", "-i", "testsrc=size=321x241:rate=15:duration=1", "-pix_fmt", "yuv444p",
			"-preset", "ultrafast"), "mp4", 322, 242},
		"large": {mediatest.Film(t, "large.mp4", "-f", "lavfi", "-i", "testsrc=size=1920x1200:rate=5:duration=1", "-pix_fmt", "yuv420p",
			"-preset", "ultrafast"), "mp4", 1152, 720},
		"bright": {mediatest.Film(t, "hlg.mp4", "-f", "lavfi", "-i", picture+"1", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-color_primaries", "bt2020",
			"-color_trc", "arib-std-b67", "-colorspace", "bt2020nc"), "mp4", 320, 240},
		"one frame": {mediatest.Film(t, "one.mp4", "-f", "lavfi", "-i", picture+"1", "-frames:v", "1", "-pix_fmt", "yuv420p"), "mp4", 320, 240},
	} {
		t.Run(name, func(t *testing.T) {
			p, store := processor(t, media.Limits{})
			var last atomic.Value
			info, all, err := p.Video(t.Context(), c.path, func(done float64) { last.Store(done) })
			if err != nil {
				t.Fatal(err)
			}
			if info.Format != c.format || info.Width != c.width || info.Height != c.height || info.Duration <= 0 || info.PHash == 0 {
				t.Errorf("%+v", info)
			}
			if len(all) != 3+6+1 {
				t.Errorf("%d derivatives", len(all))
			}
			main := variant(t, all, media.Video)
			if main.Width != c.width || main.Height != c.height || main.ContentType != "video/mp4" {
				t.Errorf("%+v", main)
			}
			content := read(t, store, main.Blob)
			if bytes.Contains(content, []byte("private")) || bytes.Contains(content, []byte("111.8")) {
				t.Error("metadata is left")
			}
			if moov, mdat := bytes.Index(content, []byte("moov")), bytes.Index(content, []byte("mdat")); moov < 0 || moov > mdat {
				t.Errorf("moov at %d, mdat at %d", moov, mdat)
			}
			if done, ok := last.Load().(float64); name == "mp4" && (!ok || done < 0.9 || done > 1) {
				t.Errorf("progress ended at %v", done)
			}
			for _, d := range all {
				if d.Format == "jpeg" {
					decoded(t, store, d)
				}
			}
			if name == "rotated" {
				checkTurned(t, decoded(t, store, variant(t, all, media.Poster)))
			}
		})
	}
}

// checkTurned checks that the test picture was turned with the video: its
// coloured bars go across, not up, so that a column has many colours.
func checkTurned(t *testing.T, img image.Image) {
	t.Helper()
	changes := func(at func(i int) (r, g, b, a uint32), n int) (count int) {
		for i := 8; i < n-8; i += 2 {
			r, g, b, _ := at(i)
			r2, g2, b2, _ := at(i + 2)
			if max(r, r2)-min(r, r2)+max(g, g2)-min(g, g2)+max(b, b2)-min(b, b2) > 40_000 {
				count++
			}
		}
		return count
	}
	b := img.Bounds()
	across := changes(func(i int) (r, g, b, a uint32) { return img.At(i, 24).RGBA() }, b.Dx())
	down := changes(func(i int) (r, g, bl, a uint32) { return img.At(b.Dx()-24, i).RGBA() }, b.Dy())
	if down <= across {
		t.Errorf("%d changes across, %d down", across, down)
	}
}

func TestVideoLimits(t *testing.T) {
	t.Parallel()
	two := mediatest.Film(t, "two.mp4", "-f", "lavfi", "-i", picture+"4", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
	live := mediatest.Film(t, "live.webm", "-f", "lavfi", "-i", picture+"4", "-c:v", "libvpx", "-deadline", "realtime", "-live", "1")
	for name, c := range map[string]struct {
		path   string
		limits media.Limits
		want   error
	}{
		"long":            {two, media.Limits{VideoDuration: time.Second}, media.ErrVideoLimit},
		"secretly long":   {live, media.Limits{VideoDuration: time.Second}, media.ErrVideoLimit},
		"bytes":           {two, media.Limits{VideoBytes: 1000}, media.ErrTooManyBytes},
		"pixels":          {two, media.Limits{VideoPixels: 320*240 - 1}, media.ErrVideoLimit},
		"output":          {two, media.Limits{VideoOutput: 20 << 10}, media.ErrVideoLimit},
		"time":            {two, media.Limits{VideoTime: 10 * time.Millisecond}, media.ErrVideoTimeout},
		"nothing to mind": {two, media.Limits{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, store := processor(t, c.limits)
			if _, _, err := p.Video(t.Context(), c.path, nil); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if c.want != nil {
				wantNothingStored(t, store)
			}
		})
	}
}

// Nothing that a file says makes anything be opened or fetched.
func TestHostileVideos(t *testing.T) {
	t.Parallel()
	mediatest.FFmpeg(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var fetched atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fetched.Add(1)
			_ = conn.Close()
		}
	}()
	secret := filepath.Join(t.TempDir(), "secret.ts")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := mediatest.Film(t, "good.mp4", "-f", "lavfi", "-i", picture+"1", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String() + "/x.ts"
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n" + address + "\n#EXTINF:10,\nfile://" + secret + "\n#EXT-X-ENDLIST\n"
	external := bytes.Clone(whole)
	at := bytes.Index(external, []byte("url \x00\x00\x00\x01"))
	if at < 0 {
		t.Fatal("no data reference")
	}
	external[at+7] = 0
	// A reference that names an address instead of this file.
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"hls playlist":    {[]byte(playlist), media.ErrUnsupported},
		"concat playlist": {[]byte("ffconcat version 1.0\nfile " + address + "\n"), media.ErrUnsupported},
		"playlist in mp4": {append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42"), playlist...), media.ErrPolyglot},
		"far playlist in mp4": {
			append(append([]byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42\x00\x00\x20\x00free"), make([]byte, 8184)...), playlist...), media.ErrVideo,
		},
		"playlist as quicktime": {append([]byte("\x00\x00\x00\x08wide"), strings.Repeat(playlist, 40)...), media.ErrPolyglot},
		"external reference":    {external, media.ErrVideoExternal},
		"no movie":              {whole[:40], media.ErrVideo},
		"half a movie":          {whole[:len(whole)/2], media.ErrVideo},
		"audio only": {
			readFile(t, mediatest.Film(t, "audio.mp4", "-f", "lavfi", "-i", tone+"1")), media.ErrVideo,
		},
		"a picture coded as nobody does": {
			readFile(t, mediatest.Film(t, "odd.mov", "-f", "lavfi", "-i", picture+"1", "-c:v", "qtrle")), media.ErrVideoCodec,
		},
		"photo": {encoded(t, ramp(20, 20)), media.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := processor(t, media.Limits{})
			path := filepath.Join(t.TempDir(), "upload.mp4")
			if err := os.WriteFile(path, c.file, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := p.Video(t.Context(), path, nil); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestVideoCancelled(t *testing.T) {
	t.Parallel()
	path := mediatest.Film(t, "long.mp4", "-f", "lavfi", "-i", "testsrc=size=1280x720:rate=30:duration=20", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
	dir := t.TempDir()
	tools, err := video.Find(t.Context(), exec.LookPath)
	if err != nil {
		t.Fatal(err)
	}
	store, err := blob.OpenLocal(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := media.NewProcessor(media.Options{Store: store, Tools: tools, TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("shut down")
	_, _, err = p.Video(ctx, path, func(float64) { cancel(gone) })
	if !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%d folders left, %v", len(left), err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestWithoutFFmpeg(t *testing.T) {
	t.Parallel()
	missing := func(string) (string, error) { return "", exec.ErrNotFound }
	if _, err := video.Find(t.Context(), missing); !errors.Is(err, media.ErrNoFFmpeg) {
		t.Errorf("got %v", err)
	}
	// A program of that name that is something else.
	other := func(string) (string, error) { return exec.LookPath("true") }
	if _, err := video.Find(t.Context(), other); !errors.Is(err, media.ErrNoFFmpeg) {
		t.Errorf("got %v", err)
	}
	store, err := blob.OpenLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p, err := media.NewProcessor(media.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Video(t.Context(), "none", nil); !errors.Is(err, media.ErrNoFFmpeg) || p.TakesVideos() {
		t.Errorf("got %v", err)
	}
	if _, _, err := p.Photo(t.Context(), bytes.NewReader(encoded(t, ramp(30, 20)))); err != nil {
		t.Errorf("photos work without: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
