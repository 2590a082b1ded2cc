package video

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/candor-ugc/candor/media/sniff"
)

// Limits bound a video and the work on it. All must be set.
type Limits struct {
	Duration time.Duration
	Pixels   int64         // of a picture
	Output   int64         // bytes of the video that is made
	Time     time.Duration // for all the work on one video
	Memory   int64         // private memory of one process, in bytes
}

const (
	maxStreams = 16
	probeTime  = 20 * time.Second
	probeSize  = 1 << 20 // bytes of ffprobe's answer
)

// Probe is what is known of a video before it is decoded.
type Probe struct {
	Width, Height int           // upright and with square pixels
	Duration      time.Duration // 0 if the file does not say
	Codec         string        // of the picture
	picture       int           // indexes of streams; sound is -1 if there is none
	sound         int
	wide          bool // more light or colours than an ordinary screen shows
}

// codecs are how pictures may be coded.
var codecs = []string{"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "h263", "mjpeg", "prores"}

// decoders are the ones that ffmpeg may use; each is code that meets hostile
// bytes, and a phone's video needs few.
var decoders = strings.Join([]string{
	"h264", "hevc", "vp8", "vp9", "libdav1d", "libaom-av1", "av1", "mpeg4", "h263", "mjpeg", "prores",
	"aac", "mp3float", "mp3", "opus", "libopus", "vorbis", "libvorbis", "flac", "alac", "ac3", "eac3", "amrnb", "amrwb",
	"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_mulaw", "pcm_alaw", "pcm_u8", "adpcm_ima_qt",
	// Subtitles are left out, but one of an unlisted kind would be an error.
	"mov_text", "webvtt", "cc_dec",
}, ",")

// demuxers are ffmpeg's names by the format that was sniffed.
var demuxers = map[string]string{sniff.MP4: "mov", sniff.MOV: "mov", sniff.WebM: "matroska"}

// input are the arguments by which a file is opened and nothing else: no
// network, no other file by a playlist, no demuxer or decoder by a guess.
func input(path, demuxer string) []string {
	return []string{
		"-protocol_whitelist", "file,pipe",
		"-format_whitelist", "mov,matroska",
		"-codec_whitelist", decoders,
		"-max_streams", strconv.Itoa(maxStreams),
		"-f", demuxer,
		"-i", "file:" + path,
	}
}

// Probe asks what a file holds, and holds it against the limits. Format is what
// it was sniffed as. Errors: ErrUnreadable, ErrLimit, ErrCodec, ErrExternal,
// ErrTimeout.
func (t *Tools) Probe(ctx context.Context, path, format string, l Limits) (Probe, error) {
	demuxer, ok := demuxers[format]
	if !ok {
		return Probe{}, fmt.Errorf("%w: format %q", ErrUnreadable, format)
	}
	if demuxer == "mov" {
		if err := checkFile(path); err != nil {
			return Probe{}, err
		}
	}
	answer, err := t.ask(ctx, path, demuxer, l)
	if err != nil {
		return Probe{}, err
	}
	return answer.probe(l)
}

func checkFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read video: %w", err)
	}
	defer file.Close()
	return checkBoxes(file)
}

// answer is the part of ffprobe's JSON that is used.
type answer struct {
	Streams []stream `json:"streams"`
	Format  struct {
		Duration string `json:"duration"` // seconds
	} `json:"format"`
}

type stream struct {
	Index       int    `json:"index"`
	Type        string `json:"codec_type"`
	Codec       string `json:"codec_name"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	PixelAspect string `json:"sample_aspect_ratio"` // such as 4:3
	Transfer    string `json:"color_transfer"`
	Duration    string `json:"duration"`
	Disposition struct {
		Cover int `json:"attached_pic"`
	} `json:"disposition"`
	SideData []struct {
		Rotation float64 `json:"rotation"` // degrees
	} `json:"side_data_list"`
}

func (t *Tools) ask(ctx context.Context, path, demuxer string, l Limits) (answer, error) {
	args := append([]string{
		"-v", "error", "-hide_banner", "-of", "json", "-show_entries",
		"stream=index,codec_type,codec_name,width,height,sample_aspect_ratio,color_transfer,duration" +
			":stream_disposition=attached_pic:stream_side_data=rotation:format=duration",
	}, input(path, demuxer)...)
	var out bytes.Buffer
	if err := run(ctx, t.ffprobe, args, bounds{l.Memory, probeSize, min(probeTime, l.Time)}, &out); err != nil {
		return answer{}, err
	}
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return a, nil
}

// probe chooses the streams and checks the limits.
func (a answer) probe(l Limits) (Probe, error) {
	if len(a.Streams) > maxStreams {
		return Probe{}, fmt.Errorf("%w: %d streams", ErrLimit, len(a.Streams))
	}
	picture := slices.IndexFunc(a.Streams, func(s stream) bool { return s.Type == "video" && s.Disposition.Cover == 0 })
	if picture < 0 {
		return Probe{}, fmt.Errorf("%w: it has no picture", ErrUnreadable)
	}
	s := a.Streams[picture]
	if !slices.Contains(codecs, s.Codec) {
		return Probe{}, fmt.Errorf("%w: %q", ErrCodec, s.Codec)
	}
	if s.Width <= 0 || s.Height <= 0 {
		return Probe{}, fmt.Errorf("%w: its picture has no size", ErrUnreadable)
	}
	if int64(s.Width)*int64(s.Height) > l.Pixels {
		return Probe{}, fmt.Errorf("%w: %d x %d pixels", ErrLimit, s.Width, s.Height)
	}
	p := Probe{Codec: s.Codec, picture: s.Index, sound: -1}
	p.wide = s.Transfer == "smpte2084" || s.Transfer == "arib-std-b67"
	p.Width, p.Height = s.upright()
	if max(p.Width, p.Height) > 20*min(p.Width, p.Height) {
		return Probe{}, fmt.Errorf("%w: shape of %d x %d", ErrLimit, p.Width, p.Height)
	}
	if sound := slices.IndexFunc(a.Streams, func(s stream) bool { return s.Type == "audio" }); sound >= 0 {
		p.sound = a.Streams[sound].Index
	}
	p.Duration = max(seconds(a.Format.Duration), seconds(s.Duration))
	if p.Duration > l.Duration {
		return Probe{}, fmt.Errorf("%w: %s long", ErrLimit, p.Duration.Round(time.Second))
	}
	return p, nil
}

// upright is the size as it is seen: with square pixels, and rotated.
func (s stream) upright() (w, h int) {
	w, h = s.Width, s.Height
	if across, down, ok := strings.Cut(s.PixelAspect, ":"); ok {
		x, errX := strconv.ParseFloat(across, 64)
		y, errY := strconv.ParseFloat(down, 64)
		if errX == nil && errY == nil && x > 0 && y > 0 {
			w = max(1, int(math.Round(float64(w)*min(max(x/y, 1.0/20), 20))))
		}
	}
	for _, d := range s.SideData {
		if quarter := int(math.Round(d.Rotation / 90)); quarter%2 != 0 {
			return h, w
		}
	}
	return w, h
}

// seconds reads a duration; 0 when there is none.
func seconds(s string) time.Duration {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0) {
		return 0
	}
	return time.Duration(min(v, 1e9) * float64(time.Second))
}
