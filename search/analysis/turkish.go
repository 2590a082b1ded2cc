package analysis

import (
	"slices"
	"strings"
)

// turkishSuffixes are the inflectional suffixes, and the few derivational
// ones that shoppers vary freely, in folded letters. Vowel harmony is spelled
// out by expanding A to a, e; I to i, u; D to d, t; K to k, g.
//
// The stemmer works on folded text because shoppers type Turkish with and
// without its letters (aldığım, aldigim): both must reach one stem, which a
// stemmer that checks vowel harmony on ı and ü cannot give. The order of
// suffixes follows Göksel and Kerslake, Turkish: A Comprehensive Grammar
// (2005); that a light stem serves retrieval as well as full morphology is
// the finding of Can et al., Information Retrieval on Turkish Texts (2008).
var turkishSuffixes = expandTurkish(
	// number, possession, case
	"lAr", "lArI", "lArIn", "lArInI", "lArInA", "lArDA", "lArDAn", "lArIm", "lArImIz", "lArInIz",
	"ImIz", "InIz", "mIz", "nIz", "sI", "sInI", "sInA", "sInDA", "sInDAn", "sInIn", "InI", "InA", "InDA", "InDAn",
	"DA", "DAn", "nIn", "In", "yI", "yA", "ylA", "lA", "ncA", "CA", "DAKI", "KI", "Im", "I", "A",
	// tense, person, mood
	"DI", "DIm", "DIn", "DIK", "DInIz", "DIlAr", "mIs", "mIsIm", "mIsIz", "mIslAr", "mIstI", "mIsti",
	"Iyor", "Iyorum", "Iyorsun", "Iyoruz", "Iyorlar", "Iyordu", "Iyordum", "Iyormus", "uyor", "uyorum",
	"yor", "yorum", "yorlar", "yordu",
	"AcAK", "AcAKIm", "AcAKsIn", "AcAKIz", "AcAKlAr", "yAcAK", "yAcAKIm",
	"Ar", "Ir", "ArIm", "IrIm", "ArsInIz", "IrsInIz", "ArlAr", "IrlAr", "mAz", "mAzlAr", "mAm",
	"mAK", "mA", "mAyA", "mAsI", "mAsInA", "mAsInI", "mAdI", "mAdIm", "mAdIK", "mAmIs", "mIyor", "mIyorum", "mAyAn",
	"Ip", "yIp", "ArAK", "yArAK", "DIKtAn", "DIKcA", "DIKI", "DIKIm", "DIKImIz", "DIKInI", "DIKInA", "DIKInDA",
	"sA", "sAm", "sAnIz", "mAlI", "yAn", "An", "AnlAr", "yAnlAr", "AbIlIr", "AbIlIrsInIz", "yIm", "yIz",
	// derivation
	"lI", "sIz", "lIK", "sIzlIK", "lIlIK", "CI", "lAn", "lAs", "yDI", "ysA", "DIr", "DIrlAr",
)

func expandTurkish(patterns ...string) []string {
	classes := map[rune]string{'A': "ae", 'I': "iu", 'D': "dt", 'K': "kg", 'C': "c"}
	var out []string
	for _, p := range patterns {
		forms := []string{""}
		for _, r := range p {
			letters, ok := classes[r]
			if !ok {
				letters = string(r)
			}
			var next []string
			for _, f := range forms {
				for _, l := range letters {
					next = append(next, f+string(l))
				}
			}
			forms = next
		}
		out = append(out, forms...)
	}
	slices.SortFunc(out, func(a, b string) int {
		if d := len(b) - len(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(out)
}

// stemTurkish takes suffixes off until none is left or the rest would be no
// root, then hardens the last consonant (kitabı: kitap).
func stemTurkish(_, w string) string {
	for {
		s, ok := stripTurkish(w)
		if !ok {
			break
		}
		w = s
	}
	switch w[len(w)-1] {
	case 'b':
		w = w[:len(w)-1] + "p"
	case 'd':
		w = w[:len(w)-1] + "t"
	case 'g':
		w = w[:len(w)-1] + "k"
	}
	return w
}

func stripTurkish(w string) (string, bool) {
	for _, s := range turkishSuffixes {
		root, ok := strings.CutSuffix(w, s)
		if ok && turkishRoot(root, s) {
			return root, true
		}
	}
	return w, false
}

// turkishRoot reports whether a root may be left of a word: three letters, or
// the two of al-, et-, ev, iş and their like, whose suffixes are never one
// vowel alone.
func turkishRoot(root, suffix string) bool {
	if len(root) == 2 {
		return len(suffix) >= 2 && vowel(root[0]) && !vowel(root[1])
	}
	return len(root) >= 3 && strings.ContainsAny(root, "aeiou")
}
