package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/media"
)

const (
	// workLease is how long a medium is worked on before another node may think
	// that nobody does; the work renews it.
	workLease = 2 * time.Minute
	workRenew = 20 * time.Second
	workEvery = 5 * time.Second
	workBatch = 8
	// crashTries is how often work may end without a word, by a crash, until it is
	// taken for its cause; storeTries is how often trouble of the store is borne.
	crashTries = 3
	storeTries = 10
	storePause = time.Minute
	// yieldTime is how long making WebP waits, at most, for photos that somebody
	// waits for: it costs ten times what they do, and nobody misses it.
	yieldTime  = 30 * time.Second
	yieldPause = 50 * time.Millisecond
	// progressStep is the least progress that is told.
	progressStep = 2 * time.Second
)

// mediaWork wakes those who work on media.
type mediaWork struct {
	videos, webps chan struct{}
	// photos counts those whose uploader waits for them.
	photos atomic.Int64
}

func (w *mediaWork) init() {
	w.videos, w.webps = make(chan struct{}, 1), make(chan struct{}, 1)
}

// wakeMedia lets the workers look for work at once.
func (s *Service) wakeMedia() {
	for _, c := range []chan struct{}{s.working.videos, s.working.webps} {
		select {
		case c <- struct{}{}:
		default: // one is awake already, and will look again
		}
	}
}

// MediaWaiting counts the media with which one kind of work is still to be done.
func (s *Service) MediaWaiting(ctx context.Context, kind string) (int, error) {
	return s.Ledger.Media.Count(ctx, ledger.Prefix(ledger.ByOwes, kind))
}

// startMedia begins to work on what is left to do with media.
func (s *Service) startMedia(ctx, background context.Context) error {
	if s.Media == nil || s.Media.Resting {
		return nil
	}
	if !s.Ledger.Shared() {
		// Whoever held work is this process, in an earlier life.
		if err := s.freeWork(ctx); err != nil {
			return err
		}
	}
	if s.Media.Processor.TakesVideos() {
		for range max(s.Media.Processor.Limits().VideoJobs, 1) {
			s.work.Go(func() error { s.workOn(background, ledger.WorkVideo, s.working.videos); return nil })
		}
	}
	s.work.Go(func() error { s.workOn(background, ledger.WorkWebP, s.working.webps); return nil })
	return nil
}

func (s *Service) freeWork(ctx context.Context) error {
	for m, err := range s.Ledger.Media.Scan(ctx, ledger.Prefix(ledger.ByOwes)) {
		if err != nil {
			return err
		}
		if m.Holder == "" {
			continue
		}
		if err := s.changeMedium(ctx, m.ID, func(m *ledger.Medium) { m.Holder, m.Due = "", s.now() }); err != nil {
			return err
		}
	}
	return nil
}

// changeMedium changes a medium that is there, whatever else happens to it.
func (s *Service) changeMedium(ctx context.Context, id string, change func(*ledger.Medium)) error {
	return s.changeWhile(ctx, id, func(*ledger.Medium) bool { return true }, change)
}

// changeWhile changes a medium that is still as the caller believes, and is
// ErrNotFound for any other.
func (s *Service) changeWhile(ctx context.Context, id string, still func(*ledger.Medium) bool, change func(*ledger.Medium)) error {
	_, err := s.Ledger.Media.Modify(ctx, id, func(m *ledger.Medium, found bool) error {
		if !found || !still(m) {
			return ErrNotFound
		}
		change(m)
		m.UpdatedAt, m.Rev = s.now(), m.Rev+1
		return nil
	})
	return err
}

