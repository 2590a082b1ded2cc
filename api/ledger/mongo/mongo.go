// Package mongo is the ledger's engine on MongoDB and servers that speak its
// protocol: one database, one collection for each table, one index for each
// declared order.
//
// It relies on little, so that it is right on all of them: single documents
// change atomically, ids are unique, and an update names the revision it starts
// from. It uses no transactions, no upserts and no change streams. The package
// knows documents and keys, not what they mean. In the same way it keeps files
// beside the ledger, in GridFS.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/candor-ugc/candor/api/ledger"
)

// Options adjust a [Store] or [Files]. The zero value is good.
type Options struct {
	// Timeout bounds every call, repetitions included, and each page of a scan;
	// 0 means 10 seconds.
	Timeout time.Duration
	// Retries is how often a call is repeated after a passing failure, such as a
	// lost connection or a new primary; 0 means 3, negative means never.
	Retries int
	// Logger is told what the server does not support; nil means nobody is.
	Logger *slog.Logger
	// Now gives the times of files; nil means time.Now.
	Now func() time.Time
}

// Store is a ledger engine on a MongoDB-compatible server. Make it with [Open].
type Store struct {
	*connection
	tables map[string]*table
}

// table is one collection.
type table struct {
	name string
	// main and now are those of the connection.
	main, now *mongo.Collection
	indexes   map[string]bool
}

// Open connects to the server and prepares tables and indexes. The database is
// the one that the path of uri names, or "candor". Whatever uri says, writes are
// acknowledged by the majority with its journal and reads go to the primary. A
// server that cannot be reached is ledger.ErrUnavailable.
func Open(ctx context.Context, uri string, opts Options) (*Store, error) {
	c, err := connect(ctx, uri, opts)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	s := &Store{c, map[string]*table{}}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), s.Close())
	}
	return s, nil
}

// prepare makes the tables ready. Their indexes are sparse, as a document
// without a key is absent from its index, or full where the server wants that.
func (s *Store) prepare(ctx context.Context) error {
	for _, schema := range ledger.Schemas() {
		t := &table{
			name: schema.Table, main: s.main.Collection(schema.Table), now: s.now.Collection(schema.Table),
			indexes: map[string]bool{},
		}
		indexes := make([]index, len(schema.Indexes))
		for i, name := range schema.Indexes {
			t.indexes[name] = true
			indexes[i] = index{name, []string{keyField(name)}, options.Index().SetSparse(true)}
		}
		s.tables[schema.Table] = t
		if err := s.createIndexes(ctx, t.main, indexes); err != nil {
			return err
		}
	}
	return nil
}

// keyField is the field that holds the key of an index; the ids are their own.
func keyField(index string) string {
	if index == "" {
		return "_id"
	}
	return "x." + index
}

func (s *Store) table(name string) (*table, error) {
	if t := s.tables[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("ledger has no table %q", name)
}

// Shared is true: other processes may use the same database.
func (s *Store) Shared() bool { return true }
