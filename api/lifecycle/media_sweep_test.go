package lifecycle_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/mediatest"
	"github.com/candor-ugc/candor/moderation"
)

// gone reports whether nothing is left of a medium.
func (n *node) gone(t testing.TB, id string) bool {
	t.Helper()
	_, err := ledger.New(n.store).Media.Get(t.Context(), id)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		t.Error(err)
	}
	refs, look := ledger.New(n.store).Blobs.Count(t.Context(), ledger.Prefix(ledger.ByMedium, id))
	noError(t, look)
	return err != nil && refs == 0
}

// TestStagedUploadsExpire after a day, with their files, and nothing else does.
func TestStagedUploadsExpire(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	staged, used, pending := n.photo(t, alice, 1), n.photo(t, alice, 2), n.photo(t, alice, 3)
	shared, err := n.upload(t, bob, mediatest.Photo(t, 1))
	noError(t, err)
	n.noWork(t)
	begun, err := n.BeginUpload(t.Context(), alice, site, 1000)
	noError(t, err)
	if _, err := n.upload(t, alice, []byte("<html>")); !errors.Is(err, media.ErrUnsupported) {
		t.Fatalf("got %v", err)
	}
	shown := n.pictured(t, alice, "Good light", used)
	n.decide(t, shown, moderation.ActionApprove, 1)
	// Nothing has looked at this one since it was submitted.
	_, err = n.Submit(t.Context(), alice, about("Is it bright?", pending))
	noError(t, err)
	_, err = n.Submit(t.Context(), bob, about("Is it like this?", shared.ID))
	noError(t, err)

	n.clock.advance(lifecycle.StagedLife - time.Millisecond)
	n.swept(t)
	equal(t, "staged photo at its last moment", n.reach(t, alice, staged, media.Thumb, none), true)
	equal(t, "upload at its last moment", n.medium(t, begun).State, content.Uploading)
	n.clock.advance(2 * time.Millisecond)
	n.swept(t)
	for _, id := range []string{staged, begun} {
		equal(t, "gone is "+id, n.gone(t, id), true)
	}
	left, err := ledger.New(n.store).Media.Count(t.Context(), ledger.Range{})
	noError(t, err)
	equal(t, "media left", left, 3)
	n.clock.advance(10 * lifecycle.StagedLife)
	n.swept(t)
	for _, id := range []string{used, pending, shared.ID} {
		equal(t, "files missing of "+id, n.missing(t, id), []string(nil))
		equal(t, "expires", n.medium(t, id).Expires.IsZero(), true)
	}
	want := map[string]bool{}
	for _, id := range []string{used, pending, shared.ID} {
		for name := range n.filesOf(t, id) {
			want[name] = true
		}
	}
	equal(t, "files", len(n.stored(t)), len(want))
	n.sound(t)
}

// TestSweeperGoesOn where one upload cannot be removed.
func TestSweeperGoesOn(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	stuck, other := n.photo(t, alice, 1), n.photo(t, alice, 2)
	n.noWork(t)
	bad := n.filesOf(t, stuck)
	f := n.breakable()
	f.set(nil, func(name string) error {
		if bad[name] {
			return errStore
		}
		return nil
	})
	n.clock.advance(lifecycle.StagedLife + time.Second)
	if err := n.SweepMedia(t.Context()); !errors.Is(err, errStore) {
		t.Errorf("got %v", err)
	}
	equal(t, "the other is gone", n.gone(t, other), true)
	equal(t, "the first is gone", n.gone(t, stuck), false)
	equal(t, "the first is served", n.reach(t, alice, stuck, media.Thumb, none), false)
	f.set(nil, nil)
	n.clock.advance(2 * lifecycle.FailedLife)
	n.swept(t)
	equal(t, "the first is gone at last", n.gone(t, stuck), true)
	equal(t, "files left", n.stored(t), []string(nil))
	n.sound(t)
}

