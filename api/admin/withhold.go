package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// actionWithhold is what the history calls the rejection of one photo or video.
const actionWithhold = "withhold_media"

// What the form of one photo or video asks for.
const (
	doWithhold = "withhold"
	doRelease  = "release"
)

// turned is what was done to one photo or video of a content, and all that is
// needed to turn it back.
type turned struct {
	Content, ID string
	kind        content.MediumKind
	n           int
	withheld    bool
	// Reasons are the codes for which it is withheld, or was, and Message what its
	// author is told beside.
	Reasons []string
	Message string
	Rev     int64
}

// Do is what undoes it.
func (t turned) Do() string {
	if t.withheld {
		return doRelease
	}
	return doWithhold
}

// text says what was done.
func (t turned) text(v *visit) string {
	name := v.mediumName(t.kind, t.n)
	if t.withheld {
		return v.words.T("said.withheld", "what", name)
	}
	return v.words.T("said.released", "what", name)
}

// turnedAnswer tells the script what was done, and which form would undo it.
type turnedAnswer struct {
	Text string      `json:"text"`
	Path string      `json:"path"`
	Undo [][2]string `json:"undo"`
}

func postMedium(v *visit) error {
	form := v.r.PostForm
	reasons := chosenReasons(form)
	message := strings.TrimSpace(form.Get("message"))
	w := lifecycle.Withholding{Medium: v.r.PathValue("medium"), Note: strings.TrimSpace(form.Get("note")), Rev: v.rev()}
	switch form.Get("do") {
	case doWithhold:
		w.Withhold, w.Reasons, w.Message = true, reasons, message
	case doRelease:
	default:
		return errBadForm
	}
	c, err := v.desk.Withhold(v.ctx(), v.who, v.site, v.r.PathValue("id"), w)
	if err != nil {
		return v.refused(err)
	}
	said := turned{Content: c.ID, ID: w.Medium, withheld: w.Withhold, Reasons: reasons, Message: message, Rev: c.Rev}
	for i, m := range c.Media {
		if m.ID == w.Medium {
			said.kind, said.n = m.Kind, i+1
		}
	}
	if !v.wantsJSON() {
		return v.back(v.undos.note(v.secret, saying{done: 1, turned: &said}))
	}
	answer := turnedAnswer{
		Text: said.text(v), Path: mediumForm(said.Content, said.ID),
		Undo: [][2]string{{"do", said.Do()}, {"rev", strconv.FormatInt(said.Rev, 10)}, {"message", said.Message}},
	}
	for _, code := range said.Reasons {
		answer.Undo = append(answer.Undo, [2]string{"reason", code})
	}
	v.sendJSON(http.StatusOK, answer)
	return nil
}

// mediumForm is where the form of one photo or video goes, below the site.
func mediumForm(item, medium string) string { return "/items/" + item + "/media/" + medium }

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
