package shelf

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/candor-ugc/candor/api/content"
)

// A listing is a query in its one canonical form, without the subject: the key
// of a finished page.
type listing struct {
	kind   content.Kind
	parent string
	sort   Sort
	filter filter
	limit  int
	cursor string
	// matched is whether the query has Matches; text is empty without.
	matched bool
	text    string
}

func (l *listing) bytes() int64 {
	return int64(len(l.kind) + len(l.parent) + len(l.filter.languages) + len(l.cursor) + len(l.text))
}

// A filter is which traits a listing keeps.
type filter struct {
	// stars has bit n set for n stars, and anyStars when every number will do.
	stars uint8
	// languages are the wanted ones: for none it is empty, for one that one, for
	// more a quoted list. wanted is how many they are.
	languages                     string
	wanted                        int
	verified, media, incentivized choice
}

const anyStars = 1 << 7

// A choice is what a filter wants of a mark.
type choice uint8

const (
	either choice = iota
	without
	with
)

func chosen(b *bool) choice {
	switch {
	case b == nil:
		return either
	case *b:
		return with
	default:
		return without
	}
}

func (c choice) keeps(b bool) bool { return c == either || (c == with) == b }

// canonical is the listing of a query: ErrSort, ErrLimit.
func (q *Query) canonical() (listing, error) {
	l := listing{kind: q.Kind, parent: q.Parent, sort: q.Sort, limit: q.Limit, cursor: q.Cursor}
	if l.parent != "" {
		l.kind = ""
	}
	if q.Matches != nil {
		l.matched, l.text = true, q.Text
	}
	switch l.sort {
	case "":
		l.sort = Newest
	case Newest, Oldest, Highest, Lowest, Helpful:
	case Relevant:
		if !l.matched {
			return l, fmt.Errorf("%w: %q needs a search", ErrSort, q.Sort)
		}
	default:
		return l, fmt.Errorf("%w: %q", ErrSort, q.Sort)
	}
	switch {
	case l.limit == 0:
		l.limit = DefaultLimit
	case l.limit < 0 || l.limit > MaxLimit:
		return l, fmt.Errorf("%w: %d is not within 1 to %d", ErrLimit, q.Limit, MaxLimit)
	}
	l.filter = q.filter()
	return l, nil
}

func (q *Query) filter() filter {
	f := filter{
		stars:        anyStars,
		verified:     chosen(q.Verified),
		media:        chosen(q.Media),
		incentivized: chosen(q.Incentivized),
	}
	if len(q.Ratings) > 0 {
		f.stars = 0
		for _, n := range q.Ratings {
			if n >= 0 && n <= 5 {
				f.stars |= 1 << n
			}
		}
	}
	f.wanted = len(q.Languages)
	switch {
	case f.wanted == 1:
		f.languages = q.Languages[0]
	case f.wanted > 1:
		list := slices.Compact(slices.Sorted(slices.Values(q.Languages)))
		if f.wanted = len(list); f.wanted == 1 {
			f.languages = list[0]
			break
		}
		quoted := []byte{}
		for _, s := range list {
			quoted = strconv.AppendQuote(quoted, s)
		}
		f.languages = string(quoted)
	}
	return f
}

// A sieve is a filter ready for use; list holds the wanted languages.
type sieve struct {
	filter
	list []string
}

// The tests of a sieve, as bits of what a card fails.
const (
	failsStars = 1 << iota
	failsLanguage
	failsVerified
	failsMedia
	failsIncentivized
)

func (s *sieve) all() bool {
	return s.filter == filter{stars: anyStars}
}

// fails says which tests traits do not pass.
func (s *sieve) fails(t traits) (failed int) {
	if s.stars&anyStars == 0 && s.stars>>t.stars&1 == 0 {
		failed |= failsStars
	}
	if len(s.list) > 0 && !slices.Contains(s.list, t.language) {
		failed |= failsLanguage
	}
	if !s.verified.keeps(t.verified) {
		failed |= failsVerified
	}
	if !s.media.keeps(t.media) {
		failed |= failsMedia
	}
	if !s.incentivized.keeps(t.incentivized) {
		failed |= failsIncentivized
	}
	return failed
}

// facets counts the cards of a tally: those that pass, and for each facet those
// that pass every other test.
func (s *sieve) facets(t tally) (total int, f Facets) {
	f.Rating = map[string]int{"1": 0, "2": 0, "3": 0, "4": 0, "5": 0}
	f.Language = map[string]int{}
	for _, c := range t {
		failed := s.fails(c.traits)
		only := func(test int) bool { return failed&^test == 0 }
		if failed == 0 {
			total += c.n
		}
		if c.traits.stars > 0 && only(failsStars) {
			f.Rating[strconv.Itoa(int(c.traits.stars))] += c.n
		}
		if c.traits.language != "" && only(failsLanguage) {
			f.Language[c.traits.language] += c.n
		}
		if c.traits.verified && only(failsVerified) {
			f.Verified += c.n
		}
		if c.traits.media && only(failsMedia) {
			f.Media += c.n
		}
		if c.traits.incentivized && only(failsIncentivized) {
			f.Incentivized += c.n
		}
	}
	return total, f
}