// TestSameFileGoesAndComes deletes an upload at the moment at which the same photo
// arrives again: there is never a record whose file is missing.
func TestSameFileGoesAndComes(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	data := mediatest.Photo(t, 1)
	first, err := n.upload(t, alice, data)
	noError(t, err)
	for round := range 12 {
		var second, third content.PrivateMedia
		errs := atOnce(
			func() (err error) { second, err = n.upload(t, bob, data); return err },
			func() error { return n.DeleteMedium(t.Context(), alice, site, first.ID) },
			func() (err error) { third, err = n.upload(t, alice, data); return err },
		)
		noError(t, errors.Join(errs...))
		for _, id := range []string{second.ID, third.ID} {
			if missing := n.missing(t, id); len(missing) > 0 {
				t.Fatalf("round %d: missing %q", round, missing)
			}
		}
		noError(t, n.DeleteMedium(t.Context(), bob, site, second.ID))
		if missing := n.missing(t, third.ID); len(missing) > 0 {
			t.Fatalf("round %d: missing %q after the other was deleted", round, missing)
		}
		first = third
	}
	n.noWork(t)
	n.sound(t)
	noError(t, n.DeleteMedium(t.Context(), alice, site, first.ID))
	equal(t, "files left", n.stored(t), []string(nil))
}

// TestOrphanGoesWhileItIsUploaded looks for left-over files at the moment at which
// somebody uploads just those.
func TestOrphanGoesWhileItIsUploaded(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	data := mediatest.Photo(t, 1)
	for round := range 8 {
		// Files that nothing refers to.
		m, err := n.upload(t, alice, data)
		noError(t, err)
		n.noWork(t)
		noError(t, n.Ledger.Media.Delete(t.Context(), m.ID))
		refs, err := n.Ledger.Blobs.All(t.Context(), ledger.Prefix(ledger.ByMedium, m.ID))
		noError(t, err)
		for _, ref := range refs {
			noError(t, n.Ledger.Blobs.Delete(t.Context(), ledger.Key(ref.Blob, ref.Medium)))
		}
		errs := atOnce(
			func() (err error) { m, err = n.upload(t, bob, data); return err },
			func() error {
				_, err := n.CollectOrphans(t.Context(), time.Now().Add(time.Hour))
				return err
			},
		)
		noError(t, errors.Join(errs...))
		n.noWork(t)
		if missing := n.missing(t, m.ID); len(missing) > 0 {
			t.Fatalf("round %d: missing %q", round, missing)
		}
		noError(t, n.DeleteMedium(t.Context(), bob, site, m.ID))
	}
	n.swept(t)
	n.sound(t)
}

// TestOrphans are deleted once a day, when they are old enough to belong to
// nothing that is at work.
func TestOrphans(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	used := n.photo(t, alice, 1)
	n.noWork(t)
	left := put(t, n.files, "left over")
	// A note of a medium that never came to be, as a crash leaves it.
	crashed := put(t, n.files, "crashed")
	noError(t, n.Ledger.Blobs.Insert(t.Context(), &ledger.BlobRef{Blob: crashed, Medium: newID(), Site: site, At: n.clock.now(), Rev: 1}))
	has := func(name string) bool { return slices.Contains(n.stored(t), name) }
	n.swept(t) // the first look leaves everything
	equal(t, "left over at first", []bool{has(left), has(crashed)}, []bool{true, true})
	// Files are as old as the machine's clock says.
	now := time.Now()
	n.clock.at.Store(now.UnixMilli())
	if _, err := n.CollectOrphans(t.Context(), now.Add(-lifecycle.OrphanGrace)); err != nil {
		t.Error(err)
	}
	equal(t, "young", []bool{has(left), has(crashed)}, []bool{true, false})
	n.clock.advance(lifecycle.OrphanGrace + time.Hour)
	n.swept(t)
	equal(t, "old", []bool{has(left), has(crashed)}, []bool{false, false})
	equal(t, "staged photo expired with them", n.gone(t, used), true)
	late := put(t, n.files, "later")
	n.clock.advance(time.Hour)
	n.swept(t)
	equal(t, "before the day is over", has(late), true)
	n.sound2(t, "nothing refers to this file")
}

