package lexicon

import (
	"math/bits"
	"strings"

	"github.com/candor-ugc/candor/moderation/textnorm"
)

// Evasions a hit was unmasked from.
const (
	EvasionLeet       = "leet"
	EvasionRepeat     = "repeat"
	EvasionSpacing    = "spacing"
	EvasionConfusable = "confusable"
	EvasionHidden     = "hidden"
	EvasionStyled     = "styled"
	EvasionCensored   = "censored"
)

// Hit is an entry found in a text: tokens First to Last inclusive.
type Hit struct {
	Entry       *Entry
	First, Last int
	// Evasion is how the word was disguised, "" for not at all.
	Evasion string
}

// MaxHits bounds the hits of one text.
const MaxHits = 200

// Matcher holds the working memory of one search at a time.
type Matcher struct {
	set    *Set
	text   *textnorm.Text
	mask   uint32
	hits   []Hit
	veto   []span
	active []progress
	next   []progress
	buf    []byte
	buf2   []byte
}

type span struct{ first, last int }

type progress struct {
	entry int32
	at    int32 // index of the pattern wanted next
	first int32
}

// NewMatcher makes a matcher; it is not safe for concurrent use.
func (s *Set) NewMatcher() *Matcher { return &Matcher{set: s} }

// Find gives the hits in the text for the lists of the languages: in the order
// of their last token, then the words whose letters were set apart. Entries
// marked for everywhere are looked for in any case. The result is valid until
// the next call.
func (m *Matcher) Find(t *textnorm.Text, languages ...string) []Hit {
	m.text, m.mask = t, 0
	for _, l := range languages {
		m.mask |= m.set.bits[l]
	}
	m.hits, m.veto, m.active = m.hits[:0], m.veto[:0], m.active[:0]
	for i := range t.Tokens {
		m.token(i)
	}
	m.spaced()
	if len(m.veto) > 0 {
		m.applyVetoes()
	}
	return m.hits
}

func (m *Matcher) token(i int) {
	tok := &m.text.Tokens[i]
	m.next = m.next[:0]
	before := len(m.hits)
	exact := m.text.Exact(i)
	m.walk(m.set.exact, exact, i, "")
	if tok.Marks&textnorm.Folded != 0 {
		m.walk(m.set.fold, m.text.Fold(i), i, evasionOf(tok))
	} else {
		m.walkFoldOnly(exact, i)
	}
	if tok.Marks != 0 && len(m.hits) == before {
		m.disguised(i, tok)
	}
	m.active, m.next = m.next, m.active
}

// walkFoldOnly finds entries written with diacritics in a text typed without.
func (m *Matcher) walkFoldOnly(word []byte, i int) {
	m.walk(m.set.fold, word, i, "")
}

func evasionOf(tok *textnorm.Token) string {
	switch {
	case tok.Marks&textnorm.Mixed != 0:
		return EvasionConfusable
	case tok.Marks&textnorm.Leet != 0:
		return EvasionLeet
	case tok.Marks&textnorm.Hidden != 0:
		return EvasionHidden
	default:
		return ""
	}
}

func (m *Matcher) walk(t *trie, word []byte, i int, evasion string) {
	at := int32(0)
	for k, b := range word {
		if at = t.step(at, b); at < 0 {
			return
		}
		for _, term := range t.nodes[at].terms {
			m.accept(term, word[k+1:], i, evasion, false)
		}
	}
}

// accept takes pattern p if what follows it in the token is allowed.
func (m *Matcher) accept(p int32, rest []byte, i int, evasion string, disguised bool) {
	pat := &m.set.patterns[p]
	if !pat.anywhere && pat.mask&m.mask == 0 {
		return
	}
	if disguised && !pat.strong {
		return
	}
	if len(rest) > 0 {
		switch pat.ending {
		case endNone:
			return
		case endInflected:
			r := string(rest)
			if hasHigh(rest) {
				r = textnorm.FoldWord(r)
			}
			if !m.set.inflects(bits.TrailingZeros32(pat.mask), r) {
				return
			}
		}
	}
	if pat.entry >= 0 {
		m.hit(pat.entry, i, i, evasion)
	} else {
		m.advance(p, i)
	}
}

