package lifecycle

import (
	"context"
	"fmt"
	"maps"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// eraseMedia removes every photo and video of a person with all files made of
// them, and looks whether the files are gone. Files that somebody else uploaded
// too stay for them. Of what moderators withheld, the perceptual hashes stay,
// without person and picture: else erasing would be the way to post it again.
func (s *Service) eraseMedia(ctx context.Context, who content.Actor, site string, receipt *ledger.Receipt) error {
	if s.Media == nil {
		return nil
	}
	files := released{}
	for m, err := range s.Ledger.Media.Scan(ctx, ledger.Prefix(ledger.ByAuthor, site, who.ID)) {
		if err != nil {
			return err
		}
		some, err := s.eraseMedium(ctx, m)
		if err != nil {
			return fmt.Errorf("erase medium: %w", err)
		}
		receipt.Media++
		// What two media of the same person share goes with the second.
		maps.Copy(files, some)
	}
	for _, gone := range files {
		if gone {
			receipt.Files++
		} else {
			receipt.SharedFiles++
		}
	}
	return nil
}

// eraseMedium takes the files off the medium first: nothing can be served from
// then on, and whoever works on it finds it gone. Its author stays until its
// files are deleted, so that a repeated erasure finds it.
func (s *Service) eraseMedium(ctx context.Context, m *ledger.Medium) (released, error) {
	err := s.changeMedium(ctx, m.ID, func(m *ledger.Medium) {
		m.State, m.Reason, m.Work, m.Holder = content.Failed, "erased", "", ""
		m.Files, m.Source, m.Place, m.Placeholder, m.SHA256 = nil, "", nil, "", ""
	})
	if isGone(err) {
		return nil, nil
	}
	// A repeated erasure finds it failed; its kind is known once it has arrived.
	if err == nil && m.Kind == "" && s.Media.Forget != nil {
		err = s.Media.Forget(ctx, m.Site, m.ID)
	}
	if err != nil {
		return nil, err
	}
	files, err := s.releaseFiles(ctx, m.ID)
	if err != nil {
		return files, err
	}
	now, err := s.Ledger.Media.Get(ctx, m.ID)
	if err != nil {
		return files, ignoreMissing(err)
	}
	if !now.Banned {
		return files, s.Ledger.Media.Delete(ctx, m.ID)
	}
	return files, s.changeMedium(ctx, m.ID, func(m *ledger.Medium) {
		*m = ledger.Medium{
			ID: m.ID, Site: m.Site, State: content.Failed, Reason: "erased", Kind: m.Kind, Banned: true,
			PHash: m.PHash, DHash: m.DHash, CreatedAt: m.CreatedAt, Rev: m.Rev,
		}
	})
}
