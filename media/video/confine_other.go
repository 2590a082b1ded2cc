//go:build !linux

package video

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }

// confine does nothing where the limits are unknown: the clock, the size of the
// output and ffmpeg's own options remain.
func confine(int, bounds) error { return nil }
