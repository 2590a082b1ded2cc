package lifecycle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
)

// stagedLife is how long an upload waits for the content that names it, and how
// long it may take to arrive.
const stagedLife = 24 * time.Hour

// MaxUpload is the size in bytes of the largest upload that is taken; 0 where
// none is.
func (s *Service) MaxUpload() int64 {
	switch {
	case s.Media == nil:
		return 0
	case s.Media.Processor.TakesVideos():
		return max(s.Media.Processor.Limits().VideoBytes, s.Media.Processor.Limits().PhotoBytes)
	default:
		return s.Media.Processor.Limits().PhotoBytes
	}
}

// MediaLimits are the limits of what is taken in; false where nothing is.
func (s *Service) MediaLimits() (media.Limits, bool) {
	if s.Media == nil {
		return media.Limits{}, false
	}
	return s.Media.Processor.Limits(), true
}

// RefusesUpload reports whether an error of FinishUpload refuses the file for
// good, rather than being the service's own trouble.
func RefusesUpload(err error) bool {
	return refusal(err) != "" || isGone(err) || errors.Is(err, ErrNoUploads)
}

// BeginUpload reserves room for size bytes and names the upload, which becomes
// the medium of that id. Errors: ErrNoUploads, ErrSignIn, media.ErrTooManyBytes,
// ErrQuota, ErrSiteQuota.
func (s *Service) BeginUpload(ctx context.Context, who content.Actor, site string, size int64) (string, error) {
	switch {
	case s.Media == nil:
		return "", ErrNoUploads
	case !who.May(content.Shopper):
		return "", ErrSignIn
	case size > s.MaxUpload():
		return "", fmt.Errorf("%w: more than %d MiB", media.ErrTooManyBytes, s.MaxUpload()>>20)
	}
	lock := s.stripe(site + "/" + who.ID)
	lock.Lock() // of two uploads at once only one may take the last of a quota
	defer lock.Unlock()
	if err := s.withinQuota(ctx, who, site, size); err != nil {
		return "", err
	}
	now := s.now()
	m := &ledger.Medium{
		ID: s.NewID(), Site: site, Author: who.ID, State: content.Uploading, Size: size,
		Expires: now.Add(stagedLife), CreatedAt: now, UpdatedAt: now, Rev: 1,
	}
	if err := s.Ledger.Media.Insert(ctx, m); err != nil {
		return "", fmt.Errorf("begin upload: %w", err)
	}
	return m.ID, nil
}

// MayUpload is nil while somebody may go on with an upload, and ErrNotFound for
// everybody else and ever after.
func (s *Service) MayUpload(ctx context.Context, who content.Actor, site, id string) error {
	m, err := s.loadMedium(ctx, site, id)
	if err != nil {
		return err
	}
	if !who.May(content.Shopper) || m.Author != who.ID || m.State != content.Uploading || !s.Now().Before(m.Expires) {
		return ErrNotFound
	}
	return nil
}

// DropUpload gives up an upload that has not arrived: ErrNotFound.
func (s *Service) DropUpload(ctx context.Context, who content.Actor, site, id string) error {
	if err := s.MayUpload(ctx, who, site, id); err != nil {
		return err
	}
	return s.discard(ctx, id, "discarded", func(m *ledger.Medium) bool { return m.State == content.Uploading })
}

// Upload takes in the file at path as a new medium. Errors: those of BeginUpload
// and FinishUpload.
func (s *Service) Upload(ctx context.Context, who content.Actor, site, path string, size int64) (content.PrivateMedia, error) {
	id, err := s.BeginUpload(ctx, who, site, size)
	if err != nil {
		return content.PrivateMedia{}, err
	}
	if err := s.FinishUpload(ctx, site, id, path); err != nil {
		if gone := s.forget(context.WithoutCancel(ctx), id); gone != nil {
			s.Log.Warn("refused upload left to the sweeper", "medium", id, "err", gone)
		}
		return content.PrivateMedia{}, err
	}
	return s.Medium(ctx, who, site, id)
}

