package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is what a server and its children use, in bytes. What processes share
// is divided among them (the proportional set size).
type memory struct {
	server, workers, ffmpeg int64
}

func (m memory) all() int64 { return m.server + m.workers + m.ffmpeg }

func (m memory) String() string {
	return fmt.Sprintf("server %d MiB, photo workers %d MiB, ffmpeg %d MiB", m.server>>20, m.workers>>20, m.ffmpeg>>20)
}

// peaks are the highest of many looks at the memory.
type peaks struct {
	// own is the most of server and photo workers together, all that with
	// ffmpeg, and ffmpeg the most of ffmpeg alone.
	own, all, ffmpeg memory
	looks            int
}

func (p *peaks) note(m memory) {
	p.looks++
	if m.server+m.workers > p.own.server+p.own.workers {
		p.own = m
	}
	if m.all() > p.all.all() {
		p.all = m
	}
	if m.ffmpeg > p.ffmpeg.ffmpeg {
		p.ffmpeg = m
	}
}

// watchMemory looks at the memory of a server and its children until stop is
// called, which gives what was seen.
func watchMemory(t testing.TB, p *process) (stop func() peaks) {
	t.Helper()
	pid := p.cmd.Process.Pid
	if proportional(pid) == 0 {
		t.Log("memory is measured on Linux only")
		return func() peaks { return peaks{} }
	}
	done := make(chan struct{})
	var seen peaks
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			m := memory{server: proportional(pid)}
			for _, child := range children(pid) {
				if strings.HasPrefix(child.name, "ff") {
					m.ffmpeg += proportional(child.pid)
				} else {
					m.workers += proportional(child.pid)
				}
			}
			seen.note(m)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	return sync.OnceValue(func() peaks {
		close(done)
		work.Wait()
		return seen
	})
}

// proportional is the memory of a process, 0 for one that is gone.
func proportional(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

type childProcess struct {
	pid  int
	name string
}

// children are all processes below one. What ends meanwhile is left out.
func children(pid int) (out []childProcess) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, thread := range threads {
		list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread.Name()))
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(list)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				continue
			}
			name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child))
			if err != nil {
				continue
			}
			out = append(append(out, childProcess{child, string(name)}), children(child)...)
		}
	}
	return out
}
