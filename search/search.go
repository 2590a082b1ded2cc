package search

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

const (
	defaultLimit = 20
	maxLimit     = 100
	maxValues    = 64 // values of one filter list
	maxMatches   = 1 << 20
)

// Search answers one page. Errors: ErrQuery, often a *SyntaxError; ErrCursor;
// the context's; ErrClosed.
func (x *Index) Search(ctx context.Context, q Query) (Result, error) {
	start := x.opts.Now()
	var r Result
	p, err := x.prepare(&q)
	if err == nil {
		err = x.view(ctx, func(v *view) error {
			r, err = x.page(ctx, v, &q, p)
			return err
		})
	}
	if err != nil {
		return Result{}, fmt.Errorf("search: %w", err)
	}
	r.Took = x.opts.Now().Sub(start)
	return r, nil
}

// Matches returns the ids and scores of the hits inside one product or board,
// at most limit of them, best first when there are more; the caller filters,
// sorts and pages. Query.Subject is required.
func (x *Index) Matches(ctx context.Context, q Query, limit int) ([]Match, error) {
	q.Limit, q.After, q.Facets = 0, "", false
	p, err := x.prepare(&q)
	if err == nil && q.Subject == "" {
		err = fmt.Errorf("%w: matches are inside one subject", ErrQuery)
	}
	if err == nil && (limit < 1 || limit > maxMatches) {
		err = fmt.Errorf("%w: limit %d", ErrQuery, limit)
	}
	var out []Match
	if err == nil {
		err = x.view(ctx, func(v *view) error {
			out, err = x.matches(ctx, v, &q, p, limit)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return out, nil
}

func (x *Index) matches(ctx context.Context, v *view, q *Query, p parsed, limit int) ([]Match, error) {
	f, err := v.newFilter(q, p.filters)
	if err != nil {
		return nil, err
	}
	hits, _, err := x.hits(ctx, v, q, p)
	if err != nil {
		return nil, err
	}
	now := x.opts.Now()
	hits = slices.DeleteFunc(hits, func(h hit) bool { return f.fails(v.segs[h.seg].cols, h.doc) != 0 })
	if len(hits) > limit {
		keep := best(hits, limit)
		short := make([]hit, len(keep))
		for i, j := range keep {
			short[i] = hits[j]
		}
		hits = short
	}
	out := make([]Match, len(hits))
	for i, h := range hits {
		c := v.segs[h.seg].cols
		out[i] = Match{ID: c.id(h.doc), Score: float64(h.score) * prior(c, h.doc, now)}
	}
	return out, nil
}

// prepare checks a query's bounds and parses its text.
func (x *Index) prepare(q *Query) (parsed, error) {
	if q.Site == "" {
		return parsed{}, fmt.Errorf("%w: no site", ErrQuery)
	}
	q.Sort = cmp.Or(q.Sort, SortRelevance)
	if !slices.Contains([]string{SortRelevance, SortNewest, SortOldest, SortHighest, SortLowest, SortHelpful}, q.Sort) {
		return parsed{}, fmt.Errorf("%w: sort %q", ErrQuery, q.Sort)
	}
	q.Limit = cmp.Or(q.Limit, defaultLimit)
	if q.Limit < 1 || q.Limit > maxLimit {
		return parsed{}, fmt.Errorf("%w: limit %d is not from 1 to %d", ErrQuery, q.Limit, maxLimit)
	}
	q.Syntax = cmp.Or(q.Syntax, Simple)
	if q.Syntax != Simple && q.Syntax != Fielded {
		return parsed{}, fmt.Errorf("%w: syntax %q", ErrQuery, q.Syntax)
	}
	for _, n := range []int{len(q.Kinds), len(q.Languages), len(q.Ratings), len(q.States), len(q.Reasons)} {
		if n > maxValues {
			return parsed{}, fmt.Errorf("%w: more than %d values of a filter", ErrQuery, maxValues)
		}
	}
	if x.kind == Public && (q.States != nil || q.Reasons != nil) {
		return parsed{}, fmt.Errorf("%w: states and reasons are for moderators", ErrQuery)
	}
	return parse(q.Text, q.Syntax)
}

// hits evaluates the text over all segments. Without text every document of
// the leads is a hit with score 0, and the plan has no groups.
func (x *Index) hits(ctx context.Context, v *view, q *Query, p parsed) ([]hit, *plan, error) {
	pl, err := v.plan(q, p, x.opts.Synonyms)
	if err != nil {
		return nil, nil, err
	}
	if len(pl.groups) == 0 && !onlyExclusions(p) {
		return nil, &pl, nil // words without a letter find nothing
	}
	out, err := v.run(ctx, q, &pl)
	if err != nil {
		return nil, nil, err
	}
	if err := v.phraseBonus(ctx, &pl, out); err != nil {
		return nil, nil, err
	}
	return out, &pl, nil
}

// run evaluates a plan over all segments.
func (v *view) run(ctx context.Context, q *Query, pl *plan) ([]hit, error) {
	var out []hit
	for i := range v.segs {
		except, all, err := v.except(ctx, &v.segs[i], q)
		if err != nil {
			return nil, err
		}
		switch {
		case all:
		case len(pl.groups) > 0:
			out, err = v.evaluate(ctx, i, pl, except, out)
		default:
			out, err = v.everything(ctx, i, pl, except, out)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// onlyExclusions reports a query that names nothing, or only what is not
// wanted; it means everything else.
func onlyExclusions(p parsed) bool {
	for _, c := range p.clauses {
		if !c.not {
			return false
		}
	}
	return true
}

// everything lets all documents through but those that the plan excludes.
func (v *view) everything(ctx context.Context, si int, p *plan, except *roaring.Bitmap, out []hit) ([]hit, error) {
	s := &v.segs[si]
	if len(p.not) > 0 {
		gone := roaring.New()
		if except != nil {
			gone = except.Clone()
		}
		for i := range p.not {
			err := v.eachExcluded(ctx, s, &p.not[i], except, func(doc uint32, _ int) { gone.Add(doc) })
			if err != nil {
				return nil, err
			}
		}
		except = gone
	}
	for d := range uint32(len(s.cols.at)) {
		if except == nil || !except.Contains(d) {
			out = append(out, hit{seg: uint32(si), doc: d})
		}
	}
	return out, ctx.Err()
}

// page filters, counts, sorts and cuts one page.
func (x *Index) page(ctx context.Context, v *view, q *Query, p parsed) (Result, error) {
	f, err := v.newFilter(q, p.filters)
	if err != nil {
		return Result{}, err
	}
	digest := q.digest()
	now := x.opts.Now()
	var after *cursor
	if q.After != "" {
		c, err := decodeCursor(q.After, digest)
		if err != nil {
			return Result{}, err
		}
		after, now = &c, c.now
	}
	hits, pl, err := x.hits(ctx, v, q, p)
	if err != nil {
		return Result{}, err
	}
	r := Result{}
	var facets *counter
	if q.Facets {
		facets = newCounter(v)
	}
	kept := hits[:0]
	for _, h := range hits {
		c := v.segs[h.seg].cols
		failed := f.fails(c, h.doc)
		if facets != nil && failed != dimOther {
			facets.add(c, h.doc, failed)
		}
		if failed == 0 {
			kept = append(kept, h)
		}
	}
	r.Total = uint64(len(kept))
	if facets != nil {
		r.Facets = facets.result()
	}
	keyed := sorter{v: v, sort: q.Sort, text: len(pl.groups) > 0, now: now}
	top, more := keyed.top(kept, q.Limit, after)
	for _, k := range top {
		r.Hits = append(r.Hits, Hit{ID: k.id, Score: k.score})
	}
	if more && len(top) > 0 {
		last := top[len(top)-1]
		r.Next = cursor{id: last.id, key: last.key, now: now}.encode(digest)
	}
	if q.Highlight && len(top) > 0 {
		err = x.highlight(ctx, v, pl, top, r.Hits)
	}
	if q.Explain && len(pl.groups) > 0 {
		err = errors.Join(err, v.explain(ctx, pl, top, r.Hits, now))
	}
	return r, err
}

// keyedHit is a hit with what it is sorted by.
type keyedHit struct {
	hit
	key   sortKey
	id    string
	score float64
}

type sorter struct {
	v    *view
	sort string
	text bool
	now  time.Time
}

func (s *sorter) key(h hit) keyedHit {
	c := s.v.segs[h.seg].cols
	k := keyedHit{hit: h, id: c.id(h.doc)}
	if s.text {
		k.score = float64(h.score) * prior(c, h.doc, s.now)
	}
	at := c.at[h.doc]
	k.key.at = at
	switch s.sort {
	case SortNewest:
	case SortOldest:
		k.key.at = -at
	case SortHighest:
		k.key.main = float64(c.rating[h.doc])
	case SortLowest:
		k.key.main = -float64(c.rating[h.doc])
		if c.rating[h.doc] == 0 {
			k.key.main = -6 // unrated items come last either way
		}
	case SortHelpful:
		k.key.main = float64(c.helpful[h.doc])
	default:
		if s.text {
			k.key.main = k.score
		}
	}
	return k
}

// top returns the best limit hits after a cursor, in order, and whether there
// are more.
func (s *sorter) top(hits []hit, limit int, after *cursor) ([]keyedHit, bool) {
	if after != nil {
		for _, h := range hits {
			if s.v.segs[h.seg].cols.id(h.doc) == after.id {
				after.key = s.key(h).key
				break
			}
		}
	}
	best := &worstFirst{}
	more := false
	for _, h := range hits {
		k := s.key(h)
		if after != nil && compareKeys(after.key, k.key, after.id, k.id) >= 0 {
			continue
		}
		if len(*best) < limit {
			heap.Push(best, k)
			continue
		}
		more = true
		if compareKeys(k.key, (*best)[0].key, k.id, (*best)[0].id) < 0 {
			(*best)[0] = k
			heap.Fix(best, 0)
		}
	}
	out := []keyedHit(*best)
	slices.SortFunc(out, func(a, b keyedHit) int { return compareKeys(a.key, b.key, a.id, b.id) })
	return out, more
}

type worstFirst []keyedHit

func (w worstFirst) Len() int { return len(w) }
func (w worstFirst) Less(i, j int) bool {
	return compareKeys(w[i].key, w[j].key, w[i].id, w[j].id) > 0
}
func (w worstFirst) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *worstFirst) Push(x any)   { *w = append(*w, x.(keyedHit)) }
func (w *worstFirst) Pop() any {
	old := *w
	k := old[len(old)-1]
	*w = old[:len(old)-1]
	return k
}

// best returns the indexes of the n hits with the highest scores, unordered.
func best(hits []hit, n int) []int {
	ix := make([]int, len(hits))
	for i := range ix {
		ix[i] = i
	}
	if len(hits) <= n {
		return ix
	}
	slices.SortFunc(ix, func(a, b int) int { return cmp.Compare(hits[b].score, hits[a].score) })
	return ix[:n]
}

func bitmapOfHits(hits []hit, members []int) *roaring.Bitmap {
	docs := make([]uint32, len(members))
	for i, m := range members {
		docs[i] = hits[m].doc
	}
	return roaring.BitmapOf(docs...)
}
