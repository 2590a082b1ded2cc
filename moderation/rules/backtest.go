package rules

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/candor-ugc/candor/moderation/stats"
)

// Past is a decision that was taken, with what the rule would have seen then.
type Past struct {
	ID  string
	Env Env
	// Rejected: a person rejected or removed it; otherwise it was approved.
	Rejected bool
	// Published: it is public now.
	Published bool
	At        time.Time
}

// MaxListed bounds the ids a report lists.
const MaxListed = 200

// Report says what a rule would have done.
type Report struct {
	Examined int `json:"examined"`
	Hits     int `json:"hits"`
	// HitsRejected and HitsApproved split the hits by what people decided.
	HitsRejected int `json:"hits_rejected"`
	HitsApproved int `json:"hits_approved"`
	// Rejected counts all rejections; Missed those the rule would not have hit.
	Rejected int `json:"rejected"`
	Missed   int `json:"missed"`
	// Agreement is the share of hits that people rejected, 0..1, with the 95 %
	// Wilson interval; 0 to 1 where there was no hit.
	Agreement float64 `json:"agreement"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	// PublishedHits counts public items it would have touched; Published lists
	// the first [MaxListed] of them.
	PublishedHits int      `json:"published_hits"`
	Published     []string `json:"published"`
	// HitIDs lists the first [MaxListed] hits.
	HitIDs []string `json:"hit_ids"`
	// Failures counts the items on which the rule failed; they would be held.
	Failures int       `json:"failures"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
}

// Backtest replays a rule, enabled or not, over past decisions. An error of
// the iterator or of the context ends it.
func Backtest(ctx context.Context, r Rule, past iter.Seq2[Past, error]) (*Report, error) {
	r.Enabled, r.Shadow = true, false
	set, err := Compile([]Rule{r})
	if err != nil {
		return nil, err
	}
	rep := &Report{Published: []string{}, HitIDs: []string{}}
	for p, err := range past {
		if err != nil {
			return nil, fmt.Errorf("backtest rule %s: %w", r.ID, err)
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("backtest rule %s: %w", r.ID, err)
		}
		rep.take(p, set.replay(ctx, p.Env, rep))
	}
	rep.Low, rep.High = stats.Wilson(rep.HitsRejected, rep.Hits)
	if rep.Hits > 0 {
		rep.Agreement = float64(rep.HitsRejected) / float64(rep.Hits)
	}
	return rep, nil
}

func (s *Set) replay(ctx context.Context, env Env, rep *Report) bool {
	hits, err := s.Run(ctx, env)
	if err != nil {
		rep.Failures++
		return false
	}
	return len(hits) > 0
}

func (rep *Report) take(p Past, hit bool) {
	rep.Examined++
	if rep.From.IsZero() || p.At.Before(rep.From) {
		rep.From = p.At
	}
	if p.At.After(rep.To) {
		rep.To = p.At
	}
	if p.Rejected {
		rep.Rejected++
		if !hit {
			rep.Missed++
		}
	}
	if !hit {
		return
	}
	rep.Hits++
	if len(rep.HitIDs) < MaxListed {
		rep.HitIDs = append(rep.HitIDs, p.ID)
	}
	if p.Rejected {
		rep.HitsRejected++
	} else {
		rep.HitsApproved++
	}
	if p.Published {
		rep.PublishedHits++
		if len(rep.Published) < MaxListed {
			rep.Published = append(rep.Published, p.ID)
		}
	}
}
