package moderation

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
)

// Kinds of pictures.
const (
	PicturePhoto = "photo"
	PictureVideo = "video"
)

// Picture is a photo or video of a submission, as far as screening knows it: by
// its perceptual hashes of 64 bits each, those of a video's poster. They are 0
// until it is Ready, that is processed.
type Picture struct {
	ID           string
	Kind         string // photo or video
	PHash, DHash uint64
	Ready        bool
	// Caption and Alt are what the author wrote to it.
	Caption, Alt string
}

// KnownPicture is a picture that moderators rejected.
type KnownPicture struct {
	ID           string
	PHash, DHash uint64
}

// Lookalikes finds pictures that moderators rejected.
type Lookalikes interface {
	// Near lists those of a site whose pHash differs from phash in at most
	// within bits, in any order. An error holds the submission.
	Near(ctx context.Context, site string, phash uint64, within int) ([]KnownPicture, error)
}

// LookalikeBits is in how many of 64 bits each hash of two pictures that look
// alike may differ. Both must agree: they see different things, pHash the coarse
// frequencies and dHash the slopes of brightness, so that one keeps the other
// from false alarms. Those cost more here than a miss, as people look at every
// picture anyway. Of 82 photos, 90 % and more are recognised after scaling to a
// third, strong compression, blurring, a change of brightness or cutting 2 % off,
// 88 % after cutting 5 % off; turned, mirrored and captioned ones mostly are not.
// Of all pairs of different photos none was nearer than 18 bits in pHash.
const LookalikeBits = 10

// plainHash is how many bits of either sort a hash needs to tell pictures apart:
// all that is of one colour looks alike to it.
const plainHash = 8

// Alike tells in how many bits of both hashes the pictures differ, and whether
// they look alike. A picture does not look like itself, nor does one that is not
// processed or all of one colour look like anything.
func (k KnownPicture) Alike(p Picture) (distance int, ok bool) {
	dp, dd := bits.OnesCount64(k.PHash^p.PHash), bits.OnesCount64(k.DHash^p.DHash)
	return dp + dd, dp <= LookalikeBits && dd <= LookalikeBits && k.ID != p.ID && p.telling()
}

// telling reports whether the hashes say something about the picture.
func (p Picture) telling() bool {
	detailed := func(hash uint64) bool {
		ones := bits.OnesCount64(hash)
		return ones >= plainHash && ones <= 64-plainHash
	}
	return p.Ready && detailed(p.PHash) && detailed(p.DHash)
}

// pictureSignals says that there are pictures, which people see before anybody
// else, and looks for those that moderators rejected before.
func (r *run) pictureSignals() error {
	if len(r.sub.Pictures) == 0 {
		return nil
	}
	r.signal(Signal{Code: CodePictures, Severity: SeverityInfo, Rule: picturesVersion, Cause: r.picturesCause()})
	if r.opt.Lookalikes == nil {
		return nil
	}
	for _, p := range r.sub.Pictures {
		if !p.telling() {
			continue
		}
		known, err := r.opt.Lookalikes.Near(r.ctx, r.sub.Site, p.PHash, LookalikeBits)
		if err != nil {
			return fmt.Errorf("picture %s: %w", p.ID, err)
		}
		if best, ok := nearest(known, p); ok {
			r.known = true
			r.signal(Signal{
				Code: CodePictureKnown, Severity: SeverityHigh, Rule: picturesVersion, Weight: 0.6, Media: p.ID, Alike: best.ID,
				Cause: fmt.Sprintf("The %s looks like one that moderators rejected before (%s).", pictureKind(p), best.ID),
			})
		}
	}
	return nil
}

const picturesVersion = "pictures@1"

// nearest of the pictures that look alike.
func nearest(known []KnownPicture, p Picture) (best KnownPicture, found bool) {
	least := 0
	for _, k := range known {
		d, ok := k.Alike(p)
		if ok && (!found || cmp.Or(cmp.Compare(d, least), cmp.Compare(k.ID, best.ID)) < 0) {
			best, least, found = k, d, true
		}
	}
	return best, found
}

func pictureKind(p Picture) string {
	if p.Kind == PictureVideo {
		return PictureVideo
	}
	return PicturePhoto
}

func (r *run) picturesCause() string {
	videos, waiting := 0, 0
	for _, p := range r.sub.Pictures {
		if pictureKind(p) == PictureVideo {
			videos++
		}
		if !p.Ready {
			waiting++
		}
	}
	cause := fmt.Sprintf("Photos: %d, videos: %d. People see them before they are published.", len(r.sub.Pictures)-videos, videos)
	if waiting > 0 && r.opt.Lookalikes != nil {
		cause += fmt.Sprintf(" Not processed yet, so not compared with rejected ones: %d.", waiting)
	}
	return cause
}
