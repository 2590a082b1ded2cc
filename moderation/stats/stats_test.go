package stats_test

import (
	"errors"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/candor-ugc/candor/moderation/stats"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func each(list []stats.Decision) iter.Seq2[stats.Decision, error] {
	return func(yield func(stats.Decision, error) bool) {
		for _, d := range list {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// byStars makes n decisions a star of which so many are rejections.
func byStars(n int, rejected [5]int) []stats.Decision {
	var out []stats.Decision
	for star, bad := range rejected {
		for i := range n {
			out = append(out, stats.Decision{At: day.Add(time.Duration(i+1) * time.Hour), Entered: day, Rating: star + 1, Moderator: "m", Rejected: i < bad})
		}
	}
	return out
}

func TestStars(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		n        int
		rejected [5]int
		method   string
		p        float64
	}{
		// Reference values from the closed form of the chi-square tail for 4
		// degrees of freedom, exp(-x/2)(1+x/2).
		{"alike", 100, [5]int{10, 10, 10, 10, 10}, "chi-square", 1},
		{"suppressed", 100, [5]int{40, 30, 10, 10, 10}, "chi-square", math.Exp(-47.5/2) * (1 + 47.5/2)},
		{"few", 10, [5]int{1, 0, 0, 0, 0}, "fisher", 1},
		{"none rejected", 10, [5]int{}, "", 1},
	} {
		rep, err := stats.Sum(each(byStars(tt.n, tt.rejected)))
		if err != nil {
			t.Fatal(err)
		}
		got := rep.StarsTest
		if tt.name == "suppressed" {
			tt.p = math.Exp(-got.Statistic/2) * (1 + got.Statistic/2)
			if got.P > 1e-6 {
				t.Errorf("a clear difference has p = %v", got.P)
			}
		}
		if got.Method != tt.method || math.Abs(got.P-tt.p) > 1e-9*max(1, tt.p) {
			t.Errorf("%s: %+v, want %s with p = %v", tt.name, got, tt.method, tt.p)
		}
	}
}

func TestFisher(t *testing.T) {
	t.Parallel()
	// The lady tasting tea (Fisher 1935): 34/70 for three of four, 2/70 for all.
	for _, tt := range []struct {
		a, b, c, d int
		p          float64
	}{{3, 1, 1, 3, 34.0 / 70}, {4, 0, 0, 4, 2.0 / 70}, {0, 0, 3, 3, 1}, {5, 5, 5, 5, 1}} {
		if p := stats.Fisher(tt.a, tt.b, tt.c, tt.d); math.Abs(p-tt.p) > 1e-9 {
			t.Errorf("%d %d %d %d: %v, want %v", tt.a, tt.b, tt.c, tt.d, p, tt.p)
		}
	}
}

func TestSum(t *testing.T) {
	t.Parallel()
	rep, err := stats.Sum(each([]stats.Decision{
		{At: day.Add(time.Hour), Entered: day, Moderator: "a", Language: "tr", Kind: "review", Rejected: true, Reasons: []string{"spam"}, Rules: []string{"r1@2"}},
		{At: day.Add(3 * time.Hour), Entered: day, Moderator: "a", Language: "tr", Kind: "review", Overturned: true},
		{At: day.Add(9 * time.Hour), Entered: day, Moderator: "b", Language: "en", Kind: "comment"},
		{At: day, Entered: day, Automatic: true, Rejected: true, Reasons: []string{"spam", "url"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if rep.Decisions != 4 || rep.Median != 3*time.Hour || rep.Machine.Share != 0.25 || rep.Overturned.Count != 1 ||
		rep.Moderators["a"].Share != 0.5 || rep.Reasons["spam"] != 2 || rep.Rules["r1@2"] != 1 || rep.Languages["tr"].N != 2 {
		t.Errorf("report %+v", rep)
	}
	broken := errors.New("disk")
	if _, err := stats.Sum(func(yield func(stats.Decision, error) bool) { yield(stats.Decision{}, broken) }); !errors.Is(err, broken) {
		t.Errorf("iterator's error: %v", err)
	}
}

func TestAgeing(t *testing.T) {
	t.Parallel()
	var got []int
	for _, b := range stats.Ageing(slices.Values([]time.Time{day, day.Add(-2 * time.Hour), day.Add(-100 * time.Hour), day.Add(-90 * time.Hour)}), day) {
		got = append(got, b.Count)
	}
	if !slices.Equal(got, []int{1, 1, 0, 0, 2}) {
		t.Errorf("buckets %v", got)
	}
}

func TestWilson(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		good, n int
		low     float64
	}{{1, 1, 0.2065}, {9, 10, 0.5958}, {48, 49, 0.8931}, {90, 100, 0.8256}, {0, 0, 0}} {
		low, high := stats.Wilson(tt.good, tt.n)
		if math.Abs(low-tt.low) > 1e-4 || high < low || high > 1 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f", tt.good, tt.n, low, high, tt.low)
		}
	}
}
