package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// PersonRow is one line of what is stored about a person.
type PersonRow struct {
	// Type is content, revision, appeal, media, vote or report.
	Type string `json:"type"`
	Data any    `json:"data"`
}

// errStop ends an iteration that the consumer left.
var errStop = errors.New("stopped")

// ExportPerson gives everything that is stored about the asker on a site:
// contents with their earlier versions and appeals, photos and videos, votes and reports.
func (s *Service) ExportPerson(ctx context.Context, who content.Actor, site string) iter.Seq2[PersonRow, error] {
	return func(yield func(PersonRow, error) bool) {
		if !who.May(content.Shopper) {
			yield(PersonRow{}, ErrSignIn)
			return
		}
		err := s.exportPerson(ctx, who, site, func(kind string, data any) error {
			if !yield(PersonRow{Type: kind, Data: data}, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(PersonRow{}, fmt.Errorf("export: %w", err))
		}
	}
}

func (s *Service) exportPerson(ctx context.Context, who content.Actor, site string, give func(string, any) error) error {
	// Versions replaced just now are filed with what is settled.
	if err := s.settler.flush(ctx); err != nil {
		return err
	}
	mine := ledger.Prefix(ledger.ByAuthor, site, who.ID)
	for rec, err := range s.Ledger.Contents.Scan(ctx, mine) {
		if err != nil {
			return err
		}
		p, err := s.private(ctx, rec, false)
		if err != nil {
			return err
		}
		if err := give("content", p); err != nil {
			return err
		}
		for old, err := range s.Ledger.Revisions.Scan(ctx, ledger.Prefix(ledger.ByContent, site, rec.ID)) {
			if err != nil {
				return err
			}
			if err := give("revision", revisionView(old)); err != nil {
				return err
			}
		}
		for _, a := range appealsOf(rec) {
			if err := give("appeal", a); err != nil {
				return err
			}
		}
	}
	for m, err := range s.Ledger.Media.Scan(ctx, mine) {
		if err != nil {
			return err
		}
		if s.Media == nil {
			break
		}
		// The addresses are signed: what they lead to can be fetched for a while.
		if err := give("media", s.mediumView(m, true).Private()); err != nil {
			return err
		}
	}
	for vote, err := range s.Ledger.Votes.Scan(ctx, mine) {
		if err != nil {
			return err
		}
		v := map[string]any{"content": vote.Content, "value": vote.Value, "at": vote.At}
		if err := give("vote", v); err != nil {
			return err
		}
	}
	for r, err := range s.Ledger.Reports.Scan(ctx, mine) {
		if err != nil {
			return err
		}
		if err := give("report", r.Report); err != nil {
			return err
		}
	}
	return nil
}

// AppealView is what an author wrote against decisions about a content or, with
// Medium, about one of its photos and videos.
type AppealView struct {
	Content string    `json:"content"`
	Medium  string    `json:"medium,omitempty"`
	Text    string    `json:"text"`
	State   string    `json:"state"`
	At      time.Time `json:"at"`
}

func appealsOf(rec *ledger.Record) (out []AppealView) {
	if a := rec.Appeal; a != nil {
		out = append(out, AppealView{Content: rec.ID, Text: a.Text, State: a.State(), At: a.At})
	}
	for _, w := range rec.Withheld {
		if a := w.Appeal; a != nil {
			out = append(out, AppealView{Content: rec.ID, Medium: w.Medium, Text: a.Text, State: a.State(), At: a.At})
		}
	}
	return out
}

// RevisionView is an earlier version as its author and moderators see it.
type RevisionView struct {
	Content      string            `json:"content"`
	Rev          int64             `json:"rev"`
	Rating       int               `json:"rating,omitempty"`
	Ratings      map[string]int    `json:"ratings,omitempty"`
	Title        string            `json:"title,omitempty"`
	Body         string            `json:"body"`
	Language     string            `json:"language,omitempty"`
	Media        []content.Media   `json:"media,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	Incentivized bool              `json:"incentivized"`
	At           time.Time         `json:"at"`
}

func revisionView(r *ledger.Revision) RevisionView {
	v := r.Version
	return RevisionView{
		Content: r.Content, Rev: v.Rev, Rating: v.Rating, Ratings: v.Ratings, Title: v.Title, Body: v.Body,
		Language: v.Language, Media: v.Media, Attributes: v.Attributes, Incentivized: v.Incentivized, At: v.At.UTC(),
	}
}

// ExportLine is one line of a site's export: a document of the ledger as
// extended JSON, without the keys that only this ledger needs. Key is where to
// go on after it.
type ExportLine struct {
	Table string          `json:"table"`
	Key   string          `json:"key"`
	Doc   json.RawMessage `json:"doc"`
}

// exportTable is a table of an export and the stretch of it that is a site's.
type exportTable struct {
	name string
	of   func(site string) ledger.Range
}

// exportTables lists what an export holds, in an order in which it can be read
// again: a content that is taken in may be settled at any moment, and must find
// its history there, or a new one is begun for it.
func exportTables() []exportTable {
	by := func(index string) func(string) ledger.Range {
		return func(site string) ledger.Range { return ledger.Prefix(index, site) }
	}
	one := func(site string) ledger.Range { return ledger.Range{From: site, To: site + "\x00"} }
	return []exportTable{
		{"settings", one},
		{"products", by(ledger.BySite)},
		{"boards", by(ledger.BySite)},
		{"tallies", by(ledger.ByPublic)},
		{"media", by(ledger.BySite)},
		{"blobs", by(ledger.BySite)},
		{"slots", by("")},
		{"revisions", by(ledger.ByContent)},
		{"events", by(ledger.ByTime)},
		{"votes", by(ledger.ByAuthor)},
		{"reports", by(ledger.ByContent)},
		{"receipts", by(ledger.BySite)},
		{"notes", by(ledger.ByContent)},
		{"notices", by(ledger.ByContent)},
		{"audit", by(ledger.BySite)},
		{"rules", one},
		{"policies", one},
		{"models", one},
		{"contents", by(ledger.BySite)},
	}
}

// Export gives everything of a site, line by line and without a cap. after is
// the last line of an export that was broken off, nil for the beginning. It
// reads the store alone, so a copy of a ledger can be exported too.
func Export(ctx context.Context, store ledger.Store, site string, after *ExportLine) iter.Seq2[ExportLine, error] {
	return func(yield func(ExportLine, error) bool) {
		skipping := after != nil
		if skipping && !slices.ContainsFunc(exportTables(), func(t exportTable) bool { return t.name == after.Table }) {
			yield(ExportLine{}, fmt.Errorf("export: nothing to go on from: no table %.40q", after.Table))
			return
		}
		for _, t := range exportTables() {
			if skipping && t.name != after.Table {
				continue
			}
			r := t.of(site)
			if skipping {
				r.After = after.Key
			}
			skipping = false
			for raw, err := range store.Scan(ctx, t.name, r) {
				if err != nil {
					yield(ExportLine{}, fmt.Errorf("export %s: %w", t.name, err))
					return
				}
				line, err := exportLine(t.name, r.Index, raw)
				if !yield(line, err) || err != nil {
					return
				}
			}
		}
	}
}

func exportLine(table, index string, raw bson.Raw) (ExportLine, error) {
	d, err := ledger.ParseDoc(raw)
	if err != nil {
		return ExportLine{}, fmt.Errorf("export %s: %w", table, err)
	}
	key := d.ID
	if index != "" {
		key = d.Keys[index]
	}
	doc, err := bson.MarshalExtJSON(ledger.WithKeys(d.ID, d.Rev, nil, raw), false, false)
	if err != nil {
		return ExportLine{}, fmt.Errorf("export %s %q: %w", table, d.ID, err)
	}
	return ExportLine{Table: table, Key: key, Doc: doc}, nil
}
