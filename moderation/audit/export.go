package audit

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WriteJSONLines writes one record a line.
func WriteJSONLines(w io.Writer, records iter.Seq2[Record, error]) error {
	enc := json.NewEncoder(w)
	for r, err := range records {
		if err != nil {
			return fmt.Errorf("export audit: %w", err)
		}
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("export audit: %w", err)
		}
	}
	return nil
}

var csvHead = []string{
	"seq", "site", "at", "actor", "role", "content", "kind", "action", "from", "to", "rev", "before", "after", "rating",
	"language", "reasons", "rules", "versions", "automatic", "prev", "hash", "media",
}

// WriteCSV writes a header and one record a row (RFC 4180). Lists are joined
// by blanks. A cell that a spreadsheet would take for a formula begins with an
// apostrophe.
func WriteCSV(w io.Writer, records iter.Seq2[Record, error]) error {
	c := csv.NewWriter(w)
	if err := c.Write(csvHead); err != nil {
		return fmt.Errorf("export audit: %w", err)
	}
	for r, err := range records {
		if err != nil {
			return fmt.Errorf("export audit: %w", err)
		}
		if err := c.Write(r.cells()); err != nil {
			return fmt.Errorf("export audit: %w", err)
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("export audit: %w", err)
	}
	return nil
}

func (r *Record) cells() []string {
	var versions []string
	for k, v := range r.Versions {
		versions = append(versions, k+"="+v)
	}
	slices.Sort(versions)
	cells := []string{
		strconv.FormatInt(r.Seq, 10), r.Site, r.At.UTC().Format(time.RFC3339Nano), r.Actor, r.Role, r.Content, r.Kind, r.Action,
		r.From, r.To, strconv.FormatInt(r.Rev, 10), r.Before, r.After, strconv.Itoa(r.Rating), r.Language,
		strings.Join(r.Reasons, " "), strings.Join(r.Rules, " "), strings.Join(versions, " "),
		strconv.FormatBool(r.Automatic), r.Prev, r.Hash,
		strings.Join(r.Media, " "),
	}
	for i, s := range cells {
		if s != "" && strings.IndexByte("=+-@\t\r", s[0]) >= 0 {
			cells[i] = "'" + s
		}
	}
	return cells
}
