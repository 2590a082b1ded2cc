package lifecycle_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/moderation"
)

// TestLostWorkTouchesNothing lets a node fail at a video that another node has
// taken over meanwhile, and made.
func TestLostWorkTouchesNothing(t *testing.T) {
	t.Parallel()
	store, c := sharing{openStore(t)}, newClock()
	slow := nodeOn(t, store, c)
	g := slow.slow(t)
	id := slow.video(t, alice, 160)
	g.held(t)
	c.advance(lifecycle.WorkLease + time.Second)
	quick := nodeWith(t, &node{store: store, clock: c, files: slow.files})
	m := quick.settledMedium(t, id)
	equal(t, "state", m.State, content.Ready)
	noError(t, quick.Close())
	g.fail(t)
	slow.settledMedium(t, slow.video(t, alice, 180)) // one after the other
	m = quick.medium(t, id)
	equal(t, "state after the other failed", m.State, content.Ready)
	equal(t, "files missing", slow.missing(t, id), []string(nil))
	slow.sound(t)
}

// TestNothingUnseenIsReleased: what was approved while a video in it was withheld
// must not show the video before anybody can have seen it.
func TestNothingUnseenIsReleased(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	g := n.slow(t)
	film := n.video(t, alice, 160)
	id := n.pictured(t, alice, "Watch this", film)
	_, err := n.Decide(t.Context(), mod, site, id, decision(moderation.ActionApprove, 1))
	if !errors.Is(err, lifecycle.ErrMediaPending) {
		t.Fatalf("approving what nobody has seen: %v", err)
	}
	p, err := n.Withhold(t.Context(), mod, site, id, lifecycle.Withholding{Medium: film, Withhold: true, Reasons: []string{"off_topic"}, Rev: 1})
	noError(t, err)
	rev := n.decide(t, id, moderation.ActionApprove, p.Rev)
	release := func() error {
		p, err := n.Withhold(t.Context(), mod, site, id, lifecycle.Withholding{Medium: film, Rev: rev})
		if err == nil {
			rev = p.Rev
		}
		return err
	}
	if err := release(); !errors.Is(err, lifecycle.ErrMediaPending) {
		t.Errorf("releasing what nobody has seen: %v", err)
	}
	// Nor by taking the text off in between.
	rev = n.decide(t, id, moderation.ActionRemove, rev)
	if err := release(); !errors.Is(err, lifecycle.ErrMediaPending) {
		t.Errorf("releasing what nobody has seen of what is removed: %v", err)
	}
	rev = n.decide(t, id, moderation.ActionRestore, rev)
	g.open(t)
	equal(t, "state", n.settledMedium(t, film).State, content.Ready)
	equal(t, "video withheld", n.reach(t, stranger, film, media.Video, none), false)
	noError(t, release())
	equal(t, "video released", n.reach(t, stranger, film, media.Video, none), true)
	equal(t, "gallery", n.gallery(t, lamp.ID), []string{film})
	n.sound(t)
}

// TestVideoOfAnUndecidedContent may be released at any time: who approves is
// asked again.
func TestVideoOfAnUndecidedContent(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	g := n.slow(t)
	film := n.video(t, alice, 160)
	id := n.pictured(t, alice, "Watch this", film)
	p, err := n.Withhold(t.Context(), mod, site, id, lifecycle.Withholding{Medium: film, Withhold: true, Reasons: []string{"off_topic"}, Rev: 1})
	noError(t, err)
	p, err = n.Withhold(t.Context(), mod, site, id, lifecycle.Withholding{Medium: film, Rev: p.Rev})
	noError(t, err)
	if _, err := n.Decide(t.Context(), mod, site, id, decision(moderation.ActionApprove, p.Rev)); !errors.Is(err, lifecycle.ErrMediaPending) {
		t.Errorf("approving what nobody has seen: %v", err)
	}
	g.open(t)
	n.settledMedium(t, film)
	n.decide(t, id, moderation.ActionApprove, p.Rev)
	equal(t, "video", n.reach(t, stranger, film, media.Video, none), true)
	for _, frame := range []string{"frame1", "frame6"} {
		equal(t, frame+" for strangers", n.reach(t, stranger, film, frame, none), false)
		equal(t, frame+" for shoppers", n.reach(t, bob, film, frame, none), false)
		equal(t, frame+" for moderators", n.reach(t, mod, film, frame, none), true)
	}
	_, items := n.shown(t)
	for _, v := range items[0].Media[0].Variants {
		if !slices.Contains([]string{media.Thumb, media.Small, media.Poster, media.Video}, v.Name) {
			t.Errorf("the listing names %s", v.Name)
		}
	}
	n.sound(t)
}

// TestAnotherNodesWork is left alone until that node has been silent for as long
// as the lease lasts.
func TestAnotherNodesWork(t *testing.T) {
	t.Parallel()
	store, c := sharing{openStore(t)}, newClock()
	n := nodeOn(t, store, c)
	g := n.slow(t)
	id := n.video(t, alice, 160)
	g.held(t)
	// The node dies: its lease stays. Another one starts.
	n.changed(t, id, func(m *ledger.Medium) { m.Holder = "dead" })
	other := nodeWith(t, &node{store: store, clock: c, files: n.files})
	for range 3 {
		noError(t, other.WorkOnMedia(t.Context(), ledger.WorkVideo))
	}
	m := n.medium(t, id)
	equal(t, "holder within the lease", m.Holder, "dead")
	c.advance(lifecycle.WorkLease - time.Millisecond)
	noError(t, other.WorkOnMedia(t.Context(), ledger.WorkVideo))
	equal(t, "holder at the end of the lease", n.medium(t, id).Holder, "dead")
	c.advance(time.Millisecond)
	noError(t, other.WorkOnMedia(t.Context(), ledger.WorkVideo))
	equal(t, "state", other.settledMedium(t, id).State, content.Ready)
	g.open(t)
	other.sound(t)
}