// TestNotesOfFilesThatAreNotNamed: what a medium noted and does not name does not
// stay because of the note: a crash may have come between file and record.
func TestNotesOfFilesThatAreNotNamed(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	kept := n.photo(t, alice, 1)
	id := n.pictured(t, alice, "Good light", kept)
	n.noWork(t)
	_, err := n.Withhold(t.Context(), mod, site, id, withhold(kept, 1))
	noError(t, err)
	busy, err := n.BeginUpload(t.Context(), bob, site, 10)
	noError(t, err)
	note := func(medium, text string) string {
		name := put(t, n.files, text)
		noError(t, n.Ledger.Blobs.Insert(t.Context(), &ledger.BlobRef{Blob: name, Medium: medium, Site: site, At: n.clock.now(), Rev: 1}))
		return name
	}
	stale, arriving := note(kept, "stale"), note(busy, "arriving")
	_, err = n.Erase(t.Context(), alice, site)
	noError(t, err)
	// Whoever still worked on it when it was erased died before it could tidy up.
	again := note(kept, "again")
	collect := func() {
		t.Helper()
		_, err := n.CollectOrphans(t.Context(), n.clock.now().Add(-lifecycle.OrphanGrace))
		noError(t, err)
	}
	collect()
	equal(t, "young", slices.Contains(n.stored(t), again), true)
	n.clock.advance(lifecycle.OrphanGrace + time.Second)
	collect()
	for name, want := range map[string]bool{stale: false, again: false, arriving: true} {
		equal(t, "stored is "+name, slices.Contains(n.stored(t), name), want)
	}
}

// put stores a file that nothing refers to.
func put(t testing.TB, store blob.Store, text string) string {
	t.Helper()
	name := blob.NameOf([]byte(text), "jpg")
	noError(t, store.Put(t.Context(), name, bytes.NewReader([]byte(text)), int64(len(text))))
	return name
}

// sound2 is sound but for problems of one kind, of which there is one.
func (n *node) sound2(t testing.TB, but string) {
	t.Helper()
	n.checked(t)
	found := n.problems(t, false)
	if len(found) != 1 || !bytes.Contains([]byte(found[0]), []byte(but)) {
		t.Errorf("check of the media: %q", found)
	}
}

// TestManyExpire in turns.
func TestManyExpire(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Media.Quota.ShopperFiles = 1000
	for range 450 {
		_, err := n.BeginUpload(t.Context(), alice, site, 1)
		noError(t, err)
	}
	n.clock.advance(lifecycle.StagedLife + time.Second)
	for i, want := range []int{250, 50, 0, 0} {
		n.swept(t)
		left, err := n.Ledger.Media.Count(t.Context(), ledger.Range{})
		noError(t, err)
		equal(t, fmt.Sprint("left after turn ", i), left, want)
	}
}

// TestSameFileOnTwoNodes comes on one while it goes on the other.
func TestSameFileOnTwoNodes(t *testing.T) {
	t.Parallel()
	store, c := sharing{openStore(t)}, newClock()
	a := nodeOn(t, store, c)
	b := nodeWith(t, &node{store: store, clock: c, files: a.files})
	data := mediatest.Photo(t, 1)
	first, err := a.upload(t, alice, data)
	noError(t, err)
	for round := range 8 {
		var second content.PrivateMedia
		errs := atOnce(
			func() (err error) { second, err = b.upload(t, bob, data); return err },
			func() error { return a.DeleteMedium(t.Context(), alice, site, first.ID) },
		)
		noError(t, errors.Join(errs...))
		if missing := a.missing(t, second.ID); len(missing) > 0 {
			t.Fatalf("round %d: missing %q", round, missing)
		}
		errs = atOnce(
			func() (err error) { first, err = a.upload(t, alice, data); return err },
			func() error { return b.DeleteMedium(t.Context(), bob, site, second.ID) },
		)
		noError(t, errors.Join(errs...))
		if missing := a.missing(t, first.ID); len(missing) > 0 {
			t.Fatalf("round %d: missing %q", round, missing)
		}
	}
	a.noWork(t)
	a.sound(t)
	a.erased(t, alice)
	a.erased(t, bob)
	eventually(t, "no file is left", func() bool { return len(a.stored(t)) == 0 })
}
