package search

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2"
	bsearch "github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"
)

// Index is an open index. It is safe for concurrent use.
type Index struct {
	mu   sync.RWMutex
	path string
	kind Kind
	opts Options
	b    bleve.Index
}

// Open opens an existing index.
func Open(path string, kind Kind, opts Options) (*Index, error) {
	b, err := bleve.Open(filepath.Join(path, "store"))
	if errors.Is(err, bleve.ErrorIndexPathDoesNotExist) {
		return nil, fmt.Errorf("open index: %w", ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("open index: %w: %w", ErrCorrupt, err)
	}
	return &Index{path: path, kind: kind, opts: opts, b: b}, nil
}

// Create makes a new, empty index.
func Create(path string, kind Kind, opts Options) (*Index, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("create index: %w", err)
	}
	m := bleve.NewIndexMapping()
	for _, f := range []string{"Site", "ContentKind", "SubjectType", "Subject", "AuthorID", "Language", "State", "Reasons"} {
		m.DefaultMapping.AddFieldMappingsAt(f, bleve.NewKeywordFieldMapping())
	}
	b, err := bleve.New(filepath.Join(path, "store"), m)
	if err != nil {
		return nil, fmt.Errorf("create index: %w", err)
	}
	return &Index{path: path, kind: kind, opts: opts, b: b}, nil
}

// Rebuild makes a new index from docs in place of what is at path.
func Rebuild(ctx context.Context, path string, kind Kind, opts Options,
	docs iter.Seq2[Document, error], progress func(n int),
) (*Index, error) {
	if err := os.RemoveAll(filepath.Join(path, "store")); err != nil {
		return nil, fmt.Errorf("rebuild index: %w", err)
	}
	x, err := Create(path, kind, opts)
	if err != nil {
		return nil, err
	}
	if err := x.fill(ctx, docs, progress); err != nil {
		return nil, errors.Join(fmt.Errorf("rebuild index: %w", err), x.Close())
	}
	return x, nil
}

// Rebuild fills a new index from docs while this one goes on serving, then
// swaps it in. Changes applied meanwhile are in the new index too.
func (x *Index) Rebuild(ctx context.Context, docs iter.Seq2[Document, error], progress func(n int)) error {
	return x.fill(ctx, docs, progress)
}

func (x *Index) fill(ctx context.Context, docs iter.Seq2[Document, error], progress func(n int)) error {
	n := 0
	for d, err := range docs {
		if err != nil {
			return err
		}
		if err := x.Apply(ctx, []Document{d}, nil); err != nil {
			return err
		}
		if n++; progress != nil {
			progress(n)
		}
	}
	return nil
}

// Apply puts and deletes in one durable batch.
func (x *Index) Apply(ctx context.Context, put []Document, del []string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("apply to index: %w", err)
	}
	b := x.b.NewBatch()
	for _, d := range put {
		if err := b.Index(d.ID, d); err != nil {
			return fmt.Errorf("apply to index: %w", err)
		}
	}
	for _, id := range del {
		b.Delete(id)
	}
	if err := x.b.Batch(b); err != nil {
		return fmt.Errorf("apply to index: %w", err)
	}
	return nil
}

func (x *Index) request(q Query, size int) (*bleve.SearchRequest, error) {
	if q.Site == "" {
		return nil, fmt.Errorf("%w: no site", ErrQuery)
	}
	term := func(field, v string) query.Query {
		t := query.NewTermQuery(v)
		t.SetField(field)
		return t
	}
	and := []query.Query{term("Site", q.Site)}
	if q.Subject != "" {
		and = append(and, term("Subject", q.Subject))
	}
	for field, values := range map[string][]string{"ContentKind": q.Kinds, "Language": q.Languages, "State": q.States} {
		var or []query.Query
		for _, v := range values {
			or = append(or, term(field, v))
		}
		if or != nil {
			and = append(and, query.NewDisjunctionQuery(or))
		}
	}
	if q.Text != "" {
		and = append(and, query.NewMatchQuery(q.Text))
	}
	return bleve.NewSearchRequestOptions(query.NewConjunctionQuery(and), size, 0, q.Explain), nil
}

// Search answers one page.
func (x *Index) Search(ctx context.Context, q Query) (Result, error) {
	start := time.Now()
	if q.Limit == 0 {
		q.Limit = 20
	}
	req, err := x.request(q, q.Limit)
	if err != nil {
		return Result{}, err
	}
	switch q.Sort {
	case SortNewest:
		req.Sort = bsearch.ParseSortOrderStrings([]string{"-Published", "_id"})
	case SortOldest:
		req.Sort = bsearch.ParseSortOrderStrings([]string{"Published", "_id"})
	}
	r, err := x.b.SearchInContext(ctx, req)
	if err != nil {
		return Result{}, fmt.Errorf("search: %w", err)
	}
	out := Result{Total: r.Total, Took: time.Since(start)}
	for _, h := range r.Hits {
		out.Hits = append(out.Hits, Hit{ID: h.ID, Score: h.Score})
	}
	return out, nil
}

// Matches returns the id and score of at most max hits, unsorted.
func (x *Index) Matches(ctx context.Context, q Query, max int) ([]Match, error) {
	req, err := x.request(q, max)
	if err != nil {
		return nil, err
	}
	r, err := x.b.SearchInContext(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	var out []Match
	for _, h := range r.Hits {
		out = append(out, Match{ID: h.ID, Score: h.Score})
	}
	return out, nil
}

// Suggest finds similar questions and reviews that answer.
func (x *Index) Suggest(ctx context.Context, q SuggestQuery) (Suggestions, error) {
	var out Suggestions
	r, err := x.Search(ctx, Query{Site: q.Site, Text: q.Text, SubjectType: "product", Subject: q.Product, Kinds: []string{"question"}})
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

// Count is the number of documents.
func (x *Index) Count(ctx context.Context) (uint64, error) { return x.b.DocCount() }

// Close releases the index; later calls return ErrClosed.
func (x *Index) Close() error { return x.b.Close() }
