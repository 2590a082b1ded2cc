// Package analysis turns text into the terms that are indexed and searched,
// one analyzer for each family of languages.
//
// Every word gives its surface (folded: case, accents, letter variants and
// digits of other scripts made alike) and, where it differs, its stem at the
// same position. Keeping both lets a phrase stay exact, a typo be measured
// against what people really write, and an inflected form still be found.
// Parts of a compound or a model number also give their joined form, so that
// GT-P1000, GT P1000 and gtp1000 meet.
//
// The package must not know indexes, queries or contents.
package analysis

import (
	"maps"
	"slices"
	"strings"
)

// TokenKind says what a token's term is.
type TokenKind uint8

const (
	// Surface is the folded word as written.
	Surface TokenKind = iota
	// Stem is the word without its inflection.
	Stem
	// Joined is several neighbouring parts written as one.
	Joined
)

// Token is one term of a text. Tokens of one position are alternatives.
type Token struct {
	Term       string
	Start, End int // bytes of the original text
	Pos        int // from 1
	Parts      int // positions it covers; more than 1 only when Joined
	Kind       TokenKind
	Stop       bool // too common to be searched for on its own
}

// Analyzer is the analysis of one family of languages. It is safe for
// concurrent use.
type Analyzer struct {
	key       string
	lang      *lang
	stop      map[string]struct{}
	cache     wordCache
	joinerAff map[string]struct{}
}

// lang is what makes a language different.
type lang struct {
	// stem returns the stem of a word, given in lower case as written and
	// folded; the result is folded. nil: no stemming.
	stem func(lower, folded string) string
	// stopWords, one a line; "#" and "|" begin comments.
	stopWords [][]byte
	extraStop string
	// apostrophe says what an apostrophe inside a word does.
	apostrophe apostrophe
	// elided are the articles that end in an apostrophe.
	elided string
	// affixes are parts that never stand alone beside a joiner.
	affixes string
	// foldAA reads aa as å.
	foldAA bool
}

type apostrophe uint8

const (
	aposDrop   apostrophe = iota // don't: dont
	aposSuffix                   // Samsung'un: samsung
	aposElide                    // l'écran: ecran
)

// Undetermined is the key of the analyzer without any language.
const Undetermined = "und"

// Set holds one analyzer of each family.
type Set struct{ byKey map[string]*Analyzer }

// NewSet makes the analyzers; they share nothing with other sets.
func NewSet() *Set {
	s := &Set{byKey: make(map[string]*Analyzer)}
	for key, l := range languages() {
		s.byKey[key] = newAnalyzer(key, l)
	}
	return s
}

// For returns the analyzer of a language code or key; the undetermined one for
// a language that has none of its own.
func (s *Set) For(code string) *Analyzer {
	if a, ok := s.byKey[Key(code)]; ok {
		return a
	}
	return s.byKey[Undetermined]
}

// Keys are the analyzers' names in alphabetical order.
func (s *Set) Keys() []string { return slices.Sorted(maps.Keys(s.byKey)) }

func newAnalyzer(key string, l *lang) *Analyzer {
	a := &Analyzer{key: key, lang: l, stop: stopSet(l), cache: newWordCache(), joinerAff: make(map[string]struct{})}
	for _, w := range strings.Fields(l.affixes) {
		a.joinerAff[fold(w, false)] = struct{}{}
	}
	return a
}

func stopSet(l *lang) map[string]struct{} {
	out := make(map[string]struct{})
	add := func(w string) {
		if f := fold(strings.ToLower(w), l.foldAA); f != "" {
			out[f] = struct{}{}
		}
	}
	for _, list := range l.stopWords {
		for line := range strings.Lines(string(list)) {
			line, _, _ = strings.Cut(line, "#")
			line, _, _ = strings.Cut(line, "|")
			for w := range strings.FieldsSeq(line) {
				add(w)
			}
		}
	}
	for w := range strings.FieldsSeq(l.extraStop) {
		add(w)
	}
	return out
}

// Key is the family's name, which is also what fields are named after.
func (a *Analyzer) Key() string { return a.key }

// IsStop reports whether a folded word is too common to search for.
func (a *Analyzer) IsStop(folded string) bool {
	_, ok := a.stop[folded]
	return ok
}

// Word returns a single word's surface and stem.
func (a *Analyzer) Word(w string) (surface, stem string) {
	e := a.word(w)
	return e.surface, e.stem
}

// word looks a written word up in the cache, or analyses it.
func (a *Analyzer) word(w string) *wordEntry {
	slot := a.cache.slot(w)
	if e := slot.Load(); e != nil && e.word == w {
		return e
	}
	e := a.analyse(strings.Clone(w))
	slot.Store(e)
	return e
}

func (a *Analyzer) analyse(w string) *wordEntry {
	lower := a.apostrophes(strings.ToLower(w))
	folded := fold(lower, a.lang.foldAA)
	e := &wordEntry{word: w, surface: folded, stem: folded, stop: a.IsStop(folded), digit: hasDigit(folded)}
	if folded == "" || e.stop || a.lang.stem == nil || e.digit {
		return e
	}
	if s := a.lang.stem(lower, folded); s != "" {
		e.stem = s
	}
	return e
}

func (a *Analyzer) apostrophes(w string) string {
	i := strings.IndexAny(w, "'’ʼ`´")
	if i < 0 {
		return w
	}
	j := i + len("'")
	if w[i] >= 0x80 {
		for j < len(w) && w[j]&0xC0 == 0x80 {
			j++
		}
	}
	before, after := w[:i], w[j:]
	switch a.lang.apostrophe {
	case aposSuffix:
		return before
	case aposElide:
		if containsField(a.lang.elided, before) && after != "" {
			return a.apostrophes(after)
		}
	}
	if after == "s" || after == "" {
		return before
	}
	return before + a.apostrophes(after)
}

func containsField(list, w string) bool {
	for f := range strings.FieldsSeq(list) {
		if f == w {
			return true
		}
	}
	return false
}

func hasDigit(s string) bool {
	return strings.ContainsAny(s, "0123456789")
}
