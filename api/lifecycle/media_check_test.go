package lifecycle_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/mediatest"
	"github.com/candor-ugc/candor/moderation"
)

// folder makes a node whose files lie where the test can damage them.
func folder(t *testing.T) (n *node, path func(name string) string) {
	t.Helper()
	dir := t.TempDir()
	files, err := blob.OpenLocal(dir)
	noError(t, err)
	n = nodeWith(t, &node{store: openStore(t), clock: newClock(), files: files})
	return n, func(name string) string { return filepath.Join(dir, name[:2], name) }
}

// damages are the ways in which a file can be lost, and what a check calls them.
var damages = []struct {
	name, is string
	do       func(path string) error
}{
	{"deleted", "missing", os.Remove},
	{"cut", "damaged", func(path string) error { return os.Truncate(path, 10) }},
	{"emptied", "damaged", func(path string) error { return os.Truncate(path, 0) }},
	{"a bit flipped", "damaged", func(path string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 1
		return os.WriteFile(path, b, 0o600)
	}},
}

// takesWebP and takesJPEG are what browsers say.
func takesWebP(contentType string) bool { return contentType == "image/webp" }
func takesJPEG(string) bool             { return false }

// served fetches whatever strangers are told of: nothing may be missing or other
// than its name says.
func (n *node) served(t testing.TB) (media []string) {
	t.Helper()
	_, items := n.shown(t)
	for _, item := range items {
		for _, m := range item.Media {
			media = append(media, m.ID)
			for _, v := range m.Variants {
				for _, takes := range []func(string) bool{takesJPEG, takesWebP} {
					f, err := n.OpenMedium(t.Context(), stranger, site, m.ID, v.Name, none, takes)
					if err != nil {
						t.Errorf("%s of %s is listed: %v", v.Name, m.ID, err)
						continue
					}
					noError(t, blob.Verify(t.Context(), n.files, f.Name))
					noError(t, f.Close())
				}
			}
		}
	}
	equal(t, "gallery", n.gallery(t, ""), media)
	return media
}

// largePhoto has another file for every variant, of few pixels all the same.
func largePhoto(t testing.TB) []byte {
	t.Helper()
	return mediatest.JPEG(t, mediatest.Drawing(1300, 40, 1), 80)
}

// TestCheckFindsEveryFile loses every file of a public photo and of a public video,
// and some in every way. Each is found, each photo is mended while its largest
// variant is left, and strangers are told of nothing that is not there.
func TestCheckFindsEveryFile(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{"photo": largePhoto(t), "video": film(t, 160)} {
		for _, d := range damages {
			t.Run(name+" "+d.name, func(t *testing.T) {
				t.Parallel()
				n, path := folder(t)
				last := 1
				for i := 0; i < last; i++ {
					who := person("author", i)
					m, err := n.upload(t, who, data)
					noError(t, err)
					files := n.settledMedium(t, m.ID).Files
					if last = 1; d.is == "missing" {
						last = len(files)
					}
					n.decide(t, n.pictured(t, who, "Good light", m.ID), moderation.ActionApprove, 1)
					n.sound(t)
					f := files[len(files)-1-i]
					noError(t, d.do(path(f.Blob)))
					found := strings.Join(n.problems(t, false), "\n")
					if !strings.Contains(found, d.is) || !strings.Contains(found, f.Blob) && !strings.Contains(found, f.Variant) {
						t.Errorf("%s %s: found %q", f.Variant, f.Format, found)
					}
					n.problems(t, true)
					n.settledMedium(t, m.ID)
					n.sound(t)
					mended := name == "photo" && (f.Variant != "full" || f.Format != "jpeg")
					equal(t, "served without "+f.Variant, len(n.served(t)) > 0, mended)
					n.erased(t, who)
					equal(t, "files left", n.stored(t), []string(nil))
				}
			})
		}
	}
}

// TestCheckMendsSharedFiles: two people's equal photos are both whole again.
func TestCheckMendsSharedFiles(t *testing.T) {
	t.Parallel()
	n, path := folder(t)
	data := largePhoto(t)
	var ids []string
	for i := range 2 {
		m, err := n.upload(t, person("author", i), data)
		noError(t, err)
		ids = append(ids, m.ID)
		n.decide(t, n.pictured(t, person("author", i), "Good light", m.ID), moderation.ActionApprove, 1)
	}
	n.noWork(t)
	for _, f := range n.medium(t, ids[0]).Files {
		if f.Variant != "full" || f.Format != "jpeg" {
			if err := os.Remove(path(f.Blob)); err != nil && !os.IsNotExist(err) {
				t.Error(err)
			}
		}
	}
	if found := n.problems(t, false); len(found) < 2 {
		t.Errorf("found %q", found)
	}
	n.problems(t, true)
	n.noWork(t)
	n.sound(t)
	equal(t, "served", len(n.served(t)), 2)
	n.erased(t, person("author", 0))
	equal(t, "served of the other", n.served(t), ids[1:])
	n.sound(t)
}

// TestCheckOfAnUnmadeVideo: without the upload nothing can be made of it.
func TestCheckOfAnUnmadeVideo(t *testing.T) {
	t.Parallel()
	n, path := folder(t)
	g := n.slow(t)
	id := n.video(t, alice, 160)
	g.held(t)
	noError(t, os.Remove(path(n.medium(t, id).Source)))
	if found := n.problems(t, false); len(found) != 1 || !strings.Contains(found[0], "the uploaded file is missing") {
		t.Errorf("found %q", found)
	}
	n.problems(t, true)
	m := n.medium(t, id)
	equal(t, "outcome", []any{m.State, m.Reason, m.Work}, []any{content.Failed, "missing", ""})
	n.sound(t)
	g.open(t)
}

