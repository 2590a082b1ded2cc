package search

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/candor-ugc/candor/search/analysis"
)

// dimension is a filter that can fail; facets count with their own dimension
// left out, so that a shopper sees what another choice would give.
type dimension uint16

const (
	dimKind dimension = 1 << iota
	dimLanguage
	dimRating
	dimVerified
	dimMedia
	dimIncentivized
	dimState
	dimReason
	dimProduct
	dimOther
)

// set is a filter on an interned value: in, out, or both.
type set struct {
	in, out []ordinal
	on      bool // in restricts, even when empty
}

func (s *set) lets(o ordinal) bool {
	return (!s.on || slices.Contains(s.in, o)) && !slices.Contains(s.out, o)
}

// filter is a Query's filters with values resolved to ordinals.
type filter struct {
	site        ordinal
	family      set // of the query's language
	code        set // that language itself, where it shares the analyzer without one
	kind        set
	language    set
	state       set
	subjectType set
	ratings     uint8 // bits of those let through; 0 is all
	flags, mask uint8
	reasons     set
	from, to    int64
}

// newFilter resolves q and the filters typed into its text.
func (v *view) newFilter(q *Query, typed []fieldFilter) (filter, error) {
	f := filter{}
	f.site, _ = v.s.names.find(q.Site)
	if q.Site != "" && f.site == 0 {
		f.site = ^ordinal(0) // a site nothing was indexed for
	}
	if q.Text != "" && q.Language != "" && q.Language != AnyLanguage {
		f.family.on = true
		for _, key := range v.families(q.Language) {
			v.include(&f.family, key)
		}
		if code := analysis.Canonical(q.Language); analysis.Key(code) == analysis.Undetermined && code != analysis.Undetermined {
			v.restrict(&f.code, []string{code, analysis.Undetermined})
		}
	}
	v.restrict(&f.kind, q.Kinds)
	for _, l := range q.Languages {
		f.language.on = true
		v.include(&f.language, analysis.Canonical(l))
	}
	v.restrict(&f.state, q.States)
	v.restrict(&f.reasons, q.Reasons)
	if q.SubjectType != "" {
		v.restrict(&f.subjectType, []string{q.SubjectType})
	}
	for _, r := range q.Ratings {
		if r < 0 || r > 5 {
			return f, fmt.Errorf("%w: rating %d", ErrQuery, r)
		}
		f.ratings |= 1 << r
	}
	f.flag(flagVerified, q.Verified)
	f.flag(flagMedia, q.Media)
	f.flag(flagIncentivized, q.Incentivized)
	if !q.From.IsZero() {
		f.from = q.From.UnixMilli()
	}
	if !q.To.IsZero() {
		f.to = q.To.UnixMilli()
	}
	for _, t := range typed {
		if err := v.typed(&f, t); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (v *view) include(s *set, name string) {
	if o, ok := v.s.names.find(name); ok {
		s.in = append(s.in, o)
	}
}

func (v *view) restrict(s *set, values []string) {
	for _, name := range values {
		s.on = true
		v.include(s, name)
	}
}

func (f *filter) flag(bit uint8, want *bool) {
	if want == nil {
		return
	}
	f.mask |= bit
	f.flags &^= bit
	if *want {
		f.flags |= bit
	}
}

// typed adds one field:value of a moderator's query.
func (v *view) typed(f *filter, t fieldFilter) error {
	bad := func(msg string) error { return &SyntaxError{Pos: t.pos, Msg: msg} }
	sets := map[string]*set{"kind": &f.kind, "language": &f.language, "lang": &f.language, "state": &f.state, "reason": &f.reasons}
	if s, ok := sets[t.field]; ok {
		if (s == &f.state || s == &f.reasons) && v.s.kind != Desk {
			return bad("field " + t.field + " is for moderators")
		}
		value := t.value
		if s == &f.language {
			value = analysis.Canonical(value)
		}
		o, known := v.s.names.find(value)
		switch {
		case t.not && known:
			s.out = append(s.out, o)
		case !t.not:
			s.on = true
			if known {
				s.in = append(s.in, o)
			}
		}
		return nil
	}
	if t.field == "rating" {
		n, err := strconv.Atoi(t.value)
		if err != nil || n < 0 || n > 5 {
			return bad("rating is a number from 0 to 5")
		}
		bits := uint8(1) << n
		if t.not {
			if f.ratings == 0 {
				f.ratings = 0x3F
			}
			f.ratings &^= bits
		} else {
			f.ratings |= bits
		}
		return nil
	}
	on, err := strconv.ParseBool(t.value)
	if err != nil {
		return bad(t.field + " is true or false")
	}
	on = on != t.not
	f.flag(map[string]uint8{"verified": flagVerified, "media": flagMedia, "incentivized": flagIncentivized}[t.field], &on)
	return nil
}

// fails returns the dimensions in which a document fails; 0 is a hit.
func (f *filter) fails(c *columns, doc uint32) dimension {
	var d dimension
	at := c.at[doc]
	if c.site[doc] != f.site || !f.family.lets(c.family[doc]) || !f.code.lets(c.language[doc]) || !f.subjectType.lets(c.subjType[doc]) ||
		f.from != 0 && at < f.from || f.to != 0 && at >= f.to {
		return dimOther
	}
	if !f.kind.lets(c.kind[doc]) {
		d |= dimKind
	}
	if !f.language.lets(c.language[doc]) {
		d |= dimLanguage
	}
	if f.ratings != 0 && f.ratings&(1<<c.rating[doc]) == 0 {
		d |= dimRating
	}
	if wrong := (c.flags[doc] ^ f.flags) & f.mask; wrong != 0 {
		for bit, dim := range map[uint8]dimension{flagVerified: dimVerified, flagMedia: dimMedia, flagIncentivized: dimIncentivized} {
			if wrong&bit != 0 {
				d |= dim
			}
		}
	}
	if !f.state.lets(c.state[doc]) {
		d |= dimState
	}
	if f.reasons.on || f.reasons.out != nil {
		if !f.letsReasons(c.reasons[doc]) {
			d |= dimReason
		}
	}
	return d
}

func (f *filter) letsReasons(have []ordinal) bool {
	ok := !f.reasons.on
	for _, o := range have {
		if slices.Contains(f.reasons.out, o) {
			return false
		}
		ok = ok || slices.Contains(f.reasons.in, o)
	}
	return ok
}

// except is what a segment's evaluation need not look at: deleted documents,
// and those outside the product or the author when the query names one. nil
// lets everything through; all reports that nothing is left.
func (v *view) except(ctx context.Context, s *segView, q *Query) (except *roaring.Bitmap, all bool, err error) {
	var leads []*roaring.Bitmap
	add := func(field, term string) error {
		m, err := bitmapOf(ctx, s, field, []string{term}, s.deleted)
		leads = append(leads, m)
		return err
	}
	if q.Subject != "" {
		typ := q.SubjectType
		if typ == "" {
			typ = "product"
		}
		err = add(fieldSubject, subjectTerm(q.Site, typ, q.Subject))
	}
	if err == nil && q.AuthorID != "" {
		err = add(fieldAuthor, q.Site+sep+q.AuthorID)
	}
	if err != nil {
		return nil, false, err
	}
	if leads == nil {
		return s.deleted, false, nil
	}
	lead := roaring.FastAnd(leads...)
	if lead.IsEmpty() {
		return nil, true, nil
	}
	return complement(lead, len(s.cols.at)), false, nil
}