func hasHigh(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// advance moves the phrases on that wait for pattern p and starts the ones it
// begins.
func (m *Matcher) advance(p int32, i int) {
	for _, a := range m.active {
		words := m.set.entries[a.entry].words
		if words[a.at] == p {
			m.step(progress{a.entry, a.at + 1, a.first}, i)
		}
	}
	for _, e := range m.set.patterns[p].starts {
		m.step(progress{e, 1, int32(i)}, i)
	}
}

func (m *Matcher) step(a progress, i int) {
	if int(a.at) == len(m.set.entries[a.entry].words) {
		m.hit(a.entry, int(a.first), i, "")
		return
	}
	for _, n := range m.next {
		if n == a {
			return
		}
	}
	m.next = append(m.next, a)
}

func (m *Matcher) hit(entry int32, first, last int, evasion string) {
	e := &m.set.entries[entry]
	if e.Category == exception {
		m.veto = append(m.veto, span{first, last})
		return
	}
	if len(m.hits) >= MaxHits || e.hashtag && !m.tagged(first) {
		return
	}
	for k := len(m.hits) - 1; k >= 0 && m.hits[k].Last >= first; k-- {
		if h := m.hits[k]; h.First == first && h.Last == last && h.Entry.Category == e.Category {
			return // the same finding by another list or form
		}
	}
	m.hits = append(m.hits, Hit{Entry: e, First: first, Last: last, Evasion: evasion})
}

// tagged: token i stands behind a "#".
func (m *Matcher) tagged(i int) bool {
	start := m.text.Tokens[i].Start
	return start > 0 && m.text.Runes[start-1] == '#'
}

// disguised tries the readings of a token that was tampered with.
func (m *Matcher) disguised(i int, tok *textnorm.Token) {
	if tok.Marks&textnorm.Leet != 0 && tok.Letters*2 >= tok.Runes && tok.Runes >= 4 && tok.Digits > 0 {
		m.buf = m.text.Leet(i, m.buf)
		m.walkDisguised(m.set.fold, m.buf, i, EvasionLeet)
	}
	if tok.Marks&textnorm.Repeat != 0 {
		m.buf2 = textnorm.Squeeze(m.text.Fold(i), m.buf2)
		m.walkDisguised(m.set.squeezed, m.buf2, i, EvasionRepeat)
	}
	if tok.Marks&textnorm.Censored != 0 {
		m.censored(m.text.Fold(i), i)
	}
	if tok.Marks&textnorm.Styled != 0 {
		m.walkDisguised(m.set.fold, m.text.Fold(i), i, EvasionStyled)
	}
}

func (m *Matcher) walkDisguised(t *trie, word []byte, i int, evasion string) {
	t.walk(word, func(term int32, rest []byte) { m.accept(term, rest, i, evasion, true) })
}

// censored compares "f**k" with the strong words of its length. At least half
// of the word and its first letter must show.
func (m *Matcher) censored(word []byte, i int) {
	stars := strings.Count(string(word), "*")
	if word[0] == '*' || stars*2 > len(word) {
		return
	}
	for _, c := range m.set.censored[len(word)] {
		if fits(word, c.word) {
			before := len(m.hits)
			if m.accept(c.pattern, nil, i, EvasionCensored, true); len(m.hits) > before {
				return
			}
		}
	}
}

func fits(pattern []byte, word string) bool {
	for k, b := range pattern {
		if b != '*' && b != word[k] {
			return false
		}
	}
	return true
}

// spaced finds words whose letters were set apart ("f u c k", "f.u-c.k") and
// words cut in two by one mark ("fu.ck").
func (m *Matcher) spaced() {
	toks := m.text.Tokens
	for i := 0; i < len(toks); i++ {
		if toks[i].Runes == 1 {
			j := i
			for j+1 < len(toks) && toks[j+1].Runes == 1 && m.text.Gap(j+1) <= 1 {
				j++
			}
			if j-i >= 2 {
				m.joined(i, j)
				i = j
				continue
			}
		}
		if i+1 < len(toks) && m.cut(i) {
			m.buf = append(append(m.buf[:0], m.text.Fold(i)...), m.text.Fold(i+1)...)
			m.wholeWord(m.buf, i, i+1)
		}
	}
}

// cut: tokens i and i+1 stand on the two sides of a single mark inside a word.
func (m *Matcher) cut(i int) bool {
	toks := m.text.Tokens
	if toks[i+1].Start != toks[i].End+1 || toks[i].Runes > 8 || toks[i+1].Runes > 8 {
		return false
	}
	switch m.text.Runes[toks[i].End] {
	case '.', '-', '_', '~', '·', '*':
		return true
	}
	return false
}

const maxJoined = 40

// joined looks for strong words anywhere in single letters put together.
func (m *Matcher) joined(first, last int) {
	last = min(last, first+maxJoined-1)
	m.buf = m.buf[:0]
	starts := make([]int, 0, last-first+2)
	for k := first; k <= last; k++ {
		starts = append(starts, len(m.buf))
		m.buf = append(m.buf, m.text.Fold(k)...)
	}
	starts = append(starts, len(m.buf))
	for a := 0; a < len(starts)-1; a++ {
		for b := min(len(starts)-1, a+16); b >= a+3; b-- {
			if m.wholeWord(m.buf[starts[a]:starts[b]], first+a, first+b-1) {
				a = b - 1
				break
			}
		}
	}
}

func (m *Matcher) wholeWord(word []byte, first, last int) bool {
	before := len(m.hits)
	m.set.fold.walk(word, func(term int32, rest []byte) {
		pat := &m.set.patterns[term]
		if len(rest) == 0 && pat.strong && (pat.anywhere || pat.mask&m.mask != 0) {
			m.hit(pat.entry, first, last, EvasionSpacing)
		}
	})
	return len(m.hits) > before
}

// applyVetoes drops the hits that an exception covers.
func (m *Matcher) applyVetoes() {
	kept := m.hits[:0]
	for _, h := range m.hits {
		covered := false
		for _, v := range m.veto {
			if v.first <= h.First && h.Last <= v.last {
				covered = true
				break
			}
		}
		if !covered {
			kept = append(kept, h)
		}
	}
	m.hits = kept
}
