package ledger

import (
	"fmt"
	"strconv"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/audit"
	"github.com/candor-ugc/candor/moderation/rules"
)

// The indexes that the tables declare.
const (
	// BySite orders a site's documents by id, which for contents is by time.
	BySite = "site"
	// ByPublic finds what is public about one subject.
	ByPublic = "public"
	// ByAuthor finds what one person wrote, voted or reported.
	ByAuthor = "author"
	// ByParent finds the public replies to one content.
	ByParent = "parent"
	// ByStanding counts what one person wrote, by state.
	ByStanding = "standing"
	// ByContent finds what belongs to one content.
	ByContent = "content"
	// ByWaiting finds the contents that wait for a decision.
	ByWaiting = "waiting"
	// ByOwes finds documents whose effects are not settled, longest first.
	ByOwes = "owes"
	// ByFeed orders documents by the time of their last change, for nodes that
	// follow each other. Engines of one process leave it out.
	ByFeed = "feed"
	// ByTime orders a site's events by time.
	ByTime = "time"
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
	Appeal     *Appeal     `bson:"appeal,omitempty"`
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
	Appeal          *Appeal          `bson:"appeal,omitempty"`
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

// Appeal is an author's complaint about a decision (DSA article 20).
type Appeal struct {
	Text string    `bson:"text" json:"text"`
	At   time.Time `bson:"at" json:"at"`
	// Against is who decided, and must not decide again; Action what they did.
	Against string `bson:"against" json:"-"`
	Action  string `bson:"action" json:"action"`
	// Outcome is empty while open, then granted or dismissed.
	Outcome   string    `bson:"outcome,omitempty" json:"outcome,omitempty"`
	DecidedAt time.Time `bson:"decided_at,omitempty" json:"-"`
}

// Open reports whether the appeal waits for a decision.
func (a *Appeal) Open() bool { return a != nil && a.Outcome == "" }

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
	Rev  int64  `bson:"rev"`
}

// Receipt says that a person's contents were erased, without saying what they
// were.
type Receipt struct {
	ID       string    `bson:"_id" json:"id"`
	Site     string    `bson:"site" json:"site"`
	Contents int       `bson:"contents" json:"contents"`
	Votes    int       `bson:"votes" json:"votes"`
	Reports  int       `bson:"reports" json:"reports"`
	At       time.Time `bson:"at" json:"at"`
	Rev      int64     `bson:"rev" json:"-"`
}

// Schema names one table and its indexes.
type Schema struct {
	Table   string
	Indexes []string
}

// Schemas lists every table; engines prepare them when they open.
func Schemas() []Schema {
	return []Schema{
		{"contents", []string{BySite, ByPublic, ByParent, ByAuthor, ByStanding, ByWaiting, ByOwes, ByFeed}},
		{"events", []string{ByContent, ByTime}},
		{"revisions", []string{ByContent}},
		{"slots", nil},
		{"replays", []string{ByTime}},
		{"votes", []string{ByContent, ByAuthor, ByOwes}},
		{"tallies", []string{ByPublic, ByFeed}},
		{"reports", []string{ByContent, ByAuthor}},
		{"products", []string{BySite}},
		{"boards", []string{BySite}},
		{"settings", nil},
		{"leases", nil},
		{"receipts", []string{BySite}},
		{"identity", nil},
		{"accounts", []string{BySite}},
		{"sessions", []string{ByAuthor, ByTime}},
		{"notes", []string{ByContent}},
		{"rules", nil},
		{"policies", nil},
		{"models", nil},
		{"audit", []string{BySite, ByContent}},
		{"notices", []string{ByContent}},
	}
}

// Ledger is a store with Candor's tables.
type Ledger struct {
	Store
	Contents  Table[Record]
	Events    Table[Event]
	Revisions Table[Revision]
	Slots     Table[Slot]
	Replays   Table[Replay]
	Votes     Table[Vote]
	Tallies   Table[Tally]
	Reports   Table[Report]
	Products  Table[Product]
	Boards    Table[Board]
	Settings  Table[Settings]
	Leases    Table[Lease]
	Receipts  Table[Receipt]
	Identity  Table[Identity]
	Accounts  Table[content.Account]
	Sessions  Table[content.Session]
	Notes     Table[Note]
	Rules     Table[Rules]
	Policies  Table[Policies]
	Models    Table[Model]
	Audit     Table[Audit]
	Notices   Table[Notice]
}

// Millis writes a time as text that sorts as time does, to the millisecond.
func Millis(t time.Time) string {
	s := strconv.FormatInt(max(t.UnixMilli(), 0), 16)
	return "000000000000"[:12-min(len(s), 12)] + s
}

