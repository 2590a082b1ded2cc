package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Files keeps files beside the ledger, in the GridFS bucket "media" of its
// database, so that all tools of GridFS read them. Make it with [OpenFiles].
//
// A file is many documents, which do not change together. Its chunks come first
// and its entry last, so what broken writers leave is never visible. The id of
// a file is its name and a part of its own, so that what they left is found.
// https://github.com/mongodb/specifications/blob/master/source/gridfs/gridfs-spec.md
type Files struct {
	*connection
	entries, chunks *mongo.Collection
	clock           func() time.Time
}

const (
	bucket = "media"
	// chunkSize is GridFS's own default, in bytes.
	chunkSize = 255 << 10
	// chunkBatch is the most chunks that are sent or fetched at once.
	chunkBatch = 8
)

// OpenFiles connects to the server and prepares the bucket, in the database and
// with the promises that [Open] has. A server that cannot be reached is
// ledger.ErrUnavailable.
func OpenFiles(ctx context.Context, uri string, opts Options) (*Files, error) {
	c, err := connect(ctx, uri, opts)
	if err != nil {
		return nil, fmt.Errorf("open files: %w", err)
	}
	f := &Files{c, c.main.Collection(bucket + ".files"), c.main.Collection(bucket + ".chunks"), opts.Now}
	if f.clock == nil {
		f.clock = time.Now
	}
	err = f.createIndexes(ctx, f.entries, []index{{"by name", []string{"filename", "uploadDate"}, options.Index()}})
	if err == nil {
		// A collection that is sharded by a hash cannot have it unique. The ids
		// are, so it makes no difference.
		err = f.createIndexes(ctx, f.chunks, []index{{"by place", []string{"files_id", "n"}, options.Index().SetUnique(true)}})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open files: %w", err), f.Close())
	}
	return f, nil
}

// entry is the document that makes a file visible.
type entry struct {
	ID        any       `bson:"_id"`
	Length    int64     `bson:"length"`
	ChunkSize int64     `bson:"chunkSize"`
	Uploaded  time.Time `bson:"uploadDate"`
	Name      string    `bson:"filename"`
}

// Write stores a file. It is complete and held by the majority, with its
// journal, when Write returns nil; after an error of r nothing is left of it.
// Errors: that of r, ledger.ErrUnavailable.
func (f *Files) Write(ctx context.Context, name string, r io.Reader) error {
	id := fileID(name)
	length, n, err := f.writeChunks(ctx, id, r)
	if err != nil {
		return errors.Join(err, f.discard(ctx, id))
	}
	e := entry{ID: id, Length: length, ChunkSize: chunkSize, Uploaded: f.clock().UTC(), Name: name}
	if err := f.writeEntry(ctx, e); err != nil {
		if refused(err) {
			return errors.Join(err, f.discard(ctx, id))
		}
		// Nobody knows whether the entry may still arrive: should it, the file
		// must be whole. Remove finds the chunks.
		return errors.Join(err, f.hide(context.WithoutCancel(ctx), id))
	}
	// A Remove at the same time may have taken chunks and have been done before
	// the entry came.
	if err := f.confirm(ctx, id, n); err != nil {
		return errors.Join(err, f.discard(ctx, id))
	}
	return nil
}

// fileID makes the id of a new file: the name, a colon and 24 letters.
func fileID(name string) string { return name + ":" + bson.NewObjectID().Hex() }

