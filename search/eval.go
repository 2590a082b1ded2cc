package search

import (
	"context"
	"math/bits"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// hit is a document that the text and the lead filters let through.
type hit struct {
	seg, doc uint32
	score    float32
	words    uint8 // groups that match
}

// checkEvery is how many postings are read between looks at the context.
const checkEvery = 1 << 14

// accumulators gather the score of each document of a segment, term by term.
// Only what is touched is cleared again.
type accumulators struct {
	total   []float32 // finished groups
	cur     []float32 // best in the current class of the current group
	stamp   []uint16  // which group and class cur belongs to
	matched []uint32  // groups that match, as bits
	touched []uint32
}

var accPool = sync.Pool{New: func() any { return new(accumulators) }}

func (a *accumulators) grow(n int) {
	if len(a.total) >= n {
		return
	}
	a.total, a.cur = make([]float32, n), make([]float32, n)
	a.stamp, a.matched = make([]uint16, n), make([]uint32, n)
}

func (a *accumulators) reset() {
	for _, d := range a.touched {
		a.total[d], a.cur[d], a.stamp[d], a.matched[d] = 0, 0, 0, 0
	}
	a.touched = a.touched[:0]
}

// add counts a match of a group: within one class the best counts, classes
// and groups add up.
func (a *accumulators) add(doc uint32, g int, c class, score float32) {
	stamp := uint16(g)*uint16(classes) + uint16(c) + 1
	if a.stamp[doc] == 0 {
		a.touched = append(a.touched, doc)
	}
	if a.stamp[doc] != stamp {
		a.total[doc] += a.cur[doc]
		a.cur[doc] = 0
		a.stamp[doc] = stamp
	}
	a.cur[doc] = max(a.cur[doc], score)
	a.matched[doc] |= 1 << g
}

// evaluate runs a plan over one segment. except are the documents that are
// out whatever they hold.
func (v *view) evaluate(ctx context.Context, si int, p *plan, except *roaring.Bitmap, out []hit) ([]hit, error) {
	s := &v.segs[si]
	acc := accPool.Get().(*accumulators)
	defer func() {
		acc.reset()
		accPool.Put(acc)
	}()
	acc.grow(len(s.cols.at))
	for g := range p.groups {
		if err := v.score(ctx, s, &p.groups[g], g, except, acc); err != nil {
			return nil, err
		}
	}
	for i := range p.not {
		if err := v.exclude(ctx, s, &p.not[i], except, acc); err != nil {
			return nil, err
		}
	}
	for _, d := range acc.touched {
		n := bits.OnesCount32(acc.matched[d])
		if n >= p.need && acc.total[d] >= 0 {
			out = append(out, hit{seg: uint32(si), doc: d, score: acc.total[d] + acc.cur[d], words: uint8(n)})
		}
	}
	return out, nil
}

func (v *view) score(ctx context.Context, s *segView, g *group, n int, except *roaring.Bitmap, acc *accumulators) error {
	var pl segment.PostingsList
	var it segment.PostingsIterator
	// Variants are ordered by class, so a document's classes come in turn.
	for i := range g.variants {
		t := &g.variants[i]
		d, err := s.seg.Dictionary(t.field)
		if err != nil {
			return err
		}
		pl, err = d.PostingsList([]byte(t.term), except, pl)
		if err != nil {
			return err
		}
		if pl.Count() == 0 {
			continue
		}
		it = pl.Iterator(true, false, false, it)
		c := classOf(t.field)
		weight := float32(g.idf * t.boost)
		for k := 1; ; k++ {
			p, err := it.Next()
			if err != nil {
				return err
			}
			if p == nil {
				break
			}
			doc := uint32(p.Number())
			acc.add(doc, n, c, weight*v.bm25(float32(p.Frequency()), s.cols.words[doc], t.b))
			if k%checkEvery == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	for i := range g.phrases {
		ph := &g.phrases[i]
		c := classOf(ph.field)
		weight := float32(g.idf*ph.boost) * float32(len(ph.words))
		err := v.matchPhrase(ctx, s, ph, except, func(doc uint32, freq int) {
			b := 0.0
			if c == classBody {
				b = bm25B
			}
			acc.add(doc, n, c, weight*v.bm25(float32(freq), s.cols.words[doc], b))
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// bm25 is the term frequency part of Okapi BM25 without its constant factor.
func (v *view) bm25(tf float32, words uint16, b float64) float32 {
	norm := float32(bm25K1 * (1 - b + b*float64(words)/v.avg))
	return tf * (bm25K1 + 1) / (tf + norm)
}

// excludedScore marks a document that an exclusion hit.
const excludedScore = -1e30

// exclude marks what an exclusion hits among the documents that match.
func (v *view) exclude(ctx context.Context, s *segView, g *group, except *roaring.Bitmap, acc *accumulators) error {
	return v.eachExcluded(ctx, s, g, except, func(doc uint32, _ int) {
		if acc.stamp[doc] != 0 {
			acc.total[doc] = excludedScore
		}
	})
}

// eachExcluded calls fn with every document that holds a word or phrase.
func (v *view) eachExcluded(ctx context.Context, s *segView, g *group, except *roaring.Bitmap, fn func(doc uint32, _ int)) error {
	for i := range g.variants {
		t := &g.variants[i]
		if err := eachDoc(ctx, s, t.field, t.term, except, fn); err != nil {
			return err
		}
	}
	for i := range g.phrases {
		if err := v.matchPhrase(ctx, s, &g.phrases[i], except, fn); err != nil {
			return err
		}
	}
	return nil
}

// eachDoc calls fn for every document of a term.
func eachDoc(ctx context.Context, s *segView, field, term string, except *roaring.Bitmap, fn func(doc uint32, freq int)) error {
	return postings(ctx, s, field, term, except, false, func(p segment.Posting) { fn(uint32(p.Number()), 1) })
}

// postings calls fn for every posting of a term, with its places if they are
// asked for. The posting is valid until fn returns.
func postings(ctx context.Context, s *segView, field, term string, except *roaring.Bitmap, places bool, fn func(segment.Posting)) error {
	d, err := s.seg.Dictionary(field)
	if err != nil {
		return err
	}
	pl, err := d.PostingsList([]byte(term), except, nil)
	if err != nil {
		return err
	}
	it := pl.Iterator(places, places, places, nil)
	for k := 1; ; k++ {
		p, err := it.Next()
		if err != nil || p == nil {
			return err
		}
		fn(p)
		if k%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// bitmapOf is the set of documents that hold any of terms. Bleve keeps most
// postings as bitmaps already, which are taken over whole.
func bitmapOf(ctx context.Context, s *segView, field string, terms []string, except *roaring.Bitmap) (*roaring.Bitmap, error) {
	out := roaring.New()
	d, err := s.seg.Dictionary(field)
	if err != nil {
		return nil, err
	}
	for _, t := range terms {
		pl, err := d.PostingsList([]byte(t), except, nil)
		if err != nil {
			return nil, err
		}
		if whole, ok := pl.Iterator(false, false, false, nil).(segment.OptimizablePostingsIterator); ok {
			if m := whole.ActualBitmap(); m != nil {
				out.Or(m)
				continue
			}
		}
		err = eachDoc(ctx, s, field, t, except, func(doc uint32, _ int) { out.Add(doc) })
		if err != nil {
			return nil, err
		}
	}
	return out, ctx.Err()
}

// complement is every document of the segment that is not in set.
func complement(set *roaring.Bitmap, docs int) *roaring.Bitmap {
	out := set.Clone()
	out.Flip(0, uint64(docs))
	return out
}

// matchPhrase calls fn with the documents that hold the words in a row and
// how often. It first narrows the documents down to those that hold all
// words, and reads positions of those alone.
func (v *view) matchPhrase(ctx context.Context, s *segView, ph *phrase, except *roaring.Bitmap, fn func(doc uint32, freq int)) error {
	var docs *roaring.Bitmap
	for _, alternatives := range ph.words {
		m, err := bitmapOf(ctx, s, ph.field, alternatives, except)
		if err != nil {
			return err
		}
		if docs == nil {
			docs = m
		} else {
			docs.And(m)
		}
		if docs.IsEmpty() {
			return nil
		}
	}
	if docs == nil {
		return nil
	}
	rest := complement(docs, len(s.cols.at))
	ends := make(map[uint32][]uint64, docs.GetCardinality())
	for i, alternatives := range ph.words {
		next := make(map[uint32][]uint64, len(ends))
		for _, term := range alternatives {
			if err := positions(ctx, s, ph.field, term, rest, next); err != nil {
				return err
			}
		}
		if i > 0 {
			follow(ends, next)
		}
		ends = next
	}
	for doc, at := range ends {
		if len(at) > 0 {
			fn(doc, len(at))
		}
	}
	return nil
}

// positions adds the places of a term to into.
func positions(ctx context.Context, s *segView, field, term string, except *roaring.Bitmap, into map[uint32][]uint64) error {
	return postings(ctx, s, field, term, except, true, func(p segment.Posting) {
		doc := uint32(p.Number())
		for _, l := range p.Locations() {
			into[doc] = append(into[doc], l.Pos())
		}
	})
}

// follow keeps the places in next that come right after one in before.
func follow(before, next map[uint32][]uint64) {
	for doc, at := range next {
		prev := before[doc]
		kept := at[:0]
		slices.Sort(at)
		for _, p := range slices.Compact(at) {
			if slices.Contains(prev, p-1) {
				kept = append(kept, p)
			}
		}
		next[doc] = kept
	}
}
