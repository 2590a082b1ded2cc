package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// Files is a database's store of files, such as GridFS, in words that need no
// type of this package: an adapter is written where the driver is known.
type Files interface {
	// Write stores a file that becomes visible when it is complete, and durable
	// before Write returns. An error of r leaves nothing behind. Two files may
	// get the same name, by a race of equal writers; they are then equal.
	Write(ctx context.Context, name string, r io.Reader) error
	// Stat gives size and time of a file; found is false when there is none.
	Stat(ctx context.Context, name string) (size int64, modified time.Time, found bool, err error)
	// ReadAt gives the file's bytes from an offset on. The file exists and the
	// offset lies within.
	ReadAt(ctx context.Context, name string, offset int64) (io.ReadCloser, error)
	// Remove removes every file of the name, if there is any, and what broken
	// writers of it left.
	Remove(ctx context.Context, name string) error
	// Each visits the files whose names start with prefix and sort behind after,
	// in the order of their names and each name once, until visit gives false.
	Each(ctx context.Context, prefix, after string, visit func(name string, size int64, modified time.Time) bool) error
}

// Database keeps files in a database.
type Database struct {
	files Files
}

// NewDatabase makes a store of a database's files.
func NewDatabase(files Files) *Database { return &Database{files} }

// Put implements Store.
func (d *Database) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	if err := CheckName(name); err != nil {
		return err
	}
	there, _, found, err := d.files.Stat(ctx, name)
	switch {
	case err != nil:
	case found && there == size:
		return nil
	case found:
		// Damaged: a name stands for one content, and so for one size.
		err = d.files.Remove(ctx, name)
	}
	if err == nil {
		err = d.files.Write(ctx, name, &exactly{r, size})
	}
	if err != nil {
		return fmt.Errorf("put blob %s: %w", name, err)
	}
	return nil
}

// Open implements Store.
func (d *Database) Open(ctx context.Context, name string) (io.ReadSeekCloser, ObjectInfo, error) {
	if err := CheckName(name); err != nil {
		return nil, ObjectInfo{}, err
	}
	size, modified, found, err := d.files.Stat(ctx, name)
	if err != nil {
		return nil, ObjectInfo{}, fmt.Errorf("open blob: %w", err)
	}
	if !found {
		return nil, ObjectInfo{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	info := ObjectInfo{Name: name, Size: size, ContentType: ContentType(name), Modified: modified}
	return &seeker{ctx: ctx, files: d.files, name: name, size: size}, info, nil
}

// Delete implements Store.
func (d *Database) Delete(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := d.files.Remove(ctx, name); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// List implements Store.
func (d *Database) List(ctx context.Context, prefix, after string) iter.Seq2[ObjectInfo, error] {
	return func(yield func(ObjectInfo, error) bool) {
		stopped := false
		err := d.files.Each(ctx, prefix, after, func(name string, size int64, modified time.Time) bool {
			if CheckName(name) != nil {
				return true
			}
			stopped = !yield(ObjectInfo{Name: name, Size: size, ContentType: ContentType(name), Modified: modified}, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(ObjectInfo{}, fmt.Errorf("list blobs: %w", err))
		}
	}
}

// seeker reads a file from wherever it was told to, and opens it there when it
// is read.
type seeker struct {
	ctx    context.Context
	files  Files
	name   string
	size   int64
	at     int64
	open   io.ReadCloser // nil until it is read
	closed bool
}

func (s *seeker) Read(p []byte) (int, error) {
	if s.closed {
		return 0, errors.New("read blob: closed")
	}
	if s.at >= s.size {
		return 0, io.EOF
	}
	if s.open == nil {
		var err error
		if s.open, err = s.files.ReadAt(s.ctx, s.name, s.at); err != nil {
			return 0, fmt.Errorf("read blob: %w", err)
		}
	}
	n, err := s.open.Read(p)
	s.at += int64(n)
	if errors.Is(err, io.EOF) && s.at < s.size {
		return n, fmt.Errorf("%w: %s ends early", ErrDamaged, s.name)
	}
	return n, err
}

func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, errors.New("seek blob: negative position")
	}
	if offset == s.at {
		return offset, nil
	}
	s.at = offset
	return offset, s.release()
}

func (s *seeker) Close() error {
	s.closed = true
	return s.release()
}

func (s *seeker) release() error {
	if s.open == nil {
		return nil
	}
	open := s.open
	s.open = nil
	return open.Close()
}
