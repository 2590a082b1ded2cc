package lifecycle

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/stats"
)

// Figures are what a site publishes to itself about its moderation.
type Figures struct {
	Days int `json:"days"`
	*stats.Report
	// Ageing counts the waiting contents by how long they have waited.
	Ageing []stats.Bucket `json:"ageing"`
	// PerDay counts decisions by day, oldest first.
	PerDay []Day `json:"per_day"`
	// Measured is how right the machine's proposals were.
	Measured []moderation.PrecisionRow `json:"measured"`
}

// Day counts the decisions of one day (UTC).
type Day struct {
	Date     string `json:"date"`
	Approved int    `json:"approved"`
	Rejected int    `json:"rejected"`
	Machine  int    `json:"machine"`
}

// Figures sums up the decisions of the last days (1 to 366): ErrSignIn,
// ErrForbidden, content.Invalid.
func (s *Service) Figures(ctx context.Context, who content.Actor, site string, days int) (*Figures, error) {
	if err := moderates(who); err != nil {
		return nil, err
	}
	if days < 1 || days > 366 {
		var e content.Invalid
		e.Add("days", "out_of_range", "must be a whole number from 1 to 366")
		return nil, e
	}
	if err := s.settler.flush(ctx); err != nil {
		return nil, err
	}
	now := s.Now().UTC()
	from := now.AddDate(0, 0, 1-days).Truncate(24 * time.Hour)
	out := &Figures{Days: days, PerDay: make([]Day, days), Measured: []moderation.PrecisionRow{}}
	for i := range out.PerDay {
		out.PerDay[i].Date = from.AddDate(0, 0, i).Format(time.DateOnly)
	}
	var err error
	if out.Report, err = stats.Sum(s.decisionsSince(ctx, site, from, out.PerDay)); err != nil {
		return nil, fmt.Errorf("figures: %w", err)
	}
	entered, err := s.entered(site)
	if err != nil {
		return nil, err
	}
	out.Ageing = stats.Ageing(entered, now)
	if s.Precision != nil {
		out.Measured = append(out.Measured, s.Precision.Rows(site)...)
	}
	return out, nil
}

// entered gives since when each content of a site waits.
func (s *Service) entered(site string) (iter.Seq[time.Time], error) {
	var times []time.Time
	for cursor := ""; ; {
		items, next, _, err := s.queue.List(site, moderation.Filter{}, cursor, moderation.MaxListLimit)
		if err != nil {
			return nil, fmt.Errorf("figures: %w", err)
		}
		for _, it := range items {
			times = append(times, it.Entered)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	return func(yield func(time.Time) bool) {
		for _, t := range times {
			if !yield(t) {
				return
			}
		}
	}, nil
}

// verdict tells whether an event decides for or against a content.
func verdict(e *ledger.Event) (rejected, decides bool) {
	switch moderation.Action(e.Action) {
	case moderation.ActionApprove, moderation.ActionRestore:
		return false, true
	case moderation.ActionReject, moderation.ActionRemove:
		return true, true
	}
	return false, false
}

// decisionsSince gives the decisions from a time on, latest first so that what
// was overturned is known, and counts them by day.
func (s *Service) decisionsSince(ctx context.Context, site string, from time.Time, perDay []Day) iter.Seq2[stats.Decision, error] {
	r := ledger.Prefix(ledger.ByTime, site)
	r.From, r.Reverse, r.Limit = ledger.Key(site, ledger.Millis(from)), true, maxStats
	return func(yield func(stats.Decision, error) bool) {
		later := map[string]bool{} // whether the next decision on a content rejects
		undone := map[string]bool{}
		for e, err := range s.Ledger.Events.Scan(ctx, r) {
			if err != nil {
				yield(stats.Decision{}, err)
				return
			}
			if e.Action == string(actionUndo) {
				undone[fmt.Sprintf("%s/%d", e.Content, e.Rev-1)] = true
			}
			rejected, decides := verdict(e)
			if !decides || undone[e.ID] {
				continue
			}
			countDay(perDay, from, e, rejected)
			next, known := later[e.Content]
			later[e.Content] = rejected
			d := stats.Decision{
				At: e.At, Rating: e.Rating, Moderator: e.Actor, Language: e.Language, Kind: string(e.Kind), Rejected: rejected,
				Automatic: e.Automatic, Reasons: e.Reasons, Rules: e.Rules, Overturned: known && next != rejected,
			}
			if e.Waited > 0 {
				d.Entered = e.At.Add(-e.Waited)
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

func countDay(perDay []Day, from time.Time, e *ledger.Event, rejected bool) {
	i := int(e.At.Sub(from) / (24 * time.Hour))
	if i < 0 || i >= len(perDay) {
		return
	}
	if rejected {
		perDay[i].Rejected++
	} else {
		perDay[i].Approved++
	}
	if e.Automatic {
		perDay[i].Machine++
	}
}
