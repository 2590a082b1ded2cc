package search

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/blevesearch/vellum/levenshtein"

	"github.com/candor-ugc/candor/search/analysis"
)

// Bounds on what one word may expand to. They keep the cost of a query in
// proportion to its length, whatever is in the dictionary.
const (
	maxFuzzyTerms  = 12
	maxPrefixTerms = 48
	maxScanned     = 20_000 // dictionary entries looked at for one word
	fuzzyOne       = 4      // letters from which one typo is forgiven
	fuzzyTwo       = 8      // and two
)

// Boosts of a term by how it came to be searched for; documented in the
// package comment and shown by Query.Explain.
const (
	boostSurface  = 1.0
	boostStem     = 0.85
	boostJoined   = 1.0
	boostSynonym  = 0.7
	boostPrefix   = 0.6
	boostFuzzyOne = 0.5
	boostFuzzyTwo = 0.3
)

// variant is one term in one field that satisfies a word of the query.
type variant struct {
	field string
	term  string
	boost float64 // field boost times kind boost
	b     float64 // length normalisation of BM25
	df    uint64
}

var levBuilders = sync.OnceValues(func() (one, two *levenshtein.LevenshteinAutomatonBuilder) {
	// The only errors are of an impossible distance.
	one, _ = levenshtein.NewLevenshteinAutomatonBuilder(1, true)
	two, _ = levenshtein.NewLevenshteinAutomatonBuilder(2, true)
	return one, two
})

// docFreq counts the documents that hold a term, deleted ones left out.
func (v *view) docFreq(field, term string) (uint64, error) {
	var n uint64
	for i := range v.segs {
		d, err := v.segs[i].seg.Dictionary(field)
		if err != nil {
			return 0, err
		}
		pl, err := d.PostingsList([]byte(term), v.segs[i].deleted, nil)
		if err != nil {
			return 0, err
		}
		n += pl.Count()
	}
	return n, nil
}

// counted is a dictionary entry with its document count, deleted included.
type counted struct {
	term string
	n    uint64
}

// common keeps the most frequent entries, ties in dictionary order.
func common(found map[string]uint64, most int) []counted {
	out := make([]counted, 0, len(found))
	for t, n := range found {
		out = append(out, counted{t, n})
	}
	slices.SortFunc(out, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.term, b.term))
	})
	if len(out) > most {
		out = out[:most]
	}
	return out
}

// typos returns the terms of field within the edits that the word's length
// allows, nearest first. known is how many documents hold the word itself: an
// unknown word is corrected to anything more common, a known one only finds
// its own rare misspellings.
func (v *view) typos(field, word string, known uint64) ([]variant, error) {
	letters := utf8.RuneCountInString(word)
	if letters < fuzzyOne || strings.ContainsAny(word, "0123456789") {
		return nil, nil
	}
	if known > 2 && letters < 6 {
		return nil, nil
	}
	one, two := levBuilders()
	builder := one
	if letters >= fuzzyTwo && known <= 2 {
		builder = two
	}
	dfa, err := builder.BuildDfa(word, builder.MaxDistance())
	if err != nil {
		return nil, err
	}
	_, first := utf8.DecodeRuneInString(word)
	found := make(map[string]uint64)
	err = v.scan(field, dfa, nil, nil, func(term string, n uint64) bool {
		if term != word && plausible(word, term, n, known, first) {
			found[term] += n
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	var out []variant
	for _, c := range common(found, maxFuzzyTerms) {
		boost := boostFuzzyOne
		if builder == two {
			if d := distance(word, c.term); d > 1 {
				boost = boostFuzzyTwo
			}
		}
		out = append(out, variant{field: field, term: c.term, boost: boost, df: c.n})
	}
	return out, nil
}

// plausible reports whether term may be what was meant by word, or word what
// was meant by term.
func plausible(word, term string, n, known uint64, first int) bool {
	if strings.ContainsAny(term, "0123456789") {
		return false
	}
	if known <= 2 {
		return n > known
	}
	return n*20 <= known && len(term) >= first && term[:first] == word[:first]
}

// prefixed returns the commonest terms of field that begin with word.
func (v *view) prefixed(field, word string) ([]variant, error) {
	return v.matching(field, word, func(term string) bool { return term != word })
}

// wildcard returns the commonest terms of field that match a pattern with *.
func (v *view) wildcard(field, pattern string) ([]variant, error) {
	stem, _, _ := strings.Cut(pattern, "*")
	return v.matching(field, stem, func(term string) bool { return matchStars(pattern, term) })
}

// matching returns the commonest terms of field that begin with stem and that
// matches lets through.
func (v *view) matching(field, stem string, matches func(term string) bool) ([]variant, error) {
	found := make(map[string]uint64)
	err := v.scan(field, nil, []byte(stem), prefixEnd(stem), func(term string, n uint64) bool {
		if matches(term) {
			found[term] += n
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	var out []variant
	for _, c := range common(found, maxPrefixTerms) {
		out = append(out, variant{field: field, term: c.term, boost: boostPrefix, df: c.n})
	}
	return out, nil
}

// matchStars matches * with anything, in time linear in the pattern's parts
// times the term.
func matchStars(pattern, term string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(term, parts[0]) {
		return false
	}
	term = term[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(term, p)
		if i < 0 {
			return false
		}
		term = term[i+len(p):]
	}
	return strings.HasSuffix(term, last)
}

// prefixEnd is the first key after all that begin with p; nil is the end.
func prefixEnd(p string) []byte {
	b := []byte(p)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xFF {
			b[i]++
			return b[:i+1]
		}
	}
	return nil
}

// scan walks the dictionary entries of a field that an automaton accepts, at
// most maxScanned of each segment.
func (v *view) scan(field string, dfa *levenshtein.DFA, from, to []byte, fn func(term string, n uint64) bool) error {
	for i := range v.segs {
		d, err := v.segs[i].seg.Dictionary(field)
		if err != nil {
			return err
		}
		it := d.AutomatonIterator(nil, from, to)
		if dfa != nil {
			it = d.AutomatonIterator(dfa, from, to)
		}
		for range maxScanned {
			e, err := it.Next()
			if err != nil {
				return err
			}
			if e == nil || !fn(e.Term, e.Count) {
				break
			}
		}
	}
	return nil
}

// idf is the inverse document frequency of BM25, never negative (Robertson
// and Zaragoza, The Probabilistic Relevance Framework, 2009, with the 1+ of
// Lucene).
func idf(docs, df uint64) float64 {
	n, f := float64(docs), float64(min(df, docs))
	return math.Log(1 + (n-f+0.5)/(f+0.5))
}

// distance is the edit distance with transpositions of neighbours.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	prev2, prev, cur := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(y)]
}

// families are the analyzer keys that a query's language is matched with, and
// the codes that its hits may have; nil codes lets all through.
func (v *view) families(language string) []string {
	if language == "" || language == AnyLanguage {
		seen := make(map[string]bool)
		var out []string
		for i := range v.segs {
			for _, f := range v.segs[i].seg.Fields() {
				if key := f[1:]; (f[:1] == prefixBody || f[:1] == prefixTitle) && !seen[key] && key != "" {
					seen[key] = true
					out = append(out, key)
				}
			}
		}
		slices.Sort(out)
		return out
	}
	key := analysis.Key(language)
	if key == analysis.Undetermined {
		return []string{key}
	}
	return []string{key, analysis.Undetermined}
}