// New puts Candor's tables on a store.
func New(s Store) *Ledger {
	return &Ledger{
		Store:    s,
		Contents: Table[Record]{s, "contents", recordMeta},
		Events: Table[Event]{s, "events", func(e *Event) (string, int64, Keys) {
			return e.ID, e.Rev, Keys{
				ByContent: Key(e.Site, e.Content, Millis(e.At), e.ID),
				ByTime:    Key(e.Site, Millis(e.At), e.ID),
			}
		}},
		Revisions: Table[Revision]{s, "revisions", func(r *Revision) (string, int64, Keys) {
			return r.ID, 1, Keys{ByContent: Key(r.Site, r.Content, Millis(r.Version.At), r.ID)}
		}},
		Slots: Table[Slot]{s, "slots", func(l *Slot) (string, int64, Keys) { return l.Key, l.Rev, nil }},
		Replays: Table[Replay]{s, "replays", func(r *Replay) (string, int64, Keys) {
			return r.Key, r.Rev, Keys{ByTime: Key(Millis(r.At), r.Key)}
		}},
		Votes: Table[Vote]{s, "votes", voteMeta},
		Tallies: Table[Tally]{s, "tallies", func(t *Tally) (string, int64, Keys) {
			return t.Content, t.Rev, Keys{
				ByPublic: Key(t.Site, string(t.Subject.Type), t.Subject.ID, t.Content),
				ByFeed:   Key(Millis(t.Changed), t.Content),
			}
		}},
		Reports: Table[Report]{s, "reports", func(r *Report) (string, int64, Keys) {
			return Key(r.Site, r.Content, r.Reporter), r.Rev, Keys{
				ByContent: Key(r.Site, r.Content, r.Reporter),
				ByAuthor:  Key(r.Site, r.Reporter, r.Content),
			}
		}},
		Products: Table[Product]{s, "products", func(p *Product) (string, int64, Keys) {
			return Key(p.Site, p.ID), p.Rev, Keys{BySite: Key(p.Site, p.ID)}
		}},
		Boards: Table[Board]{s, "boards", func(b *Board) (string, int64, Keys) {
			return Key(b.Site, b.ID), b.Rev, Keys{BySite: Key(b.Site, b.ID)}
		}},
		Settings: Table[Settings]{s, "settings", func(v *Settings) (string, int64, Keys) { return v.Site, v.Rev, nil }},
		Leases:   Table[Lease]{s, "leases", func(l *Lease) (string, int64, Keys) { return l.Name, l.Rev, nil }},
		Identity: Table[Identity]{s, "identity", func(i *Identity) (string, int64, Keys) { return i.ID, i.Rev, nil }},
		Accounts: Table[content.Account]{s, "accounts", accountMeta},
		Sessions: Table[content.Session]{s, "sessions", sessionMeta},
		Notes: Table[Note]{s, "notes", func(n *Note) (string, int64, Keys) {
			return n.ID, 1, Keys{ByContent: Key(n.Site, n.Content, n.ID)}
		}},
		Rules:    Table[Rules]{s, "rules", func(r *Rules) (string, int64, Keys) { return r.Site, r.Rev, nil }},
		Policies: Table[Policies]{s, "policies", func(p *Policies) (string, int64, Keys) { return p.Site, p.Rev, nil }},
		Models:   Table[Model]{s, "models", func(m *Model) (string, int64, Keys) { return m.Site, m.Rev, nil }},
		Audit: Table[Audit]{s, "audit", func(a *Audit) (string, int64, Keys) {
			seq := fmt.Sprintf("%016x", a.Seq)
			// A link never changes; its revision is the one that it records, and
			// part of its hash.
			return Key(a.Site, seq), a.Rev, Keys{BySite: Key(a.Site, seq), ByContent: Key(a.Site, a.Event, seq)}
		}},
		Notices: Table[Notice]{s, "notices", func(n *Notice) (string, int64, Keys) {
			return n.ID, n.Rev, Keys{ByContent: Key(n.Site, n.Content, n.ID)}
		}},
		Receipts: Table[Receipt]{s, "receipts", func(r *Receipt) (string, int64, Keys) {
			return r.ID, r.Rev, Keys{BySite: Key(r.Site, r.ID)}
		}},
	}
}

func recordMeta(r *Record) (string, int64, Keys) {
	k := Keys{
		BySite: Key(r.Site, r.ID),
		ByFeed: Key(Millis(r.UpdatedAt), r.ID),
	}
	if r.Shown {
		k[ByPublic] = Key(r.Site, string(r.Subject.Type), r.Subject.ID, r.ID)
		if r.Parent != "" {
			k[ByParent] = Key(r.Site, r.Parent, r.ID)
		}
	}
	if r.Author.ID != "" {
		k[ByAuthor] = Key(r.Site, r.Author.ID, r.ID)
		k[ByStanding] = Key(r.Site, r.Author.ID, string(r.State), r.ID)
	}
	if r.State == content.Pending || r.Appeal.Open() {
		k[ByWaiting] = Key(r.Site, r.ID)
	}
	if r.Owes {
		k[ByOwes] = Key(Millis(r.UpdatedAt), r.ID)
	}
	return r.ID, r.Rev, k
}

func voteMeta(v *Vote) (string, int64, Keys) {
	id := Key(v.Site, v.Content, v.Voter)
	k := Keys{ByAuthor: Key(v.Site, v.Voter, v.Content)}
	switch v.Value {
	case 1:
		k[ByContent] = Key(v.Site, v.Content, "+", v.Voter)
	case -1:
		k[ByContent] = Key(v.Site, v.Content, "-", v.Voter)
	}
	if v.Owes {
		k[ByOwes] = Key(Millis(v.At), id)
	}
	return id, v.Rev, k
}
