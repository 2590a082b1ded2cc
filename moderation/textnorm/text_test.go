package textnorm_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/candor-ugc/candor/moderation/textnorm"
)

func words(s, language string) (exact, fold []string) {
	var t textnorm.Text
	t.Reset(s, language)
	for i := range t.Tokens {
		exact = append(exact, string(t.Exact(i)))
		fold = append(fold, string(t.Fold(i)))
	}
	return exact, fold
}

func TestForms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in, language string
		exact, fold        []string
	}{
		{"plain", "Good, really GOOD!", "en", []string{"good", "really", "good"}, []string{"good", "really", "good"}},
		{"diacritics stay apart", "Şık ürün", "tr", []string{"şık", "ürün"}, []string{"sik", "urun"}},
		{"Turkish dotless", "ISIK İyi", "tr", []string{"ısık", "iyi"}, []string{"isik", "iyi"}},
		{"English I", "IS İt", "en", []string{"is", "it"}, []string{"is", "it"}},
		{"decomposed", "cafe\u0301", "fr", []string{"café"}, []string{"cafe"}},
		{"full width and styled", "ｓｐａｍ 𝓼𝓹𝓪𝓶 ⓢⓟⓐⓜ", "en", []string{"spam", "spam", "spam"}, []string{"spam", "spam", "spam"}},
		{"zero width", "s\u200bp\u200ba\u200bm", "en", []string{"spam"}, []string{"spam"}},
		{"Cyrillic look-alikes", "ѕраm", "en", []string{"ѕраm"}, []string{"spam"}},
		{"Russian stays", "хороший", "ru", []string{"хороший"}, []string{"хорошии"}},
		{"Persian keyboards", "كتاب\u200cهاي", "fa", []string{"کتابهای"}, []string{"کتابهای"}},
		{"Hindi vowels stay", "अच्छा ज़रूर", "hi", []string{"अच्छा", "ज़रूर"}, []string{"अच्छा", "जरूर"}},
		{"digits of other scripts", "۱۲۳ १२", "fa", []string{"123", "12"}, []string{"123", "12"}},
		{"symbols in words", "sh!t a$$ @ss f**k what!", "en", []string{"sh!t", "a$$", "@ss", "f**k", "what"}, []string{"shit", "ass", "ass", "f**k", "what"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			exact, fold := words(tt.in, tt.language)
			if !slices.Equal(exact, tt.exact) {
				t.Errorf("exact %q, want %q", exact, tt.exact)
			}
			if !slices.Equal(fold, tt.fold) {
				t.Errorf("fold %q, want %q", fold, tt.fold)
			}
		})
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]textnorm.Marks{
		"word": 0, "sooooo": textnorm.Repeat, "b1tch": textnorm.Leet, "f*ck": textnorm.Censored | textnorm.Leet,
		"sp\u200bam": textnorm.Hidden, "ѕpam": textnorm.Mixed, "𝓼pam": textnorm.Styled, "spám": textnorm.Folded,
	} {
		var x textnorm.Text
		x.Reset(in, "en")
		if len(x.Tokens) != 1 || x.Tokens[0].Marks&^textnorm.Folded != want&^textnorm.Folded {
			t.Errorf("%q: tokens %+v, want marks %b", in, x.Tokens, want)
		}
	}
}

func TestSpanPointsAtTheOriginal(t *testing.T) {
	t.Parallel()
	in := "Çok  ß\u200bx ﬁne ԁоg"
	var x textnorm.Text
	x.Reset(in, "en")
	runes := []rune(in)
	at := strings.Index(string(x.Folded()), "fine")
	from, to := x.Span(at, at+4)
	if got := string(runes[from:to]); got != "ﬁne" {
		t.Errorf("span of fine is %q", got)
	}
	at = strings.Index(string(x.Folded()), "dog")
	from, to = x.Span(at, at+3)
	if got := string(runes[from:to]); got != "ԁоg" {
		t.Errorf("span of dog is %q in %q", got, x.Folded())
	}
}

func FuzzReset(f *testing.F) {
	for _, s := range []string{"", "a", "f**k \xff\xfe sh!t", "ﷺ İI ı", "e\u0301\u0301\u0301", "ԁоg рussy", "\U0001F1F9\U0001F1F7", "ㅤ\u3164", "@$!*", "हिन्दी ज़"} {
		f.Add(s, "tr")
		f.Add(s, "en")
	}
	f.Fuzz(func(t *testing.T, s, language string) {
		var x textnorm.Text
		x.Reset("reused before", "en")
		x.Reset(s, language)
		n := utf8.RuneCountInString(s)
		if len(x.Runes) != n {
			t.Fatalf("%d runes, want %d", len(x.Runes), n)
		}
		last := 0
		for i, tok := range x.Tokens {
			if tok.Start < last || tok.End <= tok.Start || tok.End > n {
				t.Fatalf("token %d spans %d..%d after %d of %d", i, tok.Start, tok.End, last, n)
			}
			last = tok.End
			if !utf8.Valid(x.Exact(i)) || !utf8.Valid(x.Fold(i)) {
				t.Fatalf("token %d is no UTF-8: %q %q", i, x.Exact(i), x.Fold(i))
			}
		}
		prev := 0
		for i := range x.Folded() {
			a, b := x.Span(i, i+1)
			if a < prev || b != a+1 || b > n {
				t.Fatalf("byte %d maps to %d..%d after %d", i, a, b, prev)
			}
			prev = a
		}
	})
}

func BenchmarkReset(b *testing.B) {
	s := strings.Repeat("I bought this for my wife; she loves it, but the sleeves are 2cm too short. ", 4)
	var x textnorm.Text
	b.ReportAllocs()
	for b.Loop() {
		x.Reset(s, "en")
	}
}
