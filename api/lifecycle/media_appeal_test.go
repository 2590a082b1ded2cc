package lifecycle_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// An author whose photo alone was turned down is told why, and is heard by
// somebody else.
func TestAppealsAboutPhotos(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		granted bool
		outcome string
	}{
		{"granted", true, "granted"},
		{"dismissed", false, "dismissed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			photo := n.photo(t, alice, 1)
			done, err := n.Submit(t.Context(), alice, with("Good light", photo))
			noError(t, err)
			rev := n.decide(t, done.ID, moderation.ActionApprove, 1)
			if _, err := n.Appeal(t.Context(), alice, site, done.ID, "Nothing was turned down."); !errors.Is(err, moderation.ErrTransition) {
				t.Errorf("appeal against nothing: %v", err)
			}
			p, err := n.Withhold(t.Context(), mod, site, done.ID, lifecycle.Withholding{Medium: photo, Withhold: true, Reasons: []string{"media"}, Rev: rev})
			noError(t, err)

			st := n.mine(t, done.ID).Media[0].Statement
			if st == nil || st.Restriction != "withheld" || len(st.Reasons) != 1 || st.AppealUntil == nil || st.MayEdit ||
				!slices.ContainsFunc(st.Explanation, func(s string) bool { return strings.Contains(s, "photo or video") }) {
				t.Fatalf("statement %+v", st)
			}
			_, err = n.Appeal(t.Context(), alice, site, done.ID, "It shows my own living room.")
			noError(t, err)
			equal(t, "waiting", n.Waiting(site), 1)
			rev = p.Rev + 1
			release := lifecycle.Withholding{Medium: photo, Rev: rev}
			if _, err := n.Withhold(t.Context(), mod, site, done.ID, release); !errors.Is(err, lifecycle.ErrSomebodyElse) {
				t.Errorf("who withheld it decides about the appeal: %v", err)
			}
			if tt.granted {
				p, err = n.Withhold(t.Context(), mod2, site, done.ID, release)
			} else {
				p, err = n.Decide(t.Context(), mod2, site, done.ID, lifecycle.Decision{Action: "uphold", Rev: rev})
			}
			noError(t, err)
			equal(t, "waiting after the decision", n.Waiting(site), 0)
			equal(t, "withheld", p.Media[0].Withheld, !tt.granted)
			c, err := n.Case(t.Context(), mod2, site, done.ID)
			noError(t, err)
			equal(t, "outcome", c.Appeal.Outcome, tt.outcome)
			equal(t, "photo for strangers", n.reach(t, content.Actor{}, photo, "thumb", lifecycle.Access{}), tt.granted)
			n.checked(t)
		})
	}
}

