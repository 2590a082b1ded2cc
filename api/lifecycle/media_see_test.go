package lifecycle_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/api/shelf"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
)

// faces is how strangers may meet a photo, everywhere that it could show.
type faces struct{ file, listing, content, gallery, siteGallery, filter, facet, search, summary bool }

func everywhere(on bool) faces { return faces{on, on, on, on, on, on, on, on, on} }

// faces looks for a photo of a review as a stranger.
func (n *node) faces(t testing.TB, id, medium string) (f faces) {
	t.Helper()
	ctx := t.Context()
	f.file = n.reach(t, stranger, medium, media.Small, none)
	names := func(list []content.PublicMedia) bool {
		return slices.ContainsFunc(list, func(m content.PublicMedia) bool { return m.ID == medium })
	}
	list := func(only bool) (found bool, facet int) {
		q := shelf.Query{Site: site, Subject: lamp, Kind: content.Review, Limit: 100}
		if only {
			q.Media = &only
		}
		page, err := n.List(ctx, lifecycle.Listing{Query: q})
		noError(t, err)
		var body struct {
			Items  []content.Public
			Facets struct{ Media int }
		}
		noError(t, json.Unmarshal(page.Body, &body))
		return slices.ContainsFunc(body.Items, func(p content.Public) bool { return p.ID == id && names(p.Media) }), body.Facets.Media
	}

	listing, facet := list(false)
	f.listing = listing
	f.facet = facet > 0
	f.filter, _ = list(true)
	if item, err := n.Content(ctx, stranger, site, id); err == nil {
		var p content.Public
		noError(t, json.Unmarshal(item.Body, &p))
		f.content = names(p.Media)
		if strings.Contains(string(item.Body), "signature=") {
			t.Errorf("signed for strangers: %s", item.Body)
		}
	} else if !errors.Is(err, lifecycle.ErrNotFound) {
		t.Error(err)
	}
	f.gallery = slices.Contains(n.gallery(t, lamp.ID), medium)
	f.siteGallery = slices.Contains(n.gallery(t, ""), medium)
	on := true
	hits, err := n.Search(ctx, stranger, search.Query{Site: site, Text: "light", Media: &on})
	noError(t, err)
	for _, hit := range hits.Items {
		var p content.Public
		noError(t, json.Unmarshal(hit.Content, &p))
		f.search = f.search || p.ID == id && names(p.Media)
	}
	sum, err := n.Summary(ctx, site, lamp.ID)
	noError(t, err)
	f.summary = sum.Summary.Media > 0
	return f
}

// TestWhoSeesAPhoto follows a photo through every state of its review.
func TestWhoSeesAPhoto(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		// reach leads a pending review of revision 1 to the state.
		reach  func(n *node, id, medium string)
		public bool
	}{
		{"pending", func(*node, string, string) {}, false},
		{"approved", func(n *node, id, _ string) { n.decide(t, id, moderation.ActionApprove, 1) }, true},
		{"rejected", func(n *node, id, _ string) { n.decide(t, id, moderation.ActionReject, 1) }, false},
		{"changes_requested", func(n *node, id, _ string) { n.decide(t, id, moderation.ActionRequestChanges, 1) }, false},
		{"removed", func(n *node, id, _ string) {
			n.decide(t, id, moderation.ActionRemove, n.decide(t, id, moderation.ActionApprove, 1))
		}, false},
		{"restored", func(n *node, id, _ string) {
			removed := n.decide(t, id, moderation.ActionRemove, n.decide(t, id, moderation.ActionApprove, 1))
			n.decide(t, id, moderation.ActionRestore, removed)
		}, true},
		{"withdrawn", func(n *node, id, _ string) {
			n.decide(t, id, moderation.ActionApprove, 1)
			noError(t, n.Withdraw(t.Context(), alice, site, id, 0))
		}, false},
		{"withheld", func(n *node, id, medium string) {
			rev := n.decide(t, id, moderation.ActionApprove, 1)
			_, err := n.Withhold(t.Context(), mod, site, id, withhold(medium, rev))
			noError(t, err)
		}, false},
		{"withheld, then approved", func(n *node, id, medium string) {
			p, err := n.Withhold(t.Context(), mod, site, id, withhold(medium, 1))
			noError(t, err)
			n.decide(t, id, moderation.ActionApprove, p.Rev)
		}, false},
		{"undone", func(n *node, id, _ string) {
			_, err := n.Undo(t.Context(), mod, site, id, n.decide(t, id, moderation.ActionApprove, 1))
			noError(t, err)
		}, false},
		{"edited", func(n *node, id, _ string) {
			body := "Better light"
			_, err := n.Edit(t.Context(), alice, site, id, n.decide(t, id, moderation.ActionApprove, 1), lifecycle.Edit{Body: &body})
			noError(t, err)
		}, true},
		{"to be taken out", func(n *node, id, _ string) {
			_, err := n.Edit(t.Context(), alice, site, id, n.decide(t, id, moderation.ActionApprove, 1), lifecycle.Edit{Media: named()})
			noError(t, err)
		}, true},
		{"taken out", func(n *node, id, _ string) {
			p, err := n.Edit(t.Context(), alice, site, id, n.decide(t, id, moderation.ActionApprove, 1), lifecycle.Edit{Media: named()})
			noError(t, err)
			n.decide(t, id, moderation.ActionApprove, p.Rev)
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			medium := n.photo(t, alice, 1)
			id := n.pictured(t, alice, "Good light", medium)
			tt.reach(n, id, medium)
			if got := n.faces(t, id, medium); got != everywhere(tt.public) {
				t.Errorf("public: %+v, want %t", got, tt.public)
			}
			for who, want := range map[string]bool{"bob": tt.public, "alice": true, "mod": true, "sam": tt.public} {
				actor := map[string]content.Actor{"bob": bob, "alice": alice, "mod": mod, "sam": {ID: "sam", Role: content.Staff}}[who]
				equal(t, "file for "+who, n.reach(t, actor, medium, media.Large, none), want)
				_, err := n.Medium(t.Context(), actor, site, medium)
				equal(t, "state for "+who, errors.Is(err, lifecycle.ErrNotFound), who == "bob" || who == "sam")
				err = n.MediaProgress(t.Context(), actor, site, medium, func(content.PrivateMedia) error { return nil })
				equal(t, "progress for "+who, errors.Is(err, lifecycle.ErrNotFound), who == "bob" || who == "sam")
			}
			n.sound(t)
		})
	}
}

