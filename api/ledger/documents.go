package ledger

import (
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/audit"
	"github.com/candor-ugc/candor/moderation/rules"
)

// Revision is a version of a content that is no longer its current one.
type Revision struct {
	ID      string          `bson:"_id"`
	Site    string          `bson:"site"`
	Content string          `bson:"content"`
	Version content.Version `bson:"version"`
}

// Slot is a place that one content can hold: one review of an author for a
// product.
type Slot struct {
	Key     string    `bson:"_id"`
	Content string    `bson:"content"`
	At      time.Time `bson:"at"`
	Rev     int64     `bson:"rev"`
}

// Replay is what was answered to a request with an Idempotency-Key.
type Replay struct {
	// Key is site, person and key.
	Key string `bson:"_id"`
	// Hash is the SHA-256 of the request.
	Hash    string    `bson:"hash"`
	Content string    `bson:"content"`
	Body    []byte    `bson:"body"`
	At      time.Time `bson:"at"`
	Rev     int64     `bson:"rev"`
}

// Vote is what one person found of one content.
type Vote struct {
	Site    string    `bson:"site"`
	Content string    `bson:"content"`
	Voter   string    `bson:"voter"`
	Value   int       `bson:"value"`
	At      time.Time `bson:"at"`
	Rev     int64     `bson:"rev"`
	Owes    bool      `bson:"owes,omitempty"`
}

// Tally is the sum of the votes for one content.
type Tally struct {
	Content string          `bson:"_id"`
	Site    string          `bson:"site"`
	Subject content.Subject `bson:"subject"`
	Votes   content.Votes   `bson:"votes"`
	// Base are votes that came with an import, of people nobody knows; Votes
	// includes them.
	Base    content.Votes `bson:"base"`
	Changed time.Time     `bson:"changed"`
	Rev     int64         `bson:"rev"`
}

// Report is a shopper's report with its revision.
type Report struct {
	content.Report `bson:",inline"`
	Rev            int64 `bson:"rev"`
}

// Product is a catalogue entry with its revision.
type Product struct {
	content.Product `bson:",inline"`
	Rev             int64 `bson:"rev"`
}

// Board is a board with its revision.
type Board struct {
	content.Board `bson:",inline"`
	Rev           int64 `bson:"rev"`
}

// Settings are the settings of one site.
type Settings struct {
	Site             string `bson:"_id"`
	content.Settings `bson:",inline"`
}

// Lease is the right to do some work alone for a while.
type Lease struct {
	Name   string    `bson:"_id"`
	Holder string    `bson:"holder"`
	Until  time.Time `bson:"until"`
	Rev    int64     `bson:"rev"`
}

// Note is what moderators tell each other about a content; erased with it.
type Note struct {
	ID      string    `bson:"_id" json:"id"`
	Site    string    `bson:"site" json:"-"`
	Content string    `bson:"content" json:"content"`
	By      string    `bson:"by" json:"by"`
	Text    string    `bson:"text" json:"text"`
	At      time.Time `bson:"at" json:"at"`
}

// Rules are a site's own moderation rules.
type Rules struct {
	Site  string       `bson:"_id"`
	Rules []rules.Rule `bson:"rules"`
	Rev   int64        `bson:"rev"`
}

// Policies are a site's policies by kind of content.
type Policies struct {
	Site  string                       `bson:"_id"`
	Kinds map[string]moderation.Policy `bson:"kinds"`
	Rev   int64                        `bson:"rev"`
}

// Model is what the site's text classifier has learned up to a moment.
type Model struct {
	Site string    `bson:"_id"`
	Data []byte    `bson:"data"`
	To   time.Time `bson:"to"`
	Rev  int64     `bson:"rev"`
}

// Audit is one link of a site's audit chain.
type Audit struct {
	audit.Record `bson:",inline"`
	// Event is the content/rev that it records.
	Event string `bson:"event"`
}

// Notice is a notice of illegal content (DSA article 16) and what came of it.
type Notice struct {
	// ID is a secret that only the sender is told.
	ID                string `bson:"_id"`
	Site              string `bson:"site"`
	Content           string `bson:"content"`
	moderation.Notice `bson:",inline"`
	At                time.Time `bson:"at"`
	Rev               int64     `bson:"rev"`
}

// Identity tells one ledger from another, so that indexes made from one are not
// taken for those of another.
type Identity struct {
	ID   string `bson:"_id"`
	UUID string `bson:"uuid"`
	// Opened is made anew whenever one process opens the ledger, and noted beside
	// its indexes: a ledger that was put back from a copy carries another one.
	Opened string `bson:"opened,omitempty"`
	Rev    int64  `bson:"rev"`
}

// Receipt says that a person's contents were erased, without saying what they
// were.
type Receipt struct {
	ID       string `bson:"_id" json:"id"`
	Site     string `bson:"site" json:"site"`
	Contents int    `bson:"contents" json:"contents"`
	Votes    int    `bson:"votes" json:"votes"`
	Reports  int    `bson:"reports" json:"reports"`
	// Media are the photos and videos that were erased; Files are the stored
	// files that are gone with them, SharedFiles those that stay because others
	// uploaded the same.
	Media       int       `bson:"media" json:"media"`
	Files       int       `bson:"files" json:"files"`
	SharedFiles int       `bson:"shared_files" json:"shared_files"`
	At          time.Time `bson:"at" json:"at"`
	Rev         int64     `bson:"rev" json:"-"`
}
