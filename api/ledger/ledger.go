package ledger

import (
	"fmt"
	"strconv"
	"time"

	"github.com/candor-ugc/candor/api/content"
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
	// ByGallery orders a site's public media by time.
	ByGallery = "gallery"
	// ByBanned finds the media that moderators withheld.
	ByBanned = "banned"
	// ByMedium finds the files of one medium.
	ByMedium = "medium"
)

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
		{"media", []string{BySite, ByAuthor, ByContent, ByTime, ByOwes, ByPublic, ByGallery, ByBanned}},
		{"blobs", []string{BySite, ByMedium}},
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
	Media     Table[Medium]
	Blobs     Table[BlobRef]
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
		Media: Table[Medium]{s, "media", mediumMeta},
		Blobs: Table[BlobRef]{s, "blobs", func(r *BlobRef) (string, int64, Keys) {
			return Key(r.Blob, r.Medium), r.Rev, Keys{
				BySite: Key(r.Site, r.Blob, r.Medium), ByMedium: Key(r.Medium, r.Blob),
			}
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
	if r.Waits() {
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
