package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/api/upload"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/video"
)

// mediaFlags bound what is uploaded. They are those of serve and demo.
type mediaFlags struct {
	PhotoMB          int64         `default:"20" name:"photo-mb" help:"Longest file of a photo, in MiB."`
	PhotoMegapixels  int64         `default:"50" help:"Largest photo, in megapixels."`
	VideoMB          int64         `default:"200" name:"video-mb" help:"Longest file of a video, in MiB."`
	VideoDuration    time.Duration `default:"3m" help:"Longest video."`
	VideoJobs        int           `default:"1" help:"Videos that are worked on at once."`
	MediaItems       int           `default:"10" help:"Photos and videos that one content may have, at most 10."`
	ShopperUploads   int           `default:"200" help:"Files that one shopper may upload in 24 hours."`
	ShopperUploadsMB int64         `default:"2048" name:"shopper-uploads-mb" help:"The same in MiB."`
	SiteUploadsMB    int64         `default:"102400" name:"site-uploads-mb" help:"MiB that all shoppers of a site may upload in 24 hours."`
}

// Validate refuses limits that would let nothing, or anything, pass.
func (f mediaFlags) Validate() error {
	for _, v := range []struct {
		name     string
		is       int64
		from, to int64
	}{
		{"photo-mb", f.PhotoMB, 1, 200},
		{"photo-megapixels", f.PhotoMegapixels, 1, 200},
		{"video-mb", f.VideoMB, 1, 10_000},
		{"video-duration", int64(f.VideoDuration / time.Second), 1, 3600},
		{"video-jobs", int64(f.VideoJobs), 1, 64},
		{"media-items", int64(f.MediaItems), 1, 10},
		{"shopper-uploads", int64(f.ShopperUploads), 1, 1_000_000},
		{"shopper-uploads-mb", f.ShopperUploadsMB, 1, 1 << 40},
		{"site-uploads-mb", f.SiteUploadsMB, 1, 1 << 40},
	} {
		if v.is < v.from || v.is > v.to {
			return fmt.Errorf("--%s must be from %d to %d", v.name, v.from, v.to)
		}
	}
	return nil
}

func (f mediaFlags) limits() media.Limits {
	return media.Limits{
		PhotoBytes: f.PhotoMB << 20, PhotoPixels: f.PhotoMegapixels * 1_000_000,
		VideoBytes: f.VideoMB << 20, VideoDuration: f.VideoDuration, VideoJobs: f.VideoJobs,
	}
}

func (f mediaFlags) quota() lifecycle.MediaQuota {
	return lifecycle.MediaQuota{
		ShopperFiles: f.ShopperUploads, ShopperBytes: f.ShopperUploadsMB << 20, SiteBytes: f.SiteUploadsMB << 20,
	}
}

// gallery is everything that photos and videos need of this process.
type gallery struct {
	config    *lifecycle.MediaConfig
	processor *media.Processor
	sweep     func(context.Context, time.Time) (int, error)
	stop      func() error
}

// openGallery opens the store of media and prepares their processing.
func openGallery(ctx context.Context, o nodeOptions, key func(site string) []byte) (g *gallery, err error) {
	g = &gallery{}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
			g = nil
		}
	}()
	store, sweep, stop, err := openMediaStore(ctx, o.data.Media, o.data)
	if err != nil {
		return g, err
	}
	g.sweep, g.stop = sweep, stop
	temp := o.data.tempDir()
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return g, fmt.Errorf("prepare media: %w", err)
	}
	tools, err := video.Find(ctx, exec.LookPath)
	if err != nil && !errors.Is(err, media.ErrNoFFmpeg) {
		return g, fmt.Errorf("prepare media: %w", err)
	}
	if errors.Is(err, media.ErrNoFFmpeg) && !o.resting {
		o.log.Warn("videos are refused: install ffmpeg and start again to take them", "because", err)
	}
	g.processor, err = media.NewProcessor(media.Options{
		Limits: o.media.limits(), Store: store, Tools: tools, TempDir: temp,
	})
	if err != nil {
		return g, err
	}
	g.config = &lifecycle.MediaConfig{
		Processor: g.processor, Store: store, Key: key, TempDir: temp, Known: lifecycle.NewPictures(),
		Items: o.media.MediaItems, Quota: o.media.quota(), Resting: o.resting,
	}
	return g, nil
}

func (g *gallery) close() error {
	if g == nil {
		return nil
	}
	var errs []error
	if g.processor != nil {
		errs = append(errs, g.processor.Close())
	}
	if g.stop != nil {
		errs = append(errs, g.stop())
	}
	return errors.Join(errs...)
}

const (
	// sweepFiles is how often what crashed writers left is removed, once it is
	// leftoverAge old: longer than any upload or processing lasts.
	sweepFiles  = time.Hour
	leftoverAge = 24 * time.Hour
)

// tidy removes what crashes left in the stores of uploads and media, at once and
// then now and again, until ctx ends.
func (g *gallery) tidy(ctx context.Context, uploads *upload.Handler, log *slog.Logger) {
	tick := time.NewTicker(sweepFiles)
	defer tick.Stop()
	for {
		n, err := g.sweep(ctx, time.Now().Add(-leftoverAge))
		if n > 0 {
			log.Info("left-over files of media removed", "files", n)
		}
		err = errors.Join(err, uploads.Sweep(ctx, time.Now().Add(-leftoverAge)))
		if err != nil && ctx.Err() == nil {
			log.Error("left-over files not removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// openUploads takes in what can be resumed.
func openUploads(n *node, data dataFlags, log *slog.Logger) (*upload.Handler, error) {
	h, err := upload.New(upload.Config{
		Dir: filepath.Join(data.Data, "uploads"), Desk: n.svc, Final: lifecycle.RefusesUpload, MaxBytes: n.svc.MaxUpload(), Log: log,
	})
	if err != nil {
		return nil, err
	}
	n.gallery.config.Forget = h.Forget
	return h, nil
}
