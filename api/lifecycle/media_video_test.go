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

// watch gathers the states that somebody who watches a medium is told.
func (n *node) watch(t testing.TB, who content.Actor, id string) (states func() []content.PrivateMedia) {
	t.Helper()
	var told []content.PrivateMedia
	ended := make(chan error, 1)
	go func() {
		ended <- n.MediaProgress(t.Context(), who, site, id, func(m content.PrivateMedia) error {
			told = append(told, m)
			return nil
		})
	}()
	return func() []content.PrivateMedia {
		t.Helper()
		noError(t, <-ended)
		return told
	}
}

// TestVideoIsMade from its upload to what is served, as its author sees it.
func TestVideoIsMade(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	g := n.slow(t)
	m, err := n.upload(t, alice, film(t, 160))
	noError(t, err)
	if m.Kind != content.Video || m.State.Settled() || len(m.Variants) != 0 {
		t.Errorf("just uploaded: %+v", m)
	}
	told := n.watch(t, alice, m.ID)
	g.held(t)
	equal(t, "state at work", n.medium(t, m.ID).State, content.Processing)
	equal(t, "source for its author", n.reach(t, alice, m.ID, media.Video, none), false)
	g.open(t)
	states := told()
	last := states[len(states)-1]
	if last.State != content.Ready || last.Width != 160 || last.Height != 120 || last.Duration < 0.9 || last.Duration > 1.2 || last.Placeholder == "" {
		t.Errorf("made: %+v", last)
	}
	var variants []string
	for _, v := range last.Variants {
		variants = append(variants, v.Name)
		equal(t, v.Name+" by its address", n.reach(t, stranger, m.ID, v.Name, signedAccess(t, v)), true)
	}
	equal(t, "variants", variants, []string{"thumb", "small", "poster", "video", "frame1", "frame2", "frame3", "frame4", "frame5", "frame6"})
	kept := n.medium(t, m.ID)
	equal(t, "source", kept.Source, "")
	equal(t, "files", len(n.stored(t)), len(n.filesOf(t, m.ID))) // the upload itself is gone
	n.sound(t)
}

// TestVideoThatCannotBeMade fails with a reason, leaves no file, and is told.
func TestVideoThatCannotBeMade(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	data := film(t, 160)
	m, err := n.upload(t, alice, data[:len(data)/3])
	noError(t, err)
	states := n.watch(t, alice, m.ID)()
	last := states[len(states)-1]
	equal(t, "outcome", []any{last.State, last.Reason, len(last.Variants)}, []any{content.Failed, "damaged", 0})
	_, err = n.Submit(t.Context(), alice, with("Watch this", m.ID))
	equal(t, "submitted", wrong(t, err), []string{"media[0].id failed"})
	n = n.restarted(t)
	equal(t, "files left", n.stored(t), []string(nil))
	n.sound(t)
}

// TestVideosWithoutFFmpeg are refused with words of their own; photos are not.
func TestVideosWithoutFFmpeg(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p, err := media.NewProcessor(media.Options{Limits: media.Limits{JobTime: 5 * time.Minute}, Store: n.files, TempDir: t.TempDir()})
	noError(t, err)
	t.Cleanup(func() { noError(t, p.Close()) })
	n.Media.Processor = p
	equal(t, "largest upload", n.MaxUpload(), p.Limits().PhotoBytes)
	if _, err := n.upload(t, alice, film(t, 160)); !errors.Is(err, media.ErrNoFFmpeg) || !lifecycle.RefusesUpload(err) {
		t.Errorf("got %v", err)
	}
	n.photo(t, alice, 1)
	n.noWork(t)
	n.sound(t)
}

