package lifecycle_test

import (
	"context"
	"fmt"
	"image"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/disintegration/imaging"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media/mediatest"
	"github.com/candor-ugc/candor/moderation"
)

// alikes are the media of a content that look like withheld ones, as moderators
// see it and as it was screened.
func (n *node) alikes(t testing.TB, id string) (seen, screened []string) {
	t.Helper()
	c, err := n.Case(t.Context(), mod, site, id)
	noError(t, err)
	for _, m := range c.Content.Media {
		if m.Alike != "" {
			seen = append(seen, m.ID+" like "+m.Alike)
		}
	}
	for _, s := range c.Signals {
		if s.Code == moderation.CodePictureKnown {
			screened = append(screened, s.Media+" like "+s.Alike)
		}
	}
	return seen, screened
}

// TestCopiesOfWithheldPictures are recognised when they are smaller, stronger
// compressed or brighter, until the picture is released.
func TestCopiesOfWithheldPictures(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	bad, fine := n.photo(t, alice, 11), n.photo(t, alice, 12)
	id := n.pictured(t, alice, "Look", bad, fine)
	p, err := n.Withhold(t.Context(), mod, site, id, withhold(bad, 1))
	noError(t, err)
	img := mediatest.Drawing(200, 150, 11)
	copies := map[string]image.Image{
		"same": img, "half": imaging.Resize(img, 160, 0, imaging.Lanczos), "double": imaging.Resize(img, 640, 0, imaging.Linear),
		"brighter": imaging.AdjustBrightness(img, 10), "blurred": imaging.Blur(img, 1.5), "cut": imaging.CropCenter(img, 316, 237),
	}
	for name, img := range copies {
		m, err := n.upload(t, bob, mediatest.JPEG(t, img, 60))
		noError(t, err)
		other := n.photo(t, bob, 13)
		done, err := n.Submit(t.Context(), bob, about("What is this?", other, m.ID))
		noError(t, err)
		want := []string{m.ID + " like " + bad}
		seen, screened := n.alikes(t, done.ID)
		equal(t, name+" for moderators", seen, want)
		equal(t, name+" in screening", screened, want)
		equal(t, name+" is held", n.record(t, done.ID).State, content.Pending)
		// Only moderators are told.
		own, err := n.Medium(t.Context(), bob, site, m.ID)
		noError(t, err)
		equal(t, "its owner knows nothing of "+name, own.Alike, "")
	}
	last, err := n.upload(t, bob, mediatest.JPEG(t, img, 60))
	noError(t, err)
	waiting, err := n.Submit(t.Context(), bob, about("What is this?", last.ID))
	noError(t, err)
	_, err = n.Withhold(t.Context(), mod, site, id, lifecycle.Withholding{Medium: bad, Rev: p.Rev})
	noError(t, err)
	seen, _ := n.alikes(t, waiting.ID)
	equal(t, "seen after it was released", seen, []string(nil))
	done, err := n.Submit(t.Context(), bob, about("And this?", n.photo(t, bob, 11)))
	noError(t, err)
	seen, screened := n.alikes(t, done.ID)
	equal(t, "new after it was released", append(seen, screened...), []string(nil))
	n.sound(t)
}

// TestSitesDoNotShareWithheldPictures: what one shop does not want another may.
func TestSitesDoNotShareWithheldPictures(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	bad := n.photo(t, alice, 11)
	id := n.pictured(t, alice, "Look", bad)
	_, err := n.Withhold(t.Context(), mod, site, id, withhold(bad, 1))
	noError(t, err)
	near, err := n.Media.Known.Near(t.Context(), "elsewhere", uint64(n.medium(t, bad).PHash), 64)
	noError(t, err)
	equal(t, "known elsewhere", len(near), 0)
}

