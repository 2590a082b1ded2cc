// Package audit is the append-only record of what was decided. Every record
// carries the hash of the one before it, so that a change, a gap or a swap is
// found and named.
//
// A record holds ids, codes and hashes and never a person's words: erasing a
// content takes nothing out of the chain. The package stores nothing itself.
package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Record is one event. Times are kept to the millisecond, in UTC, because not
// every store keeps more.
type Record struct {
	// Seq counts from 1 within a site's chain.
	Seq  int64     `json:"seq" bson:"seq"`
	Site string    `json:"site" bson:"site"`
	At   time.Time `json:"at" bson:"at"`
	// Actor is the id of who did it, "" for the service itself.
	Actor   string `json:"actor" bson:"actor"`
	Role    string `json:"role" bson:"role"`
	Content string `json:"content" bson:"content"`
	Kind    string `json:"kind" bson:"kind"`
	Action  string `json:"action" bson:"action"`
	From    string `json:"from" bson:"from"`
	To      string `json:"to" bson:"to"`
	Rev     int64  `json:"rev" bson:"rev"`
	// Before and After are digests of the text, see [Digest]; "" for none.
	Before string `json:"before" bson:"before"`
	After  string `json:"after" bson:"after"`
	// Rating in stars, 0 for none, so that rejections by star can be shown.
	Rating   int      `json:"rating" bson:"rating"`
	Language string   `json:"language" bson:"language"`
	Reasons  []string `json:"reasons" bson:"reasons"`
	// Media are the photos or videos that it was about; none where it was about
	// the whole.
	Media []string `json:"media,omitempty" bson:"media,omitempty"`
	// Rules that took part, with their versions: "r1@3".
	Rules []string `json:"rules" bson:"rules"`
	// Versions of word lists, models and rules by name.
	Versions  map[string]string `json:"versions" bson:"versions"`
	Automatic bool              `json:"automatic" bson:"automatic"`
	Prev      string            `json:"prev" bson:"prev"`
	Hash      string            `json:"hash" bson:"hash"`
}

// Errors of this package.
var (
	// ErrRecord: the record holds something that looks like text, or is not
	// complete.
	ErrRecord = errors.New("audit: bad record")
	// ErrBroken: the chain is broken; errors.As gives a [*BrokenError].
	ErrBroken = errors.New("audit: chain is broken")
)

// BrokenError names the first record that does not fit.
type BrokenError struct {
	Seq     int64  // of the record found, or of the one that is missing
	Content string // its content, "" where the record is missing
	Reason  string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("audit: chain is broken at record %d: %s", e.Seq, e.Reason)
}

// Unwrap makes errors.Is(err, ErrBroken) true.
func (e *BrokenError) Unwrap() error { return ErrBroken }

// Limits of a record.
const (
	maxCode = 200 // bytes of an id, code or version
	maxList = 100 // reasons, rules or versions
)

// Seal gives r its place behind prev (the zero Record at the start of a chain)
// and its hash. It refuses a record with [ErrRecord].
func Seal(prev, r Record) (Record, error) {
	if err := r.validate(); err != nil {
		return Record{}, err
	}
	if prev.Seq > 0 && prev.Site != r.Site {
		return Record{}, fmt.Errorf("%w: site %q behind site %q", ErrRecord, r.Site, prev.Site)
	}
	r.At = r.At.UTC().Truncate(time.Millisecond)
	r.Seq, r.Prev = prev.Seq+1, prev.Hash
	r.Hash = r.sum()
	return r, nil
}

// validate keeps words out: an id, a code and a version have no blanks.
func (r *Record) validate() error {
	if r.Site == "" || r.Action == "" || r.At.IsZero() {
		return fmt.Errorf("%w: site, action or time is missing", ErrRecord)
	}
	if len(r.Reasons) > maxList || len(r.Media) > maxList || len(r.Rules) > maxList || len(r.Versions) > maxList {
		return fmt.Errorf("%w: more than %d codes", ErrRecord, maxList)
	}
	if r.Rating < 0 || r.Rating > 5 {
		return fmt.Errorf("%w: rating %d", ErrRecord, r.Rating)
	}
	for _, c := range []struct{ name, value string }{
		{"site", r.Site},
		{"actor", r.Actor},
		{"role", r.Role},
		{"content", r.Content},
		{"kind", r.Kind},
		{"action", r.Action},
		{"from", r.From},
		{"to", r.To},
		{"before", r.Before},
		{"after", r.After},
		{"language", r.Language},
	} {
		if !isCode(c.value) {
			return fmt.Errorf("%w: %s is no id or code", ErrRecord, c.name)
		}
	}
	for _, list := range [][]string{r.Reasons, r.Media, r.Rules} {
		if slices.ContainsFunc(list, func(s string) bool { return !isCode(s) }) {
			return fmt.Errorf("%w: a reason, medium or rule is no code", ErrRecord)
		}
	}
	for k, v := range r.Versions {
		if !isCode(k) || !isCode(v) {
			return fmt.Errorf("%w: a version is no code", ErrRecord)
		}
	}
	return nil
}

