package moderation

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// Item is one waiting content, as the queue orders and filters it. Risk is
// 0..1; Entered is when it began to wait (an edit keeps it, so that editing
// does not push an item back).
type Item struct {
	ID          string    `json:"id" bson:"id"`
	Site        string    `json:"site" bson:"site"`
	Kind        string    `json:"kind" bson:"kind"`
	Language    string    `json:"language" bson:"language"`
	SubjectType string    `json:"subject_type" bson:"subject_type"`
	Subject     string    `json:"subject" bson:"subject"`
	AuthorID    string    `json:"author_id" bson:"author_id"`
	Reasons     []string  `json:"reasons" bson:"reasons"`
	Labels      []string  `json:"labels" bson:"labels"`
	Route       string    `json:"route,omitempty" bson:"route,omitempty"`
	Risk        float64   `json:"risk" bson:"risk"`
	Entered     time.Time `json:"entered" bson:"entered"`
	Reporters   int       `json:"reporters" bson:"reporters"`
	ReportedBy  []string  `json:"reported_by,omitempty" bson:"reported_by,omitempty"`
	Cluster     string    `json:"cluster,omitempty" bson:"cluster,omitempty"`
	Rev         int64     `json:"rev" bson:"rev"`
	Escalated   bool      `json:"escalated" bson:"escalated"`
}

// Limits of [Queue.List].
const (
	DefaultListLimit = 50
	MaxListLimit     = 500
)

// Weights of the queue's order. An item without any risk still ages upwards
// because of riskFloor; ageHeadStart lets risk count from the first second.
const (
	riskFloor      = 0.05
	reporterWeight = 0.1
	maxReporters   = 10
	ageHeadStart   = 10 * time.Minute
)

// maxRanks bounds how many earlier ranks of an item are remembered for the
// readers that are paging through.
const maxRanks = 8

// rank is what orders an item, valid from sequence number seq on.
type rank struct {
	seq       uint64
	weight    float64
	escalated bool
	entered   int64 // Unix nanoseconds
}

type entry struct {
	item  Item
	added uint64 // sequence number at which the item joined
	ranks []rank // oldest first; the last is the current one
}

// rankAt gives the rank that was valid at sequence number seq.
func (e *entry) rankAt(seq uint64) rank {
	for i := len(e.ranks) - 1; i > 0; i-- {
		if e.ranks[i].seq <= seq {
			return e.ranks[i]
		}
	}
	return e.ranks[0]
}

// Queue orders the waiting items of all sites: escalated ones first, then
// risk times age, so that of two equal risks the older is ahead. It is
// derived data in memory, rebuilt by callers, and safe for concurrent use.
type Queue struct {
	clock func() time.Time
	epoch int64

	mu    sync.RWMutex
	seq   uint64
	byID  map[string]*entry
	sites map[string]map[string]*entry
}

// NewQueue makes an empty queue that reads the time from clock.
func NewQueue(clock func() time.Time) *Queue {
	return &Queue{
		clock: clock,
		epoch: clock().UnixNano(),
		byID:  map[string]*entry{},
		sites: map[string]map[string]*entry{},
	}
}

func rankOf(it Item, seq uint64) rank {
	risk := it.Risk
	if math.IsNaN(risk) || risk > 1 {
		risk = 1 // an unknown risk is looked at early
	}
	risk = max(risk, 0)
	reports := min(max(it.Reporters, 0), maxReporters)
	return rank{
		seq:       seq,
		weight:    riskFloor + risk + reporterWeight*float64(reports),
		escalated: it.Escalated,
		entered:   it.Entered.UnixNano(),
	}
}

