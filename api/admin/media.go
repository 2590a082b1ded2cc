package admin

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/moderation"
)

// mediumView is one photo or video of an item. Until it is asked for, a page
// shows a placeholder of a few pixels and loads nothing.
type mediumView struct {
	// Item is what it belongs to, for its forms.
	Item *itemView
	ID   string
	// Anchor is its name within the page, Name how people call it: Photo 2.
	Anchor, Name string
	Video        bool
	Caption, Alt string
	// Size is in pixels, Length of a video in minutes and seconds.
	Size, Length string
	Placeholder  template.URL
	// Picture is the photo, or the poster of a video, Large what enlarging it
	// gives, Film the video itself.
	Picture, Large picture
	Film           string
	// Frames are the key frames of a video; they have no addresses before it is
	// processed.
	Frames []picture
	State  string
	// Busy says that it is not processed yet, Doing in words how far that is, and
	// Percent as a number. Failure says why it never will be.
	Busy           bool
	Doing, Failure string
	Percent        int
	Withheld       bool
	Reasons        []string
	Alike          bool
	// Numbers are the findings about it.
	Numbers []int
	// Open says that its form is open, with Reason and Note as they were typed.
	Open         bool
	Reason, Note string
	// Message is what was typed for the author, or what they were told.
	Message string
}

// picture is an image of known size.
type picture struct {
	URL           string
	Alt           string
	Width, Height int
}

// mediumLink leads to a photo or video on the same page.
type mediumLink struct{ Anchor, Name string }

func (m mediumView) link() mediumLink { return mediumLink{m.Anchor, m.Name} }

// Ready reports whether there is something to see.
func (m mediumView) Ready() bool { return m.State == string(content.Ready) && m.Picture.URL != "" }

// CanReject reports whether rejecting it alone would change anything.
func (m mediumView) CanReject() bool { return !m.Withheld && m.State != string(content.Failed) }

// media are the photos and videos of an item, in the author's order.
func (v *visit) media(item *itemView, list []content.PrivateMedia, signals []moderation.Signal) []mediumView {
	item.AllShown = v.r.URL.Query().Get("show") == "all"
	out := make([]mediumView, len(list))
	for i, m := range list {
		view := v.medium(m, i+1)
		view.Item = item
		view.Open = view.Anchor == v.r.URL.Query().Get("turn")
		for n, s := range signals {
			if s.Media == m.ID {
				view.Numbers = append(view.Numbers, n+1)
			}
		}
		out[i] = view
	}
	return out
}

func (v *visit) medium(m content.PrivateMedia, n int) mediumView {
	out := mediumView{
		ID: m.ID, Anchor: "medium-" + strconv.Itoa(n), Name: v.mediumName(m.Kind, n), Video: m.Kind == content.Video,
		Caption: m.Caption, Alt: m.Alt, State: string(m.State), Withheld: m.Withheld, Alike: m.Alike != "",
	}
	if m.Width > 0 {
		out.Size = v.words.digits(fmt.Sprintf("%d × %d", m.Width, m.Height))
	}
	if out.Video && m.Duration > 0 {
		s := int(math.Round(m.Duration))
		out.Length = v.words.digits(fmt.Sprintf("%d:%02d", s/60, s%60))
	}
	if m.Statement != nil {
		out.Message = m.Statement.Message
	}
	for _, code := range m.Reasons {
		out.Reasons = append(out.Reasons, v.reasonTitle(code))
	}
	switch m.State {
	case content.Ready:
		v.pictures(&out, m)
	case content.Failed:
		out.Failure = v.words.Or("medium.failed."+m.Reason, v.words.T("medium.failed.internal"))
	default:
		out.Busy, out.Percent = true, int(100*min(max(m.Progress, 0), 1))
		if out.Video {
			out.Frames = make([]picture, videoFrames) // their places are kept
		}
		out.Doing = v.words.T("medium."+string(m.State), "n", v.words.Percent(float64(out.Percent)/100))
	}
	return out
}

// mediumName is how people call the nth photo or video of a content.
func (v *visit) mediumName(kind content.MediumKind, n int) string {
	if kind == content.Video {
		return v.words.T("medium.video", "n", n)
	}
	return v.words.T("medium.photo", "n", n)
}

// inline is what the addresses of placeholders begin with.
const inline = "data:image/png;base64,"

// pictures gives a processed medium its addresses, which hold for some hours.
func (v *visit) pictures(out *mediumView, m content.PrivateMedia) {
	if strings.HasPrefix(m.Placeholder, inline) {
		out.Placeholder = template.URL(m.Placeholder) // made by our own processor
	}
	alt := m.Alt
	if alt == "" {
		alt = out.Name
	}
	of := func(names ...string) (p picture) {
		for _, name := range names {
			i := slices.IndexFunc(m.Variants, func(v content.Variant) bool { return v.Name == name })
			if i >= 0 {
				f := m.Variants[i]
				return picture{f.URL, alt, f.Width, f.Height}
			}
		}
		return p
	}
	if !out.Video {
		out.Picture, out.Large = of("small", "large", "full"), of("large", "full", "small")
		return
	}
	out.Picture, out.Film = of("poster", "small"), of("video").URL
	for i := 1; i <= videoFrames; i++ {
		if f := of("frame" + strconv.Itoa(i)); f.URL != "" {
			f.Alt = v.words.T("medium.frame", "n", i, "all", videoFrames, "what", out.Name)
			out.Frames = append(out.Frames, f)
		}
	}
}

// videoFrames is how many key frames a video has.
const videoFrames = 6

// lookalikes are findings about photos and videos that look like rejected ones,
// where screening has none: more may have been rejected since.
func lookalikes(c content.Private, known []moderation.Signal) (out []moderation.Signal) {
	for _, m := range c.Media {
		told := slices.ContainsFunc(known, func(s moderation.Signal) bool {
			return s.Code == moderation.CodePictureKnown && s.Media == m.ID
		})
		if m.Alike != "" && !told {
			out = append(out, moderation.Signal{
				Code: moderation.CodePictureKnown, Severity: moderation.SeverityHigh, Media: m.ID, Alike: m.Alike,
			})
		}
	}
	return out
}

// mediaCount tells how many photos and videos a content has.
func mediaCount(list []content.PrivateMedia) (photos, videos int) {
	for _, m := range list {
		if m.Kind == content.Video {
			videos++
		} else {
			photos++
		}
	}
	return photos, videos
}

// fitting are the reasons to reject a photo or video for: those about pictures
// first, those about what was written left out.
func fitting(all []reasonChoice) (out []reasonChoice) {
	for _, r := range all {
		if strings.HasPrefix(r.Code, "media") {
			out = append(out, r)
		}
	}
	for _, r := range all {
		if !strings.HasPrefix(r.Code, "media") && !slices.Contains(aboutText, r.Code) {
			out = append(out, r)
		}
	}
	return out
}

// aboutText are the reasons that fit no picture.
var aboutText = []string{"language", "no_content", "service", "conflict_of_interest"}
