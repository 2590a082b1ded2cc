package ledger

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// ErrTable: the ledger has no table of this name that can be taken in again.
var ErrTable = fmt.Errorf("ledger: unknown table: %w", ErrNotFound)

// Recode builds the stored form of a document that was exported without its
// keys, and names the site it belongs to: ErrTable. A content owes its effects
// again, so that it is indexed where it is taken in.
func (l *Ledger) Recode(table string, raw bson.Raw) (d Doc, site string, err error) {
	switch table {
	case "contents":
		rec, err := l.Contents.decode(raw)
		if err != nil {
			return Doc{}, "", err
		}
		rec.Owes = true
		d, err = l.Contents.encode(rec)
		return d, rec.Site, err
	case "settings":
		return recode(l.Settings, raw, func(v *Settings) string { return v.Site })
	case "products":
		return recode(l.Products, raw, func(v *Product) string { return v.Site })
	case "boards":
		return recode(l.Boards, raw, func(v *Board) string { return v.Site })
	case "tallies":
		return recode(l.Tallies, raw, func(v *Tally) string { return v.Site })
	case "slots":
		return recode(l.Slots, raw, func(v *Slot) string { return firstPart(v.Key) })
	case "revisions":
		return recode(l.Revisions, raw, func(v *Revision) string { return v.Site })
	case "events":
		return recode(l.Events, raw, func(v *Event) string { return v.Site })
	case "votes":
		return recode(l.Votes, raw, func(v *Vote) string { return v.Site })
	case "reports":
		return recode(l.Reports, raw, func(v *Report) string { return v.Site })
	case "receipts":
		return recode(l.Receipts, raw, func(v *Receipt) string { return v.Site })
	case "notes":
		return recode(l.Notes, raw, func(v *Note) string { return v.Site })
	case "rules":
		return recode(l.Rules, raw, func(v *Rules) string { return v.Site })
	case "policies":
		return recode(l.Policies, raw, func(v *Policies) string { return v.Site })
	case "models":
		return recode(l.Models, raw, func(v *Model) string { return v.Site })
	case "audit":
		return recode(l.Audit, raw, func(v *Audit) string { return v.Site })
	case "media":
		return recode(l.Media, raw, func(v *Medium) string { return v.Site })
	case "blobs":
		return recode(l.Blobs, raw, func(v *BlobRef) string { return v.Site })
	case "notices":
		return recode(l.Notices, raw, func(v *Notice) string { return v.Site })
	}
	return Doc{}, "", fmt.Errorf("%w: %.40q", ErrTable, table)
}

func recode[T any](t Table[T], raw bson.Raw, site func(*T) string) (Doc, string, error) {
	v, err := t.decode(raw)
	if err != nil {
		return Doc{}, "", err
	}
	d, err := t.encode(v)
	return d, site(v), err
}

// firstPart is the first part of a key.
func firstPart(key string) string {
	for i := range len(key) {
		if key[i] == separator {
			return key[:i]
		}
	}
	return key
}
