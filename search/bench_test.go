package search_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/candor-ugc/candor/search"
)

// benchDocs repeats the real reviews up to CANDOR_BENCH_CONTENTS (50,000).
func benchDocs(b *testing.B) []search.Document {
	b.Helper()
	want := 50_000
	if s := os.Getenv("CANDOR_BENCH_CONTENTS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		want = n
	}
	all := readReviews(b, "*.jsonl")
	out := make([]search.Document, want)
	for i := range out {
		out[i] = all[i%len(all)]
		out[i].ID = fmt.Sprintf("0190b5a4-7c1e-7000-8000-%012d", i)
		out[i].Subject = fmt.Sprintf("%s-%d", out[i].Subject, i/len(all))
	}
	return out
}

func BenchmarkApplyBulk(b *testing.B) {
	docs := benchDocs(b)
	for b.Loop() {
		x, err := search.Create(filepath.Join(b.TempDir(), "index"), search.Public, fixed())
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; i < len(docs); i += 1000 {
			if err := x.Apply(b.Context(), docs[i:min(i+1000, len(docs))], nil); err != nil {
				b.Fatal(err)
			}
		}
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(docs)*b.N)/b.Elapsed().Seconds(), "docs/s")
}

func BenchmarkRawBulk(b *testing.B) {
	docs := benchDocs(b)
	for b.Loop() {
		x := raw(b, docs, false)
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(docs)*b.N)/b.Elapsed().Seconds(), "docs/s")
}

func raw(b *testing.B, docs []search.Document, docValues bool) *search.Raw {
	b.Helper()
	x, err := search.NewRaw(filepath.Join(b.TempDir(), "raw"), search.Public, docValues)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(docs); i += 1000 {
		if err := x.Apply(docs[i:min(i+1000, len(docs))]); err != nil {
			b.Fatal(err)
		}
	}
	return x
}

// BenchmarkRaw runs the queries of BenchmarkIndex straight on Bleve.
func BenchmarkRaw(b *testing.B) {
	x := raw(b, benchDocs(b), true)
	for name, q := range map[string]search.Query{
		"global":       {Text: "comfortable fabric", Language: "en", Facets: true, Highlight: true},
		"globalCommon": {Text: "dress", Language: "en", Facets: true, Highlight: true, Kinds: []string{"review"}},
		"inProduct":    {Text: "size small", Language: "en", SubjectType: "product", Subject: "1078-0", Highlight: true},
	} {
		q.Site = "shop"
		b.Run(name, func(b *testing.B) {
			var total uint64
			for b.Loop() {
				var err error
				if total, err = x.Search(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(total), "hits")
		})
	}
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
}

func benchIndex(b *testing.B) *search.Index {
	b.Helper()
	path := filepath.Join(b.TempDir(), "index")
	x, err := search.Rebuild(b.Context(), path, search.Public, fixed(), stream(benchDocs(b)...), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := x.Close(); err != nil {
			b.Error(err)
		}
	})
	return x
}

func BenchmarkIndex(b *testing.B) {
	x := benchIndex(b)
	run := func(name string, q search.Query) {
		q.Site = "shop"
		b.Run(name, func(b *testing.B) {
			var total uint64
			for b.Loop() {
				r, err := x.Search(b.Context(), q)
				if err != nil {
					b.Fatal(err)
				}
				total = r.Total
			}
			b.ReportMetric(float64(total), "hits")
		})
	}
	run("global", search.Query{Text: "comfortable fabric", Language: "en", Facets: true, Highlight: true})
	run("globalAny", search.Query{Text: "comfortable fabric", Language: "any", Facets: true, Highlight: true})
	run("globalCommon", search.Query{Text: "dress", Language: "en", Facets: true, Highlight: true, Kinds: []string{"review"}})
	run("globalPhrase", search.Query{Text: `"true to size"`, Language: "en"})
	run("globalTypo", search.Query{Text: "confortable fabrick", Language: "en"})
	run("globalPrefix", search.Query{Text: "comfortable fa", Language: "en", Prefix: true})
	run("inProduct", search.Query{Text: "size small", Language: "en", SubjectType: "product", Subject: "1078-0", Highlight: true})
	run("newest", search.Query{Sort: search.SortNewest})
	b.Run("matches", func(b *testing.B) {
		for b.Loop() {
			_, err := x.Matches(b.Context(), search.Query{Site: "shop", Text: "size small", Language: "en", Subject: "1078-0"}, 1000)
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("applyOne", func(b *testing.B) {
		docs := benchDocs(b)
		n := 0
		for b.Loop() {
			if err := x.Apply(b.Context(), docs[n%len(docs):n%len(docs)+1], nil); err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
	b.Run("suggest", func(b *testing.B) {
		for b.Loop() {
			q := search.SuggestQuery{Site: "shop", Product: "1078-0", Text: "does it run small in the chest", Language: "en"}
			if _, err := x.Suggest(b.Context(), q); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("highlights", func(b *testing.B) {
		for b.Loop() {
			if _, err := x.Highlights(b.Context(), "shop", "1078-0", 10); err != nil {
				b.Fatal(err)
			}
		}
	})
}
