package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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

// requeue weighs the reports since the last decision and puts the content back
// into the queue when they are enough. Reporters who were right before weigh
// more; a newcomer weighs half, so N newcomers reach half of N.
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
		_, n, enough, err := s.weigh(ctx, rec, settings)
		if err != nil {
			return err
		}
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

// weigh sums the reports on a content since it was last decided about.
func (s *Service) weigh(ctx context.Context, rec *ledger.Record, settings content.Settings) (weight float64, reporters int, enough bool, err error) {
	list, err := s.reports(ctx, rec.Site, rec.ID)
	if err != nil {
		return 0, 0, false, err
	}
	summaries := make([]moderation.ReportSummary, 0, len(list))
	for _, r := range list {
		if rec.Decided != nil && !r.At.After(rec.Decided.At) {
			continue
		}
		sum := moderation.ReportSummary{Reporter: r.Reporter, Illegal: strings.HasPrefix(r.Reporter, noticePrefix)}
		if !sum.Illegal {
			if sum.History, err = s.reporterHistory(ctx, rec.Site, r.Reporter); err != nil {
				return 0, 0, false, err
			}
		}
		summaries = append(summaries, sum)
	}
	threshold := float64(settings.ReportsToRequeue) / 2
	weight, reporters, enough = moderation.WeighReports(summaries, threshold)
	illegal := slices.ContainsFunc(summaries, func(r moderation.ReportSummary) bool { return r.Illegal })
	return weight, reporters, enough && settings.ReportsToRequeue > 0 || illegal, nil
}

// maxReporterHistory bounds how many earlier reports of a person are looked at.
const maxReporterHistory = 100

// reporterHistory counts how somebody's reports ended. What people decided
// about the content after the report tells: nothing needs to be kept for it.
func (s *Service) reporterHistory(ctx context.Context, site, reporter string) (moderation.ReporterHistory, error) {
	var h moderation.ReporterHistory
	r := ledger.Prefix(ledger.ByAuthor, site, reporter)
	r.Reverse, r.Limit = true, maxReporterHistory
	for rep, err := range s.Ledger.Reports.Scan(ctx, r) {
		if err != nil {
			return h, fmt.Errorf("read reports of a person: %w", err)
		}
		switch outcome, err := s.outcome(ctx, site, rep.Content, rep.At); {
		case err != nil:
			return h, err
		case outcome == OutcomeUpheld:
			h.Upheld++
		case outcome == OutcomeDismissed:
			h.Dismissed++
		}
	}
	return h, nil
}

// Outcomes of a report.
const (
	OutcomeOpen      = "open"
	OutcomeUpheld    = "upheld"
	OutcomeDismissed = "dismissed"
)

// outcome tells what came of a report on a content: what a person first decided
// about it afterwards, whatever became of it later.
func (s *Service) outcome(ctx context.Context, site, id string, at time.Time) (string, error) {
	rec, err := s.load(ctx, site, id)
	if isGone(err) {
		return OutcomeOpen, nil
	}
	if err != nil {
		return "", err
	}
	history, err := s.history(ctx, rec)
	if err != nil {
		return "", err
	}
	for i, e := range history {
		undone := i+1 < len(history) && history[i+1].Action == string(actionUndo)
		if e.Automatic || undone || !e.At.After(at) {
			continue
		}
		switch rejected, decides := verdict(&e); {
		case decides && rejected:
			return OutcomeUpheld, nil
		case decides:
			return OutcomeDismissed, nil
		}
	}
	return OutcomeOpen, nil
}

// MyReport is a report as its sender sees it.
type MyReport struct {
	content.Report
	// Outcome is open, upheld or dismissed.
	Outcome string `json:"outcome"`
}

// MyReports lists what somebody reported, with what came of it: ErrSignIn.
func (s *Service) MyReports(ctx context.Context, who content.Actor, site string, p Paging) (List[MyReport], error) {
	if !who.May(content.Shopper) {
		return List[MyReport]{}, ErrSignIn
	}
	r := ledger.Prefix(ledger.ByAuthor, site, who.ID)
	return pageOf(ctx, s.Ledger.Reports, r, p, func(rep *ledger.Report) (MyReport, error) {
		outcome, err := s.outcome(ctx, site, rep.Content, rep.At)
		return MyReport{Report: rep.Report, Outcome: outcome}, err
	})
}

// noticePrefix marks reports that are notices of illegal content.
const noticePrefix = "notice:"

// Receipt is what the sender of a notice gets: the id finds the outcome, and
// only the sender knows it.
type Receipt struct {
	ID      string    `json:"id"`
	Content string    `json:"content"`
	At      time.Time `json:"received_at"`
	// Outcome is open, upheld or dismissed.
	Outcome string `json:"outcome"`
}

// Notify takes in a notice of illegal content (DSA article 16), from anybody.
// It puts the content back into the queue at once. Errors: ErrNotFound,
// content.Invalid.
func (s *Service) Notify(ctx context.Context, site, id string, n moderation.Notice) (*Receipt, error) {
	rec, err := s.publicRecord(ctx, site, id)
	if err != nil {
		return nil, err
	}
	var e content.Invalid
	e.Text("explanation", n.Explanation, 0, content.MaxBody)
	e.Text("name", n.Name, 0, content.MaxTitle)
	e.Text("email", n.Email, 0, content.MaxTitle)
	if err := n.Validate(); err != nil && len(e) == 0 {
		e.Add("notice", "incomplete", "%s", strings.TrimPrefix(err.Error(), moderation.ErrNotice.Error()+": "))
	}
	if err := e.Err(); err != nil {
		return nil, err
	}
	token := s.NewID()
	token += "." + s.Handle(site, noticePrefix+token)
	doc := &ledger.Notice{ID: token, Site: site, Content: rec.ID, Notice: n, At: s.now(), Rev: 1}
	if err := s.Ledger.Notices.Insert(ctx, doc); err != nil {
		return nil, fmt.Errorf("take in notice: %w", err)
	}
	report := &ledger.Report{Rev: 1, Report: content.Report{
		Site: site, Content: rec.ID, Reporter: noticePrefix + token, Reason: "illegal", Note: firstRunes(n.Explanation, content.MaxNote), At: doc.At,
	}}
	if err := s.Ledger.Reports.Insert(ctx, report); err != nil {
		return nil, fmt.Errorf("take in notice: %w", err)
	}
	if err := s.requeue(ctx, site, rec.ID); err != nil {
		return nil, err
	}
	return &Receipt{ID: token, Content: rec.ID, At: doc.At, Outcome: OutcomeOpen}, nil
}

func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(len(r), n)])
}

// Notice tells the sender of a notice what came of it: ErrNotFound.
func (s *Service) Notice(ctx context.Context, site, id string) (*Receipt, error) {
	n, err := s.Ledger.Notices.Get(ctx, id)
	if errors.Is(err, ledger.ErrNotFound) || err == nil && n.Site != site {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read notice: %w", err)
	}
	outcome, err := s.outcome(ctx, site, n.Content, n.At)
	if err != nil {
		return nil, err
	}
	return &Receipt{ID: n.ID, Content: n.Content, At: n.At, Outcome: outcome}, nil
}
