package textnorm

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Marks of a token.
type Marks uint8

// What was found while reading a token.
const (
	// Leet: a digit or symbol stands between letters.
	Leet Marks = 1 << iota
	// Repeat: a letter three times or more in a row.
	Repeat
	// Hidden: invisible characters or stacked marks inside a Latin word.
	Hidden
	// Mixed: look-alike letters of another script.
	Mixed
	// Styled: mathematical, circled or full-width letters.
	Styled
	// Censored: holds an asterisk for a letter.
	Censored
	// Folded: the folded form differs from the exact one.
	Folded
)

// Token is a word. Start and End are rune offsets in the original text, End
// exclusive.
type Token struct {
	Start, End int
	Marks      Marks
	// Letters, Digits and Upper count the runes of that class.
	Letters, Digits, Upper int
	// Runes counts the runes of the exact form.
	Runes int

	exact, exactEnd int
	fold, foldEnd   int
	gap             int // runes of the original between the last token and this one
}

// Text is a normalised text. It is reused by [Text.Reset]; the slices it gives
// out are valid until then. It is not safe for concurrent use.
type Text struct {
	Tokens []Token
	// Runes of the original text.
	Runes []rune
	// Letters and Upper count cased and other letters of the whole text.
	Letters, Upper int

	exact, fold []byte
	origin      []int32 // original rune of each folded byte
	scratch     []byte
}

// Exact gives token i in lower case with its diacritics.
func (t *Text) Exact(i int) []byte { return t.exact[t.Tokens[i].exact:t.Tokens[i].exactEnd] }

// Fold gives token i without diacritics and with look-alikes resolved.
func (t *Text) Fold(i int) []byte { return t.fold[t.Tokens[i].fold:t.Tokens[i].foldEnd] }

// Gap counts the original runes between token i-1 and token i.
func (t *Text) Gap(i int) int { return t.Tokens[i].gap }

// Folded gives the whole text folded, tokens separated by one space.
func (t *Text) Folded() []byte { return t.fold }

// Span maps a range of bytes of [Text.Folded] to rune offsets of the original
// text; to is exclusive. An empty range maps to an empty span.
func (t *Text) Span(from, to int) (start, end int) {
	if from < 0 || to > len(t.origin) || from >= to {
		return 0, 0
	}
	return int(t.origin[from]), int(t.origin[to-1]) + 1
}

// Reset reads s. Language is a primary tag; Turkish and Azerbaijani have their
// own dotless i. Invalid bytes count as one replacement rune each, as in a
// range loop over the string.
func (t *Text) Reset(s, language string) {
	t.Tokens, t.Runes = t.Tokens[:0], t.Runes[:0]
	t.exact, t.fold, t.origin = t.exact[:0], t.fold[:0], t.origin[:0]
	t.Letters, t.Upper = 0, 0
	for _, r := range s {
		t.Runes = append(t.Runes, r)
	}
	c := cutter{t: t, table: glyphs(), turkish: language == "tr" || language == "az", last: -1}
	c.run()
}

// cutter reads the runes once and writes tokens.
type cutter struct {
	t       *Text
	table   *table
	turkish bool

	open    bool
	tok     Token
	last    int // end of the token before, -1 for none
	scripts uint8
	run1    rune
	runLen  int
	stacked int
	hidden  int
}

func (c *cutter) run() {
	runes := c.t.Runes
	for i, r := range runes {
		var g *glyph
		var slow glyph
		if r < 128 {
			g = &c.table.ascii[r]
		} else {
			slow = c.table.get(r)
			g = &slow
		}
		switch g.class {
		case classLetter, classDigit:
			c.put(i, r, g)
		case classHidden:
			if c.open {
				c.hidden++
			}
		case classMark:
			if c.open {
				c.mark(r)
			}
		case classLeet:
			if c.joins(i, r) {
				c.put(i, r, g)
			} else {
				c.close()
			}
		default:
			c.close()
		}
	}
	c.close()
}

// joins reports whether the symbol at i is part of a word: a letter, digit or
// another symbol of the kind follows and, unless it is one that can begin a
// word, a letter stands before. Two asterisks may end a word ("f**").
func (c *cutter) joins(i int, r rune) bool {
	runes := c.t.Runes
	if r == '*' && c.open {
		if i+1 < len(runes) && runes[i+1] == '*' || i > 0 && runes[i-1] == '*' {
			return true
		}
	}
	if !c.open && r != '@' && r != '$' {
		return false
	}
	for j := i + 1; j < len(runes) && j < i+4; j++ {
		switch c.table.get(runes[j]).class {
		case classLetter:
			return true
		case classDigit:
			return c.open
		case classLeet, classHidden:
			continue
		default:
			// "a$$" ends in a symbol that is rarely punctuation.
			return c.open && r == '$'
		}
	}
	return c.open && r == '$'
}

func (c *cutter) put(i int, r rune, g *glyph) {
	t := c.t
	if !c.open {
		c.begin(i)
	}
	exact := g.exact
	if c.turkish && r == 'I' {
		exact = "ı"
	}
	t.exact = append(t.exact, exact...)
	t.fold = append(t.fold, g.fold...)
	for range len(g.fold) {
		t.origin = append(t.origin, int32(i))
	}
	switch g.class {
	case classLetter:
		c.tok.Letters++
		if g.upper {
			c.tok.Upper++
		}
		if g.script != scriptNone {
			c.scripts |= 1 << g.script
		}
		if g.styled {
			c.tok.Marks |= Styled
		}
	case classDigit:
		c.tok.Digits++
	case classLeet:
		c.tok.Marks |= Leet
		if r == '*' {
			c.tok.Marks |= Censored
		}
	}
	if g.class == classLetter && len(g.fold) > 0 && rune(g.fold[0]) == c.run1 {
		c.runLen++
		if c.runLen >= 3 {
			c.tok.Marks |= Repeat
		}
	} else {
		c.run1, c.runLen = -1, 0
		if g.class == classLetter && len(g.fold) > 0 {
			c.run1, c.runLen = rune(g.fold[0]), 1
		}
	}
	if len(g.fold) > 0 && g.fold[0] >= 0x80 {
		c.run1 = -1 // first bytes of other scripts repeat by nature
	}
	c.tok.Runes++
	c.tok.End = i + 1
	c.stacked = 0
}

