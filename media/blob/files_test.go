package blob_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/blob/blobtest"
)

// memory is a Files as a database would be: it stores what is complete.
type memory struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (m *memory) Write(ctx context.Context, name string, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name] = b
	return nil
}

func (m *memory) get(name string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.files[name]
	return b, ok
}

func (m *memory) Stat(_ context.Context, name string) (int64, time.Time, bool, error) {
	b, ok := m.get(name)
	return int64(len(b)), time.Unix(1, 0), ok, nil
}

func (m *memory) ReadAt(_ context.Context, name string, offset int64) (io.ReadCloser, error) {
	b, _ := m.get(name)
	return io.NopCloser(iotest.HalfReader(bytes.NewReader(b[offset:]))), nil
}

func (m *memory) Remove(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, name)
	return nil
}

func (m *memory) Each(_ context.Context, prefix, after string, visit func(string, int64, time.Time) bool) error {
	m.mu.Lock()
	files := maps.Clone(m.files)
	m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasPrefix(name, prefix) && name > after && !visit(name, int64(len(files[name])), time.Unix(1, 0)) {
			return nil
		}
	}
	return nil
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(*testing.T) blob.Store { return blob.NewDatabase(&memory{files: map[string][]byte{}}) })
}
