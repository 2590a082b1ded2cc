// Package blob keeps the files that media are made of: in a folder, in GridFS or
// in a bucket that speaks S3.
//
// Names are content-addressed: a name says which bytes it stands for, so a file
// never changes, may be cached for ever, and storing it twice is harmless. The
// package knows nothing of photos, of whom a file belongs to, or of who may see
// it; encryption at rest is the store's own business.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
	"time"
)

var (
	// ErrNotFound means that no file has the name.
	ErrNotFound = errors.New("blob not found")
	// ErrName means that a name is not of the form that Name makes.
	ErrName = errors.New("invalid blob name")
	// ErrSize means that a source held more or fewer bytes than was said.
	ErrSize = errors.New("blob of another size than announced")
	// ErrDamaged means that a stored file is not what its name says.
	ErrDamaged = errors.New("damaged blob")
)

// ObjectInfo describes a stored file.
type ObjectInfo struct {
	Name        string
	Size        int64 // bytes
	ContentType string
	Modified    time.Time
}

// Store keeps files. All methods may be called from several goroutines and
// processes at once.
type Store interface {
	// Put stores size bytes from r. When it returns nil the file is complete
	// and durable; otherwise nothing is visible under the name, or what was
	// there before. A file that is there already with that size is kept, and r
	// may be left unread. Errors: ErrName, ErrSize.
	Put(ctx context.Context, name string, r io.Reader, size int64) error
	// Open gives the file for reading from any position. The context holds for
	// the reads too. Errors: ErrName, ErrNotFound.
	Open(ctx context.Context, name string) (io.ReadSeekCloser, ObjectInfo, error)
	// Delete removes the file for good. One that is not there is no error.
	// Errors: ErrName.
	Delete(ctx context.Context, name string) error
	// List gives the files whose names start with prefix and sort behind after,
	// in the order of their names.
	List(ctx context.Context, prefix, after string) iter.Seq2[ObjectInfo, error]
}

// contentTypes are the media types by the ending of a name. The type is derived
// and not stored, so that no store can lose it or be told a wrong one.
var contentTypes = map[string]string{
	"jpg":  "image/jpeg",
	"png":  "image/png",
	"gif":  "image/gif",
	"webp": "image/webp",
	"mp4":  "video/mp4",
	"mov":  "video/quicktime",
	"webm": "video/webm",
	"bin":  "application/octet-stream",
}

// nameForm is the SHA-256 of the content in hex, and an ending.
var nameForm = regexp.MustCompile(`^[0-9a-f]{64}\.[a-z0-9]{2,5}$`)

// Name is the name of a file: the SHA-256 of its content, and an ending that
// stands for its type, such as jpg.
func Name(sum [sha256.Size]byte, ending string) string {
	return hex.EncodeToString(sum[:]) + "." + ending
}

// NameOf is the name of content.
func NameOf(content []byte, ending string) string {
	return Name(sha256.Sum256(content), ending)
}

// CheckName gives ErrName for what Name cannot have made.
func CheckName(name string) error {
	if !nameForm.MatchString(name) || ContentType(name) == "" {
		return fmt.Errorf("%w: %q", ErrName, name)
	}
	return nil
}

// ContentType is the media type of a name, "" when its ending has none.
func ContentType(name string) string {
	_, ending, _ := strings.Cut(name, ".")
	return contentTypes[ending]
}

// Verify reads a stored file and compares it with its name. Errors: ErrNotFound,
// ErrDamaged.
func Verify(ctx context.Context, s Store, name string) error {
	file, _, err := s.Open(ctx, name)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("read blob %s: %w", name, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != name[:2*sha256.Size] {
		return fmt.Errorf("%w: %s", ErrDamaged, name)
	}
	return nil
}

// exactly passes on size bytes, and fails with ErrSize when there are more or
// fewer.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	// One byte more is asked for than is due, to notice a surplus.
	if int64(len(p)) > e.left+1 {
		p = p[:e.left+1]
	}
	n, err := e.r.Read(p)
	e.left -= int64(n)
	switch {
	case e.left < 0:
		return 0, fmt.Errorf("%w: more than announced", ErrSize)
	case errors.Is(err, io.EOF) && e.left > 0:
		return n, fmt.Errorf("%w: %d bytes missing", ErrSize, e.left)
	}
	return n, err
}
