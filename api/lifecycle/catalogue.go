package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// catalogueCache remembers settings and names that nearly every verb needs. On a
// shared ledger another node may change them, so entries live for a second.
type catalogueCache struct {
	once     sync.Once
	settings *otter.Cache[string, content.Settings]
	names    *otter.Cache[string, string]
	// standouts are dear to compute and change slowly.
	standouts *otter.Cache[string, []Standout]
}

// standoutLife is how old the terms that stand out may be.
const standoutLife = 5 * time.Minute

func (s *Service) cache() *catalogueCache {
	s.known.once.Do(func() {
		life := time.Hour
		if s.Ledger.Shared() {
			life = time.Second
		}
		s.known.settings = otter.Must(&otter.Options[string, content.Settings]{
			MaximumSize: 1_000, ExpiryCalculator: otter.ExpiryWriting[string, content.Settings](life),
		})
		s.known.names = otter.Must(&otter.Options[string, string]{
			MaximumSize: 50_000, ExpiryCalculator: otter.ExpiryWriting[string, string](life),
		})
		s.known.standouts = otter.Must(&otter.Options[string, []Standout]{
			MaximumSize: 10_000, ExpiryCalculator: otter.ExpiryWriting[string, []Standout](standoutLife),
		})
	})
	return &s.known
}

// stop ends the goroutines that take old entries out.
func (c *catalogueCache) stop() {
	c.settings.StopAllGoroutines()
	c.names.StopAllGoroutines()
	c.standouts.StopAllGoroutines()
}

// SiteSettings gives the settings of a site, the defaults where none were made.
func (s *Service) SiteSettings(ctx context.Context, site string) (content.Settings, error) {
	cache := s.cache().settings
	if v, ok := cache.GetIfPresent(site); ok {
		return v, nil
	}
	v, err := s.Ledger.Settings.Get(ctx, site)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		v = &ledger.Settings{Settings: content.DefaultSettings()}
	case err != nil:
		return content.Settings{}, fmt.Errorf("read settings: %w", err)
	}
	if v.Synonyms == nil {
		v.Synonyms = map[string][][]string{}
	}
	v.Regions, v.Domains = orEmpty(v.Regions), orEmpty(v.Domains)
	cache.Set(site, v.Settings)
	return v.Settings, nil
}

// ChangeSettings puts new settings in force from revision rev, 0 for the
// defaults: ErrForbidden, ErrConflict, content.Invalid.
func (s *Service) ChangeSettings(ctx context.Context, who content.Actor, site string, v content.Settings, rev int64) (content.Settings, error) {
	if err := administers(who); err != nil {
		return v, err
	}
	if err := v.Validate(); err != nil {
		return v, err
	}
	v.Rev = rev + 1
	doc := &ledger.Settings{Site: site, Settings: v}
	var err error
	if rev == 0 {
		err = s.Ledger.Settings.Insert(ctx, doc)
	} else {
		err = s.Ledger.Settings.Replace(ctx, doc, rev)
	}
	s.cache().settings.Invalidate(site)
	if errors.Is(err, ledger.ErrExists) || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrNotFound) {
		now, err := s.SiteSettings(ctx, site)
		if err != nil {
			return v, err
		}
		return v, &ConflictError{Rev: now.Rev}
	}
	if err != nil {
		return v, fmt.Errorf("change settings: %w", err)
	}
	s.shelf.DropAll(site) // scores depend on the prior
	return v, nil
}

func administers(who content.Actor) error {
	switch {
	case !who.Known():
		return ErrSignIn
	case !who.May(content.Admin):
		return ErrForbidden
	}
	return nil
}

// PutProduct adds or changes a catalogue entry: ErrForbidden, content.Invalid.
func (s *Service) PutProduct(ctx context.Context, who content.Actor, p content.Product) (content.Product, error) {
	if err := administers(who); err != nil {
		return p, err
	}
	if err := p.Validate(); err != nil {
		return p, err
	}
	p.UpdatedAt = s.now()
	was := ""
	_, err := s.Ledger.Products.Modify(ctx, ledger.Key(p.Site, p.ID), func(v *ledger.Product, _ bool) error {
		was = v.Name
		*v = ledger.Product{Product: p, Rev: v.Rev + 1}
		return nil
	})
	s.cache().names.Invalidate(ledger.Key(p.Site, p.ID))
	if err != nil {
		return p, fmt.Errorf("put product: %w", err)
	}
	if was != "" && was != p.Name {
		s.renamed(p.Site, p.ID)
	}
	return p, nil
}

// Product gives a catalogue entry: ErrNotFound.
func (s *Service) Product(ctx context.Context, site, id string) (content.Product, error) {
	p, err := s.Ledger.Products.Get(ctx, ledger.Key(site, id))
	if errors.Is(err, ledger.ErrNotFound) {
		return content.Product{}, ErrNotFound
	}
	if err != nil {
		return content.Product{}, fmt.Errorf("read product: %w", err)
	}
	return p.Product, nil
}

