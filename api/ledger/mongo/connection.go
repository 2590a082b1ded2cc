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
)

const (
	defaultDatabase = "candor"
	defaultTimeout  = 10 * time.Second
	defaultRetries  = 3
	// indexTimeout bounds the creation of one table's indexes, which takes
	// minutes where a large table has not got them yet.
	indexTimeout = 10 * time.Minute
)

// connection is a database that answers, and how it is talked to.
type connection struct {
	client *mongo.Client
	// main reads what a majority holds, now what this server holds: after a
	// refused write only the latter shows what stood in its way.
	main, now *mongo.Database
	timeout   time.Duration
	retries   int
	log       *slog.Logger
	closed    atomic.Bool
	close     func() error
}

// connect makes sure that the server of an address answers.
func connect(ctx context.Context, uri string, opts Options) (*connection, error) {
	parsed, err := connstring.ParseAndValidate(uri)
	if err != nil {
		return nil, err
	}
	c := &connection{
		timeout: cmp.Or(opts.Timeout, defaultTimeout),
		retries: max(cmp.Or(opts.Retries, defaultRetries), 0),
		log:     cmp.Or(opts.Logger, slog.New(slog.DiscardHandler)),
	}
	c.close = sync.OnceValue(c.disconnect)
	client := options.Client().ApplyURI(uri).
		SetConnectTimeout(c.timeout).
		SetServerSelectionTimeout(c.timeout).
		SetMonitor(monitor())
	if parsed.AppName == "" {
		client.SetAppName("candor")
	}
	if c.client, err = mongo.Connect(client); err != nil {
		return nil, err
	}
	if err := c.choose(ctx, cmp.Or(parsed.Database, defaultDatabase)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// choose finds out how the database is read.
func (c *connection) choose(ctx context.Context, database string) error {
	if err := c.Ping(ctx); err != nil {
		return err
	}
	c.now = c.client.Database(database, durable())
	c.main = c.client.Database(database, durable().SetReadConcern(readconcern.Majority()))
	err := c.try(ctx, c.main)
	if refused(err) {
		c.log.WarnContext(ctx, "the server refuses majority reads, using its default", "error", err)
		c.main = c.now
		err = c.try(ctx, c.main)
	}
	return err
}

// durable is how a database is used, whatever the address says.
func durable() *options.DatabaseOptionsBuilder {
	journaled := true
	return options.Database().
		SetReadPreference(readpref.Primary()).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journaled})
}

// try reads something. Servers without replication need not know read concerns;
// what they show is all there is.
func (c *connection) try(ctx context.Context, db *mongo.Database) error {
	return c.call(ctx, "try to read", func(ctx context.Context, _ *attempts) error {
		err := db.Collection("settings").FindOne(ctx, bson.D{}).Err()
		if errors.Is(err, mongo.ErrNoDocuments) {
			return nil
		}
		return err
	})
}

// index is an index of a collection.
type index struct {
	name   string // in the log
	fields []string
	// best is how it should be; a server that refuses that is asked for a plain
	// one.
	best *options.IndexOptionsBuilder
}

func (i index) model(o *options.IndexOptionsBuilder) mongo.IndexModel {
	keys := bson.D{}
	for _, f := range i.fields {
		keys = append(keys, bson.E{Key: f, Value: 1})
	}
	return mongo.IndexModel{Keys: keys, Options: o}
}

// createIndexes creates what is missing. A server that refuses an index is slow,
// not wrong, so the work goes on without it.
func (c *connection) createIndexes(ctx context.Context, in *mongo.Collection, indexes []index) error {
	indexes, err := c.missingIndexes(ctx, in, indexes)
	if err != nil || len(indexes) == 0 {
		return err
	}
	create := func(models ...mongo.IndexModel) error {
		return c.callFor(ctx, indexTimeout, "create indexes of "+in.Name(), func(ctx context.Context, _ *attempts) error {
			_, err := in.Indexes().CreateMany(ctx, models)
			return err
		})
	}
	all := make([]mongo.IndexModel, len(indexes))
	for i, x := range indexes {
		all[i] = x.model(x.best)
	}
	if err = create(all...); !refused(err) {
		return err
	}
	for _, x := range indexes {
		if err = create(x.model(x.best)); refused(err) {
			err = create(x.model(options.Index()))
		}
		switch {
		case refused(err):
			c.log.WarnContext(ctx, "the server refuses an index", "table", in.Name(), "index", x.name, "error", err)
		case err != nil:
			return err
		}
	}
	return nil
}

// missingIndexes leaves out what is there already, so that a start changes
// nothing where nothing is missing. Where the server does not tell, all are
// missing: creating one again does no harm.
func (c *connection) missingIndexes(ctx context.Context, in *mongo.Collection, indexes []index) ([]index, error) {
	var there []mongo.IndexSpecification
	err := c.call(ctx, "list indexes of "+in.Name(), func(ctx context.Context, _ *attempts) (err error) {
		there, err = in.Indexes().ListSpecifications(ctx)
		return err
	})
	if refused(err) {
		return indexes, nil
	}
	return slices.DeleteFunc(slices.Clone(indexes), func(x index) bool {
		return slices.ContainsFunc(there, func(i mongo.IndexSpecification) bool {
			fields, err := i.KeysDocument.Elements()
			return err == nil && slices.EqualFunc(fields, x.fields, func(e bson.RawElement, f string) bool { return e.Key() == f })
		})
	}), err
}

// Ping reports whether the primary answers: ledger.ErrUnavailable.
func (c *connection) Ping(ctx context.Context) error {
	return c.call(ctx, "ping", func(ctx context.Context, _ *attempts) error {
		return c.client.Ping(ctx, readpref.Primary())
	})
}

// Close ends the connections. Later calls fail with ledger.ErrUnavailable.
func (c *connection) Close() error { return c.close() }

func (c *connection) disconnect() error {
	c.closed.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	if err := c.client.Disconnect(ctx); err != nil {
		return fmt.Errorf("close connections: %w", err)
	}
	return nil
}