// TestCheckFindsWhatLedgersLose: notes, places, owners.
func TestCheckFindsWhatLedgersLose(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, says string
		lose       func(t *testing.T, n *node, id, medium string)
		media      int
	}{
		{"a note", "is not noted", func(t *testing.T, n *node, _, medium string) {
			noError(t, n.Ledger.Blobs.Delete(t.Context(), ledger.Key(n.medium(t, medium).Files[0].Blob, medium)))
		}, 1},
		{"a place", "galleries do not show", func(t *testing.T, n *node, _, medium string) {
			n.changed(t, medium, func(m *ledger.Medium) { m.Place = nil })
		}, 1},
		{"an order", "galleries do not show", func(t *testing.T, n *node, _, medium string) {
			n.changed(t, medium, func(m *ledger.Medium) { m.Place.Index = 7 })
		}, 1},
		{"a stale note", "does not name it", func(t *testing.T, n *node, _, medium string) {
			noError(t, n.Ledger.Blobs.Insert(t.Context(), &ledger.BlobRef{Blob: put(t, n.files, "x"), Medium: medium, Site: site, Rev: 1}))
		}, 1},
		{"a file of nobody", "nothing refers to", func(t *testing.T, n *node, _, _ string) { put(t, n.files, "x") }, 1},
		{"the content", "does not exist", func(t *testing.T, n *node, _, medium string) {
			other := n.photo(t, alice, 2)
			n.noWork(t)
			n.changed(t, other, func(m *ledger.Medium) { m.Content, m.Expires = newID(), m.TakenAt })
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			medium := n.photo(t, alice, 1)
			id := n.pictured(t, alice, "Good light", medium)
			n.decide(t, id, moderation.ActionApprove, 1)
			n.noWork(t)
			n.clock.at.Store(time.Now().UnixMilli()) // which is what files are dated by
			n.sound(t)
			tt.lose(t, n, id, medium)
			if found := n.problems(t, false); len(found) != 1 || !strings.Contains(found[0], tt.says) {
				t.Errorf("found %q", found)
			}
			n.problems(t, true)
			n.swept(t) // what belongs to nothing has expired
			n.sound(t)
			equal(t, "served", len(n.served(t)), tt.media)
		})
	}
}

// TestCheckOfMediaThatAreGone: a content that names what is not there, or is not
// its own, is shown without it.
func TestCheckOfMediaThatAreGone(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	gone, foreign := n.photo(t, alice, 1), n.photo(t, alice, 2)
	id := n.pictured(t, alice, "Good light", gone, foreign)
	n.decide(t, id, moderation.ActionApprove, 1)
	n.noWork(t)
	noError(t, n.Ledger.Media.Delete(t.Context(), gone))
	n.changed(t, foreign, func(m *ledger.Medium) { m.Content = newID() })
	found := strings.Join(n.problems(t, false), "\n")
	for _, want := range []string{"names " + gone + ", which does not exist", "names " + foreign + ", which is not its own"} {
		if !strings.Contains(found, want) {
			t.Errorf("found %q, want %q", found, want)
		}
	}
	body := "Good light still"
	p, err := n.Edit(t.Context(), alice, site, id, 2, lifecycle.Edit{Body: &body, Media: named()})
	noError(t, err)
	n.decide(t, id, moderation.ActionApprove, p.Rev)
	equal(t, "public photos", n.shows(t), []string{})
	equal(t, "foreign photo", n.reach(t, stranger, foreign, "thumb", none), false)
}

// TestCheckWhileOthersWork takes nothing for lost that was replaced while it
// looked.
func TestCheckWhileOthersWork(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	g := n.slow(t)
	f := n.breakable()
	id := n.video(t, alice, 160)
	g.held(t)
	source := n.medium(t, id).Source
	var once sync.Once
	f.opening(func(name string) {
		if name == source {
			once.Do(func() {
				g.open(t)
				n.settledMedium(t, id)
			})
		}
	})
	if found := n.problems(t, true); len(found) > 0 {
		t.Errorf("found %q", found)
	}
	m := n.settledMedium(t, id)
	equal(t, "state", m.State, content.Ready)
	equal(t, "files missing", n.missing(t, id), []string(nil))
	n.sound(t)
}

// TestCheckTellsOtherNodes what strangers may no longer be told of.
func TestCheckTellsOtherNodes(t *testing.T) {
	t.Parallel()
	store, c := sharing{openStore(t)}, newClock()
	a := nodeOn(t, store, c)
	b := nodeWith(t, &node{store: store, clock: c, files: a.files})
	medium := a.photo(t, alice, 1)
	a.noWork(t)
	a.decide(t, a.pictured(t, alice, "Good light", medium), moderation.ActionApprove, 1)
	noError(t, b.Follow(t.Context(), c.now()))
	equal(t, "before", b.shows(t), []string{medium})
	for _, name := range a.stored(t) {
		noError(t, a.files.Delete(t.Context(), name))
	}
	c.advance(time.Hour)
	since := c.now()
	a.problems(t, true)
	equal(t, "where it was checked", a.shows(t), []string{})
	noError(t, b.Follow(t.Context(), since))
	equal(t, "on another node", b.shows(t), []string{})
	a.sound(t)
	b.sound(t)
}
