package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/mediatest"
	"github.com/candor-ugc/candor/media/video"
)

// stranger asks without having signed in; none is an address without a
// signature.
var (
	stranger content.Actor
	none     lifecycle.Access
)

// medium reads a medium as the ledger has it.
func (n *node) medium(t testing.TB, id string) *ledger.Medium {
	t.Helper()
	m, err := ledger.New(n.store).Media.Get(t.Context(), id)
	noError(t, err)
	return m
}

// changed changes a medium behind the service's back.
func (n *node) changed(t testing.TB, id string, change func(*ledger.Medium)) {
	t.Helper()
	_, err := ledger.New(n.store).Media.Modify(t.Context(), id, func(m *ledger.Medium, found bool) error {
		if !found {
			t.Errorf("no medium %s", id)
		}
		change(m)
		m.Rev++
		return nil
	})
	noError(t, err)
}

// problems are what a check of the media finds, with whether it was mended.
func (n *node) problems(t testing.TB, repair bool) (found []string) {
	t.Helper()
	_, err := n.CheckMedia(t.Context(), repair, func(p lifecycle.Problem) {
		if p.Mended != repair {
			t.Errorf("mended is %t: %s", p.Mended, p.Text)
		}
		found = append(found, p.Text)
	}, func() {})
	noError(t, err)
	return found
}

// sound fails the test when contents or media are not as they should be.
func (n *node) sound(t testing.TB) {
	t.Helper()
	n.checked(t)
	if found := n.problems(t, false); len(found) > 0 {
		t.Errorf("check of the media:\n%s", strings.Join(found, "\n"))
	}
}

// restarted waits for the end of all work on media, also for what is gone, and gives
// another service on the same ledger and files.
func (n *node) restarted(t *testing.T) *node {
	t.Helper()
	noError(t, n.Close())
	return nodeWith(t, &node{store: n.store, clock: n.clock, files: n.files})
}

// swept lets the sweeper look once.
func (n *node) swept(t testing.TB) {
	t.Helper()
	noError(t, n.SweepMedia(t.Context()))
}

// submitted submits a review with media.
func (n *node) pictured(t testing.TB, who content.Actor, body string, media ...string) string {
	t.Helper()
	done, err := n.Submit(t.Context(), who, with(body, media...))
	noError(t, err)
	return done.ID
}

// shows are the media that strangers see of a product's reviews.
func (n *node) shows(t testing.TB) []string {
	t.Helper()
	out := []string{}
	_, items := n.shown(t)
	for _, item := range items {
		for _, m := range item.Media {
			out = append(out, m.ID)
		}
	}
	slices.Sort(out)
	return out
}

func named(ids ...string) *[]content.Media {
	list := make([]content.Media, len(ids))
	for i, id := range ids {
		list[i] = content.Media{ID: id}
	}
	return &list
}

// film makes a short video of ffmpeg's own test picture; each size is another.
func film(t testing.TB, width int) []byte {
	t.Helper()
	data, err := os.ReadFile(mediatest.Film(t, "film.mp4", "-f", "lavfi",
		"-i", fmt.Sprintf("testsrc=size=%dx120:rate=10:duration=1", width), "-pix_fmt", "yuv420p", "-preset", "ultrafast"))
	noError(t, err)
	return data
}

// gate holds the work on videos until it is opened. What was held then goes on,
// or fails.
type gate struct{ dir string }

// gated is ffmpeg behind a gate.
func gated(t testing.TB) (*video.Tools, *gate) {
	t.Helper()
	program := mediatest.FFmpeg(t)
	g := &gate{dir: t.TempDir()}
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in *-progress*)
	echo $$ > %[1]s/held
	while [ ! -e %[1]s/open ] && [ ! -e %[1]s/fail ]; do sleep 0.02; done
	if [ -e %[1]s/fail ]; then : > %[1]s/failed; echo "cannot be read" >&2; exit 1; fi
	;;
