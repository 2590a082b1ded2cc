package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// An index folder holds
//
//	lock        held while the index is open
//	index.json  what the index is and which generation is current
//	g-…/        one generation: Bleve's own files
//
// A new generation is built beside the current one and becomes current by the
// rename of index.json, so that a crash leaves either the old or the new.
const (
	metaName   = "index.json"
	lockName   = "lock"
	genPattern = "g-*"
)

// mappingVersion names everything that decides which terms a document gives:
// fields, analyzers, folding, packed rows. Change it with any of them.
const mappingVersion = "1"

type meta struct {
	Version    string `json:"version"`
	Kind       Kind   `json:"kind"`
	Texts      bool   `json:"texts"` // whether texts are stored
	Generation string `json:"generation"`
}

func (m *meta) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%s\n%08x\n", b, crc32.ChecksumIEEE(b)), nil
}

func decodeMeta(b []byte) (meta, error) {
	var m meta
	body, sum, ok := strings.Cut(string(b), "\n")
	if !ok || sum != fmt.Sprintf("%08x\n", crc32.ChecksumIEEE([]byte(body))) {
		return m, fmt.Errorf("%w: %s does not match its checksum", ErrCorrupt, metaName)
	}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, fmt.Errorf("%w: %s: %w", ErrCorrupt, metaName, err)
	}
	return m, nil
}

// readMeta says which generation is current. Errors: ErrMissing for no folder
// or an empty one, ErrCorrupt, ErrOutdated.
func readMeta(path string, kind Kind, opts Options) (meta, error) {
	b, err := os.ReadFile(filepath.Join(path, metaName))
	if errors.Is(err, fs.ErrNotExist) {
		gens, globErr := filepath.Glob(filepath.Join(path, genPattern))
		if globErr == nil && len(gens) > 0 {
			return meta{}, fmt.Errorf("%w: %s is gone", ErrCorrupt, metaName)
		}
		return meta{}, ErrMissing
	}
	if err != nil {
		return meta{}, err
	}
	m, err := decodeMeta(b)
	if err != nil {
		return m, err
	}
	if m.Kind != kind {
		return m, fmt.Errorf("%w: it is a %s index, not a %s one", ErrCorrupt, m.Kind, kind)
	}
	if m.Version != mappingVersion || m.Texts != (opts.Texts == nil) {
		return m, fmt.Errorf("%w: version %s, not %s", ErrOutdated, m.Version, mappingVersion)
	}
	return m, nil
}

// writeMeta makes a generation current, durably.
func writeMeta(path string, m meta) error {
	b, err := m.encode()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(path, metaName+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(path, metaName))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(path)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// newGeneration makes an empty folder for a generation.
func newGeneration(path string) (string, error) {
	dir, err := os.MkdirTemp(path, genPattern)
	if err != nil {
		return "", err
	}
	return filepath.Base(dir), syncDir(path)
}

// removeOthers deletes what interrupted rebuilds left behind, so that disk use
// stays bounded.
func removeOthers(path, current string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		if name == current || name == metaName || name == lockName {
			continue
		}
		if strings.HasPrefix(name, "g-") || strings.HasPrefix(name, metaName+".") {
			errs = append(errs, os.RemoveAll(filepath.Join(path, name)))
		}
	}
	return errors.Join(errs...)
}
