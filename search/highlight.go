package search

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/candor-ugc/candor/search/analysis"
)

// Names of Fragment.Field.
const (
	FieldTitle   = "title"
	FieldBody    = "body"
	FieldProduct = "product"
)

const (
	snippetBytes = 240 // about what a body's snippet holds
	maxRanges    = 200 // of one field
)

// texts fetches what the hits' snippets are cut from.
func (x *Index) texts(ctx context.Context, v *view, top []keyedHit) (map[string]Text, error) {
	if x.opts.Texts != nil {
		ids := make([]string, len(top))
		for i, k := range top {
			ids[i] = k.id
		}
		m, err := x.opts.Texts(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("texts for highlights: %w", err)
		}
		return m, nil
	}
	out := make(map[string]Text, len(top))
	for _, k := range top {
		err := v.segs[k.seg].seg.VisitStoredFields(uint64(k.doc), func(field string, _ byte, value []byte, _ []uint64) bool {
			if field != fieldText {
				return true
			}
			if t, ok := decodeText(value); ok {
				out[k.id] = t
			}
			return false
		})
		if err != nil {
			return nil, fmt.Errorf("texts for highlights: %w", err)
		}
	}
	return out, nil
}

// highlight marks in every hit what the query matched. It analyses the text of
// the page's hits again instead of keeping offsets for the whole index.
func (x *Index) highlight(ctx context.Context, v *view, pl *plan, top []keyedHit, hits []Hit) error {
	texts, err := x.texts(ctx, v, top)
	if err != nil {
		return err
	}
	m := newMarker(pl)
	for i, k := range top {
		t, ok := texts[k.id]
		if !ok {
			continue
		}
		family := v.s.names.name(v.segs[k.seg].cols.family[k.doc])
		an := v.s.set.For(family)
		for _, f := range []struct {
			name, field, text string
			an                *analysis.Analyzer
		}{
			{FieldTitle, prefixTitle + family, t.Title, an},
			{FieldBody, prefixBody + family, t.Body, an},
			{FieldProduct, fieldProduct, t.ProductName, v.s.set.For(analysis.Undetermined)},
		} {
			ranges := m.ranges(f.an, f.field, f.text)
			if len(ranges) == 0 && f.name != FieldBody {
				continue
			}
			if f.text == "" {
				continue
			}
			hits[i].Fragments = append(hits[i].Fragments, Fragment{Field: f.name, Ranges: ranges, HTML: snippet(f.text, ranges)})
		}
	}
	return nil
}

// marker knows the terms a plan looks for in each field.
type marker struct {
	terms   map[string]map[string]bool
	phrases map[string][]phrase
}

func newMarker(pl *plan) *marker {
	m := &marker{terms: make(map[string]map[string]bool), phrases: make(map[string][]phrase)}
	for i := range pl.groups {
		for _, t := range pl.groups[i].variants {
			if m.terms[t.field] == nil {
				m.terms[t.field] = make(map[string]bool)
			}
			m.terms[t.field][t.term] = true
		}
		for _, ph := range pl.groups[i].phrases {
			m.phrases[ph.field] = append(m.phrases[ph.field], ph)
		}
	}
	return m
}

// ranges returns the matched words of a text as bytes, in order, merged where
// they overlap.
func (m *marker) ranges(an *analysis.Analyzer, field, text string) []Range {
	terms, phrases := m.terms[field], m.phrases[field]
	if text == "" || terms == nil && phrases == nil {
		return nil
	}
	tokens := an.Tokens(nil, text)
	var out []Range
	for _, t := range tokens {
		if terms[t.Term] {
			out = append(out, Range{t.Start, t.End})
		}
	}
	for i := range phrases {
		out = append(out, phraseRanges(tokens, &phrases[i])...)
	}
	slices.SortFunc(out, func(a, b Range) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	merged := out[:0]
	for _, r := range out {
		if n := len(merged); n > 0 && r.Start < merged[n-1].End {
			merged[n-1].End = max(merged[n-1].End, r.End)
			continue
		}
		merged = append(merged, r)
	}
	return merged[:min(len(merged), maxRanges)]
}

func phraseRanges(tokens []analysis.Token, ph *phrase) []Range {
	at := make(map[int][]analysis.Token)
	for _, t := range tokens {
		if t.Kind != analysis.Joined {
			at[t.Pos] = append(at[t.Pos], t)
		}
	}
	find := func(pos int, words []string) (Range, bool) {
		for _, t := range at[pos] {
			if slices.Contains(words, t.Term) {
				return Range{t.Start, t.End}, true
			}
		}
		return Range{}, false
	}
	var out []Range
	last := analysis.Positions(tokens)
	for pos := 1; pos+len(ph.words)-1 <= last; pos++ {
		var run []Range
		for i, words := range ph.words {
			r, ok := find(pos+i, words)
			if !ok {
				run = nil
				break
			}
			run = append(run, r)
		}
		out = append(out, run...)
	}
	return out
}

// snippet cuts the stretch with the most matches out of a text and marks them.
// The result is HTML in which everything but the marks is escaped.
func snippet(text string, ranges []Range) string {
	start, end := 0, len(text)
	if len(text) > snippetBytes {
		start, end = window(text, ranges)
	}
	var b strings.Builder
	if start > 0 {
		b.WriteString("… ")
	}
	at := start
	for _, r := range ranges {
		if r.Start < at || r.End > end {
			continue
		}
		b.WriteString(html.EscapeString(text[at:r.Start]))
		b.WriteString("<mark>")
		b.WriteString(html.EscapeString(text[r.Start:r.End]))
		b.WriteString("</mark>")
		at = r.End
	}
	b.WriteString(html.EscapeString(text[at:end]))
	if end < len(text) {
		b.WriteString(" …")
	}
	return b.String()
}

// window finds the snippetBytes with the most matches, moved to whole words.
func window(text string, ranges []Range) (start, end int) {
	most := 0
	for i, r := range ranges {
		n := 0
		for _, o := range ranges[i:] {
			if o.End-r.Start > snippetBytes*3/4 {
				break
			}
			n++
		}
		if n > most {
			most, start = n, max(0, r.Start-snippetBytes/4)
		}
	}
	start = wordStart(text, start)
	end = min(len(text), start+snippetBytes)
	for _, r := range ranges { // no range is cut in two
		if r.Start < end && r.End > end {
			end = r.End
		}
	}
	return start, wordEnd(text, end)
}

// wordStart moves i forward to the next word, at most a few words' length.
func wordStart(text string, i int) int {
	if i == 0 {
		return 0
	}
	for i < len(text) && !utf8.RuneStart(text[i]) {
		i++
	}
	if j := strings.IndexAny(text[i:], " \n\t"); j >= 0 && j < snippetBytes/5 {
		return i + j + 1
	}
	return i
}

func wordEnd(text string, i int) int {
	if i >= len(text) {
		return len(text)
	}
	if j := strings.LastIndexAny(text[:i], " \n\t"); j > 0 && i-j < snippetBytes/5 {
		return j
	}
	for i > 0 && !utf8.RuneStart(text[i]) {
		i--
	}
	return i
}
