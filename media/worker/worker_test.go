package worker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candor-ugc/candor/media/worker"
)

const (
	serveWord = "serve-test-jobs"
	memory    = 64 << 20
	maxData   = 4 << 20
)

var errBad = errors.New("bad")

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == serveWord {
		server := worker.Server{Handler: handle, MaxData: maxData, Memory: memory, Code: func(err error) string {
			if errors.Is(err, errBad) {
				return "bad"
			}
			return "internal"
		}}
		os.Exit(server.Main())
	}
	goleak.VerifyTestMain(m)
}

// handle does what a decoder should not.
func handle(r worker.Request) (any, [][]byte, error) {
	switch r.Op {
	case "echo":
		return map[string]int{"pid": os.Getpid(), "length": len(r.Data)}, [][]byte{r.Data, nil, []byte("end")}, nil
	case "fail":
		return nil, nil, fmt.Errorf("it is %w", errBad)
	case "panic":
		panic("the decoder gave up")
	case "panic elsewhere":
		go func() { panic("in a goroutine") }()
		select {}
	case "deep":
		return deep(0), nil, nil
	case "memory":
		var all [][]byte
		for {
			b := make([]byte, 8<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
			if len(all) == 1<<40 { // never: the memory ends before
				return all, nil, nil
			}
		}
	case "at once":
		return len(make([]byte, 4<<30)), nil, nil
	case "endless":
		for n := uint64(1); ; n += 2 {
			if n == 0 { // never: it is odd
				return nil, nil, nil
			}
		}
	case "exit":
		os.Exit(3)
	case "print":
		fmt.Println("not part of the protocol") //nolint:forbidigo // that is what it does
		return nil, nil, nil
	case "flood":
		return nil, [][]byte{make([]byte, maxData), make([]byte, maxData)}, nil
	case "write":
		return nil, nil, os.WriteFile(string(r.Data), []byte("written"), 0o600)
	case "environment":
		return os.Environ(), nil, nil
	case "reserve":
		var bytes int64
		if err := json.Unmarshal(r.Params, &bytes); err != nil {
			return nil, nil, err
		}
		return nil, nil, r.Reserve(bytes)
	}
	return nil, nil, errors.New("unknown job")
}

func deep(n int) int {
	var frame [1 << 10]byte
	frame[n%len(frame)] = 1
	if n < 0 { // never before the stack is full
		return 0
	}
	return deep(n+1) + int(frame[0])
}

func newPool(t testing.TB, o worker.Options) *worker.Pool {
	t.Helper()
	o.Args = []string{serveWord}
	if o.Memory == 0 {
		o.Memory = memory
	}
	p := worker.NewPool(o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// echo runs a job that works, and gives the process that did it.
func echo(t *testing.T, p *worker.Pool, data []byte) int {
	t.Helper()
	var result struct{ Pid, Length int }
	files, err := p.Do(t.Context(), worker.Job{Op: "echo", Data: data, Time: time.Minute}, &result)
	if err != nil {
		t.Fatal(err)
	}
	if result.Length != len(data) || len(files) != 3 || !bytes.Equal(files[0], data) || len(files[1]) != 0 || string(files[2]) != "end" {
		t.Fatalf("%d bytes came back as %+v and %d files", len(data), result, len(files))
	}
	return result.Pid
}

func TestJobsShareAProcess(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{Workers: 1})
	first := echo(t, p, nil)
	for _, size := range []int{1, 100_000, maxData} {
		if pid := echo(t, p, bytes.Repeat([]byte{7}, size)); pid != first {
			t.Errorf("process %d after %d", pid, first)
		}
	}
	if first == os.Getpid() {
		t.Error("done in the process itself")
	}
}

func TestProcessIsReplacedAfterItsJobs(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{Workers: 1, Jobs: 2})
	a, b, c := echo(t, p, nil), echo(t, p, nil), echo(t, p, nil)
	if a != b || b == c {
		t.Errorf("processes %d, %d, %d", a, b, c)
	}
}

func TestIdleProcessEnds(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{Workers: 1, Idle: time.Millisecond})
	first := echo(t, p, nil)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(p.Pids()) > 0 {
		<-tick.C
	}
	if echo(t, p, nil) == first {
		t.Error("the process still works")
	}
}

