package video

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"
)

// Tools are the installed programs.
type Tools struct {
	ffmpeg, ffprobe string
	toneMapping     bool // zscale and tonemap are there
}

// Find looks for ffmpeg and ffprobe by look, such as exec.LookPath, and asks
// what they can do. Error: ErrNoFFmpeg, also when they lack an encoder that is
// needed.
func Find(ctx context.Context, look func(name string) (path string, err error)) (*Tools, error) {
	t := &Tools{}
	for name, path := range map[string]*string{"ffmpeg": &t.ffmpeg, "ffprobe": &t.ffprobe} {
		found, err := look(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoFFmpeg, err)
		}
		*path = found
	}
	encoders, err := t.list(ctx, "-encoders")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"libx264", "aac", "mjpeg"} {
		if !encoders[name] {
			return nil, fmt.Errorf("%w: it has no encoder %s", ErrNoFFmpeg, name)
		}
	}
	filters, err := t.list(ctx, "-filters")
	if err != nil {
		return nil, err
	}
	t.toneMapping = filters["zscale"] && filters["tonemap"]
	return t, nil
}

// list asks ffmpeg for one of its lists: flags, a name, a description a line.
func (t *Tools) list(ctx context.Context, what string) (map[string]bool, error) {
	var out bytes.Buffer
	b := bounds{memory: 1 << 30, output: 1 << 20, time: 30 * time.Second}
	if err := run(ctx, t.ffmpeg, []string{"-hide_banner", "-nostdin", "-v", "error", what}, b, &out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoFFmpeg, err)
	}
	names := make(map[string]bool)
	for line := range strings.Lines(out.String()) {
		if fields := strings.Fields(line); len(fields) >= 2 {
			names[fields[1]] = true
		}
	}
	return names, nil
}
