package lifecycle

import (
	"context"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// renamed brings the indexes in step with a product's new name, which they hold
// with everything that was written about it, while the service goes on. What a
// crash or another node leaves is mended by the next change of each content, or
// by building the index anew.
func (s *Service) renamed(site, product string) {
	if s.background == nil {
		return // not started: the indexes are still to be looked at
	}
	s.work.Go(func() error {
		if err := s.reindexProduct(s.background, site, product); err != nil && s.background.Err() == nil {
			s.Log.Error("contents not found by the new name of their product yet", "product", product, "err", err)
		}
		return nil
	})
}

func (s *Service) reindexProduct(ctx context.Context, site, product string) error {
	r := ledger.Prefix(ledger.ByPublic, site, string(content.ProductSubject), product)
	for rec, err := range s.Ledger.Contents.Scan(ctx, r) {
		if err == nil {
			err = s.settler.add(ctx, site, rec.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
