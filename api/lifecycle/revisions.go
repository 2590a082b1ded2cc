package lifecycle

import (
	"context"
	"fmt"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// before gives what a content said before its last edit, for those who look at
// the difference alone; none where it was never edited.
func (s *Service) before(ctx context.Context, rec *ledger.Record) ([]content.Version, error) {
	// What is not settled yet has not reached the table of revisions.
	for i := len(rec.Events) - 1; i >= 0; i-- {
		if previous := rec.Events[i].Previous; previous != nil {
			return []content.Version{*previous}, nil
		}
	}
	r := ledger.Prefix(ledger.ByContent, rec.Site, rec.ID)
	r.Reverse, r.Limit = true, 1
	list, err := s.Ledger.Revisions.All(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("read revisions: %w", err)
	}
	out := make([]content.Version, len(list))
	for i, v := range list {
		out[i] = v.Version
	}
	return out, nil
}
