package analysis

import (
	"strings"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
)

// filipinoStop are the particles, markers, pronouns and linkers.
const filipinoStop = `
ang ng nang sa si ni kay sina nina kina mga na pa po opo ba daw raw din rin naman nga lang lamang man
ako ikaw ka siya sya kami tayo kayo sila ko mo niya nya namin natin ninyo nyo nila akin iyo inyo kanya kanila amin atin
ito iyan iyon yan yon yun yung yong ung nito niyan niyon dito diyan doon dyan rito riyan roon nun non
at o ay kung kapag pag para dahil kasi pero ngunit subalit upang habang kaya tapos saka
may mayroon meron wala walang hindi di huwag wag oo
ano sino alin saan kailan bakit paano ilan gaano
the a an and or is are was it of to in on for with this that i my you so
`

// filipinoAffixes are the prefixes that a hyphen sets apart (mag-order).
const filipinoAffixes = "mag nag pag ka um in na ma pa i ipa ipag maka naka taga"

// filipinoPrefixes, longest first: the verbal and adjectival prefixes of
// Schachter and Otanes, Tagalog Reference Grammar (1972), with the order of
// removal (prefix, infix, reduplication, suffix) that Bonus proposes in The
// Tagalog Stemming Algorithm (2003).
var filipinoPrefixes = strings.Fields(`
pinakama pinagpa nakapag makapag nakakapag makakapag ipinag ipagpa magpaka nagpaka
nakaka makaka napaka pinaka ipinang ikina ipang magka nagka magpa nagpa pagka pagpa pinag maipa naipa
ipag ipina mang nang pang taga naka maka paka maki naki paki pina ika ipa
mag nag pag mai nai ma na ni pa ka i um in
`)

var filipinoSuffixes = []string{"han", "hin", "an", "in"}

// stemFilipino finds the root of a folded word. Words with letters that native
// Filipino spelling does not use are taken for English, as Taglish mixes both.
func stemFilipino(lower, w string) string {
	if !isASCII(w) {
		return w
	}
	if foreign(w) {
		env := snowballstem.NewEnv(lower)
		english.Stem(env)
		return fold(env.Current(), false)
	}
	w = unlink(w)
	root := w
	for _, p := range filipinoPrefixes {
		rest, ok := strings.CutPrefix(w, p)
		if !ok || !rootLike(rest) {
			continue
		}
		if len(p) == 1 && len(rest) < 5 || p == "ni" && rest[0] != 'l' && rest[0] != 'y' {
			continue
		}
		// Before a vowel mag-, nag- and pag- are written with a hyphen;
		// without one it is ma- before a g.
		if strings.HasSuffix(p, "ag") && vowel(rest[0]) {
			continue
		}
		root = rest
		break
	}
	root = uninfix(root)
	root = unreduplicate(root)
	// After d came r between vowels (darating, from dating).
	if len(root) >= 6 && root[0] == 'd' && root[2] == 'r' && root[1] == root[3] {
		root = root[2:]
	}
	root = unsuffix(root)
	root = unreduplicate(root)
	return settle(root)
}

// foreign reports letters of the English alphabet that Filipino roots lack,
// or spellings that its syllables cannot give.
func foreign(w string) bool {
	return strings.ContainsAny(w, "cfjqvxz") || strings.Contains(w, "th") || strings.Contains(w, "sh") ||
		strings.Contains(w, "ee") || strings.Contains(w, "oo") && !strings.HasPrefix(w, "oo") ||
		strings.HasSuffix(w, "ed") || strings.HasSuffix(w, "er") && len(w) > 5 || strings.HasSuffix(w, "ty")
}

// unlink takes off the linker -ng of a word that ends in a vowel (magandang:
// maganda).
func unlink(w string) string {
	if rest, ok := strings.CutSuffix(w, "ng"); ok && len(rest) >= 4 && vowel(rest[len(rest)-1]) && vowels(rest) >= 2 {
		return rest
	}
	return w
}

// uninfix takes -um- or -in- out after the first consonant (bumili, binili:
// bili).
func uninfix(w string) string {
	if len(w) < 6 || vowel(w[0]) || !vowel(w[3]) {
		return w
	}
	if strings.HasSuffix(w, "in") && w[1:3] == "in" {
		return w // linisin: the suffix -in excludes the infix
	}
	if strings.HasPrefix(w, "dumar") {
		return w[:1] + w[3:] // dumarating: darating
	}
	if (w[1:3] == "um" || w[1:3] == "in") && rootLike(w[:1]+w[3:]) {
		return w[:1] + w[3:]
	}
	return w
}

// unreduplicate takes off a repeated first syllable (bibili: bili; aalis:
// alis) or a whole repeated word (arawaraw: araw).
func unreduplicate(w string) string {
	if n := len(w); n >= 6 && n%2 == 0 && w[:n/2] == w[n/2:] {
		return w[:n/2]
	}
	if len(w) >= 5 && vowel(w[0]) && w[0] == w[1] {
		return w[1:]
	}
	if len(w) >= 6 && !vowel(w[0]) && vowel(w[1]) && w[0] == w[2] && w[1] == w[3] {
		return w[2:]
	}
	return w
}

func unsuffix(w string) string {
	for _, s := range filipinoSuffixes {
		if rest, ok := strings.CutSuffix(w, s); ok && len(rest) >= 4 && vowels(rest) >= 2 {
			return rest
		}
	}
	return w
}

// settle undoes the sound changes of affixation: the last u of a root is o
// when nothing follows (luto, lutuin), and an initial d turns r after a vowel
// (dating, darating after its reduplication).
func settle(w string) string {
	if i := strings.LastIndexAny(w, "aeiou"); i >= 0 && w[i] == 'u' {
		w = w[:i] + "o" + w[i+1:]
	}
	if i := strings.LastIndexAny(w, "aeiou"); i >= 0 && w[i] == 'e' {
		w = w[:i] + "i" + w[i+1:]
	}
	if strings.HasPrefix(w, "r") {
		w = "d" + w[1:]
	}
	return w
}

func rootLike(w string) bool { return len(w) >= 4 && vowels(w) >= 2 }

func vowels(w string) int {
	n := 0
	for i := range len(w) {
		if vowel(w[i]) {
			n++
		}
	}
	return n
}

func vowel(b byte) bool { return strings.IndexByte("aeiou", b) >= 0 }
