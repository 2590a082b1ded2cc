package analysis

import (
	"strings"
	"unicode/utf8"
)

// persianAffixes stand apart or behind a zero-width non-joiner and mean
// nothing alone.
const persianAffixes = "می نمی ها های هایی هایم هایت هایش هایمان هایتان هایشان تر ترین تری ام ات اش ایم اید اند مان تان شان ی ای"

// persianSuffixes in folded letters, longest first, with the least number of
// letters that must remain. They are the plural, the comparative, the
// possessive clitics and the personal endings of Mahootian, Persian (1997);
// the derivational -an is left alone because it ends too many roots.
var persianSuffixes = []struct {
	suffix string
	least  int
}{
	{"هایمان", 2},
	{"هایتان", 2},
	{"هایشان", 2},
	{"هایی", 2},
	{"هایم", 2},
	{"هایت", 2},
	{"هایش", 2},
	{"هامون", 2},
	{"هاشون", 2},
	{"ترین", 3},
	{"های", 2},
	{"هاش", 2},
	{"هام", 2},
	{"ها", 2},
	{"تری", 3},
	{"تر", 3},
	{"شان", 3},
	{"مان", 3},
	{"تان", 3},
	{"شون", 3},
	{"مون", 3},
	{"تون", 3},
	{"یم", 3},
	{"ید", 3},
	{"ند", 3},
	{"اش", 3},
	{"ام", 3},
	{"ای", 3},
	{"ش", 3},
	{"م", 3},
	{"ه", 3},
	{"ی", 3},
	{"ن", 4},
}

// stemPersian takes the verbal prefixes and the suffixes off a folded word.
func stemPersian(_, w string) string {
	for _, p := range []string{"نمی", "می"} {
		if rest, ok := strings.CutPrefix(w, p); ok && utf8.RuneCountInString(rest) >= 3 {
			w = rest
			break
		}
	}
	for range 3 {
		s, ok := stripPersian(w)
		if !ok {
			break
		}
		w = s
	}
	return w
}

func stripPersian(w string) (string, bool) {
	for _, e := range persianSuffixes {
		rest, ok := strings.CutSuffix(w, e.suffix)
		if !ok || utf8.RuneCountInString(rest) < e.least {
			continue
		}
		// The infinitive ending follows d or t only; elsewhere n is the root's.
		if e.suffix == "ن" && !strings.HasSuffix(rest, "د") && !strings.HasSuffix(rest, "ت") {
			continue
		}
		return rest, true
	}
	return w, false
}
