package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/shelf"
	"github.com/candor-ugc/candor/search"
)

// advisor is what an index can tell beyond finding: a capability that not every
// index has.
type advisor interface {
	Suggest(ctx context.Context, q search.SuggestQuery) (search.Suggestions, error)
	Highlights(ctx context.Context, site, product string, n int) ([]search.Term, error)
}

// Suggested is what already answers a question being typed.
type Suggested struct {
	// Questions are similar ones, each with the answer that settled it or, where
	// none was accepted, the one found most helpful.
	Questions []SuggestedQuestion `json:"questions"`
	// Answers are reviews and answers that speak of the same things.
	Answers []Found `json:"answers"`
}

// SuggestedQuestion is a similar question with an answer.
type SuggestedQuestion struct {
	Found
	Answer json.RawMessage `json:"answer,omitempty"`
	// Accepted is whether who asked, or the shop, accepted that answer.
	Accepted bool `json:"accepted"`
}

// Suggest finds what already answers a question about a product while it is
// being typed: ErrNotFound for an unknown product, and the errors of search.
func (s *Service) Suggest(ctx context.Context, q search.SuggestQuery) (*Suggested, error) {
	if err := s.subjectExists(ctx, q.Site, content.ProductOf(q.Product)); err != nil {
		return nil, err
	}
	out := &Suggested{Questions: []SuggestedQuestion{}, Answers: []Found{}}
	x, ok := s.Public.(advisor)
	if !ok {
		return out, nil
	}
	if err := s.settler.flush(ctx); err != nil {
		return nil, err
	}
	found, err := x.Suggest(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("suggest: %w", err)
	}
	subject := content.ProductOf(q.Product)
	refs, err := s.refs(ctx, q.Site, slices.Concat(found.Questions, found.Answers))
	if err != nil {
		return nil, err
	}
	bodies, err := s.shelf.Items(ctx, q.Site, refs)
	if err != nil {
		return nil, fmt.Errorf("suggest: %w", err)
	}
	for _, h := range found.Questions {
		body, ok := bodies[h.ID]
		if !ok {
			continue
		}
		sq := SuggestedQuestion{Found: Found{Content: body, Score: score(h), Highlights: highlights(h)}}
		if sq.Answer, sq.Accepted, err = s.bestAnswer(ctx, q.Site, subject, h.ID); err != nil {
			return nil, err
		}
		out.Questions = append(out.Questions, sq)
	}
	for _, h := range found.Answers {
		if body, ok := bodies[h.ID]; ok {
			out.Answers = append(out.Answers, Found{Content: body, Score: score(h), Highlights: highlights(h)})
		}
	}
	return out, nil
}

// bestAnswer gives the accepted answer to a question, else the most helpful one.
func (s *Service) bestAnswer(ctx context.Context, site string, subject content.Subject, question string) (json.RawMessage, bool, error) {
	rec, err := s.load(ctx, site, question)
	if isGone(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if rec.Accepted != "" {
		body, _, ok, err := s.shelf.Item(ctx, site, subject, rec.Accepted)
		if ok || err != nil {
			return body, ok, err
		}
	}
	page, err := s.shelf.List(ctx, shelf.Query{Site: site, Subject: subject, Parent: question, Sort: shelf.Helpful, Limit: 1})
	if err != nil || len(page.IDs) == 0 {
		return nil, false, err
	}
	body, _, ok, err := s.shelf.Item(ctx, site, subject, page.IDs[0])
	if !ok {
		return nil, false, err
	}
	return body, false, err
}

// Standout is a term that stands out in the reviews of a product.
type Standout struct {
	Text     string `json:"text"`
	Language string `json:"language"`
	// Count is the reviews that use it, Positive the share of those with stars
	// that have four or five.
	Count    int     `json:"count"`
	Rated    int     `json:"rated"`
	Positive float64 `json:"positive"`
}

// Standouts are the terms that stand out in the reviews of a product against
// those of the shop's other products, a few minutes old at most: ErrNotFound.
func (s *Service) Standouts(ctx context.Context, site, product string, n int) ([]Standout, error) {
	if err := s.subjectExists(ctx, site, content.ProductOf(product)); err != nil {
		return nil, err
	}
	x, ok := s.Public.(advisor)
	if !ok {
		return []Standout{}, nil
	}
	key := ledger.Key(site, product, strconv.Itoa(n))
	if out, ok := s.cache().standouts.GetIfPresent(key); ok {
		return out, nil
	}
	if err := s.settler.flush(ctx); err != nil {
		return nil, err
	}
	terms, err := x.Highlights(ctx, site, product, n)
	if err != nil {
		return nil, fmt.Errorf("highlights: %w", err)
	}
	out := make([]Standout, 0, len(terms))
	for _, t := range terms {
		out = append(out, Standout{Text: t.Text, Language: t.Language, Count: t.Count, Rated: t.Rated, Positive: t.Share})
	}
	s.cache().standouts.Set(key, out)
	return out, nil
}

// Synonyms gives a site's synonyms of one language, for the indexes.
func (s *Service) Synonyms(site, language string) [][]string {
	v, err := s.SiteSettings(context.Background(), site)
	if err != nil {
		return nil // a search without synonyms is still a search
	}
	return v.Synonyms[language]
}
