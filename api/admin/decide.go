package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// maxBulk bounds the contents of one decision.
const maxBulk = 500

// outcome is what the script is told of a decision about one content.
type outcome struct {
	ID    string `json:"id"`
	OK    bool   `json:"ok"`
	Rev   int64  `json:"rev,omitempty"`
	State string `json:"state,omitempty"`
	// Text says it in the interface's language.
	Text string `json:"text"`
	// Gone says that the content needs no decision any more, whoever took it.
	Gone bool `json:"gone,omitempty"`
	// Waits says that something is to be decided about it still.
	Waits bool `json:"waits,omitempty"`
}

// outcomes answer a decision about one or many.
type outcomes struct {
	Results []outcome `json:"results"`
	Done    int       `json:"done"`
	Failed  int       `json:"failed"`
	Text    string    `json:"text"`
}

// decision reads a decision from the form. Where the author is told nothing,
// they are told the published text of the reasons, in their language.
func (v *visit) decision() lifecycle.Decision {
	form := v.r.PostForm
	d := lifecycle.Decision{
		Action: moderation.Action(form.Get("action")), Message: strings.TrimSpace(form.Get("message")),
		Note: strings.TrimSpace(form.Get("note")), Rev: 1,
	}
	d.Reasons = chosenReasons(form)
	// Reasons that were ticked on the way are no part of a yes, nor of letting
	// stand what others gave theirs for.
	switch d.Action {
	case moderation.ActionApprove, moderation.ActionRestore:
		d.Reasons, d.Message = nil, ""
	case "uphold":
		d.Reasons = nil
	}
	if d.Message == "" && len(d.Reasons) > 0 {
		d.Message = composed(d.Reasons, form.Get("author_language"))
	}
	return d
}

// composed is what is told an author about reasons, in their language.
func composed(codes []string, language string) string {
	parts := make([]string, 0, len(codes))
	for _, code := range codes {
		if r, ok := moderation.ReasonByCode(code); ok {
			parts = append(parts, r.In(language).Body)
		}
	}
	return strings.Join(parts, "\n")
}

func (v *visit) rev() int64 {
	n, err := strconv.ParseInt(v.r.PostForm.Get("rev"), 10, 64)
	if err != nil {
		return 0 // no revision: refused as required
	}
	return n
}

func postDecision(v *visit) error {
	d := v.decision()
	d.Rev = v.rev()
	id := v.r.PathValue("id")
	c, err := v.desk.Decide(v.ctx(), v.who, v.site, id, d)
	return v.answer([]lifecycle.Result{{ID: id, Content: c, Err: err}}, false)
}

func postDecisions(v *visit) error {
	targets, err := v.targets()
	if err != nil {
		return err
	}
	d := v.decision()
	if err := d.Validate(); err != nil {
		return err
	}
	results, err := v.desk.DecideAll(v.ctx(), v.who, v.site, targets, d)
	if err != nil {
		return err
	}
	return v.answer(results, false)
}

// postUndo takes decisions back: those named, else the last of the session.
func postUndo(v *visit) error {
	targets, err := v.targets()
	if err != nil {
		return err
	}
	results, err := v.desk.UndoAll(v.ctx(), v.who, v.site, targets)
	if err != nil {
		return err
	}
	return v.answer(results, true)
}

// targets reads the chosen contents: id and revision, joined by a dot.
func (v *visit) targets() ([]lifecycle.Target, error) {
	var out []lifecycle.Target
	for _, s := range v.r.PostForm["item"] {
		i := strings.LastIndexByte(s, '.')
		if i < 0 {
			return nil, errBadForm
		}
		rev, err := strconv.ParseInt(s[i+1:], 10, 64)
		if err != nil {
			return nil, errBadForm
		}
		out = append(out, lifecycle.Target{ID: s[:i], Rev: rev})
	}
	var e content.Invalid
	switch {
	case len(out) == 0:
		e.Add("items", "required", "choose at least one")
	case len(out) > maxBulk:
		e.Add("items", "too_many", "choose at most %d", maxBulk)
	}
	return out, e.Err()
}

