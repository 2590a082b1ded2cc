//go:build !unix

package search

import (
	"fmt"
	"os"
)

// lockFile relies on Bleve's own lock of its root file on these systems.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock index: %w", err)
	}
	return f, nil
}
