package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/disintegration/imaging"

	"github.com/candor-ugc/candor/api/content"
)

// benchFiles are photos of about two megapixels, each of them different.
func benchFiles(t testing.TB) (files [][]byte) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(realData(t), "images", "exif_orientation_examples", "*.jpg"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no photos: %v", err)
	}
	for _, path := range paths {
		files = append(files, fileBytes(t, path))
	}
	return files
}

// TestBenchPhotos compares photos a second from upload to answer, in which four
// sizes are made and stored on disk, with decoding, three sizes by imaging and
// encoding them in one process. Both do four at a time on all processors.
//
// The service makes WebP of earlier photos meanwhile, as it always does. What
// is uploaded is deleted after each round, so that nothing is there already in
// the next and no work is left that would slow the other side.
func TestBenchPhotos(t *testing.T) {
	benching(t)
	files := benchFiles(t)
	data := newData(t)
	server := serveApart(t, built(t), data, unlimited...)
	c := newClient(t, server.url, tokenOf(t, data, "alice", content.Shopper))
	const rounds = 6
	var ratios, perSecond, basis, alone []float64
	for round := range rounds {
		ours, ids := benchUploads(t, c, files)
		discard(t, c, server, ids)
		theirs := benchImaging(t, files)
		// One at a time, there is room for WebP beside.
		began := time.Now()
		id := c.uploaded(t, "photo.jpg", files[round%len(files)]).ID
		took := time.Since(began)
		discard(t, c, server, []string{id})
		if round == 0 {
			continue
		}
		ratios, perSecond, basis = append(ratios, ours/theirs), append(perSecond, ours), append(basis, theirs)
		alone = append(alone, took.Seconds()*1000)
	}
	ratio("photo", median(ratios))
	figure("photo", median(perSecond), "photos/s")
	figure("photo_bare_imaging", median(basis), "photos/s")
	figure("photo_alone", median(alone), "ms")

	// Looking at the memory takes time itself.
	stop := watchMemory(t, server)
	for range 3 {
		_, ids := benchUploads(t, c, files)
		discard(t, c, server, ids)
	}
	figure("media_memory", float64(stop().own.server+stop().own.workers)/(1<<20), "MiB")
	server.interrupt(t)
}

// benchUploads uploads files, four at a time.
func benchUploads(t testing.TB, c client, files [][]byte) (perSecond float64, ids []string) {
	t.Helper()
	ids = make([]string, len(files))
	began := time.Now()
	eachOf(len(files), func(i int) {
		a, err := c.upload("photo.jpg", files[i])
		if err != nil || a.status != http.StatusCreated {
			t.Errorf("upload: status %d: %s %v", a.status, a.body, err)
			return
		}
		ids[i] = decoded[medium](t, a, http.StatusCreated, "upload").ID
	})
	return float64(len(files)) / time.Since(began).Seconds(), ids
}

// discard deletes uploads and waits until the server and its workers rest.
func discard(t testing.TB, c client, server *process, ids []string) {
	t.Helper()
	for _, id := range ids {
		if a, err := c.ask(http.MethodDelete, "/media/"+id, nil); err != nil || a.status != http.StatusNoContent {
			t.Fatalf("delete an upload: status %d: %v", a.status, err)
		}
	}
	rest(t, server)
}

// rest waits until a server and its children use no processor any more.
func rest(t testing.TB, server *process) {
	t.Helper()
	busy := func() (ticks int) {
		family := append(children(server.cmd.Process.Pid), childProcess{pid: server.cmd.Process.Pid})
		for _, p := range family {
			ticks += ticksOf(p.pid)
		}
		return ticks
	}
	last, same := busy(), 0
	eventually(t, "the server to rest", func() bool {
		now := busy()
		if same++; now > last+1 {
			same = 0
		}
		last = now
		return same > 10
	})
}

// ticksOf is the processor time that a process has used, in hundredths of a
// second; 0 for one that is gone.
func ticksOf(pid int) (ticks int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// What follows the name in parentheses begins with the third field.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return ticks
}

// benchImaging does what the uploads are compared with.
func benchImaging(t testing.TB, files [][]byte) (perSecond float64) {
	t.Helper()
	began := time.Now()
	eachOf(len(files), func(i int) {
		img, err := imaging.Decode(bytes.NewReader(files[i]))
		if err != nil {
			t.Error(err)
			return
		}
		for _, side := range []int{1280, 480, 160} {
			var out bytes.Buffer
			err := imaging.Encode(&out, imaging.Fit(img, side, side, imaging.Lanczos), imaging.JPEG, imaging.JPEGQuality(82))
			if err != nil {
				t.Error(err)
			}
		}
	})
	return float64(len(files)) / time.Since(began).Seconds()
}

// TestBenchVideos measures seconds of a phone's video a second, from the
// beginning of its upload until it can be played.
func TestBenchVideos(t *testing.T) {
	benching(t)
	const seconds = 10
	movie := film(t, "phone.mp4", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=1920x1080:rate=30:duration=%d", seconds),
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:duration=%d", seconds), "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "12M")
	data := newData(t)
	server := serveApart(t, built(t), data, unlimited...)
	c := newClient(t, server.url, tokenOf(t, data, "alice", content.Shopper))
	stop := watchMemory(t, server)
	var speeds []float64
	for round := range 3 {
		began := time.Now()
		m := c.settled(t, c.uploaded(t, "phone.mp4", stamped(movie, uint64(round))).ID)
		if m.State != "ready" {
			t.Fatalf("the video is %s: %s", m.State, m.Reason)
		}
		speeds = append(speeds, seconds/time.Since(began).Seconds())
		discard(t, c, server, []string{m.ID})
	}
	figure("video_speed", median(speeds), "s/s")
	seen := stop()
	figure("video_memory", float64(seen.own.server+seen.own.workers)/(1<<20), "MiB")
	figure("video_memory_ffmpeg", float64(seen.ffmpeg.ffmpeg)/(1<<20), "MiB")
	server.interrupt(t)
}
