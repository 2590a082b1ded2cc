package ledgertest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"

	"github.com/candor-ugc/candor/api/ledger"
)

// Model compares the store with a map, through random sequences of calls. The
// store is emptied before each sequence. Where reopen is not nil, closing and
// opening is one of the calls.
func Model(t *testing.T, s ledger.Store, reopen func(t *testing.T, s ledger.Store) ledger.Store) {
	rapid.Check(t, func(r *rapid.T) {
		if err := s.Delete(t.Context(), keyedTable, modelIDs); err != nil {
			r.Fatal(err)
		}
		m := &model{t: t, store: s, docs: map[string]ledger.Doc{}}
		actions := map[string]func(*rapid.T){
			"insert": m.insert, "insert missing": m.insertMissing, "replace": m.replace,
			"unset": m.unset, "delete": m.delete, "": m.check,
		}
		if reopen != nil {
			actions["reopen"] = func(*rapid.T) {
				s = reopen(t, s)
				m.store = s
			}
		}
		r.Repeat(actions)
	})
}

// modelIDs and modelParts are few, so that calls meet each other.
var (
	modelIDs     = []string{"a", "ab", "a b", "b", "é", "ش", "😀", "\uff5e", "0", "Z"}
	modelParts   = []string{"", "a", "ab", "a ", "ش"}
	modelIndexes = []string{ledger.BySite, ledger.ByPublic, ledger.ByOwes}
)

type model struct {
	t     *testing.T
	store ledger.Store
	docs  map[string]ledger.Doc
}

func (m *model) draw(r *rapid.T, rev int64) ledger.Doc {
	id := rapid.SampledFrom(modelIDs).Draw(r, "id")
	keys := ledger.Keys{}
	for _, index := range modelIndexes {
		if rapid.Bool().Draw(r, index) {
			keys[index] = ledger.Key(rapid.SampledFrom(modelParts).Draw(r, "part"), id)
		}
	}
	return doc(id, rev, keys, bson.E{Key: "n", Value: rapid.Int32().Draw(r, "n")})
}

func (m *model) insert(r *rapid.T) {
	d := m.draw(r, rapid.Int64Range(1, 3).Draw(r, "rev"))
	err := m.store.Insert(m.t.Context(), ledger.Put{Table: keyedTable, Doc: d})
	if _, taken := m.docs[d.ID]; taken {
		if !errors.Is(err, ledger.ErrExists) {
			r.Fatalf("insert %q: %v, want %v", d.ID, err, ledger.ErrExists)
		}
		return
	}
	if err != nil {
		r.Fatal(err)
	}
	m.docs[d.ID] = d
}

func (m *model) insertMissing(r *rapid.T) {
	var docs []ledger.Doc
	var want []bool
	for range rapid.IntRange(0, 6).Draw(r, "docs") {
		d := m.draw(r, 1)
		_, taken := m.docs[d.ID]
		if docs, want = append(docs, d), append(want, !taken); !taken {
			m.docs[d.ID] = d
		}
	}
	added, err := m.store.InsertMissing(m.t.Context(), keyedTable, docs)
	if err != nil || !slices.Equal(added, want) {
		r.Fatalf("added %v, %v, want %v", added, err, want)
	}
}

func (m *model) replace(r *rapid.T) {
	from := rapid.Int64Range(1, 4).Draw(r, "from")
	d := m.draw(r, from+1)
	old, there := m.docs[d.ID]
	err := m.store.Replace(m.t.Context(), keyedTable, d, from)
	var want error
	switch {
	case !there:
		want = ledger.ErrNotFound
	case old.Rev != from:
		want = ledger.ErrConflict
	default:
		m.docs[d.ID] = d
	}
	if !errors.Is(err, want) {
		r.Fatalf("replace %q: %v, want %v", d.ID, err, want)
	}
}

