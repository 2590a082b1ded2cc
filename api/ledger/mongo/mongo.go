// Package mongo is the ledger's engine on MongoDB and servers that speak its
// protocol: one database, one collection for each table, one index for each
// declared order.
//
// It relies on little, so that it is right on all of them: single documents
// change atomically, ids are unique, and an update names the revision it starts
// from. It uses no transactions, no upserts and no change streams. The package
// knows documents and keys, not what they mean.
package mongo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/candor-ugc/candor/api/ledger"
)

// Options adjust a [Store]. The zero value is good.
type Options struct {
	// Timeout bounds every call, repetitions included, and each page of a scan;
	// 0 means 10 seconds.
	Timeout time.Duration
	// Retries is how often a call is repeated after a passing failure, such as a
	// lost connection or a new primary; 0 means 3, negative means never.
	Retries int
	// Logger is told what the server does not support; nil means nobody is.
	Logger *slog.Logger
}

const (
	defaultDatabase = "candor"
	defaultTimeout  = 10 * time.Second
	defaultRetries  = 3
	// indexTimeout bounds the creation of one table's indexes, which takes
	// minutes where a large table has not got them yet.
	indexTimeout = 10 * time.Minute
)

// Store is a ledger engine on a MongoDB-compatible server. Make it with [Open].
type Store struct {
	client  *mongo.Client
	tables  map[string]*table
	timeout time.Duration
	retries int
	log     *slog.Logger
	closed  atomic.Bool
	close   func() error
}

// table is one collection.
type table struct {
	name string
	// main reads what a majority holds, now what this server holds: after a
	// refused write only the latter shows what stood in its way.
	main, now *mongo.Collection
	indexes   map[string]bool
}

// Open connects to the server and prepares tables and indexes. The database is
// the one that the path of uri names, or "candor". Whatever uri says, writes are
// acknowledged by the majority with its journal and reads go to the primary. A
// server that cannot be reached is ledger.ErrUnavailable.
func Open(ctx context.Context, uri string, opts Options) (*Store, error) {
	parsed, err := connstring.ParseAndValidate(uri)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	s := &Store{
		tables:  map[string]*table{},
		timeout: cmp.Or(opts.Timeout, defaultTimeout),
		retries: max(cmp.Or(opts.Retries, defaultRetries), 0),
		log:     cmp.Or(opts.Logger, slog.New(slog.DiscardHandler)),
	}
	s.close = sync.OnceValue(s.disconnect)
	client := options.Client().ApplyURI(uri).
		SetConnectTimeout(s.timeout).
		SetServerSelectionTimeout(s.timeout).
		SetMonitor(monitor())
	if parsed.AppName == "" {
		client.SetAppName("candor")
	}
	if s.client, err = mongo.Connect(client); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if err := s.prepare(ctx, cmp.Or(parsed.Database, defaultDatabase)); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), s.Close())
	}
	return s, nil
}

// prepare makes the tables ready.
func (s *Store) prepare(ctx context.Context, database string) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	now := s.client.Database(database, durable())
	main := s.client.Database(database, durable().SetReadConcern(readconcern.Majority()))
	err := s.try(ctx, main)
	if refused(err) {
		s.log.WarnContext(ctx, "the server refuses majority reads, using its default", "error", err)
		main = now
		err = s.try(ctx, main)
	}
	if err != nil {
		return err
	}
	for _, schema := range ledger.Schemas() {
		t := &table{
			name: schema.Table, main: main.Collection(schema.Table), now: now.Collection(schema.Table),
			indexes: map[string]bool{},
		}
		for _, index := range schema.Indexes {
			t.indexes[index] = true
		}
		s.tables[schema.Table] = t
		if err := s.createIndexes(ctx, t, schema.Indexes); err != nil {
			return err
		}
	}
	return nil
}

// durable is how the ledger uses a database, whatever the address says.
func durable() *options.DatabaseOptionsBuilder {
	journaled := true
	return options.Database().
		SetReadPreference(readpref.Primary()).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journaled})
}

// try reads something. Servers without replication need not know read concerns;
// what they show is all there is.
func (s *Store) try(ctx context.Context, db *mongo.Database) error {
	return s.call(ctx, "try to read", func(ctx context.Context, _ *attempts) error {
		err := db.Collection("settings").FindOne(ctx, bson.D{}).Err()
		if errors.Is(err, mongo.ErrNoDocuments) {
			return nil
		}
		return err
	})
}

// createIndexes creates what is missing: sparse, as a document without a key is
// absent from its index, or full where the server wants that. A server that
// refuses an index is slow, not wrong, so the ledger goes on without it.
func (s *Store) createIndexes(ctx context.Context, t *table, names []string) error {
	names, err := s.missingIndexes(ctx, t, names)
	if err != nil || len(names) == 0 {
		return err
	}
	create := func(sparse bool, names ...string) error {
		models := make([]mongo.IndexModel, len(names))
		for i, name := range names {
			models[i] = mongo.IndexModel{
				Keys:    bson.D{{Key: keyField(name), Value: 1}},
				Options: options.Index().SetSparse(sparse),
			}
		}
		return s.callFor(ctx, indexTimeout, "create indexes of "+t.name, func(ctx context.Context, _ *attempts) error {
			_, err := t.main.Indexes().CreateMany(ctx, models)
			return err
		})
	}
	if err = create(true, names...); !refused(err) {
		return err
	}
	for _, name := range names {
		if err = create(true, name); refused(err) {
			err = create(false, name)
		}
		switch {
		case refused(err):
			s.log.WarnContext(ctx, "the server refuses an index", "table", t.name, "index", name, "error", err)
		case err != nil:
			return err
		}
	}
	return nil
}

// missingIndexes leaves out what is there already, so that a start changes
// nothing where nothing is missing. Where the server does not tell, all are
// missing: creating one again does no harm.
func (s *Store) missingIndexes(ctx context.Context, t *table, names []string) ([]string, error) {
	var there []mongo.IndexSpecification
	err := s.call(ctx, "list indexes of "+t.name, func(ctx context.Context, _ *attempts) (err error) {
		there, err = t.main.Indexes().ListSpecifications(ctx)
		return err
	})
	if refused(err) {
		return names, nil
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(there, func(i mongo.IndexSpecification) bool {
			fields, err := i.KeysDocument.Elements()
			return err == nil && len(fields) == 1 && fields[0].Key() == keyField(name)
		})
	}), err
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

// Ping reports whether the primary answers: ledger.ErrUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	return s.call(ctx, "ping", func(ctx context.Context, _ *attempts) error {
		return s.client.Ping(ctx, readpref.Primary())
	})
}

// Shared is true: other processes may use the same database.
func (s *Store) Shared() bool { return true }

// Close ends the connections. Later calls fail with ledger.ErrUnavailable.
func (s *Store) Close() error { return s.close() }

func (s *Store) disconnect() error {
	s.closed.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	if err := s.client.Disconnect(ctx); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}
