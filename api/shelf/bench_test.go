package shelf_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/shelf"
)

// slab is a Source over a slice, which costs next to nothing to read.
type slab []shelf.Loaded

func newSlab(n int) slab {
	s := make(slab, n)
	for i := range s {
		c := review(fmt.Sprintf("0190f1e2-7c5a-7b3e-9c4d-%012d", i), 1+i*7%5, i*7919%n)
		c.Current.Body = strings.Repeat("A bright lamp that lights the whole room. ", 6)
		c.Current.Language = []string{"en", "tr", "fa", "hi", "nb", "fil"}[i%6]
		c.Author.Verified = i%4 > 0
		s[i] = shelf.Loaded{Content: &c, Votes: content.Votes{Helpful: i % 23, Unhelpful: i % 7}}
	}
	return s
}

func (s slab) Published(context.Context, string, content.Subject) iter.Seq2[shelf.Loaded, error] {
	return func(yield func(shelf.Loaded, error) bool) {
		for _, l := range s {
			if !yield(l, nil) {
				return
			}
		}
	}
}

func (s slab) One(_ context.Context, _, id string) (shelf.Loaded, error) {
	var n int
	if _, err := fmt.Sscanf(id[24:], "%d", &n); err != nil || n >= len(s) {
		return shelf.Loaded{}, shelf.ErrGone
	}
	return s[n], nil
}

func mustList(b *testing.B, s *shelf.Shelf, q shelf.Query) {
	b.Helper()
	if _, err := s.List(b.Context(), q); err != nil {
		b.Fatal(err)
	}
}

// A listing that was asked for before: 20 of 1,000 cards.
func BenchmarkWarmList(b *testing.B) {
	s := shelf.New(newSlab(1000), shelf.Options{})
	q := reviewsOf()
	q.Sort = shelf.Helpful
	mustList(b, s, q)
	b.ReportAllocs()
	for b.Loop() {
		mustList(b, s, q)
	}
}

// The first listing of a subject: 1,000 cards read, encoded and sorted.
func BenchmarkColdLoad(b *testing.B) {
	s := shelf.New(newSlab(1000), shelf.Options{})
	b.ReportAllocs()
	for b.Loop() {
		s.Drop(site, lamp)
		mustList(b, s, reviewsOf())
	}
}

// A vote on one of 100,000 cards, with every order kept.
func BenchmarkRefreshAmong100k(b *testing.B) {
	src := newSlab(100_000)
	s := shelf.New(src, shelf.Options{MaxBytes: 1 << 40})
	q := reviewsOf()
	for _, sort := range []shelf.Sort{shelf.Newest, shelf.Helpful, shelf.Highest, shelf.Lowest} {
		q.Sort = sort
		mustList(b, s, q)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = (n + 31_337) % len(src)
		src[n].Votes.Helpful = (src[n].Votes.Helpful + 11) % 40
		if err := s.Refresh(b.Context(), site, lamp, src[n].Content.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// A filtered first page that nobody asked for since the subject changed.
func BenchmarkFilteredList(b *testing.B) {
	for _, size := range []int{1000, 100_000} {
		for name, change := range map[string]func(*shelf.Query){
			"common": func(q *shelf.Query) { q.Languages = []string{"tr"} },
			"none":   func(q *shelf.Query) { q.Ratings, q.Languages = []int{0}, []string{"tr"} },
			"deep":   func(q *shelf.Query) { q.Sort, q.Ratings = shelf.Highest, []int{1} },
		} {
			b.Run(fmt.Sprintf("%s of %d", name, size), func(b *testing.B) {
				src := newSlab(size)
				s := shelf.New(src, shelf.Options{MaxBytes: 1 << 40})
				q := reviewsOf()
				change(&q)
				mustList(b, s, q)
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					// A change elsewhere in the subject takes the finished pages away.
					n = (n + 1) % 2
					src[0].Votes.Unhelpful = 100 + n
					if err := s.Refresh(b.Context(), site, lamp, src[0].Content.ID); err != nil {
						b.Fatal(err)
					}
					mustList(b, s, q)
				}
			})
		}
	}
}
