package language_test

import (
	"bufio"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/candor-ugc/candor/search/analysis"
	"github.com/candor-ugc/candor/search/language"
)

func TestDetect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, want string
		hints            []string
	}{
		{"english", "This kettle boils water faster than my old one", "en", nil},
		{"turkish", "Ürün çok hızlı geldi, paketleme de gayet iyiydi", "tr", nil},
		{"turkish without its letters", "urun cok hizli geldi, paketleme de gayet iyiydi", "tr", []string{"tr"}},
		{"persian", "کیفیت این گوشی واقعاً عالی است و باتری خوبی دارد", "fa", nil},
		{"hindi", "यह पंखा बहुत शोर करता है और हवा कम देता है", "hi", nil},
		{"bokmål", "Jeg er veldig fornøyd med denne jakken, den er varm", "nb", nil},
		{"filipino", "Mabilis dumating ang order ko at maganda ang tela", "fil", nil},
		{"romanised hindi", "bahut accha phone hai lekin battery jaldi khatam ho jati hai", "hi", nil},
		{"taglish", "super worth it, ang ganda ng quality at ang bilis dumating", "fil", []string{"tl"}},
		{"german beside a hint", "Die Verarbeitung ist leider nicht besonders gut", "de", []string{"en"}},
		{"short, hinted", "super", "nb", []string{"no"}},
		{"no letters, hinted", "👍👍 10/10", "tr", []string{"tr", "en"}},
		{"no letters", "👍👍 10/10", "und", nil},
		{"empty", "", "und", []string{"und"}},
		{"address only", "https://example.com/very-nice", "en", []string{"en"}},
		{"japanese", "とても軽くて使いやすいです", "ja", nil},
		{"broken bytes", "gr\xff\xfeat product and quick delivery", "en", []string{"en"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, confidence := language.Detect(c.text, c.hints...)
			if got != c.want && (c.name != "short, hinted" || got != "nn") {
				t.Errorf("Detect(%q, %v) = %s, %.2f", c.text, c.hints, got, confidence)
			}
			if confidence < 0 || confidence > 1 {
				t.Errorf("confidence %v", confidence)
			}
		})
	}
}

// TestAccuracy measures the labelled sentences beside the project, in the
// languages shops here use most.
func TestAccuracy(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "shared", "data", "language")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no shared/data beside the project")
	}
	var right, all int
	for _, code := range []string{"en", "tr", "fa", "hi", "nb", "nn", "tl", "fr", "de", "es", "it"} {
		r, n, wrong := accuracy(t, filepath.Join(dir, code+".txt"), code)
		right, all = right+r, all+n
		t.Logf("accuracy %-3s %.4f (%d) wrong: %v", code, float64(r)/float64(n), n, wrong)
	}
	got := float64(right) / float64(all)
	t.Logf("accuracy overall %.4f (%d)", got, all)
	if got < 0.95 {
		t.Errorf("accuracy %.4f is below 0.95", got)
	}
}

func accuracy(t *testing.T, name, code string) (right, all int, wrong map[string]int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	wrong = make(map[string]int)
	for s := bufio.NewScanner(f); s.Scan(); {
		if utf8.RuneCountInString(s.Text()) < 20 {
			continue
		}
		all++
		got, _ := language.Detect(s.Text())
		if got == analysis.Canonical(code) || analysis.Key(got) == "nb" && analysis.Key(code) == "nb" {
			right++
		} else {
			wrong[got]++
		}
	}
	return right, all, wrong
}

func FuzzDetect(f *testing.F) {
	for _, s := range []string{"", "hello world", "\xff", "سلام", "नमस्ते ✨", "a\x00b", "@x #y http://z"} {
		f.Add(s, "en")
	}
	f.Fuzz(func(t *testing.T, text, hint string) {
		code, confidence := language.Detect(text, hint)
		if code == "" || confidence < 0 || confidence > 1 {
			t.Errorf("Detect(%q, %q) = %q, %v", text, hint, code, confidence)
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	d := language.Load()
	for b.Loop() {
		d.Detect("Very comfortable shoes, I wear them every day and they still look like new")
	}
}
