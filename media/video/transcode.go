package video

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Frames is how many key frames are taken for moderators.
const Frames = 6

// The longer and the shorter side of the video that is made, at most, in pixels.
const (
	longSide  = 1280
	shortSide = 720
)

// Output is what was made of a video.
type Output struct {
	Video         string   // path of the MP4 file
	Frames        []string // paths of JPEG files, in order; Frames of them
	Poster        int      // index of the frame that shows most
	Width, Height int      // of the video, in pixels
	Duration      time.Duration
}

// Make transcodes a probed file into dir and takes frames out of it. Progress is
// told the done share, 0 to 1, now and then. Errors: ErrUnreadable, ErrLimit,
// ErrTimeout.
func (t *Tools) Make(ctx context.Context, path, format, dir string, p Probe, l Limits, progress func(float64)) (Output, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.Time, fmt.Errorf("%w: more than %s", ErrTimeout, l.Time))
	defer cancel()
	out := Output{Video: filepath.Join(dir, "video.mp4")}
	if err := t.transcode(ctx, path, demuxers[format], out.Video, p, l, progress); err != nil {
		return Output{}, err
	}
	if err := t.check(ctx, &out, l); err != nil {
		return Output{}, err
	}
	if err := t.frames(ctx, &out, dir, l); err != nil {
		return Output{}, err
	}
	return out, nil
}

func (t *Tools) transcode(ctx context.Context, path, demuxer, to string, p Probe, l Limits, progress func(float64)) error {
	w, h := size(p.Width, p.Height)
	// The limit of what is read is a little above the limit of what may come
	// out: a file that is longer than it says is then noticed.
	longest := l.Duration + 2*time.Second
	args := []string{"-nostdin", "-hide_banner", "-v", "error", "-nostats", "-y", "-max_pixels", strconv.FormatInt(l.Pixels, 10), "-threads", "1"}
	args = append(args, input(path, demuxer)...)
	args = append(args, "-map", "0:"+strconv.Itoa(p.picture))
	if p.sound >= 0 {
		args = append(args, "-map", "0:"+strconv.Itoa(p.sound),
			"-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000", "-flags:a", "+bitexact")
	}
	args = append(args,
		"-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1",
		"-filter_threads", "1", "-vf", t.filters(w, h, p.wide),
		"-c:v", "libx264", "-threads", "1", "-preset", "veryfast", "-crf", "23", "-profile:v", "high",
		"-maxrate", "5M", "-bufsize", "10M", "-fpsmax", "60",
		// A key frame every two seconds: players jump there, and so do the frames.
		"-force_key_frames", "expr:gte(t,n_forced*2)", "-flags:v", "+bitexact", "-fflags", "+bitexact",
		"-t", decimal(longest), "-fs", strconv.FormatInt(l.Output, 10),
		"-movflags", "+faststart", "-progress", "pipe:1", "-f", "mp4", "file:"+to)
	// The file limit of the system is above ffmpeg's own, which ends a file well.
	b := bounds{l.Memory, l.Output + 8<<20, l.Time}
	return run(ctx, t.ffmpeg, args, b, &progressReader{total: p.Duration, tell: progress})
}

// filters scale, and bring what only bright screens show to ordinary ones. The
// rotation is ffmpeg's own doing.
func (t *Tools) filters(w, h int, wide bool) string {
	scale := fmt.Sprintf("scale=%d:%d,setsar=1,format=yuv420p", w, h)
	if wide && t.toneMapping {
		// Scaled first: the rest costs by the pixel.
		return fmt.Sprintf("scale=%d:%d,zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,"+
			"zscale=t=bt709:m=bt709:r=tv,setsar=1,format=yuv420p", w, h)
	}
	return scale
}

// size is the size of the video that is made: even, as its colours are halved,
// and no larger than wanted.
func size(w, h int) (int, int) {
	scale := min(1, float64(longSide)/float64(max(w, h)), float64(shortSide)/float64(min(w, h)))
	even := func(v int) int { return max(2, int(float64(v)*scale+1)/2*2) }
	return even(w), even(h)
}

// check looks at what came out, for nothing else tells the truth about what
// went in.
func (t *Tools) check(ctx context.Context, out *Output, l Limits) error {
	info, err := os.Stat(out.Video)
	if err != nil {
		return fmt.Errorf("check video: %w", err)
	}
	// ffmpeg stops behind the packet that passes its limit, and then writes less
	// of the other streams than it might have.
	if info.Size() > l.Output-l.Output/10 {
		return fmt.Errorf("%w: it becomes larger than %d MiB", ErrLimit, l.Output>>20)
	}
	a, err := t.ask(ctx, out.Video, "mov", l)
	if err != nil {
		return err
	}
	within := l
	within.Duration += time.Second // coders round up to whole frames
	p, err := a.probe(within)
	if err != nil {
		return err
	}
	out.Width, out.Height, out.Duration = p.Width, p.Height, p.Duration
	return nil
}

// frames takes pictures from evenly spread times, by one process that opens the
// new video once for each.
func (t *Tools) frames(ctx context.Context, out *Output, dir string, l Limits) error {
	args := []string{"-nostdin", "-hide_banner", "-v", "error", "-nostats", "-y"}
	for i := range Frames {
		at := out.Duration * time.Duration(2*i+1) / (2 * Frames)
		if i == 0 && out.Duration < time.Second {
			at = 0 // there is always a frame at the start
		}
		args = append(args, "-threads", "1", "-ss", decimal(at))
		args = append(args, input(out.Video, "mov")...)
	}
	for i := range Frames {
		path := filepath.Join(dir, fmt.Sprintf("frame%d.jpg", i+1))
		out.Frames = append(out.Frames, path)
		args = append(args, "-map", strconv.Itoa(i)+":v:0", "-frames:v", "1", "-map_metadata", "-1", "-flags:v", "+bitexact",
			"-c:v", "mjpeg", "-threads", "1", "-q:v", "2", "-pix_fmt", "yuvj420p", "-f", "image2", "-update", "1", "file:"+path)
	}
	if err := run(ctx, t.ffmpeg, args, bounds{l.Memory, 32 << 20, min(l.Time, 2*time.Minute)}, io.Discard); err != nil {
		return err
	}
	return out.chooseFrames()
}

// chooseFrames fills the places of frames that a short video does not have, and
// takes the frame that needs most bytes as the poster: a black one needs least.
func (o *Output) chooseFrames() error {
	most := int64(-1)
	for i, path := range o.Frames {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) && i > 0 {
			o.Frames[i] = o.Frames[i-1]
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: no frame could be taken", ErrUnreadable)
		}
		if info.Size() > most {
			most, o.Poster = info.Size(), i
		}
	}
	return nil
}

func decimal(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}

// progressReader reads ffmpeg's -progress lines.
type progressReader struct {
	total time.Duration
	tell  func(float64)
	line  []byte
}

func (r *progressReader) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, next, whole := bytes.Cut(rest, []byte("\n"))
		// Lines are short; what is longer is none.
		r.line = append(r.line, line[:min(len(line), 256)]...)
		r.line = r.line[:min(len(r.line), 256)]
		if whole {
			r.read(string(r.line))
			r.line = r.line[:0]
		}
		rest = next
	}
	return len(p), nil
}

func (r *progressReader) read(line string) {
	value, ok := strings.CutPrefix(line, "out_time_us=")
	if !ok || r.tell == nil || r.total <= 0 {
		return
	}
	if us, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && us >= 0 {
		r.tell(min(1, float64(us)*float64(time.Microsecond)/float64(r.total)))
	}
}
