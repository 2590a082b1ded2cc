package analysis

import (
	"strings"

	"github.com/blevesearch/bleve/v2/analysis/lang/ar"
	"github.com/blevesearch/bleve/v2/analysis/lang/da"
	"github.com/blevesearch/bleve/v2/analysis/lang/de"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/lang/fa"
	"github.com/blevesearch/bleve/v2/analysis/lang/fi"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/bleve/v2/analysis/lang/hi"
	"github.com/blevesearch/bleve/v2/analysis/lang/hu"
	"github.com/blevesearch/bleve/v2/analysis/lang/it"
	"github.com/blevesearch/bleve/v2/analysis/lang/nl"
	"github.com/blevesearch/bleve/v2/analysis/lang/no"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/lang/ro"
	"github.com/blevesearch/bleve/v2/analysis/lang/ru"
	"github.com/blevesearch/bleve/v2/analysis/lang/sv"
	"github.com/blevesearch/bleve/v2/analysis/lang/tr"
	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
)

// Canonical returns the product's code of a language tag: the primary subtag
// in lower case, with the usual aliases resolved. "" and "und" are
// undetermined and give "und".
func Canonical(tag string) string {
	tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	tag, _, _ = strings.Cut(tag, "_")
	switch tag {
	case "":
		return Undetermined
	case "tl":
		return "fil"
	case "no":
		return "nb"
	case "iw":
		return "he"
	case "in":
		return "id"
	case "cmn", "yue":
		return "zh"
	}
	return tag
}

// Key returns the family a language is analysed with: Bokmål and Nynorsk share
// one, so do Chinese, Japanese and Korean; a language without an analyzer of
// its own is "und".
func Key(tag string) string {
	switch c := Canonical(tag); c {
	case "nn":
		return "nb"
	case "zh", "ja", "ko", "cjk":
		return "cjk"
	case "en", "tr", "fa", "hi", "nb", "fil", "da", "sv", "de", "fr", "es", "it", "pt", "nl", "fi", "ru", "ar", "hu", "ro":
		return c
	}
	return Undetermined
}

// languages describes every family. Stop words come with Bleve, and stemmers
// from Snowball where it has one that suits shoppers' spelling.
func languages() map[string]*lang {
	return map[string]*lang{
		Undetermined: {},
		"cjk":        {},
		"en":         {stem: snowball(english.Stem), stopWords: lists(en.EnglishStopWords)},
		"tr":         {stem: stemTurkish, stopWords: lists(tr.TurkishStopWords), apostrophe: aposSuffix},
		"fa":         {stem: stemPersian, stopWords: lists(fa.PersianStopWords), affixes: persianAffixes, extraStop: persianAffixes},
		"hi":         {stem: stemHindi, stopWords: lists(hi.HindiStopWords), extraStop: hindiStop},
		"nb":         {stem: stemNorwegian, stopWords: lists(no.NorwegianStopWords), foldAA: true},
		"fil":        {stem: stemFilipino, extraStop: filipinoStop, affixes: filipinoAffixes},
		"da":         {stem: snowball(danish.Stem), stopWords: lists(da.DanishStopWords), foldAA: true},
		"sv":         {stem: snowball(swedish.Stem), stopWords: lists(sv.SwedishStopWords)},
		"de":         {stem: snowball(german.Stem), stopWords: lists(de.GermanStopWords)},
		"fr": {
			stem: snowball(french.Stem), stopWords: lists(fr.FrenchStopWords),
			apostrophe: aposElide, elided: "l d j m t s n c qu jusqu lorsqu puisqu quoiqu",
		},
		"es": {stem: snowball(spanish.Stem), stopWords: lists(es.SpanishStopWords)},
		"it": {
			stem: snowball(italian.Stem), stopWords: lists(it.ItalianStopWords),
			apostrophe: aposElide, elided: "l d un c m t s v all dall dell nell sull coll pell gl agl dagl degl negl sugl quell quest bell",
		},
		"pt": {stem: snowball(portuguese.Stem), stopWords: lists(pt.PortugueseStopWords)},
		"nl": {stem: snowball(dutch.Stem), stopWords: lists(nl.DutchStopWords)},
		"fi": {stem: snowball(finnish.Stem), stopWords: lists(fi.FinnishStopWords)},
		"ru": {stem: snowball(russian.Stem), stopWords: lists(ru.RussianStopWords)},
		"ar": {stem: snowball(arabic.Stem), stopWords: lists(ar.ArabicStopWords)},
		"hu": {stem: snowball(hungarian.Stem), stopWords: lists(hu.HungarianStopWords)},
		"ro": {stem: snowball(romanian.Stem), stopWords: lists(ro.RomanianStopWords)},
	}
}

func lists(l ...[]byte) [][]byte { return l }

// snowball wraps a stemmer that wants the word as written: it is stemmed
// first and folded afterwards.
func snowball(stem func(*snowballstem.Env) bool) func(lower, folded string) string {
	return func(lower, _ string) string {
		env := snowballstem.NewEnv(lower)
		stem(env)
		return fold(env.Current(), false)
	}
}

// stemNorwegian reads aa as å before stemming; the Snowball stemmer for
// Bokmål already takes the endings of Nynorsk (-ane, -ar) off.
func stemNorwegian(lower, _ string) string {
	env := snowballstem.NewEnv(strings.ReplaceAll(lower, "aa", "å"))
	norwegian.Stem(env)
	stem := env.Current()
	// Snowball leaves short roots that end in a vowel alone (skoen, veien).
	for _, s := range []string{"ene", "en", "et", "er"} {
		if rest, ok := strings.CutSuffix(stem, s); ok && len(rest) >= 3 && strings.ContainsAny(rest[len(rest)-1:], "aiouy") {
			stem = rest
			break
		}
	}
	return fold(stem, true)
}

// StopWords returns the folded stop words of a family, for telling languages
// apart by them; nil for one that has none.
func StopWords(key string) map[string]struct{} {
	l, ok := languages()[key]
	if !ok {
		return nil
	}
	return stopSet(l)
}

// Fold is the folding of words in lower case, without any language's own.
func Fold(lower string) string { return fold(lower, false) }
