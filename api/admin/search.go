package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strings"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/search"
)

// searchPage looks through everything of the site, in any state.
type searchPage struct {
	*page
	Query                    string
	States, Kinds, Languages []option
	Hits                     []hit
	Total                    int
	Asked                    bool
	More                     string
	// Problem says what is wrong with the query.
	Problem string
}

// hit is a line with the places that matched.
type hit struct {
	row
	Excerpts []excerptOf
}

// Row is the line itself, for the parts that take one.
func (h hit) Row() row { return h.row }

type excerptOf struct {
	Field  string
	Pieces []piece
}

func getSearch(v *visit) error {
	q := v.r.URL.Query()
	settings, err := v.desk.SiteSettings(v.ctx(), v.site)
	if err != nil {
		return err
	}
	p := searchPage{page: v.page("search.title"), Query: strings.TrimSpace(q.Get("q"))}
	query := search.Query{Site: v.site, Text: p.Query, Syntax: search.Fielded, Limit: 20, After: q.Get("cursor"), Highlight: true}
	one := func(name string, to *[]string) string {
		s := q.Get(name)
		if s != "" {
			*to = []string{s}
		}
		return s
	}
	var states, kinds []string
	for _, s := range content.States() {
		states = append(states, string(s))
	}
	for _, k := range content.Kinds() {
		kinds = append(kinds, string(k))
	}
	p.States = p.options("state.", states, one("state", &query.States))
	p.Kinds = p.options("kind.", kinds, one("kind", &query.Kinds))
	language := one("language", &query.Languages)
	for _, l := range settings.Languages {
		p.Languages = append(p.Languages, option{Value: l, Text: v.words.Language(l), On: l == language})
	}
	if p.Asked = q.Has("q"); !p.Asked {
		return v.render(http.StatusOK, "search", p)
	}
	found, err := v.desk.DeskSearch(v.ctx(), v.who, query)
	if errors.Is(err, search.ErrQuery) {
		p.Problem = v.words.T("search.query")
		return v.render(http.StatusBadRequest, "search", p)
	}
	if err != nil {
		return err
	}
	p.Total = int(min(found.Total, 1<<31))
	if found.Next != "" {
		p.More = with(v.home+"/search", q, "cursor", string(found.Next))
	}
	for _, f := range found.Items {
		h, err := v.hit(f)
		if err != nil {
			return err
		}
		p.Hits = append(p.Hits, h)
	}
	return v.render(http.StatusOK, "search", p)
}

func (v *visit) hit(f lifecycle.Found) (hit, error) {
	var c content.Private
	if err := json.Unmarshal(f.Content, &c); err != nil {
		return hit{}, fmt.Errorf("read hit: %w", err)
	}
	h := hit{row: v.contentRow(c, v.Now())}
	for _, l := range f.Highlights {
		h.Excerpts = append(h.Excerpts, excerptOf{Field: v.words.Or("field."+l.Field, l.Field), Pieces: marked(l.HTML)})
	}
	return h, nil
}

// marked takes an excerpt apart at its marks, so that the page escapes every
// word of it once more: no markup but ours can come through.
func marked(excerpt string) []piece {
	var out []piece
	for excerpt != "" {
		before, rest, found := strings.Cut(excerpt, "<mark>")
		if before != "" {
			out = append(out, piece{Text: html.UnescapeString(before)})
		}
		if !found {
			break
		}
		word, after, _ := strings.Cut(rest, "</mark>")
		out = append(out, piece{Text: html.UnescapeString(word), Numbers: []int{0}, Severity: "info"})
		excerpt = after
	}
	return out
}

// authorPage is one author: what they wrote, in any state.
type authorPage struct {
	*page
	ID, Name, Handle string
	Standing         standing
	Rows             []row
	More             string
	InQueue          string
}

func getAuthor(v *visit) error {
	q := v.r.URL.Query()
	id := q.Get("id")
	person, err := v.desk.Author(v.ctx(), v.who, v.site, id, lifecycle.Paging{Limit: 20, Cursor: q.Get("cursor")})
	if err != nil {
		return err
	}
	now, h := v.Now(), person.History
	p := authorPage{
		page: v.page("author.title"), ID: id, Name: person.Name, Handle: person.Handle,
		Standing: standing{h.Approved, h.Rejected, h.Pending, v.words.moment(h.FirstSeen, now)},
		InQueue:  with(v.home+"/queue", nil, "author", id),
	}
	if p.Name == "" {
		p.Name = v.words.T("author.nameless")
	}
	p.Title = p.Name
	for _, c := range person.Contents.Items {
		p.Rows = append(p.Rows, v.contentRow(c, now))
	}
	if person.Contents.Next != "" {
		p.More = with(v.home+"/author", q, "cursor", string(person.Contents.Next))
	}
	return v.render(http.StatusOK, "author", p)
}

// auditPage lists what was done, latest first.
type auditPage struct {
	*page
	Events      []auditRow
	More, First string
}

type auditRow struct {
	event
	URL, Kind, ID string
}

func getAudit(v *visit) error {
	q := v.r.URL.Query()
	list, err := v.desk.Audit(v.ctx(), v.who, v.site, lifecycle.Paging{Limit: 50, Cursor: q.Get("cursor")})
	if err != nil {
		return err
	}
	p := auditPage{page: v.page("audit.title")}
	now := v.Now()
	for _, e := range list.Items {
		p.Events = append(p.Events, auditRow{
			event: v.event(e, nil, now), URL: v.home + "/items/" + e.Content, Kind: v.words.T("kind." + string(e.Kind)), ID: e.Content,
		})
	}
	if list.Next != "" {
		p.More = with(v.home+"/audit", q, "cursor", string(list.Next))
	}
	if q.Has("cursor") {
		p.First = v.home + "/audit"
	}
	return v.render(http.StatusOK, "audit", p)
}
