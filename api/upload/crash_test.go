package upload_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/upload"
)

// crashFolder makes this program upload a file into a folder, and hang when its
// last byte has arrived.
const crashFolder = "UPLOAD_TEST_CRASH_FOLDER"

// hangInFinish prints the id of its upload before it hangs.
func hangInFinish(dir string) {
	d := newDesk()
	d.onFinish(func(_ context.Context, path string) error {
		if _, err := os.Stdout.WriteString(filepath.Base(path) + "\n"); err != nil {
			return err
		}
		select {}
	})
	h, err := upload.New(upload.Config{Dir: dir, Desk: d, Final: final, MaxBytes: maxBytes})
	if err != nil {
		panic(err)
	}
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, uploads, strings.NewReader("hello"))
	req.Header.Set("Tus-Resumable", "1.0.0")
	req.Header.Set("Upload-Length", "5")
	req.Header.Set("Content-Type", "application/offset+octet-stream")
	panic(h.Serve(httptest.NewRecorder(), req, content.Actor{ID: "alice", Role: content.Shopper}, "demo", ""))
}

// Killed between the last byte and the desk's answer, the service finishes the
// upload when it starts again.
func TestKilledBeforeFinish(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *upload.Config) { c.Now = time.Now })
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), crashFolder+"="+r.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if n := r.files(); n != 2 {
		t.Fatalf("%d files after the crash", n)
	}
	if err := r.handler.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.arrived(uploads+"/"+strings.TrimSpace(id), []byte("hello"))
}
