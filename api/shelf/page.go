package shelf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"

	"github.com/candor-ugc/candor/api/content"
)

// List gives one page. It fails with ErrCursor, ErrSort or ErrLimit, or when
// the source does. An unknown subject, kind or parent has an empty page.
func (s *Shelf) List(ctx context.Context, q Query) (*Page, error) {
	l, err := q.canonical()
	if err != nil {
		return nil, err
	}
	r, err := s.open(ctx, key{q.Site, q.Subject})
	if err != nil {
		return nil, err
	}
	var generation uint64
	if !l.matched {
		var p *Page
		if p, generation = r.cache.page(l); p != nil {
			return p, nil
		}
	}
	p, known, err := s.page(ctx, r, l, q.Languages, q.Matches)
	if err != nil {
		return nil, err
	}
	// Pages of groups that are not there cost nothing to make, and anybody can
	// ask for any number of them.
	if !l.matched && known {
		s.charge(r, change{bytes: r.cache.keep(l, p, generation)})
	}
	return p, nil
}

// page makes a page; known is whether its group has cards.
func (s *Shelf) page(ctx context.Context, r *row, l listing, languages []string, matches map[string]float64) (p *Page, known bool, err error) {
	var after *position
	if l.cursor != "" {
		pos, err := l.decodeCursor(r.key, l.cursor)
		if err != nil {
			return nil, false, err
		}
		if score, found := matches[pos.id]; found && l.sort == Relevant {
			// Every content that arrives moves the scores of all others, so the
			// listing goes on behind where its last item stands now.
			pos.rank = -number(score)
		}
		after = &pos
	}
	sieve := sieve{l.filter, languages}
	for {
		p, known, err = r.render(l, &sieve, after, matches)
		if !errors.Is(err, errUnsorted) {
			return p, known, err
		}
		// The group can go, and come anew, before it is looked at again.
		i, _ := l.sort.index()
		grown, err := r.keep(ctx, l.kind, l.parent, i)
		if err != nil {
			return nil, false, fmt.Errorf("sort %s: %w", l.sort, err)
		}
		s.charge(r, change{bytes: grown})
	}
}

// errUnsorted: the group does not keep the order of the listing yet.
var errUnsorted = errors.New("shelf: order not kept")

func (r *row) render(l listing, sieve *sieve, after *position, matches map[string]float64) (p *Page, known bool, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, err := r.view(l, matches)
	if err != nil {
		return nil, false, err
	}
	total, facets := sieve.facets(v.tally)
	items, more := v.take(sieve, after, l.limit, total)
	p = &Page{Total: total, IDs: make([]string, len(items))}
	for i, c := range items {
		p.IDs[i] = c.id
	}
	if more {
		p.Next = l.encodeCursor(r.key, v.ranking.position(items[len(items)-1]))
	}
	if p.Body, err = body(items, total, facets, p.Next); err != nil {
		return nil, false, err
	}
	p.ETag = entityTag(p.Body)
	return p, len(v.cards) > 0, nil
}

// body joins a page from the encoded cards.
func body(items []*card, total int, facets Facets, next string) ([]byte, error) {
	counts, err := json.Marshal(facets)
	if err != nil {
		return nil, fmt.Errorf("encode facets: %w", err)
	}
	const frame = len(`{"items":[],"total":,"facets":,"next":""}`) + 20
	size := frame + len(counts) + len(next) + len(items)
	for _, c := range items {
		size += len(c.fragment)
	}
	b := append(make([]byte, 0, size), `{"items":[`...)
	for i, c := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, c.fragment...)
	}
	b = strconv.AppendInt(append(b, `],"total":`...), int64(total), 10)
	b = append(append(b, `,"facets":`...), counts...)
	if next == "" {
		return append(b, `,"next":null}`...), nil
	}
	// A cursor is base64url: it needs no escaping.
	b = append(append(b, `,"next":"`...), next...)
	return append(b, `"}`...), nil
}

// A view is a group in the order of a listing. It is good while r.mu is held.
type view struct {
	cards    []*card
	ranking  ranking
	reversed bool
	tally    tally
}

// view gives the cards of a listing; errUnsorted.
func (r *row) view(l listing, matches map[string]float64) (view, error) {
	if l.matched {
		return r.matched(l, matches), nil
	}
	g := r.group(l.kind, l.parent)
	if g == nil {
		return view{}, nil
	}
	i, kept := l.sort.index()
	switch {
	case !kept:
		return view{cards: g.newest, reversed: l.sort == Oldest, tally: g.tally}, nil
	case g.ordered[i] == nil:
		return view{}, errUnsorted
	default:
		return view{cards: g.ordered[i], ranking: i.ranking(), tally: g.tally}, nil
	}
}

