package lifecycle

import (
	"context"
	"errors"
	"iter"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/shelf"
)

// shelfSource gives the shelf what the ledger holds.
type shelfSource struct{ s *Service }

// Published gives everything public about a subject with its votes.
func (src shelfSource) Published(ctx context.Context, site string, subject content.Subject) iter.Seq2[shelf.Loaded, error] {
	l := src.s.Ledger
	return func(yield func(shelf.Loaded, error) bool) {
		r := ledger.Prefix(ledger.ByPublic, site, string(subject.Type), subject.ID)
		tallies := map[string]content.Votes{}
		for t, err := range l.Tallies.Scan(ctx, r) {
			if err != nil {
				yield(shelf.Loaded{}, err)
				return
			}
			tallies[t.Content] = t.Votes
		}
		for rec, err := range l.Contents.Scan(ctx, r) {
			if err != nil {
				yield(shelf.Loaded{}, err)
				return
			}
			if err := src.s.below(ctx, rec); err != nil {
				yield(shelf.Loaded{}, err)
				return
			}
			if !yield(shelf.Loaded{Content: &rec.Content, Votes: tallies[rec.ID]}, nil) {
				return
			}
		}
	}
}

// One gives a content as it is now: shelf.ErrGone.
func (src shelfSource) One(ctx context.Context, site, id string) (shelf.Loaded, error) {
	rec, err := src.s.load(ctx, site, id)
	if errors.Is(err, ErrNotFound) {
		return shelf.Loaded{}, shelf.ErrGone
	}
	if err != nil {
		return shelf.Loaded{}, err
	}
	if err := src.s.below(ctx, rec); err != nil {
		return shelf.Loaded{}, err
	}
	votes, err := src.s.votes(ctx, id)
	return shelf.Loaded{Content: &rec.Content, Votes: votes}, err
}

// below hides a reply whose thread is not public, takes the mark off a question
// whose accepted answer is not, and joins what is known of its media.
func (s *Service) below(ctx context.Context, rec *ledger.Record) error {
	if err := s.join(ctx, rec, false); err != nil {
		return err
	}
	if rec.Parent != "" && rec.Shown {
		switch err := s.visible(ctx, rec); {
		case isGone(err):
			rec.Shown = false
		case err != nil:
			return err
		}
	}
	if rec.Accepted != "" {
		switch answer, err := s.load(ctx, rec.Site, rec.Accepted); {
		case isGone(err) || err == nil && !answer.Shown:
			rec.Accepted = ""
		case err != nil:
			return err
		}
	}
	return nil
}

// prior is the site's opinion of a product without reviews.
func (s *Service) prior(site string) (mean, weight float64) {
	settings, err := s.SiteSettings(context.Background(), site)
	if err != nil {
		d := content.DefaultSettings()
		return d.PriorMean, d.PriorWeight
	}
	return settings.PriorMean, settings.PriorWeight
}
