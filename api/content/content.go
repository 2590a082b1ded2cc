package content

import (
	"maps"
	"slices"
	"time"
)

// Kind says what a content is. The strings are part of the public contract.
type Kind string

// The six kinds.
const (
	Review   Kind = "review"
	Comment  Kind = "comment"
	Question Kind = "question"
	Answer   Kind = "answer"
	Topic    Kind = "topic"
	Post     Kind = "post"
)

// Kinds lists every kind in the order of the contract.
func Kinds() []Kind { return []Kind{Review, Comment, Question, Answer, Topic, Post} }

// Valid reports whether k is one of the six kinds.
func (k Kind) Valid() bool { return slices.Contains(Kinds(), k) }

// IsReply reports whether a content of this kind has a parent.
func (k Kind) IsReply() bool { return k == Comment || k == Answer || k == Post }

// ReplyKind is the kind of a direct reply to a content of kind k: an answer to
// a question, a post to a topic, else a comment.
func (k Kind) ReplyKind() Kind {
	switch k {
	case Question:
		return Answer
	case Topic:
		return Post
	default:
		return Comment
	}
}

// State is where a content stands. The strings are part of the public
// contract; which change leads where is decided by the moderation room.
type State string

// The states.
const (
	Pending          State = "pending"
	Approved         State = "approved"
	Rejected         State = "rejected"
	ChangesRequested State = "changes_requested"
	Withdrawn        State = "withdrawn"
	Removed          State = "removed"
	Erased           State = "erased"
)

// States lists every state.
func States() []State {
	return []State{Pending, Approved, Rejected, ChangesRequested, Withdrawn, Removed, Erased}
}

// Valid reports whether s is a known state.
func (s State) Valid() bool { return slices.Contains(States(), s) }

// SubjectType says what a content is about.
type SubjectType string

// The subject types.
const (
	ProductSubject SubjectType = "product"
	BoardSubject   SubjectType = "board"
)

// Subject is what a content is about: a product of the catalogue or a board.
type Subject struct {
	Type SubjectType `bson:"type" json:"type"`
	ID   string      `bson:"id" json:"id"`
}

// ProductOf is the subject of a product.
func ProductOf(id string) Subject { return Subject{Type: ProductSubject, ID: id} }

// BoardOf is the subject of a board.
func BoardOf(id string) Subject { return Subject{Type: BoardSubject, ID: id} }

// Author is who wrote a content. ID is the storefront's own id of the person
// and is never shown to strangers; Handle is the pseudonym that is.
type Author struct {
	ID       string `bson:"id"`
	Handle   string `bson:"handle"`
	Name     string `bson:"name"`
	Verified bool   `bson:"verified"`
	// VerifiedBy says how the purchase was verified: "token" (a signed claim of
	// the storefront) or "import" (the imported record said so).
	VerifiedBy string `bson:"verified_by,omitempty"`
	Staff      bool   `bson:"staff"`
}

// Media is one photo or video of a content, in the author's order.
type Media struct {
	ID      string `bson:"id" json:"id"`
	Caption string `bson:"caption,omitempty" json:"caption,omitempty"`
	Alt     string `bson:"alt,omitempty" json:"alt,omitempty"`
}

// Version is what an author wrote at one revision of a content.
type Version struct {
	// Rev is the revision of the content at which this was written.
	Rev int64 `bson:"rev"`
	// Rating is 1 to 5 stars, 0 when the author gave none.
	Rating       int               `bson:"rating,omitempty"`
	Ratings      map[string]int    `bson:"ratings,omitempty"`
	Title        string            `bson:"title,omitempty"`
	Body         string            `bson:"body"`
	Language     string            `bson:"language,omitempty"`
	Media        []Media           `bson:"media,omitempty"`
	Attributes   map[string]string `bson:"attributes,omitempty"`
	Incentivized bool              `bson:"incentivized,omitempty"`
	At           time.Time         `bson:"at"`
}

// Same reports whether two versions say the same, whenever they were written.
func (v Version) Same(w Version) bool {
	return v.Rating == w.Rating && maps.Equal(v.Ratings, w.Ratings) &&
		v.Title == w.Title && v.Body == w.Body && v.Language == w.Language &&
		slices.Equal(v.Media, w.Media) && maps.Equal(v.Attributes, w.Attributes) &&
		v.Incentivized == w.Incentivized
}

