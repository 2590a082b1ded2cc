package search

import (
	"context"
	"fmt"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// explain shows moderators how each hit's score came about.
func (v *view) explain(ctx context.Context, pl *plan, top []keyedHit, hits []Hit, now time.Time) error {
	for i, k := range top {
		e, err := v.explainHit(ctx, pl, k, now)
		if err != nil {
			return err
		}
		hits[i].Explanation = e
	}
	return nil
}

func (v *view) explainHit(ctx context.Context, pl *plan, k keyedHit, now time.Time) (*Explanation, error) {
	s := &v.segs[k.seg]
	only := complement(roaring.BitmapOf(k.doc), len(s.cols.at))
	text := Explanation{Value: float64(k.hit.score), Message: "words and phrase"}
	for i := range pl.groups {
		g := &pl.groups[i]
		word := Explanation{Message: fmt.Sprintf("%q, idf %.3f", g.text, g.idf)}
		for j := range g.variants {
			t := &g.variants[j]
			tf, err := frequency(s, t, only)
			if err != nil {
				return nil, err
			}
			if tf == 0 {
				continue
			}
			bm := float64(v.bm25(float32(tf), s.cols.words[k.doc], t.b))
			word.Children = append(word.Children, Explanation{
				Value:   g.idf * t.boost * bm,
				Message: fmt.Sprintf("%s:%s, %d times in %d words, held by %d documents, boost %.2f", t.field, t.term, tf, s.cols.words[k.doc], t.df, t.boost),
			})
		}
		for j := range g.phrases {
			ph := &g.phrases[j]
			err := v.matchPhrase(ctx, s, ph, only, func(_ uint32, n int) {
				word.Children = append(word.Children, Explanation{
					Value:   g.idf * ph.boost * float64(len(ph.words)),
					Message: fmt.Sprintf("phrase in %s, %d times", ph.field, n),
				})
			})
			if err != nil {
				return nil, err
			}
		}
		best := make(map[byte]float64)
		for _, c := range word.Children {
			f := c.Message[0]
			best[f] = max(best[f], c.Value)
		}
		for _, b := range best {
			word.Value += b
		}
		text.Children = append(text.Children, word)
	}
	c := s.cols
	return &Explanation{
		Value: k.score, Message: "words and phrase × (1 + helpfulness + freshness)",
		Children: []Explanation{
			text,
			{Value: weightHelpful * float64(c.helpful[k.doc]) / 0xFFFF, Message: "helpfulness: 0.25 × Wilson bound of the votes"},
			{Value: weightFresh * fresh(c.at[k.doc], now), Message: "freshness: 0.15, halved every year"},
		},
	}, nil
}

func frequency(s *segView, t *variant, only *roaring.Bitmap) (uint64, error) {
	d, err := s.seg.Dictionary(t.field)
	if err != nil {
		return 0, err
	}
	pl, err := d.PostingsList([]byte(t.term), only, nil)
	if err != nil {
		return 0, err
	}
	p, err := pl.Iterator(true, false, false, nil).Next()
	if err != nil || p == nil {
		return 0, err
	}
	return p.Frequency(), nil
}
