package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/shelf"
	"github.com/candor-ugc/candor/search"
)

// Highlight shows where a content matched.
type Highlight struct {
	Field string `json:"field"`
	// Ranges are the matched words as [start, end) in bytes of the field.
	Ranges [][2]int `json:"ranges"`
	// HTML is an excerpt that is safe to insert: all is escaped but <mark>.
	HTML string `json:"html"`
}

// Found is one hit of a search.
type Found struct {
	// Content is the public form of the content, in JSON.
	Content     json.RawMessage `json:"content"`
	Score       float64         `json:"score"`
	Highlights  []Highlight     `json:"highlights"`
	Explanation *Explanation    `json:"explanation,omitempty"`
}

// Explanation is a tree that tells how a score came about.
type Explanation struct {
	Value    float64       `json:"value"`
	Message  string        `json:"message"`
	Children []Explanation `json:"children,omitempty"`
}

func explanation(e *search.Explanation) *Explanation {
	if e == nil {
		return nil
	}
	out := &Explanation{Value: e.Value, Message: e.Message}
	for i := range e.Children {
		out.Children = append(out.Children, *explanation(&e.Children[i]))
	}
	return out
}

// FoundPage is one page of a search. Total and Facets count all pages.
type FoundPage struct {
	Items  []Found                   `json:"items"`
	Total  uint64                    `json:"total"`
	Facets map[string]map[string]int `json:"facets"`
	Next   Cursor                    `json:"next"`
}

// Search looks through everything public of a site. A hit is shown as the shelf
// has it, so that what was taken off since is not in the answer even where the
// index lags. Only moderators are told how a score came about. Errors: those of
// search.
func (s *Service) Search(ctx context.Context, who content.Actor, q search.Query) (FoundPage, error) {
	if err := s.settler.flush(ctx); err != nil {
		return FoundPage{}, err
	}
	q.Explain = q.Explain && who.May(content.Moderator)
	q.Facets, q.Highlight = true, true
	res, err := s.Public.Search(ctx, q)
	if err != nil {
		return FoundPage{}, fmt.Errorf("search: %w", err)
	}
	refs, err := s.refs(ctx, q.Site, res.Hits)
	if err != nil {
		return FoundPage{}, err
	}
	bodies, err := s.shelf.Items(ctx, q.Site, refs)
	if err != nil {
		return FoundPage{}, fmt.Errorf("search: %w", err)
	}
	page := foundPage(res)
	for _, h := range res.Hits {
		if body, ok := bodies[h.ID]; ok {
			page.Items = append(page.Items, Found{
				Content: body, Score: score(h), Highlights: highlights(h), Explanation: explanation(h.Explanation),
			})
		}
	}
	return page, nil
}

// refs names those hits that strangers may see now: a reply goes with what it
// replies to.
func (s *Service) refs(ctx context.Context, site string, hits []search.Hit) ([]shelf.Ref, error) {
	out := make([]shelf.Ref, 0, len(hits))
	for _, h := range hits {
		rec, err := s.publicRecord(ctx, site, h.ID)
		if isGone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, shelf.Ref{Subject: rec.Subject, ID: h.ID})
	}
	return out, nil
}

func foundPage(res search.Result) FoundPage {
	page := FoundPage{Items: []Found{}, Total: res.Total, Next: Cursor(res.Next), Facets: map[string]map[string]int{}}
	for name, counts := range res.Facets {
		f := make(map[string]int, len(counts))
		for _, c := range counts {
			f[c.Value] = c.Count
		}
		page.Facets[name] = f
	}
	return page
}

// score rounds what a hit scored: freshness lets it fall by the second, and an
// answer that says the same must be the same to caches.
func score(h search.Hit) float64 { return math.Round(h.Score*1e4) / 1e4 }

func highlights(h search.Hit) []Highlight {
	out := make([]Highlight, len(h.Fragments))
	for i, f := range h.Fragments {
		out[i] = Highlight{Field: f.Field, HTML: f.HTML, Ranges: make([][2]int, len(f.Ranges))}
		for j, r := range f.Ranges {
			out[i].Ranges[j] = [2]int{r.Start, r.End}
		}
	}
	return out
}

// DeskSearch looks through everything of a site in any state, for moderators.
func (s *Service) DeskSearch(ctx context.Context, who content.Actor, q search.Query) (FoundPage, error) {
	if err := moderates(who); err != nil {
		return FoundPage{}, err
	}
	if err := s.settler.flush(ctx); err != nil {
		return FoundPage{}, err
	}
	q.Syntax, q.Facets, q.Highlight = search.Fielded, true, true
	res, err := s.Desk.Search(ctx, q)
	if err != nil {
		return FoundPage{}, fmt.Errorf("search: %w", err)
	}
	page := foundPage(res)
	for _, h := range res.Hits {
		rec, err := s.load(ctx, q.Site, h.ID)
		if isGone(err) {
			continue
		}
		if err != nil {
			return FoundPage{}, err
		}
		p, err := s.private(ctx, rec, true)
		if err != nil {
			return FoundPage{}, err
		}
		body, err := json.Marshal(p)
		if err != nil {
			return FoundPage{}, fmt.Errorf("encode content: %w", err)
		}
		page.Items = append(page.Items, Found{Content: body, Score: score(h), Highlights: highlights(h), Explanation: explanation(h.Explanation)})
	}
	return page, nil
}
