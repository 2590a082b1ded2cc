package search

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/RoaringBitmap/roaring/v2"
	banalysis "github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"github.com/candor-ugc/candor/search/analysis"
)

// Fields of the index. Text fields carry the analyzer's key behind the letter:
// "btr" is the body of a Turkish document.
const (
	fieldRow     = "_c" // stored: the packed row
	fieldText    = "_t" // stored: title, body and product name
	fieldSite    = "s"
	fieldSubject = "u" // site, subject type and subject
	fieldAuthor  = "a" // site and author
	fieldState   = "q" // site and state
	fieldName    = "n" // author's name, desk only
	fieldProduct = "p"
	prefixTitle  = "t"
	prefixBody   = "b"
)

const sep = "\x00"

// store is one generation of an index: a Bleve scorch index and the columns
// of its segments.
type store struct {
	index     bindex.Index
	queue     *bindex.AnalysisQueue
	kind      Kind
	keepTexts bool
	set       *analysis.Set
	analyzers map[string]banalysis.Analyzer
	names     *names
	cache     *columnCache
}

func newStore(path string, kind Kind, opts Options) (s *store, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		// Bleve parses files that may be damaged in ways no checksum tells.
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("%w: %v", ErrCorrupt, r)
		}
	}()
	queue := bindex.NewAnalysisQueue(min(4, runtime.GOMAXPROCS(0)))
	ix, err := scorch.NewScorch(scorch.Name, map[string]any{
		"path": path, "bolt_timeout": boltTimeout.String(),
	}, queue)
	if err == nil {
		err = ix.Open()
	}
	if err != nil {
		queue.Close()
		return nil, err
	}
	set := analysis.NewSet()
	s = &store{
		index: ix, queue: queue, kind: kind, keepTexts: opts.Texts == nil, set: set,
		analyzers: analyzersOf(set), names: newNames(),
	}
	s.cache = newColumnCache(s.names, analysis.Key)
	return s, nil
}

func (s *store) close() error {
	err := s.index.Close()
	s.queue.Close()
	return err
}

func analyzersOf(set *analysis.Set) map[string]banalysis.Analyzer {
	out := make(map[string]banalysis.Analyzer)
	for _, key := range set.Keys() {
		out[key] = fieldAnalyzer{set.For(key)}
	}
	return out
}

// fieldAnalyzer is an analyzer as Bleve wants it.
type fieldAnalyzer struct{ a *analysis.Analyzer }

// Analyze implements Bleve's analysis.Analyzer.
func (f fieldAnalyzer) Analyze(input []byte) banalysis.TokenStream {
	tokens := f.a.Tokens(make([]analysis.Token, 0, len(input)/4+4), string(input))
	flat := make([]banalysis.Token, len(tokens))
	out := make(banalysis.TokenStream, len(tokens))
	for i, t := range tokens {
		flat[i] = banalysis.Token{Start: t.Start, End: t.End, Term: []byte(t.Term), Position: t.Pos}
		out[i] = &flat[i]
	}
	return out
}

const (
	optKeyword = bindex.IndexField | bindex.SkipFreqNorm
	optText    = bindex.IndexField | bindex.IncludeTermVectors
)

// document is d as Bleve indexes it.
func (s *store) document(d *Document) (*document.Document, error) {
	if d.ID == "" || d.Site == "" {
		return nil, fmt.Errorf("%w: id %q, site %q", ErrDocument, d.ID, d.Site)
	}
	code := analysis.Canonical(d.Language)
	key := analysis.Key(code)
	r := rowOf(d, s.kind, code)
	doc := document.NewDocument(d.ID)
	add := func(name, value string, opts bindex.FieldIndexingOptions, a banalysis.Analyzer) {
		if value != "" {
			doc.AddField(document.NewTextFieldCustom(name, nil, []byte(value), opts, a))
		}
	}
	doc.AddField(document.NewTextFieldCustom(fieldRow, nil, r.encode(), bindex.StoreField, nil))
	add(fieldSite, d.Site, optKeyword, nil)
	add(fieldSubject, subjectTerm(d.Site, d.SubjectType, d.Subject), optKeyword, nil)
	if d.AuthorID != "" {
		add(fieldAuthor, d.Site+sep+d.AuthorID, optKeyword, nil)
	}
	if s.kind == Desk {
		add(fieldState, d.Site+sep+d.State, optKeyword, nil)
		add(fieldName, d.AuthorName, optText, s.analyzers[analysis.Undetermined])
	}
	add(prefixTitle+key, d.Title, optText, s.analyzers[key])
	add(prefixBody+key, d.Body, optText, s.analyzers[key])
	add(fieldProduct, d.ProductName, optText, s.analyzers[analysis.Undetermined])
	if s.keepTexts {
		doc.AddField(document.NewTextFieldCustom(fieldText, nil, encodeText(d), bindex.StoreField, nil))
	}
	return doc, nil
}

func subjectTerm(site, typ, subject string) string { return site + sep + typ + sep + subject }

func encodeText(d *Document) []byte {
	b := make([]byte, 0, len(d.Title)+len(d.Body)+len(d.ProductName)+12)
	for _, t := range []string{d.Title, d.Body, d.ProductName} {
		b = appendString(b, t)
	}
	return b
}

func decodeText(b []byte) (Text, bool) {
	var t Text
	for _, dst := range []*string{&t.Title, &t.Body, &t.ProductName} {
		s, rest, ok := cutString(b)
		if !ok {
			return t, false
		}
		*dst, b = string(s), rest
	}
	return t, true
}

// apply writes one batch and returns when it is on disk.
func (s *store) apply(put []Document, del []string) error {
	b := bindex.NewBatch()
	for _, id := range del {
		if id != "" {
			b.Delete(id)
		}
	}
	for i := range put {
		doc, err := s.document(&put[i])
		if err != nil {
			return err
		}
		b.Update(doc)
	}
	if len(b.IndexOps) == 0 {
		return nil
	}
	return s.index.Batch(b)
}

// view is a snapshot that does not change while it is read.
type view struct {
	s    *store
	snap *scorch.IndexSnapshot
	segs []segView
	docs uint64 // live documents
	avg  float64
}

type segView struct {
	seg     segment.Segment
	deleted *roaring.Bitmap
	cols    *columns
}

func (s *store) view(ctx context.Context) (*view, error) {
	r, err := s.index.Reader()
	if err != nil {
		return nil, err
	}
	snap, ok := r.(*scorch.IndexSnapshot)
	if !ok || snap == nil {
		return nil, ErrClosed
	}
	v := &view{s: s, snap: snap}
	ids := make(map[uint64]bool)
	var tokens, all uint64
	for _, ss := range snap.Segments() {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, v.close())
		}
		cols, err := s.cache.get(ss.Id(), ss.Segment())
		if err != nil {
			return nil, errors.Join(err, v.close())
		}
		ids[ss.Id()] = true
		v.segs = append(v.segs, segView{seg: ss.Segment(), deleted: ss.Deleted(), cols: cols})
		v.docs += ss.Count()
		tokens += cols.tokens
		all += uint64(len(cols.at))
	}
	s.cache.keep(ids)
	v.avg = max(1, float64(tokens)/float64(max(1, all)))
	return v, nil
}

func (v *view) close() error { return v.snap.Close() }
