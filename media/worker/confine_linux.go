package worker

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// confine takes from the process, for good, what no job needs: memory beyond a
// limit, writing files, core dumps, and rights gained by starting programs.
//
// The memory limit is on private writable memory (RLIMIT_DATA). The address
// space says nothing about a Go process, which reserves a gigabyte and uses
// little of it.
func confine(memory int64) error {
	limits := []struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_DATA, uint64(memory)},
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