func withhold(medium string, rev int64) lifecycle.Withholding {
	return lifecycle.Withholding{Medium: medium, Withhold: true, Reasons: []string{"off_topic"}, Rev: rev}
}

// TestOtherSitesKnowNoMedium: an id of another site is one that never was.
func TestOtherSitesKnowNoMedium(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	medium := n.photo(t, alice, 1)
	id := n.pictured(t, alice, "Good light", medium)
	n.decide(t, id, moderation.ActionApprove, 1)
	own, err := n.Medium(t.Context(), alice, site, medium)
	noError(t, err)
	ada := content.Actor{ID: "alice", Role: content.Admin} // even of the same name
	for _, a := range []lifecycle.Access{none, signedAccess(t, own.Variants[0])} {
		if _, err := n.OpenMedium(t.Context(), ada, "elsewhere", medium, media.Thumb, a, nil); !errors.Is(err, lifecycle.ErrNotFound) {
			t.Errorf("file: %v", err)
		}
	}
	_, err = n.Medium(t.Context(), ada, "elsewhere", medium)
	errs := []error{err, n.DeleteMedium(t.Context(), ada, "elsewhere", medium)}
	_, err = n.Withhold(t.Context(), mod, "elsewhere", id, withhold(medium, 2))
	for i, err := range append(errs, err) {
		if !errors.Is(err, lifecycle.ErrNotFound) {
			t.Errorf("verb %d: %v", i, err)
		}
	}
	if _, err := n.Gallery(t.Context(), "elsewhere", lamp.ID, lifecycle.Paging{}); !errors.Is(err, lifecycle.ErrNotFound) {
		t.Errorf("gallery: %v", err)
	}
	g, err := n.Gallery(t.Context(), "elsewhere", "", lifecycle.Paging{})
	noError(t, err)
	equal(t, "gallery of the other site", fmt.Sprint(g.Total, len(g.Items)), "0 0")
}

// TestPhotosGoWithTheThread: what replies to something that is not public is not
// public either, its photos neither.
func TestPhotosGoWithTheThread(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	top := n.published(t, alice, "A bright lamp")
	medium := n.photo(t, bob, 1)
	reply := lifecycle.Submission{Site: site, Parent: top, Text: content.Version{Body: "Here it stands", Media: *named(medium)}}
	done, err := n.Submit(t.Context(), bob, reply)
	noError(t, err)
	n.decide(t, done.ID, moderation.ActionApprove, 1)
	n.isPublic(t, medium, true)
	rev := n.decide(t, top, moderation.ActionRemove, 2)
	n.isPublic(t, medium, false)
	n.decide(t, top, moderation.ActionRestore, rev)
	n.isPublic(t, medium, true)
	noError(t, n.Withdraw(t.Context(), alice, site, top, 0))
	n.isPublic(t, medium, false)
	equal(t, "file for its author", n.reach(t, bob, medium, media.Thumb, none), true)
	n.sound(t)
}

