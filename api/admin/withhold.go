package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// What the form of one photo or video asks for.
const (
	doWithhold = "withhold"
	doRelease  = "release"
)

// turned is what was done to one photo or video of a content.
type turned struct {
	kind     content.MediumKind
	n        int
	withheld bool
}

// text says what was done.
func (t turned) text(v *visit) string {
	name := v.mediumName(t.kind, t.n)
	if t.withheld {
		return v.words.T("said.withheld", "what", name)
	}
	return v.words.T("said.released", "what", name)
}

// turnedAnswer tells the script what was done, and at which revision it can be
// undone.
type turnedAnswer struct {
	Text string `json:"text"`
	Rev  int64  `json:"rev"`
}

func postMedium(v *visit) error {
	form := v.r.PostForm
	w := lifecycle.Withholding{Medium: v.r.PathValue("medium"), Note: strings.TrimSpace(form.Get("note")), Rev: v.rev()}
	switch form.Get("do") {
	case doWithhold:
		w.Withhold, w.Reasons, w.Message = true, chosenReasons(form), strings.TrimSpace(form.Get("message"))
	case doRelease:
	default:
		return errBadForm
	}
	c, err := v.desk.Withhold(v.ctx(), v.who, v.site, v.r.PathValue("id"), w)
	if err != nil {
		return v.refused(err)
	}
	did := turnedOf(c, w)
	said := saying{done: 1, turned: &did, targets: []lifecycle.Target{{ID: c.ID, Rev: c.Rev}}}
	if !v.wantsJSON() {
		return v.back(v.undos.note(v.secret, said))
	}
	v.sendJSON(http.StatusOK, turnedAnswer{Text: said.text(v), Rev: c.Rev})
	return nil
}

// turnedOf names what was decided about as the page does.
func turnedOf(c content.Private, w lifecycle.Withholding) turned {
	out := turned{withheld: w.Withhold}
	for i, m := range slices.Concat(c.Media, c.PublicMedia) {
		if m.ID == w.Medium {
			out.kind, out.n = m.Kind, i+1
		}
	}
	return out
}

// appealView is what an author wrote against decisions about their text or, with
// Media, about photos and videos.
type appealView struct {
	note
	Media []mediumLink
}

// appeals are those that are open, the one about the text first.
func (v *visit) appeals(c *lifecycle.Case, item *itemView, now time.Time) (out []appealView) {
	said := func(a content.Appeal) note {
		return note{By: item.Author, Text: a.Text, When: v.words.moment(a.At, now)}
	}
	if c.Appeal.Open() {
		out = append(out, appealView{note: said(*c.Appeal)})
	}
	last := content.Appeal{}
	for _, a := range c.MediaAppeals {
		i := slices.IndexFunc(item.Media, func(m mediumView) bool { return m.ID == a.Medium })
		if !a.Open() || i < 0 {
			continue
		}
		if last.Rev != a.Rev { // one appeal can be about several
			out = append(out, appealView{note: said(a.Appeal)})
		}
		last = a.Appeal
		about := &out[len(out)-1]
		about.Media = append(about.Media, item.Media[i].link())
	}
	return out
}

// retype puts what was typed about a photo or video back into its form.
func (v *visit) retype(item *itemView) {
	form := v.r.PostForm
	for i := range item.Media {
		m := &item.Media[i]
		if m.ID == v.r.PathValue("medium") && m.CanReject() {
			m.Open, m.Reason = true, form.Get("reason")
			m.Message, m.Note = strings.TrimSpace(form.Get("message")), strings.TrimSpace(form.Get("note"))
		}
	}
}

// chosenReasons are the codes that a form names, each once.
func chosenReasons(form map[string][]string) (out []string) {
	for _, code := range form["reason"] {
		if code != "" && !slices.Contains(out, code) {
			out = append(out, code)
		}
	}
	return out
}
