//go:build !linux

package worker

import (
	"os"
	"syscall"
)

// confine does nothing where the limits are unknown: the collector's limit and
// the parent's clock remain.
func confine(int64) error { return nil }

func limitCPU(int64) error { return nil }

func childAttributes() *syscall.SysProcAttr { return nil }

func self() (string, error) { return os.Executable() }
