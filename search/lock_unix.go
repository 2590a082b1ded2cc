//go:build unix

package search

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFile takes the folder's lock, which the system drops when the process
// ends however it ends. ErrLocked when another holder has it.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock index: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(ErrLocked, f.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock index: %w", err), f.Close())
	}
	return f, nil
}
