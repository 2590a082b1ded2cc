package video

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// bounds are what one process may use.
type bounds struct {
	memory int64         // private memory, in bytes
	output int64         // bytes of one file, and of standard output
	time   time.Duration // on the clock, and of a processor
}

// errOutput means that a process wrote more than it may.
var errOutput = errors.New("too much output")

// run starts a program and waits for it. It gets no environment and no input.
func run(ctx context.Context, path string, args []string, b bounds, out io.Writer) error {
	limited, cancel := context.WithTimeout(ctx, b.time)
	defer cancel()
	cmd := exec.CommandContext(limited, path, args...)
	cmd.Env = []string{"LC_ALL=C"}
	said := &head{max: 4 << 10}
	cmd.Stdout, cmd.Stderr = &capped{out, b.output}, said
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = 5 * time.Second

	// The system takes the death of the thread that started a process for the
	// death of its parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	if err := confine(cmd.Process.Pid, b); err != nil {
		cancel()
		return errors.Join(fmt.Errorf("limit ffmpeg: %w", err), cmd.Wait())
	}
	err := cmd.Wait()
	if err == nil {
		return nil
	}
	return explain(ctx, limited, err, said.String(), b)
}

// explain makes one of the package's errors of a failed process.
func explain(ctx, limited context.Context, err error, said string, b bounds) error {
	state := ""
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		state = exit.String()
	}
	first, _, _ := strings.Cut(said, "\n")
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("run ffmpeg: %w", context.Cause(ctx))
	case limited.Err() != nil, strings.Contains(state, "CPU time limit"):
		return fmt.Errorf("%w: more than %s", ErrTimeout, b.time)
	case strings.Contains(said, "Cannot allocate memory"), strings.Contains(said, "malloc"):
		return fmt.Errorf("%w: it needs more than %d MiB of memory", ErrLimit, b.memory>>20)
	case errors.Is(err, errOutput), strings.Contains(state, "file size limit"):
		return fmt.Errorf("%w: it becomes larger than %d MiB", ErrLimit, b.output>>20)
	}
	if strings.Contains(said, "not on whitelist") {
		return fmt.Errorf("%w: the file holds a stream of a kind that is not taken in", ErrCodec)
	}
	// Lines begin with what wrote them and where that lies in memory.
	if _, what, ok := strings.Cut(first, "] "); ok {
		first = what
	}
	return fmt.Errorf("%w: %s", ErrUnreadable, first)
}

// capped passes on so many bytes and then fails.
type capped struct {
	w    io.Writer
	left int64
}

func (c *capped) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, errOutput
	}
	return c.w.Write(p)
}

// head keeps the first bytes of what is written.
type head struct {
	max  int
	text []byte
}

func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), h.max-len(h.text))]...)
	return len(p), nil
}

func (h *head) String() string { return string(h.text) }
