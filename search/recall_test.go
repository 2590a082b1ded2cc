package search_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/candor-ugc/candor/search"
)

// family is a word with its inflections, as a pattern that whole words in
// lower case match; nothing in it knows how either side analyses text.
var families = map[string][]string{
	"tr": {
		`patates\p{L}*`, `[uü]r[uü]n\p{L}*`, `k[ıi]zart\p{L}*`, `temizl\p{L}*`, `koku\p{L}*`, `pi[sş]ir\p{L}*`,
		`memnun\p{L}*`, `tavsiye\p{L}*`, `fiyat\p{L}*`, `kargo\p{L}*`, `hediye\p{L}*`, `tavuk\p{L}*|tavu[gğ]\p{L}*`,
		`hazne\p{L}*`, `sepet\p{L}*`, `makine\p{L}*`,
	},
	"fa": {
		`گوشی(\x{200c}?(ها|های|هایی|م|ش|تون|مون))?`, `باتری(\x{200c}?(ها|های|ش|م|اش))?`, `دوربین(\x{200c}?(ها|های|ش|هاش|هایش|اش|ی))?`,
		`کیفیت(\x{200c}?(ش|ی|های|شون))?`, `خرید(م|ن|ه|یم|ید|ند|ش)?`, `قیمت(\x{200c}?(ش|ی|ها|های|هاش|م))?`,
		`مشکل(\x{200c}?(ی|ات|ش|م))?`, `رنگ(\x{200c}?(ش|ها|های|ی))?`, `عکس(\x{200c}?(ها|های|هاش|هایی|ی|اش))?`, `بازی(\x{200c}?(ها|های|هایی|م))?`,
	},
	"hi": {
		`बैटर(ी|ि|ियां|ियाँ|ियों)`, `पैस(ा|े|ों)`, `बच्च(ा|े|ों|ी|ियों)`, `जूत(ा|े|ों)`, `किताब(ें|ों)?`, `उत्पाद(ों)?`, `समस्या(एं|एँ|ओं)?`,
		`तस्वीर(ें|ों)?`, `ख़?रीद(ना|ने|ा|ी|े|ें|कर|ता|ते)?`, `घ(ड़|ड़)(ी|ियां|ियाँ|ियों)`, `कप(ड़|ड़)(ा|े|ों)`, `मशीन(ें|ों)?`,
	},
	"tl": {
		`(na|ma|napaka)?ganda(ng)?|gumanda`, `bili|bumili|binili|bibili|nabili|bilhin|bumibili`, `dating|dumating|darating|dumarating`,
		`gamit|ginamit|gumamit|gagamitin|gamitin|nagagamit|magagamit|ginagamit`, `(in|um|na|nag|mag)?order`, `sira|nasira|sirang|masira|nasisira`,
		`bilis|mabilis|napakabilis`, `laki|malaki|malaking|lumaki`, `liit|maliit|maliliit`, `kulay|kulayan`, `tagal|matagal|nagtagal|tumagal|napakatagal`,
		`bigay|binigay|ibinigay|nagbigay|bigyan|ibigay`,
	},
	"nb": {
		`film(en|er|ene|ens|s)?`, `spill(et|ene|ets)?`, `skuespiller(en|e|ne|nes)?`, `histori(e|en|er|ene)`, `skjerm(en|er|ene)?`,
		`bilde(t|r|ne)?`, `album(et|er|ene|ets)?`, `karakter(en|er|ene)?`, `sang(en|er|ene)?`, `melodi(en|er|ene)?`, `roman(en|er|ene|ens)?`,
		`tekst(en|er|ene)?`, `regissør(en|er|ens)?`, `telefon(en|er|ene)?`,
	},
}

// maxForms of each family keeps the test short; which ones is the alphabet's
// choice.
const maxForms = 5

// TestRecallAgainstTheStandardAnalyzer asks for words in the rare forms that
// real reviews hold, and counts how many of the reviews with any form of the
// word are among the first 20 hits, here and in a plain Bleve index.
func TestRecallAgainstTheStandardAnalyzer(t *testing.T) {
	t.Parallel()
	if sharedData(t) == "" {
		t.Skip("no shared/data beside the project")
	}
	for lang, patterns := range families {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			docs := readReviews(t, lang+"-*.jsonl")
			docs = docs[:min(4000, len(docs))]
			x := create(t, search.Public, fixed())
			plain := plainIndex(t, docs)
			for part := range slices.Chunk(docs, 1000) {
				put(t, x, part...)
			}
			words := vocabulary(docs)
			var ours, theirs float64
			queries := 0
			for _, p := range patterns {
				relevant, forms := wordFamily(words, p)
				for _, form := range forms {
					queries++
					want := float64(min(20, len(relevant)))
					ours += float64(hitCount(ids(find(t, x, search.Query{Text: form, Language: lang, Limit: 20})), relevant)) / want
					theirs += float64(hitCount(plainSearch(t, plain, form), relevant)) / want
				}
			}
			n := float64(queries)
			t.Logf("recall@20 %s: %.3f, standard analyzer %.3f, over %d inflected queries", lang, ours/n, theirs/n, queries)
			if queries < 15 || ours <= theirs {
				t.Errorf("%s: recall %.3f of %d queries does not beat %.3f", lang, ours/n, queries, theirs/n)
			}
		})
	}
}

// vocabulary maps every word in lower case to the documents that hold it.
func vocabulary(docs []search.Document) map[string][]string {
	out := make(map[string][]string)
	outside := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '\u200c' }
	for _, d := range docs {
		words := strings.FieldsFunc(strings.ToLower(d.Title+" "+d.Body), outside)
		slices.Sort(words)
		for _, w := range slices.Compact(words) {
			out[w] = append(out[w], d.ID)
		}
	}
	return out
}

// wordFamily returns the documents that hold any form and the forms that
// 2 to 15 documents hold.
func wordFamily(words map[string][]string, pattern string) (relevant map[string]bool, forms []string) {
	re := regexp.MustCompile(`^(` + pattern + `)$`)
	relevant = make(map[string]bool)
	for w, docs := range words {
		if !re.MatchString(w) {
			continue
		}
		for _, id := range docs {
			relevant[id] = true
		}
		if len(docs) >= 2 && len(docs) <= 15 {
			forms = append(forms, w)
		}
	}
	slices.Sort(forms)
	return relevant, forms[:min(maxForms, len(forms))]
}

func hitCount(got []string, relevant map[string]bool) int {
	n := 0
	for _, id := range got {
		if relevant[id] {
			n++
		}
	}
	return n
}

func plainIndex(t *testing.T, docs []search.Document) bleve.Index {
	t.Helper()
	x, err := bleve.NewUsing("", bleve.NewIndexMapping(), scorch.Name, scorch.Name, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	for part := range slices.Chunk(docs, 1000) {
		b := x.NewBatch()
		for _, d := range part {
			if err := b.Index(d.ID, map[string]any{"text": d.Title + " " + d.Body}); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.Batch(b); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func plainSearch(t *testing.T, x bleve.Index, text string) []string {
	t.Helper()
	q := query.NewMatchQuery(text)
	q.SetField("text")
	r, err := x.SearchInContext(t.Context(), bleve.NewSearchRequestOptions(q, 20, 0, false))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, h := range r.Hits {
		out = append(out, h.ID)
	}
	return out
}
