package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/mediatest"
	"github.com/candor-ugc/candor/moderation"
)

func (n *node) erased(t testing.TB, who content.Actor) *ledger.Receipt {
	t.Helper()
	receipt, err := n.Erase(t.Context(), who, site)
	noError(t, err)
	return receipt
}

// TestErasureCountsFiles: what is gone and what somebody else needs; what two
// uploads of the same person share is gone.
func TestErasureCountsFiles(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	same, common := mediatest.Photo(t, 1), mediatest.Photo(t, 2)
	for _, data := range [][]byte{same, same, common} {
		_, err := n.upload(t, alice, data)
		noError(t, err)
	}
	theirs, err := n.upload(t, bob, common)
	noError(t, err)
	_, err = n.BeginUpload(t.Context(), alice, site, 10)
	noError(t, err)
	n.noWork(t)
	before, kept := n.stored(t), n.filesOf(t, theirs.ID)
	r := n.erased(t, alice)
	equal(t, "receipt", []int{r.Media, r.Files, r.SharedFiles}, []int{4, len(before) - len(kept), len(kept)})
	left := n.stored(t)
	equal(t, "files left", len(left), len(kept))
	for _, name := range left {
		equal(t, "needed by the other is "+name, kept[name], true)
	}
	equal(t, "theirs", n.missing(t, theirs.ID), []string(nil))
	r = n.erased(t, alice)
	equal(t, "receipt of another erasure", []int{r.Media, r.Files, r.SharedFiles, r.Contents}, []int{0, 0, 0, 0})
	r = n.erased(t, bob)
	equal(t, "receipt of the other", []int{r.Media, r.Files, r.SharedFiles}, []int{1, len(kept), 0})
	equal(t, "files left by nobody", n.stored(t), []string(nil))
	n.sound(t)
}

// TestErasureCanBeRepeated until every file is gone.
func TestErasureCanBeRepeated(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	id := n.pictured(t, alice, "Good light", n.photo(t, alice, 1), n.photo(t, alice, 2))
	n.decide(t, id, moderation.ActionApprove, 1)
	_, err := n.BeginUpload(t.Context(), alice, site, 10)
	noError(t, err)
	n.noWork(t)
	f := n.breakable()
	forgotten := 0
	n.Media.Forget = func(context.Context, string, string) error {
		if forgotten++; forgotten == 1 {
			return errStore
		}
		return nil
	}
	files := len(n.stored(t))
	for i := range files {
		f.set(nil, func(string) error { return errStore })
		if _, err := n.Erase(t.Context(), alice, site); !errors.Is(err, errStore) {
			t.Fatalf("erasure %d: %v", i, err)
		}
		equal(t, "public photos", n.gallery(t, ""), []string(nil))
		passed := 0
		f.set(nil, func(string) error {
			if passed++; passed > 1 {
				return errStore
			}
			return nil
		})
		_, err := n.Erase(t.Context(), alice, site)
		equal(t, "files left", len(n.stored(t)), files-1-i)
		if err == nil {
			break
		}
	}
	f.set(nil, nil)
	n.erased(t, alice)
	equal(t, "files left", n.stored(t), []string(nil))
	equal(t, "asked to forget again", forgotten, 2)
	n.sound(t)
}

// TestErasureWhileAFileIsStored: a file that is being stored at that moment must
// not outlive its person.
func TestErasureWhileAFileIsStored(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		nth  int32 // of the files
	}{{"a file of the photo", 1}, {"the last file", 2}, {"the first WebP", 3}, {"the last WebP", 4}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			f := n.breakable()
			var puts atomic.Int32
			erased := make(chan struct{})
			f.set(func(string) error {
				if puts.Add(1) != tt.nth {
					return nil
				}
				defer close(erased)
				_, err := n.Erase(context.WithoutCancel(t.Context()), alice, site)
				return err
			}, nil)
			_, err := n.upload(t, alice, mediatest.Photo(t, 1))
			if tt.nth <= 2 && !errors.Is(err, lifecycle.ErrNotFound) {
				t.Errorf("upload: %v", err)
			}
			<-erased
			// Whatever was storing has ended then.
			noError(t, n.Close())
			refs, err := n.Ledger.Blobs.Count(t.Context(), ledger.Range{})
			noError(t, err)
			equal(t, "notes left", refs, 0)
			equal(t, "files left", n.stored(t), []string(nil))
		})
	}
}

