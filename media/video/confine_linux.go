package video

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes make the system kill the process when its parent dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// niceness leaves the processor to those who wait for an answer.
const niceness = 10

// confine limits a process that was just started. It has then at most begun to
// load its libraries.
func confine(pid int, b bounds) error {
	limits := []struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_DATA, uint64(b.memory)},
		{unix.RLIMIT_FSIZE, uint64(b.output)},
		{unix.RLIMIT_CPU, uint64(b.time/time.Second) + 1},
		{unix.RLIMIT_CORE, 0},
	}
	for _, l := range limits {
		err := unix.Prlimit(pid, l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}, nil)
		if err != nil && !errors.Is(err, unix.ESRCH) { // gone already
			return fmt.Errorf("set resource limit: %w", err)
		}
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, pid, niceness); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("set priority: %w", err)
	}
	return nil
}