// isPublic holds file and galleries of a photo against what should be.
func (n *node) isPublic(t testing.TB, medium string, want bool) {
	t.Helper()
	equal(t, "file is public", n.reach(t, stranger, medium, media.Thumb, none), want)
	equal(t, "in the gallery", slices.Contains(n.gallery(t, lamp.ID), medium), want)
	equal(t, "in the gallery of the site", slices.Contains(n.gallery(t, ""), medium), want)
}

// TestSignedAddresses open one variant of one medium of one site until they end.
func TestSignedAddresses(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	mine, other := n.photo(t, alice, 1), n.photo(t, alice, 2)
	view := func(id string) content.PrivateMedia {
		t.Helper()
		m, err := n.Medium(t.Context(), alice, site, id)
		noError(t, err)
		return m
	}
	v := view(mine).Variants[0]
	right := signedAccess(t, v)
	equal(t, "right", n.reach(t, stranger, mine, v.Name, right), true)
	equal(t, "of another medium", n.reach(t, stranger, other, v.Name, right), false)
	equal(t, "of another variant", n.reach(t, stranger, mine, media.Full, right), false)
	for name, change := range map[string]func(*lifecycle.Access){
		"later end":   func(a *lifecycle.Access) { a.Expires = a.Expires.Add(time.Hour) },
		"earlier end": func(a *lifecycle.Access) { a.Expires = a.Expires.Add(-time.Second) },
		"no end":      func(a *lifecycle.Access) { a.Expires = time.Time{} },
		"cut":         func(a *lifecycle.Access) { a.Signature = a.Signature[1:] },
		"longer":      func(a *lifecycle.Access) { a.Signature += "A" },
		"padded":      func(a *lifecycle.Access) { a.Signature += "=" },
		"none":        func(a *lifecycle.Access) { a.Signature = "" },
		"another":     func(a *lifecycle.Access) { a.Signature = strings.Repeat("A", 43) },
	} {
		a := right
		change(&a)
		equal(t, name, n.reach(t, stranger, mine, v.Name, a), false)
	}
	// It stays the same within an hour, so that browsers need not fetch again, and
	// holds for an hour at least.
	n.clock.advance(time.Hour - time.Millisecond)
	equal(t, "address within the hour", view(mine).Variants[0].URL, v.URL)
	equal(t, "after an hour", n.reach(t, stranger, mine, v.Name, right), true)
	n.clock.advance(time.Millisecond)
	if again := view(mine).Variants[0].URL; again == v.URL {
		t.Error("the address never changes")
	}
	n.clock.advance(right.Expires.Sub(n.clock.now()) - time.Millisecond)
	equal(t, "to the end", n.reach(t, stranger, mine, v.Name, right), true)
	n.clock.advance(time.Millisecond)
	equal(t, "at the end", n.reach(t, stranger, mine, v.Name, right), false)
	// Whoever has one keeps nothing of what is deleted.
	right = signedAccess(t, view(mine).Variants[0])
	noError(t, n.DeleteMedium(t.Context(), alice, site, mine))
	equal(t, "deleted", n.reach(t, stranger, mine, v.Name, right), false)
}

// TestAcceptingShowsStaffWhatIsPublic: who marks an answer sees the question's
// public photos at their public addresses, and nothing of the one that is withheld.
func TestAcceptingShowsStaffWhatIsPublic(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	staff := content.Actor{ID: "clerk", Name: "Clerk", Role: content.Staff}
	kept, shown := n.photo(t, alice, 1), n.photo(t, alice, 2)
	question, err := n.Submit(t.Context(), alice, about("Which bulb?", kept, shown))
	noError(t, err)
	rev := n.decide(t, question.ID, moderation.ActionApprove, 1)
	w := withhold(kept, rev)
	w.Message = "Your neighbour is in it."
	_, err = n.Withhold(t.Context(), mod, site, question.ID, w)
	noError(t, err)
	answer, err := n.Submit(t.Context(), bob, lifecycle.Submission{Site: site, Parent: question.ID, Text: content.Version{Body: "E27."}})
	noError(t, err)
	n.decide(t, answer.ID, moderation.ActionApprove, 1)
	for _, tt := range []struct {
		who   content.Actor
		media int
	}{{staff, 1}, {alice, 2}, {mod, 2}} {
		for range 2 { // to mark it, and to repeat that
			p, err := n.Accept(t.Context(), tt.who, site, question.ID, answer.ID)
			noError(t, err)
			equal(t, tt.who.ID+" sees media", len(p.Media), tt.media)
			if tt.who.ID != staff.ID {
				continue
			}
			equal(t, "what else", p.PublicMedia, []content.PrivateMedia(nil))
			m := p.Media[0]
			equal(t, "the photo that staff sees", m.ID, shown)
			if m.Statement != nil || m.Withheld || strings.Contains(m.Variants[0].URL, "?") {
				t.Errorf("staff is given %+v", m)
			}
		}
	}
}
