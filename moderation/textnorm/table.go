package textnorm

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// class says what a rune does in a token.
type class uint8

const (
	classOther  class = iota // ends a token
	classSpace               // ends a token
	classLetter              // belongs to a token
	classDigit               // belongs to a token
	classHidden              // vanishes: zero width, bidi control, variation selector
	classMark                // combining mark: composes with its base or vanishes
	classLeet                // a symbol that can stand for a letter inside a token
)

// Scripts, as far as mixing them inside a word matters.
const (
	scriptNone uint8 = iota
	scriptLatin
	scriptCyrillic
	scriptGreek
	scriptOther
)

// glyph is what the table knows of a rune.
type glyph struct {
	exact  string // lower case, compatibility folded, diacritics kept
	fold   string // the same without diacritics
	class  class
	script uint8
	styled bool // a styled or full-width form of an ASCII letter
	upper  bool
}

const pageSize = 256

// ranges are the blocks the table holds; runes outside go through slowGlyph.
var ranges = [][2]rune{
	{0x00, 0x17FF},
	{0x1E00, 0x1FFF},
	{0x2000, 0x24FF},
	{0x2C00, 0x2DFF},
	{0xA600, 0xA7FF},
	{0xFB00, 0xFFFF},
	{0x1D400, 0x1D7FF},
	{0x1F100, 0x1F1FF},
}

type table struct {
	ascii [128]glyph
	pages [0x20000 / pageSize]*[pageSize]glyph
}

// glyphs builds the table once; about 15,000 runes, a few milliseconds.
var glyphs = sync.OnceValue(func() *table {
	t := &table{}
	for _, r := range ranges {
		for page := r[0] / pageSize; page <= r[1]/pageSize; page++ {
			p := &[pageSize]glyph{}
			for i := range p {
				p[i] = slowGlyph(page*pageSize + rune(i))
			}
			t.pages[page] = p
		}
	}
	copy(t.ascii[:], t.pages[0][:128])
	return t
})

func (t *table) get(r rune) glyph {
	if r < 0x20000 {
		if p := t.pages[r/pageSize]; p != nil {
			return p[r%pageSize]
		}
	}
	return slowGlyph(r)
}

// folds are letters whose plain form is no canonical decomposition.
var folds = map[rune]string{
	'ı': "i", 'ł': "l", 'đ': "d", 'ð': "d", 'ø': "o", 'æ': "ae", 'œ': "oe", 'ß': "ss", 'þ': "th", 'ŋ': "n",
	'ħ': "h", 'ŧ': "t", 'ə': "e", 'ɑ': "a", 'ɡ': "g", 'ɩ': "i",
	// Arabic letters that Persian, Urdu and Arabic keyboards mix.
	'ي': "ی", 'ى': "ی", 'ك': "ک", 'ة': "ه", 'ۀ': "ه", 'أ': "ا", 'إ': "ا", 'آ': "ا", 'ٱ': "ا", 'ؤ': "و", 'ئ': "ی",
}

// exactFolds hold for the exact form too: the same letter on another keyboard.
var exactFolds = map[rune]string{'ي': "ی", 'ى': "ی", 'ك': "ک", 'ة': "ه", 'ۀ': "ه"}

// styledLetters are Latin letters in dress that compatibility decomposition
// does not undress.
var styledLetters = map[rune]string{
	'ᴀ': "a", 'ʙ': "b", 'ᴄ': "c", 'ᴅ': "d", 'ᴇ': "e", 'ꜰ': "f", 'ɢ': "g", 'ʜ': "h", 'ɪ': "i", 'ᴊ': "j", 'ᴋ': "k",
	'ʟ': "l", 'ᴍ': "m", 'ɴ': "n", 'ᴏ': "o", 'ᴘ': "p", 'ʀ': "r", 'ꜱ': "s", 'ᴛ': "t", 'ᴜ': "u", 'ᴠ': "v", 'ᴡ': "w",
	'ʏ': "y", 'ᴢ': "z",
}

func slowGlyph(r rune) glyph {
	g := glyph{script: scriptOf(r), upper: unicode.IsUpper(r)}
	switch {
	case isHidden(r):
		g.class = classHidden
		return g
	case r == 0x0640: // Arabic tatweel only stretches
		g.class = classHidden
		return g
	case unicode.Is(unicode.Mn, r) && !isIndic(r):
		g.class = classMark
		return g
	case unicode.IsSpace(r):
		g.class = classSpace
		return g
	}
	if s, ok := leetSymbols[r]; ok {
		g.class, g.fold, g.exact = classLeet, s, string(r)
		return g
	}
	if s, ok := styledLetters[r]; ok {
		return glyph{exact: s, fold: s, class: classLetter, script: scriptLatin, styled: true}
	}
	if s, upper, ok := enclosed(r); ok {
		return glyph{exact: s, fold: s, class: classLetter, script: scriptLatin, styled: true, upper: upper}
	}
	if d, ok := digit(r); ok {
		g.class, g.exact, g.fold = classDigit, d, d
		g.script = scriptNone
		return g
	}
	if !unicode.IsLetter(r) && !unicode.IsMark(r) {
		return g
	}
	g.class = classLetter
	compat := norm.NFKC.String(string(r))
	g.exact = composed(strings.ToLower(compat))
	if r >= 0x80 && isASCIILetters(g.exact) && g.script == scriptOther {
		g.script, g.styled = scriptLatin, true
	}
	if s, ok := exactFolds[r]; ok {
		g.exact = s
	}
	g.fold = foldString(g.exact)
	return g
}

