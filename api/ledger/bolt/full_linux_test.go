package bolt_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/candor-ugc/candor/api/ledger"
)

// fullEnv names the file that a child process fills.
const fullEnv = "CANDOR_TEST_FULL_DISK"

// TestFullDisk writes until the file may grow no further. The limit is one of
// the process, so the test starts itself again as a child.
func TestFullDisk(t *testing.T) {
	if path := os.Getenv(fullEnv); path != "" {
		fillDisk(t, path)
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.bolt")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	child.Env = append(os.Environ(), fullEnv+"="+path)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var acknowledged int
	_, rest, _ := strings.Cut(string(out), "acknowledged ")
	if _, err := fmt.Sscan(rest, &acknowledged); err != nil || acknowledged == 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	s := openFile(t, path)
	for i := range acknowledged {
		holds(t, s, fullDoc(i))
	}
	if n, err := s.Count(t.Context(), table, ledger.Range{}); n != acknowledged || err != nil {
		t.Errorf("%d documents, %v, want %d", n, err, acknowledged)
	}
}

func fullDoc(i int) ledger.Doc { return doc(fmt.Sprint(i), 1, strings.Repeat("x", 10_000)) }

func fillDisk(t *testing.T, path string) {
	// Without this the kernel ends the process that writes too much.
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	s := openFile(t, path)
	ctx := t.Context()
	small := limit
	small.Cur = 2 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	n := 0
	var full error
	for ; n < 1000; n++ {
		if full = s.Insert(ctx, put(fullDoc(n))); full != nil {
			break
		}
	}
	if !errors.Is(full, ledger.ErrUnavailable) {
		t.Fatalf("after %d documents: got error %v, want %v", n, full, ledger.ErrUnavailable)
	}
	if err := s.Insert(ctx, put(fullDoc(n))); !errors.Is(err, ledger.ErrUnavailable) {
		t.Fatalf("got error %v, want %v", err, ledger.ErrUnavailable)
	}
	// What is there can be read, and nothing of what failed is.
	holds(t, s, fullDoc(0))
	holds(t, s, fullDoc(n-1))
	if _, err := s.Get(ctx, table, fmt.Sprint(n)); !errors.Is(err, ledger.ErrNotFound) {
		t.Fatalf("got error %v, want %v", err, ledger.ErrNotFound)
	}
	// With room again, it goes on.
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := s.Insert(ctx, put(fullDoc(n))); err != nil {
		t.Fatal(err)
	}
	t.Logf("acknowledged %d", n+1)
}
