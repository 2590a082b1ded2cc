package search

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Facet names of Result.Facets.
const (
	FacetKind         = "kind"
	FacetLanguage     = "language"
	FacetRating       = "rating"
	FacetVerified     = "verified"
	FacetMedia        = "media"
	FacetIncentivized = "incentivized"
	FacetProduct      = "product"
	FacetState        = "state"  // desk only
	FacetReason       = "reason" // desk only
)

// maxFacetValues bounds the values of one facet; the commonest are kept.
const maxFacetValues = 50

// counter counts facet values over all hits. A facet counts the documents
// that fail no filter but its own.
type counter struct {
	v       *view
	kind    map[ordinal]int
	lang    map[ordinal]int
	product map[ordinal]int
	state   map[ordinal]int
	reason  map[ordinal]int
	rating  [6]int
	flags   [3][2]int
}

func newCounter(v *view) *counter {
	return &counter{
		v: v, kind: map[ordinal]int{}, lang: map[ordinal]int{}, product: map[ordinal]int{},
		state: map[ordinal]int{}, reason: map[ordinal]int{},
	}
}

func (n *counter) add(c *columns, doc uint32, failed dimension) {
	only := func(d dimension) bool { return failed&^d == 0 }
	if only(dimKind) {
		n.kind[c.kind[doc]]++
	}
	if only(dimLanguage) {
		n.lang[c.language[doc]]++
	}
	if only(dimRating) {
		n.rating[c.rating[doc]]++
	}
	for i, d := range [...]dimension{dimVerified, dimMedia, dimIncentivized} {
		if only(d) {
			n.flags[i][c.flags[doc]>>i&1]++
		}
	}
	if failed == 0 {
		n.product[c.subject[doc]]++
	}
	if n.v.s.kind != Desk {
		return
	}
	if only(dimState) {
		n.state[c.state[doc]]++
	}
	if only(dimReason) {
		for _, r := range c.reasons[doc] {
			n.reason[r]++
		}
	}
}

func (n *counter) result() map[string][]FacetCount {
	out := map[string][]FacetCount{
		FacetKind:     n.named(n.kind),
		FacetLanguage: n.named(n.lang),
		FacetProduct:  n.named(n.product),
		FacetRating:   {},
	}
	for r := 5; r >= 1; r-- {
		if n.rating[r] > 0 {
			out[FacetRating] = append(out[FacetRating], FacetCount{Value: strconv.Itoa(r), Count: n.rating[r]})
		}
	}
	for i, name := range [...]string{FacetVerified, FacetMedia, FacetIncentivized} {
		out[name] = []FacetCount{{Value: "true", Count: n.flags[i][1]}, {Value: "false", Count: n.flags[i][0]}}
	}
	if n.v.s.kind == Desk {
		out[FacetState] = n.named(n.state)
		out[FacetReason] = n.named(n.reason)
	}
	return out
}

// named lists counts under their names, commonest first.
func (n *counter) named(counts map[ordinal]int) []FacetCount {
	out := make([]FacetCount, 0, len(counts))
	for o, c := range counts {
		if o != 0 {
			out = append(out, FacetCount{Value: n.v.s.names.name(o), Count: c})
		}
	}
	slices.SortFunc(out, func(a, b FacetCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	return out[:min(len(out), maxFacetValues)]
}
