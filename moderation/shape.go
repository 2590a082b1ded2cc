package moderation

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/candor-ugc/candor/moderation/textnorm"
)

const (
	shoutLetters = 12  // cased letters a text needs to shout
	shoutShare   = 0.7 // of them upper case
	shoutMarks   = 5   // exclamation or question marks in a row
	mashLetters  = 6   // letters of a token before it can be a mash
	longToken    = 45  // runes of a word that is none
)

// shapeSignals: shouting, gibberish and texts without content.
func (r *run) shapeSignals() error {
	letters := 0
	r.fields(func(name string, t *textnorm.Text) {
		letters += t.Letters
		r.shouting(name, t)
		r.gibberish(name, t)
	})
	switch {
	case len(r.title.Runes)+len(r.body.Runes) == 0: // stars alone
	case letters < 3:
		r.signal(Signal{
			Code: CodeTooShort, Severity: SeverityLow, Field: FieldBody, End: len(r.body.Runes), Rule: "shape@1", Weight: 0.2,
			Cause: "The text has no words.",
		})
	case len(r.title.Tokens)+len(r.body.Tokens) < 2 && letters < 12:
		r.signal(Signal{
			Code: CodeTooShort, Severity: SeverityInfo, Field: FieldBody, End: len(r.body.Runes), Rule: "shape@1", Weight: 0.05,
			Cause: "The text is a single short word.",
		})
	}
	return nil
}

func (r *run) shouting(field string, t *textnorm.Text) {
	if t.Letters >= shoutLetters && float64(t.Upper) > shoutShare*float64(t.Letters) {
		r.signal(Signal{
			Code: CodeShouting, Severity: SeverityLow, Field: field, End: len(t.Runes), Rule: "shape@1", Weight: 0.1,
			Cause: "Mostly capital letters.",
		})
		return
	}
	run := 0
	for i, c := range t.Runes {
		if c == '!' || c == '?' || c == '！' || c == '؟' {
			run++
			continue
		}
		if run >= shoutMarks {
			r.marks(field, i-run, i)
			return
		}
		run = 0
	}
	if run >= shoutMarks {
		r.marks(field, len(t.Runes)-run, len(t.Runes))
	}
}

func (r *run) marks(field string, start, end int) {
	r.signal(Signal{
		Code: CodeShouting, Severity: SeverityInfo, Field: field, Start: start, End: end, Rule: "shape@1", Weight: 0.03,
		Cause: fmt.Sprintf("%d exclamation or question marks in a row.", end-start),
	})
}

// gibberish looks for tokens that no language spells: keyboard mashing, words
// without vowels, endless words. Only Latin letters are judged.
func (r *run) gibberish(field string, t *textnorm.Text) {
	bad, start, end := 0, 0, 0
	for i := range t.Tokens {
		tok := &t.Tokens[i]
		if tok.Letters < mashLetters || tok.Digits > 0 || tok.Marks&textnorm.Leet != 0 || !mashed(t.Fold(i), tok) {
			continue
		}
		if bad == 0 {
			start = tok.Start
		}
		bad += tok.Letters
		end = tok.End
	}
	if bad == 0 {
		return
	}
	sig := Signal{
		Code: CodeGibberish, Severity: SeverityInfo, Field: field, Start: start, End: end, Rule: "shape@1", Weight: 0.05,
		Cause: "Letters that spell no word.",
	}
	if bad*2 > t.Letters {
		sig.Severity, sig.Weight = SeverityMedium, 0.35
		sig.Cause = "Most of the text spells no word."
	}
	r.signal(sig)
}

// neighbours are pairs of letters that lie side by side on a keyboard and
// hardly ever stand together in a word: a set of second letters, as bits, for
// each first one.
var neighbours = pairs("fg gf gh hj jh jk kj kl lk df fd sd ds dk kd jf fj dj jd kf fk hf hk xc cx cv vc vb bv bn nm zx xz qw wq wr sf fs " +
	"gj jg dg gd lj hd dh vj jv bj xk zj qs qz qk jq")

func pairs(list string) (set [26]uint32) {
	for p := range strings.FieldsSeq(list) {
		set[p[0]-'a'] |= 1 << (p[1] - 'a')
	}
	return set
}

func mashed(word []byte, tok *textnorm.Token) bool {
	if tok.Runes >= longToken {
		return true
	}
	vowels, consonants, longest, odd, latin := 0, 0, 0, 0, 0
	for i, b := range word {
		if b < 'a' || b > 'z' {
			return false
		}
		latin++
		if isVowel(b) {
			vowels++
			consonants = 0
			continue
		}
		consonants++
		longest = max(longest, consonants)
		if i > 0 && neighbours[word[i-1]-'a']&(1<<(b-'a')) != 0 {
			odd++
		}
	}
	if latin < mashLetters || laughs(word) {
		return false
	}
	return longest >= 8 || vowels == 0 && latin >= 7 || odd >= 3 && odd*4 >= latin || longest >= 6 && vowels*6 <= latin
}

func isVowel(b byte) bool {
	switch b {
	case 'a', 'e', 'i', 'o', 'u', 'y':
		return true
	}
	return false
}

// laughs: "hahaha", "kkkkkk", "hmmmm", "random" letters that people mean. The
// word has small ASCII letters only.
func laughs(word []byte) bool {
	kinds := uint32(0)
	for _, b := range word {
		kinds |= 1 << (b - 'a')
	}
	return bits.OnesCount32(kinds) <= 3
}