// TestOneAppealAboutSeveralPhotos: it is about all that no appeal was about before,
// nobody who withheld one of them decides, and it is granted when all are back.
func TestOneAppealAboutSeveralPhotos(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	mod3 := content.Actor{ID: "mod3", Role: content.Moderator}
	first, second, later := n.photo(t, alice, 1), n.photo(t, alice, 2), n.photo(t, alice, 3)
	id := n.pictured(t, alice, "Good light", first, second, later)
	rev := n.decide(t, id, moderation.ActionApprove, 1)
	turn := func(who content.Actor, medium string, off bool, message string) {
		t.Helper()
		w := lifecycle.Withholding{Medium: medium, Withhold: off, Message: message, Rev: rev}
		if off {
			w.Reasons = []string{"media"}
		}
		p, err := n.Withhold(t.Context(), who, site, id, w)
		noError(t, err)
		rev = p.Rev
	}
	// told is what the author is told of their photos: what was said, the state of
	// an appeal, and whether they may still appeal.
	told := func() (out []string) {
		for _, m := range n.mine(t, id).Media {
			if st := m.Statement; st != nil {
				out = append(out, fmt.Sprintf("%s/%s/%t", st.Message, st.Appeal, st.AppealUntil != nil))
			} else {
				out = append(out, "shown")
			}
		}
		return out
	}
	turn(mod, first, true, "A face.")
	turn(mod2, second, true, "A number plate.")
	equal(t, "before the appeal", told(), []string{"A face.//true", "A number plate.//true", "shown"})

	p, err := n.Appeal(t.Context(), alice, site, id, "It is my own face, and my own car.")
	noError(t, err)
	rev = p.Rev
	turn(mod3, later, true, "")
	equal(t, "while it is open", told(), []string{"A face./open/false", "A number plate./open/false", "//false"})
	if _, err := n.Appeal(t.Context(), alice, site, id, "And this one."); !errors.Is(err, moderation.ErrTransition) {
		t.Errorf("an appeal beside an open one: %v", err)
	}
	for _, who := range []content.Actor{mod, mod2} {
		for _, medium := range []string{first, second} {
			if _, err := n.Withhold(t.Context(), who, site, id, lifecycle.Withholding{Medium: medium, Rev: rev}); !errors.Is(err, lifecycle.ErrSomebodyElse) {
				t.Errorf("%s decides about an appeal against %s: %v", who.ID, who.ID, err)
			}
		}
	}
	turn(mod3, first, false, "")
	equal(t, "after one came back", told(), []string{"shown", "A number plate./open/false", "//false"})
	equal(t, "waiting", n.Waiting(site), 1)
	turn(mod3, second, false, "")
	equal(t, "after both came back", told(), []string{"shown", "shown", "//true"})
	equal(t, "waiting", n.Waiting(site), 0)

	p, err = n.Appeal(t.Context(), alice, site, id, "This one is mine as well.")
	noError(t, err)
	p, err = n.Decide(t.Context(), mod, site, id, lifecycle.Decision{Action: "uphold", Rev: p.Rev})
	noError(t, err)
	rev = p.Rev
	equal(t, "after it was dismissed", told(), []string{"shown", "shown", "/dismissed/false"})
	if _, err := n.Appeal(t.Context(), alice, site, id, "Once more."); !errors.Is(err, moderation.ErrTransition) {
		t.Errorf("a second appeal about one decision: %v", err)
	}
	// A new decision may be appealed against anew.
	turn(mod, first, true, "")
	equal(t, "after a new decision", told(), []string{"//true", "shown", "/dismissed/false"})

	var audited []string
	for r, err := range n.AuditTrail(t.Context(), content.Actor{ID: "root", Role: content.Admin}, site) {
		noError(t, err)
		if len(r.Media) > 0 {
			audited = append(audited, fmt.Sprint(r.Action, len(r.Media), r.Media[0] == later))
		}
	}
	equal(t, "the audit names photos", audited, []string{
		"withhold_media1 false", "withhold_media1 false", "appeal2 false", "withhold_media1 true",
		"release_media1 false", "release_media1 false", "appeal1 true", "uphold1 true", "withhold_media1 false",
	})
	n.sound(t)
}

// TestAppealsAboutPhotosStayOpen until somebody decides about the photos, or the
// author goes on by themselves, who may appeal again then.
func TestAppealsAboutPhotosStayOpen(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	photo := n.photo(t, alice, 1)
	id := n.pictured(t, alice, "Good light", photo)
	_, err := n.Withhold(t.Context(), mod, site, id, withhold(photo, 1))
	noError(t, err)
	p, err := n.Appeal(t.Context(), alice, site, id, "It is my own room.")
	noError(t, err)
	p, err = n.Decide(t.Context(), mod2, site, id, decision(moderation.ActionApprove, p.Rev))
	noError(t, err)
	equal(t, "after the text was approved", n.mine(t, id).Media[0].Statement.Appeal, "open")
	equal(t, "waiting", n.Waiting(site), 1)
	body := "Very good light"
	_, err = n.Edit(t.Context(), alice, site, id, p.Rev, lifecycle.Edit{Body: &body})
	noError(t, err)
	equal(t, "after an edit", n.mine(t, id).Media[0].Statement.Appeal, "")
	p, err = n.Appeal(t.Context(), alice, site, id, "It is still my own room.")
	noError(t, err)
	_, err = n.Decide(t.Context(), mod2, site, id, decision(moderation.ActionReject, p.Rev))
	noError(t, err)
	equal(t, "after the text was rejected", n.mine(t, id).Media[0].Statement.Appeal, "dismissed")
	_, err = n.Appeal(t.Context(), alice, site, id, "The text is true.")
	noError(t, err)
	equal(t, "an appeal about the text", n.mine(t, id).Statement.Appeal, "open")
	n.sound(t)
}

// mine is a content as Alice sees her own.
func (n *node) mine(t testing.TB, id string) content.Private {
	t.Helper()
	item, err := n.Content(t.Context(), alice, site, id)
	noError(t, err)
	var p content.Private
	noError(t, json.Unmarshal(item.Body, &p))
	return p
}
