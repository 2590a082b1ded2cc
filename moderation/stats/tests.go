package stats

import "math"

// Wilson gives the 95 % score interval of good out of n (Wilson 1927); 0 to 1
// where n is 0.
func Wilson(good, n int) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	p, N := float64(good)/float64(n), float64(n)
	mid := p + z*z/(2*N)
	half := z * math.Sqrt(p*(1-p)/N+z*z/(4*N*N))
	return max(0, (mid-half)/(1+z*z/N)), min(1, (mid+half)/(1+z*z/N))
}

// independence tests rejected and approved against the stars: Pearson's
// chi-square where every expected count is at least 5 (Cochran's rule), else
// Fisher's exact test of one and two stars against four and five.
func independence(stars [5]Share) Test {
	var rows []Share
	n, rejected := 0, 0
	for _, s := range stars {
		if s.N > 0 {
			rows = append(rows, s)
			n += s.N
			rejected += s.Count
		}
	}
	if len(rows) < 2 || rejected == 0 || rejected == n {
		return Test{P: 1}
	}
	chi, enough := 0.0, true
	for _, s := range rows {
		for _, c := range []struct{ got, all int }{{s.Count, rejected}, {s.N - s.Count, n - rejected}} {
			want := float64(s.N) * float64(c.all) / float64(n)
			enough = enough && want >= 5
			chi += (float64(c.got) - want) * (float64(c.got) - want) / want
		}
	}
	if enough {
		free := len(rows) - 1
		return Test{Method: "chi-square", Statistic: chi, Freedom: free, P: chiSquareTail(chi, free)}
	}
	a, b := stars[0].Count+stars[1].Count, stars[0].N+stars[1].N-stars[0].Count-stars[1].Count
	c, d := stars[3].Count+stars[4].Count, stars[3].N+stars[4].N-stars[3].Count-stars[4].Count
	return Test{Method: "fisher", P: Fisher(a, b, c, d)}
}

// Fisher is the two-sided exact test of a 2x2 table: the probability of all
// tables with the same margins that are not likelier than this one.
func Fisher(a, b, c, d int) float64 {
	if a < 0 || b < 0 || c < 0 || d < 0 || a+b == 0 || c+d == 0 || a+c == 0 || b+d == 0 {
		return 1
	}
	row, column, n := a+b, a+c, a+b+c+d
	logP := func(x int) float64 {
		return logChoose(row, x) + logChoose(n-row, column-x) - logChoose(n, column)
	}
	here := logP(a)
	p := 0.0
	for x := max(0, column-(n-row)); x <= min(row, column); x++ {
		if l := logP(x); l <= here+1e-7 {
			p += math.Exp(l)
		}
	}
	return min(1, p)
}

func logChoose(n, k int) float64 {
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x) + 1); return v }
	return lg(n) - lg(k) - lg(n-k)
}

// chiSquareTail is the probability of a chi-square value above x: the upper
// regularised incomplete gamma function Q(k/2, x/2), by its series and its
// continued fraction (Abramowitz and Stegun 6.5.29 and 6.5.31).
func chiSquareTail(x float64, freedom int) float64 {
	a, h := float64(freedom)/2, x/2
	if h <= 0 {
		return 1
	}
	lg, _ := math.Lgamma(a)
	front := math.Exp(-h + a*math.Log(h) - lg)
	const most, eps = 500, 1e-14
	if h < a+1 {
		sum, term := 1/a, 1/a
		for n := 1; n < most && math.Abs(term) > eps*sum; n++ {
			term *= h / (a + float64(n))
			sum += term
		}
		return max(0, 1-front*sum)
	}
	const tiny = 1e-300
	b := h + 1 - a
	c, d := 1/tiny, 1/b
	f := d
	for i := 1; i < most; i++ {
		an := -float64(i) * (float64(i) - a)
		b += 2
		if d = an*d + b; math.Abs(d) < tiny {
			d = tiny
		}
		if c = b + an/c; math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		step := d * c
		f *= step
		if math.Abs(step-1) < eps {
			break
		}
	}
	return min(1, front*f)
}
