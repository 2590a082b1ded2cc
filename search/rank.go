package search

import (
	"context"
	"math"
	"time"
)

// The ranking formula, for a query with text:
//
//	score = (Σ words Σ fields max over forms (idf · boost · bm25) + phrase) ·
//	        (1 + 0.25·helpful + 0.15·fresh)
//
// phrase is 0.5·idf(rarest word)·boost(field) for an item that holds the whole
// query in order; helpful is the Wilson bound of the votes, 0 to 1; fresh
// halves every year of age. Ratings take no part: what shoppers find must not
// depend on whether it praises.
const (
	weightHelpful = 0.25
	weightFresh   = 0.15
	weightPhrase  = 0.5
	halfLife      = 365 * 24 * time.Hour
	// phraseWindow is how many hits, the best by words, the phrase bonus and
	// its positions are worked out for.
	phraseWindow = 2000
)

func prior(c *columns, doc uint32, now time.Time) float64 {
	return 1 + weightHelpful*float64(c.helpful[doc])/math.MaxUint16 + weightFresh*fresh(c.at[doc], now)
}

// fresh is 1 for something new and halves every halfLife.
func fresh(at int64, now time.Time) float64 {
	age := now.UnixMilli() - at
	if age <= 0 {
		return 1
	}
	return math.Exp2(-float64(age) / float64(halfLife.Milliseconds()))
}

// phraseBonus adds to the best hits what holding the whole query in order is
// worth.
func (v *view) phraseBonus(ctx context.Context, p *plan, hits []hit) error {
	if len(p.exact) == 0 || len(hits) == 0 {
		return nil
	}
	rarest := 0.0
	for _, g := range p.groups {
		rarest = max(rarest, g.idf)
	}
	window := best(hits, phraseWindow)
	bySeg := make(map[uint32][]int)
	for _, i := range window {
		bySeg[hits[i].seg] = append(bySeg[hits[i].seg], i)
	}
	for seg, members := range bySeg {
		if err := v.segmentBonus(ctx, p, rarest, hits, seg, members); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) segmentBonus(ctx context.Context, p *plan, rarest float64, hits []hit, seg uint32, members []int) error {
	s := &v.segs[seg]
	at := make(map[uint32]int, len(members))
	docs := bitmapOfHits(hits, members)
	for _, i := range members {
		at[hits[i].doc] = i
	}
	except := complement(docs, len(s.cols.at))
	won := make(map[uint32]float32)
	for i := range p.exact {
		ph := &p.exact[i]
		bonus := float32(weightPhrase * rarest * ph.boost)
		err := v.matchPhrase(ctx, s, ph, except, func(doc uint32, _ int) { won[doc] = max(won[doc], bonus) })
		if err != nil {
			return err
		}
	}
	for doc, bonus := range won {
		hits[at[doc]].score += bonus
	}
	return nil
}
