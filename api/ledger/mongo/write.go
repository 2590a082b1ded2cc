package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/candor-ugc/candor/api/ledger"
)

// batch is the most documents that one command inserts or deletes, updateBatch
// the most that it updates: some servers keep a connection of theirs for each
// update of a command until its end, and stand still when they run out.
const (
	batch       = 500
	updateBatch = 50
)

// Insert adds the documents one after the other and stops at the first id that
// is taken; the earlier ones stay.
func (s *Store) Insert(ctx context.Context, puts ...ledger.Put) error {
	for _, p := range puts {
		if _, err := s.table(p.Table); err != nil {
			return err
		}
		if err := fits(p.Table, p.Doc); err != nil {
			return err
		}
	}
	for _, p := range puts {
		if err := s.insert(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func fits(table string, d ledger.Doc) error {
	if len(d.Data) > ledger.MaxDocument {
		return fmt.Errorf("put %s %q: %w", table, d.ID, ledger.ErrTooLarge)
	}
	return nil
}

func (s *Store) insert(ctx context.Context, p ledger.Put) error {
	t, err := s.table(p.Table)
	if err != nil {
		return err
	}
	taken := &ledger.ExistsError{Table: p.Table, ID: p.Doc.ID}
	what := "insert into " + p.Table
	err = s.call(ctx, what, func(ctx context.Context, a *attempts) error {
		_, err := t.main.InsertOne(ctx, p.Doc.Data)
		if !mongo.IsDuplicateKeyError(err) {
			return err
		}
		if a.lost.Load() {
			return t.settle(ctx, p.Doc, taken)
		}
		return taken
	})
	if !contended(err) {
		return err
	}
	// The race for the id went on through all attempts: see who holds it.
	return s.call(ctx, what, func(ctx context.Context, _ *attempts) error {
		_, look := get(ctx, t.now, p.Doc.ID)
		switch {
		case look == nil:
			return taken
		case errors.Is(look, ledger.ErrNotFound):
			return err
		default:
			return look
		}
	})
}

// settle finds out, after a lost answer and then a refusal, whether the document
// in the way is the one that was written: nil when it is, no when it is another
// one. Where a later revision stands nobody can tell, so it is
// ledger.ErrUnavailable. Keys do not count: what owes effects may be settled by
// another process at once.
func (t *table) settle(ctx context.Context, d ledger.Doc, no error) error {
	raw, err := get(ctx, t.now, d.ID)
	if errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("%s %q is gone after a lost answer: %w", t.name, d.ID, ledger.ErrUnavailable)
	}
	if err != nil {
		return err
	}
	stored, err := ledger.ParseDoc(raw)
	switch {
	case err != nil:
		return err
	case stored.Rev > d.Rev:
		return fmt.Errorf("%s %q went on to revision %d after a lost answer: %w", t.name, d.ID, stored.Rev, ledger.ErrUnavailable)
	case stored.Rev == d.Rev && bytes.Equal(keyless(stored), keyless(d)):
		return nil
	default:
		return no
	}
}

func keyless(d ledger.Doc) []byte { return ledger.WithKeys(d.ID, d.Rev, nil, d.Data) }

// InsertMissing adds those documents whose ids are free and tells which.
func (s *Store) InsertMissing(ctx context.Context, table string, docs []ledger.Doc) ([]bool, error) {
	t, err := s.table(table)
	if err != nil {
		return nil, err
	}
	// Unordered inserts may run in any order, but the first of two documents
	// with one id shall win.
	seen := make(map[string]bool, len(docs))
	var todo []int
	for i, d := range docs {
		if err := fits(table, d); err != nil {
			return nil, err
		}
		if !seen[d.ID] {
			todo = append(todo, i)
		}
		seen[d.ID] = true
	}
	added := make([]bool, len(docs))
	for chunk := range slices.Chunk(todo, batch) {
		if err := s.insertMissing(ctx, t, docs, chunk, added); err != nil {
			return nil, err
		}
	}
	return added, nil
}

// insertMissing adds the documents at the places in todo.
func (s *Store) insertMissing(ctx context.Context, t *table, docs []ledger.Doc, todo []int, added []bool) error {
	return s.call(ctx, "insert into "+t.name, func(ctx context.Context, a *attempts) error {
		raws := make([]bson.Raw, len(todo))
		for i, at := range todo {
			raws[i] = docs[at].Data
		}
		_, err := t.main.InsertMany(ctx, raws, options.InsertMany().SetOrdered(false))
		var bulk mongo.BulkWriteException
		if err != nil && (!errors.As(err, &bulk) || bulk.WriteConcernError != nil) {
			return err
		}
		failed := make(map[int]mongo.WriteError, len(bulk.WriteErrors))
		for _, e := range bulk.WriteErrors {
			failed[e.Index] = e.WriteError
		}
		var again []int
		for i, at := range todo {
			e, is := failed[i]
			switch {
			case !is:
				added[at] = true
			case !e.HasErrorCode(codeDuplicate):
				again = append(again, at)
			case a.lost.Load():
				settled := t.settle(ctx, docs[at], ledger.ErrExists)
				if settled != nil && !errors.Is(settled, ledger.ErrExists) {
					return settled
				}
				added[at] = settled == nil
			}
		}
		// A repetition must not meet the documents that are in.
		todo = again
		if len(todo) > 0 {
			return err
		}
		return nil
	})
}

// Replace changes one document from a revision: ledger.ErrNotFound,
// ledger.ErrConflict.
func (s *Store) Replace(ctx context.Context, table string, d ledger.Doc, from int64) error {
	t, err := s.table(table)
	if err != nil {
		return err
	}
	if err := fits(table, d); err != nil {
		return err
	}
	return s.call(ctx, "replace in "+table, func(ctx context.Context, a *attempts) error {
		result, err := t.main.ReplaceOne(ctx, at(d.ID, from), d.Data)
		if err != nil {
			return err
		}
		if result.MatchedCount > 0 {
			return nil
		}
		lost := fmt.Errorf("%s %q is not at revision %d: %w", table, d.ID, from, ledger.ErrConflict)
		if a.lost.Load() {
			return t.settle(ctx, d, lost)
		}
		if _, err := get(ctx, t.now, d.ID); err != nil {
			return err
		}
		return lost
	})
}

// at matches a document at a revision.
func at(id string, rev int64) bson.D {
	return bson.D{{Key: "_id", Value: id}, {Key: "rev", Value: rev}}
}

// Unset takes a key off documents that are still at their revision.
func (s *Store) Unset(ctx context.Context, table, index string, refs []ledger.Ref) error {
	t, err := s.table(table)
	if err != nil {
		return err
	}
	unset := bson.D{{Key: "$unset", Value: bson.D{{Key: keyField(index), Value: ""}}}}
	for chunk := range slices.Chunk(refs, updateBatch) {
		models := make([]mongo.WriteModel, len(chunk))
		for i, ref := range chunk {
			models[i] = mongo.NewUpdateOneModel().SetFilter(at(ref.ID, ref.Rev)).SetUpdate(unset)
		}
		err := s.call(ctx, "unset in "+table, func(ctx context.Context, _ *attempts) error {
			_, err := t.main.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Delete removes documents by id.
func (s *Store) Delete(ctx context.Context, table string, ids []string) error {
	t, err := s.table(table)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(ids, batch) {
		err := s.call(ctx, "delete from "+table, func(ctx context.Context, _ *attempts) error {
			_, err := t.main.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: chunk}}}})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
