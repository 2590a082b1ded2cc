package shelf

import (
	"crypto/sha256"
	"encoding/base64"
	"sync"
)

// Bounds of the finished pages of one row. A page that alone is larger than
// maxPageBytes is not kept.
const (
	maxPages     = 128
	maxPageBytes = 4 << 20
)

// What a kept page takes beside its body, in bytes, and each of its ids.
const (
	pageBytes   = 384
	pageIDBytes = 16
)

// A cache holds finished pages of one row, as long as the row stays as it is.
type cache struct {
	mu sync.RWMutex
	// generation counts the changes of the row. A page that was begun in another
	// generation than it is finished in is not kept.
	generation uint64
	pages      map[listing]*Page
	bytes      int64
	summary    *SummaryPage
	mean       float64
	weight     float64
}

// page is a finished page, or nil with the generation for a call to keep.
func (c *cache) page(l listing) (*Page, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.pages[l], c.generation
}

// keep stores a page and tells what that takes, less what had to go for it.
func (c *cache) keep(l listing, p *Page, generation uint64) int64 {
	size := l.bytes() + p.bytes()
	if size > maxPageBytes {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation || c.pages[l] != nil {
		return 0
	}
	before := c.bytes
	for old, page := range c.pages {
		if len(c.pages) < maxPages && c.bytes+size <= maxPageBytes {
			break
		}
		delete(c.pages, old)
		c.bytes -= old.bytes() + page.bytes()
	}
	if c.pages == nil {
		c.pages = map[listing]*Page{}
	}
	c.pages[l] = p
	c.bytes += size
	return c.bytes - before
}

// clear forgets everything, since the row has changed, and tells by how much
// the memory grew, which is never more than 0.
func (c *cache) clear() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	freed := c.bytes
	c.generation++
	c.pages, c.bytes, c.summary = nil, 0, nil
	return -freed
}

// sum is the finished summary for a prior, or nil with the generation for a
// call to keepSum.
func (c *cache) sum(mean, weight float64) (*SummaryPage, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.mean != mean || c.weight != weight {
		return nil, c.generation
	}
	return c.summary, c.generation
}

func (c *cache) keepSum(p *SummaryPage, mean, weight float64, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation == generation {
		c.summary, c.mean, c.weight = p, mean, weight
	}
}

func (p *Page) bytes() int64 {
	n := pageBytes + cap(p.Body) + len(p.ETag) + len(p.Next) + pageIDBytes*cap(p.IDs)
	return int64(n)
}

// entityTag is a strong tag of a body. It depends on the body alone, so that it
// outlives a restart and is the same on every node.
func entityTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}
