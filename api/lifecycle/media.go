package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/signed"
)

// MediaConfig is what photos and videos need.
type MediaConfig struct {
	Processor *media.Processor
	// Store is where the processor's files are read and deleted again.
	Store media.Store
	// Key gives the key that signs a site's private addresses, of at least
	// signed.MinKey bytes; nil for a site that is gone.
	Key func(site string) []byte
	// TempDir is where videos are put to be worked on; "" for the system's own.
	TempDir string
	// Known are the pictures that moderators withheld.
	Known *Pictures
	// Items is how many media a content may have, at most content.MaxMedia; 0 for
	// 10.
	Items int
	// Quota bounds what is uploaded in 24 hours.
	Quota MediaQuota
	// Forget is asked to remove what has arrived of an upload that is given up; nil
	// where uploads arrive whole. It is set before the first upload.
	Forget func(ctx context.Context, site, id string) error
	// Resting services leave what is to be done with media to others.
	Resting bool
}

// MediaQuota bounds uploads in any 24 hours. A zero value stands for the
// default.
type MediaQuota struct {
	ShopperFiles int   // 200
	ShopperBytes int64 // 2 GiB
	SiteBytes    int64 // 100 GiB
}

func (c *MediaConfig) defaults() {
	set := func(v *int64, to int64) {
		if *v == 0 {
			*v = to
		}
	}
	if c.Items == 0 {
		c.Items = 10
	}
	if c.Quota.ShopperFiles == 0 {
		c.Quota.ShopperFiles = 200
	}
	set(&c.Quota.ShopperBytes, 2<<30)
	set(&c.Quota.SiteBytes, 100<<30)
}

// Errors of the verbs on media, beside those of the media room.
var (
	// ErrNoUploads: this service takes no photos or videos.
	ErrNoUploads = errors.New("uploads are not taken")
	// ErrQuota: the person has uploaded as much as they may in a day.
	ErrQuota = errors.New("upload quota used up")
	// ErrSiteQuota: the site has taken in as much as it may in a day.
	ErrSiteQuota = errors.New("upload quota of the site used up")
	// ErrMediumInUse: the medium belongs to a content.
	ErrMediumInUse = errors.New("medium belongs to a content")
	// ErrMediaPending: what is to be published names media that nobody can have
	// seen, as they are not processed yet.
	ErrMediaPending = errors.New("media are still being processed")
)

// signedFor is how long a signed address works at least. It ends on a full hour,
// so that the address stays the same for an hour and caches of browsers work.
const signedFor = time.Hour

// signedQuery is the query that opens one variant for a while.
func (s *Service) signedQuery(site, id, variant string) string {
	expires := s.Now().Truncate(time.Hour).Add(signedFor + time.Hour)
	signature, err := signed.Sign(s.Media.Key(site), site+"/"+id, variant, expires)
	if err != nil {
		s.Log.Error("address not signed", "site", site, "err", err)
		return ""
	}
	return "?expires=" + strconv.FormatInt(expires.Unix(), 10) + "&signature=" + signature
}

// opens reports whether a signature opens a variant now.
func (s *Service) opens(site, id, variant string, a Access) bool {
	if a.Signature == "" {
		return false
	}
	return signed.Verify(s.Media.Key(site), site+"/"+id, variant, a.Expires, s.Now(), a.Signature) == nil
}

// loadMedium reads a medium of a site: ErrNotFound.
func (s *Service) loadMedium(ctx context.Context, site, id string) (*ledger.Medium, error) {
	if s.Media == nil || !content.ValidID(id) {
		return nil, ErrNotFound
	}
	m, err := s.Ledger.Media.Get(ctx, id)
	if errors.Is(err, ledger.ErrNotFound) || err == nil && m.Site != site {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("load medium: %w", err)
	}
	return m, nil
}

// join looks up the media that a record's versions name, for its public face or,
// with sign, for its author's and the moderators'.
func (s *Service) join(ctx context.Context, rec *ledger.Record, sign bool) error {
	if !rec.Pictured || s.Media == nil {
		return nil
	}
	rec.Gallery = map[string]content.Medium{}
	for _, id := range mediaOf(rec) {
		m, err := s.loadMedium(ctx, rec.Site, id)
		if isGone(err) {
			continue
		}
		if err != nil {
			return err
		}
		// Another content's medium is none of this one's, whatever it names.
		if m.Content != rec.ID {
			continue
		}
		rec.Gallery[id] = s.mediumView(m, sign)
	}
	return nil
}

// mediaOf are the ids of the media that the versions of a record name.
func mediaOf(rec *ledger.Record) []string {
	var out []string
	for _, m := range rec.Current.Media {
		out = append(out, m.ID)
	}
	if rec.ApprovedVersion != nil {
		for _, m := range rec.ApprovedVersion.Media {
			out = append(out, m.ID)
		}
	}
	return out
}

// mediumView is a medium as contents show it. With sign its addresses are signed and
// the key frames are among them.
func (s *Service) mediumView(m *ledger.Medium, sign bool) content.Medium {
	out := content.Medium{
		ID: m.ID, Kind: m.Kind, State: m.State, Reason: m.Reason, Progress: m.Progress, Width: m.Width,
		Height: m.Height, Seconds: m.Duration.Seconds(), Placeholder: m.Placeholder, CreatedAt: m.CreatedAt,
	}
	if m.State != content.Ready {
		return out
	}
	for _, name := range variants {
		// A variant in several formats is one address: the asker's browser says
		// which it takes.
		f := fileOf(m, name, nil)
		if f == nil || !sign && !forStrangers(name) {
			continue
		}
		v := content.Variant{Name: name, Width: f.Width, Height: f.Height, URL: content.MediumPath(m.Site, m.ID, name)}
		if sign {
			v.URL += s.signedQuery(m.Site, m.ID, name)
		}
		out.Variants = append(out.Variants, v)
	}
	return out
}

// variants are the names of all variants in the order in which they are listed,
// key frames last.
var variants = []string{
	media.Thumb, media.Small, media.Large, media.Full, media.Poster, media.Video,
	"frame1", "frame2", "frame3", "frame4", "frame5", "frame6",
}

// forStrangers reports whether a variant is served with what is public; key
// frames are for moderators.
func forStrangers(variant string) bool {
	return slices.Contains(variants, variant) && !strings.HasPrefix(variant, "frame")
}