// writeChunks stores the bytes of a reader, and says how many bytes and chunks
// they were.
func (f *Files) writeChunks(ctx context.Context, id string, r io.Reader) (length int64, n int, err error) {
	const most = chunkBatch * chunkSize
	var buffer bytes.Buffer
	buffer.Grow(chunkSize)
	for got := int64(most); got == most; length += got {
		buffer.Reset()
		// Only a true end is one; all other errors come out.
		if got, err = buffer.ReadFrom(io.LimitReader(r, most)); err != nil {
			return 0, 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		var docs []bson.D
		for buffer.Len() > 0 {
			docs = append(docs, bson.D{
				{Key: "_id", Value: bson.NewObjectID()},
				{Key: "files_id", Value: id},
				{Key: "n", Value: int32(n)},
				{Key: "data", Value: bson.Binary{Data: buffer.Next(chunkSize)}},
			})
			n++
		}
		if err := f.insertChunks(ctx, docs); err != nil {
			return 0, 0, err
		}
	}
	return length, n, nil
}

func (f *Files) insertChunks(ctx context.Context, docs []bson.D) error {
	if len(docs) == 0 {
		return nil
	}
	return f.call(ctx, "write chunks", func(ctx context.Context, _ *attempts) error {
		_, err := f.chunks.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
		var bulk mongo.BulkWriteException
		if !errors.As(err, &bulk) || bulk.WriteConcernError != nil {
			return err
		}
		for _, e := range bulk.WriteErrors {
			// The ids are new: they are taken by an earlier try whose answer was
			// lost.
			if !e.HasErrorCode(codeDuplicate) {
				return err
			}
		}
		return nil
	})
}

func (f *Files) writeEntry(ctx context.Context, e entry) error {
	return f.call(ctx, "write file", func(ctx context.Context, _ *attempts) error {
		_, err := f.entries.InsertOne(ctx, e)
		if mongo.IsDuplicateKeyError(err) {
			return nil // as with the chunks
		}
		return err
	})
}

// confirm makes sure that the majority holds all chunks of a file.
func (f *Files) confirm(ctx context.Context, id string, n int) error {
	if n == 0 {
		return nil
	}
	return f.call(ctx, "confirm file", func(ctx context.Context, _ *attempts) error {
		there, err := f.chunks.CountDocuments(ctx, bson.D{{Key: "files_id", Value: id}})
		if err == nil && there != int64(n) {
			err = errors.New("removed while it was written")
		}
		return err
	})
}

// discard removes a file that was not completed, though the caller may have
// given up.
func (f *Files) discard(ctx context.Context, id string) error {
	return f.remove(context.WithoutCancel(ctx), id)
}

// Remove removes every file of the name, and what broken writers of it left.
// Write fails when it is in the middle of what is removed. Error:
// ledger.ErrUnavailable.
func (f *Files) Remove(ctx context.Context, name string) error {
	ids, err := f.idsOf(ctx, name)
	if err != nil || len(ids) == 0 {
		return err
	}
	return f.remove(ctx, ids...)
}

// idsOf finds the ids of all files of a name, those without an entry too. It
// looks at what this server holds: the majority may not hold it yet.
func (f *Files) idsOf(ctx context.Context, name string) ([]any, error) {
	var ids []any
	err := f.call(ctx, "find files", func(ctx context.Context, _ *attempts) error {
		var found []entry
		cursor, err := f.now.Collection(f.entries.Name()).Find(ctx, bson.D{{Key: "filename", Value: name}})
		if err == nil {
			err = cursor.All(ctx, &found)
		}
		ids = ids[:0]
		for _, e := range found {
			ids = append(ids, e.ID)
		}
		return err
	})
	// One chunk after the other of those whose ids begin with the name: each
	// look goes to the place in the index where the next file begins.
	first := options.FindOne().SetSort(bson.D{{Key: "files_id", Value: 1}, {Key: "n", Value: 1}}).
		SetProjection(bson.D{{Key: "files_id", Value: 1}})
	last := name + ":"
	for more := true; err == nil && more; {
		beyond := bson.D{{Key: "files_id", Value: bson.D{{Key: "$gt", Value: last}, {Key: "$lt", Value: name + ";"}}}}
		var chunk struct {
			File string `bson:"files_id"`
		}
		err = f.call(ctx, "find chunks", func(ctx context.Context, _ *attempts) error {
			err := f.now.Collection(f.chunks.Name()).FindOne(ctx, beyond, first).Decode(&chunk)
			if more = !errors.Is(err, mongo.ErrNoDocuments); !more {
				return nil
			}
			return err
		})
		// The rest of the id holds no colon, or it is that of a longer name.
		if more && err == nil && strings.LastIndexByte(chunk.File, ':') == len(name) {
			ids = append(ids, chunk.File)
		}
		last = chunk.File
	}
	return ids, err
}

// remove removes files by their ids. Their entries go first, so that none is
// visible without its chunks, and once more at the end: should a writer have
// added its entry meanwhile, it goes too; should it do so later, the writer sees
// that its chunks are gone.
func (f *Files) remove(ctx context.Context, ids ...any) error {
	if err := f.hide(ctx, ids...); err != nil {
		return err
	}
	err := f.call(ctx, "remove chunks", func(ctx context.Context, _ *attempts) error {
		_, err := f.chunks.DeleteMany(ctx, bson.D{{Key: "files_id", Value: bson.D{{Key: "$in", Value: ids}}}})
		return err
	})
	if err != nil {
		return err
	}
	return f.hide(ctx, ids...)
}

// hide removes entries by their ids.
func (f *Files) hide(ctx context.Context, ids ...any) error {
	return f.call(ctx, "remove files", func(ctx context.Context, _ *attempts) error {
		_, err := f.entries.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
		return err
	})
}
