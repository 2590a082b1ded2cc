package content

import "time"

// Public is a content as strangers see it. It is built from the approved
// version alone.
type Public struct {
	ID           string            `json:"id"`
	Site         string            `json:"site"`
	Kind         Kind              `json:"kind"`
	Subject      Subject           `json:"subject"`
	Parent       string            `json:"parent,omitempty"`
	Author       PublicAuthor      `json:"author"`
	Rating       int               `json:"rating,omitempty"`
	Ratings      map[string]int    `json:"ratings,omitempty"`
	Title        string            `json:"title,omitempty"`
	Body         string            `json:"body"`
	Language     string            `json:"language,omitempty"`
	Media        []PublicMedia     `json:"media,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	Incentivized bool              `json:"incentivized"`
	Votes        Votes             `json:"votes"`
	Replies      int               `json:"replies"`
	// AcceptedAnswer is the id of the answer that settled a question.
	AcceptedAnswer string    `json:"accepted_answer,omitempty"`
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	PublishedAt    time.Time `json:"published_at"`
}

// PublicAuthor is an author as strangers see one. ID is a pseudonym, stable
// within a site.
type PublicAuthor struct {
	ID         string `json:"id,omitempty"`
	Name       string `json:"name,omitempty"`
	Verified   bool   `json:"verified"`
	VerifiedBy string `json:"verified_by,omitempty"`
	Staff      bool   `json:"staff"`
}

func (a Author) public() PublicAuthor {
	return PublicAuthor{ID: a.Handle, Name: a.Name, Verified: a.Verified, VerifiedBy: a.VerifiedBy, Staff: a.Staff}
}

// Public is the public face of c with the given counts, and whether it has one.
func (c *Content) Public(votes Votes, replies int) (Public, bool) {
	v, ok := c.PublicVersion()
	if !ok {
		return Public{}, false
	}
	return c.face(v, votes, replies), true
}

func (c *Content) face(v Version, votes Votes, replies int) Public {
	return Public{
		ID: c.ID, Site: c.Site, Kind: c.Kind, Subject: c.Subject, Parent: c.Parent,
		Author: c.Author.public(), Rating: v.Rating, Ratings: v.Ratings, Title: v.Title,
		Body: v.Body, Language: v.Language, Media: c.publicMedia(v), Attributes: v.Attributes,
		Incentivized: v.Incentivized, Votes: votes, Replies: replies, AcceptedAnswer: c.Accepted,
		CreatedAt: c.CreatedAt, UpdatedAt: v.At, PublishedAt: c.PublishedAt,
	}
}

// Private is a content as its author and the moderators see it: what was
// written last, with its state.
type Private struct {
	Public
	// Media shadows the public field: all of them, with their states.
	Media []PrivateMedia `json:"media,omitempty"`
	// PublicMedia are those that the text no longer names and its public version
	// still does.
	PublicMedia []PrivateMedia `json:"public_media,omitempty"`
	State       State          `json:"state"`
	// Shown is whether an approved version is public now; it may differ from
	// what was written last.
	Shown   bool     `json:"shown"`
	Reasons []string `json:"reasons"`
	Note    string   `json:"note,omitempty"`
	Rev     int64    `json:"rev"`
	// Statement explains what keeps the content from the public; absent where
	// nothing does.
	Statement *Statement `json:"statement,omitempty"`
	// Waits is whether a moderator has something to decide; for moderators only.
	Waits bool `json:"waits,omitempty"`
	// AuthorID is the storefront's id of the author; for moderators only.
	AuthorID string `json:"author_id,omitempty"`
	// PublishedAt shadows the public field: absent while nothing was published.
	PublishedAt *time.Time `json:"published_at,omitempty"`
}

// Private is c as its author sees it, and with the author's id for moderators.
func (c *Content) Private(votes Votes, replies int, moderator bool) Private {
	p := Private{
		Public: c.face(c.Current, votes, replies), Media: c.privateMedia(c.Current), PublicMedia: c.olderMedia(), State: c.State, Shown: c.Shown,
		Reasons: c.Reasons, Note: c.Note, Rev: c.Rev,
	}
	p.UpdatedAt = c.UpdatedAt
	if p.Reasons == nil {
		p.Reasons = []string{}
	}
	if !c.PublishedAt.IsZero() {
		at := c.PublishedAt
		p.PublishedAt = &at
	}
	if moderator {
		p.AuthorID = c.Author.ID
	}
	return p
}
