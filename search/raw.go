package search

import (
	"context"
	"fmt"
	"strconv"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search/query"
	bindex "github.com/blevesearch/bleve_index_api"

	"github.com/candor-ugc/candor/search/analysis"
)

// Raw is Bleve alone, with the same fields and analyzers as an Index: what
// benchmarks divide by. With Doc values it also holds the fields that Bleve's
// own facets, sorts and highlighter need. Nothing but benchmarks should use
// it: it checks nothing and knows no sites.
type Raw struct {
	index     bleve.Index
	store     *store
	docValues bool
}

// NewRaw makes an empty one at path, which must not exist.
func NewRaw(path string, kind Kind, docValues bool) (*Raw, error) {
	m := bleve.NewIndexMapping()
	m.ScoringModel = bindex.BM25Scoring
	ix, err := bleve.NewUsing(path, m, scorch.Name, scorch.Name, nil)
	if err != nil {
		return nil, fmt.Errorf("raw index: %w", err)
	}
	s := &store{kind: kind, keepTexts: true, set: analysis.NewSet()}
	s.analyzers = analyzersOf(s.set)
	return &Raw{index: ix, store: s, docValues: docValues}, nil
}

// Apply writes docs as one durable batch.
func (r *Raw) Apply(docs []Document) error {
	b := r.index.NewBatch()
	for i := range docs {
		d, err := r.store.document(&docs[i])
		if err != nil {
			return err
		}
		if r.docValues {
			r.addValues(d, &docs[i])
		}
		if err := b.IndexAdvanced(d); err != nil {
			return fmt.Errorf("raw index: %w", err)
		}
	}
	return r.index.Batch(b)
}

func (r *Raw) addValues(d *document.Document, doc *Document) {
	const opts = bindex.IndexField | bindex.DocValues | bindex.SkipFreqNorm
	for name, value := range map[string]string{
		"kind": doc.ContentKind, "language": doc.Language, "rating": strconv.Itoa(doc.Rating),
	} {
		d.AddField(document.NewTextFieldCustom(name, nil, []byte(value), opts, nil))
	}
	key := analysis.Key(doc.Language)
	d.AddField(document.NewTextFieldCustom("text", nil, []byte(doc.Body),
		bindex.IndexField|bindex.StoreField|bindex.IncludeTermVectors, r.store.analyzers[key]))
}

// Search runs a query's words, kinds, site and product straight on Bleve, with
// facets and highlights when the query asks for them, and returns the total.
func (r *Raw) Search(ctx context.Context, q Query) (uint64, error) {
	term := func(field, value string) query.Query {
		t := query.NewTermQuery(value)
		t.SetField(field)
		return t
	}
	and := []query.Query{term(fieldSite, q.Site)}
	if q.Subject != "" {
		and = append(and, term(fieldSubject, subjectTerm(q.Site, "product", q.Subject)))
	}
	for _, k := range q.Kinds {
		and = append(and, term("kind", k))
	}
	key := analysis.Key(q.Language)
	for _, t := range r.store.set.For(key).Tokens(nil, q.Text) {
		if t.Kind == analysis.Surface && !t.Stop {
			_, stem := r.store.set.For(key).Word(t.Term)
			and = append(and, query.NewDisjunctionQuery([]query.Query{
				term(prefixTitle+key, t.Term), term(prefixTitle+key, stem), term("text", t.Term), term("text", stem),
			}))
		}
	}
	req := bleve.NewSearchRequestOptions(query.NewConjunctionQuery(and), max(q.Limit, defaultLimit), 0, false)
	if q.Facets {
		for _, f := range []string{"kind", "language", "rating"} {
			req.AddFacet(f, bleve.NewFacetRequest(f, 10))
		}
	}
	if q.Highlight {
		req.Highlight = bleve.NewHighlightWithStyle("html")
		req.Highlight.AddField("text")
	}
	res, err := r.index.SearchInContext(ctx, req)
	if err != nil {
		return 0, fmt.Errorf("raw search: %w", err)
	}
	return res.Total, nil
}

// Close releases it.
func (r *Raw) Close() error { return r.index.Close() }
