package content_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/candor-ugc/candor/api/content"
)

func near(a, b float64) bool { return math.Abs(a-b) < 5e-5 }

func TestBayesian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v             int
		r, m, c, want float64
	}{
		{1, 5, 7, 3.5, 3.6875}, // one review of 5 stars among 7 phantoms of 3.5
		{0, 0, 7, 3.5, 3.5},
		{0, 0, 0, 3.5, 3.5},
		{10, 4.2, 0, 3.5, 4.2},
		{7, 1, 7, 5, 3},
		{1000, 4, 10, 2, 3.9802},
	} {
		if got := content.Bayesian(c.v, c.r, c.m, c.c); !near(got, c.want) {
			t.Errorf("Bayesian(%d, %v, %v, %v) = %v, want %v", c.v, c.r, c.m, c.c, got, c.want)
		}
	}
}

func TestWilsonAndShrunk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		up, n          int
		wilson, shrunk float64
	}{
		{1, 1, 0.2065, 0.5942},
		{9, 10, 0.5958, -1},
		{48, 49, 0.8931, 0.8319},
		{90, 100, 0.8256, 0.8003},
		{0, 0, 0, 0.5},
		{3, -1, 0, 0.5},
		{0, 1, 0, 0.4058},
	} {
		if got := content.Wilson(c.up, c.n); !near(got, c.wilson) {
			t.Errorf("Wilson(%d, %d) = %v, want %v", c.up, c.n, got, c.wilson)
		}
		if got := content.Shrunk(c.up, c.n); c.shrunk >= 0 && !near(got, c.shrunk) {
			t.Errorf("Shrunk(%d, %d) = %v, want %v", c.up, c.n, got, c.shrunk)
		}
	}
	if got := (content.Votes{Helpful: 9, Unhelpful: 1}).Helpfulness(); !near(got, 0.5958) {
		t.Errorf("9 of 10 found it helpful: %v", got)
	}
	for n := range 2000 {
		if got := content.Wilson(0, n); got != 0 {
			t.Fatalf("Wilson(0, %d) = %v: rounding ranks disapproval", n, got)
		}
	}
}

func TestWilsonIsABound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100_000).Draw(t, "n")
		up := rapid.IntRange(0, n-1).Draw(t, "up")
		low, high := content.Wilson(up, n), content.Wilson(up+1, n)
		if low < 0 || low > float64(up)/float64(n) || low >= high || high >= 1 {
			t.Fatalf("Wilson(%d, %d) = %v, with one more %v", up, n, low, high)
		}
	})
}

func TestSummary(t *testing.T) {
	t.Parallel()
	var s content.Summary
	photo := []content.Media{{ID: "p"}}
	for _, c := range []struct {
		kind     content.Kind
		version  content.Version
		verified bool
	}{
		{content.Review, content.Version{Rating: 5, Media: photo}, true},
		{content.Review, content.Version{Rating: 2, Incentivized: true}, false},
		{content.Review, content.Version{}, true}, // without stars: no zero in the mean
		{content.Question, content.Version{Media: photo}, true},
		{content.Answer, content.Version{Incentivized: true}, true},
		{content.Comment, content.Version{}, true},
		{content.Topic, content.Version{}, true},
		{content.Post, content.Version{}, true},
	} {
		s.Add(c.kind, c.version, c.verified, 1)
	}
	want := content.Summary{
		Count: 3, Rated: 2, Average: 3.5, Score: 3.5, Histogram: [5]int{0, 1, 0, 0, 1},
		Verified: 2, Incentivized: 1, Media: 1, Questions: 1, Answers: 1,
	}
	if got := s.Scored(3.5, 7); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if s.Average != 0 || s.Score != 0 {
		t.Error("Scored changed what it was called on")
	}
	for range 2 {
		s.Add(content.Review, content.Version{Rating: 1}, false, 1)
	}
	if got := s.Scored(4, 3); got.Average != 2.25 || got.Score != 3 {
		t.Errorf("mean of 5, 2, 1, 1 is %v, with 3 phantoms of 4 it is %v", got.Average, got.Score)
	}
}

// What was counted in and out again leaves nothing behind.
func TestSummaryForgetsNothingAndKeepsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			kind     content.Kind
			version  content.Version
			verified bool
		}
		entries := rapid.SliceOf(rapid.Custom(func(t *rapid.T) entry {
			return entry{
				rapid.SampledFrom(content.Kinds()).Draw(t, "kind"),
				content.Version{
					Rating:       rapid.IntRange(-1, 6).Draw(t, "stars"),
					Incentivized: rapid.Bool().Draw(t, "incentivized"),
					Media:        make([]content.Media, rapid.IntRange(0, 2).Draw(t, "media")),
				},
				rapid.Bool().Draw(t, "verified"),
			}
		})).Draw(t, "entries")
		var s, left content.Summary
		for i, e := range entries {
			s.Add(e.kind, e.version, e.verified, 1)
			if i%2 == 0 {
				left.Add(e.kind, e.version, e.verified, 1)
			}
		}
		for i, e := range entries {
			if i%2 == 1 {
				s.Add(e.kind, e.version, e.verified, -1)
			}
		}
		if s != left {
			t.Fatalf("got %+v, want %+v", s, left)
		}
	})
}