// Whatever a job does to its process, it gets a clear error and the next one
// works.
func TestContained(t *testing.T) {
	t.Parallel()
	var remote *worker.RemoteError
	for _, c := range []struct {
		op   string
		want error
		says string
	}{
		{"panic", worker.ErrCrashed, "the decoder gave up"},
		{"panic elsewhere", worker.ErrCrashed, "in a goroutine"},
		{"deep", worker.ErrMemory, ""},
		{"memory", worker.ErrMemory, ""},
		{"at once", worker.ErrMemory, ""},
		{"exit", worker.ErrCrashed, "exit status 3"},
		{"endless", worker.ErrTimeout, ""},
		{"flood", worker.ErrProtocol, ""},
		{"unknown", nil, "unknown job"},
	} {
		t.Run(c.op, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, worker.Options{Workers: 1, MaxReply: maxData + 100})
			limit := time.Minute
			if c.op == "endless" {
				limit = 200 * time.Millisecond
			}
			_, err := p.Do(t.Context(), worker.Job{Op: c.op, Time: limit}, new(any))
			if c.want != nil && !errors.Is(err, c.want) || c.want == nil && !errors.As(err, &remote) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			echo(t, p, []byte("next"))
		})
	}
}

func TestRemoteError(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{Workers: 1})
	before := echo(t, p, nil)
	_, err := p.Do(t.Context(), worker.Job{Op: "fail", Time: time.Minute}, nil)
	var remote *worker.RemoteError
	if !errors.As(err, &remote) || remote.Code != "bad" || remote.Message != "it is bad" {
		t.Errorf("got %v", err)
	}
	if after := echo(t, p, nil); after != before {
		t.Error("an error that was answered ended the process")
	}
}

func TestTooMuchDataIsNotTaken(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{Workers: 1})
	_, err := p.Do(t.Context(), worker.Job{Op: "echo", Data: make([]byte, maxData+1), Time: time.Minute}, new(any))
	if !errors.Is(err, worker.ErrCrashed) || !strings.Contains(err.Error(), "protocol") {
		t.Errorf("got %v", err)
	}
	echo(t, p, nil)
}

func TestCancelledJob(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{Workers: 1})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the caller is gone")
	time.AfterFunc(50*time.Millisecond, func() { cancel(gone) })
	if _, err := p.Do(ctx, worker.Job{Op: "endless", Time: time.Minute}, nil); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	echo(t, p, nil)
}

func TestProcessIsConfined(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{Workers: 1})
	path := t.TempDir() + "/file"
	_, err := p.Do(t.Context(), worker.Job{Op: "write", Data: []byte(path), Time: time.Minute}, nil)
	if err == nil {
		t.Error("a job wrote a file")
	}
	if content, err := os.ReadFile(path); err == nil && len(content) > 0 {
		t.Error("the file has content")
	}
	var environment []string
	if _, err := p.Do(t.Context(), worker.Job{Op: "environment", Time: time.Minute}, &environment); err != nil {
		t.Fatal(err)
	}
	if len(environment) != 1 {
		t.Errorf("the process knows %v", environment)
	}
	if _, err := p.Do(t.Context(), worker.Job{Op: "print", Time: time.Minute}, new(any)); err != nil {
		t.Errorf("printing broke the protocol: %v", err)
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{Workers: 4})
	if _, err := p.Do(t.Context(), worker.Job{Op: "reserve", Params: memory + 1, Time: time.Minute}, new(any)); !errors.Is(err, worker.ErrMemory) {
		t.Errorf("got %v", err)
	}
	// More than half each: they take turns, and none is lost.
	var group sync.WaitGroup
	for range 12 {
		group.Go(func() {
			_, err := p.Do(t.Context(), worker.Job{Op: "reserve", Params: memory/2 + 1, Time: time.Minute}, new(any))
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{Workers: 3})
	var mu sync.Mutex
	pids := map[int]bool{}
	var group sync.WaitGroup
	for i := range 30 {
		group.Go(func() {
			if i%10 == 3 {
				_, err := p.Do(t.Context(), worker.Job{Op: "panic", Time: time.Minute}, nil)
				if !errors.Is(err, worker.ErrCrashed) {
					t.Errorf("got %v", err)
				}
				return
			}
			var result struct{ Pid int }
			if _, err := p.Do(t.Context(), worker.Job{Op: "echo", Data: []byte("x"), Time: time.Minute}, &result); err != nil {
				t.Error(err)
			}
			mu.Lock()
			pids[result.Pid] = true
			mu.Unlock()
		})
	}
	group.Wait()
	if len(pids) > 3+3 {
		t.Errorf("%d processes", len(pids))
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	p := newPool(t, worker.Options{})
	echo(t, p, nil)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Do(t.Context(), worker.Job{Op: "echo", Time: time.Minute}, nil); !errors.Is(err, worker.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
