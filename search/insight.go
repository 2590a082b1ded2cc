package search

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/candor-ugc/candor/search/analysis"
)

const (
	// insightReviews is how many of a product's reviews are read, the newest
	// first: enough for stable counts, and a bound on time.
	insightReviews = 1000
	maxInsight     = 50
	positiveRating = 4
	// leastCount is how many reviews must hold a term for it to be said of the
	// product, and leastShare which part of them.
	leastCount = 2
	leastShare = 0.02
	// significant is the log-likelihood ratio of one per cent.
	significant = 6.63
)

// Highlights returns at most n terms (1 to 50) that stand out in a product's
// reviews against the other contents of their language, most telling first:
// words of the same stem count as one term, shown as shoppers most often
// write it. The measure is the log-likelihood ratio of Dunning, Accurate
// Methods for the Statistics of Surprise and Coincidence (1993), over
// documents. Errors as of Search.
func (x *Index) Highlights(ctx context.Context, site, product string, n int) ([]Term, error) {
	if site == "" || product == "" || n < 1 || n > maxInsight {
		return nil, fmt.Errorf("highlights: %w: site, product and 1 to %d terms are needed", ErrQuery, maxInsight)
	}
	var out []Term
	err := x.view(ctx, func(v *view) error {
		var err error
		out, err = x.insight(ctx, v, site, product, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("highlights: %w", err)
	}
	return out, nil
}

// usage is what a product's reviews say with one stem.
type usage struct {
	family, stem           string
	count, rated, positive int
	forms                  map[string]int
}

func (x *Index) insight(ctx context.Context, v *view, site, product string, n int) ([]Term, error) {
	reviews, err := v.reviews(ctx, site, product)
	if err != nil {
		return nil, err
	}
	texts, err := x.texts(ctx, v, reviews)
	if err != nil {
		return nil, err
	}
	used := make(map[string]*usage)
	perFamily := make(map[string]int)
	for _, k := range reviews {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c := v.segs[k.seg].cols
		family := v.s.names.name(c.family[k.doc])
		perFamily[family]++
		v.collect(used, family, texts[k.id], int(c.rating[k.doc]))
	}
	all := v.familySizes(site)
	out := []Term{}
	for _, u := range used {
		in := perFamily[u.family]
		if u.count < leastCount || float64(u.count) < leastShare*float64(in) {
			continue
		}
		df, err := v.docFreq(prefixBody+u.family, u.stem)
		if err != nil {
			return nil, err
		}
		elsewhere := max(0, int(df)-u.count)
		score := likelihood(u.count, in, elsewhere, max(elsewhere, all[u.family]-in))
		if score < significant {
			continue
		}
		out = append(out, u.term(score))
	}
	slices.SortFunc(out, func(a, b Term) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Text, b.Text))
	})
	return out[:min(n, len(out))], nil
}

// reviews are the newest reviews of a product.
func (v *view) reviews(ctx context.Context, site, product string) ([]keyedHit, error) {
	kind, known := v.s.names.find(kindReview)
	if !known {
		return nil, nil
	}
	var out []keyedHit
	for i := range v.segs {
		s := &v.segs[i]
		err := eachDoc(ctx, s, fieldSubject, subjectTerm(site, "product", product), s.deleted, func(doc uint32, _ int) {
			if s.cols.kind[doc] != kind {
				return
			}
			k := keyedHit{hit: hit{seg: uint32(i), doc: doc}, id: s.cols.id(doc)}
			k.key.at = s.cols.at[doc]
			out = append(out, k)
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b keyedHit) int { return compareKeys(a.key, b.key, a.id, b.id) })
	return out[:min(insightReviews, len(out))], nil
}

// familySizes counts a site's documents by analyzer.
func (v *view) familySizes(site string) map[string]int {
	o, _ := v.s.names.find(site)
	counts := make(map[ordinal]int)
	for i := range v.segs {
		c := v.segs[i].cols
		for d := range c.site {
			if c.site[d] == o {
				counts[c.family[d]]++
			}
		}
	}
	out := make(map[string]int, len(counts))
	for o, n := range counts {
		out[v.s.names.name(o)] = n
	}
	return out
}

// collect counts each stem of a review once. Words of the product's name say
// nothing about it.
func (v *view) collect(used map[string]*usage, family string, t Text, rating int) {
	an := v.s.set.For(family)
	skip := make(map[string]bool)
	for _, tok := range an.Tokens(nil, t.ProductName) {
		skip[tok.Term] = true
	}
	text := t.Body
	tokens := an.Tokens(nil, text)
	seen := make(map[string]bool)
	for i, tok := range tokens {
		if tok.Kind != analysis.Surface || tok.Stop || !telling(tok.Term) {
			continue
		}
		stem := tok.Term
		if i+1 < len(tokens) && tokens[i+1].Kind == analysis.Stem && tokens[i+1].Pos == tok.Pos {
			stem = tokens[i+1].Term
		}
		if skip[stem] || skip[tok.Term] {
			continue
		}
		key := family + sep + stem
		u := used[key]
		if u == nil {
			u = &usage{family: family, stem: stem, forms: make(map[string]int)}
			used[key] = u
		}
		u.forms[strings.ToLower(text[tok.Start:tok.End])]++
		if seen[stem] {
			continue
		}
		seen[stem] = true
		u.count++
		if rating > 0 {
			u.rated++
		}
		if rating >= positiveRating {
			u.positive++
		}
	}
}

// telling leaves out numbers and what is too short to be a word.
func telling(term string) bool {
	if strings.ContainsAny(term, "0123456789") {
		return false
	}
	n := utf8.RuneCountInString(term)
	r, _ := utf8.DecodeRuneInString(term)
	return n >= 3 || n == 2 && r > 0x2E80
}

func (u *usage) term(score float64) Term {
	t := Term{Language: u.family, Count: u.count, Rated: u.rated, Positive: u.positive, Score: score}
	most := 0
	for form, n := range u.forms {
		if n > most || n == most && form < t.Text {
			t.Text, most = form, n
		}
	}
	if u.rated > 0 {
		t.Share = float64(u.positive) / float64(u.rated)
	}
	return t
}

// likelihood is the log-likelihood ratio of a of n documents here against b of
// m elsewhere; 0 when the term is not commoner here.
func likelihood(a, n, b, m int) float64 {
	if n == 0 || m > 0 && float64(a)/float64(n) <= float64(b)/float64(m) {
		return 0
	}
	p := float64(a+b) / float64(n+m)
	return 2 * (logLikelihood(a, n, rate(a, n)) + logLikelihood(b, m, rate(b, m)) -
		logLikelihood(a, n, p) - logLikelihood(b, m, p))
}

func rate(k, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}

func logLikelihood(k, n int, p float64) float64 {
	l := 0.0
	if k > 0 {
		l += float64(k) * math.Log(p)
	}
	if k < n {
		l += float64(n-k) * math.Log1p(-p)
	}
	return l
}
