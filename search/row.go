package search

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
	"unicode"
	"unicode/utf8"
)

// row is what filters, sorts, facets and ranking need of a document. It is
// stored as one packed value and held in memory, because reading a doc value
// for each of many scattered hits decompresses a block for each of them.
type row struct {
	at      int64 // Published or Created, Unix milliseconds
	helpful uint16
	risk    uint16
	words   uint16
	rating  uint8
	flags   uint8

	site, kind, language, subjectType, subject, state string
	reasons                                           []string
}

const (
	flagVerified = 1 << iota
	flagMedia
	flagIncentivized
)

const rowVersion = 1

func rowOf(d *Document, kind Kind, code string) row {
	r := row{
		at: sortTime(d).UnixMilli(), helpful: unit16(d.Helpful), words: countWords(d.Title, d.Body),
		rating: uint8(min(max(d.Rating, 0), 5)),
		site:   d.Site, kind: d.ContentKind, language: code, subjectType: d.SubjectType, subject: d.Subject,
	}
	for i, on := range []bool{d.Verified, d.Media, d.Incentivized} {
		if on {
			r.flags |= 1 << i
		}
	}
	if kind == Desk {
		r.risk, r.state, r.reasons = unit16(d.Risk), d.State, d.Reasons
	}
	return r
}

func sortTime(d *Document) time.Time {
	if d.Published.IsZero() {
		return d.Created
	}
	return d.Published
}

// unit16 packs a number from 0 to 1; what is outside is clamped, NaN is 0.
func unit16(f float64) uint16 {
	if !(f > 0) {
		return 0
	}
	return uint16(math.Round(min(f, 1) * math.MaxUint16))
}

// countWords is the document length of BM25, counted over title and body.
func countWords(texts ...string) uint16 {
	n := 0
	for _, s := range texts {
		in := false
		for i := 0; i < len(s); {
			r, size := rune(s[i]), 1
			if r >= utf8.RuneSelf {
				r, size = utf8.DecodeRuneInString(s[i:])
			}
			i += size
			word := r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') ||
				r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsMark(r))
			if word && (!in || r >= 0x2E80 && r < 0xE000) {
				n++
			}
			in = word
		}
	}
	return uint16(min(n, math.MaxUint16))
}

func (r *row) encode() []byte {
	b := make([]byte, 0, 64+len(r.subject))
	b = append(b, rowVersion)
	b = binary.AppendVarint(b, r.at)
	b = binary.LittleEndian.AppendUint16(b, r.helpful)
	b = binary.LittleEndian.AppendUint16(b, r.risk)
	b = binary.LittleEndian.AppendUint16(b, r.words)
	b = append(b, r.rating, r.flags)
	for _, s := range []string{r.site, r.kind, r.language, r.subjectType, r.subject, r.state} {
		b = appendString(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(r.reasons)))
	for _, s := range r.reasons {
		b = appendString(b, s)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errRow = errors.New("malformed row")

// decodeRow reads what encode wrote; intern turns bytes into strings that
// many rows share.
func decodeRow(b []byte, intern func([]byte) string) (row, error) {
	var r row
	if len(b) < 1 || b[0] != rowVersion {
		return r, errRow
	}
	b = b[1:]
	at, n := binary.Varint(b)
	if n <= 0 || len(b) < n+8 {
		return r, errRow
	}
	r.at, b = at, b[n:]
	r.helpful = binary.LittleEndian.Uint16(b)
	r.risk = binary.LittleEndian.Uint16(b[2:])
	r.words = binary.LittleEndian.Uint16(b[4:])
	r.rating, r.flags, b = b[6], b[7], b[8:]
	for _, dst := range []*string{&r.site, &r.kind, &r.language, &r.subjectType, &r.subject, &r.state} {
		s, rest, ok := cutString(b)
		if !ok {
			return r, errRow
		}
		*dst, b = intern(s), rest
	}
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)) {
		return r, errRow
	}
	b = b[n:]
	for range count {
		s, rest, ok := cutString(b)
		if !ok {
			return r, errRow
		}
		r.reasons, b = append(r.reasons, intern(s)), rest
	}
	return r, nil
}

func cutString(b []byte) (s, rest []byte, ok bool) {
	l, n := binary.Uvarint(b)
	if n <= 0 || l > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(l)], b[n+int(l):], true
}
