package mongo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/candor-ugc/candor/api/ledger"
)

// Stat gives size in bytes and time of the first file of the name; found is
// false when there is none. Error: ledger.ErrUnavailable.
func (f *Files) Stat(ctx context.Context, name string) (size int64, modified time.Time, found bool, err error) {
	e, err := f.find(ctx, name)
	if errors.Is(err, ledger.ErrNotFound) {
		return 0, time.Time{}, false, nil
	}
	return e.Length, e.Uploaded, err == nil, err
}

// find gives the first file of a name, so that equal ones coming later do not
// change what is seen: ledger.ErrNotFound.
func (f *Files) find(ctx context.Context, name string) (e entry, err error) {
	oldest := options.FindOne().SetSort(bson.D{{Key: "uploadDate", Value: 1}})
	err = f.call(ctx, "find file", func(ctx context.Context, _ *attempts) error {
		err := f.entries.FindOne(ctx, bson.D{{Key: "filename", Value: name}}, oldest).Decode(&e)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return fmt.Errorf("%q: %w", name, ledger.ErrNotFound)
		}
		return err
	})
	return e, err
}

// ReadAt gives the bytes of the name's first file from an offset on; the context
// holds for the reads too. A file that lost chunks ends early. Errors, from the
// reads too: ledger.ErrNotFound, ledger.ErrUnavailable.
func (f *Files) ReadAt(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	e, err := f.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if e.ChunkSize <= 0 && e.Length > 0 {
		return nil, fmt.Errorf("read file: %q has chunks of %d bytes", name, e.ChunkSize)
	}
	e.ChunkSize = max(e.ChunkSize, 1)
	return &chunkReader{ctx: ctx, files: f, file: e, n: offset / e.ChunkSize, skip: offset % e.ChunkSize, ahead: 1}, nil
}

// chunkReader reads the chunks of a file.
type chunkReader struct {
	ctx   context.Context
	files *Files
	file  entry
	n     int64 // the chunk that is fetched next
	skip  int64 // bytes of it that nobody wants
	have  [][]byte
	// ahead is how many chunks are fetched at once: few for those who look into
	// a file, more for those who go on.
	ahead  int64
	closed bool
}

func (r *chunkReader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, errors.New("read file: closed")
	}
	if len(r.have) == 0 {
		if err := r.fetch(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.have[0])
	if r.have[0] = r.have[0][n:]; len(r.have[0]) == 0 {
		r.have = r.have[1:]
	}
	return n, nil
}

// fetch reads the next chunks, or gives io.EOF at the end or where a chunk is
// missing. Each fetch is a query of its own, so no cursor stays open while the
// caller works.
func (r *chunkReader) fetch() error {
	if r.n*r.file.ChunkSize+r.skip >= r.file.Length {
		return io.EOF
	}
	from := bson.D{{Key: "files_id", Value: r.file.ID}, {Key: "n", Value: bson.D{{Key: "$gte", Value: r.n}}}}
	find := options.Find().SetSort(bson.D{{Key: "n", Value: 1}}).SetLimit(r.ahead).SetBatchSize(int32(r.ahead))
	var docs []bson.Raw
	err := r.files.call(r.ctx, "read chunks", func(ctx context.Context, _ *attempts) error {
		cursor, err := r.files.chunks.Find(ctx, from, find)
		if err != nil {
			return err
		}
		docs, err = firstBatch(ctx, cursor)
		return errors.Join(err, cursor.Close(ctx))
	})
	if err != nil {
		return err
	}
	for _, d := range docs {
		place, ok := d.Lookup("n").AsInt64OK()
		_, data, isData := d.Lookup("data").BinaryOK()
		want := min(r.file.ChunkSize, r.file.Length-r.n*r.file.ChunkSize)
		if !ok || !isData || place != r.n || int64(len(data)) != want {
			break
		}
		r.have = append(r.have, data[r.skip:])
		r.n, r.skip = r.n+1, 0
	}
	if len(r.have) == 0 {
		return io.EOF
	}
	r.ahead = min(2*r.ahead, chunkBatch)
	return nil
}

func (r *chunkReader) Close() error {
	r.closed, r.have = true, nil
	return nil
}

// Each visits the files whose names start with prefix and sort behind after, in
// the order of their names, until visit gives false. Of several files of one
// name it visits the first. Error: ledger.ErrUnavailable.
func (f *Files) Each(ctx context.Context, prefix, after string, visit func(name string, size int64, modified time.Time) bool) error {
	// All names with the prefix stand together, from the prefix on.
	bound := bson.E{Key: "$gte", Value: prefix}
	if after >= prefix {
		bound = bson.E{Key: "$gt", Value: after}
	}
	find := options.Find().SetLimit(pageSize).SetBatchSize(pageSize).
		SetSort(bson.D{{Key: "filename", Value: 1}, {Key: "uploadDate", Value: 1}})
	for {
		var page []entry
		err := f.call(ctx, "list files", func(ctx context.Context, _ *attempts) error {
			page = nil
			cursor, err := f.entries.Find(ctx, bson.D{{Key: "filename", Value: bson.D{bound}}}, find)
			if err != nil {
				return err
			}
			return cursor.All(ctx, &page)
		})
		if err != nil {
			return err
		}
		last := ""
		for i, e := range page {
			if !strings.HasPrefix(e.Name, prefix) {
				return nil
			}
			if i > 0 && e.Name == last {
				continue
			}
			last = e.Name
			if err := ctx.Err(); err != nil {
				return err
			}
			if !visit(e.Name, e.Length, e.Uploaded) {
				return nil
			}
		}
		if len(page) < pageSize {
			return nil
		}
		// What is left of the last name is no longer wanted.
		bound = bson.E{Key: "$gt", Value: last}
	}
}
