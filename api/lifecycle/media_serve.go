package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/media/blob"
)

// Access is what an address carries beside its path: a signature and until when
// it holds, both zero where it has none.
type Access struct {
	Signature string
	Expires   time.Time
}

// MediaFile is a stored file of a medium, open for reading from any position.
type MediaFile struct {
	io.ReadSeekCloser
	// Name is content-addressed: another file has another name.
	Name        string
	ContentType string
	Size        int64 // bytes
	// Public files may be kept by any cache, for good.
	Public bool
	// Negotiated is whether the variant is there in several formats, or will be:
	// caches must not keep the one for those who take the other.
	Negotiated bool
}

// OpenMedium opens a variant of a medium: for strangers with what is public, for
// its author and moderators any, and for who has a signed address that one.
// takes reports whether the asker takes a media type. Errors: ErrNotFound.
func (s *Service) OpenMedium(ctx context.Context, who content.Actor, site, id, variant string, a Access, takes func(contentType string) bool) (*MediaFile, error) {
	m, err := s.loadMedium(ctx, site, id)
	if err != nil {
		return nil, err
	}
	if m.State != content.Ready {
		return nil, ErrNotFound
	}
	public, err := s.publicMedium(ctx, m, variant)
	if err != nil {
		return nil, err
	}
	private := who.Known() && (m.Author == who.ID || who.May(content.Moderator)) || s.opens(site, id, variant, a)
	if !public && !private {
		return nil, ErrNotFound
	}
	f := fileOf(m, variant, takes)
	if f == nil {
		return nil, ErrNotFound
	}
	file, info, err := s.Media.Store.Open(ctx, f.Blob)
	if errors.Is(err, blob.ErrNotFound) {
		s.Log.Error("file of a medium is missing; run candor check media --repair", "medium", id, "variant", variant)
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open medium: %w", err)
	}
	return &MediaFile{
		ReadSeekCloser: file, Name: f.Blob, ContentType: blob.ContentType(f.Blob), Size: info.Size, Public: public,
		Negotiated: m.Kind == content.Photo,
	}, nil
}

// publicMedium reports whether strangers may see a variant of a medium: its
// content is public, with a version that names it, and it is not withheld.
func (s *Service) publicMedium(ctx context.Context, m *ledger.Medium, variant string) (bool, error) {
	if m.Content == "" || !forStrangers(variant) {
		return false, nil
	}
	rec, err := s.publicRecord(ctx, m.Site, m.Content)
	if isGone(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v, ok := rec.PublicVersion()
	return ok && rec.Shows(v, m.ID), nil
}

// formats are the formats of pictures, best first.
var formats = []string{"webp", "jpeg"}

// fileOf chooses the best file of a variant that the asker takes, or JPEG, which
// everybody does; nil where there is no such variant. Without takes it is the
// JPEG.
func fileOf(m *ledger.Medium, variant string, takes func(string) bool) *ledger.MediumFile {
	var chosen *ledger.MediumFile
	for i, f := range m.Files {
		if f.Variant != variant {
			continue
		}
		plain := f.Format != formats[0]
		if plain && chosen == nil || !plain && takes != nil && takes(blob.ContentType(f.Blob)) {
			chosen = &m.Files[i]
		}
	}
	return chosen
}

// MediaProgress tells how an upload comes along, each time that changes, until
// it is ready or failed or ctx ends: ErrNotFound for who may not know of it.
func (s *Service) MediaProgress(ctx context.Context, who content.Actor, site, id string, tell func(content.PrivateMedia) error) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	last := int64(0)
	for {
		m, err := s.ownMedium(ctx, who, site, id)
		if err != nil {
			return err
		}
		if m.Rev != last {
			last = m.Rev
			if err := tell(s.mediumView(m, true).Private()); err != nil {
				return err
			}
		}
		if m.State.Settled() {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// progressEvery is how often progress is looked up for those who watch it.
const progressEvery = 500 * time.Millisecond
