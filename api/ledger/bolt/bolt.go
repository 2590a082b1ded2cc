// Package bolt is the embedded engine of the ledger: one bbolt file, held by one
// process.
//
// Concurrent changes share one transaction and one fsync (group commit): while
// one group is being written, the next gathers. The package knows documents and
// keys, not what they mean.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
)

// Store is a ledger engine on one file. Make it with [Open].
type Store struct {
	db      *bbolt.DB
	tables  map[string][]string
	writes  chan *write
	closing chan struct{}
	done    chan struct{}
	// close runs once; everybody who closes learns how it went.
	close func() error
}

// initialMap is the address space mapped at first, in bytes. Growing the map
// waits for all readers, so it starts beyond what a small shop ever needs; it
// takes no memory or disk by itself.
const initialMap = 1 << 30

// Open opens the file and creates it, with its folder, when it is missing. It
// waits up to a second for another process to let go of it: ledger.ErrInUse.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         time.Second,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: initialMap,
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("open ledger %s: %w", path, ledger.ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	s := &Store{
		db: db, tables: map[string][]string{},
		writes: make(chan *write, maxGroup), closing: make(chan struct{}), done: make(chan struct{}),
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", path, err), db.Close())
	}
	s.close = sync.OnceValue(s.shut)
	go s.commit()
	return s, nil
}

// prepare creates the buckets that are missing.
func (s *Store) prepare() error {
	for _, schema := range ledger.Schemas() {
		// One process writes this file, so nobody follows its feed.
		s.tables[schema.Table] = slices.DeleteFunc(slices.Clone(schema.Indexes), func(i string) bool { return i == ledger.ByFeed })
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		for table, indexes := range s.tables {
			if _, err := tx.CreateBucketIfNotExists([]byte(table)); err != nil {
				return fmt.Errorf("create table %s: %w", table, err)
			}
			for _, index := range indexes {
				if _, err := tx.CreateBucketIfNotExists(indexBucket(table, index)); err != nil {
					return fmt.Errorf("create index %s of %s: %w", index, table, err)
				}
			}
		}
		return nil
	})
}

func indexBucket(table, index string) []byte { return []byte(table + "." + index) }

// Ping reports whether the file is open.
func (s *Store) Ping(context.Context) error {
	select {
	case <-s.closing:
		return fmt.Errorf("ledger is closed: %w", ledger.ErrUnavailable)
	default:
		return nil
	}
}

// Shared is false: the file belongs to this process.
func (s *Store) Shared() bool { return false }

// Close writes what was accepted, then closes the file. Later changes fail with
// ledger.ErrUnavailable.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	close(s.closing)
	<-s.done
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}