// PublicProduct gives a catalogue entry that strangers may know of: ErrNotFound.
// A product that a submission named exists for them once something about it is
// published: until then its id is a shopper's unseen words.
func (s *Service) PublicProduct(ctx context.Context, site, id string) (content.Product, error) {
	p, err := s.Product(ctx, site, id)
	if err != nil || !p.Provisional {
		return p, err
	}
	r := ledger.Prefix(ledger.ByPublic, site, string(content.ProductSubject), id)
	r.Limit = 1
	n, err := s.Ledger.Contents.Count(ctx, r)
	if err != nil {
		return content.Product{}, fmt.Errorf("read product: %w", err)
	}
	if n == 0 {
		return content.Product{}, ErrNotFound
	}
	return p, nil
}

// confirmProduct lets strangers know of a product for good, now that something
// about it is published.
func (s *Service) confirmProduct(ctx context.Context, site string, subject content.Subject) error {
	if subject.Type != content.ProductSubject {
		return nil
	}
	p, err := s.Product(ctx, site, subject.ID)
	if isGone(err) || err == nil && !p.Provisional {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.Ledger.Products.Modify(ctx, ledger.Key(site, subject.ID), func(v *ledger.Product, _ bool) error {
		v.Provisional = false
		v.Rev++
		return nil
	})
	return err
}

// PutBoard adds or changes a board: ErrForbidden, content.Invalid.
func (s *Service) PutBoard(ctx context.Context, who content.Actor, b content.Board) (content.Board, error) {
	if err := administers(who); err != nil {
		return b, err
	}
	if err := b.Validate(); err != nil {
		return b, err
	}
	b.UpdatedAt = s.now()
	_, err := s.Ledger.Boards.Modify(ctx, ledger.Key(b.Site, b.ID), func(v *ledger.Board, _ bool) error {
		*v = ledger.Board{Board: b, Rev: v.Rev + 1}
		return nil
	})
	if err != nil {
		return b, fmt.Errorf("put board: %w", err)
	}
	return b, nil
}

// Board gives a board: ErrNotFound.
func (s *Service) Board(ctx context.Context, site, id string) (content.Board, error) {
	b, err := s.Ledger.Boards.Get(ctx, ledger.Key(site, id))
	if errors.Is(err, ledger.ErrNotFound) {
		return content.Board{}, ErrNotFound
	}
	if err != nil {
		return content.Board{}, fmt.Errorf("read board: %w", err)
	}
	return b.Board, nil
}

// Products lists a site's catalogue by id; Boards its boards.
func (s *Service) Products(ctx context.Context, site string, p Paging) (List[content.Product], error) {
	return pageOf(ctx, s.Ledger.Products, ledger.Prefix(ledger.BySite, site), p, func(v *ledger.Product) (content.Product, error) {
		return v.Product, nil
	})
}

// Boards lists a site's boards by id.
func (s *Service) Boards(ctx context.Context, site string, p Paging) (List[content.Board], error) {
	return pageOf(ctx, s.Ledger.Boards, ledger.Prefix(ledger.BySite, site), p, func(v *ledger.Board) (content.Board, error) {
		return v.Board, nil
	})
}

// ensureSubject checks that what is written about exists. A product that does
// not may come into being, where the site lets it.
func (s *Service) ensureSubject(ctx context.Context, site string, subject content.Subject) error {
	if !content.ValidID(subject.ID) {
		return ErrNotFound
	}
	if subject.Type == content.BoardSubject {
		_, err := s.Board(ctx, site, subject.ID)
		return err
	}
	if s.productName(ctx, site, subject) != "" {
		return nil
	}
	settings, err := s.SiteSettings(ctx, site)
	if err != nil {
		return err
	}
	_, err = s.Product(ctx, site, subject.ID)
	if !errors.Is(err, ErrNotFound) || !settings.UnknownProducts {
		return err
	}
	p := &ledger.Product{Rev: 1, Product: content.Product{
		Site: site, ID: subject.ID, Name: subject.ID, UpdatedAt: s.now(), Provisional: true,
	}}
	if err := s.Ledger.Products.Insert(ctx, p); err != nil && !errors.Is(err, ledger.ErrExists) {
		return fmt.Errorf("add product: %w", err)
	}
	return nil
}

// productName names the product a text is about, for search; "" for boards and
// unknown products.
func (s *Service) productName(ctx context.Context, site string, subject content.Subject) string {
	if subject.Type != content.ProductSubject {
		return ""
	}
	key := ledger.Key(site, subject.ID)
	cache := s.cache().names
	if name, ok := cache.GetIfPresent(key); ok {
		return name
	}
	p, err := s.Product(ctx, site, subject.ID)
	if err != nil {
		// A search that lacks the product's name is still a search.
		return ""
	}
	cache.Set(key, p.Name)
	return p.Name
}
