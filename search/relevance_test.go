package search_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/search"
)

// TestRelevance runs the queries of testdata/relevance and prints the
// normalised discounted cumulative gain (Järvelin and Kekäläinen, 2002) over
// the first ten hits of each language.
func TestRelevance(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "tr", "fa", "hi", "nb", "fil"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			x := create(t, search.Public, fixed(), relevanceDocs(t, lang)...)
			lines := readTSV(t, filepath.Join("testdata", "relevance", lang, "queries.tsv"))
			if len(lines) < 15 {
				t.Fatalf("only %d queries", len(lines))
			}
			sum := 0.0
			for _, l := range lines {
				sum += judge(t, x, lang, l)
			}
			mean := sum / float64(len(lines))
			t.Logf("nDCG@10 %s %.4f over %d queries", lang, mean, len(lines))
			if mean < 0.95 {
				t.Errorf("nDCG@10 of %s is %.4f", lang, mean)
			}
		})
	}
}

func relevanceDocs(t *testing.T, lang string) []search.Document {
	t.Helper()
	var docs []search.Document
	for _, l := range readTSV(t, filepath.Join("testdata", "relevance", lang, "documents.tsv")) {
		if len(l) != 4 {
			t.Fatalf("%s: document %q", lang, l)
		}
		docs = append(docs, search.Document{
			ID: l[0], Title: l[1], Body: l[2], ProductName: l[3], Language: lang,
			SubjectType: "product", Subject: l[3],
		})
	}
	return docs
}

func readTSV(t *testing.T, name string) [][]string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		if line != "" && line[0] != '#' {
			out = append(out, strings.Split(line, "\t"))
		}
	}
	return out
}

func judge(t *testing.T, x *search.Index, lang string, line []string) float64 {
	t.Helper()
	if len(line) != 3 {
		t.Fatalf("query %q", line)
	}
	gains, forbidden := expectations(line[2])
	if len(gains) == 0 {
		t.Fatalf("query %q expects nothing", line)
	}
	got := ids(find(t, x, search.Query{Text: line[1], Language: lang, Limit: 10}))
	for _, id := range forbidden {
		if slices.Contains(got, id) {
			t.Errorf("%s %q (%s) must not find %s: %v", lang, line[1], line[0], id, got)
		}
	}
	dcg := 0.0
	for i, id := range got {
		dcg += gains[id] / math.Log2(float64(i)+2)
	}
	ideal, best := 0.0, make([]float64, 0, len(gains))
	for _, g := range gains {
		best = append(best, g)
	}
	slices.Sort(best)
	slices.Reverse(best)
	for i, g := range best[:min(10, len(best))] {
		ideal += g / math.Log2(float64(i)+2)
	}
	if n := dcg / ideal; n < 0.999 {
		t.Logf("%s %q (%s): nDCG %.3f, found %v, expected %s", lang, line[1], line[0], n, got, line[2])
		return n
	}
	return 1
}

func expectations(s string) (gains map[string]float64, forbidden []string) {
	gains = make(map[string]float64)
	groups := strings.Split(s, ">")
	for i, g := range groups {
		for id := range strings.FieldsSeq(g) {
			if rest, ok := strings.CutPrefix(id, "!"); ok {
				forbidden = append(forbidden, rest)
				continue
			}
			gains[id] = math.Exp2(float64(len(groups)-i)) - 1
		}
	}
	return gains, forbidden
}
