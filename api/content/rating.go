package content

import "math"

// Bayesian is the Bayesian average (v*R + m*C) / (v + m) of v ratings with mean
// r, against a prior opinion c that weighs m ratings. It is c when v and m are
// zero.
func Bayesian(v int, r, m, c float64) float64 {
	if float64(v)+m <= 0 {
		return c
	}
	return (float64(v)*r + m*c) / (float64(v) + m)
}

// Wilson is the lower bound of the Wilson score interval (E. B. Wilson, 1927)
// for up positive of n trials at z = 1.96 (95 %). It is 0 for n <= 0, and
// exactly 0 for up <= 0: rounding must not put what only found disapproval
// before what nobody voted on.
func Wilson(up, n int) float64 {
	if n <= 0 || up <= 0 {
		return 0
	}
	const z = 1.96
	p, f := float64(up)/float64(n), float64(n)
	centre := p + z*z/(2*f)
	spread := z * math.Sqrt(p*(1-p)/f+z*z/(4*f*f))
	return math.Max(0, (centre-spread)/(1+z*z/f))
}

// Shrunk is r-(r-0.5)*2^(-log10(n+1)), the formula SteamDB publishes for a
// share of positive votes: it moves a share of few votes towards one half. It
// is 0.5 for n <= 0.
func Shrunk(up, n int) float64 {
	if n <= 0 {
		return 0.5
	}
	r := float64(up) / float64(n)
	return r - (r-0.5)*math.Pow(2, -math.Log10(float64(n)+1))
}

// Helpfulness orders contents by what shoppers voted: the Wilson lower bound of
// the share of helpful votes.
func (v Votes) Helpfulness() float64 { return Wilson(v.Helpful, v.Helpful+v.Unhelpful) }

// Summary is how the published contents of one product add up.
type Summary struct {
	Product string `json:"product"`
	// Count is the number of published reviews, Rated of those with stars.
	Count int `json:"count"`
	Rated int `json:"rated"`
	// Average is the mean of the given stars, 0 when Rated is 0; Score is the
	// Bayesian average with the site's prior.
	Average float64 `json:"average"`
	Score   float64 `json:"score"`
	// Histogram counts reviews of 1 to 5 stars, one star first.
	Histogram    [5]int `json:"histogram"`
	Verified     int    `json:"verified"`
	Incentivized int    `json:"incentivized"`
	Media        int    `json:"media"`
	Questions    int    `json:"questions"`
	Answers      int    `json:"answers"`
}

// Add counts one published content in, or out with sign -1. Reviews without
// stars count as reviews and never as zeros in the average.
func (s *Summary) Add(k Kind, v Version, verified bool, sign int) {
	switch k {
	case Review:
		s.Count += sign
		if v.Rating >= 1 && v.Rating <= 5 {
			s.Rated += sign
			s.Histogram[v.Rating-1] += sign
		}
		if verified {
			s.Verified += sign
		}
		if v.Incentivized {
			s.Incentivized += sign
		}
		if len(v.Media) > 0 {
			s.Media += sign
		}
	case Question:
		s.Questions += sign
	case Answer:
		s.Answers += sign
	}
}

// Scored returns s with Average and Score computed from the histogram. Working
// from whole counts, they cannot drift.
func (s Summary) Scored(priorMean, priorWeight float64) Summary {
	sum := 0
	for i, n := range s.Histogram {
		sum += (i + 1) * n
	}
	s.Average = 0
	if s.Rated > 0 {
		s.Average = float64(sum) / float64(s.Rated)
	}
	s.Score = Bayesian(s.Rated, s.Average, priorWeight, priorMean)
	s.Average, s.Score = round4(s.Average), round4(s.Score)
	return s
}

func round4(f float64) float64 { return math.Round(f*1e4) / 1e4 }
