// Package nearby finds images that look alike by their perceptual hashes: 64
// bits of which alike images share most. It knows hashes alone, not images.
package nearby

import (
	"cmp"
	"errors"
	"math/bits"
	"slices"
	"sync"
)

// ErrFull means that a set holds as many hashes as it may.
var ErrFull = errors.New("set of hashes is full")

// Distance is the number of bits in which two hashes differ, 0 to 64. Below
// about 10 two images look alike.
func Distance(a, b uint64) int { return bits.OnesCount64(a ^ b) }

// Match is a hash near to the one asked for.
type Match struct {
	ID       string
	Distance int // bits
}

// Set holds hashes of known images, in memory. It may be used from several
// goroutines at once.
//
// Near looks at every hash: at one addition and one population count each that
// is a few milliseconds for a million, below what trees need at the distances that
// matter for images, where they visit most of their nodes.
type Set struct {
	limit int

	mu     sync.RWMutex
	hashes []uint64
	ids    []string
	places map[entry]int
}

type entry struct {
	hash uint64
	id   string
}

// NewSet makes a set for at most limit hashes.
func NewSet(limit int) *Set {
	return &Set{limit: limit, places: make(map[entry]int)}
}

// Add puts a hash into the set. An id may have several hashes; the same pair
// again changes nothing. Error: ErrFull.
func (s *Set) Add(hash uint64, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := entry{hash, id}
	if _, ok := s.places[e]; ok {
		return nil
	}
	if len(s.hashes) >= s.limit {
		return ErrFull
	}
	s.places[e] = len(s.hashes)
	s.hashes = append(s.hashes, hash)
	s.ids = append(s.ids, id)
	return nil
}

// Remove takes a hash out again, for an image that was restored.
func (s *Set) Remove(hash uint64, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := entry{hash, id}
	i, ok := s.places[e]
	if !ok {
		return
	}
	last := len(s.hashes) - 1
	s.hashes[i], s.ids[i] = s.hashes[last], s.ids[last]
	s.places[entry{s.hashes[i], s.ids[i]}] = i
	s.hashes, s.ids = s.hashes[:last], s.ids[:last]
	delete(s.places, e)
}

// Near gives the hashes that differ in at most within bits, nearest first, equally
// near ones by their ids.
func (s *Set) Near(hash uint64, within int) []Match {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var near []Match
	for i, h := range s.hashes {
		if d := Distance(h, hash); d <= within {
			near = append(near, Match{s.ids[i], d})
		}
	}
	slices.SortFunc(near, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
	})
	return near
}

// Len is the number of hashes.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.hashes)
}
