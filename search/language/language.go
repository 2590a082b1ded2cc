// Package language tells in which language a text is written.
//
// It must not know indexes or contents: text and hints in, a code and a
// confidence out. The models are those of lingua in its low-accuracy mode
// (trigrams only), which is right for sentences and takes about 60 MB; they
// are loaded once, by the first Detector.
//
// Codes are BCP 47 primary subtags: en, tr, fa, hi, nb, nn, fil, da, sv, de,
// fr, es, it, pt, nl, fi, ru, ar, zh, ja, ko, hu, ro, pl, uk, ur, id, and und
// when nothing can be said. Hints may use the aliases tl, no and others that
// [github.com/candor-ugc/candor/search/analysis.Canonical] resolves.
//
// Mixed writing has rules of its own, because models of clean text take it
// for anything: Hindi in Latin letters ("bahut accha hai") is "hi", Taglish
// ("ang ganda ng quality") is "fil" as soon as its particles are Filipino.
// Both are then indexed with that language's analyzer, which keeps Latin words
// as they are written, so that they are found by shoppers who write alike.
package language

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/pemistahl/lingua-go"

	"github.com/candor-ugc/candor/search/analysis"
)

// Undetermined is the code of a text in no language that can be told.
const Undetermined = analysis.Undetermined

const (
	// maxText is how much of a text is looked at, in bytes.
	maxText = 2000
	// maxWords is how many words the models are asked about.
	maxWords = 30
	// shortText is the number of letters below which hints decide between
	// candidates that are close.
	shortText = 20
)

// Detector holds the loaded models. It is safe for concurrent use.
type Detector struct {
	lingua lingua.LanguageDetector
	common map[string]map[string]struct{} // function words by code
	// speakers are the languages, as bits of their place in names, that have a
	// function word.
	speakers map[string]uint32
	names    []string
}

var shared = sync.OnceValue(func() *Detector {
	langs := make([]lingua.Language, 0, len(codes))
	for l := range codes {
		langs = append(langs, l)
	}
	d := &Detector{
		lingua: lingua.NewLanguageDetectorBuilder().FromLanguages(langs...).
			WithLowAccuracyMode().WithPreloadedLanguageModels().Build(),
		common: functionWords(), speakers: map[string]uint32{},
	}
	d.names = slices.Sorted(maps.Keys(d.common))
	for i, code := range d.names {
		for w := range d.common[code] {
			d.speakers[w] |= 1 << i
		}
	}
	return d
})

// Load returns the detector. The first call takes about a quarter of a second.
func Load() *Detector { return shared() }

// Detect is Load().Detect.
func Detect(text string, hints ...string) (code string, confidence float64) {
	return Load().Detect(text, hints...)
}

var codes = map[lingua.Language]string{
	lingua.English: "en", lingua.Turkish: "tr", lingua.Persian: "fa", lingua.Hindi: "hi",
	lingua.Bokmal: "nb", lingua.Nynorsk: "nn", lingua.Tagalog: "fil", lingua.Danish: "da",
	lingua.Swedish: "sv", lingua.German: "de", lingua.French: "fr", lingua.Spanish: "es",
	lingua.Italian: "it", lingua.Portuguese: "pt", lingua.Dutch: "nl", lingua.Finnish: "fi",
	lingua.Russian: "ru", lingua.Arabic: "ar", lingua.Chinese: "zh", lingua.Japanese: "ja",
	lingua.Korean: "ko", lingua.Hungarian: "hu", lingua.Romanian: "ro", lingua.Polish: "pl",
	lingua.Ukrainian: "uk", lingua.Urdu: "ur", lingua.Indonesian: "id",
}

// Detect returns the code of the text's language and a confidence from 0 to 1.
// hints are the languages to expect, best first, such as the shopper's and the
// site's: they settle short and mixed texts, and are the answer, with
// confidence 0, to a text without letters.
func (d *Detector) Detect(text string, hints ...string) (code string, confidence float64) {
	words, letters := read(text)
	expected := make([]string, 0, len(hints))
	for _, h := range hints {
		if c := analysis.Canonical(h); c != Undetermined {
			expected = append(expected, c)
		}
	}
	fallback := Undetermined
	if len(expected) > 0 {
		fallback = expected[0]
	}
	if letters == 0 {
		return fallback, 0
	}
	if code, confidence, ok := mixed(words, expected); ok {
		return code, confidence
	}
	words = words[:min(len(words), maxWords)]
	if code, confidence, ok := d.obvious(words); ok {
		return code, confidence
	}
	// More words cost time in proportion and hardly change an answer: of 2,800
	// reviews in seven languages 4, short mixed ones, get another one.
	values := d.lingua.ComputeLanguageConfidenceValues(strings.Join(words, " "))
	return d.choose(values, words, expected, fallback, letters)
}

// choose weighs the models' confidences with the function words of each
// language and with the hints: the shorter the text, the closer a hinted
// language needs to come to win.
func (d *Detector) choose(values []lingua.ConfidenceValue, words, expected []string, fallback string, letters int) (string, float64) {
	if len(values) == 0 || values[0].Value() == 0 {
		return fallback, 0
	}
	ranked := d.rank(values, words)
	need := 0.85
	if letters < shortText {
		need = 0.15 + 0.7*float64(letters)/shortText
	}
	for _, v := range ranked[:min(8, len(ranked))] {
		for _, e := range expected {
			if same(v.code, e) && v.value >= need*ranked[0].value {
				return v.code, v.value
			}
		}
	}
	return ranked[0].code, ranked[0].value
}

// same takes Bokmål and Nynorsk for one another, as hints for Norwegian do not
// say which.
func same(a, b string) bool {
	return a == b || analysis.Key(a) == "nb" && analysis.Key(b) == "nb"
}

// read returns the text's words in lower case without addresses, handles and
// numbers, and the number of their letters.
func read(text string) (words []string, letters int) {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	for w := range strings.FieldsSeq(text) {
		if strings.Contains(w, "://") || strings.HasPrefix(w, "www.") || strings.ContainsAny(w, "@#") {
			continue
		}
		w = strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
		n := 0
		for _, r := range w {
			if unicode.IsLetter(r) {
				n++
			}
		}
		if n > 0 {
			words = append(words, strings.ToLower(w))
			letters += n
		}
	}
	return words, letters
}
