package shelf

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unique"

	"github.com/candor-ugc/candor/api/content"
)

// cardBytes is what a card takes beside its fragment and its places in orders:
// the struct, its id and its slot in the map of the row.
const cardBytes = 224

// A card is one published content. All but its fragment stays as it was made,
// so that a card is found in every order by what it was put there for.
type card struct {
	id     string
	kind   content.Kind
	parent string
	rev    int64
	// at is the time of publication, see nanos.
	at      int64
	helpful float64
	traits  traits
	// fragment is the card as JSON. It is replaced, never written to.
	fragment []byte
}

// traits are what filters and facets look at.
type traits struct {
	language string
	// stars are 0 for unrated.
	stars                         uint8
	verified, media, incentivized bool
}

func (t traits) compare(u traits) int {
	if c := cmp.Compare(t.stars, u.stars); c != 0 {
		return c
	}
	if c := cmp.Compare(t.marks(), u.marks()); c != 0 {
		return c
	}
	return strings.Compare(t.language, u.language)
}

func (t traits) marks() int {
	n := 0
	for i, b := range [...]bool{t.verified, t.media, t.incentivized} {
		if b {
			n |= 1 << i
		}
	}
	return n
}

// newCard makes the card of a content that has replies direct replies; nil when
// it has no public version.
func newCard(l Loaded, replies int) (*card, error) {
	v, ok := l.Content.PublicVersion()
	if !ok {
		return nil, nil
	}
	public, _ := l.Content.Public(l.Votes, replies)
	fragment, err := json.Marshal(public)
	if err != nil {
		return nil, fmt.Errorf("encode %q: %w", l.Content.ID, err)
	}
	c := &card{
		id:      l.Content.ID,
		kind:    shared(l.Content.Kind),
		rev:     l.Content.Rev,
		at:      nanos(l.Content.PublishedAt),
		helpful: number(l.Votes.Helpfulness()),
		traits: traits{
			language:     shared(v.Language),
			verified:     l.Content.Author.Verified,
			media:        len(public.Media) > 0,
			incentivized: v.Incentivized,
		},
		fragment: fragment,
	}
	if v.Rating >= 1 && v.Rating <= 5 {
		c.traits.stars = uint8(v.Rating)
	}
	if l.Content.Parent != l.Content.ID {
		c.parent = shared(l.Content.Parent)
	}
	return c, nil
}

// shared gives one copy for all equal strings: a store decodes the kind, the
// language and the parent anew for every content.
func shared[S ~string](s S) S { return unique.Make(s).Value() }

// bytes is the memory of the card, without its places in orders.
func (c *card) bytes() int64 { return cardBytes + int64(len(c.id)+cap(c.fragment)) }

// withReplies is a fragment with another number of replies. Decoding it is
// cheaper than to keep every content decoded for the few that get replies.
func withReplies(fragment []byte, replies int) ([]byte, error) {
	var p content.Public
	if err := json.Unmarshal(fragment, &p); err != nil {
		return nil, fmt.Errorf("decode card: %w", err)
	}
	p.Replies = replies
	out, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode %q: %w", p.ID, err)
	}
	return out, nil
}

// number is f, or 0 for what is no number and so has no place in an order.
func number(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// Times that nanoseconds since 1970 reach in 64 bits.
var (
	earliest = time.Unix(0, math.MinInt64)
	latest   = time.Unix(0, math.MaxInt64)
)

// nanos is t in nanoseconds since 1970. Times before 1678 and after 2261 count
// as the first and last moment of that span.
func nanos(t time.Time) int64 {
	switch {
	case t.Before(earliest):
		return math.MinInt64
	case t.After(latest):
		return math.MaxInt64
	default:
		return t.UnixNano()
	}
}