func isCode(s string) bool {
	if len(s) > maxCode {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Digest is the hash of a text that may stand in a record: SHA-256 over the
// salt and the parts, each with its length. The salt belongs to the content
// and is erased with it, so that the text can no longer be guessed.
func Digest(salt []byte, parts ...string) string {
	var c canonical
	c.text(string(salt))
	for _, p := range parts {
		c.text(p)
	}
	sum := sha256.Sum256(c.b)
	return hex.EncodeToString(sum[:])
}

// canonical is an unambiguous encoding: every value with its length, lists
// with their count, maps sorted by key.
type canonical struct{ b []byte }

func (c *canonical) text(s string) {
	c.b = binary.BigEndian.AppendUint64(c.b, uint64(len(s)))
	c.b = append(c.b, s...)
}

func (c *canonical) number(n int64) { c.b = binary.BigEndian.AppendUint64(c.b, uint64(n)) }

func (c *canonical) list(l []string) {
	c.number(int64(len(l)))
	for _, s := range l {
		c.text(s)
	}
}

// encodingVersion is part of every hash.
const encodingVersion = "candor-audit-1"

// sum is SHA-256 over the canonical encoding of everything but the hash.
func (r *Record) sum() string {
	var c canonical
	c.text(encodingVersion)
	c.number(r.Seq)
	c.number(r.At.UnixMilli())
	for _, s := range []string{r.Site, r.Actor, r.Role, r.Content, r.Kind, r.Action, r.From, r.To, r.Before, r.After, r.Language, r.Prev} {
		c.text(s)
	}
	c.number(r.Rev)
	c.number(int64(r.Rating))
	automatic := int64(0)
	if r.Automatic {
		automatic = 1
	}
	c.number(automatic)
	c.list(r.Reasons)
	c.list(r.Rules)
	keys := make([]string, 0, len(r.Versions))
	for k := range r.Versions {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	c.number(int64(len(keys)))
	for _, k := range keys {
		c.text(k)
		c.text(r.Versions[k])
	}
	if len(r.Media) > 0 { // came later: without any, a hash is what it was before
		c.list(r.Media)
	}
	sum := sha256.Sum256(c.b)
	return hex.EncodeToString(sum[:])
}

// Head is where a chain ends, as noted elsewhere: a chain that was cut short
// is whole in itself and is found only by comparing its end.
type Head struct {
	Seq  int64  `json:"seq" bson:"seq"`
	Hash string `json:"hash" bson:"hash"`
}

// Head of the chain that ends in r.
func (r *Record) Head() Head { return Head{Seq: r.Seq, Hash: r.Hash} }

// Verify reads a site's chain in order and returns where it ends. The first
// record that does not fit is named by a [*BrokenError]; an error of the
// iterator is passed on. want is the head noted elsewhere; the zero Head
// compares nothing.
func Verify(records iter.Seq2[Record, error], want Head) (Head, error) {
	var last Record
	for r, err := range records {
		if err != nil {
			return last.Head(), fmt.Errorf("verify audit: %w", err)
		}
		if reason := r.follows(&last); reason != "" {
			return last.Head(), &BrokenError{Seq: r.Seq, Content: r.Content, Reason: reason}
		}
		if want.Seq == r.Seq && want.Hash != r.Hash {
			return last.Head(), &BrokenError{Seq: r.Seq, Content: r.Content, Reason: "hash differs from the noted head"}
		}
		last = r
	}
	if last.Seq < want.Seq {
		return last.Head(), &BrokenError{Seq: last.Seq + 1, Reason: fmt.Sprintf("record is missing; the chain should reach %d", want.Seq)}
	}
	return last.Head(), nil
}

func (r *Record) follows(last *Record) string {
	switch {
	case r.Seq != last.Seq+1:
		return fmt.Sprintf("number %d follows %d", r.Seq, last.Seq)
	case last.Seq > 0 && r.Site != last.Site:
		return "belongs to another site"
	case r.Prev != last.Hash:
		return "does not carry the hash of the record before it"
	case r.Hash != r.sum():
		return "hash does not fit the content of the record"
	}
	return ""
}
