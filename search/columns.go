package search

import (
	"fmt"
	"sync"

	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// ordinal is the number of an interned string; 0 is "".
type ordinal uint32

// names interns the strings that rows share: sites, kinds, languages,
// products, states, reasons.
type names struct {
	mu    sync.RWMutex
	byStr map[string]ordinal
	list  []string
}

func newNames() *names {
	return &names{byStr: map[string]ordinal{"": 0}, list: []string{""}}
}

func (n *names) add(s string) ordinal {
	n.mu.RLock()
	o, ok := n.byStr[s]
	n.mu.RUnlock()
	if ok {
		return o
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if o, ok := n.byStr[s]; ok {
		return o
	}
	o = ordinal(len(n.list))
	n.list = append(n.list, s)
	n.byStr[s] = o
	return o
}

// find returns the ordinal of a string that some row may hold.
func (n *names) find(s string) (ordinal, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	o, ok := n.byStr[s]
	return o, ok
}

func (n *names) name(o ordinal) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.list[o]
}

// columns are the rows of one segment, by document number. A segment never
// changes, so neither do they.
type columns struct {
	at       []int64
	helpful  []uint16
	risk     []uint16
	words    []uint16
	rating   []uint8
	flags    []uint8
	site     []ordinal
	kind     []ordinal
	language []ordinal
	family   []ordinal // analyzer key of language
	subjType []ordinal
	subject  []ordinal
	state    []ordinal
	reasons  map[uint32][]ordinal // few documents have any
	ids      string
	idEnd    []uint32
	tokens   uint64 // sum of words
}

func (c *columns) id(doc uint32) string {
	start := uint32(0)
	if doc > 0 {
		start = c.idEnd[doc-1]
	}
	return c.ids[start:c.idEnd[doc]]
}

func newColumns(n int) *columns {
	return &columns{
		at: make([]int64, n), helpful: make([]uint16, n), risk: make([]uint16, n), words: make([]uint16, n),
		rating: make([]uint8, n), flags: make([]uint8, n), site: make([]ordinal, n), kind: make([]ordinal, n),
		language: make([]ordinal, n), family: make([]ordinal, n), subjType: make([]ordinal, n),
		subject: make([]ordinal, n), state: make([]ordinal, n), idEnd: make([]uint32, n),
	}
}

// readColumns decodes the rows of a segment, deleted documents included.
func readColumns(seg segment.Segment, ns *names, family func(language string) string) (*columns, error) {
	n := int(seg.Count())
	c := newColumns(n)
	ids := make([]byte, 0, n*36)
	interned := make(map[string]string)
	intern := func(b []byte) string {
		if s, ok := interned[string(b)]; ok {
			return s
		}
		s := string(b)
		interned[s] = s
		return s
	}
	for doc := range n {
		var packed row
		var found bool
		var bad error
		err := seg.VisitStoredFields(uint64(doc), func(field string, _ byte, value []byte, _ []uint64) bool {
			switch field {
			case "_id":
				ids = append(ids, value...)
			case fieldRow:
				packed, bad = decodeRow(value, intern)
				found = true
				return false
			}
			return true
		})
		if err == nil {
			err = bad
		}
		if err == nil && !found {
			err = errRow
		}
		if err != nil {
			return nil, fmt.Errorf("read row %d of a segment: %w: %w", doc, ErrCorrupt, err)
		}
		c.idEnd[doc] = uint32(len(ids))
		c.set(doc, &packed, ns, family)
	}
	c.ids = string(ids)
	return c, nil
}

func (c *columns) set(doc int, r *row, ns *names, family func(string) string) {
	c.at[doc], c.helpful[doc], c.risk[doc], c.words[doc] = r.at, r.helpful, r.risk, r.words
	c.rating[doc], c.flags[doc] = r.rating, r.flags
	c.site[doc], c.kind[doc], c.language[doc] = ns.add(r.site), ns.add(r.kind), ns.add(r.language)
	c.family[doc] = ns.add(family(r.language))
	c.subjType[doc], c.subject[doc], c.state[doc] = ns.add(r.subjectType), ns.add(r.subject), ns.add(r.state)
	c.tokens += uint64(r.words)
	if len(r.reasons) == 0 {
		return
	}
	if c.reasons == nil {
		c.reasons = make(map[uint32][]ordinal)
	}
	for _, reason := range r.reasons {
		c.reasons[uint32(doc)] = append(c.reasons[uint32(doc)], ns.add(reason))
	}
}

// columnCache keeps the columns of the segments that are in use.
type columnCache struct {
	mu     sync.Mutex
	bySeg  map[uint64]*columnEntry
	names  *names
	family func(string) string
}

type columnEntry struct {
	once sync.Once
	n    uint64
	cols *columns
	err  error
}

func newColumnCache(ns *names, family func(string) string) *columnCache {
	return &columnCache{bySeg: make(map[uint64]*columnEntry), names: ns, family: family}
}

// get returns a segment's columns, read once.
func (cc *columnCache) get(id uint64, seg segment.Segment) (*columns, error) {
	cc.mu.Lock()
	e := cc.bySeg[id]
	if e == nil || e.n != seg.Count() {
		e = &columnEntry{n: seg.Count()}
		cc.bySeg[id] = e
	}
	cc.mu.Unlock()
	e.once.Do(func() { e.cols, e.err = readColumns(seg, cc.names, cc.family) })
	return e.cols, e.err
}

// keep forgets every segment that is not among ids. A search that still reads
// an older snapshot may have to read a segment again, which is right if slow.
func (cc *columnCache) keep(ids map[uint64]bool) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	for id := range cc.bySeg {
		if !ids[id] {
			delete(cc.bySeg, id)
		}
	}
}
