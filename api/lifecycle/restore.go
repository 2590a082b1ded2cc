package lifecycle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/ledger"
)

// IsExportLine reports whether a line of JSON looks like one of an export.
func IsExportLine(line []byte) bool { return bytes.HasPrefix(line, []byte(`{"table":`)) }

// Restore takes a line of an export in again, as it was: with its id, history
// and audit. What is there already stays. What is wrong with the line is noted
// and no error.
func (im *Importer) Restore(ctx context.Context, line []byte, file string, number int) error {
	table, doc, err := im.exported(line)
	if err != nil {
		im.Reject(file, number, err.Error())
		return nil
	}
	// One table is written before the next is begun, see exportTables.
	if table != im.restoring || len(im.restored) >= importBatch {
		if err := im.flushRestored(ctx); err != nil {
			return err
		}
	}
	im.restoring, im.restored = table, append(im.restored, doc)
	return nil
}

func (im *Importer) exported(line []byte) (table string, doc ledger.Doc, err error) {
	var l ExportLine
	if err := json.Unmarshal(line, &l); err != nil {
		return "", doc, errors.New("not a line of an export")
	}
	var raw bson.Raw
	if err := bson.UnmarshalExtJSON(l.Doc, false, &raw); err != nil {
		return "", doc, errors.New("doc: not extended JSON")
	}
	doc, site, err := im.s.Ledger.Recode(l.Table, raw)
	switch {
	case errors.Is(err, ledger.ErrTable):
		return "", doc, fmt.Errorf("table: %.40q is not known", l.Table)
	case err != nil:
		return "", doc, errors.New("doc: not a document of its table")
	case site != im.site:
		return "", doc, fmt.Errorf("doc: belongs to the site %.64q", site)
	}
	return l.Table, doc, nil
}

func (im *Importer) flushRestored(ctx context.Context) error {
	if len(im.restored) == 0 {
		return nil
	}
	added, err := im.s.Ledger.InsertMissing(ctx, im.restoring, im.restored)
	if err != nil {
		return fmt.Errorf("restore %s: %w", im.restoring, err)
	}
	im.restored = nil
	for _, ok := range added {
		if ok {
			im.done.Added++
		} else {
			im.done.Skipped++
		}
	}
	if im.OnBatch != nil {
		im.OnBatch(im.done)
	}
	return nil
}

// finishRestore writes the rest and settles what was taken in: the indexes, the
// queue and the shelf.
func (im *Importer) finishRestore(ctx context.Context) error {
	if im.restoring == "" {
		return nil
	}
	if err := im.flushRestored(ctx); err != nil {
		return err
	}
	im.s.shelf.DropAll(im.site)
	im.s.learned.forget(im.site)
	return im.s.sweep(ctx, 0)
}