esac
exec %[2]s "$@"
`, g.dir, program)
	noError(t, os.WriteFile(filepath.Join(g.dir, "ffmpeg"), []byte(script), 0o700))
	tools, err := video.Find(t.Context(), func(name string) (string, error) {
		if name == "ffmpeg" {
			return filepath.Join(g.dir, name), nil
		}
		return exec.LookPath(name)
	})
	noError(t, err)
	t.Cleanup(func() { g.touch(t, "open") })
	return tools, g
}

func (g *gate) touch(t testing.TB, name string) {
	t.Helper()
	noError(t, os.WriteFile(filepath.Join(g.dir, name), nil, 0o600))
}

func (g *gate) open(t testing.TB) { g.touch(t, "open") }

// fail lets the video fail that is held, and later ones pass.
func (g *gate) fail(t testing.TB) {
	t.Helper()
	g.touch(t, "fail")
	g.wait(t, "failed")
	noError(t, os.Remove(filepath.Join(g.dir, "fail")))
	g.open(t)
}

func (g *gate) wait(t testing.TB, name string) {
	t.Helper()
	eventually(t, "a video is "+name, func() bool {
		_, err := os.Stat(filepath.Join(g.dir, name))
		return err == nil
	})
}

// held waits until a video is held.
func (g *gate) held(t testing.TB) { g.wait(t, "held") }

// slow makes a node's videos wait at a gate.
func (n *node) slow(t testing.TB) *gate {
	t.Helper()
	tools, g := gated(t)
	p, err := media.NewProcessor(media.Options{
		Limits: media.Limits{JobTime: 5 * time.Minute}, Store: n.files, Tools: tools, TempDir: t.TempDir(),
	})
	noError(t, err)
	t.Cleanup(func() { noError(t, p.Close()) })
	n.Media.Processor = p
	return g
}

// eventually waits for something that other goroutines do.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	late := time.After(3 * time.Minute)
	for !is() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

// settledMedium waits until nothing more happens to a medium, and gives it.
func (n *node) settledMedium(t testing.TB, id string) *ledger.Medium {
	t.Helper()
	var m *ledger.Medium
	eventually(t, "medium is settled", func() bool {
		m = n.medium(t, id)
		// The upload itself goes last.
		refs, err := ledger.New(n.store).Blobs.Count(t.Context(), ledger.Prefix(ledger.ByMedium, id))
		noError(t, err)
		return m.State.Settled() && m.Work == "" && refs == len(n.filesOf(t, id))
	})
	return m
}

// video uploads a video, which is not processed yet.
func (n *node) video(t testing.TB, who content.Actor, width int) string {
	t.Helper()
	m, err := n.upload(t, who, film(t, width))
	noError(t, err)
	return m.ID
}

// fragileFiles is a store of files of which single calls can be made to go wrong.
type fragileFiles struct {
	media.Store
	mu       sync.Mutex
	onPut    func(name string) error
	onDelete func(name string) error
	onOpen   func(name string)
}

func (f *fragileFiles) set(put, del func(name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onPut, f.onDelete = put, del
}

func (f *fragileFiles) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	f.mu.Lock()
	on := f.onPut
	f.mu.Unlock()
	if on != nil {
		if err := on(name); err != nil {
			return err
		}
	}
	return f.Store.Put(ctx, name, r, size)
}

// opening has on called before a file is opened.
func (f *fragileFiles) opening(on func(name string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onOpen = on
}

func (f *fragileFiles) Open(ctx context.Context, name string) (io.ReadSeekCloser, media.ObjectInfo, error) {
	f.mu.Lock()
	on := f.onOpen
	f.mu.Unlock()
	if on != nil {
		on(name)
	}
	return f.Store.Open(ctx, name)
}

func (f *fragileFiles) Delete(ctx context.Context, name string) error {
	f.mu.Lock()
	on := f.onDelete
	f.mu.Unlock()
	if on != nil {
		if err := on(name); err != nil {
			return err
		}
	}
	return f.Store.Delete(ctx, name)
}

// breakable puts a store that can fail in the place of a node's own.
func (n *node) breakable() *fragileFiles {
	f := &fragileFiles{Store: n.Media.Store}
	n.Media.Store = f
	return f
}

// missing are the files that a medium names and the store does not have.
func (n *node) missing(t testing.TB, id string) (names []string) {
	t.Helper()
	for _, f := range n.medium(t, id).Files {
		if err := blob.Verify(t.Context(), n.files, f.Blob); err != nil {
			names = append(names, f.Variant+": "+err.Error())
		}
	}
	return names
}

var errStore = errors.New("store broken on purpose")

// failing is a store that refuses to write to a table while it is told to.
type failing struct {
	ledger.Store
	mu    sync.Mutex
	table string
}

func (f *failing) fail(table string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.table = table
}

// err fails once.
func (f *failing) err(table string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.table != table {
		return nil
	}
	f.table = ""
	return errStore
}

func (f *failing) Insert(ctx context.Context, puts ...ledger.Put) error {
	for _, p := range puts {
		if err := f.err(p.Table); err != nil {
			return err
		}
	}
	return f.Store.Insert(ctx, puts...)
}

func (f *failing) Replace(ctx context.Context, table string, d ledger.Doc, from int64) error {
	if err := f.err(table); err != nil {
		return err
	}
	return f.Store.Replace(ctx, table, d, from)
}
