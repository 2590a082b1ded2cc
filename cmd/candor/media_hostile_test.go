package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/candor-ugc/candor/api/content"
)

// TestHostileMedia sends a running server what should do harm: every file is
// refused, nothing that one names is opened or fetched, and afterwards the
// service takes a photo as before.
func TestHostileMedia(t *testing.T) {
	t.Parallel()
	var fetched atomic.Int64
	bait := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Logf("%s %s was asked for", r.Method, r.URL)
		fetched.Add(1)
	}))
	defer bait.Close()
	secret := filepath.Join(t.TempDir(), "secret.ts")
	if err := os.WriteFile(secret, bytes.Repeat([]byte("secret"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	data := newData(t)
	server := serveApart(t, built(t), data, unlimited...)
	stop := watchMemory(t, server)
	c := newClient(t, server.url, tokenOf(t, data, "alice", content.Shopper))
	for _, h := range slices.Concat(hostilePhotos(t), hostileVideos(t, bait.URL, secret)) {
		a, err := c.upload(h.name, h.file)
		if err != nil {
			t.Errorf("%s: %v", h.name, err)
			continue
		}
		var code string
		if a.status == http.StatusCreated {
			// A video is looked at later.
			m := c.settled(t, decoded[medium](t, a, http.StatusCreated, h.name).ID)
			code = "media_" + m.Reason
		} else {
			code = refusedMedia(t, h.name, len(h.file), a)
		}
		if !slices.Contains(strings.Fields(h.codes), code) {
			t.Errorf("%s: %s, want %s", h.name, code, h.codes)
		}
	}
	flipBits(t, c)
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d requests were made", n)
	}
	seen := stop()
	t.Logf("most memory: without ffmpeg %v; of ffmpeg %d MiB", seen.own, seen.ffmpeg.ffmpeg>>20)
	if used := seen.own.server + seen.own.workers; used > mostMemory {
		t.Errorf("the server and its photo workers used %d MiB", used>>20)
	}
	if m := c.uploaded(t, "harmless.jpg", drawn(t, 1, 600, 400)); m.State != "ready" || m.Width != 600 {
		t.Errorf("a photo after that: %+v", m)
	}
	server.interrupt(t)
	if strings.Contains(server.log.String(), "panic") {
		t.Errorf("the log tells of a panic:\n%s", server.log)
	}
	command(t, "check", "media", "--data", data).must(t)
}

// hostileFile is refused with one of some codes.
type hostileFile struct {
	name  string
	file  []byte
	codes string
}

func hostilePhotos(t *testing.T) []hostileFile {
	t.Helper()
	photo := drawn(t, 2, 800, 600)
	frames := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00")
	for range 5000 {
		frames = append(frames, "\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"...)
	}
	return []hostileFile{
		{"28 bytes.webp", []byte("RIFF\x14\x00\x00\x00WEBPVP8L\x08\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00"), "media_too_many_pixels"},
		{"50,000 x 50,000.png", pngHeader(50_000, 50_000), "media_too_many_pixels"},
		{"within the limit.png", pngHeader(7_000, 7_000), "media_damaged media_too_costly"},
		{"5,000 frames.gif", append(frames, 0x3b), "media_too_many_frames"},
		{"half.jpg", photo[:len(photo)/2], "media_damaged"},
		{"head.jpg", photo[:300], "media_damaged"},
		{"svg.jpg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "media_unsupported"},
		{"html.jpg", []byte("<!doctype html><script>alert(1)</script>"), "media_unsupported"},
		{"html inside.jpg", slices.Concat([]byte("\xff\xd8\xff\xfe\x00\x20<html><script>x</script>     "), photo[2:]), "media_polyglot"},
		{"script.gif", []byte("GIF89a/*\x00\x01\x00\x00*/=1;alert(1)"), "media_damaged media_polyglot"},
		{"archive.zip", []byte("PK\x03\x04\x14\x00\x08\x00\x08\x00"), "media_unsupported"},
		{"archive.jpg", append([]byte("PK\x03\x04\x14\x00\x08\x00\x08\x00"), photo...), "media_unsupported"},
		{"document.pdf", []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), "media_unsupported"},
		{"drawing.mvg.png", []byte("push graphic-context\nviewbox 0 0 640 480\nfill 'url(http://127.0.0.1/)'\n"), "media_unsupported"},
		{"postscript.jpg", []byte("%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file\n"), "media_unsupported"},
		{"longer than photos may be.jpg", append(bytes.Clone(photo), make([]byte, 21<<20)...), "media_too_large"},
		{"nothing.jpg", nil, "malformed_form"},
	}
}

// pngHeader is a PNG file that ends after it has said how large it is.
func pngHeader(w, h uint32) []byte {
	chunk := []byte("IHDR")
	chunk = binary.BigEndian.AppendUint32(chunk, w)
	chunk = binary.BigEndian.AppendUint32(chunk, h)
	chunk = append(chunk, 8, 6, 0, 0, 0)
	out := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), 13)
	return binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
}