// Insert adds all documents in one transaction, or none.
func (s *Store) Insert(ctx context.Context, puts ...ledger.Put) error {
	return s.write(ctx, func(tx *bbolt.Tx) (outcome, error) {
		type place struct{ table, id string }
		taken := make(map[place]bool, len(puts))
		for _, p := range puts {
			b, err := s.table(tx, p.Table)
			if err != nil {
				return err, nil
			}
			at := place{p.Table, p.Doc.ID}
			if taken[at] || b.Get([]byte(p.Doc.ID)) != nil {
				return &ledger.ExistsError{Table: p.Table, ID: p.Doc.ID}, nil
			}
			taken[at] = true
		}
		for _, p := range puts {
			if err := s.put(tx, p.Table, p.Doc, nil); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// InsertMissing adds the documents whose ids are free, in one transaction.
func (s *Store) InsertMissing(ctx context.Context, table string, docs []ledger.Doc) ([]bool, error) {
	added := make([]bool, len(docs))
	err := s.write(ctx, func(tx *bbolt.Tx) (outcome, error) {
		b, err := s.table(tx, table)
		if err != nil {
			return err, nil
		}
		// The change is applied again when another one spoilt its group.
		clear(added)
		for i, d := range docs {
			if b.Get([]byte(d.ID)) != nil {
				continue
			}
			if err := s.put(tx, table, d, nil); err != nil {
				return nil, err
			}
			added[i] = true
		}
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

// Get returns a copy of the document.
func (s *Store) Get(ctx context.Context, table, id string) (bson.Raw, error) {
	var raw bson.Raw
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		b, err := s.table(tx, table)
		if err != nil {
			return err
		}
		if v := b.Get([]byte(id)); v != nil {
			raw = slices.Clone(v)
			return nil
		}
		return fmt.Errorf("%s %q: %w", table, id, ledger.ErrNotFound)
	})
	return raw, err
}

// Replace changes one document from a revision.
func (s *Store) Replace(ctx context.Context, table string, d ledger.Doc, from int64) error {
	return s.write(ctx, func(tx *bbolt.Tx) (outcome, error) {
		old, logical, err := s.at(tx, table, d.ID, from)
		if logical != nil || err != nil {
			return logical, err
		}
		return nil, s.put(tx, table, d, old.Keys)
	})
}

// at reads the document and checks its revision.
func (s *Store) at(tx *bbolt.Tx, table, id string, rev int64) (ledger.Doc, outcome, error) {
	b, err := s.table(tx, table)
	if err != nil {
		return ledger.Doc{}, err, nil
	}
	v := b.Get([]byte(id))
	if v == nil {
		return ledger.Doc{}, fmt.Errorf("%s %q: %w", table, id, ledger.ErrNotFound), nil
	}
	old, err := ledger.ParseDoc(bson.Raw(v))
	if err != nil {
		return old, nil, err
	}
	if old.Rev != rev {
		return old, fmt.Errorf("%s %q is at revision %d, not %d: %w", table, id, old.Rev, rev, ledger.ErrConflict), nil
	}
	return old, nil, nil
}

// Unset takes a key off documents that are still at their revision.
func (s *Store) Unset(ctx context.Context, table, index string, refs []ledger.Ref) error {
	return s.write(ctx, func(tx *bbolt.Tx) (outcome, error) {
		for _, ref := range refs {
			old, logical, err := s.at(tx, table, ref.ID, ref.Rev)
			if err != nil {
				return nil, err
			}
			if _, has := old.Keys[index]; logical != nil || !has {
				continue
			}
			keys := ledger.Keys{}
			for k, v := range old.Keys {
				if k != index {
					keys[k] = v
				}
			}
			data := ledger.WithKeys(old.ID, old.Rev, keys, old.Data)
			if err := s.put(tx, table, ledger.Doc{ID: old.ID, Rev: old.Rev, Keys: keys, Data: data}, old.Keys); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// Delete removes documents by id.
func (s *Store) Delete(ctx context.Context, table string, ids []string) error {
	return s.write(ctx, func(tx *bbolt.Tx) (outcome, error) {
		b, err := s.table(tx, table)
		if err != nil {
			return err, nil
		}
		for _, id := range ids {
			v := b.Get([]byte(id))
			if v == nil {
				continue
			}
			old, err := ledger.ParseDoc(bson.Raw(v))
			if err != nil {
				return nil, err
			}
			if err := s.unindex(tx, table, old.Keys, nil); err != nil {
				return nil, err
			}
			if err := b.Delete([]byte(id)); err != nil {
				return nil, fmt.Errorf("delete %s %q: %w", table, id, err)
			}
		}
		return nil, nil
	})
}

func (s *Store) table(tx *bbolt.Tx, name string) (*bbolt.Bucket, error) {
	if b := tx.Bucket([]byte(name)); b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("ledger has no table %q", name)
}

// put writes a document and moves its index entries from the keys it had.
func (s *Store) put(tx *bbolt.Tx, table string, d ledger.Doc, had ledger.Keys) error {
	if len(d.Data) > ledger.MaxDocument {
		return fmt.Errorf("put %s %q: %w", table, d.ID, ledger.ErrTooLarge)
	}
	if err := s.unindex(tx, table, had, d.Keys); err != nil {
		return err
	}
	for _, index := range s.tables[table] {
		key, ok := d.Keys[index]
		if !ok || had[index] == key {
			continue
		}
		if err := tx.Bucket(indexBucket(table, index)).Put([]byte(key), []byte(d.ID)); err != nil {
			return fmt.Errorf("index %s of %s %q: %w", index, table, d.ID, err)
		}
	}
	if err := tx.Bucket([]byte(table)).Put([]byte(d.ID), d.Data); err != nil {
		return fmt.Errorf("put %s %q: %w", table, d.ID, err)
	}
	return nil
}

// unindex removes the entries of had that keep does not repeat.
func (s *Store) unindex(tx *bbolt.Tx, table string, had, keep ledger.Keys) error {
	for _, index := range s.tables[table] {
		key, ok := had[index]
		if !ok || keep[index] == key {
			continue
		}
		if err := tx.Bucket(indexBucket(table, index)).Delete([]byte(key)); err != nil {
			return fmt.Errorf("unindex %s of %s: %w", index, table, err)
		}
	}
	return nil
}

func (s *Store) view(ctx context.Context, read func(tx *bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read ledger: %w", err)
	}
	err := s.db.View(read)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return fmt.Errorf("ledger is closed: %w", ledger.ErrUnavailable)
	}
	return err
}