// composed drops the combining dot that lower-casing İ leaves behind.
func composed(s string) string {
	return strings.ReplaceAll(s, "i̇", "i")
}

func foldString(s string) string {
	var b strings.Builder
	for _, r := range s {
		if f, ok := folds[r]; ok {
			b.WriteString(f)
			continue
		}
		for _, d := range norm.NFKD.String(string(r)) {
			if unicode.Is(unicode.Mn, d) && (!isIndic(d) || isNukta(d)) {
				continue
			}
			if f, ok := folds[d]; ok {
				b.WriteString(f)
			} else {
				b.WriteRune(d)
			}
		}
	}
	return b.String()
}

func scriptOf(r rune) uint8 {
	switch {
	case !unicode.IsLetter(r):
		return scriptNone
	case unicode.Is(unicode.Latin, r):
		return scriptLatin
	case unicode.Is(unicode.Cyrillic, r):
		return scriptCyrillic
	case unicode.Is(unicode.Greek, r):
		return scriptGreek
	default:
		return scriptOther
	}
}

func isASCIILetters(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return s != ""
}

// isHidden: characters that show nothing and are used to break up words.
func isHidden(r rune) bool {
	switch {
	case r == 0x00AD, r == 0x034F, r == 0x061C, r == 0x180E, r == 0xFEFF, r == 0x3164, r == 0xFFA0:
		return true
	case r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x206F:
		return true
	case r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0000 && r <= 0xE01EF, r >= 0x115F && r <= 0x1160:
		return true
	}
	return false
}

// isIndic: in these scripts marks are vowels, not ornaments.
func isIndic(r rune) bool {
	return r >= 0x0900 && r <= 0x0DFF || r >= 0x0E00 && r <= 0x0FFF || r >= 0x1000 && r <= 0x109F || r >= 0x1780 && r <= 0x17FF
}

func isNukta(r rune) bool { return r == 0x093C || r == 0x09BC || r == 0x0A3C || r == 0x0ABC }

// digit maps the decimal digits of the served scripts to ASCII.
func digit(r rune) (string, bool) {
	if !unicode.Is(unicode.Nd, r) {
		return "", false
	}
	for _, zero := range []rune{'0', 0x0660, 0x06F0, 0x0966, 0x09E6, 0xFF10} {
		if r >= zero && r <= zero+9 {
			return string('0' + r - zero), true
		}
	}
	if r >= 0x1D7CE && r <= 0x1D7FF {
		return string('0' + (r-0x1D7CE)%10), true
	}
	return "0", true
}

// enclosed maps circled, squared and regional-indicator letters to ASCII.
func enclosed(r rune) (string, bool, bool) {
	for _, b := range []struct {
		from  rune
		upper bool
	}{{0x249C, false}, {0x24B6, true}, {0x24D0, false}, {0x1F110, true}, {0x1F130, true}, {0x1F150, true}, {0x1F170, true}, {0x1F1E6, true}} {
		if r >= b.from && r < b.from+26 {
			return string('a' + r - b.from), b.upper, true
		}
	}
	return "", false, false
}

// leetSymbols stand for letters only between letters or before one.
var leetSymbols = map[rune]string{
	'@': "a", '$': "s", '!': "i", '*': "*", '+': "t", '|': "l", '€': "e", '£': "l", '¢': "c", '¡': "i", '§': "s", '¥': "y",
}

// leetDigits stand for letters in a token that has letters too.
var leetDigits = [10]byte{'o', 'i', 0, 'e', 'a', 's', 'g', 't', 'b', 'g'}

// confusables are Cyrillic and Greek letters that look like Latin ones. Only
// a token that mixes scripts, or that consists of nothing else, is folded by
// them, so that Russian and Greek stay themselves.
var confusables = map[rune]byte{
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ё': 'e', 'ғ': 'f', 'ɡ': 'g', 'һ': 'h', 'н': 'h', 'і': 'i', 'ї': 'i',
	'ј': 'j', 'к': 'k', 'ӏ': 'l', 'м': 'm', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'ѕ': 's', 'т': 't', 'у': 'y', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x',
	'α': 'a', 'β': 'b', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x', 'ω': 'w', 'ϲ': 'c', 'ϳ': 'j',
}
