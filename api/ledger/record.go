package ledger

import (
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/moderation"
)

// Record is a content as the ledger keeps it, with what its last changes owe.
type Record struct {
	content.Content `bson:",inline"`
	// Events are the changes since the content was last settled; while it owes
	// nothing they are history that the events table holds too.
	Events    []Event               `bson:"events,omitempty"`
	Screening *moderation.Screening `bson:"screening,omitempty"`
	// Reports counts the different people who reported it since it was last
	// decided.
	Reports int `bson:"reports,omitempty"`
	// Salt keys the digests of its texts in the audit; erased with them.
	Salt string `bson:"salt,omitempty"`
	// Decided is the last decision about it, nil before the first.
	Decided *Decided `bson:"decided,omitempty"`
	// Undo is what the last decision changed, while it can be undone.
	Undo       *Undo       `bson:"undo,omitempty"`
	Escalation *Escalation `bson:"escalation,omitempty"`
	// Appeal is the last one about the text; those about photos and videos are
	// with Withheld.
	Appeal *content.Appeal `bson:"appeal,omitempty"`
	// Pictured is whether it ever named photos or videos.
	Pictured bool `bson:"pictured,omitempty"`
	// Slot is the key of the slot it occupies, see [Slot].
	Slot string `bson:"slot,omitempty"`
	// Owes says, when written, that the change is not settled yet. A record that
	// was read owes something when [Record.Unsettled] says so.
	Owes bool `bson:"-"`
	// Stored are the keys as they were read.
	Stored Keys `bson:"x,omitempty"`
}

// Decided says who decided what about a content, when.
type Decided struct {
	By        string       `bson:"by"`
	Role      content.Role `bson:"role"`
	Action    string       `bson:"action"`
	Automatic bool         `bson:"automatic"`
	// Rev is the revision that the decision made.
	Rev int64     `bson:"rev"`
	At  time.Time `bson:"at"`
}

// Undo is how a record stood before its last decision.
type Undo struct {
	State           content.State    `bson:"state"`
	ApprovedRev     int64            `bson:"approved_rev"`
	ApprovedVersion *content.Version `bson:"approved_version,omitempty"`
	Reasons         []string         `bson:"reasons,omitempty"`
	Note            string           `bson:"note,omitempty"`
	Reports         int              `bson:"reports"`
	PublishedAt     time.Time        `bson:"published_at"`
	QueuedAt        time.Time        `bson:"queued_at"`
	Decided         *Decided         `bson:"decided,omitempty"`
	Escalation      *Escalation      `bson:"escalation,omitempty"`
	Appeal          *content.Appeal  `bson:"appeal,omitempty"`
	// Withheld are the photos and videos as they were; Media those of them that the
	// decision was about, none where it was about the text.
	Withheld []content.Withheld `bson:"withheld,omitempty"`
	Media    []string           `bson:"media,omitempty"`
	// By and At say who decided when, Rev is the revision that the decision made.
	By  string    `bson:"by"`
	At  time.Time `bson:"at"`
	Rev int64     `bson:"rev"`
}

// Escalation passes a content on: to an administrator, or to any second
// moderator.
type Escalation struct {
	// Kind is escalation or second_opinion.
	Kind string    `bson:"kind" json:"kind"`
	By   string    `bson:"by" json:"by"`
	Note string    `bson:"note,omitempty" json:"note,omitempty"`
	At   time.Time `bson:"at" json:"at"`
}

// Names reports whether the text as it is, or as it was approved, names a medium.
func (r *Record) Names(medium string) bool {
	return r.Current.Names(medium) || r.ApprovedVersion != nil && r.ApprovedVersion.Names(medium)
}

// AppealedMedia are the withheld photos and videos about which an appeal is open.
// What the text no longer names cannot be given back, so it is not among them.
func (r *Record) AppealedMedia() []content.Withheld {
	var out []content.Withheld
	for _, w := range r.Withheld {
		if w.Appeal.Open() && r.Names(w.Medium) {
			out = append(out, w)
		}
	}
	return out
}

// Appealed reports whether an appeal waits for a decision, about the text or about
// a photo or video.
func (r *Record) Appealed() bool { return r.Appeal.Open() || len(r.AppealedMedia()) > 0 }

// Waits reports whether a moderator has something to decide.
func (r *Record) Waits() bool { return r.State == content.Pending || r.Appealed() }

// Unsettled reports whether a record that was read still owes effects.
func (r *Record) Unsettled() bool { return r.Stored[ByOwes] != "" }

// Event is one committed change of a content: what the audit keeps, and what is
// settled. It holds no words of the author.
type Event struct {
	// ID is content/rev.
	ID      string        `bson:"_id" json:"id"`
	Site    string        `bson:"site" json:"site"`
	Content string        `bson:"content" json:"content"`
	Kind    content.Kind  `bson:"kind" json:"kind"`
	Rev     int64         `bson:"rev" json:"rev"`
	Action  string        `bson:"action" json:"action"`
	From    content.State `bson:"from" json:"from,omitempty"`
	To      content.State `bson:"to" json:"to"`
	Actor   string        `bson:"actor" json:"actor,omitempty"`
	Role    content.Role  `bson:"role" json:"role,omitempty"`
	// Automatic is whether a rule or model decided, not a person.
	Automatic bool     `bson:"automatic" json:"automatic"`
	Reasons   []string `bson:"reasons,omitempty" json:"reasons,omitempty"`
	// Media are the photos or videos that a decision was about.
	Media []string `bson:"media,omitempty" json:"media,omitempty"`
	// Note is what moderators tell each other; erased with the content.
	Note string `bson:"note,omitempty" json:"note,omitempty"`
	// Version is the Rev of the text that the change was about, TextHash its
	// salted digest, Before that of the text it replaced.
	Version  int64  `bson:"version" json:"version"`
	TextHash string `bson:"text_hash,omitempty" json:"text_hash,omitempty"`
	Before   string `bson:"before,omitempty" json:"before,omitempty"`
	// Language and Rating are those of the text, for figures; Proposed is what
	// the machine would have done, Versions which rules and models it had.
	Language string            `bson:"language,omitempty" json:"language,omitempty"`
	Rating   int               `bson:"rating,omitempty" json:"rating,omitempty"`
	Proposed string            `bson:"proposed,omitempty" json:"proposed,omitempty"`
	Rules    []string          `bson:"rules,omitempty" json:"rules,omitempty"`
	Versions map[string]string `bson:"versions,omitempty" json:"versions,omitempty"`
	// Waited is how long the content had waited for the decision.
	Waited time.Duration `bson:"waited,omitempty" json:"waited,omitempty"`
	At     time.Time     `bson:"at" json:"at"`
	// Previous is the version that this change replaced; it moves to the
	// revisions table when settled.
	Previous *content.Version `bson:"previous,omitempty" json:"-"`
}
