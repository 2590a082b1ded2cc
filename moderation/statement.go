package moderation

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Restriction is what a statement of reasons is about.
type Restriction struct {
	// State the content is in now: rejected, removed or changes_requested.
	State State
	// StillPublic: an earlier version stays public.
	StillPublic bool
	// Media: it is about one photo or video, whatever the state of the text.
	Media   bool
	Reasons []string
	// Decided by machine, found by machine, and whether a report or notice
	// led to it (its sender is never named).
	AutomaticDecision  bool
	AutomaticDetection bool
	Reported           bool
	At                 time.Time
}

// Statement is a statement of reasons as article 17(3) of the EU Digital
// Services Act asks for it, written for the author.
type Statement struct {
	Language string `json:"language" bson:"language"`
	// Restriction is what was done, Facts why, one sentence a reason.
	Restriction string   `json:"restriction" bson:"restriction"`
	Facts       []string `json:"facts" bson:"facts"`
	// Means says whether a machine found or decided, and what led to it.
	Means string `json:"means" bson:"means"`
	// Grounds, legal or contractual, without repeats.
	Grounds []string `json:"grounds" bson:"grounds"`
	// Redress says what the author can do.
	Redress  string    `json:"redress" bson:"redress"`
	Reasons  []string  `json:"reasons" bson:"reasons"`
	Editable bool      `json:"editable" bson:"editable"`
	At       time.Time `json:"at" bson:"at"`
	// AppealUntil is six months after the decision (art. 20).
	AppealUntil time.Time `json:"appeal_until" bson:"appeal_until"`
}

// ErrStatement: there is nothing to state reasons for.
var ErrStatement = errors.New("moderation: no restriction to explain")

const appealMonths = 6

// StatementOf writes the statement in a language, in English where there are no
// texts in it. It returns an error wrapping [ErrStatement] for a state that is no
// restriction, for no reason or for an unknown one.
func StatementOf(r Restriction, language string) (Statement, error) {
	language = textLanguage(language)
	say := func(name string) string { return statementTexts[name][language] }
	s := Statement{Language: language, Reasons: r.Reasons, Editable: true, At: r.At, AppealUntil: r.At.AddDate(0, appealMonths, 0)}
	switch {
	case r.Media:
		s.Restriction = say("withheld")
	case r.State == StateRemoved:
		s.Restriction = say("removed")
	case r.State == StateRejected && r.StillPublic:
		s.Restriction = say("editRejected")
	case r.State == StateRejected:
		s.Restriction = say("restricted")
	case r.State == StateChangesRequested:
		s.Restriction = say("changes")
	default:
		return Statement{}, fmt.Errorf("%w: state %q", ErrStatement, r.State)
	}
	if len(r.Reasons) == 0 {
		return Statement{}, fmt.Errorf("%w: no reason", ErrStatement)
	}
	grounds := map[Ground]bool{}
	for _, code := range r.Reasons {
		reason, ok := ReasonByCode(code)
		if !ok {
			return Statement{}, fmt.Errorf("%w: unknown reason %q", ErrStatement, code)
		}
		s.Facts = append(s.Facts, reason.In(language).Body)
		s.Editable = s.Editable && !reason.Final
		if !grounds[reason.Ground] {
			grounds[reason.Ground] = true
			s.Grounds = append(s.Grounds, say(string(reason.Ground)))
		}
	}
	// What was taken off cannot be mended by an edit: see the transitions.
	s.Editable = s.Editable && r.State != StateRemoved && !r.Media
	means := []string{say("byPerson")}
	if r.AutomaticDecision {
		means[0] = say("byMachine")
	}
	if r.AutomaticDetection {
		means = append(means, say("found"))
	}
	if r.Reported {
		means = append(means, say("notice"))
	}
	s.Means = strings.Join(means, " ")
	s.Redress = say("appeal")
	if s.Editable {
		s.Redress = say("editable") + " " + s.Redress
	}
	return s, nil
}
