package media_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/candor-ugc/candor/media"
)

// refusals are the errors that say what is wrong with an upload.
var refusals = []error{
	media.ErrUnsupported, media.ErrMalformed, media.ErrPolyglot, media.ErrTooManyBytes, media.ErrTooManyPixels, media.ErrTooManyFrames,
	media.ErrDamaged, media.ErrFeature, media.ErrCostly, media.ErrVideo, media.ErrVideoLimit, media.ErrVideoCodec, media.ErrVideoExternal,
}

// Every sample file is served without metadata or refused for a clear reason,
// and the processes stay small. The table of outcomes is in the test's log.
func TestSamples(t *testing.T) {
	p, store := processor(t, media.Limits{})
	out := t.TempDir()
	for _, c := range []struct {
		folder string
		served int // at least
	}{{"images", 180}, {"videos", 8}} {
		folder := dataFolder(t, c.folder)
		served, refused, err := media.PrintSurvey(t.Output(), func(yield func(media.Surveyed, error) bool) {
			for s, err := range media.Survey(t.Context(), p, folder) {
				if err == nil {
					checkSurveyed(t, p, store, s, out)
				}
				if !yield(s, err) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d served, %d refused", c.folder, served, refused)
		if served < c.served {
			t.Errorf("%s: only %d served", c.folder, served)
		}
	}
	checkMemory(t, p)
	checkMetadata(t, out)
}

// checkSurveyed checks one outcome, and keeps the derivatives for checkMetadata.
func checkSurveyed(t *testing.T, p *media.Processor, store media.Store, s media.Surveyed, out string) {
	t.Helper()
	if s.Err != nil {
		if errors.Is(s.Err, media.ErrNoFFmpeg) && !p.TakesVideos() {
			return
		}
		for _, known := range refusals {
			if errors.Is(s.Err, known) {
				return
			}
		}
		t.Errorf("%s: refused for no clear reason: %v", s.File, s.Err)
		return
	}
	want := map[string]int{media.Thumb: 1, media.Small: 1, media.Large: 1, media.Full: 1}
	if s.Info.Kind == media.KindVideo {
		want = map[string]int{media.Thumb: 1, media.Small: 1, media.Poster: 1, media.Video: 1}
		for i := range 6 {
			want[fmt.Sprintf("frame%d", i+1)] = 1
		}
		if s.Info.Duration <= 0 || max(s.Info.Width, s.Info.Height) > 1280 || min(s.Info.Width, s.Info.Height) > 720 {
			t.Errorf("%s: %+v", s.File, s.Info)
		}
	}
	for _, d := range s.Derivatives {
		want[d.Variant]--
		content := read(t, store, d.Blob)
		if int64(len(content)) != d.Size {
			t.Errorf("%s: %s has %d bytes, said %d", s.File, d.Variant, len(content), d.Size)
		}
		if d.Format == "jpeg" {
			decoded(t, store, d)
		}
		if err := os.WriteFile(filepath.Join(out, d.Blob), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, missing := range want {
		if missing != 0 {
			t.Errorf("%s: %d of variant %s are missing", s.File, missing, name)
		}
	}
	if !strings.HasPrefix(s.Info.Placeholder, "data:image/png;base64,") || len(s.Info.SHA256) != 64 || s.Info.Size == 0 {
		t.Errorf("%s: %+v", s.File, s.Info)
	}
}

// peak is the most memory that a process had, in bytes.
func peak(t *testing.T, pid string) int64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("memory is measured on Linux only")
	}
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(line)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

func checkMemory(t *testing.T, p *media.Processor) {
	t.Helper()
	all := peak(t, "self")
	t.Logf("peak memory: %d MiB", all>>20)
	for _, pid := range p.Workers() {
		m := peak(t, strconv.Itoa(pid))
		all += m
		t.Logf("peak memory of a worker: %d MiB", m>>20)
	}
	// The largest child that has ended, which is an ffmpeg or a worker.
	var children syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children); err != nil {
		t.Fatal(err)
	}
	t.Logf("peak memory of the largest child before: %d MiB", children.Maxrss>>10)
	all += children.Maxrss << 10
	if all > 600<<20 {
		t.Errorf("%d MiB in all", all>>20)
	}
}

// harmless are the groups of an exiftool listing that hold no metadata of a
// camera, a place or a person.
var harmless = map[string]bool{"SourceFile": true, "ExifTool": true, "File": true, "Composite": true, "JFIF": true, "RIFF": true}

// checkMetadata asks exiftool about all derivatives.
func checkMetadata(t *testing.T, dir string) {
	t.Helper()
	tool, err := exec.LookPath("exiftool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("exiftool is not installed; .ci/setup installs it")
	}
	out, err := exec.CommandContext(t.Context(), tool, "-json", "-G0", "-a", "-q", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []map[string]any
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&files); err != nil {
		t.Fatal(err)
	}
	if len(files) < 200 {
		t.Errorf("only %d derivatives were looked at", len(files))
	}
	for _, f := range files {
		for tag, value := range f {
			group, name, _ := strings.Cut(tag, ":")
			if !harmless[group] && !harmlessInVideo(group, name, value) {
				t.Errorf("%v has %s = %v", f["SourceFile"], tag, value)
			}
			if group == "File" && strings.Contains(name, "Comment") || strings.Contains(tag, "GPS") {
				t.Errorf("%v has %s = %v", f["SourceFile"], tag, value)
			}
		}
	}
}

// structural are the tags of an MP4 file that every one has: the form of the file
// and of its streams.
var structural = strings.Fields(`
	AudioBitsPerSample AudioChannels AudioFormat AudioSampleRate AverageBitrate Balance BitDepth BufferSize ColorPrimaries ColorProfiles
	CompatibleBrands CompressorID CompressorName CurrentTime Duration GraphicsMode HandlerDescription HandlerType HandlerVendorID ImageHeight
	ImageWidth MajorBrand MatrixCoefficients MatrixStructure MaxBitrate MediaDataOffset MediaDataSize MediaDuration MediaHeaderVersion
	MediaLanguageCode MediaTimeScale MinorVersion MovieHeaderVersion NextTrackID OpColor PixelAspectRatio PosterTime PreferredRate
	PreferredVolume PreviewDuration PreviewTime SelectionDuration SelectionTime SourceImageHeight SourceImageWidth TimeScale
	TrackDuration TrackHeaderVersion TrackID TrackLayer TrackVolume TransferCharacteristics VideoFrameRate VideoFullRangeFlag XResolution
	YResolution`)

// values are what tags that could tell something may say.
var values = map[string][]string{
	"HandlerDescription": {"VideoHandler", "SoundHandler"},
	"HandlerVendorID":    {"Apple"}, // whose format the empty list of tags has
	"HandlerType":        {"Metadata", "Video Track", "Audio Track"},
	"MediaLanguageCode":  {"und"},
	"CompressorName":     {"Lavc libx264"},
}

// harmlessInVideo says whether a tag of an MP4 file is part of its structure.
func harmlessInVideo(group, name string, value any) bool {
	if group != "QuickTime" {
		return false
	}
	text := fmt.Sprint(value)
	if strings.HasSuffix(name, "Date") {
		return text == "0000:00:00 00:00:00"
	}
	if allowed, ok := values[name]; ok {
		return slices.Contains(allowed, text)
	}
	return slices.Contains(structural, name)
}
