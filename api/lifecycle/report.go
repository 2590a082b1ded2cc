package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// Report notes that somebody finds fault with a public content. The same person
// reporting again changes what they said before. Enough different people put a
// content back into the queue; it stays public until somebody has decided.
// Errors: ErrSignIn, ErrNotFound, ErrOwn, content.Invalid.
func (s *Service) Report(ctx context.Context, who content.Actor, site, id, reason, note string) (content.Report, error) {
	if !who.May(content.Shopper) {
		return content.Report{}, ErrSignIn
	}
	var e content.Invalid
	if !slices.Contains(content.ReportReasons(), reason) {
		e.Add("reason", "invalid", "must be one of %v", content.ReportReasons())
	}
	e.Text("note", note, 0, content.MaxNote)
	if err := e.Err(); err != nil {
		return content.Report{}, err
	}
	rec, err := s.publicRecord(ctx, site, id)
	if err != nil {
		return content.Report{}, err
	}
	if rec.Author.ID == who.ID {
		return content.Report{}, ErrOwn
	}
	r, err := s.Ledger.Reports.Modify(ctx, ledger.Key(site, id, who.ID), func(r *ledger.Report, _ bool) error {
		*r = ledger.Report{Rev: r.Rev + 1, Report: content.Report{
			Site: site, Content: id, Reporter: who.ID, Reason: reason, Note: note, At: s.now(),
		}}
		return nil
	})
	if err != nil {
		return content.Report{}, fmt.Errorf("report: %w", err)
	}
	if err := s.requeue(ctx, site, id); err != nil {
		return content.Report{}, err
	}
	return r.Report, nil
}

// reports reads the reports on a content, in the order of their reporters.
func (s *Service) reports(ctx context.Context, site, id string) ([]*ledger.Report, error) {
	r := ledger.Prefix(ledger.ByContent, site, id)
	r.Limit = maxReports
	list, err := s.Ledger.Reports.All(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	return list, nil
}

// maxReports bounds how many reports on one content are looked at.
const maxReports = 1000

// requeue counts the reports since the last decision and puts the content back
// into the queue when they are enough.
func (s *Service) requeue(ctx context.Context, site, id string) error {
	settings, err := s.SiteSettings(ctx, site)
	if err != nil {
		return err
	}
	for range 10 {
		rec, err := s.load(ctx, site, id)
		if err != nil {
			return err
		}
		list, err := s.reports(ctx, site, id)
		if err != nil {
			return err
		}
		n := 0
		for _, r := range list {
			if rec.Decided == nil || r.At.After(rec.Decided.At) {
				n++
			}
		}
		enough := settings.ReportsToRequeue > 0 && n >= settings.ReportsToRequeue
		if !enough || rec.State != content.Approved {
			return nil
		}
		from := rec.Rev
		ch := change{action: moderation.ActionRequeue, actor: "reports", automatic: true, at: s.now()}
		if err := apply(rec, ch); err != nil {
			return err
		}
		rec.Reports = n
		err = s.commit(ctx, rec, from)
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return ErrConflict
}