// TestRestartInTheMiddle: a stopping service gives a video back at once, which is
// no crash, and the next start makes it.
func TestRestartInTheMiddle(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	g := n.slow(t)
	id := n.video(t, alice, 160)
	g.held(t)
	noError(t, n.Close())
	m := n.medium(t, id)
	equal(t, "given back", []any{m.Holder, m.Tries, m.Pauses, m.Work, m.State}, []any{"", 0, 0, ledger.WorkVideo, content.Processing})
	next := nodeWith(t, &node{store: n.store, clock: n.clock, files: n.files})
	equal(t, "state", next.settledMedium(t, id).State, content.Ready)
	next.sound(t)
}

// TestCrashInTheMiddle: what a killed process held is taken up at the next start,
// and given up for damaged when that has happened too often.
func TestCrashInTheMiddle(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	photo := n.photo(t, bob, 1)
	n.noWork(t)
	g := n.slow(t)
	poison := n.video(t, alice, 160)
	g.held(t)
	unlucky := n.video(t, alice, 180)
	noError(t, n.Close())
	// As crashes leave them: held, and counted.
	crashed := func(work string, tries int) func(*ledger.Medium) {
		return func(m *ledger.Medium) {
			m.Work, m.Holder, m.Due, m.Tries = work, "dead", n.clock.now().Add(lifecycle.WorkLease), tries
		}
	}
	n.changed(t, poison, crashed(ledger.WorkVideo, lifecycle.CrashTries))
	n.changed(t, unlucky, crashed(ledger.WorkVideo, lifecycle.CrashTries-1))
	n.changed(t, photo, crashed(ledger.WorkWebP, lifecycle.CrashTries))
	next := nodeWith(t, &node{store: n.store, clock: n.clock, files: n.files})
	m := next.settledMedium(t, poison)
	equal(t, "poison", []any{m.State, m.Reason}, []any{content.Failed, "damaged"})
	equal(t, "one crash fewer", next.settledMedium(t, unlucky).State, content.Ready)
	equal(t, "photo that kills", next.settledMedium(t, photo).State, content.Ready)
	equal(t, "served as JPEG", next.reach(t, bob, photo, media.Thumb, none), true)
	next.sound(t)
}

// troubled makes a node with a video whose files cannot be stored.
func troubled(t *testing.T) (n *node, f *fragileFiles, video string) {
	t.Helper()
	n = newNode(t)
	g := n.slow(t)
	f = n.breakable()
	video = n.video(t, alice, 160)
	g.held(t)
	f.set(func(string) error { return errStore }, nil)
	g.open(t)
	return n, f, video
}

// TestStoreTroubleIsBorne: a video whose files cannot be stored is tried later,
// and that is no crash.
func TestStoreTroubleIsBorne(t *testing.T) {
	t.Parallel()
	n, f, id := troubled(t)
	for i := 1; i <= 3; i++ {
		var m *ledger.Medium
		eventually(t, "put off", func() bool { m = n.medium(t, id); return m.Pauses == i && m.Holder == "" })
		equal(t, "put off", []any{m.State, m.Tries, m.Due.Sub(n.clock.now())}, []any{content.Processing, 0, lifecycle.StorePause})
		if i == 3 {
			f.set(nil, nil)
		}
		n.clock.advance(lifecycle.StorePause)
		noError(t, n.WorkOnMedia(t.Context(), ledger.WorkVideo))
	}
	equal(t, "state", n.settledMedium(t, id).State, content.Ready)
	n.sound(t)
}

// TestStoreTroubleThatStays ends, and says that it is nobody's fault.
func TestStoreTroubleThatStays(t *testing.T) {
	t.Parallel()
	n, _, id := troubled(t)
	for !n.medium(t, id).State.Settled() {
		noError(t, n.WorkOnMedia(t.Context(), ledger.WorkVideo))
		n.clock.advance(lifecycle.StorePause)
	}
	m := n.medium(t, id)
	equal(t, "outcome", []any{m.State, m.Reason}, []any{content.Failed, "internal"})
	n = n.restarted(t)
	equal(t, "files left", n.stored(t), []string(nil))
	n.sound(t)
}
