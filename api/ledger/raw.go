package ledger

import (
	"fmt"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// The fields every stored document has.
const (
	idField   = "_id"
	revField  = "rev"
	keysField = "x"
)

// WithKeys builds the stored form of a document: its id first, its revision and
// keys last, and between them the other fields of own.
func WithKeys(id string, rev int64, keys Keys, own bson.Raw) bson.Raw {
	start, doc := bsoncore.AppendDocumentStart(make([]byte, 0, len(own)+64+64*len(keys)))
	doc = bsoncore.AppendStringElement(doc, idField, id)
	elements, _ := bsoncore.Document(own).Elements()
	for _, e := range elements {
		switch e.Key() {
		case idField, revField, keysField:
		default:
			doc = append(doc, e...)
		}
	}
	doc = bsoncore.AppendInt64Element(doc, revField, rev)
	if len(keys) > 0 {
		var at int32
		at, doc = bsoncore.AppendDocumentElementStart(doc, keysField)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			doc = bsoncore.AppendStringElement(doc, k, keys[k])
		}
		doc, _ = bsoncore.AppendDocumentEnd(doc, at)
	}
	doc, _ = bsoncore.AppendDocumentEnd(doc, start)
	return bson.Raw(doc)
}

// ParseDoc reads id, revision and keys of a stored document.
func ParseDoc(raw bson.Raw) (Doc, error) {
	d := Doc{Data: raw}
	if err := raw.Validate(); err != nil {
		return d, fmt.Errorf("ledger: stored document: %w", err)
	}
	id, ok := raw.Lookup(idField).StringValueOK()
	if !ok {
		return d, fmt.Errorf("ledger: stored document without an id")
	}
	d.ID = id
	d.Rev, _ = raw.Lookup(revField).AsInt64OK()
	keys, ok := raw.Lookup(keysField).DocumentOK()
	if !ok {
		return d, nil
	}
	elements, err := keys.Elements()
	if err != nil {
		return d, fmt.Errorf("ledger: keys of %q: %w", id, err)
	}
	d.Keys = make(Keys, len(elements))
	for _, e := range elements {
		if s, ok := e.Value().StringValueOK(); ok {
			d.Keys[e.Key()] = s
		}
	}
	return d, nil
}
