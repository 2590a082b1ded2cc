package media_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/mediatest"
)

// photos are the files that benchmarks work on: photos of about two megapixels.
func photos(b *testing.B) [][]byte {
	b.Helper()
	paths, err := filepath.Glob(filepath.Join(dataFolder(b, "images"), "exif_orientation_examples", "*.jpg"))
	if err != nil || len(paths) == 0 {
		b.Skip("no photos", err)
	}
	var all [][]byte
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

// eachPhoto runs work on the photos in turn, on every processor.
func eachPhoto(b *testing.B, work func(data []byte) error) {
	all := photos(b)
	var next atomic.Int64
	// More clients than processors, as a shop has.
	b.SetParallelism(2)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := work(all[int(next.Add(1))%len(all)]); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "photos/s")
}

// BenchmarkPhoto is everything that an upload costs: sniffing, a worker,
// derivatives and a durable store. Equal files are stored once, so what is
// stored is deleted again.
func BenchmarkPhoto(b *testing.B) {
	p, store := processor(b, media.Limits{Jobs: runtime.NumCPU()})
	eachPhoto(b, func(data []byte) error {
		_, derivatives, err := p.Photo(b.Context(), bytes.NewReader(data))
		for _, d := range derivatives {
			if err := store.Delete(b.Context(), d.Blob); err != nil {
				return err
			}
		}
		return err
	})
}

// BenchmarkPhotoInProcess is what BenchmarkPhoto is compared with: decoding,
// three sizes by imaging, and encoding them, without a worker or a store.
func BenchmarkPhotoInProcess(b *testing.B) {
	eachPhoto(b, func(data []byte) error {
		img, err := imaging.Decode(bytes.NewReader(data))
		if err != nil {
			return err
		}
		for _, side := range []int{1280, 480, 160} {
			size := imaging.Fit(img, side, side, imaging.Lanczos)
			var out bytes.Buffer
			if err := imaging.Encode(&out, size, imaging.JPEG, imaging.JPEGQuality(82)); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkVideo is a phone's video from file to store, in seconds of video for
// a second of work.
func BenchmarkVideo(b *testing.B) {
	path := mediatest.Film(b, "phone.mp4", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration=10", "-f", "lavfi", "-i", tone+"10",
		"-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "12M")
	p, _ := processor(b, media.Limits{})
	seconds := 0.0
	for b.Loop() {
		info, _, err := p.Video(b.Context(), path, nil)
		if err != nil {
			b.Fatal(err)
		}
		seconds += info.Duration.Seconds()
	}
	b.ReportMetric(seconds/b.Elapsed().Seconds(), "video-s/s")
}
