package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far long work is: a bar on a terminal, now and then a line
// elsewhere.
type progress struct {
	mu   sync.Mutex
	out  io.Writer
	what string
	bar  *progressbar.ProgressBar
	done int64
	all  int64
	told time.Time
}

// newProgress measures work in the bytes of files; without files the amount is
// not known beforehand.
func newProgress(out io.Writer, what string, files []string) (*progress, error) {
	p := &progress{out: out, what: what, told: time.Now()}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		p.all += info.Size()
	}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		total := p.all
		if total == 0 {
			total = -1
		}
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(p.all > 0),
			progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return p, nil
}

// tellEvery is how often a line is written where no bar can be drawn.
const tellEvery = 5 * time.Second

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(n)
	if p.bar != nil {
		_ = p.bar.Add(n) // a bar that cannot be drawn stops nothing
		return
	}
	if time.Since(p.told) < tellEvery {
		return
	}
	p.told = time.Now()
	if p.all > 0 {
		_, _ = fmt.Fprintf(p.out, "%s: %d %%\n", p.what, 100*p.done/p.all)
		return
	}
	_, _ = fmt.Fprintf(p.out, "%s: %d\n", p.what, p.done)
}

// note writes a line without tearing the bar.
func (p *progress) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	_, _ = fmt.Fprintln(p.out, line)
}

func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// lineKey tells lines of a file apart in little memory.
func lineKey(line []byte) [16]byte {
	sum := sha256.Sum256(line)
	return [16]byte(sum[:16])
}
