package moderation_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/candor-ugc/candor/moderation"
)

var (
	allStates = []moderation.State{
		moderation.StatePending, moderation.StateApproved, moderation.StateRejected, moderation.StateChangesRequested,
		moderation.StateWithdrawn, moderation.StateRemoved, moderation.StateErased,
	}
	allActions = []moderation.Action{
		moderation.ActionSubmit, moderation.ActionEdit, moderation.ActionApprove, moderation.ActionReject, moderation.ActionRequestChanges,
		moderation.ActionRemove, moderation.ActionRestore, moderation.ActionWithdraw, moderation.ActionRequeue, moderation.ActionErase,
	}
	allFacts = []moderation.Facts{{}, {Published: true}, {SameAsApproved: true}, {Published: true, SameAsApproved: true}}
)

func TestNext(t *testing.T) {
	t.Parallel()
	fresh, edited, same := moderation.Facts{}, moderation.Facts{Published: true}, moderation.Facts{Published: true, SameAsApproved: true}
	for _, tt := range []struct {
		from   moderation.State
		action moderation.Action
		facts  moderation.Facts
		want   moderation.State // "" for refused
	}{
		{"", "submit", fresh, "pending"},
		{"pending", "submit", fresh, ""},
		{"pending", "approve", fresh, "approved"},
		{"pending", "reject", fresh, "rejected"},
		{"pending", "reject", edited, "rejected"},
		{"pending", "reject", same, "removed"}, // reported, looked at again, found bad: it must go
		{"pending", "remove", fresh, ""},
		{"pending", "remove", edited, "removed"},
		{"pending", "request_changes", fresh, "changes_requested"},
		{"changes_requested", "edit", fresh, "pending"},
		{"approved", "edit", same, "pending"},
		{"approved", "approve", same, ""},
		{"approved", "reject", same, ""},
		{"approved", "remove", same, "removed"},
		{"approved", "requeue", same, "pending"},
		{"rejected", "requeue", fresh, ""},
		{"rejected", "approve", fresh, "approved"},
		{"rejected", "restore", fresh, "pending"},
		{"rejected", "restore", same, "approved"},
		{"removed", "restore", edited, "pending"},
		{"removed", "restore", same, "approved"},
		{"removed", "edit", same, ""},
		{"removed", "withdraw", same, ""},
		{"approved", "withdraw", same, "withdrawn"},
		{"withdrawn", "edit", edited, ""},
		{"withdrawn", "approve", edited, ""},
		{"erased", "restore", fresh, ""},
		{"erased", "withdraw", fresh, ""},
		{"erased", "erase", fresh, "erased"},
	} {
		got, err := moderation.Next(tt.from, tt.action, tt.facts)
		if tt.want == "" {
			var te *moderation.TransitionError
			if !errors.Is(err, moderation.ErrTransition) || !errors.As(err, &te) || te.From != tt.from || te.Action != tt.action {
				t.Errorf("%s of %q: %q, %v, want it refused", tt.action, tt.from, got, err)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("%s of %q %+v: %q, %v, want %q", tt.action, tt.from, tt.facts, got, err, tt.want)
		}
	}
	if _, err := moderation.Next("published", "approve", fresh); !errors.Is(err, moderation.ErrUnknown) {
		t.Errorf("unknown state: %v", err)
	}
	if _, err := moderation.Next("pending", "publish", fresh); !errors.Is(err, moderation.ErrUnknown) {
		t.Errorf("unknown action: %v", err)
	}
}

// What holds for every state, action and fact.
func TestTransitionsKeepThePromises(t *testing.T) {
	t.Parallel()
	for _, s := range allStates {
		for _, f := range allFacts {
			if to, err := moderation.Next(s, moderation.ActionErase, f); err != nil || to != moderation.StateErased {
				t.Errorf("erase of %s: %s, %v", s, to, err)
			}
			for _, a := range allActions {
				to, err := moderation.Next(s, a, f)
				if err != nil {
					continue
				}
				if !slices.Contains(allStates, to) {
					t.Errorf("%s of %s leads to %q", a, s, to)
				}
				if s == moderation.StateErased && to != moderation.StateErased {
					t.Errorf("%s brings an erased content back", a)
				}
				// Nothing becomes approved but by a person who approves or restores.
				if to == moderation.StateApproved && a != moderation.ActionApprove && a != moderation.ActionRestore {
					t.Errorf("%s of %s publishes", a, s)
				}
				// After a rejection or removal the text that was judged is not public.
				if (a == moderation.ActionReject || a == moderation.ActionRemove) && f.SameAsApproved && moderation.Shows(to, f.Published) {
					t.Errorf("%s of %s %+v leaves the judged text public in %s", a, s, f, to)
				}
			}
			for _, a := range moderation.Actions(s, f) {
				if _, err := moderation.Next(s, a, f); err != nil {
					t.Errorf("%s is offered for %s and refused: %v", a, s, err)
				}
			}
		}
	}
	if a := moderation.Actions(moderation.StatePending, moderation.Facts{}); !slices.Equal(a, []moderation.Action{"approve", "reject", "request_changes"}) {
		t.Errorf("actions of a pending item: %q", a)
	}
}

func TestShows(t *testing.T) {
	t.Parallel()
	for _, s := range allStates {
		never := s == moderation.StateWithdrawn || s == moderation.StateRemoved || s == moderation.StateErased
		if moderation.Shows(s, true) == never {
			t.Errorf("%s with an approved version: %v", s, !never)
		}
		if moderation.Shows(s, false) != (s == moderation.StateApproved) {
			t.Errorf("%s without an approved version", s)
		}
	}
}
