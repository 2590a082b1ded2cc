package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/video"
)

type evalMediaCmd struct {
	Folder string `arg:"" type:"existingdir" help:"Folder of photos and videos; what is below it counts too."`
}

// Run sends every file of a folder through what uploads go through, into a store
// that is thrown away, and prints what became of each.
func (c *evalMediaCmd) Run(ctx context.Context, s streams) (err error) {
	dir, err := os.MkdirTemp("", "candor-eval-")
	if err != nil {
		return fmt.Errorf("eval: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := blob.OpenLocal(filepath.Join(dir, "media"))
	if err != nil {
		return err
	}
	tools, err := video.Find(ctx, exec.LookPath)
	if err != nil {
		if _, err := fmt.Fprintf(s.err, "videos are refused: %v\n", err); err != nil {
			return err
		}
	}
	p, err := media.NewProcessor(media.Options{Store: store, Tools: tools, TempDir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	bar, err := newProgress(s.err, "files", nil)
	if err != nil {
		return err
	}
	served, refused, err := media.PrintSurvey(s.out, func(yield func(media.Surveyed, error) bool) {
		for file, err := range media.Survey(ctx, p, c.Folder) {
			bar.add(1)
			if !yield(file, err) {
				return
			}
		}
	})
	bar.finish()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%d served, %d refused\n", served, refused)
	return err
}
