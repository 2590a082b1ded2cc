package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unfinished is the folder of files that are being written. It lies in the
// store, because a rename is atomic only within one file system.
const unfinished = "unfinished"

// Local keeps files in a folder: FOLDER/ab/abcdef….jpg.
//
// A file is written beside the others, flushed, renamed, and then its folder is
// flushed: whatever happens to the process or the machine, a name stands for a
// whole file or for none.
type Local struct {
	dir string
}

// OpenLocal opens a store in a folder, and makes it when it is missing.
func OpenLocal(dir string) (*Local, error) {
	// The absolute path survives a change of the working folder.
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, unfinished), 0o750); err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	// All shards are made at once: were they made when needed, every Put would
	// have to flush the folder above too, as another may have just made one.
	for i := range 256 {
		err := os.Mkdir(filepath.Join(dir, fmt.Sprintf("%02x", i)), 0o750)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("open blob folder: %w", err)
		}
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := syncDir(d); err != nil {
			return nil, fmt.Errorf("open blob folder: %w", err)
		}
	}
	return &Local{dir}, nil
}

// Sweep removes what crashed writers left behind before a time, and says how
// many files that were. The time should lie further back than any Put lasts.
func (l *Local) Sweep(ctx context.Context, before time.Time) (int, error) {
	entries, err := os.ReadDir(filepath.Join(l.dir, unfinished))
	if err != nil {
		return 0, fmt.Errorf("sweep blob folder: %w", err)
	}
	swept := 0
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return swept, err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.ModTime().Before(before) {
			continue
		}
		if err == nil {
			err = os.Remove(filepath.Join(l.dir, unfinished, e.Name()))
		}
		if err != nil {
			return swept, fmt.Errorf("sweep blob folder: %w", err)
		}
		swept++
	}
	return swept, nil
}

// Put implements Store.
func (l *Local) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := l.put(ctx, name, r, size); err != nil {
		return fmt.Errorf("put blob %s: %w", name, err)
	}
	return nil
}

func (l *Local) put(ctx context.Context, name string, r io.Reader, size int64) error {
	target := l.path(name)
	if info, err := os.Stat(target); err == nil && info.Size() == size {
		// Another writer may have renamed it a moment ago and not have flushed
		// the folder yet.
		return syncDir(filepath.Dir(target))
	}
	temp, err := l.write(ctx, r, size)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, target); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(target))
}

// write makes a complete, flushed file without a name of its own.
func (l *Local) write(ctx context.Context, r io.Reader, size int64) (temp string, err error) {
	file, err := os.CreateTemp(filepath.Join(l.dir, unfinished), "*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = io.Copy(file, &exactly{&cancellable{ctx, r}, size})
	if err == nil {
		err = file.Sync()
	}
	return file.Name(), errors.Join(err, file.Close())
}

// Open implements Store.
func (l *Local) Open(_ context.Context, name string) (io.ReadSeekCloser, ObjectInfo, error) {
	if err := CheckName(name); err != nil {
		return nil, ObjectInfo{}, err
	}
	file, err := os.Open(l.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ObjectInfo{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	if err != nil {
		return nil, ObjectInfo{}, fmt.Errorf("open blob: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, ObjectInfo{}, errors.Join(fmt.Errorf("open blob: %w", err), file.Close())
	}
	return file, describe(info), nil
}

// Delete implements Store.
func (l *Local) Delete(_ context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	err := os.Remove(l.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(l.path(name)))
	}
	if err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// List implements Store.
func (l *Local) List(ctx context.Context, prefix, after string) iter.Seq2[ObjectInfo, error] {
	return func(yield func(ObjectInfo, error) bool) {
		shards, err := os.ReadDir(l.dir)
		if err != nil {
			yield(ObjectInfo{}, fmt.Errorf("list blobs: %w", err))
			return
		}
		for _, shard := range shards {
			s := shard.Name()
			if len(s) != 2 || !shard.IsDir() || !strings.HasPrefix(s, prefix[:min(2, len(prefix))]) || s < after[:min(2, len(after))] {
				continue
			}
			if !l.listShard(ctx, s, prefix, after, yield) {
				return
			}
		}
	}
}

// listShard lists one folder; false ends the listing.
func (l *Local) listShard(ctx context.Context, shard, prefix, after string, yield func(ObjectInfo, error) bool) bool {
	entries, err := os.ReadDir(filepath.Join(l.dir, shard))
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		yield(ObjectInfo{}, fmt.Errorf("list blobs: %w", err))
		return false
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, prefix) || name <= after || CheckName(name) != nil {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			yield(ObjectInfo{}, fmt.Errorf("list blobs: %w", err))
			return false
		}
		if !yield(describe(info), nil) {
			return false
		}
	}
	return true
}

func (l *Local) path(name string) string {
	return filepath.Join(l.dir, name[:2], name)
}

func describe(info fs.FileInfo) ObjectInfo {
	return ObjectInfo{Name: info.Name(), Size: info.Size(), ContentType: ContentType(info.Name()), Modified: info.ModTime()}
}

// syncDir flushes the entries of a folder.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// cancellable stops reading when the context ends.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
