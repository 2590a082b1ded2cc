package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/textnorm"
	"github.com/candor-ugc/candor/search"
	"github.com/candor-ugc/candor/search/language"
)

// benchText is a review as screening meets it.
type benchText struct {
	Language, Title, Body string
	Rating                *int
}

// benchTexts reads real reviews of every language, mixed.
func benchTexts(t testing.TB, most int) []benchText {
	t.Helper()
	reviews, _ := realFiles(t)
	var all []benchText
	for _, file := range reviews {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			var text benchText
			if err := json.Unmarshal([]byte(line), &text); err != nil {
				t.Fatal(err)
			}
			all = append(all, text)
		}
	}
	out := make([]benchText, 0, most)
	for i := range most {
		out = append(out, all[i*7919%len(all)])
	}
	return out
}

// TestBenchScreen holds what a submission's text goes through, language
// detection and the whole of screening, against detection and normalisation
// alone.
func TestBenchScreen(t *testing.T) {
	benching(t)
	texts := benchTexts(t, 5_000)
	detector := language.Load()
	models := moderation.NewModels(nil)
	screener, err := moderation.NewScreener(moderation.Options{
		Clock: time.Now, Classifier: models, Rules: moderation.NewRuleSets(), Evidence: moderation.NewPrecision(),
		Random: func() float64 { return 0.5 },
	})
	if err != nil {
		t.Fatal(err)
	}
	var took []time.Duration
	full := func() {
		for i, text := range texts {
			began := time.Now()
			code, confidence := detector.Detect(text.Title+"\n"+text.Body, "en", "tr", "fa", "hi", "nb", "fil")
			sc := screener.Screen(context.Background(), moderation.Submission{
				ID: fmt.Sprint(i), Site: "shop", Kind: "review", Language: code, LanguageConfidence: confidence,
				Title: text.Title, Body: text.Body, SubjectType: "product", Subject: "p", AuthorID: fmt.Sprint(i), At: began,
			})
			took = append(took, time.Since(began))
			if sc.Failed {
				t.Fatal(sc.Cause)
			}
		}
	}
	var title, body textnorm.Text
	basis := func() {
		for _, text := range texts {
			code, _ := detector.Detect(text.Title+"\n"+text.Body, "en", "tr", "fa", "hi", "nb", "fil")
			title.Reset(text.Title, code)
			body.Reset(text.Body, code)
		}
	}
	var ratios, rates []float64
	for round := range benchRounds {
		began := time.Now()
		full()
		ours := time.Since(began)
		began = time.Now()
		basis()
		theirs := time.Since(began)
		if round == 0 {
			took = nil
			continue // warming up
		}
		ratios = append(ratios, theirs.Seconds()/ours.Seconds())
		rates = append(rates, float64(len(texts))/ours.Seconds())
	}
	ratio("screen", median(ratios))
	figure("screen", median(rates), "texts/s")
	figure("screen_p95", quantile(took, .95).Seconds()*1000, "ms")
}

// benchQueries are searches over the whole shop: with a filter, facets and
// highlights, which the route always gives.
var benchQueries = []string{
	"comfortable fabric", "dress", "too small", "soft sweater", "runs large", "beautiful color", "cheap material", "perfect fit",
}

// benchRaw is Bleve alone with the public contents of a data folder.
func benchRaw(t testing.TB, data string) *search.Raw {
	t.Helper()
	raw, err := search.NewRaw(filepath.Join(t.TempDir(), "raw"), search.Public, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	public, _ := benchDocuments(t, data)
	for part := range slices.Chunk(public, 1000) {
		if err := raw.Apply(part); err != nil {
			t.Fatal(err)
		}
	}
	return raw
}

// TestBenchSearch holds searches over HTTP against the same queries straight on
// Bleve with the same fields and analyzers, and times searches inside a product
// and suggestions.
func TestBenchSearch(t *testing.T) {
	benching(t)
	n := growthContents(t)
	data := filled(t, n, 100)
	raw := benchRaw(t, data)
	url, stop := serveHere(t, data)
	defer stop()
	client := dial(t, url)
	ask := func(path string) time.Duration {
		began := time.Now()
		status, _, err := client.roundTrip(getRequest("/v1/sites/shop" + path))
		if err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %v", path, status, err)
		}
		return time.Since(began)
	}
	var ratios []float64
	var global, bleve []time.Duration
	for round := range benchRounds {
		var ours, theirs time.Duration
		for _, q := range benchQueries {
			d := ask("/search?kind=review&language=en&q=" + neturl.QueryEscape(q))
			began := time.Now()
			if _, err := raw.Search(t.Context(), search.Query{
				Site: "shop", Text: q, Language: "en", Kinds: []string{"review"}, Facets: true, Highlight: true,
			}); err != nil {
				t.Fatal(err)
			}
			r := time.Since(began)
			ours, theirs = ours+d, theirs+r
			if round > 0 {
				global, bleve = append(global, d), append(bleve, r)
			}
		}
		if round > 0 {
			ratios = append(ratios, theirs.Seconds()/ours.Seconds())
		}
	}
	ratio("search", median(ratios))
	figure("search_p95", quantile(global, .95).Seconds()*1000, "ms")
	figure("search_bare_bleve_p95", quantile(bleve, .95).Seconds()*1000, "ms")
	var inside, suggest []time.Duration
	for i := range 200 {
		product := fmt.Sprintf("/products/p-%d", 10+i*(n/100-20)/200)
		q := neturl.QueryEscape(benchQueries[i%len(benchQueries)])
		inside = append(inside, ask(product+"/reviews?q="+q))
		suggest = append(suggest, ask(product+"/suggest?q="+q))
	}
	figure("search_in_product_p95", quantile(inside, .95).Seconds()*1000, "ms")
	ratio("suggest_ms", quantile(suggest, .95).Seconds()*1000)
}
