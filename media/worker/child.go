package worker

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// child is one process that serves jobs.
type child struct {
	cmd   *exec.Cmd
	in    *os.File
	pipe  *os.File
	out   *bufio.Reader // of pipe
	words *words
	jobs  int
	timer *time.Timer // ends it when idle; nil before it was idle

	exited chan struct{} // closed when the process is gone and waited for
}

// startChild starts a program, "" for this one, with the arguments that make it
// serve. It gets no environment: nothing of the parent's secrets, and nothing to be
// steered by.
func startChild(path string, args []string) (*child, error) {
	if path == "" {
		var err error
		if path, err = self(); err != nil {
			return nil, fmt.Errorf("start worker: %w", err)
		}
	}
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start worker: %w", err), inRead.Close(), inWrite.Close())
	}
	c := &child{
		cmd: exec.Command(path, args...), in: inWrite, pipe: outRead, out: bufio.NewReaderSize(outRead, 64<<10),
		words: &words{}, exited: make(chan struct{}),
	}
	// The stack of the goroutine that failed is enough.
	c.cmd.Env = []string{"GOTRACEBACK=single"}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = inRead, outWrite, c.words
	c.cmd.SysProcAttr = childAttributes()
	err = c.start()
	err = errors.Join(err, inRead.Close(), outWrite.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start worker: %w", err), inWrite.Close(), outRead.Close())
	}
	return c, nil
}

// start starts the process from a thread that is kept until its end: the system
// takes the death of the thread that started a process for the death of its
// parent.
func (c *child) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			// How it ended is in what it wrote; a killed one has nothing to say.
			_ = c.cmd.Wait()
			close(c.exited)
		}
	}()
	return <-started
}

// send writes a job. It ends with an error when the child is killed meanwhile.
func (c *child) send(order, data []byte) error {
	if err := writeFrame(c.in, frameJob, order); err != nil {
		return err
	}
	return writeFrame(c.in, frameData, data)
}

// kill ends the process, whatever it does, and frees what belongs to it.
func (c *child) kill() error {
	err := c.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-c.exited
	// The other ends are gone: there is nothing that closing could lose.
	_, _ = c.in.Close(), c.pipe.Close()
	if err != nil {
		return fmt.Errorf("kill worker: %w", err)
	}
	return nil
}

// outOfMemory is what the runtime, C libraries and the race detector say last.
var outOfMemory = []string{"out of memory", "cannot allocate memory", "ThreadSanitizer failed to allocate"}

// explain makes an error of a broken connection to a child: mostly the child
// ended, and its last words say why.
func (c *child) explain(err error) error {
	if errors.Is(err, ErrProtocol) || errors.Is(err, ErrMemory) {
		return err
	}
	_ = c.cmd.Process.Kill()
	<-c.exited
	said := c.words.String()
	for _, sign := range outOfMemory {
		if strings.Contains(said, sign) {
			return fmt.Errorf("%w: refused by the system", ErrMemory)
		}
	}
	if first, _, _ := strings.Cut(said, "\n"); first != "" {
		return fmt.Errorf("%w: %s (%s)", ErrCrashed, first, c.cmd.ProcessState)
	}
	return fmt.Errorf("%w: %s", ErrCrashed, c.cmd.ProcessState)
}

// words keeps the first bytes of what a child writes to standard error: the
// reason stands before the stack.
type words struct {
	mu   sync.Mutex
	text []byte
}

const maxWords = 4 << 10

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p[:min(len(p), maxWords-len(w.text))]...)
	return len(p), nil
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}