func (m *model) unset(r *rapid.T) {
	index := rapid.SampledFrom(modelIndexes).Draw(r, "index")
	var refs []ledger.Ref
	for range rapid.IntRange(0, 4).Draw(r, "refs") {
		ref := ledger.Ref{ID: rapid.SampledFrom(modelIDs).Draw(r, "id"), Rev: rapid.Int64Range(1, 3).Draw(r, "rev")}
		refs = append(refs, ref)
		if d, ok := m.docs[ref.ID]; ok && d.Rev == ref.Rev {
			d.Keys = maps.Clone(d.Keys)
			delete(d.Keys, index)
			d.Data = ledger.WithKeys(d.ID, d.Rev, d.Keys, d.Data)
			m.docs[d.ID] = d
		}
	}
	if err := m.store.Unset(m.t.Context(), keyedTable, index, refs); err != nil {
		r.Fatal(err)
	}
}

func (m *model) delete(r *rapid.T) {
	gone := rapid.SliceOfN(rapid.SampledFrom(modelIDs), 0, 3).Draw(r, "ids")
	for _, id := range gone {
		delete(m.docs, id)
	}
	if err := m.store.Delete(m.t.Context(), keyedTable, gone); err != nil {
		r.Fatal(err)
	}
}

// check compares one document and one range.
func (m *model) check(r *rapid.T) {
	ctx := m.t.Context()
	id := rapid.SampledFrom(modelIDs).Draw(r, "get")
	raw, err := m.store.Get(ctx, keyedTable, id)
	if want, there := m.docs[id]; there {
		if err := m.compare(raw, err, want); err != nil {
			r.Fatalf("get %q: %v", id, err)
		}
	} else if !errors.Is(err, ledger.ErrNotFound) {
		r.Fatalf("get %q: %v, %v, want %v", id, raw, err, ledger.ErrNotFound)
	}

	rng := m.drawRange(r)
	want := selected(slices.Collect(maps.Values(m.docs)), rng)
	i := 0
	for raw, err := range m.store.Scan(ctx, keyedTable, rng) {
		if i >= len(want) {
			r.Fatalf("range %s: too much: %v, %v", show(rng), raw, err)
		}
		if err := m.compare(raw, err, want[i]); err != nil {
			r.Fatalf("range %s, document %d: %v", show(rng), i, err)
		}
		i++
	}
	if n, err := m.store.Count(ctx, keyedTable, rng); i != len(want) || n != len(want) || err != nil {
		r.Fatalf("range %s: scanned %d, counted %d, %v, want %d", show(rng), i, n, err, len(want))
	}
}

func (m *model) compare(raw bson.Raw, err error, want ledger.Doc) error {
	if err != nil {
		return err
	}
	got, err := ledger.ParseDoc(raw)
	if err != nil {
		return err
	}
	if !sameDoc(got, want) {
		return fmt.Errorf("got %v, want %v", raw, want.Data)
	}
	return nil
}

func (m *model) drawRange(r *rapid.T) ledger.Range {
	rng := ledger.Range{
		Index:   rapid.SampledFrom(append([]string{""}, modelIndexes...)).Draw(r, "index"),
		Limit:   rapid.IntRange(0, 4).Draw(r, "limit"),
		Reverse: rapid.Bool().Draw(r, "reverse"),
	}
	bound := func(name string) string {
		id := rapid.SampledFrom(append([]string{""}, modelIDs...)).Draw(r, name)
		if rng.Index == "" || id == "" {
			return id
		}
		return ledger.Key(rapid.SampledFrom(modelParts).Draw(r, name), id)
	}
	if rng.Index != "" && rapid.Bool().Draw(r, "prefix") {
		p := ledger.Prefix(rng.Index, rapid.SampledFrom(modelParts).Draw(r, "first"))
		rng.From, rng.To = p.From, p.To
	} else {
		rng.From, rng.To = bound("from"), bound("to")
	}
	rng.After = bound("after")
	return rng
}
