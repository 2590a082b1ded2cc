// Package mediatest gives tests of other rooms a media processor. Its workers
// take long to begin, longer still with the race detector, so that all tests of
// a program share them.
package mediatest

import (
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/video"
)

var shared struct {
	sync.Mutex
	processor *media.Processor
	users     int
}

// Processor makes photos, and videos where ffmpeg is installed, and keeps them in
// store. It ends with the last test that uses it. TestMain has to call
// media.WorkerMain before anything else.
func Processor(t testing.TB, store media.Store) *media.Processor {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.processor == nil {
		tools, err := video.Find(t.Context(), exec.LookPath)
		if err != nil {
			t.Log(err)
		}
		// The default time suits a machine without the race detector.
		limits := media.Limits{JobTime: 5 * time.Minute, WebPTime: 5 * time.Minute, VideoJobs: 2}
		worker := os.Getenv("CANDOR_TEST_WORKER") // see plainworker
		shared.processor, err = media.NewProcessor(media.Options{Limits: limits, Tools: tools, Worker: worker})
		if err != nil {
			t.Fatal(err)
		}
	}
	shared.users++
	t.Cleanup(func() { leave(t) })
	return shared.processor.Into(store)
}

func leave(t testing.TB) {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.users--; shared.users > 0 {
		return
	}
	if err := shared.processor.Close(); err != nil {
		t.Error(err)
	}
	shared.processor = nil
}
