package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/photo"
	"github.com/candor-ugc/candor/media/sniff"
	"github.com/candor-ugc/candor/media/video"
	"github.com/candor-ugc/candor/media/worker"
)

// Putter stores what was made.
type Putter interface {
	Put(ctx context.Context, name string, r io.Reader, size int64) error
}

// Options of a Processor.
type Options struct {
	Limits Limits
	// Store takes the derivatives. No default.
	Store Putter
	// Tools make videos; nil where ffmpeg is missing. See video.Find.
	Tools *video.Tools
	// TempDir is where videos are worked on, "" for the system's own. It needs
	// room for twice the output of each video at once.
	TempDir string
	// Worker is the program that makes photos, "" for this one. It has to call
	// WorkerMain.
	Worker string
}

// Processor makes and stores derivatives. It may be used from several goroutines
// at once: what is beyond the limits of its jobs waits.
type Processor struct {
	limits  Limits
	store   Putter
	tools   *video.Tools
	tempDir string
	pool    *worker.Pool
	photos  *semaphore.Weighted
	videos  *semaphore.Weighted
}

// NewProcessor makes a processor; it starts no process yet.
func NewProcessor(o Options) (*Processor, error) {
	l := o.Limits.withDefaults()
	// A frame of a video is a picture too, whatever photos may weigh.
	settings := workerSettings{MaxData: max(l.PhotoBytes, maxFrameBytes), Memory: l.JobMemory}
	args, err := settings.args()
	if err != nil {
		return nil, fmt.Errorf("make media processor: %w", err)
	}
	return &Processor{
		limits: l, store: o.Store, tools: o.Tools, tempDir: o.TempDir,
		pool: worker.NewPool(worker.Options{Program: o.Worker, Args: args, Workers: l.Jobs, Memory: l.JobMemory}),
		// While some are read or stored, others keep the workers busy.
		photos: semaphore.NewWeighted(2 * int64(l.Jobs)),
		videos: semaphore.NewWeighted(int64(l.VideoJobs)),
	}, nil
}

// Into gives the same processor with another store for what it makes. Workers
// and limits are shared; only the first is to be closed.
func (p *Processor) Into(store Putter) *Processor {
	other := *p
	other.store = store
	return &other
}

// Close ends the workers, after the jobs that run.
func (p *Processor) Close() error { return p.pool.Close() }

// TakesVideos says whether videos can be made; if not, Video gives ErrNoFFmpeg.
func (p *Processor) TakesVideos() bool { return p.tools != nil }

// Limits are the limits in force, with their defaults.
func (p *Processor) Limits() Limits { return p.limits }

// Photo makes thumb, small, large and full of a photo, as JPEG, and stores them.
// Transparent parts become white. Errors: those of Sniff, ErrTooManyBytes,
// ErrTooManyPixels, ErrTooManyFrames, ErrDamaged, ErrFeature, ErrCostly,
// ErrTimeout, ErrCrashed, and the store's.
func (p *Processor) Photo(ctx context.Context, src io.Reader) (Info, []Derivative, error) {
	return p.photo(ctx, src, sniff.JPEG, p.limits.JobTime)
}

// PhotoWebP makes the same as WebP, of the upload or of its full variant, with
// transparency if the source has any. It takes seconds: work for the background.
// Above Limits.WebPPixels there is no full variant. Errors as of Photo.
func (p *Processor) PhotoWebP(ctx context.Context, src io.Reader) ([]Derivative, error) {
	_, derivatives, err := p.photo(ctx, src, sniff.WebP, p.limits.WebPTime)
	return derivatives, err
}

