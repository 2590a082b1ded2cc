package content_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/candor-ugc/candor/api/content"
)

// broken lists the rules an error names, as "field code".
func broken(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var e content.Invalid
	if !errors.As(err, &e) || len(e) == 0 || e.Error() == "" {
		t.Fatalf("not a list of broken rules: %v", err)
	}
	var out []string
	for _, f := range e {
		if f.Message == "" {
			t.Errorf("%s %s says nothing", f.Field, f.Code)
		}
		out = append(out, f.Field+" "+f.Code)
	}
	return out
}

// rule is one change to something valid, and the rules it breaks.
type rule[T any] struct {
	name   string
	change func(*T)
	want   []string
}

func checkRules[T any](t *testing.T, valid func() T, validate func(T) error, rules []rule[T]) {
	t.Helper()
	if got := broken(t, validate(valid())); got != nil {
		t.Fatalf("the valid one is refused: %v", got)
	}
	for _, r := range rules {
		x := valid()
		r.change(&x)
		if got := broken(t, validate(x)); !slices.Equal(got, r.want) {
			t.Errorf("%s: got %q, want %q", r.name, got, r.want)
		}
	}
}

// long is text of n characters that are more bytes than one.
func long(n int) string { return strings.Repeat("ş", n) }

func TestVersion(t *testing.T) {
	t.Parallel()
	type version = content.Version
	valid := func() version { return version{Rating: 4, Title: "Good", Body: "Bright.", Language: "en"} }
	ratings := func(n int) map[string]int {
		m := map[string]int{}
		for i := range n {
			m[fmt.Sprint("Part ", i)] = 1 + i%5
		}
		return m
	}
	attributes := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint("Size ", i)] = "M"
		}
		return m
	}
	media := func(n int) (list []content.Media) {
		for i := range n {
			list = append(list, content.Media{ID: fmt.Sprint("m", i)})
		}
		return list
	}
	checkRules(t, valid, func(v version) error { return v.Validate(content.Review, false) }, []rule[version]{
		{"fewest stars", func(v *version) { v.Rating = 1 }, nil},
		{"most stars", func(v *version) { v.Rating = 5 }, nil},
		{"no stars", func(v *version) { v.Rating = 0 }, []string{"rating required"}},
		{"too many stars", func(v *version) { v.Rating = 6 }, []string{"rating out_of_range"}},
		{"negative stars", func(v *version) { v.Rating = -1 }, []string{"rating out_of_range"}},
		{"no title", func(v *version) { v.Title = "" }, nil},
		{"longest title", func(v *version) { v.Title = long(255) }, nil},
		{"title too long", func(v *version) { v.Title = long(256) }, []string{"title too_long"}},
		{"shortest body", func(v *version) { v.Body = "ş" }, nil},
		{"longest body", func(v *version) { v.Body = long(10_000) }, nil},
		{"body too long", func(v *version) { v.Body = long(10_001) }, []string{"body too_long"}},
		{"no body", func(v *version) { v.Body = "" }, []string{"body required"}},
		{"blank body", func(v *version) { v.Body = " \n\u00a0" }, []string{"body required"}},
		{"no language", func(v *version) { v.Language = "" }, nil},
		{"unknown language", func(v *version) { v.Language = "english" }, []string{"language invalid"}},
		{"most ratings", func(v *version) { v.Ratings = ratings(10) }, nil},
		{"too many ratings", func(v *version) { v.Ratings = ratings(11) }, []string{"ratings too_many"}},
		{"ratings out of range", func(v *version) { v.Ratings = map[string]int{"a": 0, "b": 6, "c": 5} }, []string{"ratings.a out_of_range", "ratings.b out_of_range"}},
		{"longest name of a rating", func(v *version) { v.Ratings = map[string]int{long(40): 3} }, nil},
		{"name of a rating too long", func(v *version) { v.Ratings = map[string]int{long(41): 3} }, []string{"ratings invalid_key"}},
		{"name of a rating with a control", func(v *version) { v.Ratings = map[string]int{"a\n": 3} }, []string{"ratings invalid_key"}},
		{"no name of a rating", func(v *version) { v.Ratings = map[string]int{"": 3} }, []string{"ratings invalid_key"}},
		{"most attributes", func(v *version) { v.Attributes = attributes(20) }, nil},
		{"too many attributes", func(v *version) { v.Attributes = attributes(21) }, []string{"attributes too_many"}},
		{"names in every script", func(v *version) {
			v.Attributes = map[string]string{"रंग": "लाल", "رنگ": "قرمز", "رنگ\u200cبندی": "", "Størrelse": "M", "size eu-2_x": ""}
		}, nil},
		{"name of an attribute with a mark in front", func(v *version) { v.Attributes = map[string]string{"\u0902a": "x"} }, []string{"attributes invalid_key"}},
		{"name of an attribute with a dot", func(v *version) { v.Attributes = map[string]string{"a.b": "x"} }, []string{"attributes invalid_key"}},
		{"name of an attribute with a quote", func(v *version) { v.Attributes = map[string]string{`a"`: "x"} }, []string{"attributes invalid_key"}},
		{"longest attribute", func(v *version) { v.Attributes = map[string]string{"a": long(200)} }, nil},
		{"attribute too long", func(v *version) { v.Attributes = map[string]string{"a": long(201)} }, []string{"attributes.a too_long"}},
		{"most media", func(v *version) { v.Media = media(10) }, nil},
		{"too many media", func(v *version) { v.Media = media(11) }, []string{"media too_many"}},
		{"media twice", func(v *version) { v.Media = append(media(2), media(1)...) }, []string{"media[2].id invalid"}},
		{"media without id", func(v *version) { v.Media = []content.Media{{}} }, []string{"media[0].id invalid"}},
		{"longest captions", func(v *version) { v.Media = []content.Media{{ID: "m", Caption: long(300), Alt: long(300)}} }, nil},
		{"captions too long", func(v *version) { v.Media = []content.Media{{ID: "m", Caption: long(301), Alt: long(301)}} }, []string{"media[0].caption too_long", "media[0].alt too_long"}},
		{"everything at once", func(v *version) { *v = version{Title: "\x00", Body: "\xff", Language: "-"} }, []string{"rating required", "title invalid_character", "body invalid_utf8", "language invalid"}},
	})
}

func TestVersionByKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		kind     content.Kind
		imported bool
		version  content.Version
		want     []string
	}{
		{"imported stars without text", content.Review, true, content.Version{Rating: 3}, nil},
		{"imported text without stars", content.Review, true, content.Version{Body: "x"}, nil},
		{"imported nothing", content.Review, true, content.Version{}, []string{"body required"}},
		{"imported too many stars", content.Review, true, content.Version{Rating: 6, Body: "x"}, []string{"rating out_of_range"}},
		{"imported question without text", content.Question, true, content.Version{}, []string{"body required"}},
		{"comment", content.Comment, false, content.Version{Body: "x"}, nil},
		{"answer with stars", content.Answer, false, content.Version{Body: "x", Rating: 1}, []string{"rating not_allowed"}},
		{"imported post with stars", content.Post, true, content.Version{Body: "x", Rating: 9}, []string{"rating not_allowed"}},
		{"question with ratings", content.Question, false, content.Version{Body: "x", Ratings: map[string]int{"a": 1}}, []string{"ratings not_allowed"}},
		{"topic", content.Topic, false, content.Version{Title: "x", Body: "x"}, nil},
		{"topic without title", content.Topic, false, content.Version{Body: "x"}, []string{"title required"}},
	} {
		if got := broken(t, c.version.Validate(c.kind, c.imported)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		lo, hi int
		want   string
	}{
		{"", 0, 5, ""},
		{"", 1, 5, "required"},
		{" \t\n", 1, 5, "required"},
		{"ab", 3, 5, "too_short"},
		{"abc", 3, 5, ""},
		{"abcde", 3, 5, ""},
		{"abcdef", 3, 5, "too_long"},
		{"हिन्दी", 0, 6, ""},
		{"a\tb\nc\rd", 0, 9, ""},
		{"می\u200cروم \u200f\u200e", 0, 20, ""},
		{"👩\u200d🚀", 0, 9, ""},
		{"a\xffb", 0, 9, "invalid_utf8"},
		{"a\xed\xa0\x80", 0, 9, "invalid_utf8"},
		{"a\x00b", 0, 9, "invalid_character"},
		{"a\x1b[31m", 0, 9, "invalid_character"},
		{"a\x7f", 0, 9, "invalid_character"},
		{"a\u0085", 0, 9, "invalid_character"},
		{"a\u202eb", 0, 9, "invalid_character"},
		{"a\u202ab", 0, 9, "invalid_character"},
		{"a\u2066b", 0, 9, "invalid_character"},
		{"a\u2069b", 0, 9, "invalid_character"},
		{"\ufeffa", 0, 9, "invalid_character"},
		{"a\ufff9", 0, 9, "invalid_character"},
		{"a\ufffd", 0, 9, ""},
	} {
		var e content.Invalid
		e.Text("f", c.text, c.lo, c.hi)
		want := []string{"f " + c.want}
		if c.want == "" {
			want = nil
		}
		if got := broken(t, e.Err()); !slices.Equal(got, want) {
			t.Errorf("%q within %d to %d: got %q, want %q", c.text, c.lo, c.hi, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                    "",
		" a\tb\n":             "a\tb",
		"a\x00b\u202ec\ufeff": "abc",
		"a\xffb":              "a\ufffdb",
		"می\u200cروم":         "می\u200cروم",
		"\x00 \u2066 ":        "",
	} {
		if got := content.Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func seedTexts(f *testing.F) {
	for _, s := range []string{"", " a ", "a\x00b", "\xff\xfe", "\u202etxet", "می\u200cروم", "हिन्दी", "\ufeff \u0085", "\xed\xa0\x80", "e\u0301", long(300)} {
		f.Add(s)
	}
}

// FuzzClean: what was cleaned is accepted, stays as it is, and what was
// accepted before loses nothing but the space around it.
func FuzzClean(f *testing.F) {
	seedTexts(f)
	f.Fuzz(func(t *testing.T, s string) {
		got := content.Clean(s)
		var e content.Invalid
		if e.Text("f", got, 0, math.MaxInt); e.Err() != nil {
			t.Fatalf("Clean(%q) = %q is refused: %v", s, got, e)
		}
		if again := content.Clean(got); again != got {
			t.Fatalf("Clean(%q) = %q, then %q", s, got, again)
		}
		if e.Text("f", s, 0, math.MaxInt); e.Err() == nil && got != strings.TrimSpace(s) {
			t.Fatalf("Clean(%q) = %q", s, got)
		}
	})
}

// FuzzText: what is accepted is what may be shown.
func FuzzText(f *testing.F) {
	seedTexts(f)
	f.Fuzz(func(t *testing.T, s string) {
		const lo, hi = 2, 200
		var e content.Invalid
		e.Text("f", s, lo, hi)
		n := utf8.RuneCountInString(s)
		bad := strings.ContainsAny(s, "\x00\x1b\x7f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
		switch {
		case e.Err() == nil && (!utf8.ValidString(s) || n < lo || n > hi || bad || strings.TrimSpace(s) == ""):
			t.Fatalf("%q is accepted", s)
		case e.Err() != nil && utf8.ValidString(s) && n >= lo && n <= hi && content.Clean(s) == s:
			t.Fatalf("%q is refused: %v", s, e)
		}
		for _, problem := range e {
			if !utf8.ValidString(problem.Message) || problem.Field != "f" || problem.Code == "" {
				t.Fatalf("%q: %+v", s, problem)
			}
		}
	})
}

func TestProduct(t *testing.T) {
	t.Parallel()
	type product = content.Product
	address := func(n int) string { return "https://x.example/" + strings.Repeat("a", n-len("https://x.example/")) }
	valid := func() product { return product{ID: "lamp", Name: "Lamp"} }
	checkRules(t, valid, product.Validate, []rule[product]{
		{"all fields", func(p *product) {
			*p = product{ID: "lamp", Name: long(255), Brand: long(255), Description: long(10_000), URL: address(2000), Image: "http://x.example/i.png", GTIN: "4006381333931", Group: "lamps"}
		}, nil},
		{"no id", func(p *product) { p.ID = "" }, []string{"id invalid"}},
		{"id with a slash", func(p *product) { p.ID = "a/b" }, []string{"id invalid"}},
		{"no name", func(p *product) { p.Name = " " }, []string{"name required"}},
		{"name too long", func(p *product) { p.Name = long(256) }, []string{"name too_long"}},
		{"brand too long", func(p *product) { p.Brand = long(256) }, []string{"brand too_long"}},
		{"description too long", func(p *product) { p.Description = long(10_001) }, []string{"description too_long"}},
		{"address too long", func(p *product) { p.URL = address(2001) }, []string{"url invalid"}},
		{"address of a script", func(p *product) { p.URL = "javascript:alert(1)" }, []string{"url invalid"}},
		{"address without a host", func(p *product) { p.URL = "https:///x" }, []string{"url invalid"}},
		{"relative address", func(p *product) { p.Image = "/i.png" }, []string{"image invalid"}},
		{"address of no sense", func(p *product) { p.Image = "https://[" }, []string{"image invalid"}},
		{"wrong GTIN", func(p *product) { p.GTIN = "4006381333930" }, []string{"gtin invalid"}},
		{"group with a slash", func(p *product) { p.Group = "a/b" }, []string{"group invalid"}},
	})
}

func TestBoard(t *testing.T) {
	t.Parallel()
	type board = content.Board
	valid := func() board { return board{ID: "help", Name: "Help", Language: "fil"} }
	checkRules(t, valid, board.Validate, []rule[board]{
		{"longest", func(b *board) { b.Name, b.Description, b.Language = long(255), long(2000), "" }, nil},
		{"no id", func(b *board) { b.ID = "" }, []string{"id invalid"}},
		{"no name", func(b *board) { b.Name = "" }, []string{"name required"}},
		{"name too long", func(b *board) { b.Name = long(256) }, []string{"name too_long"}},
		{"description too long", func(b *board) { b.Description = long(2001) }, []string{"description too_long"}},
		{"unknown language", func(b *board) { b.Language = "EN" }, []string{"language invalid"}},
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	type settings = content.Settings
	checkRules(t, content.DefaultSettings, settings.Validate, []rule[settings]{
		{"least", func(s *settings) {
			s.PriorMean, s.PriorWeight, s.ReportsToRequeue, s.Languages = 1, 0, 0, []string{"en"}
		}, nil},
		{"most", func(s *settings) {
			s.PriorMean, s.PriorWeight, s.ReportsToRequeue, s.Languages = 5, 1000, 1000, slices.Repeat([]string{"en"}, 30)
		}, nil},
		{"no languages", func(s *settings) { s.Languages = nil }, []string{"languages out_of_range"}},
		{"too many languages", func(s *settings) { s.Languages = slices.Repeat([]string{"en"}, 31) }, []string{"languages out_of_range"}},
		{"unknown language", func(s *settings) { s.Languages = []string{"en", "?"} }, []string{"languages[1] invalid"}},
		{"mean too low", func(s *settings) { s.PriorMean = 0.99 }, []string{"prior_mean out_of_range"}},
		{"mean too high", func(s *settings) { s.PriorMean = 5.01 }, []string{"prior_mean out_of_range"}},
		{"mean no number", func(s *settings) { s.PriorMean = math.NaN() }, []string{"prior_mean out_of_range"}},
		{"weight negative", func(s *settings) { s.PriorWeight = -0.1 }, []string{"prior_weight out_of_range"}},
		{"weight too high", func(s *settings) { s.PriorWeight = math.Inf(1) }, []string{"prior_weight out_of_range"}},
		{"reports negative", func(s *settings) { s.ReportsToRequeue = -1 }, []string{"reports_to_requeue out_of_range"}},
		{"reports too many", func(s *settings) { s.ReportsToRequeue = 1001 }, []string{"reports_to_requeue out_of_range"}},
	})
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		valid  func(string) bool
		accept []string
		refuse []string
	}{
		"site": {
			content.ValidSite,
			[]string{"a", "shop", "my-shop-2", "0", strings.Repeat("a", 64)},
			[]string{"", "-a", "a-", "Shop", "a_b", "a.b", "a/b", "å", "a\n", strings.Repeat("a", 65)},
		},
		"language": {
			content.ValidLanguage,
			[]string{"en", "fil", "zh-Hant-TW", "de-CH-1996", "pt-BR"},
			[]string{"", "e", "engl", "EN", "en-", "en-x", "en_US", "en-abcdefghi", "en-US-x1-y2-z3", "en\n"},
		},
		"id": {
			content.ValidID,
			[]string{"a", "B-1_2.3:4", "ürün 7", strings.Repeat("a", 128), "...", "a?b#c"},
			[]string{"", ".", "..", "a/b", " a", "a ", "a\n", "a\x00b", "\xff", "a\u202eb", "a\u200bb", strings.Repeat("a", 129), long(65)},
		},
		"GTIN": {
			content.ValidGTIN,
			[]string{"96385074", "036000291452", "4006381333931", "10614141000415"},
			[]string{"", "96385075", "036000291453", "4006381333932", "10614141000416", "400638133393", "4006381333931 ", "400638133393x", "٤٠٠٦٣٨١", "00000000000"},
		},
	} {
		for _, s := range c.accept {
			if !c.valid(s) {
				t.Errorf("%s %q is refused", name, s)
			}
		}
		for _, s := range c.refuse {
			if c.valid(s) {
				t.Errorf("%s %q is accepted", name, s)
			}
		}
	}
}

// Broken rules come in the same order every time, whatever the order of a map.
func TestBrokenRulesHaveAnOrder(t *testing.T) {
	t.Parallel()
	v := content.Version{Rating: 1, Body: "x", Attributes: map[string]string{}, Ratings: map[string]int{}}
	for i := range 9 {
		v.Attributes[fmt.Sprintf("a%d!", i)] = ""
		v.Ratings[fmt.Sprintf("r%d", i)] = 9
	}
	first := v.Validate(content.Review, false).Error()
	for range 20 {
		v.Attributes = maps.Clone(v.Attributes)
		if got := v.Validate(content.Review, false).Error(); got != first {
			t.Fatalf("%s\n%s", first, got)
		}
	}
}
