package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/blob/blobtest"
)

// crashFolder makes this program put files into a folder until it is killed.
const crashFolder = "BLOB_TEST_CRASH_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashFolder); dir != "" {
		putForEver(dir)
	}
	os.Exit(m.Run())
}

func openLocal(t testing.TB, dir string) *blob.Local {
	t.Helper()
	s, err := blob.OpenLocal(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLocal(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store { return openLocal(t, t.TempDir()) })
}

func TestLocalKeepsFilesWhenOpenedAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "folder")
	name := blob.NameOf([]byte("content"), "jpg")
	if err := openLocal(t, dir).Put(t.Context(), name, strings.NewReader("content"), 7); err != nil {
		t.Fatal(err)
	}
	if err := blob.Verify(t.Context(), openLocal(t, dir), name); err != nil {
		t.Error(err)
	}
}

// putForEver puts large files, and prints each name after Put has returned.
func putForEver(dir string) {
	s, err := blob.OpenLocal(dir)
	if err != nil {
		panic(err)
	}
	for i := byte(0); ; i++ {
		b := bytes.Repeat([]byte{i, i + 1, 7}, 1<<18)
		name := blob.NameOf(b, "mp4")
		if err := s.Put(context.Background(), name, bytes.NewReader(b), int64(len(b))); err != nil {
			panic(err)
		}
		if _, err := os.Stdout.WriteString(name + "\n"); err != nil {
			return
		}
	}
}

// Killed at any moment, a store holds every file that was acknowledged and no
// part of any other; what was being written is swept.
func TestLocalAfterKill(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sawUnfinished := false
	for round := range 10 {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), crashFolder+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 69*(1+round))
		if _, err := io.ReadFull(out, said); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		sawUnfinished = checkKilled(t, dir, strings.Fields(string(said)+string(rest))) || sawUnfinished
	}
	if !sawUnfinished {
		t.Log("no round was killed in the middle of a file")
	}
}

// checkKilled checks a killed store, and says whether it had unfinished files.
func checkKilled(t *testing.T, dir string, acknowledged []string) bool {
	t.Helper()
	s := openLocal(t, dir)
	for _, name := range acknowledged {
		if len(name) == 68 { // the last line may be cut
			if err := blob.Verify(t.Context(), s, name); err != nil {
				t.Errorf("acknowledged: %v", err)
			}
		}
	}
	for o, err := range s.List(t.Context(), "", "") {
		if err == nil {
			err = blob.Verify(t.Context(), s, o.Name)
		}
		if err != nil {
			t.Errorf("visible: %v", err)
		}
	}
	left, err := os.ReadDir(filepath.Join(dir, "unfinished"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("swept %d that may still be written: %v", n, err)
	}
	if n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); n != len(left) || err != nil {
		t.Errorf("swept %d of %d: %v", n, len(left), err)
	}
	return len(left) > 0
}

func TestLocalLeavesNothingUnfinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openLocal(t, dir)
	name := blob.NameOf([]byte("abc"), "jpg")
	if err := s.Put(t.Context(), name, strings.NewReader("ab"), 3); !errors.Is(err, blob.ErrSize) {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "unfinished")); err != nil || len(left) != 0 {
		t.Errorf("%d files left, %v", len(left), err)
	}
}