func (p *Processor) photo(ctx context.Context, src io.Reader, output string, limit time.Duration) (Info, []Derivative, error) {
	// Waiting comes before reading, so that those who wait hold no memory.
	if err := p.photos.Acquire(ctx, 1); err != nil {
		return Info{}, nil, fmt.Errorf("wait to process photo: %w", err)
	}
	defer p.photos.Release(1)
	data, err := io.ReadAll(io.LimitReader(src, p.limits.PhotoBytes+1))
	if err != nil {
		return Info{}, nil, fmt.Errorf("read photo: %w", err)
	}
	if int64(len(data)) > p.limits.PhotoBytes {
		return Info{}, nil, fmt.Errorf("%w: more than %d MiB", ErrTooManyBytes, p.limits.PhotoBytes>>20)
	}
	sniffed, err := Sniff(data)
	if err != nil {
		return Info{}, nil, err
	}
	if sniffed.Kind != KindPhoto {
		return Info{}, nil, fmt.Errorf("%w: a %s instead of a photo", ErrUnsupported, sniffed.Kind)
	}
	result, files, err := p.render(ctx, data, sniffed.Format, output, limit, false)
	if err != nil {
		return Info{}, nil, err
	}
	derivatives, err := p.keep(ctx, result, files, output)
	if err != nil {
		return Info{}, nil, err
	}
	sum := sha256.Sum256(data)
	return Info{
		Kind: KindPhoto, Format: sniffed.Format, Width: result.Width, Height: result.Height, Frames: result.Frames,
		Placeholder: result.Placeholder, PHash: result.PHash, DHash: result.DHash,
		SHA256: hex.EncodeToString(sum[:]), Size: int64(len(data)),
	}, derivatives, nil
}

// render lets a worker make the variants of a picture.
func (p *Processor) render(ctx context.Context, data []byte, format, output string, limit time.Duration, fullOnly bool) (photo.Result, [][]byte, error) {
	options := photo.Options{
		Format: format, Output: output, Pixels: p.limits.PhotoPixels, Frames: p.limits.PhotoFrames,
		WebPPixels: p.limits.WebPPixels, FullOnly: fullOnly,
	}
	var result photo.Result
	files, err := p.pool.Do(ctx, worker.Job{Op: photoOp, Params: options, Data: data, Time: limit}, &result)
	if remote := (*worker.RemoteError)(nil); errors.As(err, &remote) {
		if known := photo.FromCode(remote.Code); known != nil {
			err = &rejected{known, remote.Message}
		}
	}
	if err == nil {
		for _, v := range result.Variants {
			if v.File < 0 || v.File >= len(files) {
				err = fmt.Errorf("%w: no file %d", worker.ErrProtocol, v.File)
			}
		}
	}
	if err != nil {
		return photo.Result{}, nil, fmt.Errorf("process photo: %w", err)
	}
	return result, files, nil
}

// rejected is an error of the photo package that has come from a worker.
type rejected struct {
	kind    error
	message string
}

func (r *rejected) Error() string { return r.message }

func (r *rejected) Unwrap() error { return r.kind }

// endings are the endings of names by format.
var endings = map[string]string{sniff.JPEG: "jpg", sniff.WebP: "webp", sniff.MP4: "mp4"}

// keep stores the variants of a picture.
func (p *Processor) keep(ctx context.Context, r photo.Result, files [][]byte, format string) ([]Derivative, error) {
	names := make([]string, len(files))
	// At once, as a store mostly waits for a disk or a network.
	group, groupCtx := errgroup.WithContext(ctx)
	for i, file := range files {
		names[i] = blob.NameOf(file, endings[format])
		group.Go(func() error {
			return p.store.Put(groupCtx, names[i], bytes.NewReader(file), int64(len(file)))
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("store photo: %w", err)
	}
	derivatives := make([]Derivative, 0, len(r.Variants))
	for _, v := range r.Variants {
		derivatives = append(derivatives, Derivative{
			Variant: v.Name, Format: format, ContentType: blob.ContentType(names[v.File]),
			Width: v.Width, Height: v.Height, Blob: names[v.File], Size: int64(len(files[v.File])),
		})
	}
	return derivatives, nil
}

// Workers are the process ids of the workers that wait for a job, to measure
// what they use.
func (p *Processor) Workers() []int { return p.pool.Pids() }
