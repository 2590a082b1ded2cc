// Package similar remembers recent texts and finds equal and nearly equal
// ones. A text is sketched by MinHash over pairs of words (Broder, "On the
// resemblance and containment of documents", 1997) and looked up by bands.
// The memory is bounded and holds hashes only, never the text.
package similar

import (
	"math"
	"math/bits"
	"slices"
	"sync"
)

const (
	bands = 8
	rows  = 4
	perms = bands * rows
)

// MinTokens is the least number of words for which nearness means anything.
const MinTokens = 6

// Sketch stands for a text.
type Sketch struct {
	// Exact is the hash of all words in order.
	Exact uint64
	// Tokens is the number of words.
	Tokens int
	min    [perms]uint32
}

// Near estimates the Jaccard similarity of two sketches, 0..1.
func (a *Sketch) Near(b *Sketch) float64 {
	if a.Exact == b.Exact && a.Tokens == b.Tokens {
		return 1
	}
	same := 0
	for i := range a.min {
		if a.min[i] == b.min[i] {
			same++
		}
	}
	return float64(same) / perms
}

// Sketcher builds a sketch word by word.
type Sketcher struct {
	sketch Sketch
	last   uint64
}

// Reset begins a new text.
func (s *Sketcher) Reset() {
	*s = Sketcher{}
	s.sketch.Exact = 14695981039346656037
	for i := range s.sketch.min {
		s.sketch.min[i] = math.MaxUint32
	}
}

// Add takes the next word.
func (s *Sketcher) Add(word []byte) {
	h := uint64(14695981039346656037)
	for _, b := range word {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = mix(h)
	s.sketch.Exact = mix(s.sketch.Exact ^ h)
	if s.sketch.Tokens++; s.sketch.Tokens > 1 {
		pair := mix(s.last*31 + h)
		a, b := uint32(pair), uint32(pair>>32)|1
		for i := range s.sketch.min {
			// Two halves of one hash stand for the family of permutations
			// (Kirsch and Mitzenmacher, "Less hashing, same performance").
			if v := a + uint32(i)*b; v < s.sketch.min[i] {
				s.sketch.min[i] = v
			}
		}
	}
	s.last = h
}

// Sketch gives the sketch of the words so far.
func (s *Sketcher) Sketch() Sketch { return s.sketch }

func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// Record is a remembered text.
type Record struct {
	ID, Site, Author, Subject string
	Sketch                    Sketch
	// Cluster is the id of the first text of the group of near-equal ones.
	Cluster string
}

// Match is a remembered text near the one asked for.
type Match struct {
	Record Record
	// Near is the estimated similarity, 1 for the same words.
	Near float64
}

// DefaultCapacity of a memory, in texts; about 600 bytes each.
const DefaultCapacity = 50_000

// MaxMatches bounds what Lookup returns.
const MaxMatches = 32

// maxBucket bounds the texts compared in one bucket.
const maxBucket = 64

// Memory remembers the latest texts up to its capacity. It is safe for
// concurrent use.
type Memory struct {
	mu       sync.RWMutex
	capacity int
	ring     []Record // grows up to capacity, then wraps
	used     []bool
	at       int
	byID     map[key]int
	buckets  map[uint64][]int32
}

type key struct{ site, id string }

// NewMemory makes a memory for capacity texts; 0 means [DefaultCapacity].
func NewMemory(capacity int) *Memory {
	if capacity <= 0 {
		capacity = DefaultCapacity
	}
	return &Memory{
		capacity: capacity, byID: map[key]int{}, buckets: map[uint64][]int32{},
	}
}

func siteHash(site string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(site) {
		h = (h ^ uint64(site[i])) * 1099511628211
	}
	return h
}

// slots gives the buckets of a sketch: one for the exact hash and, for texts
// long enough, one a band.
func slots(site string, sk *Sketch) []uint64 {
	s := siteHash(site)
	out := make([]uint64, 1, bands+1)
	out[0] = mix(s ^ sk.Exact)
	if sk.Tokens < MinTokens {
		return out
	}
	for b := range bands {
		h := s + uint64(b) + 1
		for r := range rows {
			h = bits.RotateLeft64(h, 17) ^ mix(h+uint64(sk.min[b*rows+r]))
		}
		out = append(out, mix(h))
	}
	return out
}

// Lookup finds remembered texts of the site that are at least near alike,
// the latest first, without the one of that id.
func (m *Memory) Lookup(site, id string, sk Sketch, near float64) []Match {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Match
	var seen map[int32]bool
	for _, slot := range slots(site, &sk) {
		list := m.buckets[slot]
		for i := len(list) - 1; i >= 0 && len(out) < MaxMatches; i-- {
			at := list[i]
			if seen[at] {
				continue
			}
			if seen == nil {
				seen = map[int32]bool{}
			}
			seen[at] = true
			r := &m.ring[at]
			if r.Site != site || r.ID == id {
				continue
			}
			if n := r.Sketch.Near(&sk); n >= near {
				out = append(out, Match{Record: *r, Near: n})
			}
		}
	}
	return out
}

// Add remembers a text, or replaces the one of the same site and id; the
// oldest is forgotten when the memory is full.
func (m *Memory) Add(r Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := key{r.Site, r.ID}
	if at, ok := m.byID[k]; ok {
		m.drop(at)
	}
	at := m.at
	m.at = (m.at + 1) % m.capacity
	if at == len(m.ring) {
		m.ring, m.used = append(m.ring, Record{}), append(m.used, false)
	}
	if m.used[at] {
		m.drop(at)
	}
	m.ring[at], m.used[at] = r, true
	m.byID[k] = at
	for _, slot := range slots(r.Site, &r.Sketch) {
		m.buckets[slot] = append(m.buckets[slot], int32(at))
		if list := m.buckets[slot]; len(list) > maxBucket {
			m.buckets[slot] = slices.Clone(list[len(list)-maxBucket:])
		}
	}
}

// Remove forgets a text, as erasure asks for.
func (m *Memory) Remove(site, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.byID[key{site, id}]; ok {
		m.drop(at)
	}
}

func (m *Memory) drop(at int) {
	r := &m.ring[at]
	for _, slot := range slots(r.Site, &r.Sketch) {
		list := m.buckets[slot]
		for i, a := range list {
			if a == int32(at) {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		if len(list) == 0 {
			delete(m.buckets, slot)
		} else {
			m.buckets[slot] = list
		}
	}
	delete(m.byID, key{r.Site, r.ID})
	m.ring[at], m.used[at] = Record{}, false
}

// Len counts the remembered texts.
func (m *Memory) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.byID)
}
