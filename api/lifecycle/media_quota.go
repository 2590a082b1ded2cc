package lifecycle

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// arrivingAtOnce is how many uploads of one person may arrive at once: one person
// must not take all places, nor fill the disk with what may never be whole.
const arrivingAtOnce = 8

// Expect says whether an upload may begin, before any of it is received. Done is
// called when it has arrived or broken off. Errors: those of BeginUpload, ErrBusy.
func (s *Service) Expect(ctx context.Context, who content.Actor, site string) (done func(), err error) {
	switch {
	case s.Media == nil:
		return nil, ErrNoUploads
	case !who.May(content.Shopper):
		return nil, ErrSignIn
	}
	if err := s.withinQuota(ctx, who, site, 0); err != nil {
		return nil, err
	}
	return s.intake.arrive(site + "/" + who.ID)
}

// withinQuota counts what was uploaded within a day. Ids are ordered by time, so
// reading back from the last one ends soon.
func (s *Service) withinQuota(ctx context.Context, who content.Actor, site string, size int64) error {
	files, sum, err := s.uploadedLately(ctx, ledger.Prefix(ledger.ByAuthor, site, who.ID))
	if err != nil {
		return err
	}
	q := s.Media.Quota
	if files >= q.ShopperFiles || sum+size > q.ShopperBytes {
		return ErrQuota
	}
	return s.intake.take(ctx, s, site, size)
}

// quotaTime is the span of which quotas speak.
const quotaTime = 24 * time.Hour

func (s *Service) uploadedLately(ctx context.Context, r ledger.Range) (files int, sum int64, err error) {
	since := s.Now().Add(-quotaTime)
	r.Reverse = true
	for m, err := range s.Ledger.Media.Scan(ctx, r) {
		if err != nil {
			return 0, 0, fmt.Errorf("count uploads: %w", err)
		}
		if m.CreatedAt.Before(since) {
			break
		}
		files++
		sum += m.Size
	}
	return files, sum, nil
}

// intake is how many bytes each site has taken in within a day, counted anew now
// and then and added to in between.
type intake struct {
	mu    sync.Mutex
	sites map[string]*siteIntake
	// arriving counts the uploads of each person that arrive now.
	arriving map[string]int
}

type siteIntake struct {
	bytes   int64
	counted time.Time
}

const intakeAge = 30 * time.Second

// take adds size bytes to what a site has taken in, unless that is more than it
// may: ErrSiteQuota.
func (i *intake) take(ctx context.Context, s *Service, site string, size int64) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	v := i.sites[site]
	if v == nil || s.Now().Sub(v.counted) >= intakeAge {
		_, sum, err := s.uploadedLately(ctx, ledger.Prefix(ledger.BySite, site))
		if err != nil {
			return err
		}
		if i.sites == nil {
			i.sites = map[string]*siteIntake{}
		}
		v = &siteIntake{bytes: sum, counted: s.Now()}
		i.sites[site] = v
	}
	if v.bytes+size > s.Media.Quota.SiteBytes {
		return ErrSiteQuota
	}
	v.bytes += size
	return nil
}

// arrive counts an upload that begins to arrive, until it is left: ErrBusy.
func (i *intake) arrive(person string) (leave func(), err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.arriving[person] >= arrivingAtOnce {
		return nil, ErrBusy
	}
	if i.arriving == nil {
		i.arriving = map[string]int{}
	}
	i.arriving[person]++
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.arriving[person]--; i.arriving[person] == 0 {
			delete(i.arriving, person)
		}
	}, nil
}
