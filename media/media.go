// Package media makes of what strangers upload what may be served: photos in a
// few sizes and videos that play anywhere, upright and without metadata, kept
// under content-addressed names.
//
// Hostile files are decoded in child processes that may use so much memory and
// time and no more: photos in this program started again, videos in ffmpeg. The
// package does not know what a photo belongs to, who may see it or whether it
// was approved; it reads and writes files, and keeps no records.
//
// A program that makes a Processor calls WorkerMain before anything else in its
// main function.
package media

import (
	"errors"
	"time"

	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/photo"
	"github.com/candor-ugc/candor/media/sniff"
	"github.com/candor-ugc/candor/media/video"
	"github.com/candor-ugc/candor/media/worker"
)

// Kind is what an upload is to a shopper: photo or video.
type Kind = sniff.Kind

// The kinds.
const (
	KindPhoto = sniff.Photo
	KindVideo = sniff.Video
)

// Sniffed is a format that is taken in.
type Sniffed = sniff.Sniffed

// HeadSize is how many bytes Sniff wants to see.
const HeadSize = sniff.HeadSize

// Sniff tells the format of a file by its first bytes alone. Errors:
// ErrUnsupported, ErrMalformed, ErrPolyglot.
func Sniff(head []byte) (Sniffed, error) { return sniff.Sniff(head) }

// Store keeps derivatives; see the blob package for its implementations.
type Store = blob.Store

// ObjectInfo describes a stored file.
type ObjectInfo = blob.ObjectInfo

// What is wrong with an upload. Everything else that a Processor returns is the
// service's own trouble, and the upload may be tried again.
var (
	// ErrUnsupported: the format is none of JPEG, PNG, GIF, WebP, MP4, MOV, WebM.
	ErrUnsupported = sniff.ErrUnsupported
	// ErrMalformed: the file starts like one of them and goes on otherwise.
	ErrMalformed = sniff.ErrMalformed
	// ErrPolyglot: the file is two things at once.
	ErrPolyglot = sniff.ErrPolyglot
	// ErrTooManyBytes: the file is longer than its kind may be.
	ErrTooManyBytes = errors.New("file is too long")
	// ErrTooManyPixels: the photo, or a video's picture, is too large.
	ErrTooManyPixels = photo.ErrTooLarge
	// ErrTooManyFrames: the animation has too many frames.
	ErrTooManyFrames = photo.ErrFrames
	// ErrDamaged: the photo cannot be decoded to its end.
	ErrDamaged = photo.ErrDamaged
	// ErrFeature: the photo uses a feature of its format that is not supported.
	ErrFeature = photo.ErrFeature
	// ErrCostly: decoding needs more memory than a job may use.
	ErrCostly = worker.ErrMemory
	// ErrTimeout: the job took longer than it may. A busy machine makes it too,
	// so one more try is fair.
	ErrTimeout = worker.ErrTimeout
	// ErrCrashed: the decoder gave up on the file in a way it should not.
	ErrCrashed = worker.ErrCrashed
	// ErrVideo: the video cannot be read, or has no picture.
	ErrVideo = video.ErrUnreadable
	// ErrVideoLimit: the video is too long, too large or of too many streams.
	ErrVideoLimit = video.ErrLimit
	// ErrVideoCodec: the video's picture is coded in a way that is not taken in.
	ErrVideoCodec = video.ErrCodec
	// ErrVideoExternal: the video refers to other files or addresses.
	ErrVideoExternal = video.ErrExternal
	// ErrVideoTimeout: the work on the video took longer than it may.
	ErrVideoTimeout = video.ErrTimeout
	// ErrNoFFmpeg: ffmpeg or ffprobe is missing, so no videos are taken in.
	ErrNoFFmpeg = video.ErrNoFFmpeg
)

// Limits bound what is taken in and what a job may use. A zero value stands for
// the default.
type Limits struct {
	PhotoBytes  int64 // bytes of a photo's file; 20 MiB
	PhotoPixels int64 // pixels of a photo; 50 million
	PhotoFrames int   // frames of an animated photo, of which the first is served; 300
	WebPPixels  int64 // pixels up to which the full variant is made as WebP too; 16 million

	VideoBytes    int64         // bytes of a video's file; 200 MiB
	VideoDuration time.Duration // of a video; 3 minutes
	VideoPixels   int64         // pixels of a video's picture; 9,500,000, above 4096x2304
	VideoOutput   int64         // bytes of the video that is served; 200 MiB

	Jobs       int           // photos at once; 2
	JobTime    time.Duration // for a photo; 20 seconds
	WebPTime   time.Duration // for the same as WebP, which is slow; 2 minutes
	JobMemory  int64         // that all photo jobs at once may use, in bytes; 512 MiB
	VideoJobs  int           // videos at once; 1
	VideoTime  time.Duration // for a video; 15 minutes
	VideoBound int64         // memory of one ffmpeg, in bytes; 1 GiB
}

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	set(&l.PhotoBytes, 20<<20)
	set(&l.PhotoPixels, 50_000_000)
	set(&l.PhotoFrames, 300)
	set(&l.WebPPixels, 16_000_000)
	set(&l.VideoBytes, 200<<20)
	set(&l.VideoDuration, 3*time.Minute)
	set(&l.VideoPixels, 9_500_000)
	set(&l.VideoOutput, 200<<20)
	set(&l.Jobs, 2)
	set(&l.JobTime, 20*time.Second)
	set(&l.WebPTime, 2*time.Minute)
	set(&l.JobMemory, 512<<20)
	set(&l.VideoJobs, 1)
	set(&l.VideoTime, 15*time.Minute)
	set(&l.VideoBound, 1<<30)
	return l
}

func set[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// Info is what is known of an upload after it was processed.
type Info struct {
	Kind          Kind
	Format        string        // of the upload, such as jpeg or mov
	Width, Height int           // of the upright picture as it is served in full, in pixels
	Duration      time.Duration // of a video
	Frames        int           // of a photo that moves; 1 for others
	Placeholder   string        // a picture of a few pixels, as a data URI
	PHash, DHash  uint64        // perceptual hashes, of a video's poster
	SHA256        string        // of the upload, in hex
	Size          int64         // of the upload, in bytes
}

// The variants. A photo has thumb, small, large and full; a video has thumb,
// small, poster, video and frame1 to frame6.
const (
	Thumb  = photo.Thumb // 160 pixels at the longer side
	Small  = photo.Small // 480
	Large  = photo.Large // 1280
	Full   = photo.Full
	Poster = "poster"
	Video  = "video"
)

// Derivative is a file that was made of an upload, and is stored.
type Derivative struct {
	Variant       string
	Format        string // jpeg, webp or mp4
	ContentType   string
	Width, Height int    // in pixels
	Blob          string // its name in the store; equal ones share it
	Size          int64  // in bytes
}