func hostileVideos(t *testing.T, address, secret string) []hostileFile {
	t.Helper()
	movie := film(t, "good.mp4", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=1", "-pix_fmt", "yuv420p", "-preset", "ultrafast")
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n" + address + "/a.ts\n#EXTINF:10,\nfile://" + secret + "\n#EXT-X-ENDLIST\n"
	concat := "ffconcat version 1.0\nfile " + address + "/b.ts\nfile " + secret + "\n"
	head := "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42"
	hidden := head + "\x00\x00\x20\x00free" + strings.Repeat("\x00", 0x2000-8)
	dash := `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>` + address + `/</BaseURL></MPD>`
	reference := box("moov", box("rmra", box("rmda", box("rdrf", "\x00\x00\x00\x00url "+sized(address+"/c.mov\x00")))))
	return []hostileFile{
		{"list.m3u8", []byte(playlist), "media_unsupported"},
		{"list.mp4", []byte(playlist), "media_unsupported"},
		{"concat.mp4", []byte(concat), "media_unsupported"},
		{"manifest.mp4", []byte(dash), "media_unsupported"},
		{"description.mp4", []byte("v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"), "media_unsupported"},
		{"list inside.mp4", []byte(head + playlist), "media_polyglot media_damaged"},
		{"list far inside.mp4", []byte(hidden + playlist), "media_damaged media_polyglot"},
		{"concat far inside.mp4", []byte(hidden + concat), "media_damaged media_polyglot"},
		{"list as a movie.mov", []byte("\x00\x00\x00\x08wide" + strings.Repeat(playlist, 40)), "media_polyglot media_damaged"},
		{"movie elsewhere.mov", []byte("\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  " + reference), "media_video_external media_damaged"},
		{"data elsewhere.mp4", elsewhere(t, movie, address+"/d.mp4"), "media_video_external"},
		{"data in a file.mp4", elsewhere(t, movie, "file://"+secret), "media_video_external"},
		{"half a movie.mp4", movie[:len(movie)/2], "media_damaged"},
		{"no movie.mp4", movie[:40], "media_damaged"},
		{"only sound.mp4", film(t, "sound.mp4", "-f", "lavfi", "-i", "sine=duration=1"), "media_damaged"},
		{"rare.mov", film(t, "rare.mov", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1", "-c:v", "qtrle"), "media_video_codec"},
		{"matroska.mp4", film(t, "other.mkv", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1", "-pix_fmt", "yuv420p"), "media_unsupported"},
	}
}

// box is a box of an MP4 file; sized is a text after its length.
func box(kind, payload string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(payload)))) + kind + payload
}

func sized(text string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) + text
}

// elsewhere is an MP4 file whose pictures lie at an address: the reference that
// says that they are in the file itself is replaced.
func elsewhere(t *testing.T, movie []byte, address string) []byte {
	t.Helper()
	at := bytes.LastIndex(movie, []byte("url \x00\x00\x00\x01"))
	if at < 0 || bytes.Index(movie, []byte("moov")) < bytes.Index(movie, []byte("mdat")) {
		t.Fatal("the movie is not built as expected")
	}
	out := slices.Concat(movie[:at-4], []byte(box("url ", "\x00\x00\x00\x00"+address+"\x00")), movie[at+8:])
	for _, kind := range []string{"moov", "trak", "mdia", "minf", "dinf", "dref"} {
		size := out[bytes.LastIndex(out[:at], []byte(kind))-4:]
		binary.BigEndian.PutUint32(size, binary.BigEndian.Uint32(size)+uint32(len(address)+1))
	}
	return out
}

// flipBits uploads photos in which one bit is wrong: each is served or refused.
func flipBits(t *testing.T, c client) {
	t.Helper()
	const files = 60
	photo := drawn(t, 3, 300, 200)
	var served, refused atomic.Int64
	eachOf(files, func(i int) {
		file := bytes.Clone(photo)
		at := 2 + i*(len(file)-2)/files
		file[at] ^= 1 << (i % 8)
		name := fmt.Sprintf("bit %d of byte %d.jpg", i%8, at)
		a, err := c.upload(name, file)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case a.status == http.StatusCreated:
			served.Add(1)
		default:
			refusedMedia(t, name, len(file), a)
			refused.Add(1)
		}
	})
	t.Logf("of %d photos with a wrong bit %d are served, %d refused", files, served.Load(), refused.Load())
	if served.Load() == 0 || refused.Load() == 0 {
		t.Error("those photos test only one of the two")
	}
}
