package content

import "time"

// Appeal is an author's complaint about a decision (DSA article 20).
type Appeal struct {
	Text string    `bson:"text" json:"text"`
	At   time.Time `bson:"at" json:"at"`
	// Rev is the revision of the content that the appeal made.
	Rev int64 `bson:"rev" json:"-"`
	// Against is who decided, and must not decide again, with their Role; Action
	// is what they did.
	Against string `bson:"against" json:"-"`
	Role    Role   `bson:"role" json:"-"`
	Action  string `bson:"action" json:"action"`
	// Outcome is empty while open, then granted or dismissed.
	Outcome   string    `bson:"outcome,omitempty" json:"outcome,omitempty"`
	DecidedAt time.Time `bson:"decided_at,omitempty" json:"-"`
}

// Outcomes of an appeal.
const (
	Granted   = "granted"
	Dismissed = "dismissed"
)

// Open reports whether the appeal waits for a decision.
func (a *Appeal) Open() bool { return a != nil && a.Outcome == "" }

// State is open, granted or dismissed, "" where there is none.
func (a *Appeal) State() string {
	switch {
	case a == nil:
		return ""
	case a.Open():
		return "open"
	}
	return a.Outcome
}

// Closed is the appeal with what became of it. The one that was open stays as it
// was.
func (a *Appeal) Closed(outcome string, at time.Time) *Appeal {
	closed := *a
	closed.Outcome, closed.DecidedAt = outcome, at
	return &closed
}
