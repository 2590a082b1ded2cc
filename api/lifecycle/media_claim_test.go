package lifecycle_test

import (
	"context"
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

// wrong are the fields and codes of what is wrong with input.
func wrong(t testing.TB, err error) (out []string) {
	t.Helper()
	var invalid content.Invalid
	if !errors.As(err, &invalid) {
		t.Errorf("%v is not invalid input", err)
	}
	for _, f := range invalid {
		out = append(out, f.Field+" "+f.Code)
	}
	return out
}

// about is a question, of which one may ask as many as one likes.
func about(body string, media ...string) lifecycle.Submission {
	s := with(body, media...)
	s.Kind, s.Text.Rating = content.Question, 0
	return s
}

// TestRaceForOneMedium lets submissions race for the same photo: one has it, the
// others are told, and nothing is lost.
func TestRaceForOneMedium(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for round := range 8 {
		id := n.photo(t, alice, uint64(round))
		var submissions []func() error
		won := make([]string, 4)
		for i := range won {
			submissions = append(submissions, func() error {
				done, err := n.Submit(t.Context(), alice, about("Is it bright?", id))
				if err == nil {
					won[i] = done.ID
				}
				return err
			})
		}
		var winner string
		for i, err := range atOnce(submissions...) {
			var invalid content.Invalid
			switch {
			case err == nil && winner != "":
				t.Errorf("round %d: %s and %s both have the photo", round, winner, won[i])
			case err == nil:
				winner = won[i]
			case errors.As(err, &invalid) && slices.Equal(wrong(t, err), []string{"media[0].id taken"}):
			case !errors.Is(err, lifecycle.ErrInFlight):
				t.Errorf("round %d: %v", round, err)
			}
		}
		if winner == "" {
			t.Fatalf("round %d: nobody won", round)
		}
		equal(t, "whose photo it is", n.medium(t, id).Content, winner)
	}
	n.sound(t)
}

// TestRaceOfTheSameEdit sends the same edit twice, as a double click does: the
// photo that it adds is there afterwards.
func TestRaceOfTheSameEdit(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for round := range 12 {
		added := n.photo(t, alice, uint64(round))
		done, err := n.Submit(t.Context(), alice, about("Is it bright?"))
		noError(t, err)
		edit := func() error {
			_, err := n.Edit(t.Context(), alice, site, done.ID, 1, lifecycle.Edit{Media: named(added)})
			return err
		}
		won := 0
		for _, err := range atOnce(edit, edit, edit) {
			if err == nil {
				won++
			} else if !errors.Is(err, lifecycle.ErrConflict) {
				t.Errorf("round %d: %v", round, err)
			}
		}
		equal(t, "winners", won, 1)
		equal(t, "whose photo it is", n.medium(t, added).Content, done.ID)
		n.decide(t, done.ID, moderation.ActionApprove, 2)
		equal(t, "photo is public", n.reach(t, stranger, added, media.Thumb, none), true)
	}
	n.clock.advance(2 * lifecycle.StagedLife)
	n.swept(t)
	n.sound(t)
}

// TestTextOfAFailedVideo can be changed without taking the video out.
func TestTextOfAFailedVideo(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	g := n.slow(t)
	film := n.video(t, alice, 160)
	g.held(t)
	id := n.pictured(t, alice, "Watch this", film)
	g.fail(t)
	m := n.settledMedium(t, film)
	equal(t, "state", m.State, content.Failed)
	equal(t, "reason", m.Reason, "damaged")
	body := "Look at this"
	p, err := n.Edit(t.Context(), alice, site, id, 1, lifecycle.Edit{Body: &body})
	noError(t, err)
	if len(p.Media) != 1 || p.Media[0].State != content.Failed || p.Media[0].Reason != "damaged" {
		t.Errorf("media %+v", p.Media)
	}
	// In something else it cannot be used.
	_, err = n.Submit(t.Context(), alice, about("Why?", film))
	equal(t, "another content", wrong(t, err), []string{"media[0].id failed"})
	n.decide(t, id, moderation.ActionApprove, p.Rev)
	equal(t, "public media", n.shows(t), []string{})
	n.sound(t)
}

// TestEditsOfMedia add, remove, reorder and re-caption.
func TestEditsOfMedia(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	one, two, three := n.photo(t, alice, 1), n.photo(t, alice, 2), n.photo(t, alice, 3)
	id := n.pictured(t, alice, "Good light", one, two)
	rev := n.decide(t, id, moderation.ActionApprove, 1)
	edit := func(list *[]content.Media) {
		t.Helper()
		p, err := n.Edit(t.Context(), alice, site, id, rev, lifecycle.Edit{Media: list})
		noError(t, err)
		rev = p.Rev
	}
	public := func(want ...string) {
		t.Helper()
		equal(t, "gallery", n.gallery(t, lamp.ID), want)
		_, items := n.shown(t)
		var listed []string
		for _, m := range items[0].Media {
			listed = append(listed, m.ID)
		}
		equal(t, "listed", listed, want)
		for _, medium := range []string{one, two, three} {
			equal(t, "public is "+medium, n.reach(t, stranger, medium, media.Small, none), slices.Contains(want, medium))
		}
	}
	public(one, two)
	edit(named(three, one))
	public(one, two) // what waits changes nothing
	rev = n.decide(t, id, moderation.ActionApprove, rev)
	public(three, one)
	equal(t, "author's own", n.reach(t, alice, two, media.Small, none), true)

	edit(named(one, three)) // another order
	rev = n.decide(t, id, moderation.ActionApprove, rev)
	public(one, three)

	edit(&[]content.Media{{ID: one, Caption: "At night", Alt: "A lamp that is lit"}, {ID: three}})
	rev = n.decide(t, id, moderation.ActionApprove, rev)
	_, items := n.shown(t)
	equal(t, "caption", items[0].Media[0].Caption+", "+items[0].Media[0].Alt, "At night, A lamp that is lit")

	edit(named(two)) // it was the content's before
	rev = n.decide(t, id, moderation.ActionApprove, rev)
	public(two)
	edit(named())
	public(two)
	_, err := n.Undo(t.Context(), mod, site, id, n.decide(t, id, moderation.ActionApprove, rev))
	noError(t, err)
	public(two)
	rev += 2
	n.decide(t, id, moderation.ActionApprove, rev)
	public()
	n.clock.advance(2 * lifecycle.StagedLife)
	n.swept(t)
	equal(t, "history stays", n.reach(t, mod, one, media.Full, none), true)
	n.sound(t)
}

// TestWhatCannotBeNamed: too many, the same twice, another site's.
func TestWhatCannotBeNamed(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Media.Items = 2
	one, two, three := n.photo(t, alice, 1), n.photo(t, alice, 2), n.photo(t, alice, 3)
	_, err := n.Submit(t.Context(), alice, with("Good light", one, two, three))
	equal(t, "too many", wrong(t, err), []string{"media too_many"})
	_, err = n.Submit(t.Context(), alice, with("Good light", one, one))
	equal(t, "twice", wrong(t, err), []string{"media[1].id invalid"})
	elsewhere := with("Good light", one)
	elsewhere.Site = "elsewhere"
	_, err = n.Submit(t.Context(), alice, elsewhere)
	equal(t, "another site's", wrong(t, err), []string{"media[0].id unknown"})
	id := n.pictured(t, alice, "Good light", one)
	_, err = n.Edit(t.Context(), alice, site, id, 1, lifecycle.Edit{Media: named(one, two, three)})
	equal(t, "too many by an edit", wrong(t, err), []string{"media too_many"})
	n.changed(t, one, func(m *ledger.Medium) { m.Author = "bob" })
	_, err = n.Submit(t.Context(), bob, about("Is it?", one))
	equal(t, "of another content", wrong(t, err), []string{"media[0].id taken"})
	for _, id := range []string{two, three} {
		equal(t, "left alone", n.medium(t, id).Content, "")
	}
}

// TestCrashBetweenClaimAndContent leaves a photo that is free again once the
// request cannot be at work any more.
func TestCrashBetweenClaimAndContent(t *testing.T) {
	t.Parallel()
	store := &failing{Store: openStore(t)}
	n := nodeOn(t, store, newClock())
	id := n.photo(t, alice, 1)
	n.noWork(t)
	store.fail("contents")
	if _, err := n.Submit(t.Context(), alice, about("Is it bright?", id)); !errors.Is(err, errStore) {
		t.Fatalf("got %v", err)
	}
	if n.medium(t, id).Content == "" {
		t.Fatal("the photo was not taken before the content was written")
	}
	if _, err := n.Submit(t.Context(), alice, about("Is it bright?", id)); !errors.Is(err, lifecycle.ErrInFlight) {
		t.Errorf("at once: %v", err)
	}
	n.clock.advance(lifecycle.InFlight + time.Millisecond)
	done, err := n.Submit(t.Context(), alice, about("Is it bright?", id))
	noError(t, err)
	equal(t, "whose photo it is", n.medium(t, id).Content, done.ID)
	n.sound(t)
}

// TestCrashBetweenClaimAndEdit: what an edit took without coming to its end is
// free for others after the same time, and does not stay for ever.
func TestCrashBetweenClaimAndEdit(t *testing.T) {
	t.Parallel()
	store := &failing{Store: openStore(t)}
	n := nodeOn(t, store, newClock())
	lost, kept := n.photo(t, alice, 1), n.photo(t, alice, 2)
	n.noWork(t)
	done, err := n.Submit(t.Context(), alice, about("Is it bright?"))
	noError(t, err)
	store.fail("contents")
	for range 2 {
		_, err = n.Edit(t.Context(), alice, site, done.ID, 1, lifecycle.Edit{Media: named(lost, kept)})
		if !errors.Is(err, errStore) {
			t.Fatalf("got %v", err)
		}
		store.fail("contents")
	}
	store.fail("")
	if _, err := n.Submit(t.Context(), alice, about("Is it loud?", kept)); !errors.Is(err, lifecycle.ErrInFlight) {
		t.Errorf("at once: %v", err)
	}
	n.clock.advance(lifecycle.InFlight + time.Millisecond)
	other, err := n.Submit(t.Context(), alice, about("Is it loud?", kept))
	noError(t, err)
	equal(t, "whose photo it is", n.medium(t, kept).Content, other.ID)
	n.clock.advance(lifecycle.StagedLife + time.Hour)
	n.swept(t)
	equal(t, "photo of the question", n.reach(t, alice, kept, media.Thumb, none), true)
	if _, err := n.Medium(t.Context(), alice, site, lost); !errors.Is(err, lifecycle.ErrNotFound) {
		t.Errorf("the photo that nothing names: %v", err)
	}
	n.sound(t)
}

// TestDuplicatesGiveMediaBack: whoever is refused may use the photo elsewhere at
// once.
func TestDuplicatesGiveMediaBack(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.submit(t, alice, "A bright lamp")
	id := n.photo(t, alice, 1)
	for range 2 {
		if _, err := n.Submit(t.Context(), alice, with("Again", id)); !errors.Is(err, lifecycle.ErrDuplicate) {
			t.Fatalf("second review: %v", err)
		}
	}
	_, err := n.Submit(t.Context(), alice, about("Is it bright?", id))
	noError(t, err)
	n.sound(t)
}

// TestReplaysWithMedia give the first answer, whatever has become of the photo.
func TestReplaysWithMedia(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	id := n.photo(t, alice, 1)
	in := about("Is it bright?", id)
	in.Key, in.Hash = "key", "hash"
	first, err := n.Submit(t.Context(), alice, in)
	noError(t, err)
	n.decide(t, first.ID, moderation.ActionApprove, 1)
	for range 2 {
		again, err := n.Submit(t.Context(), alice, in)
		noError(t, err)
		if !again.Replayed || string(again.Body) != string(first.Body) || again.ID != first.ID {
			t.Errorf("got %+v", again)
		}
	}
	in.Hash = "other"
	if _, err := n.Submit(t.Context(), alice, in); !errors.Is(err, lifecycle.ErrReplayMismatch) {
		t.Errorf("another request: %v", err)
	}
	equal(t, "whose photo it is", n.medium(t, id).Content, first.ID)
}

// TestDeletedUploads are gone for good, and only where no content has them.
func TestDeletedUploads(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	gone, used := n.photo(t, alice, 1), n.photo(t, alice, 2)
	n.noWork(t)
	id := n.pictured(t, alice, "Good light", used)
	for who, want := range map[string]error{"": lifecycle.ErrNotFound, "bob": lifecycle.ErrNotFound, "mod": lifecycle.ErrNotFound} {
		actor := content.Actor{ID: who, Role: content.Moderator}
		if err := n.DeleteMedium(t.Context(), actor, site, gone); !errors.Is(err, want) {
			t.Errorf("%q: %v", who, err)
		}
	}
	for range 2 {
		noError(t, n.DeleteMedium(t.Context(), alice, site, gone))
	}
	equal(t, "deleted photo", n.reach(t, alice, gone, media.Thumb, none), false)
	if err := n.DeleteMedium(t.Context(), alice, site, used); !errors.Is(err, lifecycle.ErrMediumInUse) {
		t.Errorf("of a content: %v", err)
	}
	_, err := n.Submit(t.Context(), alice, about("Is it?", gone))
	equal(t, "deleted", wrong(t, err), []string{"media[0].id failed"})
	n.decide(t, id, moderation.ActionApprove, 1)
	equal(t, "files left", len(n.stored(t)), len(n.filesOf(t, used)))
	n.sound(t)
}

// filesOf are the files that a medium needs.
func (n *node) filesOf(t testing.TB, id string) map[string]bool {
	t.Helper()
	files := map[string]bool{}
	for _, f := range n.medium(t, id).Files {
		files[f.Blob] = true
	}
	return files
}

// TestEditOfAContentThatIsErased: erasing wins, and nothing of the photo stays.
func TestEditOfAContentThatIsErased(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for round := range 5 {
		who := content.Actor{ID: "person-" + string(rune('a'+round)), Role: content.Shopper}
		added := n.photo(t, who, uint64(round))
		done, err := n.Submit(t.Context(), who, about("Is it bright?"))
		noError(t, err)
		errs := atOnce(
			func() error {
				_, err := n.Edit(t.Context(), who, site, done.ID, 1, lifecycle.Edit{Media: named(added)})
				return err
			},
			func() error {
				_, err := n.Erase(context.WithoutCancel(t.Context()), who, site)
				return err
			},
		)
		noError(t, errs[1])
		equal(t, "photo for moderators", n.reach(t, mod, added, media.Thumb, none), false)
	}
	// Whoever is still at work on a photo finds it gone.
	n = n.restarted(t)
	equal(t, "files left", n.stored(t), []string(nil))
	n.sound(t)
}
