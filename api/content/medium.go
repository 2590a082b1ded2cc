package content

import (
	"slices"
	"time"
)

// MediumKind is what an upload is to a shopper. The strings are part of the
// public contract.
type MediumKind string

// The kinds of media.
const (
	Photo MediumKind = "photo"
	Video MediumKind = "video"
)

// MediumState is how far an upload has come. The strings are part of the public
// contract.
type MediumState string

// The states of media.
const (
	// Uploading media have not arrived whole.
	Uploading MediumState = "uploading"
	// Uploaded media wait for processing.
	Uploaded   MediumState = "uploaded"
	Processing MediumState = "processing"
	Ready      MediumState = "ready"
	// Failed media cannot be shown, ever.
	Failed MediumState = "failed"
)

// MediumStates lists every state of media.
func MediumStates() []MediumState {
	return []MediumState{Uploading, Uploaded, Processing, Ready, Failed}
}

// Settled reports whether nothing more will happen to a medium by itself.
func (s MediumState) Settled() bool { return s == Ready || s == Failed }

// Variant is one size or form in which a medium is served.
type Variant struct {
	// Name is thumb, small, large or full; of a video poster, video and, for
	// moderators, frame1 to frame6 too.
	Name string `json:"variant"`
	// Width and Height are in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// URL is the address below the service. Of what is not public it is signed
	// and works for some hours.
	URL string `json:"url"`
}

// Medium is what is known of an uploaded photo or video.
type Medium struct {
	ID    string
	Kind  MediumKind
	State MediumState
	// Reason says why it failed, as a code of the contract.
	Reason string
	// Progress is the done share of the processing, 0 to 1.
	Progress      float64
	Width, Height int
	// Seconds a video lasts.
	Seconds float64
	// Placeholder is a picture of a few pixels, as a data URI.
	Placeholder string
	Variants    []Variant
	// Alike is the id of a withheld medium that it looks like; for moderators.
	Alike     string
	CreatedAt time.Time
}

// Withheld says why moderators keep one photo or video from the public.
type Withheld struct {
	Medium  string   `bson:"medium"`
	Reasons []string `bson:"reasons"`
	// Message is what the author is told beside.
	Message string    `bson:"message,omitempty"`
	By      string    `bson:"by"`
	Role    Role      `bson:"role,omitempty"`
	At      time.Time `bson:"at"`
	// Appeal is the author's complaint about it, nil for none.
	Appeal *Appeal `bson:"appeal,omitempty"`
}

// PublicMedia is one photo or video of a content as strangers see it.
type PublicMedia struct {
	ID      string     `json:"id"`
	Kind    MediumKind `json:"kind,omitempty"`
	Caption string     `json:"caption,omitempty"`
	Alt     string     `json:"alt,omitempty"`
	// Width and Height are in pixels, of the largest variant.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	// Duration of a video is in seconds.
	Duration    float64   `json:"duration,omitempty"`
	Placeholder string    `json:"placeholder,omitempty"`
	Variants    []Variant `json:"variants"`
}

// PrivateMedia is one photo or video as its author and the moderators see it.
type PrivateMedia struct {
	PublicMedia
	State    MediumState `json:"state"`
	Progress float64     `json:"progress,omitempty"`
	// Reason says why processing failed.
	Reason string `json:"reason,omitempty"`
	// Withheld is whether moderators keep it from the public, for Reasons.
	Withheld bool     `json:"withheld"`
	Reasons  []string `json:"reasons,omitempty"`
	// Statement explains why it is withheld.
	Statement *Statement `json:"statement,omitempty"`
	// Alike is the id of a withheld medium that it looks like; for moderators.
	Alike string `json:"alike,omitempty"`
}

// WithheldMedium tells why a medium of c is kept from the public, and whether
// it is.
func (c *Content) WithheldMedium(id string) (Withheld, bool) {
	i := slices.IndexFunc(c.Withheld, func(w Withheld) bool { return w.Medium == id })
	if i < 0 {
		return Withheld{}, false
	}
	return c.Withheld[i], true
}

// Names reports whether v names a medium.
func (v Version) Names(id string) bool {
	return slices.ContainsFunc(v.Media, func(m Media) bool { return m.ID == id })
}

// Shows reports whether strangers may see a medium with a version of c.
func (c *Content) Shows(v Version, id string) bool {
	_, withheld := c.WithheldMedium(id)
	return !withheld && v.Names(id)
}

// publicMedia are the media of a version that strangers may see, in the author's
// order.
func (c *Content) publicMedia(v Version) []PublicMedia {
	var out []PublicMedia
	for _, m := range v.Media {
		known, ok := c.Gallery[m.ID]
		if ok && known.State == Ready && c.Shows(v, m.ID) {
			out = append(out, m.with(known))
		}
	}
	return out
}

// privateMedia are all media of a version.
func (c *Content) privateMedia(v Version) []PrivateMedia {
	var out []PrivateMedia
	for _, m := range v.Media {
		known, ok := c.Gallery[m.ID]
		if !ok {
			known = Medium{State: Failed, Reason: "missing"}
		}
		p := known.private(m)
		if w, withheld := c.WithheldMedium(m.ID); withheld {
			p.Withheld, p.Reasons = true, w.Reasons
		}
		out = append(out, p)
	}
	return out
}

// olderMedia are those of the public version that the text no longer names.
func (c *Content) olderMedia() []PrivateMedia {
	if c.ApprovedVersion == nil {
		return nil
	}
	v := *c.ApprovedVersion
	v.Media = slices.DeleteFunc(slices.Clone(v.Media), func(m Media) bool { return c.Current.Names(m.ID) })
	return c.privateMedia(v)
}

func (m Media) with(known Medium) PublicMedia {
	p := PublicMedia{
		ID: m.ID, Kind: known.Kind, Caption: m.Caption, Alt: m.Alt, Width: known.Width, Height: known.Height,
		Duration: known.Seconds, Placeholder: known.Placeholder, Variants: known.Variants,
	}
	if p.Variants == nil {
		p.Variants = []Variant{}
	}
	return p
}

func (m Medium) private(as Media) PrivateMedia {
	return PrivateMedia{
		PublicMedia: as.with(m), State: m.State, Progress: m.Progress, Reason: m.Reason, Alike: m.Alike,
	}
}

// Private is an upload as the person who made it sees it.
func (m Medium) Private() PrivateMedia { return m.private(Media{ID: m.ID}) }

// MediumPath is the address of a medium, or of one variant of it, below the
// service: part of the public contract.
func MediumPath(site, id, variant string) string {
	path := "/v1/sites/" + site + "/media/" + id
	if variant != "" {
		path += "/" + variant
	}
	return path
}
