package worker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// Request is one job, as its handler sees it.
type Request struct {
	Op     string
	Params json.RawMessage
	Data   []byte
	// Reserve waits until the job may use so many bytes in all. A handler calls
	// it at most once, before it needs much; error ErrMemory when a job may never
	// have that many.
	Reserve func(bytes int64) error
}

// Handler does a job: a result that becomes JSON, and files.
type Handler func(Request) (result any, data [][]byte, err error)

// Server is what a child process is.
type Server struct {
	Handler Handler
	// Code gives the code of an error that crosses to the parent.
	Code func(error) string
	// MaxData bounds the data of a job, in bytes.
	MaxData int64
	// Memory is how much one job may use beside what the process needs anyway,
	// in bytes.
	Memory int64
}

// processMemory is what a child may use beside its job: the program's own data,
// the job's input and output, and the runtime's.
const processMemory = 192 << 20

// tidyAbove is the size of a job's memory, in bytes, from which the child gives
// it back to the system before it waits for the next.
const tidyAbove = 64 << 20

// Serve does jobs from in until it ends. It limits the whole process first, for
// good, and so is not for a process that does anything else.
func (s Server) Serve(in io.Reader, out io.Writer) error {
	if err := confine(s.Memory + processMemory); err != nil {
		return fmt.Errorf("limit worker: %w", err)
	}
	// The collector works harder as the heap nears the job's memory, well before
	// the system refuses more.
	debug.SetMemoryLimit(s.Memory + processMemory/2)
	r, w := bufio.NewReader(in), bufio.NewWriterSize(out, 64<<10)
	for {
		switch err := s.serveOne(r, w); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (s Server) serveOne(r *bufio.Reader, w *bufio.Writer) error {
	j, data, err := s.readJob(r)
	if err != nil {
		return err
	}
	if err := limitCPU(j.CPU); err != nil {
		return fmt.Errorf("limit worker: %w", err)
	}
	var reserved int64
	request := Request{Op: j.Op, Params: j.Params, Data: data, Reserve: func(bytes int64) error {
		reserved = bytes
		return s.reserve(r, w, bytes)
	}}
	result, files, err := s.Handler(request)
	if err = s.answer(w, result, files, err); err != nil {
		return err
	}
	if reserved > tidyAbove {
		debug.FreeOSMemory()
	}
	return nil
}

func (s Server) readJob(r io.Reader) (j job, data []byte, err error) {
	kind, payload, err := readFrame(r, 0)
	if err != nil {
		return j, nil, err
	}
	if kind != frameJob {
		return j, nil, fmt.Errorf("%w: frame %q instead of a job", ErrProtocol, kind)
	}
	if err := json.Unmarshal(payload, &j); err != nil {
		return j, nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	kind, data, err = readFrame(r, s.MaxData)
	if err == nil && kind != frameData {
		err = fmt.Errorf("%w: frame %q instead of data", ErrProtocol, kind)
	}
	return j, data, err
}

func (s Server) reserve(r io.Reader, w *bufio.Writer, bytes int64) error {
	if bytes > s.Memory {
		return fmt.Errorf("%w: %d MiB", ErrMemory, bytes>>20)
	}
	if err := errors.Join(writeJSON(w, frameReserve, bytes), w.Flush()); err != nil {
		return err
	}
	kind, _, err := readFrame(r, 0)
	if err == nil && kind != frameGrant {
		err = fmt.Errorf("%w: frame %q instead of a grant", ErrProtocol, kind)
	}
	return err
}

func (s Server) answer(w *bufio.Writer, result any, files [][]byte, err error) error {
	if err != nil {
		f := failure{codeMemory, err.Error()}
		if !errors.Is(err, ErrMemory) {
			f.Code = s.Code(err)
		}
		return errors.Join(writeJSON(w, frameFailure, f), w.Flush())
	}
	for _, f := range files {
		if err := writeFrame(w, frameData, f); err != nil {
			return err
		}
	}
	return errors.Join(writeJSON(w, frameResult, result), w.Flush())
}

// Main serves standard input and output, and gives the process's exit status.
// Whatever prints to standard output goes to standard error instead.
func (s Server) Main() int {
	out := os.Stdout
	os.Stdout = os.Stderr
	if err := s.Serve(os.Stdin, out); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
