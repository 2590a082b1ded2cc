package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Errors of a Store, compared with errors.Is.
var (
	// ErrNotFound: no document has this id.
	ErrNotFound = errors.New("ledger: not found")
	// ErrConflict: the document is not at the revision the change started from.
	ErrConflict = errors.New("ledger: changed meanwhile")
	// ErrExists: a document with this id is there already; see [ExistsError].
	ErrExists = errors.New("ledger: exists already")
	// ErrUnavailable: the engine could not be reached or refused to write. The
	// change may or may not have happened; nothing was acknowledged.
	ErrUnavailable = errors.New("ledger: unavailable")
	// ErrTooLarge: a document is larger than MaxDocument.
	ErrTooLarge = errors.New("ledger: document too large")
	// ErrInUse: another process holds the ledger.
	ErrInUse = errors.New("ledger: in use by another process")
)

// ExistsError names the document that stood in the way; it is ErrExists.
type ExistsError struct{ Table, ID string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("ledger: %s %q exists already", e.Table, e.ID)
}

// Is makes errors.Is(err, ErrExists) true.
func (e *ExistsError) Is(target error) bool { return target == ErrExists }

// MaxDocument is the size in bytes above which a document is refused. MongoDB's
// own limit is 16 MiB.
const MaxDocument = 8 << 20

// Keys are the names and ordered keys under which a document is found, beside
// its id. A key is unique within its index, since it ends in the id; a document
// without a key is absent from that index.
type Keys map[string]string

// Doc is one document as an engine handles it. Data holds the whole document,
// with its id as "_id", its revision as "rev" and its keys as "x".
type Doc struct {
	ID   string
	Rev  int64
	Keys Keys
	Data bson.Raw
}

// Put names a document and the table it goes to.
type Put struct {
	Table string
	Doc   Doc
}

// Ref names a document at a revision.
type Ref struct {
	ID  string
	Rev int64
}

// Range is a stretch of one index, in byte order of its keys. An empty Index
// means the ids themselves.
type Range struct {
	Index string
	// From is the first key, To the first key beyond the end; an empty To has no
	// end.
	From, To string
	// After leaves out keys up to and including it (with Reverse: from it on).
	After string
	// Limit is the most documents to give, 0 for all.
	Limit   int
	Reverse bool
}

// Store is a storage engine. All methods are safe for concurrent use, stop when
// ctx ends, and return errors that wrap those of this package. A nil error from
// a change means that it is durable: on disk in a file, acknowledged by the
// majority with its journal on a replica set.
type Store interface {
	// Insert adds documents in the given order and stops at the first id that is
	// taken with an [ExistsError]. An engine that can adds all or none; one that
	// cannot leaves the earlier ones in place.
	Insert(ctx context.Context, puts ...Put) error
	// InsertMissing adds those documents whose ids are free and tells which.
	InsertMissing(ctx context.Context, table string, docs []Doc) (added []bool, err error)
	// Get returns a document or ErrNotFound.
	Get(ctx context.Context, table, id string) (bson.Raw, error)
	// Replace puts d in the place of the document with its id if that is at
	// revision from: ErrNotFound, ErrConflict.
	Replace(ctx context.Context, table string, d Doc, from int64) error
	// Unset takes the key of one index off those documents that are still at
	// their revision; others are left alone.
	Unset(ctx context.Context, table, index string, refs []Ref) error
	// Delete removes documents by id; ids that are not there are no error.
	Delete(ctx context.Context, table string, ids []string) error
	// Scan gives the documents of a range in order. It holds no lock while the
	// caller works, so a document changed meanwhile may come in either form.
	Scan(ctx context.Context, table string, r Range) iter.Seq2[bson.Raw, error]
	// Count counts the documents of a range.
	Count(ctx context.Context, table string, r Range) (int, error)
	// Ping reports whether the engine answers.
	Ping(ctx context.Context) error
	// Shared reports whether other processes may write to the same ledger.
	Shared() bool
	Close() error
}

// Prefix is the range of all keys of index that begin with the given parts and
// have more; without parts it is the whole index.
func Prefix(index string, parts ...string) Range {
	if len(parts) == 0 {
		return Range{Index: index}
	}
	p := Key(parts...)
	return Range{Index: index, From: p + string(separator), To: p + string(separator+1)}
}

// separator stands between the parts of a key. Ids hold no control characters,
// so a part cannot contain it.
const separator = '\x1f'

// Key joins the parts of a key.
func Key(parts ...string) string {
	n := len(parts)
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n)
	for i, p := range parts {
		if i > 0 {
			b = append(b, separator)
		}
		b = append(b, p...)
	}
	return string(b)
}
