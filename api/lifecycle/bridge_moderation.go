package lifecycle

import (
	"context"
	"fmt"
	"slices"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// screen detects the language of what was written, where its author did not
// state it, and has it judged. A verdict is advice: who decides is up to the
// site's policy, and the state stays pending here.
func (s *Service) screen(ctx context.Context, rec *ledger.Record, spoken ...string) (moderation.Screening, error) {
	settings, err := s.SiteSettings(ctx, rec.Site)
	if err != nil {
		return moderation.Screening{}, err
	}
	v := &rec.Current
	confidence := 1.0
	if v.Language == "" {
		v.Language, confidence = s.Detect(v.Title+"\n"+v.Body, slices.Concat(spoken, settings.Languages)...)
	}
	if err := s.learned.ensure(ctx, s, rec.Site); err != nil {
		return moderation.Screening{}, err
	}
	sub := submissionOf(rec)
	if sub.Pictures, err = s.pictures(ctx, rec); err != nil {
		return moderation.Screening{}, err
	}
	if sub.Author, err = s.standing(ctx, rec.Site, rec.Author.ID); err != nil {
		return moderation.Screening{}, err
	}
	if rec.Rev == 0 { // an edit or an import is no burst
		if sub.Recent, err = s.recent(ctx, rec); err != nil {
			return moderation.Screening{}, err
		}
	}
	sub.LanguageConfidence, sub.SiteLanguages, sub.At = confidence, settings.Languages, s.now()
	sub.Regions, sub.ShopDomains = settings.Regions, settings.Domains
	result := s.Screener.Screen(ctx, sub)
	s.Screener.Observe(sub)
	return result, nil
}

func submissionOf(rec *ledger.Record) moderation.Submission {
	v := rec.Current
	return moderation.Submission{
		ID: rec.ID, Site: rec.Site, Kind: string(rec.Kind), Language: v.Language, Title: v.Title, Body: v.Body,
		Rating: v.Rating, SubjectType: string(rec.Subject.Type), Subject: rec.Subject.ID,
		AuthorID: rec.Author.ID,
	}
}

// enqueue brings the queue in step with a record.
func (s *Service) enqueue(rec *ledger.Record) {
	if !rec.Waits() {
		s.queue.Remove(rec.ID)
		return
	}
	_, waiting := s.queue.Get(rec.ID)
	s.queue.Put(queueItem(rec))
	if !waiting {
		s.tell(rec, "queued", "")
	}
}

func queueItem(rec *ledger.Record) moderation.Item {
	item := moderation.Item{
		ID: rec.ID, Site: rec.Site, Kind: string(rec.Kind), Language: rec.Current.Language,
		SubjectType: string(rec.Subject.Type), Subject: rec.Subject.ID, AuthorID: rec.Author.ID,
		Entered: rec.QueuedAt, Reporters: rec.Reports, Rev: rec.Rev,
	}
	item.Escalated = rec.Escalation != nil
	if sc := rec.Screening; sc != nil {
		item.Risk, item.Labels, item.Route, item.Cluster = sc.Risk, sc.Labels, sc.Route, sc.Cluster
		for _, sig := range sc.Signals {
			if !slices.Contains(item.Reasons, sig.Code) {
				item.Reasons = append(item.Reasons, sig.Code)
			}
		}
	}
	// The labels of a stored screening are shared; a queue has its own.
	item.Labels = slices.Clone(item.Labels)
	if rec.Appealed() {
		item.Labels = append(item.Labels, "appeal")
	}
	if rec.Escalation != nil {
		item.Labels = append(item.Labels, rec.Escalation.Kind)
	}
	return item
}

// loadQueue fills the queue from the ledger.
func (s *Service) loadQueue(ctx context.Context, progress func(n int)) error {
	n := 0
	for rec, err := range s.Ledger.Contents.Scan(ctx, ledger.Range{Index: ledger.ByWaiting}) {
		if err != nil {
			return fmt.Errorf("read what waits: %w", err)
		}
		s.enqueue(rec)
		if n++; progress != nil && n%1000 == 0 {
			progress(n)
		}
	}
	if progress != nil {
		progress(n)
	}
	return nil
}
