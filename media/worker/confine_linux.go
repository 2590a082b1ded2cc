package worker

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// confine takes from the process, for good, what no job needs: more memory than
// it has and so many bytes, writing files, core dumps, and rights gained by
// starting programs.
//
// The memory limit is on private writable memory (RLIMIT_DATA). The address
// space says nothing about a Go process, which reserves a gigabyte and uses
// little of it.
func confine(memory int64) error {
	used, err := dataSize()
	if err != nil {
		return err
	}
	limits := []struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_DATA, used + uint64(memory)*(1+shadow)},
		{unix.RLIMIT_FSIZE, 0},
		{unix.RLIMIT_CORE, 0},
	}
	for _, l := range limits {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("set resource limit: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	return nil
}

// dataSize is the private writable memory of the process, in bytes.
func dataSize() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("ask for used memory: %w", err)
	}
	fields := strings.Fields(string(text))
	if len(fields) < 6 {
		return 0, fmt.Errorf("ask for used memory: %q", text)
	}
	pages, err := strconv.ParseUint(fields[5], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("ask for used memory: %w", err)
	}
	return pages * uint64(os.Getpagesize()), nil
}

// limitCPU ends the process when it has worked for so many seconds more. It is
// the parent that kills what takes too long; this one holds when the parent is
// gone.
func limitCPU(seconds int64) error {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return fmt.Errorf("ask for used time: %w", err)
	}
	until := uint64(used.Utime.Sec+used.Stime.Sec) + uint64(seconds) + 1
	return unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: until, Max: unix.RLIM_INFINITY})
}

// childAttributes make the system kill a child when its parent dies, and keep
// the terminal's signals for the parent, which ends its children itself.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// self is the program that runs, even when the file was replaced meanwhile.
func self() (string, error) { return "/proc/self/exe", nil }
