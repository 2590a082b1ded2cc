package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	defaultSuggestions = 5
	maxSuggestions     = 20
	kindQuestion       = "question"
	kindAnswer         = "answer"
	kindReview         = "review"
)

// Suggest finds, inside one product, what already answers a question that is
// being typed: similar questions, and reviews and answers that speak of the
// same things. Half of the question's words, rounded down, are enough; what
// holds more of them comes first. The last word may be unfinished. Errors as of Search.
func (x *Index) Suggest(ctx context.Context, q SuggestQuery) (Suggestions, error) {
	start := x.opts.Now()
	out := Suggestions{Questions: []Hit{}, Answers: []Hit{}}
	limit := cmp.Or(q.Limit, defaultSuggestions)
	full := Query{
		Site: q.Site, Text: q.Text, Language: q.Language, SubjectType: "product", Subject: q.Product, Prefix: true,
	}
	p, err := x.prepare(&full)
	switch {
	case err != nil:
	case q.Product == "":
		err = fmt.Errorf("%w: no product", ErrQuery)
	case limit < 1 || limit > maxSuggestions:
		err = fmt.Errorf("%w: limit %d is not from 1 to %d", ErrQuery, limit, maxSuggestions)
	default:
		err = x.view(ctx, func(v *view) error { return x.suggest(ctx, v, &full, p, limit, &out) })
	}
	if err != nil {
		return Suggestions{}, fmt.Errorf("suggest: %w", err)
	}
	out.Took = x.opts.Now().Sub(start)
	return out, nil
}

func (x *Index) suggest(ctx context.Context, v *view, q *Query, p parsed, limit int, out *Suggestions) error {
	f, err := v.newFilter(q, p.filters)
	if err != nil {
		return err
	}
	pl, err := v.plan(q, p, x.opts.Synonyms)
	if err != nil || len(pl.groups) == 0 {
		return err
	}
	pl.need = max(1, len(pl.groups)/2)
	hits, err := v.run(ctx, q, &pl)
	if err != nil {
		return err
	}
	now := x.opts.Now()
	question, _ := v.s.names.find(kindQuestion)
	review, _ := v.s.names.find(kindReview)
	answer, _ := v.s.names.find(kindAnswer)
	var questions, answers []keyedHit
	for _, h := range hits {
		c := v.segs[h.seg].cols
		if f.fails(c, h.doc) != 0 {
			continue
		}
		k := covered(v, h, len(pl.groups), now)
		switch c.kind[h.doc] {
		case 0: // the kind of nothing, where the index holds no question, say
		case question:
			questions = append(questions, k)
		case review, answer:
			answers = append(answers, k)
		}
	}
	if out.Questions, err = x.dressed(ctx, v, &pl, questions, limit); err != nil {
		return err
	}
	out.Answers, err = x.dressed(ctx, v, &pl, answers, limit)
	return err
}

// covered scores a hit by its words and by how much of the question it holds.
func covered(v *view, h hit, groups int, now time.Time) keyedHit {
	c := v.segs[h.seg].cols
	share := float64(h.words) / float64(groups)
	k := keyedHit{hit: h, id: c.id(h.doc), score: float64(h.score) * prior(c, h.doc, now) * share * share}
	k.key = sortKey{main: k.score, at: c.at[h.doc]}
	return k
}

// dressed are the best hits with their snippets.
func (x *Index) dressed(ctx context.Context, v *view, pl *plan, found []keyedHit, limit int) ([]Hit, error) {
	slices.SortFunc(found, func(a, b keyedHit) int { return compareKeys(a.key, b.key, a.id, b.id) })
	found = found[:min(limit, len(found))]
	out := make([]Hit, len(found))
	for i, k := range found {
		out[i] = Hit{ID: k.id, Score: k.score}
	}
	if len(found) == 0 {
		return out, nil
	}
	return out, x.highlight(ctx, v, pl, found, out)
}