func (c *cutter) begin(i int) {
	t := c.t
	if len(t.fold) > 0 {
		t.fold = append(t.fold, ' ')
		t.origin = append(t.origin, int32(i))
	}
	gap := 0
	if c.last >= 0 {
		gap = i - c.last
	}
	c.tok = Token{Start: i, End: i, exact: len(t.exact), fold: len(t.fold), gap: gap}
	c.open, c.scripts, c.run1, c.runLen, c.hidden, c.stacked = true, 0, -1, 0, 0, 0
}

// mark composes a combining mark with the letter before it in the exact form.
// What does not compose is an ornament and vanishes.
func (c *cutter) mark(m rune) {
	t := c.t
	base, size := utf8.DecodeLastRune(t.exact[c.tok.exact:])
	if size > 0 {
		var buf [8]byte
		pair := utf8.AppendRune(utf8.AppendRune(buf[:0], base), m)
		if whole := norm.NFC.Bytes(pair); utf8.RuneCount(whole) == 1 {
			if base == 'i' && m == 0x0307 {
				return
			}
			t.exact = append(t.exact[:len(t.exact)-size], whole...)
			return
		}
	}
	c.stacked++
	if c.stacked >= 2 && c.scripts&(1<<scriptLatin) != 0 {
		c.tok.Marks |= Hidden
	}
}

func (c *cutter) close() {
	if !c.open {
		return
	}
	c.open = false
	t, tok := c.t, &c.tok
	if c.hidden > 0 && c.scripts&(1<<scriptLatin) != 0 {
		tok.Marks |= Hidden
	}
	if tok.Letters > 0 && tok.Digits > 0 {
		tok.Marks |= Leet
	}
	if c.scripts&(1<<scriptCyrillic|1<<scriptGreek) != 0 {
		c.unmask()
	}
	tok.exactEnd, tok.foldEnd = len(t.exact), len(t.fold)
	if string(t.exact[tok.exact:]) != string(t.fold[tok.fold:]) {
		tok.Marks |= Folded
	}
	t.Letters += tok.Letters
	t.Upper += tok.Upper
	c.last = tok.End
	t.Tokens = append(t.Tokens, *tok)
}

// unmask resolves Cyrillic and Greek look-alikes in the open token where every
// foreign letter has a Latin twin and the word is mixed, or wholly made of
// twins. A whole word of another script in its own right stays.
func (c *cutter) unmask() {
	t, tok := c.t, &c.tok
	mixed := c.scripts&(1<<scriptLatin) != 0
	out := t.scratch[:0]
	origins := make([]int32, 0, len(t.fold)-tok.fold)
	for i := tok.fold; i < len(t.fold); {
		r, size := utf8.DecodeRune(t.fold[i:])
		twin, ok := confusables[r]
		switch {
		case ok:
			out = append(out, twin)
			origins = append(origins, t.origin[i])
		case r < utf8.RuneSelf || mixed:
			out = append(out, t.fold[i:i+size]...)
			origins = append(origins, t.origin[i:i+size]...)
		default:
			t.scratch = out
			return
		}
		i += size
	}
	t.scratch = out
	if mixed {
		tok.Marks |= Mixed
	}
	t.fold = append(t.fold[:tok.fold], out...)
	t.origin = append(t.origin[:tok.fold], origins...)
}

// Leet gives token i with digits and symbols read as letters, appended to
// dst[:0]. An asterisk stays one.
func (t *Text) Leet(i int, dst []byte) []byte {
	dst = dst[:0]
	for _, b := range t.Fold(i) {
		if b >= '0' && b <= '9' && leetDigits[b-'0'] != 0 {
			b = leetDigits[b-'0']
		}
		dst = append(dst, b)
	}
	return dst
}

// Squeeze writes src with every run of a letter cut to one, appended to dst[:0].
func Squeeze(src, dst []byte) []byte {
	dst = dst[:0]
	var last rune = -1
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r != last || r == utf8.RuneError {
			dst = append(dst, src[i:i+size]...)
		}
		last = r
		i += size
	}
	return dst
}

// FoldWord folds a single word of a word list the way texts are folded.
func FoldWord(w string) string { return foldString(composed(w)) }

// Digit gives the ASCII digit a decimal digit of any served script stands for.
func Digit(r rune) (byte, bool) {
	if r < 0x80 {
		return byte(r), r >= '0' && r <= '9'
	}
	if g := glyphs().get(r); g.class == classDigit {
		return g.fold[0], true
	}
	return 0, false
}

// ASCIILetter gives the plain lower-case ASCII letter of a rune, styled and
// full-width letters included, 0 for none.
func ASCIILetter(r rune) byte {
	switch {
	case r >= 'a' && r <= 'z':
		return byte(r)
	case r >= 'A' && r <= 'Z':
		return byte(r) + 'a' - 'A'
	case r < 0x80:
		return 0
	}
	if g := glyphs().get(r); g.styled && len(g.fold) == 1 {
		return g.fold[0]
	}
	return 0
}
