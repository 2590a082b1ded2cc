package analysis

import (
	"unicode"
	"unicode/utf8"
)

const (
	// maxWord is the longest word in bytes that is kept whole; what is longer
	// is noise, an address or an attack, and only its beginning is indexed.
	maxWord = 96
	// maxJoined is the longest joined form; model numbers are shorter.
	maxJoined = 24
	// maxParts is how many neighbouring parts a joined form may cover.
	maxParts = 3
	// zwnj stands between the parts of a Persian word.
	zwnj = '\u200C'
)

// part is a word of the text before its analysis.
type part struct {
	term       string // folded
	start, end int
	pos        int
	glued      bool // a joiner, not a space, stands before it
	next       bool // it follows the part before with one separator between
	affix      bool
	digit      bool
}

// Tokens appends the terms of text to dst and returns it.
func (a *Analyzer) Tokens(dst []Token, text string) []Token {
	t := tokenizer{a: a, text: text, out: dst}
	t.run()
	return t.out
}

// Positions is the last position of a text's tokens; a joined form comes after
// the parts it begins before.
func Positions(tokens []Token) int {
	last := 0
	for _, t := range tokens {
		last = max(last, t.Pos)
	}
	return last
}

type tokenizer struct {
	a        *Analyzer
	text     string
	out      []Token
	pos      int
	recent   [maxParts]part // the last parts, newest last
	n        int
	lastEnd  int // of the last word
	joinedAt int // where a word must begin to be glued to it
}

func (t *tokenizer) run() {
	i := 0
	for i < len(t.text) {
		r, size := utf8.DecodeRuneInString(t.text[i:])
		switch {
		case dense(r):
			i = t.bigrams(i)
		case wordRune(r):
			i = t.takeWord(i)
		default:
			if i == t.lastEnd && (joinsParts(r) || r == zwnj) {
				t.joinedAt = i + size
			}
			i += size
		}
	}
}

// takeWord reads the word at i and returns where it ends.
func (t *tokenizer) takeWord(i int) int {
	start := i
	for i < len(t.text) {
		r, size := utf8.DecodeRuneInString(t.text[i:])
		if dense(r) {
			break
		}
		if wordRune(r) || invisible(r) {
			i += size
			continue
		}
		if isApostrophe(r) && i > start {
			if next, _ := utf8.DecodeRuneInString(t.text[i+size:]); unicode.IsLetter(next) {
				i += size
				continue
			}
		}
		break
	}
	word := t.text[start:i]
	if len(word) > maxWord {
		word = cutRunes(word, maxWord)
	}
	e := t.a.word(word)
	if e.surface == "" {
		return i
	}
	glued := t.joinedAt == start && start > 0
	near := t.n > 0 && (glued || (start-t.lastEnd == 1 && t.text[t.lastEnd] == ' '))
	t.pos++
	_, affix := t.a.joinerAff[e.surface]
	p := part{term: e.surface, start: start, end: i, pos: t.pos, glued: glued, next: near, affix: affix && glued, digit: e.digit}
	t.out = append(t.out, Token{Term: e.surface, Start: start, End: i, Pos: t.pos, Parts: 1, Stop: e.stop || p.affix})
	if e.stem != e.surface {
		t.out = append(t.out, Token{Term: e.stem, Start: start, End: i, Pos: t.pos, Parts: 1, Kind: Stem})
	}
	t.remember(p)
	t.join()
	t.lastEnd = i
	return i
}

func (t *tokenizer) remember(p part) {
	if t.n == maxParts {
		copy(t.recent[:], t.recent[1:])
		t.n--
	}
	t.recent[t.n] = p
	t.n++
}

// join adds the joined forms that end with the newest part: of glued parts,
// and of neighbours one of which holds a digit.
func (t *tokenizer) join() {
	last := t.n - 1
	digits, glued := t.recent[last].digit, true
	length := len(t.recent[last].term)
	for i := last - 1; i >= 0; i-- {
		if !t.recent[i+1].next {
			return
		}
		glued = glued && t.recent[i+1].glued
		digits = digits || t.recent[i].digit
		length += len(t.recent[i].term)
		if length > 2*maxJoined {
			return
		}
		if glued || digits && length <= maxJoined {
			t.emitJoined(i, last, digits)
		}
	}
}

func (t *tokenizer) emitJoined(first, last int, digits bool) {
	joined := ""
	for i := first; i <= last; i++ {
		joined += t.recent[i].term
	}
	e := t.a.word(joined)
	tok := Token{
		Term: e.surface, Start: t.recent[first].start, End: t.recent[last].end,
		Pos: t.recent[first].pos, Parts: last - first + 1, Kind: Joined,
	}
	t.out = append(t.out, tok)
	if !digits && e.stem != e.surface {
		tok.Term = e.stem
		t.out = append(t.out, tok)
	}
}

// bigrams gives the overlapping pairs of a run written without spaces.
func (t *tokenizer) bigrams(i int) int {
	prev, prevStart, first := "", i, i
	for i < len(t.text) {
		r, size := utf8.DecodeRuneInString(t.text[i:])
		if !dense(r) {
			break
		}
		cur := fold(string(r), false)
		if prev != "" {
			t.pos++
			t.out = append(t.out, Token{Term: prev + cur, Start: prevStart, End: i + size, Pos: t.pos, Parts: 1})
		}
		prev, prevStart = cur, i
		i += size
	}
	if prevStart == first && prev != "" {
		t.pos++
		t.out = append(t.out, Token{Term: prev, Start: first, End: i, Pos: t.pos, Parts: 1})
	}
	t.n, t.lastEnd = 0, i
	return i
}

// dense runes belong to scripts that put no space between words.
func dense(r rune) bool {
	if r < 0x0E00 {
		return false
	}
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) || r == 'ー'
}

func wordRune(r rune) bool {
	if r < 0x80 {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// invisible runes stand inside words without meaning anything: soft hyphen,
// zero-width joiner, marks of direction, tatweel.
func invisible(r rune) bool {
	return r == 0x00AD || r == 0x200D || r == 0x200E || r == 0x200F || r == 0x0640 || r == 0x200B
}

func joinsParts(r rune) bool {
	switch r {
	case '-', '/', '.', '_', '+', '&', '‐', '‑', '–', '·':
		return true
	}
	return false
}

func isApostrophe(r rune) bool {
	switch r {
	case '\'', '’', 'ʼ', '`', '´':
		return true
	}
	return false
}

// cutRunes shortens s to at most n bytes without splitting a rune.
func cutRunes(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
