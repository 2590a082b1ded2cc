package moderation

import (
	"container/heap"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
)

// ErrCursor: the cursor was not made by this queue for this site and filter.
var ErrCursor = errors.New("moderation: bad queue cursor")

// cursor is where a reader stands: the moment of the first page, which fixes
// the order, and the last place given out.
type cursor struct {
	epoch  int64
	seq    uint64
	now    int64
	digest uint64
	last   place
}

const (
	cursorVersion = 1
	cursorHead    = 1 + 8*6 + 1
	maxCursor     = 1024
)

// String encodes the cursor: version, six 64-bit numbers, a flag, the id and
// a CRC-32, in base64url.
func (c cursor) String() string {
	b := make([]byte, 0, cursorHead+len(c.last.id)+4)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(c.epoch))
	b = binary.BigEndian.AppendUint64(b, c.seq)
	b = binary.BigEndian.AppendUint64(b, uint64(c.now))
	b = binary.BigEndian.AppendUint64(b, c.digest)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(c.last.score))
	b = binary.BigEndian.AppendUint64(b, uint64(c.last.entered))
	flag := byte(0)
	if c.last.escalated {
		flag = 1
	}
	b = append(b, flag)
	b = append(b, c.last.id...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (cursor, error) {
	if len(s) > maxCursor {
		return cursor{}, ErrCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < cursorHead+4 || b[0] != cursorVersion {
		return cursor{}, ErrCursor
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum || body[cursorHead-1] > 1 {
		return cursor{}, ErrCursor
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(body[1+8*i:]) }
	c := cursor{epoch: int64(n(0)), seq: n(1), now: int64(n(2)), digest: n(3)}
	c.last = place{
		score:     math.Float64frombits(n(4)),
		entered:   int64(n(5)),
		escalated: body[cursorHead-1] == 1,
		id:        string(body[cursorHead:]),
	}
	if math.IsNaN(c.last.score) || math.IsInf(c.last.score, 0) {
		return cursor{}, ErrCursor
	}
	return c, nil
}

// top keeps the n first places of many, so that a page of a long queue does
// not sort the whole queue.
type top struct {
	n    int
	heap worstFirst
}

func newTop(n int) *top { return &top{n: n} }

func (t *top) add(p place) {
	if len(t.heap) < t.n {
		heap.Push(&t.heap, p)
		return
	}
	if p.compare(t.heap[0]) < 0 {
		t.heap[0] = p
		heap.Fix(&t.heap, 0)
	}
}

func (t *top) sorted() []place {
	out := []place(t.heap)
	slices.SortFunc(out, place.compare)
	return out
}

type worstFirst []place

func (h worstFirst) Len() int           { return len(h) }
func (h worstFirst) Less(i, j int) bool { return h[i].compare(h[j]) > 0 }
func (h worstFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *worstFirst) Push(x any)        { *h = append(*h, x.(place)) }
func (h *worstFirst) Pop() any {
	old := *h
	p := old[len(old)-1]
	*h = old[:len(old)-1]
	return p
}