// index is the order that a group keeps for a sort, false when that is newest
// first, read from either end.
func (s Sort) index() (index, bool) {
	switch s {
	case Helpful:
		return byHelpful, true
	case Highest:
		return byHighest, true
	case Lowest:
		return byLowest, true
	default:
		return 0, false
	}
}

// matched is the view of those cards of a group that matches name.
func (r *row) matched(l listing, matches map[string]float64) view {
	var v view
	for id := range matches {
		c := r.cards[id]
		if c == nil || l.parent != "" && c.parent != l.parent || l.parent == "" && c.kind != l.kind {
			continue
		}
		v.cards = append(v.cards, c)
		v.tally.add(c.traits, 1)
	}
	if i, kept := l.sort.index(); kept {
		v.ranking = i.ranking()
	}
	if l.sort == Relevant {
		v.ranking = func(c *card) float64 { return -number(matches[c.id]) }
	}
	v.reversed = l.sort == Oldest
	slices.SortFunc(v.cards, v.ranking.compare)
	return v
}

// at is the card at place i.
func (v *view) at(i int) *card {
	if v.reversed {
		return v.cards[len(v.cards)-1-i]
	}
	return v.cards[i]
}

// start is the first place after a position.
func (v *view) start(after *position) int {
	if after == nil {
		return 0
	}
	return sort.Search(len(v.cards), func(i int) bool {
		c := v.ranking.position(v.at(i)).compare(*after)
		if v.reversed {
			return c < 0
		}
		return c > 0
	})
}

// take gives up to limit cards that pass, from a position on, and whether there
// are more. total is how many pass in the whole view.
func (v *view) take(s *sieve, after *position, limit, total int) (items []*card, more bool) {
	first := v.start(after)
	if s.all() {
		end := min(first+limit, len(v.cards))
		items = make([]*card, 0, end-first)
		for i := first; i < end; i++ {
			items = append(items, v.at(i))
		}
		return items, end < len(v.cards)
	}
	if after == nil && total == 0 {
		return nil, false
	}
	items = make([]*card, 0, min(limit, total))
	for i := first; i < len(v.cards); i++ {
		c := v.at(i)
		if s.fails(c.traits) != 0 {
			continue
		}
		if len(items) == limit {
			return items, true
		}
		if items = append(items, c); after == nil && len(items) == total {
			break
		}
	}
	return items, false
}

// Summary gives how the reviews of a product add up. A product nothing is
// published about has zeros and the prior's score.
func (s *Shelf) Summary(ctx context.Context, site, product string) (*SummaryPage, error) {
	r, err := s.open(ctx, key{site, content.ProductOf(product)})
	if err != nil {
		return nil, err
	}
	mean, weight := s.prior(site)
	p, generation := r.cache.sum(mean, weight)
	if p != nil {
		return p, nil
	}
	r.mu.RLock()
	sum := r.summary(product)
	r.mu.RUnlock()
	p = &SummaryPage{Summary: sum.Scored(mean, weight)}
	if p.Body, err = json.Marshal(p.Summary); err != nil {
		return nil, fmt.Errorf("encode summary: %w", err)
	}
	p.ETag = entityTag(p.Body)
	r.cache.keepSum(p, mean, weight, generation)
	return p, nil
}

// Item gives the encoded public form of one content and its strong, quoted
// entity tag, or false when it is not public.
func (s *Shelf) Item(ctx context.Context, site string, subject content.Subject, id string) (body []byte, etag string, ok bool, err error) {
	r, err := s.open(ctx, key{site, subject})
	if err != nil {
		return nil, "", false, err
	}
	if body = r.fragment(id); body == nil {
		return nil, "", false, nil
	}
	return body, entityTag(body), true, nil
}

func (r *row) fragment(id string) []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if c := r.cards[id]; c != nil {
		return c.fragment
	}
	return nil
}

// Items gives the encoded public forms of several contents of a site by id.
// Those that are not public are absent.
func (s *Shelf) Items(ctx context.Context, site string, refs []Ref) (map[string][]byte, error) {
	out := make(map[string][]byte, len(refs))
	rows, err := s.openAll(ctx, site, refs)
	if err != nil {
		return nil, err
	}
	for _, ref := range refs {
		if fragment := rows[ref.Subject].fragment(ref.ID); fragment != nil {
			out[ref.ID] = fragment
		}
	}
	return out, nil
}
