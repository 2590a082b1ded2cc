package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// itemPage is one content on a page of its own.
type itemPage struct {
	*page
	Item *itemView
}

// itemView is everything about one content, as the item's part shows it.
type itemView struct {
	*page
	ID                   string
	Rev                  int64
	Kind, State          string
	StateText            string
	Shown                bool
	Language, Direction  string
	Rating               int
	Ratings              []pair
	Title, Body          []piece
	Media                []mediumView
	Attributes           []pair
	Incentivized         bool
	Subject, SubjectName string
	SubjectURL           string
	SubjectIsProduct     bool
	Brand                string
	Author, AuthorURL    string
	Verified, Staff      bool
	Votes                content.Votes
	Standing             standing
	Risk, Age            level
	Created, Queued      moment
	Evidence             []evidence
	Labels               []string
	Failed               bool
	Cause, Versions      string
	Actions, More        []action
	CanPass              bool
	Reasons              []reasonChoice
	NoteToAuthor         string
	Past                 []string // reasons of the last decision
	Diff                 []fieldChange
	Reports              []report
	Notes                []note
	History              []event
	Thread, Replies      []row
	Siblings             []sibling
	Escalation           *note
	EscalationKind       string
	Appeals              []appealView
	ClaimedBy            string
	Mine                 bool
	ClaimUntil           moment
	DecidedBy            string
	CanUndo              bool
	// Typed is a message that was not sent because of a conflict.
	Typed string
	// Back is where the forms lead to afterwards, "" for the item's own page.
	// Here is the page itself, with the item on it.
	Back, Here string
	// AllShown says that all photos and videos were asked to be seen. Lean leaves
	// the forms of single ones to the item's own page, to keep the queue light.
	AllShown, Lean bool
}

// Fitting are the reasons for which a photo or video may be rejected.
func (i *itemView) Fitting() []reasonChoice { return fitting(i.Reasons) }

// LanguageName names the language of the text.
func (i *itemView) LanguageName() string { return i.texts.Language(i.Language) }

type pair struct{ Name, Text string }

// standing is what the author did before.
type standing struct {
	Approved, Rejected, Pending int
	Since                       moment
}

// action is one button. Key is the key it answers to, "" for none.
type action struct {
	Name, Text, Key, Class string
	// Reasons says that it needs one.
	Reasons, Enabled bool
}

// reasonChoice is one published reason to choose from.
type reasonChoice struct {
	Code, Key, Title, Policy string
	Final                    bool
	// Template is what the author is told, in their language; "" where the Policy
	// says it in the same words.
	Template string
}

type report struct {
	Reason, Note, By string
	When             moment
}

type note struct {
	By, Text string
	When     moment
}

type event struct {
	Text, From, To, By, Note string
	// Media are the photos and videos that it was about.
	Media     []mediumLink
	Reasons   []string
	Automatic bool
	When      moment
}

type sibling struct {
	row
	Why string
}

