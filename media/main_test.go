package media_test

import (
	"bytes"
	"context"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/video"
)

func TestMain(m *testing.M) {
	media.WorkerMain()
	goleak.VerifyTestMain(m)
}

// processor makes a processor with a folder store.
func processor(t testing.TB, l media.Limits) (*media.Processor, *blob.Local) {
	t.Helper()
	if l.JobTime == 0 {
		// The default suits a machine that does nothing else, without the race
		// detector.
		l.JobTime = 5 * time.Minute
	}
	store, err := blob.OpenLocal(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	tools, err := video.Find(context.Background(), exec.LookPath)
	if err != nil {
		t.Log(err)
	}
	p, err := media.NewProcessor(media.Options{Limits: l, Store: store, Tools: tools, TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, store
}

// dataFolder finds shared/data/NAME beside the project, and skips the test where
// it does not exist.
func dataFolder(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		folder := filepath.Join(dir, "shared", "data", name)
		if _, err := os.Stat(folder); err == nil {
			return folder
		}
	}
	t.Skipf("no folder shared/data/%s", name)
	return ""
}

// read gives a stored file's bytes.
func read(t testing.TB, store media.Store, name string) []byte {
	t.Helper()
	file, info, err := store.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if int64(len(content)) != info.Size {
		t.Fatalf("%s: %d bytes, announced %d", name, len(content), info.Size)
	}
	return content
}

func wantNothingStored(t testing.TB, store media.Store) {
	t.Helper()
	for o, err := range store.List(t.Context(), "", "") {
		t.Errorf("%s was stored (%v)", o.Name, err)
	}
}

// variant finds a derivative by its name.
func variant(t testing.TB, all []media.Derivative, name string) media.Derivative {
	t.Helper()
	for _, d := range all {
		if d.Variant == name {
			return d
		}
	}
	t.Fatalf("no variant %s among %d", name, len(all))
	return media.Derivative{}
}

// decoded decodes a stored picture.
func decoded(t testing.TB, store media.Store, d media.Derivative) image.Image {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(read(t, store, d.Blob)))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != d.Width || b.Dy() != d.Height {
		t.Fatalf("%s: is %v, said %d x %d", d.Variant, b, d.Width, d.Height)
	}
	return img
}