// answer tells what came of decisions, or of taking them back: the script in JSON,
// else with the next page. A single one that failed is an error of its own.
func (v *visit) answer(results []lifecycle.Result, undone bool) error {
	out := outcomes{Results: make([]outcome, len(results))}
	said := saying{undone: undone}
	status := http.StatusOK
	for i, r := range results {
		o := outcome{ID: r.ID, OK: r.Err == nil}
		if r.Err != nil {
			if len(results) == 1 && !v.wantsJSON() {
				return v.refused(r.Err)
			}
			status, o.Text = v.explain(r.Err)
			if status >= 500 {
				v.Log.Error("decision failed", "content", r.ID, "err", r.Err)
			}
			var conflict *lifecycle.ConflictError
			if errors.As(r.Err, &conflict) {
				o.Gone, o.State = !conflict.Waits, string(conflict.State)
			}
			out.Failed++
		} else {
			o.Rev, o.State, o.Waits = r.Content.Rev, string(r.Content.State), r.Content.Waits
			o.Text = v.words.T("state." + o.State)
			said.targets = append(said.targets, lifecycle.Target{ID: r.ID, Rev: r.Content.Rev})
			said.state = r.Content.State
			out.Done++
		}
		out.Results[i] = o
	}
	said.done, said.failed = out.Done, out.Failed
	if v.wantsJSON() {
		if len(results) > 1 {
			status = http.StatusOK
		}
		out.Text = said.text(v)
		v.sendJSON(status, out)
		return nil
	}
	if undone {
		said.targets = nil
	}
	return v.back(v.undos.note(v.secret, said))
}

// refused shows in place why a decision was not carried out: the item as it
// stands now, with what happened above it. What was typed stays.
func (v *visit) refused(cause error) error {
	if v.wantsJSON() {
		return cause
	}
	status, message := v.explain(cause)
	if status >= 500 || status == http.StatusNotFound {
		return cause
	}
	item, err := v.item(v.r.PathValue("id"))
	if err != nil {
		return errors.Join(cause, err)
	}
	p := itemPage{page: v.page("item.title"), Item: item}
	p.Flash = &flash{Text: message, Bad: true}
	p.URI = v.home + "/items/" + item.ID
	item.Typed = strings.TrimSpace(v.r.PostForm.Get("message"))
	v.retype(item)
	return v.render(status, "item", p)
}

// back leads to where the form came from, with what is to be said there.
func (v *visit) back(said string) error {
	next := v.safeNext(v.r.PostForm.Get("next"))
	if next == "" {
		next = v.home + "/queue"
	}
	if u, err := url.Parse(next); err == nil {
		// What was said the time before is over.
		u.RawQuery = strings.TrimPrefix(with("", u.Query(), "said", said), "?")
		next = u.String()
	}
	http.Redirect(v.w, v.r, next, http.StatusSeeOther)
	return nil
}

// claimed answers the script about a claim.
type claimed struct {
	Mine bool   `json:"mine"`
	By   string `json:"by,omitempty"`
	Text string `json:"text,omitempty"`
}

func postClaim(v *visit) error {
	c, err := v.desk.Claim(v.ctx(), v.who, v.site, v.r.PathValue("id"))
	if err != nil {
		return v.refused(err)
	}
	if v.wantsJSON() {
		v.sendJSON(http.StatusOK, claimed{Mine: true, By: c.By, Text: v.words.T("claim.mine", "span", v.words.Span(c.Until.Sub(v.Now())))})
		return nil
	}
	return v.back("")
}

func postRelease(v *visit) error {
	if err := v.desk.Release(v.ctx(), v.who, v.site, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.carriedOut()
}

// carriedOut answers what needs no words: the script by an empty object.
func (v *visit) carriedOut() error {
	if v.wantsJSON() {
		v.sendJSON(http.StatusOK, struct{}{})
		return nil
	}
	return v.back("")
}

func postPass(v *visit) error {
	form := v.r.PostForm
	_, err := v.desk.PassOn(v.ctx(), v.who, v.site, v.r.PathValue("id"), form.Get("kind"), strings.TrimSpace(form.Get("note")), v.rev())
	if err != nil {
		return v.refused(err)
	}
	return v.carriedOut()
}

func postNote(v *visit) error {
	_, err := v.desk.AddNote(v.ctx(), v.who, v.site, v.r.PathValue("id"), v.r.PostForm.Get("note"))
	if err != nil {
		return v.refused(err)
	}
	return v.carriedOut()
}
