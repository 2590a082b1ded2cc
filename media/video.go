package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/photo"
	"github.com/candor-ugc/candor/media/sniff"
	"github.com/candor-ugc/candor/media/video"
)

// maxFrameBytes bounds a picture taken out of a video, in bytes.
const maxFrameBytes = 8 << 20

// Video makes of the video in a file an MP4 file of at most 720 lines, a poster
// with its thumb and small, and six frames, and stores them. Progress, which may
// be nil, is told the done share of the transcoding, 0 to 1. Errors: those of
// Sniff, ErrNoFFmpeg, ErrTooManyBytes, ErrVideo, ErrVideoLimit, ErrVideoCodec,
// ErrVideoExternal, ErrVideoTimeout, those of Photo for its frames, and the
// store's.
func (p *Processor) Video(ctx context.Context, path string, progress func(float64)) (info Info, _ []Derivative, err error) {
	if p.tools == nil {
		return Info{}, nil, ErrNoFFmpeg
	}
	if err := p.videos.Acquire(ctx, 1); err != nil {
		return Info{}, nil, fmt.Errorf("wait to process video: %w", err)
	}
	defer p.videos.Release(1)
	info, err = p.identify(ctx, path)
	if err != nil {
		return Info{}, nil, err
	}
	dir, err := os.MkdirTemp(p.tempDir, "candor-video-")
	if err != nil {
		return Info{}, nil, fmt.Errorf("process video: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	limits := p.videoLimits()
	probe, err := p.tools.Probe(ctx, path, info.Format, limits)
	if err != nil {
		return Info{}, nil, fmt.Errorf("probe video: %w", err)
	}
	made, err := p.tools.Make(ctx, path, info.Format, dir, probe, limits, progress)
	if err != nil {
		return Info{}, nil, fmt.Errorf("process video: %w", err)
	}
	info.Width, info.Height, info.Duration = made.Width, made.Height, made.Duration
	derivatives, err := p.keepFrames(ctx, &info, made)
	if err != nil {
		return Info{}, nil, err
	}
	main, err := p.keepVideo(ctx, made)
	if err != nil {
		return Info{}, nil, err
	}
	return info, append(derivatives, main), nil
}

func (p *Processor) videoLimits() video.Limits {
	return video.Limits{
		Duration: p.limits.VideoDuration, Pixels: p.limits.VideoPixels, Output: p.limits.VideoOutput,
		Time: p.limits.VideoTime, Memory: p.limits.VideoBound,
	}
}

// identify reads a file once: what it is, how long, and its hash.
func (p *Processor) identify(ctx context.Context, path string) (info Info, err error) {
	file, err := os.Open(path)
	if err != nil {
		return Info{}, fmt.Errorf("read video: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	stat, err := file.Stat()
	if err != nil {
		return Info{}, fmt.Errorf("read video: %w", err)
	}
	if stat.Size() > p.limits.VideoBytes {
		return Info{}, fmt.Errorf("%w: more than %d MiB", ErrTooManyBytes, p.limits.VideoBytes>>20)
	}
	head, err := io.ReadAll(io.LimitReader(file, HeadSize))
	if err != nil {
		return Info{}, fmt.Errorf("read video: %w", err)
	}
	sniffed, err := Sniff(head)
	if err != nil {
		return Info{}, err
	}
	if sniffed.Kind != KindVideo {
		return Info{}, fmt.Errorf("%w: a %s instead of a video", ErrUnsupported, sniffed.Kind)
	}
	name, size, err := digest(ctx, path)
	if err != nil {
		return Info{}, err
	}
	return Info{Kind: KindVideo, Format: sniffed.Format, Frames: 1, SHA256: hex.EncodeToString(name[:]), Size: size}, nil
}

// keepFrames makes clean pictures of the frames, and all that is made of a photo
// of the poster.
func (p *Processor) keepFrames(ctx context.Context, info *Info, made video.Output) ([]Derivative, error) {
	var derivatives []Derivative
	for i, path := range made.Frames {
		data, err := readFrame(path)
		if err != nil {
			return nil, err
		}
		// The poster is one of the frames, so its full variant is that frame's.
		result, files, err := p.render(ctx, data, sniff.JPEG, sniff.JPEG, p.limits.JobTime, i != made.Poster)
		if err != nil {
			return nil, err
		}
		kept, err := p.keep(ctx, result, files, sniff.JPEG)
		if err != nil {
			return nil, err
		}
		for _, d := range kept {
			switch d.Variant {
			case photo.Full:
				if i == made.Poster {
					d.Variant = Poster
					derivatives = append(derivatives, d)
				}
				d.Variant = fmt.Sprintf("frame%d", i+1)
				derivatives = append(derivatives, d)
			case photo.Small, photo.Thumb:
				derivatives = append(derivatives, d)
			}
		}
		if i == made.Poster {
			info.Placeholder, info.PHash, info.DHash = result.Placeholder, result.PHash, result.DHash
		}
	}
	return derivatives, nil
}

func readFrame(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read frame: %w", err)
	}
	if info.Size() > maxFrameBytes {
		return nil, fmt.Errorf("%w: a frame of %d bytes", ErrVideoLimit, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read frame: %w", err)
	}
	return data, nil
}

// keepVideo stores the transcoded file.
func (p *Processor) keepVideo(ctx context.Context, made video.Output) (d Derivative, err error) {
	sum, size, err := digest(ctx, made.Video)
	if err != nil {
		return Derivative{}, err
	}
	file, err := os.Open(made.Video)
	if err != nil {
		return Derivative{}, fmt.Errorf("store video: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	name := blob.Name(sum, endings[sniff.MP4])
	if err := p.store.Put(ctx, name, file, size); err != nil {
		return Derivative{}, fmt.Errorf("store video: %w", err)
	}
	return Derivative{
		Variant: Video, Format: sniff.MP4, ContentType: blob.ContentType(name),
		Width: made.Width, Height: made.Height, Blob: name, Size: size,
	}, nil
}

// digest hashes a file.
func digest(ctx context.Context, path string) (sum [sha256.Size]byte, size int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return sum, 0, fmt.Errorf("hash video: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	h := sha256.New()
	buffer := make([]byte, 256<<10)
	for {
		n, err := file.Read(buffer)
		h.Write(buffer[:n])
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return [sha256.Size]byte(h.Sum(nil)), size, nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return sum, 0, fmt.Errorf("hash video: %w", err)
		}
	}
}