// Votes counts what shoppers found of a content.
type Votes struct {
	Helpful   int `bson:"helpful" json:"helpful"`
	Unhelpful int `bson:"unhelpful" json:"unhelpful"`
}

// Content is one review, comment, question, answer, topic or post.
type Content struct {
	ID      string  `bson:"_id"`
	Site    string  `bson:"site"`
	Kind    Kind    `bson:"kind"`
	Subject Subject `bson:"subject"`
	// Parent is the content replied to, Root the review, question or topic on
	// top of the thread; both are empty at the top. Depth is 0 there.
	Parent string `bson:"parent,omitempty"`
	Root   string `bson:"root,omitempty"`
	Depth  int    `bson:"depth,omitempty"`
	Author Author `bson:"author"`

	// Current is what the author wrote last.
	Current Version `bson:"current"`
	// ApprovedRev is the Rev of the version that was approved last, 0 when none
	// was. ApprovedVersion holds that version where it is not Current.
	ApprovedRev     int64    `bson:"approved_rev,omitempty"`
	ApprovedVersion *Version `bson:"approved_version,omitempty"`

	// Accepted is the answer that settled a question.
	Accepted string `bson:"accepted,omitempty"`

	State State `bson:"state"`
	// Shown is whether the approved version is public now.
	Shown   bool     `bson:"shown"`
	Reasons []string `bson:"reasons,omitempty"`
	// Note is what the last decision told the author.
	Note string `bson:"note,omitempty"`
	// Withheld are the photos and videos that moderators keep from the public,
	// whatever the state of the text.
	Withheld []Withheld `bson:"withheld,omitempty"`
	// Gallery is what is known of the media that the versions name, by id. It is
	// joined where a content is shown; what is not joined is not shown.
	Gallery map[string]Medium `bson:"-"`
	// Rev counts every committed change of the content, from 1.
	Rev int64 `bson:"rev"`

	CreatedAt time.Time `bson:"created_at"`
	UpdatedAt time.Time `bson:"updated_at"`
	// PublishedAt is when it first became public; zero when it never did.
	PublishedAt time.Time `bson:"published_at,omitempty"`
	// QueuedAt is when it last began to wait for a decision.
	QueuedAt time.Time `bson:"queued_at,omitempty"`
}

// PublicVersion is the version that strangers may see, and whether there is one.
func (c *Content) PublicVersion() (Version, bool) {
	if !c.Shown {
		return Version{}, false
	}
	return c.LastApproved()
}

// LastApproved is the version approved last, public or not, and whether there
// is one.
func (c *Content) LastApproved() (Version, bool) {
	switch {
	case c.ApprovedRev == 0:
		return Version{}, false
	case c.ApprovedRev == c.Current.Rev:
		return c.Current, true
	case c.ApprovedVersion != nil:
		return *c.ApprovedVersion, true
	default:
		return Version{}, false
	}
}

// Role is what a token lets its bearer do within one site.
type Role string

// The roles, each including what the ones before it may do.
const (
	Shopper   Role = "shopper"
	Staff     Role = "staff"
	Moderator Role = "moderator"
	Admin     Role = "admin"
)

var rank = map[Role]int{Shopper: 1, Staff: 2, Moderator: 3, Admin: 4}

// Valid reports whether r is a known role.
func (r Role) Valid() bool { return rank[r] > 0 }

// Includes reports whether r may do what q may.
func (r Role) Includes(q Role) bool { return rank[r] >= rank[q] && rank[q] > 0 }

// Actor is who asks for something. The zero Actor is a stranger.
type Actor struct {
	ID    string
	Name  string
	Email string
	Role  Role
	// Purchases lists the products that the storefront vouches the actor bought.
	Purchases []string
}

// Known reports whether the actor has signed in.
func (a Actor) Known() bool { return a.ID != "" && a.Role.Valid() }

// May reports whether the actor has at least role r.
func (a Actor) May(r Role) bool { return a.Known() && a.Role.Includes(r) }

// Bought reports whether the storefront vouches that the actor bought product.
func (a Actor) Bought(product string) bool { return slices.Contains(a.Purchases, product) }
