package search

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"
)

// cursor marks the last hit of a page. The next page begins after that hit,
// wherever it stands by then: new items shift the scores of all, so a score
// alone would repeat or skip hits. Only when the hit itself is gone do its
// key and id say where it stood.
type cursor struct {
	id  string
	key sortKey
	now time.Time // of the first page, so that freshness does not drift
}

// sortKey orders hits: larger first, ties by at, then by id.
type sortKey struct {
	main float64
	at   int64
}

const cursorVersion = 1

// digest ties a cursor to its query, so that one made for another is refused
// instead of giving a page of nonsense. The page's size may change.
func (q *Query) digest() [8]byte {
	c := *q
	flag := func(b *bool) string {
		if b == nil {
			return "-"
		}
		return fmt.Sprint(*b)
	}
	h := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q %v %q %q %s %s %s %q %q %q %d %d %q %t %t",
		c.Site, c.Text, c.Syntax, c.Language, c.Languages, c.Kinds, c.Ratings, c.SubjectType, c.Subject,
		flag(c.Verified), flag(c.Media), flag(c.Incentivized), c.States, c.Reasons, c.AuthorID,
		c.From.UnixMilli(), c.To.UnixMilli(), c.Sort, c.Prefix, c.Exact))
	return [8]byte(h[:8])
}

func (c cursor) encode(digest [8]byte) string {
	b := append([]byte{cursorVersion}, digest[:]...)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(c.key.main))
	b = binary.BigEndian.AppendUint64(b, uint64(c.key.at))
	b = binary.BigEndian.AppendUint64(b, uint64(c.now.UnixMilli()))
	b = append(b, c.id...)
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum[:4]...))
}

// maxCursor bounds what decodeCursor looks at.
const maxCursor = 1024

func decodeCursor(s string, digest [8]byte) (cursor, error) {
	var c cursor
	if len(s) > maxCursor {
		return c, fmt.Errorf("%w: too long", ErrCursor)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 1+8+24+1+4 || b[0] != cursorVersion {
		return c, fmt.Errorf("%w: malformed", ErrCursor)
	}
	body, sum := b[:len(b)-4], b[len(b)-4:]
	if want := sha256.Sum256(body); [4]byte(sum) != [4]byte(want[:4]) {
		return c, fmt.Errorf("%w: malformed", ErrCursor)
	}
	if [8]byte(body[1:9]) != digest {
		return c, fmt.Errorf("%w: it belongs to another query", ErrCursor)
	}
	c.key.main = math.Float64frombits(binary.BigEndian.Uint64(body[9:]))
	c.key.at = int64(binary.BigEndian.Uint64(body[17:]))
	c.now = time.UnixMilli(int64(binary.BigEndian.Uint64(body[25:])))
	c.id = string(body[33:])
	if math.IsNaN(c.key.main) {
		return c, fmt.Errorf("%w: malformed", ErrCursor)
	}
	return c, nil
}

// compareKeys orders a before b when negative.
func compareKeys(a, b sortKey, idA, idB string) int {
	switch {
	case a.main > b.main:
		return -1
	case a.main < b.main:
		return 1
	case a.at > b.at:
		return -1
	case a.at < b.at:
		return 1
	}
	return strings.Compare(idA, idB)
}
