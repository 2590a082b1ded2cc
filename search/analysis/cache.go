package analysis

import (
	"hash/maphash"
	"sync/atomic"
)

// cacheSlots bounds the memory of one analyzer's cache: about 150 bytes a
// slot, so 2.5 MB when full. Language is so uneven that this answers most
// words of an import.
const cacheSlots = 1 << 14

type wordEntry struct {
	word          string
	surface, stem string
	stop          bool
	digit         bool
}

// wordCache is direct-mapped: a word that meets another in its slot replaces
// it. It needs no lock and cannot grow.
type wordCache struct {
	seed  maphash.Seed
	slots []atomic.Pointer[wordEntry]
}

func newWordCache() wordCache {
	return wordCache{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[wordEntry], cacheSlots)}
}

func (c *wordCache) slot(w string) *atomic.Pointer[wordEntry] {
	return &c.slots[maphash.String(c.seed, w)&(cacheSlots-1)]
}
