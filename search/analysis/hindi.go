package analysis

import (
	"strings"
	"unicode/utf8"
)

// hindiStop completes Bleve's list with spellings that folding does not reach.
const hindiStop = "है हैं था थी थे हूँ हूं में से को का की के ने पर और या भी ही तो यह वह ये वे"

// hindiSuffixes are the inflections of Ramanathan and Rao, A Lightweight
// Stemmer for Hindi (2003), restated in folded letters (long and short i and u
// alike, candrabindu as anusvara), longest first.
var hindiSuffixes = strings.Fields(`
ाएंगि ाएंगे ाऊंगा ाउंगा ाउंगि ाइएगा ाइयां ाइयों
ाएगि ाएगा ाओगि ाओगे एंगि एंगे ेंगि ेंगे ुंगा ुंगि ातिं नाओं नाएं ताओं ताएं ियां ियों ियाँ
ाकर ाइए ाइं ाया ेगि ेगा ोगि ोगे ाने ाना ानि ाते ाति ाता तिं ाओं ाएं ुओं ुएं ुआं इयां इयों वाया
कर ाओ िए ाइ ाए ने नि ना ते ति ता ां ों ें इए एं ओं या इं
ो े ु ि ा ं ए इ`)

// stemHindi takes one inflection off a folded word; two letters must remain.
func stemHindi(_, w string) string {
	for _, s := range hindiSuffixes {
		if rest, ok := strings.CutSuffix(w, s); ok && utf8.RuneCountInString(rest) >= 2 {
			return strings.TrimSuffix(rest, string(virama))
		}
	}
	return w
}
