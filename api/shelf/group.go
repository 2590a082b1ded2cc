package shelf

import (
	"slices"
	"strings"

	"github.com/candor-ugc/candor/api/content"
)

// What a group takes, in bytes: its struct and its slot in the map of the row;
// one place in an order; one entry of its tally.
const (
	groupBytes = 224
	placeBytes = 8
	countBytes = 40
)

// A position is a place in an order: lower ranks first, then newer, then the
// greater id. Every card has another.
type position struct {
	rank float64
	at   int64
	id   string
}

func (p position) compare(q position) int {
	switch {
	case p.rank < q.rank:
		return -1
	case p.rank > q.rank:
		return 1
	case p.at > q.at:
		return -1
	case p.at < q.at:
		return 1
	default:
		return strings.Compare(q.id, p.id)
	}
}

// A ranking gives the rank of a card in an order; it is never NaN.
type ranking func(*card) float64

func (r ranking) position(c *card) position {
	if r == nil {
		return position{at: c.at, id: c.id}
	}
	return position{rank: r(c), at: c.at, id: c.id}
}

func (r ranking) compare(a, b *card) int { return r.position(a).compare(r.position(b)) }

// find is where a card is, or would be, in an order.
func (r ranking) find(list []*card, c *card) (int, bool) {
	return slices.BinarySearchFunc(list, r.position(c), func(d *card, p position) int {
		return r.position(d).compare(p)
	})
}

// replace takes old out of an order and puts c in; either may be nil. It moves
// only the places between the two.
func (r ranking) replace(list []*card, old, c *card) []*card {
	from, to := -1, -1
	if old != nil {
		if i, ok := r.find(list, old); ok {
			from = i
		}
	}
	if c != nil {
		to, _ = r.find(list, c)
	}
	switch {
	case from < 0 && to < 0:
	case from < 0:
		list = slices.Insert(list, to, c)
	case to < 0:
		list = slices.Delete(list, from, from+1)
	case from < to:
		copy(list[from:], list[from+1:to])
		list[to-1] = c
	default:
		copy(list[to+1:], list[to:from])
		list[to] = c
	}
	return list
}

// An index names an order that a group keeps beside newest first.
type index int

const (
	byHelpful index = iota
	byHighest
	byLowest
	indexes
)

func (i index) ranking() ranking {
	switch i {
	case byHighest:
		return func(c *card) float64 { return -float64(c.traits.stars) }
	case byLowest:
		return func(c *card) float64 {
			if c.traits.stars == 0 {
				return 6
			}
			return float64(c.traits.stars)
		}
	default:
		return func(c *card) float64 { return -c.helpful }
	}
}

// A count is how many cards have the same traits.
type count struct {
	traits traits
	n      int
}

// A tally counts cards by their traits. It has few entries however many cards
// there are, and answers every facet.
type tally []count

func (t *tally) add(x traits, n int) {
	i, ok := slices.BinarySearchFunc(*t, x, func(c count, x traits) int { return c.traits.compare(x) })
	if !ok {
		*t = slices.Insert(*t, i, count{x, n})
		return
	}
	if (*t)[i].n += n; (*t)[i].n == 0 {
		*t = slices.Delete(*t, i, i+1)
	}
}

// A group holds the cards that one listing is about: those of one kind, or the
// direct replies to one content.
type group struct {
	newest []*card
	// ordered holds the other orders, each nil until somebody asks for it.
	ordered [indexes][]*card
	tally   tally
}

// replace takes old out of every order and puts c in; either may be nil.
func (g *group) replace(old, c *card) {
	g.newest = ranking(nil).replace(g.newest, old, c)
	for i, list := range g.ordered {
		if list != nil {
			g.ordered[i] = index(i).ranking().replace(list, old, c)
		}
	}
	if old != nil {
		g.tally.add(old.traits, -1)
	}
	if c != nil {
		g.tally.add(c.traits, 1)
	}
}

// sorted is a copy of the group in an order.
func (g *group) sorted(i index) []*card {
	list := make([]*card, len(g.newest))
	copy(list, g.newest)
	slices.SortFunc(list, i.ranking().compare)
	return list
}

func (g *group) bytes() int64 {
	places := cap(g.newest)
	for _, list := range g.ordered {
		places += cap(list)
	}
	return int64(groupBytes + placeBytes*places + countBytes*cap(g.tally))
}

// summary adds the tallies of a row up. Working from whole counts, it is the
// same whatever happened before.
func (r *row) summary(product string) content.Summary {
	s := content.Summary{Product: product}
	for kind, g := range r.kinds {
		for _, c := range g.tally {
			v := content.Version{Rating: int(c.traits.stars), Incentivized: c.traits.incentivized}
			if c.traits.media {
				v.Media = make([]content.Media, 1)
			}
			s.Add(kind, v, c.traits.verified, c.n)
		}
	}
	return s
}
