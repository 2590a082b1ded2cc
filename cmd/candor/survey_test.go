package main

import (
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEvalMedia runs the command as users get it, as it starts itself again to
// decode photos.
func TestEvalMedia(t *testing.T) {
	t.Parallel()
	folder, temp := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, encode := range map[string]func(io.Writer, image.Image) error{
		"photo.jpg":       func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) },
		"below/photo.png": png.Encode,
		"below/notes.jpg": func(w io.Writer, _ image.Image) error { _, err := io.WriteString(w, "no photo"); return err },
	} {
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := encode(f, image.NewGray(image.Rect(0, 0, 400, 300))); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), built(t), "eval", "media", folder)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &errs)
	}
	want := regexp.MustCompile(`^below/notes.jpg +\d+ ms +refused: .+
below/photo.png +\d+ ms +served: png 400 x 300
photo.jpg +\d+ ms +served: jpeg 400 x 300
2 served, 1 refused
$`)
	if !want.MatchString(out.String()) {
		t.Errorf("printed:\n%s%s", &out, &errs)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("%d left in the temporary folder, %v", len(left), err)
	}
	if r := command(t, "eval", "media", filepath.Join(folder, "missing")); r.code != exitUsage {
		t.Errorf("a missing folder: exit status %d", r.code)
	}
}
