package search

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// rootName is the file in which Bleve keeps which segments make the index.
const rootName = "root.bolt"

// verify reads a generation's files before Bleve maps them into memory, where
// damage would be a fault instead of an error. Every segment ends in a
// checksum over itself, which Bleve writes and never reads.
func verify(dir string) error {
	if err := verifyRoot(filepath.Join(dir, rootName)); err != nil {
		return err
	}
	segments, err := filepath.Glob(filepath.Join(dir, "*.zap"))
	if err != nil {
		return err
	}
	for _, name := range segments {
		if err := verifySegment(name); err != nil {
			return err
		}
	}
	return nil
}

func verifySegment(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	err = checksum(f)
	if err != nil {
		err = fmt.Errorf("%w: segment %s: %w", ErrCorrupt, filepath.Base(name), err)
	}
	return errors.Join(err, f.Close())
}

func checksum(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < 44 {
		return io.ErrUnexpectedEOF
	}
	h := crc32.NewIEEE()
	if _, err := io.CopyN(h, f, info.Size()-4); err != nil {
		return err
	}
	var want [4]byte
	if _, err := io.ReadFull(f, want[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(want[:]) != h.Sum32() {
		return errors.New("checksum does not match")
	}
	return nil
}

// verifyRoot walks every bucket. bbolt checks its meta pages alone, so a
// damaged page shows as a panic or a memory fault, which both become errors.
func verifyRoot(name string) (err error) {
	if _, err := os.Stat(name); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var db *bbolt.DB
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %s: %v", ErrCorrupt, rootName, r)
		}
		if db != nil && err == nil {
			err = db.Close()
		}
	}()
	db, err = bbolt.Open(name, 0o600, &bbolt.Options{Timeout: boltTimeout, ReadOnly: true})
	if errors.Is(err, berrors.ErrTimeout) {
		return ErrLocked
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, rootName, err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error { return walkBucket(b, 0) })
	})
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, rootName, err)
	}
	return nil
}

// maxBuckets is how deep Bleve nests them, with room.
const maxBuckets = 8

func walkBucket(b *bbolt.Bucket, depth int) error {
	if depth > maxBuckets {
		return errors.New("buckets nested too deeply")
	}
	sum := byte(0)
	return b.ForEach(func(k, v []byte) error {
		if v == nil {
			child := b.Bucket(k)
			if child == nil {
				return errors.New("a bucket is gone")
			}
			return walkBucket(child, depth+1)
		}
		for _, c := range v { // touch every byte
			sum ^= c
		}
		return nil
	})
}

// openStore opens a generation's folder after verifying it.
func openStore(dir string, kind Kind, opts Options) (*store, error) {
	if err := verify(dir); err != nil {
		return nil, err
	}
	s, err := newStore(dir, kind, opts)
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, ErrLocked
	}
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return s, err
}

// boltTimeout is how long opening waits for another process to let go.
const boltTimeout = 500 * time.Millisecond
