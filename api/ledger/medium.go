package ledger

import (
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/content"
)

// Medium is an uploaded photo or video, with the files that were made of it.
type Medium struct {
	ID   string `bson:"_id"`
	Site string `bson:"site"`
	// Author is the storefront's id of who uploaded it; empty once erased.
	Author string              `bson:"author,omitempty"`
	Kind   content.MediumKind  `bson:"kind,omitempty"`
	State  content.MediumState `bson:"state"`
	// Reason is a code that says why it failed.
	Reason   string  `bson:"reason,omitempty"`
	Progress float64 `bson:"progress,omitempty"`

	// Size of the upload is in bytes; as announced, until it is there.
	Size   int64  `bson:"size"`
	SHA256 string `bson:"sha256,omitempty"`
	Format string `bson:"format,omitempty"`
	// Width and Height are in pixels, of the largest picture that is served.
	Width       int           `bson:"width,omitempty"`
	Height      int           `bson:"height,omitempty"`
	Duration    time.Duration `bson:"duration,omitempty"`
	Placeholder string        `bson:"placeholder,omitempty"`
	// PHash and DHash are perceptual hashes, their 64 bits as signed numbers.
	PHash int64 `bson:"phash,omitempty"`
	DHash int64 `bson:"dhash,omitempty"`

	// Source is the blob of the upload itself while it is still needed; it is
	// never served.
	Source string       `bson:"source,omitempty"`
	Files  []MediumFile `bson:"files,omitempty"`

	// Content is the content that took it, empty while it is staged.
	Content string    `bson:"content,omitempty"`
	TakenAt time.Time `bson:"taken_at,omitempty"`
	// Expires is when it is given up, unless its content exists by then; zero for
	// never.
	Expires time.Time `bson:"expires,omitempty"`
	// Place is where galleries show it; nil while strangers may not see it.
	Place *MediumPlace `bson:"place,omitempty"`
	// Banned media were withheld by moderators: pictures alike are held.
	Banned bool `bson:"banned,omitempty"`

	// Work is what is still to be done with it, by Holder until Due, then by
	// anybody; empty when nothing is. Tries counts the beginnings that ended
	// without a word, Pauses how often the service's own trouble put it off.
	Work   string    `bson:"work,omitempty"`
	Due    time.Time `bson:"due,omitempty"`
	Holder string    `bson:"holder,omitempty"`
	Tries  int       `bson:"tries,omitempty"`
	Pauses int       `bson:"pauses,omitempty"`

	CreatedAt time.Time `bson:"created_at"`
	UpdatedAt time.Time `bson:"updated_at"`
	Rev       int64     `bson:"rev"`
}

// Kinds of work on a medium.
const (
	// WorkVideo makes what is served of an uploaded video.
	WorkVideo = "video"
	// WorkWebP makes the smaller forms of a photo.
	WorkWebP = "webp"
)

// MediumFile is one file that is served of a medium.
type MediumFile struct {
	Variant string `bson:"variant"`
	// Format is jpeg, webp or mp4.
	Format string `bson:"format"`
	Width  int    `bson:"width"`
	Height int    `bson:"height"`
	Blob   string `bson:"blob"`
	Size   int64  `bson:"size"`
}

// MediumPlace orders a medium in galleries: newest content first, then the
// author's order.
type MediumPlace struct {
	Subject   content.Subject `bson:"subject"`
	Published time.Time       `bson:"published"`
	Index     int             `bson:"index"`
}

// BlobRef says that a medium needs a stored file. Equal files are stored once,
// so a file goes with the last medium that needs it.
type BlobRef struct {
	Blob   string    `bson:"blob"`
	Medium string    `bson:"medium"`
	Site   string    `bson:"site"`
	At     time.Time `bson:"at"`
	Rev    int64     `bson:"rev"`
}

func mediumMeta(m *Medium) (string, int64, Keys) {
	k := Keys{BySite: Key(m.Site, m.ID)}
	if m.Author != "" {
		k[ByAuthor] = Key(m.Site, m.Author, m.ID)
	}
	if m.Content != "" {
		k[ByContent] = Key(m.Site, m.Content, m.ID)
	}
	if !m.Expires.IsZero() {
		k[ByTime] = Key(Millis(m.Expires), m.ID)
	}
	if m.Work != "" {
		k[ByOwes] = Key(m.Work, Millis(m.Due), m.ID)
	}
	if m.Banned {
		k[ByBanned] = Key(m.Site, m.ID)
	}
	if p := m.Place; p != nil {
		// Galleries are read backwards, so the first of a content sorts last.
		order := Key(Millis(p.Published), m.Content, fmt.Sprintf("%03d", max(999-p.Index, 0)), m.ID)
		k[ByGallery] = Key(m.Site, order)
		k[ByPublic] = Key(m.Site, string(p.Subject.Type), p.Subject.ID, order)
	}
	return m.ID, m.Rev, k
}
