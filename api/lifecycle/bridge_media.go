package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/nearby"
	"github.com/candor-ugc/candor/moderation"
)

// refusals are the codes of what can be wrong with an upload. What is not listed
// is the service's own trouble.
var refusals = []struct {
	err  error
	code string
}{
	{media.ErrUnsupported, "unsupported"},
	{media.ErrMalformed, "damaged"},
	{media.ErrPolyglot, "polyglot"},
	{media.ErrTooManyBytes, "too_large"},
	{media.ErrTooManyPixels, "too_many_pixels"},
	{media.ErrTooManyFrames, "too_many_frames"},
	{media.ErrDamaged, "damaged"},
	{media.ErrFeature, "unsupported"},
	{media.ErrCostly, "too_costly"},
	{media.ErrTimeout, "too_slow"},
	{media.ErrCrashed, "damaged"},
	{media.ErrVideo, "damaged"},
	{media.ErrVideoLimit, "video_limit"},
	{media.ErrVideoCodec, "video_codec"},
	{media.ErrVideoExternal, "video_external"},
	{media.ErrVideoTimeout, "too_slow"},
	{media.ErrNoFFmpeg, "no_videos"},
}

// refusal is the code of what is wrong with an upload, "" where nothing is.
func refusal(err error) string {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r.code
		}
	}
	return ""
}

// maxPictures bounds the withheld pictures of one site that are remembered.
const maxPictures = 200_000

// picturesAge is how long what other nodes withheld may go unnoticed.
const picturesAge = 30 * time.Second

// Pictures are the photos and videos that moderators withheld, by site, so that
// ones alike are held. Make it with [NewPictures].
type Pictures struct {
	mu    sync.Mutex
	sites map[string]*sitePictures
	// reading lets one read a site's for all who wait.
	reading map[string]*sync.Mutex
	// changes counts what was set anew, for those who read meanwhile.
	changes int
}

type sitePictures struct {
	known        *nearby.Set
	phash, dhash map[string]uint64
	loaded       time.Time
}

// NewPictures makes an empty collection.
func NewPictures() *Pictures {
	return &Pictures{sites: map[string]*sitePictures{}, reading: map[string]*sync.Mutex{}}
}

// Near implements moderation.Lookalikes over the sites that were read.
func (p *Pictures) Near(_ context.Context, site string, phash uint64, within int) ([]moderation.KnownPicture, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.sites[site]
	if known == nil {
		return nil, nil
	}
	var out []moderation.KnownPicture
	for _, m := range known.known.Near(phash, within) {
		out = append(out, moderation.KnownPicture{ID: m.ID, PHash: known.phash[m.ID], DHash: known.dhash[m.ID]})
	}
	return out, nil
}

// alike gives the withheld picture of a site that looks like one.
func (p *Pictures) alike(ctx context.Context, m *ledger.Medium) (id string, ok bool) {
	near, err := p.Near(ctx, m.Site, uint64(m.PHash), moderation.LookalikeBits)
	if err != nil {
		return "", false
	}
	picture := moderation.Picture{ID: m.ID, PHash: uint64(m.PHash), DHash: uint64(m.DHash), Ready: true}
	for _, k := range near {
		if _, ok := k.Alike(picture); ok && k.ID != m.ID {
			return k.ID, true
		}
	}
	return "", false
}

// set notes whether a picture is withheld, and whether that is new.
func (p *Pictures) set(site, id string, phash, dhash uint64, withheld, isNew bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.sites[site]
	has := false
	if known != nil {
		_, has = known.phash[id]
	}
	// What has long been so must not let others read again and again.
	if isNew || has != withheld {
		p.changes++
	}
	if known == nil {
		return nil // it is read with the others, when they are needed
	}
	if !withheld {
		known.known.Remove(phash, id)
		delete(known.phash, id)
		delete(known.dhash, id)
		return nil
	}
	return known.add(id, phash, dhash)
}

func (k *sitePictures) add(id string, phash, dhash uint64) error {
	// A picture of one colour is like every other.
	if n := bits.OnesCount64(dhash); n == 0 || n == 64 {
		return nil
	}
	if err := k.known.Add(phash, id); err != nil {
		return fmt.Errorf("remember a picture: %w", err)
	}
	k.phash[id], k.dhash[id] = phash, dhash
	return nil
}

func (p *Pictures) reader(site string) *sync.Mutex {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reading[site] == nil {
		p.reading[site] = new(sync.Mutex)
	}
	return p.reading[site]
}

// ensure reads the pictures of a site, again after a while where other nodes may
// have added some.
func (p *Pictures) ensure(ctx context.Context, s *Service, site string) error {
	lock := p.reader(site)
	lock.Lock()
	defer lock.Unlock()
	for {
		p.mu.Lock()
		known, before := p.sites[site], p.changes
		fresh := known != nil && (!s.Ledger.Shared() || s.Now().Sub(known.loaded) < picturesAge)
		p.mu.Unlock()
		if fresh {
			return nil
		}
		next, err := s.withheldPictures(ctx, site)
		if err != nil {
			return err
		}
		p.mu.Lock()
		// What was set while they were read may not be among them.
		if p.changes == before {
			p.sites[site] = next
		}
		p.mu.Unlock()
	}
}

func (s *Service) withheldPictures(ctx context.Context, site string) (*sitePictures, error) {
	known := &sitePictures{known: nearby.NewSet(maxPictures), phash: map[string]uint64{}, dhash: map[string]uint64{}, loaded: s.Now()}
	for m, err := range s.Ledger.Media.Scan(ctx, ledger.Prefix(ledger.ByBanned, site)) {
		if err != nil {
			return nil, fmt.Errorf("read withheld pictures: %w", err)
		}
		if err := known.add(m.ID, uint64(m.PHash), uint64(m.DHash)); err != nil {
			s.Log.Error("not all withheld pictures are looked for", "site", site, "err", err)
			break
		}
	}
	return known, nil
}

// pictures are the media of a record as screening sees them.
func (s *Service) pictures(ctx context.Context, rec *ledger.Record) ([]moderation.Picture, error) {
	if len(rec.Current.Media) == 0 || s.Media == nil {
		return nil, nil
	}
	if err := s.Media.Known.ensure(ctx, s, rec.Site); err != nil {
		return nil, err
	}
	var out []moderation.Picture
	for _, named := range rec.Current.Media {
		m, err := s.loadMedium(ctx, rec.Site, named.ID)
		if isGone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, moderation.Picture{
			ID: m.ID, Kind: string(m.Kind), PHash: uint64(m.PHash), DHash: uint64(m.DHash),
			Ready: m.State == content.Ready, Caption: named.Caption, Alt: named.Alt,
		})
	}
	return out, nil
}

// markAlike marks the media of a content that look like withheld ones. It is
// looked up anew each time: what a video shows is known only later, and more may
// have been withheld since it was screened.
func (s *Service) markAlike(ctx context.Context, rec *ledger.Record) {
	if len(rec.Gallery) == 0 {
		return
	}
	if err := s.Media.Known.ensure(ctx, s, rec.Site); err != nil {
		s.Log.Warn("withheld pictures not looked up", "content", rec.ID, "err", err)
		return
	}
	for id, m := range rec.Gallery {
		kept, err := s.loadMedium(ctx, rec.Site, id)
		if err != nil || kept.State != content.Ready || kept.Banned {
			continue
		}
		if alike, ok := s.Media.Known.alike(ctx, kept); ok {
			m.Alike = alike
			rec.Gallery[id] = m
		}
	}
}
