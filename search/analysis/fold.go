package analysis

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold makes alike what readers take for the same word: accents, ligatures,
// compatibility forms, Arabic and Persian letter variants, digits of other
// scripts, Hindi nukta and vowel length, letters drawn out for emphasis. The
// word must be in lower case already.
func fold(w string, aa bool) string {
	if isASCII(w) {
		if aa {
			w = strings.ReplaceAll(w, "aa", "a")
		}
		return squeeze(w)
	}
	if aa {
		w = strings.ReplaceAll(w, "aa", "a")
	}
	if hasHangul(w) {
		return norm.NFKC.String(w)
	}
	w = norm.NFKD.String(w)
	var b strings.Builder
	b.Grow(len(w))
	deva := false
	for _, r := range w {
		if r >= 0x0900 && r <= 0x097F {
			deva = true
		}
		foldRune(&b, r)
	}
	w = b.String()
	if deva {
		w = foldDevanagari(w)
	}
	return squeeze(w)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func hasHangul(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Hangul, r) {
			return true
		}
	}
	return false
}

// foldRune writes the folded form of one decomposed rune.
func foldRune(b *strings.Builder, r rune) {
	switch {
	case r < 0x80:
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		b.WriteByte(byte(r))
		return
	case r >= 0x0300 && r <= 0x036F, // accents
		r >= 0x064B && r <= 0x065F, r == 0x0670, r >= 0x06D6 && r <= 0x06ED, // Arabic points
		r == 0x0640,                                        // tatweel
		r == 0x093C,                                        // nukta
		r == 0x200B, r == 0x200C, r == 0x200D, r == 0xFEFF, // joiners
		r == 0x00AD, r == 0x200E, r == 0x200F, r >= 0xFE00 && r <= 0xFE0F:
		return
	}
	if s, ok := letterFolds[r]; ok {
		b.WriteString(s)
		return
	}
	if r > 0x660 && unicode.Is(unicode.Nd, r) || r == 0x660 {
		b.WriteByte('0' + digitValue(r))
		return
	}
	b.WriteRune(unicode.ToLower(r))
}

// digitValue relies on every decimal range of Unicode being ten consecutive
// code points that begin at zero.
func digitValue(r rune) byte {
	zero := r
	for r-zero < 9 && unicode.Is(unicode.Nd, zero-1) {
		zero--
	}
	return byte(r - zero)
}

var letterFolds = map[rune]string{
	'ı': "i", 'ø': "o", 'æ': "ae", 'œ': "oe", 'ß': "ss", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h",
	'ŋ': "ng", 'ə': "e", 'ς': "σ", '·': "",
	// Arabic and Persian: one letter where keyboards offer several.
	'ي': "ی", 'ى': "ی", 'ې': "ی", 'ك': "ک", 'ڪ': "ک", 'ة': "ه", 'ہ': "ه", 'ھ': "ه", 'ە': "ه", 'ۀ': "ه", 'ۃ': "ه",
	'ٱ': "ا", 'ء': "",
	// Devanagari: candrabindu is written as anusvara as often as not; vowel
	// length is the commonest spelling difference; the loan vowels have
	// no settled spelling; visarga is often left out.
	'ँ': "ं", 'ी': "ि", 'ू': "ु", 'ई': "इ", 'ऊ': "उ", 'ॉ': "ा", 'ऑ': "आ", 'ॅ': "े", 'ः': "", 'ऽ': "",
}

const (
	virama   = '\u094D'
	anusvara = '\u0902'
)

// foldDevanagari writes a nasal before a consonant as anusvara (हिन्दी, हिंदी)
// and the glide between vowels as the vowel itself (गयी, गई; चाहिये, चाहिए).
func foldDevanagari(w string) string {
	rs := []rune(w)
	out := rs[:0]
	for i := 0; i < len(rs); i++ {
		r := rs[i]
		if strings.ContainsRune("ङञणनम", r) && i+2 < len(rs) && rs[i+1] == virama &&
			isDevaConsonant(rs[i+2]) && len(out) > 0 && !nasal(rs[i+2]) {
			out = append(out, anusvara)
			i++
			continue
		}
		if r == 'य' && i > 0 && i+1 < len(rs) && rs[i-1] != virama {
			switch rs[i+1] {
			case 'े':
				out = append(out, 'ए')
				i++
				continue
			case 'ि':
				out = append(out, 'इ')
				i++
				continue
			}
		}
		out = append(out, r)
	}
	return string(out)
}

func isDevaConsonant(r rune) bool { return r >= 0x0915 && r <= 0x0939 }

func nasal(r rune) bool { return strings.ContainsRune("ङञणनम", r) }

// squeeze writes a letter that is repeated three times or more once: çoook,
// soooo, عالیییی.
func squeeze(w string) string {
	run, last := 0, rune(-1)
	for _, r := range w {
		if r != last {
			run, last = 0, r
		}
		if run++; run == 3 && !unicode.IsDigit(r) {
			return squeezed(w)
		}
	}
	return w
}

func squeezed(w string) string {
	rs := []rune(w)
	out := make([]rune, 0, len(rs))
	for i := 0; i < len(rs); {
		j := i
		for j < len(rs) && rs[j] == rs[i] {
			j++
		}
		n := j - i
		if n >= 3 && !unicode.IsDigit(rs[i]) {
			n = 1
		}
		out = append(out, rs[i:i+n]...)
		i = j
	}
	return string(out)
}
