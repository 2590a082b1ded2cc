package moderation

import (
	"errors"
	"fmt"
)

// State is where a content stands in its moderation life. The empty state is
// that of a content which was never submitted.
type State string

// The states.
const (
	StatePending          State = "pending"
	StateApproved         State = "approved"
	StateRejected         State = "rejected"
	StateChangesRequested State = "changes_requested"
	StateWithdrawn        State = "withdrawn"
	StateRemoved          State = "removed"
	StateErased           State = "erased"
)

// Action is what an author, a moderator or the service does to a content.
type Action string

// The actions.
const (
	ActionSubmit         Action = "submit"
	ActionEdit           Action = "edit"
	ActionApprove        Action = "approve"
	ActionReject         Action = "reject"
	ActionRequestChanges Action = "request_changes"
	ActionRemove         Action = "remove"
	ActionRestore        Action = "restore"
	ActionWithdraw       Action = "withdraw"
	ActionRequeue        Action = "requeue"
	ActionErase          Action = "erase"
)

// Facts are what a transition depends on beside state and action.
type Facts struct {
	// Published: an approved version is public or was the last public one.
	Published bool
	// SameAsApproved: the head text is that of the approved version.
	SameAsApproved bool
}

// Errors of [Next].
var (
	// ErrTransition: the action is not possible from the state.
	ErrTransition = errors.New("moderation: transition not allowed")
	// ErrUnknown: the state or the action is no word of this package.
	ErrUnknown = errors.New("moderation: unknown state or action")
)

// TransitionError names the refused transition; it wraps [ErrTransition].
type TransitionError struct {
	From   State
	Action Action
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("moderation: cannot %s what is %s", e.Action, stateName(e.From))
}

// Unwrap makes errors.Is(err, ErrTransition) true.
func (e *TransitionError) Unwrap() error { return ErrTransition }

func stateName(s State) string {
	if s == "" {
		return "not submitted"
	}
	return string(s)
}

// target gives the state an action leads to; "" refuses.
type target func(Facts) State

func to(s State) target { return func(Facts) State { return s } }

// ifPublished refuses where nothing was ever public.
func ifPublished(s State) target {
	return func(f Facts) State {
		if f.Published {
			return s
		}
		return ""
	}
}

// rejected keeps an earlier approved version public beside a rejected edit.
// Where the rejected text is the public one (an item that reports put back
// into the queue), rejecting it must take it off, so it becomes a removal.
func rejected(f Facts) State {
	if f.Published && f.SameAsApproved {
		return StateRemoved
	}
	return StateRejected
}

// restored brings back what was decided before; a text nobody approved has to
// be looked at first.
func restored(f Facts) State {
	if f.SameAsApproved {
		return StateApproved
	}
	return StatePending
}

// transitions is the whole life of a content: every pair that is not listed
// is refused.
var transitions = map[State]map[Action]target{
	"": {
		ActionSubmit: to(StatePending),
	},
	StatePending: {
		ActionEdit:           to(StatePending),
		ActionApprove:        to(StateApproved),
		ActionReject:         rejected,
		ActionRequestChanges: to(StateChangesRequested),
		ActionRemove:         ifPublished(StateRemoved),
		ActionWithdraw:       to(StateWithdrawn),
		ActionErase:          to(StateErased),
	},
	StateApproved: {
		ActionEdit:           to(StatePending),
		ActionRequestChanges: to(StateChangesRequested),
		ActionRemove:         to(StateRemoved),
		ActionRequeue:        to(StatePending),
		ActionWithdraw:       to(StateWithdrawn),
		ActionErase:          to(StateErased),
	},
	StateRejected: {
		ActionEdit:     to(StatePending),
		ActionApprove:  to(StateApproved),
		ActionRestore:  restored,
		ActionRemove:   ifPublished(StateRemoved),
		ActionWithdraw: to(StateWithdrawn),
		ActionErase:    to(StateErased),
	},
	StateChangesRequested: {
		ActionEdit:     to(StatePending),
		ActionApprove:  to(StateApproved),
		ActionReject:   rejected,
		ActionRemove:   ifPublished(StateRemoved),
		ActionWithdraw: to(StateWithdrawn),
		ActionErase:    to(StateErased),
	},
	StateWithdrawn: {
		ActionWithdraw: to(StateWithdrawn),
		ActionErase:    to(StateErased),
	},
	StateRemoved: {
		ActionRestore: restored,
		ActionErase:   to(StateErased),
	},
	StateErased: {
		ActionErase: to(StateErased),
	},
}

// allActions in the order a moderator reads them.
var allActions = []Action{
	ActionApprove, ActionReject, ActionRequestChanges, ActionRemove, ActionRestore,
	ActionSubmit, ActionEdit, ActionWithdraw, ActionRequeue, ActionErase,
}

// moderatorActions are the leading part of allActions.
var moderatorActions = allActions[:5]

// Next gives the state that action leads to. It returns a [*TransitionError]
// (wrapping [ErrTransition]) for a pair that is not allowed and an error
// wrapping [ErrUnknown] for words this package does not have.
func Next(from State, action Action, f Facts) (State, error) {
	row, ok := transitions[from]
	if !ok {
		return "", fmt.Errorf("state %q: %w", from, ErrUnknown)
	}
	if t, ok := row[action]; ok {
		if s := t(f); s != "" {
			return s, nil
		}
		return "", &TransitionError{From: from, Action: action}
	}
	for _, a := range allActions {
		if a == action {
			return "", &TransitionError{From: from, Action: action}
		}
	}
	return "", fmt.Errorf("action %q: %w", action, ErrUnknown)
}

// Shows reports whether an approved version is public in state s. An edit, a
// rejected edit and a request for changes leave the approved version public;
// withdrawn, removed and erased never show anything.
func Shows(s State, hasApproved bool) bool {
	switch s {
	case StateApproved:
		return true
	case StatePending, StateRejected, StateChangesRequested:
		return hasApproved
	default:
		return false
	}
}

// Actions lists what a moderator can do now, in a fixed order. It is empty
// for an unknown state.
func Actions(from State, f Facts) []Action {
	var out []Action
	for _, a := range moderatorActions {
		if _, err := Next(from, a, f); err == nil {
			out = append(out, a)
		}
	}
	return out
}
