package lifecycle_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// decided is a screener with one verdict for everything.
type decided struct{ verdict string }

func (d decided) Screen(context.Context, moderation.Submission) moderation.Screening {
	return moderation.Screening{Verdict: d.verdict, Reasons: []string{"spam"}}
}

func (decided) Observe(moderation.Submission) {}

// TestNothingWithPicturesIsApprovedByMachine, whatever the site lets it approve.
func TestNothingWithPicturesIsApprovedByMachine(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Screener = decided{moderation.VerdictApprove}
	state := func(what, id string, want content.State) {
		t.Helper()
		equal(t, what, n.record(t, id).State, want)
	}
	plain, err := n.Submit(t.Context(), alice, about("Is it bright?"))
	noError(t, err)
	state("a text", plain.ID, content.Approved)
	medium := n.photo(t, alice, 1)
	id := n.pictured(t, alice, "Good light", medium)
	state("a text with a photo", id, content.Pending)
	equal(t, "public photo", n.reach(t, stranger, medium, "thumb", none), false)
	rev := n.decide(t, id, moderation.ActionApprove, 1)

	body := "Better light"
	p, err := n.Edit(t.Context(), alice, site, id, rev, lifecycle.Edit{Body: &body})
	noError(t, err)
	state("new words beside the photo", id, content.Pending)
	p, err = n.Edit(t.Context(), alice, site, id, p.Rev, lifecycle.Edit{Media: &[]content.Media{{ID: medium, Caption: "Call 555"}}})
	noError(t, err)
	state("a new caption", id, content.Pending)
	p, err = n.Edit(t.Context(), alice, site, id, p.Rev, lifecycle.Edit{Media: named()})
	noError(t, err)
	state("without the photo", id, content.Approved)
	equal(t, "photo that was taken out", n.reach(t, stranger, medium, "thumb", none), false)
	_, err = n.Edit(t.Context(), alice, site, id, p.Rev, lifecycle.Edit{Media: named(medium)})
	noError(t, err)
	state("with the photo again", id, content.Pending)
	equal(t, "photo that was put back", n.reach(t, stranger, medium, "thumb", none), false)

	n.Screener = decided{moderation.VerdictReject}
	second := n.photo(t, bob, 2)
	id = n.pictured(t, bob, "Good light", second)
	state("what the machine may reject", id, content.Rejected)
	n.Screener = decided{"unheard of"}
	other, err := n.Submit(t.Context(), bob, about("Is it?", n.photo(t, bob, 3)))
	noError(t, err)
	state("an unknown verdict", other.ID, content.Pending)
	n.sound(t)
}

// TestDecisionsByPolicyAreInTheHistory: what was submitted or edited, and what the
// policy decided about it, are two changes of one write.
func TestDecisionsByPolicyAreInTheHistory(t *testing.T) {
	t.Parallel()
	for verdict, action := range map[string]string{moderation.VerdictApprove: "approve", moderation.VerdictReject: "reject"} {
		t.Run(verdict, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.Screener = decided{verdict}
			in := about("Is it bright?")
			in.Key, in.Hash = "key", "hash"
			done, err := n.Submit(t.Context(), alice, in)
			noError(t, err)
			again, err := n.Submit(t.Context(), alice, in)
			noError(t, err)
			equal(t, "repeated", []any{again.ID, again.Rev, string(again.Body)}, []any{done.ID, 2, string(done.Body)})
			equal(t, "told why", strings.Contains(string(done.Body), `"restriction":"not_published"`), verdict == moderation.VerdictReject)
			equal(t, "history after the submission", n.actions(t, done.ID), []string{"submit", action})
			body := "Is it bright enough?"
			_, err = n.Edit(t.Context(), alice, site, done.ID, n.record(t, done.ID).Rev, lifecycle.Edit{Body: &body})
			noError(t, err)
			equal(t, "history after an edit", n.actions(t, done.ID), []string{"submit", action, "edit", action})
			before, err := n.Ledger.Revisions.All(t.Context(), ledger.Prefix(ledger.ByContent, site, done.ID))
			noError(t, err)
			if len(before) != 1 || before[0].Version.Body != "Is it bright?" {
				t.Errorf("versions that were replaced: %v", before)
			}
			n.checked(t)
		})
	}
}

// TestCaptionsAreScreened with the photo that they were written to.
func TestCaptionsAreScreened(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	photo := n.photo(t, alice, 1)
	in := with("Good light", photo)
	in.Text.Media[0].Caption = "Bought at cheap-lamps.example.com"
	done, err := n.Submit(t.Context(), alice, in)
	noError(t, err)
	c, err := n.Case(t.Context(), mod, site, done.ID)
	noError(t, err)
	found := slices.ContainsFunc(c.Signals, func(s moderation.Signal) bool {
		return s.Code == moderation.CodeURL && s.Media == photo && s.Field == ""
	})
	equal(t, "the link is found", found, true)
}