// Put adds an item or replaces the one of the same id. A replaced item keeps
// its place for readers that are already paging.
func (q *Queue) Put(it Item) {
	it.Reasons = slices.Clone(it.Reasons)
	it.Labels = slices.Clone(it.Labels)
	it.ReportedBy = slices.Clone(it.ReportedBy)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seq++
	if it.Entered.IsZero() {
		it.Entered = q.clock()
	}
	e := q.byID[it.ID]
	if e != nil && e.item.Site != it.Site {
		q.drop(e)
		e = nil
	}
	if e == nil {
		e = &entry{added: q.seq}
		q.byID[it.ID] = e
		if q.sites[it.Site] == nil {
			q.sites[it.Site] = map[string]*entry{}
		}
		q.sites[it.Site][it.ID] = e
	}
	e.item = it
	e.ranks = append(e.ranks, rankOf(it, q.seq))
	if len(e.ranks) > maxRanks {
		e.ranks = slices.Delete(e.ranks, 0, len(e.ranks)-maxRanks)
	}
}

// Remove takes an item out and reports whether it was there.
func (q *Queue) Remove(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.byID[id]
	if e == nil {
		return false
	}
	q.drop(e)
	return true
}

func (q *Queue) drop(e *entry) {
	delete(q.byID, e.item.ID)
	site := q.sites[e.item.Site]
	delete(site, e.item.ID)
	if len(site) == 0 {
		delete(q.sites, e.item.Site)
	}
}

// Get gives the waiting item of that id.
func (q *Queue) Get(id string) (Item, bool) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if e := q.byID[id]; e != nil {
		return e.item.clone(), true
	}
	return Item{}, false
}

// Len counts the waiting items of a site.
func (q *Queue) Len(site string) int {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return len(q.sites[site])
}

func (it Item) clone() Item {
	it.Reasons = slices.Clone(it.Reasons)
	it.Labels = slices.Clone(it.Labels)
	it.ReportedBy = slices.Clone(it.ReportedBy)
	return it
}

// place is an item's position in the order as of one moment.
type place struct {
	escalated bool
	score     float64
	entered   int64
	id        string
}

// compare orders places: what a moderator should see first is smaller.
func (a place) compare(b place) int {
	if a.escalated != b.escalated {
		if a.escalated {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.score, a.score),
		cmp.Compare(a.entered, b.entered),
		cmp.Compare(a.id, b.id),
	)
}

func (r rank) place(id string, now int64) place {
	age := max(now-r.entered, 0) + int64(ageHeadStart)
	return place{r.escalated, r.weight * float64(age), r.entered, id}
}

// List gives a page of a site's items that match f, at most limit of them
// (0 means [DefaultListLimit], at most [MaxListLimit]), and how many match in
// all. after is empty for the first page, else the next of the page before;
// next is empty at the end.
//
// All pages of one reading are in the order of the moment the first page was
// read: an item whose risk changes keeps its place, an item that joins later
// waits for the next reading, so nothing jumps or repeats. Garbage, or a
// cursor of another site or filter, is [ErrCursor].
func (q *Queue) List(site string, f Filter, after string, limit int) (items []Item, next string, total int, err error) {
	if limit <= 0 {
		limit = DefaultListLimit
	}
	limit = min(limit, MaxListLimit)
	f = f.normal()
	digest := f.digest(site)

	q.mu.RLock()
	defer q.mu.RUnlock()

	at := cursor{epoch: q.epoch, seq: q.seq, now: q.clock().UnixNano(), digest: digest}
	if after != "" {
		if at, err = parseCursor(after); err != nil {
			return nil, "", 0, err
		}
		if at.digest != digest {
			return nil, "", 0, ErrCursor
		}
		if at.epoch != q.epoch {
			// The queue was rebuilt since: its numbering is another one.
			at.seq = q.seq
			at.epoch = q.epoch
		}
	}
	page := newTop(limit + 1)
	for _, e := range q.sites[site] {
		if e.added > at.seq || !f.match(&e.item, time.Unix(0, at.now)) {
			continue
		}
		total++
		p := e.rankAt(at.seq).place(e.item.ID, at.now)
		if after == "" || at.last.compare(p) < 0 {
			page.add(p)
		}
	}
	places := page.sorted()
	if len(places) > limit {
		places = places[:limit]
		at.last = places[limit-1]
		next = at.String()
	}
	items = make([]Item, len(places))
	for i, p := range places {
		items[i] = q.byID[p.id].item.clone()
	}
	return items, next, total, nil
}
