package mongo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/candor-ugc/candor/api/ledger"
)

// pageSize is how many documents are fetched at once. A page ends earlier where
// the server ends its first batch, at 16 MiB.
const pageSize = 256

// Get returns the document with the id: ledger.ErrNotFound.
func (s *Store) Get(ctx context.Context, table, id string) (bson.Raw, error) {
	t, err := s.table(table)
	if err != nil {
		return nil, err
	}
	var raw bson.Raw
	err = s.call(ctx, "get from "+table, func(ctx context.Context, _ *attempts) (err error) {
		raw, err = get(ctx, t.main, id)
		return err
	})
	return raw, err
}

func get(ctx context.Context, c *mongo.Collection, id string) (bson.Raw, error) {
	raw, err := c.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Raw()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, fmt.Errorf("%s %q: %w", c.Name(), id, ledger.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return slices.Clone(raw), nil
}

// Scan reads a range page by page. Each page is a query of its own that starts
// after the last key, so no cursor stays open while the caller works.
func (s *Store) Scan(ctx context.Context, table string, r ledger.Range) iter.Seq2[bson.Raw, error] {
	return func(yield func(bson.Raw, error) bool) {
		left := r.Limit
		for {
			n := pageSize
			if r.Limit > 0 {
				n = min(n, left)
			}
			docs, last, err := s.page(ctx, table, r, n)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, d := range docs {
				if err := ctx.Err(); err != nil {
					yield(nil, err)
					return
				}
				if !yield(d, nil) {
					return
				}
			}
			left -= len(docs)
			if last == "" || r.Limit > 0 && left <= 0 {
				return
			}
			r.After = last
		}
	}
}

// page reads up to n documents, and gives the key to go on after: "" at the end.
func (s *Store) page(ctx context.Context, table string, r ledger.Range, n int) (docs []bson.Raw, last string, err error) {
	t, query, err := s.query(table, r)
	if err != nil {
		return nil, "", err
	}
	direction := 1
	if r.Reverse {
		direction = -1
	}
	find := options.Find().SetSort(bson.D{{Key: keyField(r.Index), Value: direction}}).
		SetLimit(int64(n)).SetBatchSize(int32(n))
	more := false
	err = s.call(ctx, "scan "+table, func(ctx context.Context, _ *attempts) error {
		cursor, err := t.main.Find(ctx, query, find)
		if err != nil {
			return err
		}
		docs, err = firstBatch(ctx, cursor)
		more = cursor.ID() != 0 || len(docs) == n
		return errors.Join(err, cursor.Close(ctx))
	})
	if err != nil || !more {
		return docs, "", err
	}
	key := []string{"_id"}
	if r.Index != "" {
		key = []string{"x", r.Index}
	}
	last, ok := docs[len(docs)-1].Lookup(key...).StringValueOK()
	if !ok {
		return nil, "", fmt.Errorf("scan %s: document without the key %q", table, r.Index)
	}
	return docs, last, nil
}

// firstBatch reads what came with the first answer that had documents.
func firstBatch(ctx context.Context, cursor *mongo.Cursor) ([]bson.Raw, error) {
	var docs []bson.Raw
	for len(docs) == 0 || cursor.RemainingBatchLength() > 0 {
		if !cursor.Next(ctx) {
			break
		}
		docs = append(docs, slices.Clone(cursor.Current))
	}
	return docs, cursor.Err()
}

// Count counts the documents of a range.
func (s *Store) Count(ctx context.Context, table string, r ledger.Range) (int, error) {
	t, query, err := s.query(table, r)
	if err != nil {
		return 0, err
	}
	count := options.Count()
	if r.Limit > 0 {
		count.SetLimit(int64(r.Limit))
	}
	var n int64
	err = s.call(ctx, "count "+table, func(ctx context.Context, _ *attempts) (err error) {
		n, err = t.main.CountDocuments(ctx, query, count)
		return err
	})
	return int(n), err
}

// query is the filter of a range. MongoDB compares strings byte by byte where no
// collation is asked for, and a string bound matches strings alone, so it leaves
// out documents without the key.
func (s *Store) query(table string, r ledger.Range) (*table, bson.D, error) {
	t, err := s.table(table)
	if err != nil {
		return nil, nil, err
	}
	if r.Index != "" && !t.indexes[r.Index] {
		return nil, nil, fmt.Errorf("ledger has no index %q of table %q", r.Index, table)
	}
	lower, from, to := "$gte", r.From, r.To
	switch {
	case r.After == "":
	case r.Reverse && (to == "" || r.After < to):
		to = r.After
	case !r.Reverse && r.After >= from:
		lower, from = "$gt", r.After
	}
	bounds := bson.D{{Key: lower, Value: from}}
	if to != "" {
		bounds = append(bounds, bson.E{Key: "$lt", Value: to})
	}
	return t, bson.D{{Key: keyField(r.Index), Value: bounds}}, nil
}