// workOn does one kind of work until ctx ends.
func (s *Service) workOn(ctx context.Context, kind string, wake <-chan struct{}) {
	tick := time.NewTicker(workEvery)
	defer tick.Stop()
	for {
		if err := s.workAll(ctx, kind); err != nil && ctx.Err() == nil {
			s.Log.Error("work on media failed", "work", kind, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		}
	}
}

// workAll does all work of a kind that is due.
func (s *Service) workAll(ctx context.Context, kind string) error {
	for {
		r := ledger.Prefix(ledger.ByOwes, kind)
		r.To, r.Limit = ledger.Key(kind, ledger.Millis(s.Now().Add(time.Millisecond))), workBatch
		due, err := s.Ledger.Media.All(ctx, r)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, m := range due {
			if kind == ledger.WorkWebP {
				s.afterPhotos(ctx)
			}
			if err := s.workOne(ctx, m); err != nil {
				return err
			}
		}
	}
}

// workOne takes one medium, if nobody else has, and does what is to be done.
func (s *Service) workOne(ctx context.Context, m *ledger.Medium) error {
	from := m.Rev
	m.Holder, m.Due, m.Tries = s.Node, s.now().Add(workLease), m.Tries+1
	if m.Work == ledger.WorkVideo {
		m.State = content.Processing
	}
	m.UpdatedAt, m.Rev = s.now(), from+1
	switch err := s.Ledger.Media.Replace(ctx, m, from); {
	case errors.Is(err, ledger.ErrConflict), errors.Is(err, ledger.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("take work: %w", err)
	}
	if m.Tries > crashTries {
		return s.endWork(ctx, m, media.ErrCrashed)
	}
	err := guarded(func() error {
		if m.Work == ledger.WorkVideo {
			return s.makeVideo(ctx, m)
		}
		return s.makeWebP(ctx, m)
	})()
	if err != nil && ctx.Err() != nil {
		err = context.Canceled // whatever it is called where it was met
	}
	return s.endWork(context.WithoutCancel(ctx), m, err)
}

// endWork notes how work ended, where that was not well.
func (s *Service) endWork(ctx context.Context, m *ledger.Medium, err error) error {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	reason := refusal(err)
	mine := func(now *ledger.Medium) bool { return now.Work == m.Work && now.Holder == s.Node }
	switch {
	case err == nil:
		return nil
	case isGone(err):
		return s.releaseGone(ctx, m.ID)
	case errors.Is(err, context.Canceled):
		// A stopping service gives work back, for its next start.
		return s.giveBack(ctx, m.ID, mine, func(m *ledger.Medium) { m.Due, m.Tries = s.now(), m.Tries-1 })
	case reason == "" && m.Pauses < storeTries:
		s.Log.Warn("work on a medium put off", "medium", m.ID, "work", m.Work, "err", err)
		return s.giveBack(ctx, m.ID, mine, func(m *ledger.Medium) {
			m.Due, m.Tries, m.Pauses = s.now().Add(storePause), m.Tries-1, m.Pauses+1
		})
	}
	s.Log.Warn("medium cannot be processed", "medium", m.ID, "work", m.Work, "err", err)
	if m.Work == ledger.WorkWebP {
		// It is served as JPEG.
		return s.giveBack(ctx, m.ID, mine, func(m *ledger.Medium) { m.Work = "" })
	}
	if reason == "" {
		reason = "internal"
	}
	err = s.changeWhile(ctx, m.ID, mine, func(m *ledger.Medium) {
		m.State, m.Reason, m.Work, m.Holder, m.Source, m.Progress = content.Failed, reason, "", "", "", 0
	})
	if isGone(err) {
		// Another node may have taken it over, and made of it what is to be kept.
		return s.releaseGone(ctx, m.ID)
	}
	if err != nil {
		return err
	}
	_, err = s.releaseFiles(ctx, m.ID)
	s.tellMedium(ctx, m)
	return err
}

// releaseGone gives up what was stored for a medium that was erased or discarded
// while it was worked on.
func (s *Service) releaseGone(ctx context.Context, id string) error {
	m, err := s.Ledger.Media.Get(ctx, id)
	switch {
	case err == nil && m.State != content.Failed:
		return nil // another node works on it
	case err != nil && !errors.Is(err, ledger.ErrNotFound):
		return fmt.Errorf("look after a medium: %w", err)
	}
	_, err = s.releaseFiles(ctx, id)
	return err
}

func (s *Service) giveBack(ctx context.Context, id string, mine func(*ledger.Medium) bool, change func(*ledger.Medium)) error {
	err := s.changeWhile(ctx, id, mine, func(m *ledger.Medium) {
		m.Holder = ""
		change(m)
	})
	if isGone(err) {
		return s.releaseGone(ctx, id)
	}
	return err
}

// makeVideo makes what is served of a video.
func (s *Service) makeVideo(ctx context.Context, m *ledger.Medium) error {
	path, err := s.fetch(ctx, m.Source)
	if err != nil {
		return err
	}
	defer func() {
		if err := os.Remove(path); err != nil {
			s.Log.Warn("temporary file left", "err", err)
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := s.renew(ctx, m, cancel)
	processor := s.Media.Processor.Into(keeper{s, m.Site, m.ID})
	var info media.Info
	var files []media.Derivative
	err = twice(func() error {
		var err error
		info, files, err = processor.Video(ctx, path, stop.progress)
		return err
	})
	stop.wait()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
			return cause
		}
		return err
	}
	source := m.Source
	err = s.finish(ctx, m.ID, content.Processing, func(m *ledger.Medium) {
		describe(m, info, files)
		m.State, m.Work, m.Holder, m.Source = content.Ready, "", "", ""
	})
	if err != nil {
		return err
	}
	if _, err := s.drop(ctx, source, m.ID); err != nil {
		s.Log.Warn("uploaded file of a video left to the sweeper", "medium", m.ID, "err", err)
	}
	s.rememberWithheld(ctx, m)
	s.tellMedium(ctx, m)
	return nil
}

// rememberWithheld lets ones alike be found of a video that was withheld before
// anybody knew what it looks like.
func (s *Service) rememberWithheld(ctx context.Context, m *ledger.Medium) {
	now, err := s.loadMedium(ctx, m.Site, m.ID)
	if err == nil && now.Banned {
		err = s.Media.Known.set(now.Site, now.ID, uint64(now.PHash), uint64(now.DHash), true, true)
	}
	if err != nil && !isGone(err) {
		s.Log.Error("withheld video not remembered yet", "medium", m.ID, "err", err)
	}
}

// fetch copies a stored file to a temporary one: ffmpeg reads nothing else.
func (s *Service) fetch(ctx context.Context, name string) (path string, err error) {
	from, _, err := s.Media.Store.Open(ctx, name)
	if err != nil {
		return "", fmt.Errorf("fetch upload: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := os.CreateTemp(s.Media.TempDir, "candor-video-*")
	if err != nil {
		return "", fmt.Errorf("fetch upload: %w", err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return "", fmt.Errorf("fetch upload: %w", errors.Join(err, os.Remove(to.Name())))
	}
	return to.Name(), nil
}

// makeWebP adds the smaller forms of a photo. They are made of the largest JPEG,
// since the upload itself is not kept.
func (s *Service) makeWebP(ctx context.Context, m *ledger.Medium) error {
	full := fileOf(m, media.Full, nil)
	if full == nil {
		return media.ErrDamaged
	}
	processor := s.Media.Processor.Into(keeper{s, m.Site, m.ID})
	var files []media.Derivative
	err := twice(func() error {
		from, _, err := s.Media.Store.Open(ctx, full.Blob)
		if err != nil {
			return fmt.Errorf("fetch photo: %w", err)
		}
		files, err = processor.PhotoWebP(ctx, from)
		return errors.Join(err, from.Close())
	})
	if err != nil {
		return err
	}
	return s.finish(ctx, m.ID, content.Ready, func(m *ledger.Medium) {
		if m.Work == ledger.WorkWebP {
			addFiles(m, files)
			m.Work, m.Holder = "", ""
		}
	})
}

// tellMedium tells moderators that a content of theirs has a medium to look at.
func (s *Service) tellMedium(ctx context.Context, m *ledger.Medium) {
	now, err := s.loadMedium(ctx, m.Site, m.ID)
	if err != nil || now.Content == "" {
		return
	}
	if rec, err := s.load(ctx, m.Site, now.Content); err == nil {
		s.tell(rec, "changed", "")
	}
}

// afterPhotos waits while photos are made for which somebody waits, for a while.
func (s *Service) afterPhotos(ctx context.Context) {
	tick := time.NewTicker(yieldPause)
	defer tick.Stop()
	for waited := time.Duration(0); s.working.photos.Load() > 0 && waited < yieldTime; waited += yieldPause {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
