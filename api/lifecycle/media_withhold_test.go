package lifecycle_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/moderation"
)

// TestWhoMayWithhold tries everybody and everything that is not allowed; nothing
// of it changes the content.
func TestWhoMayWithhold(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	medium, foreign := n.photo(t, alice, 1), n.photo(t, bob, 2)
	id := n.pictured(t, alice, "Good light", medium)
	rev := n.decide(t, id, moderation.ActionApprove, 1)
	other, err := n.Submit(t.Context(), bob, about("Is it bright?", foreign))
	noError(t, err)
	with := func(change func(*lifecycle.Withholding)) lifecycle.Withholding {
		w := withhold(medium, rev)
		change(&w)
		return w
	}
	as := func(id string, role content.Role) content.Actor { return content.Actor{ID: id, Role: role} }
	for _, tt := range []struct {
		name string
		who  content.Actor
		id   string
		w    lifecycle.Withholding
		want error
	}{
		{"stranger", stranger, id, withhold(medium, rev), lifecycle.ErrSignIn},
		{"shopper", bob, id, withhold(medium, rev), lifecycle.ErrForbidden},
		{"its author", alice, id, withhold(medium, rev), lifecycle.ErrForbidden},
		{"staff", as("sam", content.Staff), id, withhold(medium, rev), lifecycle.ErrForbidden},
		{"moderator who wrote it", as("alice", content.Moderator), id, withhold(medium, rev), lifecycle.ErrOwn},
		{"admin who wrote it", as("alice", content.Admin), id, withhold(medium, rev), lifecycle.ErrOwn},
		{"unknown content", mod, newID(), withhold(medium, rev), lifecycle.ErrNotFound},
		{"unknown medium", mod, id, withhold(newID(), rev), lifecycle.ErrNotFound},
		{"no medium", mod, id, withhold("", rev), lifecycle.ErrNotFound},
		{"another content's medium", mod, id, withhold(foreign, rev), lifecycle.ErrNotFound},
		{"of another content", mod, other.ID, withhold(medium, 1), lifecycle.ErrNotFound},
		{"old revision", mod, id, withhold(medium, rev-1), lifecycle.ErrConflict},
		{"later revision", mod, id, withhold(medium, rev+1), lifecycle.ErrConflict},
		{"what is not withheld", mod, id, lifecycle.Withholding{Medium: medium, Rev: rev}, moderation.ErrTransition},
	} {
		if _, err := n.Withhold(t.Context(), tt.who, site, tt.id, tt.w); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for want, w := range map[string]lifecycle.Withholding{
		"reasons required": with(func(w *lifecycle.Withholding) { w.Reasons = nil }),
		"reasons unknown":  with(func(w *lifecycle.Withholding) { w.Reasons = []string{"ugly"} }),
		"reasons too_many": with(func(w *lifecycle.Withholding) { w.Reasons = slices.Repeat([]string{"spam"}, 6) }),
		"rev required":     with(func(w *lifecycle.Withholding) { w.Rev = 0 }),
		"note too_long":    with(func(w *lifecycle.Withholding) { w.Note = string(make([]rune, 3000)) }),
	} {
		_, err := n.Withhold(t.Context(), mod, site, id, w)
		if got := wrong(t, err); !slices.Contains(got, want) {
			t.Errorf("got %q, want %s", got, want)
		}
	}
	equal(t, "revision", n.record(t, id).Rev, rev)
	equal(t, "still public", n.reach(t, stranger, medium, media.Thumb, none), true)
}

// TestWithholdAndClaims: a claim keeps others from deciding about photos too.
func TestWithholdAndClaims(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	medium := n.photo(t, alice, 1)
	id := n.pictured(t, alice, "Good light", medium)
	_, err := n.Claim(t.Context(), mod2, site, id)
	noError(t, err)
	if _, err := n.Withhold(t.Context(), mod, site, id, withhold(medium, 1)); !errors.Is(err, lifecycle.ErrClaimed) {
		t.Errorf("while another moderator's claim lasts: %v", err)
	}
	_, err = n.Withhold(t.Context(), mod2, site, id, withhold(medium, 1))
	noError(t, err)
	claim, err := n.Case(t.Context(), mod, site, id)
	noError(t, err)
	if claim.Claim == nil || claim.Claim.By != mod2.ID {
		t.Errorf("the claim did not outlive the photo: %+v", claim.Claim)
	}
}

// TestWithholdIsOnRecord looks at history, chain and undo.
func TestWithholdIsOnRecord(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	one, two := n.photo(t, alice, 1), n.photo(t, alice, 2)
	id := n.pictured(t, alice, "Good light", one, two)
	rev := n.decide(t, id, moderation.ActionApprove, 1)
	w := withhold(two, rev)
	w.Note, w.Reasons = "A face in the mirror", []string{"off_topic", "spam"}
	p, err := n.Withhold(t.Context(), mod2, site, id, w)
	noError(t, err)
	equal(t, "state", p.State, content.Approved)
	if _, err := n.Undo(t.Context(), mod, site, id, p.Rev); !errors.Is(err, lifecycle.ErrForbidden) {
		t.Errorf("undo of what another moderator decided: %v", err)
	}
	_, err = n.Withhold(t.Context(), mod, site, id, withhold(two, p.Rev))
	if !errors.Is(err, moderation.ErrTransition) {
		t.Errorf("again: %v", err)
	}
	_, err = n.Withhold(t.Context(), mod, site, id, lifecycle.Withholding{Medium: two, Rev: p.Rev})
	noError(t, err)
	equal(t, "history", n.actions(t, id), []string{"submit", "approve", "withhold_media", "release_media"})
	trail, err := n.Audit(t.Context(), mod, site, lifecycle.Paging{})
	noError(t, err)
	for i, action := range []string{"release_media", "withhold_media"} {
		e := trail.Items[i]
		equal(t, "audit", []any{e.Action, e.Media, e.From, e.To, e.Rev}, []any{action, []string{two}, content.Approved, content.Approved, 4 - i})
	}
	e := trail.Items[1]
	equal(t, "audit", []any{e.Actor, e.Reasons, e.Note}, []any{mod2.ID, w.Reasons, w.Note})
	links, err := n.CheckAudit(t.Context(), site)
	noError(t, err)
	equal(t, "links", links, 4)
	for link, err := range n.AuditTrail(t.Context(), mod, site) {
		noError(t, err)
		if link.Rev == 3 {
			equal(t, "link", []any{link.Action, link.Content, link.Actor, link.Reasons}, []any{"withhold_media", id, mod2.ID, w.Reasons})
		}
	}
	n.sound(t)
}

// TestWithholdRaces: of two moderators one decides, and of a moderator and the
// author.
func TestWithholdRaces(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for round := range 10 {
		who := content.Actor{ID: "author-" + string(rune('a'+round)), Role: content.Shopper}
		medium := n.photo(t, who, uint64(round))
		id := n.pictured(t, who, "Good light", medium)
		body, won := "Better light", 0
		for _, err := range atOnce(
			func() error {
				_, err := n.Withhold(t.Context(), mod, site, id, withhold(medium, 1))
				return err
			},
			func() error {
				_, err := n.Withhold(t.Context(), mod2, site, id, withhold(medium, 1))
				return err
			},
			func() error {
				_, err := n.Decide(t.Context(), mod2, site, id, decision(moderation.ActionApprove, 1))
				return err
			},
			func() error {
				_, err := n.Edit(t.Context(), who, site, id, 1, lifecycle.Edit{Body: &body, Media: named(medium)})
				return err
			},
		) {
			if err == nil {
				won++
			} else if !errors.Is(err, lifecycle.ErrConflict) {
				t.Errorf("round %d: %v", round, err)
			}
		}
		equal(t, "winners", won, 1)
	}
	n.sound(t)
}

// TestAuthorsLearnWhy of a photo that is withheld, and nobody else does.
func TestAuthorsLearnWhy(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	medium := n.photo(t, alice, 1)
	id := n.pictured(t, alice, "Good light", medium)
	rev := n.decide(t, id, moderation.ActionApprove, 1)
	_, err := n.Withhold(t.Context(), mod, site, id, withhold(medium, rev))
	noError(t, err)
	page, err := n.Mine(t.Context(), alice, site, lifecycle.Paging{})
	noError(t, err)
	m := page.Items[0].Media[0]
	equal(t, "for the author", []any{m.Withheld, m.Reasons, m.State}, []any{true, []string{"off_topic"}, content.Ready})
	if m.Statement == nil || len(m.Statement.Reasons) != 1 || m.Statement.Reasons[0].Code != "off_topic" || len(m.Statement.Explanation) == 0 || m.Statement.AppealUntil == nil {
		t.Errorf("statement %+v", m.Statement)
	}
	equal(t, "photos for strangers", n.shows(t), []string{})
	// An edit that keeps the photo keeps it withheld; a withheld photo keeps
	// nobody from approving.
	body := "Very good light"
	p, err := n.Edit(t.Context(), alice, site, id, rev+1, lifecycle.Edit{Body: &body})
	noError(t, err)
	n.decide(t, id, moderation.ActionApprove, p.Rev)
	equal(t, "public photo", n.reach(t, stranger, medium, media.Thumb, none), false)
	equal(t, "public text", n.bodies(t), []string{body})
}