func getItem(v *visit) error {
	item, err := v.item(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if v.r.URL.Query().Has("part") {
		return v.render(http.StatusOK, "part", item)
	}
	p := itemPage{page: v.page("item.title"), Item: item}
	p.Title = item.Kind + " · " + item.Author
	if item.AllShown {
		item.Here += "?show=all"
	}
	return v.render(http.StatusOK, "item", p)
}

// item gathers one content and puts it in words.
func (v *visit) item(id string) (*itemView, error) {
	c, err := v.desk.Case(v.ctx(), v.who, v.site, id)
	if err != nil {
		return nil, err
	}
	now := v.Now()
	body := c.Content
	signals := sortedSignals(append(lookalikes(body, c.Signals), c.Signals...))
	item := &itemView{
		page: v.page("queue.title"), ID: body.ID, Rev: body.Rev, Kind: v.words.T("kind." + string(body.Kind)),
		State: string(body.State), StateText: v.words.T("state." + string(body.State)), Shown: body.Shown,
		Language: body.Language, Direction: direction(body.Language), Rating: body.Rating,
		Title: pieces(body.Title, moderation.FieldTitle, signals), Body: pieces(body.Body, moderation.FieldBody, signals),
		Incentivized: body.Incentivized, Author: v.author(body.Public),
		Verified: body.Author.Verified, Staff: body.Author.Staff, Votes: body.Votes,
		Created: v.words.moment(body.CreatedAt, now), NoteToAuthor: body.Note, Reasons: v.reasons(body.Language),
		DecidedBy: c.DecidedBy, Here: v.home + "/items/" + body.ID,
	}
	item.Media = v.media(item, slices.Concat(body.Media, body.PublicMedia), signals)
	item.Evidence = v.evidence(signals, body, item.Media)
	item.CanUndo = c.Undo != nil && (c.UndoBy == v.who.ID || v.who.May(content.Admin))
	if body.AuthorID != "" {
		item.AuthorURL = with(v.home+"/author", nil, "id", body.AuthorID)
	}
	for _, k := range sortedKeys(body.Ratings) {
		item.Ratings = append(item.Ratings, pair{k, v.words.N(body.Ratings[k])})
	}
	for _, k := range sortedKeys(body.Attributes) {
		item.Attributes = append(item.Attributes, pair{k, body.Attributes[k]})
	}
	for _, r := range body.Reasons {
		item.Past = append(item.Past, v.reasonTitle(r))
	}
	v.subject(item, c)
	v.standing(item, c.AuthorHistory, now)
	v.screening(item, c, now)
	v.claim(item, c, now)
	item.Actions, item.More = v.actions(c.Actions)
	item.CanPass = slices.Contains(c.Actions, "uphold") || body.State == content.Pending
	v.surroundings(item, c, now)
	item.Diff = v.differences(c)
	return item, nil
}

func (v *visit) subject(item *itemView, c *lifecycle.Case) {
	s := c.Content.Subject
	item.Subject, item.SubjectName = s.ID, s.ID
	item.SubjectIsProduct = s.Type == content.ProductSubject
	if c.Product != nil {
		item.SubjectName, item.SubjectURL, item.Brand = c.Product.Name, c.Product.URL, c.Product.Brand
	}
}

func (v *visit) standing(item *itemView, h moderation.AuthorHistory, now time.Time) {
	item.Standing = standing{h.Approved, h.Rejected, h.Pending, v.words.moment(h.FirstSeen, now)}
}

func (v *visit) screening(item *itemView, c *lifecycle.Case, now time.Time) {
	if c.QueuedAt != nil {
		item.Age, item.Queued = v.ageLevel(*c.QueuedAt, now), v.words.moment(*c.QueuedAt, now)
	}
	sc := c.Screening
	if sc == nil {
		return
	}
	item.Risk, item.Failed, item.Cause = v.riskLevel(sc.Risk), sc.Failed, sc.Cause
	for _, l := range sc.Labels {
		item.Labels = append(item.Labels, v.signalName(l))
	}
	parts := make([]string, 0, len(sc.Versions))
	for _, k := range sortedKeys(sc.Versions) {
		parts = append(parts, k+" "+sc.Versions[k])
	}
	item.Versions = strings.Join(parts, ", ")
}

func (v *visit) claim(item *itemView, c *lifecycle.Case, now time.Time) {
	if c.Claim == nil {
		return
	}
	item.Mine = c.Claim.By == v.who.ID
	item.ClaimedBy = c.Claim.By
	item.ClaimUntil = moment{Text: v.words.Span(c.Claim.Until.Sub(now)), Exact: c.Claim.Until.UTC().Format(time.DateTime) + " UTC"}
}

// slots are the places of the main buttons. Each takes the first of its actions
// that is possible, so that yes, no and "please change" are always where the
// hand expects them.
var slots = []struct {
	key     string
	actions []moderation.Action
}{
	{"a", []moderation.Action{moderation.ActionApprove, moderation.ActionRestore}},
	{"r", []moderation.Action{moderation.ActionReject, moderation.ActionRemove, "uphold"}},
	{"e", []moderation.Action{moderation.ActionRequestChanges}},
}

func (v *visit) actions(possible []moderation.Action) (main, more []action) {
	used := map[moderation.Action]bool{}
	for i, s := range slots {
		name := s.actions[0]
		for _, a := range s.actions {
			if slices.Contains(possible, a) {
				name = a
				break
			}
		}
		used[name] = true
		b := v.button(name)
		b.Key, b.Class, b.Enabled = s.key, []string{"yes", "no", "ask"}[i], slices.Contains(possible, name)
		main = append(main, b)
	}
	for _, a := range possible {
		if !used[a] {
			b := v.button(a)
			b.Enabled = true
			more = append(more, b)
		}
	}
	return main, more
}

func (v *visit) button(a moderation.Action) action {
	return action{
		Name: string(a), Text: v.words.T("action." + string(a)),
		Reasons: a == moderation.ActionReject || a == moderation.ActionRemove || a == moderation.ActionRequestChanges,
	}
}

// reasons lists the published reasons in the moderator's language, with what
// an author who writes in language would be told.
func (v *visit) reasons(language string) []reasonChoice {
	all := moderation.Reasons()
	out := make([]reasonChoice, len(all))
	for i, r := range all {
		text := r.In(v.words.Lang)
		out[i] = reasonChoice{Code: r.Code, Title: text.Title, Policy: text.Body, Final: r.Final}
		if told := r.In(language).Body; told != text.Body {
			out[i].Template = told
		}
		if i < 9 {
			out[i].Key = string(rune('1' + i))
		}
	}
	return out
}

func (v *visit) reasonTitle(code string) string {
	if r, ok := moderation.ReasonByCode(code); ok {
		return r.In(v.words.Lang).Title
	}
	return code
}

// surroundings puts what happened around a content in words.
func (v *visit) surroundings(item *itemView, c *lifecycle.Case, now time.Time) {
	for _, r := range c.Reports {
		item.Reports = append(item.Reports, report{
			Reason: v.words.Or("report."+r.Reason, r.Reason), Note: r.Note, By: r.Reporter, When: v.words.moment(r.At, now),
		})
	}
	for _, n := range c.Notes {
		item.Notes = append(item.Notes, note{By: n.By, Text: n.Text, When: v.words.moment(n.At, now)})
	}
	for _, e := range slices.Backward(c.History) {
		item.History = append(item.History, v.event(e, item.Media, now))
	}
	item.Thread, item.Replies = v.threadRows(c.Thread, now), v.threadRows(c.Replies, now)
	for _, s := range c.Siblings {
		item.Siblings = append(item.Siblings, sibling{Why: v.words.Or("sibling."+s.Why, s.Why), row: row{
			ID: s.ID, Rev: s.Rev, URL: v.home + "/items/" + s.ID, Kind: v.words.T("kind." + string(s.Kind)), Title: s.Title,
			Text: excerpt(s.Body, 160), State: string(s.State), StateText: v.words.T("state." + string(s.State)),
		}})
	}
	if e := c.Escalation; e != nil {
		item.Escalation = &note{By: e.By, Text: e.Note, When: v.words.moment(e.At, now)}
		item.EscalationKind = v.words.Or("pass."+e.Kind, e.Kind)
	}
	item.Appeals = v.appeals(c, item, now)
}

// event puts one change in words; media are those of the content as it is now.
func (v *visit) event(e lifecycle.Event, media []mediumView, now time.Time) event {
	out := event{
		Text: v.words.Or("did."+e.Action, e.Action), To: v.words.T("state." + string(e.To)), By: e.Actor,
		Note: e.Note, Automatic: e.Automatic, When: v.words.moment(e.At, now),
	}
	if e.From != "" && e.From != e.To {
		out.From = v.words.T("state." + string(e.From))
	}
	for _, r := range e.Reasons {
		out.Reasons = append(out.Reasons, v.reasonTitle(r))
	}
	for _, m := range media {
		if slices.Contains(e.Media, m.ID) {
			out.Media = append(out.Media, m.link())
		}
	}
	return out
}

// threadRows shows contents around an item.
func (v *visit) threadRows(list []content.Private, now time.Time) []row {
	out := make([]row, len(list))
	for i, c := range list {
		out[i] = v.contentRow(c, now)
		out[i].Text = excerpt(c.Body, 600)
	}
	return out
}