// TestErasureWhileAVideoIsMade: nothing of it appears afterwards.
func TestErasureWhileAVideoIsMade(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	g := n.slow(t)
	film := n.video(t, alice, 160)
	g.held(t)
	n.pictured(t, alice, "Watch this", film)
	r := n.erased(t, alice)
	equal(t, "receipt", []int{r.Media, r.Files, r.SharedFiles}, []int{1, 1, 0})
	equal(t, "files at once", n.stored(t), []string(nil))
	g.open(t)
	// The next one is made after it.
	other := n.video(t, bob, 180)
	n.settledMedium(t, other)
	equal(t, "files", len(n.stored(t)), len(n.filesOf(t, other)))
	equal(t, "gone", n.gone(t, film), true)
	n.sound(t)
}

// TestWithheldPicturesAreRememberedWithoutPerson after their erasure, also when it
// is repeated, and by a service that starts again.
func TestWithheldPicturesAreRememberedWithoutPerson(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	bad, good := n.photo(t, alice, 11), n.photo(t, alice, 12)
	id := n.pictured(t, alice, "Look", bad, good)
	_, err := n.Withhold(t.Context(), mod, site, id, withhold(bad, 1))
	noError(t, err)
	n.noWork(t)
	was := n.medium(t, bad)
	n.erased(t, alice)
	n.erased(t, alice)
	m := n.medium(t, bad)
	want := &ledger.Medium{
		ID: bad, Site: site, State: content.Failed, Reason: "erased", Kind: content.Photo, Banned: true, PHash: was.PHash,
		DHash: was.DHash, CreatedAt: was.CreatedAt, UpdatedAt: m.UpdatedAt, Rev: m.Rev,
	}
	equal(t, "what is remembered", *m, *want)
	equal(t, "the other is gone", n.gone(t, good), true)
	equal(t, "files left", n.stored(t), []string(nil))
	n.clock.advance(100 * lifecycle.StagedLife)
	n.swept(t)
	again := nodeWith(t, &node{store: n.store, clock: n.clock, files: n.files})
	id = again.pictured(t, bob, "Look here", again.photo(t, bob, 11))
	c, err := again.Case(t.Context(), mod, site, id)
	noError(t, err)
	equal(t, "alike", c.Content.Media[0].Alike, bad)
	again.sound(t)
}

// TestNothingOfAnErasedPersonIsUsed: a medium cannot be claimed, served or watched.
func TestNothingOfAnErasedPersonIsUsed(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	id := n.photo(t, alice, 1)
	begun, err := n.BeginUpload(t.Context(), alice, site, 10)
	noError(t, err)
	own, err := n.Medium(t.Context(), alice, site, id)
	noError(t, err)
	n.erased(t, alice)
	_, err = n.Submit(t.Context(), alice, about("Is it bright?", id))
	equal(t, "claim", wrong(t, err), []string{"media[0].id unknown"})
	equal(t, "signed address", n.reach(t, stranger, id, media.Thumb, signedAccess(t, own.Variants[0])), false)
	_, err = n.Medium(t.Context(), alice, site, id)
	for i, err := range []error{
		err, n.MayUpload(t.Context(), alice, site, begun), n.FinishUpload(t.Context(), site, begun, "none"),
		n.DropUpload(t.Context(), alice, site, begun), n.DeleteMedium(t.Context(), alice, site, id),
		n.MediaProgress(t.Context(), alice, site, id, func(content.PrivateMedia) error { return nil }),
	} {
		if !errors.Is(err, lifecycle.ErrNotFound) {
			t.Errorf("verb %d: %v", i, err)
		}
	}
}

// TestErasuresAndUploadsAtOnce of two people with the same photo: whoever stays
// has it whole.
func TestErasuresAndUploadsAtOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	data := mediatest.Photo(t, 1)
	for round := range 8 {
		_, err := n.upload(t, alice, data)
		noError(t, err)
		var theirs content.PrivateMedia
		errs := atOnce(
			func() error { _, err := n.Erase(context.WithoutCancel(t.Context()), alice, site); return err },
			func() (err error) { theirs, err = n.upload(t, bob, data); return err },
			func() error { _, err := n.Erase(context.WithoutCancel(t.Context()), alice, site); return err },
		)
		noError(t, errors.Join(errs...))
		if missing := n.missing(t, theirs.ID); len(missing) > 0 {
			t.Fatalf("round %d: missing %q", round, missing)
		}
		equal(t, "theirs", n.reach(t, bob, theirs.ID, media.Full, none), true)
		n.erased(t, bob)
	}
	n = n.restarted(t)
	equal(t, "files left", n.stored(t), []string(nil))
	n.clock.advance(time.Hour)
	n.swept(t)
	n.sound(t)
	if refs, err := n.Ledger.Leases.All(t.Context(), ledger.Range{}); err != nil || slices.ContainsFunc(refs, func(l *ledger.Lease) bool {
		return len(l.Name) > 5 && l.Name[:5] == "file/"
	}) {
		t.Errorf("leases left: %v, %v", refs, err)
	}
}
