package shelf

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
)

// A cursor is the position of the last item of a page, so that items which
// arrive or leave between two pages neither repeat nor hide others. Its bytes,
// in base64url without padding:
//
//	1  version
//	8  rank, IEEE 754 bits, big endian
//	8  time, nanoseconds since 1970, two's complement, big endian
//	n  id, 1 to maxCursorID bytes
//	8  tag: SHA-256, cut short, of the listing and the bytes above
//
// The tag finds damage and cursors of other listings. It is no secret: whoever
// makes a cursor up gets a page of public items from some other place.
const (
	cursorVersion = 1
	cursorHead    = 1 + 8 + 8
	cursorTag     = 8
	maxCursorID   = 255
)

func (l *listing) encodeCursor(k key, p position) string {
	raw := make([]byte, 0, cursorHead+len(p.id)+cursorTag)
	raw = append(raw, cursorVersion)
	raw = binary.BigEndian.AppendUint64(raw, math.Float64bits(p.rank))
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.at))
	raw = append(raw, p.id...)
	raw = append(raw, l.cursorTag(k, raw)...)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// decodeCursor reads what encodeCursor wrote for the same listing, and nothing
// else: ErrCursor.
func (l *listing) decodeCursor(k key, s string) (position, error) {
	if len(s) > base64.RawURLEncoding.EncodedLen(cursorHead+maxCursorID+cursorTag) {
		return position{}, fmt.Errorf("%w: too long", ErrCursor)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	// The decoder passes over line breaks, even when strict.
	if err != nil || base64.RawURLEncoding.EncodedLen(len(raw)) != len(s) {
		return position{}, fmt.Errorf("%w: not base64url", ErrCursor)
	}
	if len(raw) <= cursorHead+cursorTag || raw[0] != cursorVersion {
		return position{}, fmt.Errorf("%w: not of this version", ErrCursor)
	}
	body, tag := raw[:len(raw)-cursorTag], raw[len(raw)-cursorTag:]
	if subtle.ConstantTimeCompare(tag, l.cursorTag(k, body)) != 1 {
		return position{}, fmt.Errorf("%w: damaged, or of another listing", ErrCursor)
	}
	p := position{
		rank: math.Float64frombits(binary.BigEndian.Uint64(body[1:])),
		at:   int64(binary.BigEndian.Uint64(body[9:])),
		id:   string(body[cursorHead:]),
	}
	if math.IsNaN(p.rank) {
		return position{}, fmt.Errorf("%w: rank is no number", ErrCursor)
	}
	return p, nil
}

// cursorTag ties the bytes of a cursor to all of the listing but its limit,
// which may change from page to page.
func (l *listing) cursorTag(k key, body []byte) []byte {
	b := make([]byte, 0, 256)
	for _, s := range [...]string{
		k.site, string(k.subject.Type), k.subject.ID,
		string(l.kind), l.parent, string(l.sort), l.filter.languages, l.text,
	} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	matched := byte(0)
	if l.matched {
		matched = 1
	}
	b = append(b, l.filter.stars, byte(l.filter.verified), byte(l.filter.media), byte(l.filter.incentivized), matched)
	b = binary.AppendUvarint(b, uint64(l.filter.wanted))
	b = append(b, body...)
	sum := sha256.Sum256(b)
	return sum[:cursorTag]
}
