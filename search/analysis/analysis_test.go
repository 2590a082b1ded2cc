package analysis_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/candor-ugc/candor/search/analysis"
)

// TestWordsThatMeet lists words that must share a term, and words that must
// not.
func TestWordsThatMeet(t *testing.T) {
	t.Parallel()
	set := analysis.NewSet()
	for lang, groups := range map[string][][]string{
		"en":  {{"batteries", "battery"}, {"café", "cafe", "CAFÉ"}, {"running", "runs"}, {"don't", "dont"}, {"Sarah's", "sarah"}, {"wi-fi", "wifi"}},
		"tr":  {{"ısıtıcı", "ISITICI", "isitici", "ısıtıcısı"}, {"kitap", "kitabı", "kitaplarımdan"}, {"İyi", "iyi"}, {"Samsung'un", "samsung"}, {"çoook", "çok"}},
		"fa":  {{"كتاب", "کتاب", "کتاب‌ها", "کتابهای"}, {"می‌شود", "میشود"}, {"۲۱", "21", "٢١"}, {"عالیییی", "عالی", "عاليه"}},
		"hi":  {{"हिन्दी", "हिंदी"}, {"ज़रूर", "जरूर"}, {"लड़का", "लड़के", "लड़कों"}, {"गयी", "गई"}, {"२१", "21"}, {"चाँद", "चांद"}},
		"nb":  {{"håndtak", "haandtak"}, {"skoen", "sko", "skoene"}, {"jakkene", "jakke"}, {"ødelagt", "odelagt"}},
		"nn":  {{"jakka", "jakkene"}, {"fargane", "farge"}},
		"fil": {{"maganda", "magandang", "ganda"}, {"bumili", "binili", "bibili", "bili"}, {"luto", "lutuin", "nagluto", "niluto"}, {"araw-araw", "araw"}, {"deliveries", "delivery"}},
		"tl":  {{"dumating", "darating", "dating"}},
		"sv":  {{"flickorna", "flicka"}},
		"da":  {{"bøgerne", "bøger"}},
		"de":  {{"Häuser", "haus", "HAUS"}, {"Straße", "strasse"}},
		"fr":  {{"l'écran", "écrans"}, {"qualités", "qualité"}},
		"es":  {{"zapatos", "zapato"}},
		"it":  {{"dell'acqua", "acqua"}, {"scarpe", "scarpa"}},
		"pt":  {{"sapatos", "sapato"}, {"rápidas", "rapido"}},
		"nl":  {{"schoenen", "schoen"}},
		"fi":  {{"kengät", "kengän"}},
		"ru":  {{"книги", "книгу"}, {"ёлка", "елка"}},
		"ar":  {{"الكتاب", "كتاب"}, {"أحمد", "احمد"}},
		"und": {{"GT-P1000", "gtp1000", "gt p1000", "GT/P1000"}, {"S21", "s 21", "s-21"}, {"ﬁne", "fine"}, {"Ｓ２１", "s21"}},
	} {
		for _, words := range groups {
			for _, w := range words[1:] {
				if !meet(set.For(lang), words[0], w) {
					t.Errorf("%s: %q %v and %q %v share no term", lang, words[0], terms(set.For(lang), words[0]), w, terms(set.For(lang), w))
				}
			}
		}
	}
	for lang, words := range map[string][2]string{
		"en": {"small", "smell"}, "tr": {"kargo", "kalite"}, "fa": {"باتری", "کتاب"}, "hi": {"पानी", "पैसा"}, "fil": {"mabilis", "mabili"}, "nb": {"bok", "bukse"},
	} {
		if meet(set.For(lang), words[0], words[1]) {
			t.Errorf("%s: %q and %q share a term", lang, words[0], words[1])
		}
	}
}

func terms(a *analysis.Analyzer, s string) []string {
	var out []string
	for _, t := range a.Tokens(nil, s) {
		out = append(out, t.Term)
	}
	return out
}

func meet(a *analysis.Analyzer, x, y string) bool {
	other := terms(a, y)
	return slices.ContainsFunc(terms(a, x), func(t string) bool { return slices.Contains(other, t) })
}

func TestChineseIsPairs(t *testing.T) {
	t.Parallel()
	got := terms(analysis.NewSet().For("zh"), "充电很快 S21")
	if want := []string{"充电", "电很", "很快", "s21"}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func TestOffsetsAndPositions(t *testing.T) {
	t.Parallel()
	text := "Çok iyi — Wi-Fi, S 21."
	var got []string
	for _, tok := range analysis.NewSet().For("tr").Tokens(nil, text) {
		if tok.Kind == analysis.Surface {
			got = append(got, text[tok.Start:tok.End])
		}
	}
	if want := []string{"Çok", "iyi", "Wi", "Fi", "S", "21"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestKeysAndAliases(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]string{
		"en-GB": "en", "tl": "fil", "fil-PH": "fil", "no": "nb", "nn": "nn", "": "und", "zh-Hant": "zh", "EN_us": "en", "xx": "xx",
	} {
		if got := analysis.Canonical(tag); got != want {
			t.Errorf("Canonical(%q) = %q", tag, got)
		}
	}
	for tag, want := range map[string]string{"nn": "nb", "ja": "cjk", "xx": "und", "tl": "fil"} {
		if got := analysis.Key(tag); got != want {
			t.Errorf("Key(%q) = %q", tag, got)
		}
	}
}

// FuzzTokens checks on every analyzer what indexing relies on: offsets inside
// the text and in order, terms that are not empty, positions that never go
// back, the same answer twice.
func FuzzTokens(f *testing.F) {
	for _, s := range []string{
		"", "hello world", "GT-P1000/S21", "L'été d'aujourd'hui", "می‌شود کتاب‌ها ۱۲۳", "हिन्दी ज़रूर्‌", "araw-araw mag-order",
		"充电很快です한국어", "\xff\xfe bad \x80", "aaaaaaa''''bbb", "İIıi", "a\u0301\u0301\u0301", "-._-/&+", "ﷺ ½ ①", "'s 's", "ʼ", "ก็ดี",
		strings.Repeat("a", 500), strings.Repeat("1-", 100),
	} {
		f.Add(s)
	}
	set := analysis.NewSet()
	f.Fuzz(func(t *testing.T, text string) {
		for _, key := range set.Keys() {
			a := set.For(key)
			tokens := a.Tokens(nil, text)
			end := 0
			for _, tok := range tokens {
				if tok.Start < 0 || tok.End > len(text) || tok.Start >= tok.End || tok.Term == "" || tok.Pos < 1 || tok.Parts < 1 {
					t.Fatalf("%s: %+v in %q", key, tok, text)
				}
				if tok.Kind == analysis.Surface {
					if tok.End < end {
						t.Fatalf("%s: %+v goes back in %q", key, tok, text)
					}
					end = tok.End
				}
				if utf8.ValidString(text) && !utf8.ValidString(tok.Term) {
					t.Fatalf("%s: term %q of %q", key, tok.Term, text)
				}
			}
			if !slices.Equal(tokens, a.Tokens(nil, text)) {
				t.Fatalf("%s: %q gives different tokens the second time", key, text)
			}
		}
	})
}

func BenchmarkTokens(b *testing.B) {
	set := analysis.NewSet()
	text := "Absolutely wonderful, silky and comfortable; I ordered the GT-P1000 in a smaller size and it runs true."
	b.SetBytes(int64(len(text)))
	var buf []analysis.Token
	for b.Loop() {
		buf = set.For("en").Tokens(buf[:0], text)
	}
}