// forget gives up an upload of which nobody was told the id. A refused one stays
// on record for the quota; one that failed by the service's own trouble does not
// count.
func (s *Service) forget(ctx context.Context, id string) error {
	m, err := s.Ledger.Media.Get(ctx, id)
	if err != nil || m.State == content.Failed {
		return ignoreMissing(err)
	}
	if err := s.discard(ctx, id, "refused", func(*ledger.Medium) bool { return true }); err != nil {
		return err
	}
	return s.Ledger.Media.Delete(ctx, id)
}

// FinishUpload takes in the whole file of an upload: a photo is ready when it
// returns, a video waits for its turn. Doing it again changes nothing. Errors:
// ErrNotFound, ErrNoUploads, and those of the media room, after which the upload
// has failed for good where the file is refused.
func (s *Service) FinishUpload(ctx context.Context, site, id, path string) error {
	if s.Media == nil {
		return ErrNoUploads
	}
	m, err := s.loadMedium(ctx, site, id)
	if err != nil {
		return err
	}
	if m.State != content.Uploading {
		return nil
	}
	made, err := s.takeIn(ctx, m, path)
	if err != nil {
		return errors.Join(err, s.refuse(context.WithoutCancel(ctx), id, err))
	}
	if err := s.finish(ctx, id, content.Uploading, made); err != nil {
		return err
	}
	s.wakeMedia()
	return nil
}

// takeIn makes what is served of a photo, or keeps a video for later, and gives
// what is to be noted of it.
func (s *Service) takeIn(ctx context.Context, m *ledger.Medium, path string) (made func(*ledger.Medium), err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("take in upload: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	head, err := io.ReadAll(io.LimitReader(file, media.HeadSize))
	if err != nil {
		return nil, fmt.Errorf("take in upload: %w", err)
	}
	sniffed, err := media.Sniff(head)
	if err != nil {
		return nil, err
	}
	if sniffed.Kind == media.KindVideo {
		return s.takeVideo(ctx, m, file, int64(len(head)), sniffed.Format)
	}
	return s.takePhoto(ctx, m, file)
}

func (s *Service) takePhoto(ctx context.Context, m *ledger.Medium, file io.ReadSeeker) (func(*ledger.Medium), error) {
	s.working.photos.Add(1)
	defer s.working.photos.Add(-1)
	processor := s.Media.Processor.Into(keeper{s, m.Site, m.ID})
	var info media.Info
	var files []media.Derivative
	err := twice(func() error {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("take in photo: %w", err)
		}
		var err error
		info, files, err = processor.Photo(ctx, file)
		return err
	})
	if err != nil {
		return nil, err
	}
	return func(m *ledger.Medium) {
		describe(m, info, files)
		m.State, m.Work, m.Due = content.Ready, ledger.WorkWebP, s.now()
	}, nil
}

// takeVideo keeps a video as it came until it is processed, so that any node may
// do it, and a crash loses nothing.
func (s *Service) takeVideo(ctx context.Context, m *ledger.Medium, file io.ReadSeeker, least int64, format string) (func(*ledger.Medium), error) {
	processor := s.Media.Processor
	if !processor.TakesVideos() {
		return nil, media.ErrNoFFmpeg
	}
	rewind := func() error {
		_, err := file.Seek(0, io.SeekStart)
		return err
	}
	if err := rewind(); err != nil {
		return nil, fmt.Errorf("take in video: %w", err)
	}
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	if err = errors.Join(err, rewind()); err != nil {
		return nil, fmt.Errorf("take in video: %w", err)
	}
	if limit := processor.Limits().VideoBytes; size > limit || size < least {
		return nil, fmt.Errorf("%w: more than %d MiB", media.ErrTooManyBytes, limit>>20)
	}
	digest := [sha256.Size]byte(sum.Sum(nil))
	name := blob.Name(digest, "bin")
	if err := (keeper{s, m.Site, m.ID}).Put(ctx, name, file, size); err != nil {
		return nil, fmt.Errorf("take in video: %w", err)
	}
	return func(m *ledger.Medium) {
		m.Kind, m.State, m.Format, m.Source = content.Video, content.Uploaded, format, name
		m.Size, m.SHA256 = size, hex.EncodeToString(digest[:])
		m.Work, m.Due = ledger.WorkVideo, s.now()
	}, nil
}

