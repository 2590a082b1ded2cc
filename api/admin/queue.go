package admin

import (
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// queueLimit is how many items a page of the queue lists: few enough to stay
// light, enough to work for a while.
const queueLimit = 20

// queuePage is filters, list and item.
type queuePage struct {
	*page
	Filters filters
	// Filtered says that a filter is set, Clear is the address without.
	Filtered bool
	Clear    string
	Rows     []row
	Total    int
	// More is the next part of the list, First the beginning where this is not
	// it.
	More, First string
	Item        *itemView
	Reasons     []reasonChoice
}

// filters are the choices above the list, in the form in which they stand in
// the address.
type filters struct {
	Kinds, Languages, Reasons, Ages []option
	Reported, Escalated, Appeals    bool
	Product, Author, Cluster        string
}

// ages are how long an item must have waited.
var ages = []string{"1h", "6h", "24h", "72h", "168h"}

// signalCodes are the findings that the list can be narrowed to.
var signalCodes = []string{
	moderation.CodeProfanity, moderation.CodeInsult, moderation.CodeHate, moderation.CodeThreat, moderation.CodeSexual,
	moderation.CodeSpam, moderation.CodeDirectsAway, moderation.CodeIncentivized, moderation.CodeEvasion,
	moderation.CodePhone, moderation.CodeEmail, moderation.CodeCard, moderation.CodeIBAN, moderation.CodeURL,
	moderation.CodeShouting, moderation.CodeGibberish, moderation.CodeTooShort, moderation.CodeTooLong,
	moderation.CodeDuplicate, moderation.CodeNearDuplicate, moderation.CodeRatingMismatch, moderation.CodeBurst,
	moderation.CodeAuthorBurst, moderation.CodeLanguageNotServed, moderation.CodeClassifier, moderation.CodePictures,
	moderation.CodePictureKnown,
}

// readFilters reads the address. What is not understood does not filter.
func (v *visit) readFilters(q url.Values, served []string) (filters, moderation.Filter) {
	var f moderation.Filter
	one := func(name string, to *[]string) string {
		s := q.Get(name)
		if s != "" {
			*to = []string{s}
		}
		return s
	}
	p := &page{texts: v.words}
	out := filters{Product: q.Get("product"), Author: q.Get("author"), Cluster: q.Get("cluster")}
	kinds := make([]string, 0, len(content.Kinds()))
	for _, k := range content.Kinds() {
		kinds = append(kinds, string(k))
	}
	out.Kinds = p.options("kind.", kinds, one("kind", &f.Kinds))
	out.Reasons = p.options("signal.", signalCodes, one("reason", &f.Reasons))
	language := one("language", &f.Languages)
	for _, l := range served {
		out.Languages = append(out.Languages, option{Value: l, Text: v.words.Language(l), On: l == language})
	}
	for _, s := range ages {
		d, _ := time.ParseDuration(s) // the list above holds spans alone
		on := q.Get("age") == s
		if on {
			f.MinAge = d
		}
		out.Ages = append(out.Ages, option{Value: s, Text: v.words.Span(d), On: on})
	}
	if out.Reported = q.Get("reported") != ""; out.Reported {
		f.MinReporters = 1
	}
	out.Escalated, out.Appeals = q.Get("escalated") != "", q.Get("appeals") != ""
	f.Escalated = out.Escalated
	if out.Appeals {
		f.Labels = []string{"appeal"}
	}
	if out.Product != "" {
		f.SubjectType, f.Subject = string(content.ProductSubject), out.Product
	}
	f.AuthorID, f.Cluster = out.Author, out.Cluster
	return out, f
}

// filterNames are the parameters that narrow the queue.
var filterNames = []string{"kind", "language", "reason", "age", "reported", "escalated", "appeals", "product", "author", "cluster"}

func getQueue(v *visit) error {
	q := v.r.URL.Query()
	settings, err := v.desk.SiteSettings(v.ctx(), v.site)
	if err != nil {
		return err
	}
	shown, filter := v.readFilters(q, settings.Languages)
	list, err := v.desk.Queue(v.ctx(), v.who, v.site, filter, lifecycle.Paging{Limit: queueLimit, Cursor: q.Get("cursor")})
	if err != nil {
		return err
	}
	own := v.home + "/queue"
	p := queuePage{
		page: v.page("queue.title"), Filters: shown, Total: list.Total, Reasons: v.reasons(""),
		Rows: make([]row, len(list.Items)),
	}
	// What a form said last time belongs to that time alone.
	q.Del("said")
	for _, name := range filterNames {
		p.Filtered = p.Filtered || q.Get(name) != ""
	}
	p.Clear = own
	if list.Next != "" {
		p.More = with(own, q, "cursor", string(list.Next), "item", "")
	}
	if q.Get("cursor") != "" {
		p.First = with(own, q, "cursor", "", "item", "")
	}
	now := v.Now()
	chosen := q.Get("item")
	for i, w := range list.Items {
		p.Rows[i] = v.row(w, now)
		p.Rows[i].URL = with(own, q, "item", w.Content.ID) + "#pane"
	}
	if chosen == "" && len(p.Rows) > 0 {
		chosen = p.Rows[0].ID
	}
	for i := range p.Rows {
		p.Rows[i].Current = p.Rows[i].ID == chosen
	}
	if chosen != "" {
		if p.Item, err = v.item(chosen); err != nil {
			if status, _ := v.explain(err); status != http.StatusNotFound {
				return err
			}
			p.Item = nil // the address is older than the item's erasure
		} else {
			p.Item.Back, p.Item.Here = with(own, q, "item", ""), with(own, q, "item", chosen)+"#pane"
			p.Item.Lean = true
		}
	}
	return v.render(http.StatusOK, "queue", p)
}

// row is one line of a list of contents.
type row struct {
	ID, URL               string
	Rev                   int64
	Kind, Language        string
	Title, Text           string
	Subject               string
	Author                string
	Rating                int
	State, StateText      string
	Risk                  level
	Age                   level
	When                  moment
	Signals               []string
	MoreSignals           int
	Photos, Videos        int
	Reporters             int
	ClaimedBy             string
	Passed                string
	Appeal, Edited, Staff bool
	Current               bool
}

// level is a small bar: 0 to 100, with a word, since a length alone says little.
type level struct {
	Value int
	// Class is low, middle or high.
	Class, Text string
	// Short is the figure alone.
	Short string
}

func grade(value float64, middle, high float64) string {
	switch {
	case value >= high:
		return "high"
	case value >= middle:
		return "middle"
	}
	return "low"
}

// oldest is the age at which its bar is full.
const oldest = 3 * 24 * time.Hour

func (v *visit) riskLevel(risk float64) level {
	l := level{Value: int(math.Round(100 * min(max(risk, 0), 1))), Class: grade(risk, 0.3, 0.7)}
	l.Short = v.words.Percent(float64(l.Value) / 100)
	l.Text = v.words.T("risk."+l.Class, "n", l.Short)
	return l
}

func (v *visit) ageLevel(since, now time.Time) level {
	if since.IsZero() {
		return level{}
	}
	share := min(max(float64(now.Sub(since))/float64(oldest), 0), 1)
	return level{Value: int(math.Round(100 * share)), Class: grade(share, 1./3, 1), Text: v.words.Span(now.Sub(since))}
}

// maxRowSignals is how many findings a line names.
const maxRowSignals = 2

func (v *visit) row(w lifecycle.Waiting, now time.Time) row {
	r := v.contentRow(w.Content, now)
	r.Risk, r.Age, r.When = v.riskLevel(w.Risk), v.ageLevel(w.QueuedAt, now), v.words.moment(w.QueuedAt, now)
	r.Reporters, r.Passed, r.Appeal = w.Reporters, w.Passed, w.Appeal
	// That there are photos and videos is told by their number.
	seen := map[string]bool{moderation.CodePictures: true}
	for _, code := range w.Signals {
		if seen[code] {
			continue
		}
		seen[code] = true
		if len(r.Signals) < maxRowSignals {
			r.Signals = append(r.Signals, v.signalName(code))
		}
	}
	r.MoreSignals = len(seen) - 1 - len(r.Signals)
	if w.Claim != nil && w.Claim.By != v.who.ID {
		r.ClaimedBy = w.Claim.By
	}
	return r
}

// contentRow is a line for a content in whatever state.
func (v *visit) contentRow(c content.Private, now time.Time) row {
	photos, videos := mediaCount(c.Media)
	return row{
		Photos: photos, Videos: videos, ID: c.ID, Rev: c.Rev, URL: v.home + "/items/" + c.ID, Kind: v.words.T("kind." + string(c.Kind)),
		Language: c.Language, Title: c.Title, Text: excerpt(c.Body, 140), Subject: c.Subject.ID, Author: v.author(c.Public),
		Rating: c.Rating, State: string(c.State), StateText: v.words.T("state." + string(c.State)),
		When: v.words.moment(c.CreatedAt, now), Edited: c.Shown && c.State == content.Pending, Staff: c.Author.Staff,
	}
}

// author names who wrote a content; an erased or nameless one has no name.
func (v *visit) author(c content.Public) string {
	if c.Author.Name != "" {
		return c.Author.Name
	}
	return v.words.T("author.nameless")
}

// signalName puts a finding in words. A site's own rule is named by itself.
func (v *visit) signalName(code string) string {
	if name, ok := strings.CutPrefix(code, "rule:"); ok {
		return v.words.T("signal.rule", "name", name)
	}
	return v.words.Or("signal."+code, code)
}

// excerpt is the beginning of a text, cut between words, on one line.
func excerpt(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)[:n]
	for i := len(runes) - 1; i > n/2; i-- {
		if runes[i] == ' ' {
			runes = runes[:i]
			break
		}
	}
	return string(runes) + "…"
}