// TestNodesShareWithheldPictures within the time after which they are read again.
func TestNodesShareWithheldPictures(t *testing.T) {
	t.Parallel()
	store, c := sharing{openStore(t)}, newClock()
	a := nodeOn(t, store, c)
	b := nodeWith(t, &node{store: store, clock: c, files: a.files})
	began := c.now()
	// Both have read what is withheld, which is nothing.
	for i, n := range []*node{a, b} {
		who := person("author", i)
		n.pictured(t, who, "Good light", n.photo(t, who, 5))
	}
	bad := a.photo(t, alice, 11)
	id := a.pictured(t, alice, "Look", bad)
	p, err := a.Withhold(t.Context(), mod, site, id, withhold(bad, 1))
	noError(t, err)
	copied := func(n *node) (seen []string) {
		t.Helper()
		done, err := n.Submit(t.Context(), bob, about("What is this?", n.photo(t, bob, 11)))
		noError(t, err)
		_, screened := n.alikes(t, done.ID)
		return screened
	}
	equal(t, "where it was withheld", len(copied(a)), 1)
	c.advance(lifecycle.PicturesAge)
	equal(t, "on the other node, read again", len(copied(b)), 1)
	_, err = b.Withhold(t.Context(), mod, site, id, lifecycle.Withholding{Medium: bad, Rev: p.Rev})
	noError(t, err)
	equal(t, "released where it was", len(copied(b)), 0)
	c.advance(time.Second)
	noError(t, a.Follow(t.Context(), began)) // what follows the other sees it at once
	equal(t, "released on the node that follows", len(copied(a)), 0)
	a.sound(t)
}

// person is one of many.
func person(name string, n int) content.Actor {
	return content.Actor{ID: fmt.Sprint(name, "-", n), Role: content.Shopper}
}

// TestWithheldVideosAreKnown, also when they were withheld before they were made.
func TestWithheldVideosAreKnown(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	g := n.slow(t)
	bad := n.video(t, alice, 160)
	id := n.pictured(t, alice, "Watch this", bad)
	_, err := n.Withhold(t.Context(), mod, site, id, withhold(bad, 1))
	noError(t, err)
	n.pictured(t, bob, "Good light", n.photo(t, bob, 5)) // what is withheld is read
	g.open(t)
	n.settledMedium(t, bad)
	again := n.video(t, bob, 160)
	done, err := n.Submit(t.Context(), bob, about("What is this?", again))
	noError(t, err)
	n.settledMedium(t, again)
	seen, _ := n.alikes(t, done.ID)
	equal(t, "seen", seen, []string{again + " like " + bad})
	n.sound(t)
}

// banning counts how often the withheld pictures are read, and lets others change
// something before the reader has taken note.
type banning struct {
	ledger.Store
	reads     atomic.Int32
	meanwhile func(read int32)
}

func (b *banning) Scan(ctx context.Context, table string, r ledger.Range) iter.Seq2[bson.Raw, error] {
	all := b.Store.Scan(ctx, table, r)
	if table != "media" || r.Index != ledger.ByBanned {
		return all
	}
	return func(yield func(bson.Raw, error) bool) {
		all(yield)
		if read := b.reads.Add(1); b.meanwhile != nil && read < 50 {
			b.meanwhile(read)
		}
	}
}

// TestWithheldPicturesAreReadOnce, however busy the site is, and none is missed
// that is withheld meanwhile.
func TestWithheldPicturesAreReadOnce(t *testing.T) {
	t.Parallel()
	store := &banning{Store: openStore(t)}
	first := nodeOn(t, store, newClock())
	good, bad := first.photo(t, alice, 1), first.photo(t, alice, 2)
	busy := first.pictured(t, alice, "Good light", good)
	first.decide(t, busy, moderation.ActionApprove, 1)
	other, err := first.Submit(t.Context(), alice, about("Look", bad))
	noError(t, err)

	n := nodeWith(t, &node{store: store, clock: first.clock, files: first.files})
	votes := func(read int32) {
		_, err := n.Vote(t.Context(), person("voter", int(read)), site, busy, 1)
		noError(t, err)
	}
	store.reads.Store(0)
	store.meanwhile = votes
	id := n.pictured(t, bob, "Look here", n.photo(t, bob, 2))
	equal(t, "reads", store.reads.Load(), 1)
	seen, _ := n.alikes(t, id)
	equal(t, "alike", seen, []string(nil))

	n = nodeWith(t, &node{store: store, clock: first.clock, files: first.files})
	withheld := make(chan error, 1)
	store.reads.Store(0)
	store.meanwhile = func(read int32) {
		if read > 1 {
			return
		}
		go func() {
			// Its answer waits for what is being read.
			_, err := n.Withhold(t.Context(), mod, site, other.ID, withhold(bad, 1))
			withheld <- err
		}()
		eventually(t, "withheld", func() bool { return n.medium(t, bad).Banned })
	}
	copied := n.photo(t, bob, 2)
	done, err := n.Submit(t.Context(), bob, about("Look here", copied))
	noError(t, err)
	noError(t, <-withheld)
	seen, _ = n.alikes(t, done.ID)
	equal(t, "alike", seen, []string{copied + " like " + bad})
}
