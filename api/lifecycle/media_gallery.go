package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// GalleryItem is one public photo or video with the content it belongs to.
type GalleryItem struct {
	Media   content.PublicMedia `json:"media"`
	Content GalleryContent      `json:"content"`
}

// GalleryContent is what a gallery tells of a content.
type GalleryContent struct {
	ID          string               `json:"id"`
	Kind        content.Kind         `json:"kind"`
	Subject     content.Subject      `json:"subject"`
	Author      content.PublicAuthor `json:"author"`
	Rating      int                  `json:"rating,omitempty"`
	Title       string               `json:"title,omitempty"`
	Language    string               `json:"language,omitempty"`
	PublishedAt time.Time            `json:"published_at"`
}

// Gallery is one page of public media. Total counts all pages.
type Gallery struct {
	Items []GalleryItem `json:"items"`
	Total int           `json:"total"`
	Next  Cursor        `json:"next"`
}

// Gallery lists the public media of a product, or of a whole site where product
// is empty: those of the newest content first, each content's in its author's
// order. Errors: ErrNotFound for an unknown product, ErrCursor.
func (s *Service) Gallery(ctx context.Context, site, product string, p Paging) (Gallery, error) {
	r := ledger.Prefix(ledger.ByGallery, site)
	if product != "" {
		r = ledger.Prefix(ledger.ByPublic, site, string(content.ProductSubject), product)
	}
	total, err := s.Ledger.Media.Count(ctx, r)
	if err != nil {
		return Gallery{}, fmt.Errorf("gallery: %w", err)
	}
	if total == 0 && product != "" {
		if _, err := s.PublicProduct(ctx, site, product); err != nil {
			return Gallery{}, err
		}
	}
	r.Reverse = true
	page, err := pageOf(ctx, s.Ledger.Media, r, p, func(m *ledger.Medium) (*GalleryItem, error) {
		return s.galleryItem(ctx, m)
	})
	if err != nil {
		return Gallery{}, fmt.Errorf("gallery: %w", err)
	}
	out := Gallery{Items: []GalleryItem{}, Total: total, Next: page.Next}
	for _, item := range page.Items {
		if item != nil {
			out.Items = append(out.Items, *item)
		}
	}
	return out, nil
}

// galleryItem is a medium as galleries show it; nil where its content was taken
// off since.
func (s *Service) galleryItem(ctx context.Context, m *ledger.Medium) (*GalleryItem, error) {
	rec, err := s.publicRecord(ctx, m.Site, m.Content)
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rec.Gallery = map[string]content.Medium{m.ID: s.mediumView(m, false)}
	public, _ := rec.Public(content.Votes{}, 0)
	for _, shown := range public.Media {
		if shown.ID == m.ID {
			return &GalleryItem{Media: shown, Content: GalleryContent{
				ID: public.ID, Kind: public.Kind, Subject: public.Subject, Author: public.Author, Rating: public.Rating,
				Title: public.Title, Language: public.Language, PublishedAt: public.PublishedAt,
			}}, nil
		}
	}
	return nil, nil
}

// placeMedia brings the media of a record in step with it: where galleries show
// them, and which of them are withheld. Doing it again changes nothing.
func (s *Service) placeMedia(ctx context.Context, rec *ledger.Record) error {
	if !rec.Pictured || s.Media == nil {
		return nil
	}
	places, err := s.places(ctx, rec)
	if err != nil {
		return err
	}
	list, err := s.Ledger.Media.All(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID))
	if err != nil {
		return fmt.Errorf("place media: %w", err)
	}
	for _, m := range list {
		place := places[m.ID]
		// What an edit took that has not come to its end may still expire.
		stays := m.Expires.IsZero() || m.State != content.Failed && rec.Names(m.ID)
		_, banned := rec.WithheldMedium(m.ID)
		if rec.State == content.Erased {
			banned = m.Banned // what it looked like is remembered without it
		}
		if stays != m.Expires.IsZero() || !samePlace(m.Place, place) || m.Banned != banned {
			err := s.changeMedium(ctx, m.ID, func(m *ledger.Medium) {
				m.Place, m.Banned = place, banned
				if stays && m.State != content.Failed {
					m.Expires = time.Time{}
				}
			})
			if err != nil && !isGone(err) {
				return fmt.Errorf("place media: %w", err)
			}
		}
		if err := s.Media.Known.set(m.Site, m.ID, uint64(m.PHash), uint64(m.DHash), banned, m.Banned != banned); err != nil {
			s.Log.Error("withheld picture not remembered", "medium", m.ID, "err", err)
		}
	}
	return nil
}

// places are where galleries show the media of a record.
func (s *Service) places(ctx context.Context, rec *ledger.Record) (map[string]*ledger.MediumPlace, error) {
	public := *rec
	if err := s.below(ctx, &public); err != nil {
		return nil, err
	}
	out := map[string]*ledger.MediumPlace{}
	shown, _ := public.Public(content.Votes{}, 0)
	for i, m := range shown.Media {
		out[m.ID] = &ledger.MediumPlace{Subject: rec.Subject, Published: rec.PublishedAt, Index: i}
	}
	return out, nil
}

func samePlace(a, b *ledger.MediumPlace) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Subject == b.Subject && a.Index == b.Index && a.Published.Equal(b.Published)
}