// finish notes what became of a medium, which is still in a state; else whatever
// was stored for it goes again: ErrNotFound.
func (s *Service) finish(ctx context.Context, id string, from content.MediumState, made func(*ledger.Medium)) error {
	wctx, cancel := unhurried(ctx)
	defer cancel()
	err := s.changeWhile(wctx, id, func(m *ledger.Medium) bool { return m.State == from }, made)
	if isGone(err) {
		return errors.Join(ErrNotFound, s.releaseGone(wctx, id))
	}
	if err != nil {
		return fmt.Errorf("finish upload: %w", err)
	}
	return nil
}

// refuse notes why an upload has failed for good. Trouble of the service's own
// leaves it as it is, to be tried again.
func (s *Service) refuse(ctx context.Context, id string, because error) error {
	reason := refusal(because)
	if reason == "" {
		return nil
	}
	return s.discard(ctx, id, reason, func(m *ledger.Medium) bool { return m.State == content.Uploading })
}

// failedLife is how long one can learn at least why an upload failed.
const failedLife = time.Hour

// discard makes a medium a failed one without files, if it is still as the
// caller believes; the sweeper removes it later.
func (s *Service) discard(ctx context.Context, id, reason string, still func(*ledger.Medium) bool) error {
	err := s.changeWhile(ctx, id, still, func(m *ledger.Medium) {
		if m.State == content.Uploading && reason == "discarded" {
			m.Size = 0 // it never arrived whole; only its beginning counts
		}
		if m.State != content.Failed {
			m.State, m.Reason = content.Failed, reason
		}
		m.Work, m.Source, m.Files, m.Place, m.Expires = "", "", nil, nil, s.now().Add(failedLife)
		// What was sent counts, whatever became of it.
		if until := m.CreatedAt.Add(quotaTime); m.Expires.Before(until) {
			m.Expires = until
		}
	})
	if isGone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("discard medium: %w", err)
	}
	_, err = s.releaseFiles(ctx, id)
	return err
}

// describe notes what is known of an upload and the files that were made of it.
func describe(m *ledger.Medium, info media.Info, files []media.Derivative) {
	m.Kind, m.Format, m.SHA256, m.Size = content.MediumKind(info.Kind), info.Format, info.SHA256, info.Size
	m.Width, m.Height, m.Duration, m.Placeholder = info.Width, info.Height, info.Duration, info.Placeholder
	m.PHash, m.DHash = int64(info.PHash), int64(info.DHash)
	m.Progress, m.Files = 0, nil
	addFiles(m, files)
}

func addFiles(m *ledger.Medium, files []media.Derivative) {
	for _, d := range files {
		m.Files = append(m.Files, ledger.MediumFile{
			Variant: d.Variant, Format: d.Format, Width: d.Width, Height: d.Height, Blob: d.Blob, Size: d.Size,
		})
	}
}

// twice does a job again that took too long: a busy machine makes it too.
func twice(job func() error) error {
	err := job()
	if errors.Is(err, media.ErrTimeout) || errors.Is(err, media.ErrVideoTimeout) {
		err = job()
	}
	return err
}

// Medium gives an upload to the person who made it, and to moderators:
// ErrNotFound for everybody else.
func (s *Service) Medium(ctx context.Context, who content.Actor, site, id string) (content.PrivateMedia, error) {
	m, err := s.ownMedium(ctx, who, site, id)
	if err != nil {
		return content.PrivateMedia{}, err
	}
	return s.mediumView(m, true).Private(), nil
}

func (s *Service) ownMedium(ctx context.Context, who content.Actor, site, id string) (*ledger.Medium, error) {
	m, err := s.loadMedium(ctx, site, id)
	if err != nil {
		return nil, err
	}
	if !who.Known() || m.Author != who.ID && !who.May(content.Moderator) {
		return nil, ErrNotFound
	}
	return m, nil
}

// DeleteMedium removes an upload that no content has taken. Errors: ErrNotFound,
// ErrMediumInUse.
func (s *Service) DeleteMedium(ctx context.Context, who content.Actor, site, id string) error {
	m, err := s.loadMedium(ctx, site, id)
	if err != nil {
		return err
	}
	if !who.Known() || m.Author != who.ID {
		return ErrNotFound
	}
	free := true
	err = s.discard(ctx, id, "discarded", func(m *ledger.Medium) bool {
		free = m.Content == ""
		return free
	})
	if !free {
		return ErrMediumInUse
	}
	return err
}
