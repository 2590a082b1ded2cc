// Package stats sums up decisions: how often which star rating is rejected and
// whether the differences can be chance, how long shoppers wait, how often
// decisions are overturned and how many the machine took. It reads decisions
// from an iterator and stores nothing.
package stats

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

// Decision is one decision as the statistics see it.
type Decision struct {
	At time.Time
	// Entered is when the item began to wait; zero where it never waited.
	Entered   time.Time
	Rating    int // 1..5, 0 for none
	Moderator string
	Language  string
	Kind      string
	// Rejected: rejected or removed; otherwise it was approved.
	Rejected  bool
	Automatic bool
	Reasons   []string
	Rules     []string
	// Overturned: a later decision went the other way.
	Overturned bool
}

// Share is a number out of many with its 95 % Wilson interval, 0..1.
type Share struct {
	N     int     `json:"n"`
	Count int     `json:"count"`
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

func (s *Share) add(yes bool) {
	s.N++
	if yes {
		s.Count++
	}
}

func (s *Share) finish() {
	if s.N > 0 {
		s.Share = float64(s.Count) / float64(s.N)
	}
	s.Low, s.High = Wilson(s.Count, s.N)
}

// Report is the sum. Stars[0] is one star.
type Report struct {
	Decisions int      `json:"decisions"`
	Rejected  Share    `json:"rejected"`
	Stars     [5]Share `json:"stars"`
	// StarsTest says whether rejection depends on the stars.
	StarsTest  Test              `json:"stars_test"`
	Moderators map[string]*Share `json:"moderators"`
	Languages  map[string]*Share `json:"languages"`
	Kinds      map[string]*Share `json:"kinds"`
	// Reasons and Rules count the rejections that named them.
	Reasons map[string]int `json:"reasons"`
	Rules   map[string]int `json:"rules"`
	// Median and P90 time from entering the queue to the decision of people.
	Median     time.Duration `json:"median"`
	P90        time.Duration `json:"p90"`
	Overturned Share         `json:"overturned"`
	Machine    Share         `json:"machine"`
}

// Test is a test of independence. P is the probability of differences this
// large by chance; 1 where there is nothing to compare.
type Test struct {
	Method    string  `json:"method"` // "chi-square", "fisher" or ""
	Statistic float64 `json:"statistic"`
	Freedom   int     `json:"freedom"`
	P         float64 `json:"p"`
}

// maxKeys bounds the names of a table; further ones are summed up as "other".
const maxKeys = 1000

// Sum reads the decisions. An error of the iterator ends it.
func Sum(decisions iter.Seq2[Decision, error]) (*Report, error) {
	rep := &Report{
		Moderators: map[string]*Share{}, Languages: map[string]*Share{}, Kinds: map[string]*Share{},
		Reasons: map[string]int{}, Rules: map[string]int{},
	}
	var waits []time.Duration
	for d, err := range decisions {
		if err != nil {
			return nil, fmt.Errorf("sum decisions: %w", err)
		}
		rep.take(d)
		if !d.Automatic && !d.Entered.IsZero() && !d.At.Before(d.Entered) {
			waits = append(waits, d.At.Sub(d.Entered))
		}
	}
	slices.Sort(waits)
	rep.Median, rep.P90 = quantile(waits, 0.5), quantile(waits, 0.9)
	for _, s := range []*Share{&rep.Rejected, &rep.Overturned, &rep.Machine} {
		s.finish()
	}
	for i := range rep.Stars {
		rep.Stars[i].finish()
	}
	for _, table := range []map[string]*Share{rep.Moderators, rep.Languages, rep.Kinds} {
		for _, s := range table {
			s.finish()
		}
	}
	rep.StarsTest = independence(rep.Stars)
	return rep, nil
}

func (rep *Report) take(d Decision) {
	rep.Decisions++
	rep.Rejected.add(d.Rejected)
	rep.Overturned.add(d.Overturned)
	rep.Machine.add(d.Automatic)
	if d.Rating >= 1 && d.Rating <= 5 {
		rep.Stars[d.Rating-1].add(d.Rejected)
	}
	if !d.Automatic {
		bump(rep.Moderators, d.Moderator, d.Rejected)
	}
	bump(rep.Languages, d.Language, d.Rejected)
	bump(rep.Kinds, d.Kind, d.Rejected)
	if !d.Rejected {
		return
	}
	for _, r := range d.Reasons {
		tally(rep.Reasons, r)
	}
	for _, r := range d.Rules {
		tally(rep.Rules, r)
	}
}

func bump(table map[string]*Share, key string, yes bool) {
	if key == "" {
		return
	}
	if table[key] == nil {
		if len(table) >= maxKeys {
			key = "other"
		}
		if table[key] == nil {
			table[key] = &Share{}
		}
	}
	table[key].add(yes)
}

func tally(table map[string]int, key string) {
	if _, ok := table[key]; !ok && len(table) >= maxKeys {
		key = "other"
	}
	table[key]++
}

// quantile of sorted durations, the lower of the two middle ones for a tie.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))]
}

// Bucket counts waiting items up to an age; the last one has no upper bound
// (Upto is 0).
type Bucket struct {
	Upto  time.Duration `json:"upto"`
	Count int           `json:"count"`
}

// Ageing sorts the waiting items by how long they have waited.
func Ageing(entered iter.Seq[time.Time], now time.Time) []Bucket {
	out := []Bucket{{Upto: time.Hour}, {Upto: 4 * time.Hour}, {Upto: 24 * time.Hour}, {Upto: 72 * time.Hour}, {}}
	for t := range entered {
		age := now.Sub(t)
		for i := range out {
			if out[i].Upto == 0 || age < out[i].Upto {
				out[i].Count++
				break
			}
		}
	}
	return out
}
