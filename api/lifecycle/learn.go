package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/classify"
	"github.com/candor-ugc/candor/moderation/rules"
)

const (
	// learnEvery is how often the text models take in new decisions.
	learnEvery = 30 * time.Second
	// learnLease is how long one node may train a site's model alone.
	learnLease = 5 * time.Minute
	// learnBatch bounds the events looked at in one go.
	learnBatch = 5_000
)

// learning trains each site's text model on what its moderators decided.
func (s *Service) learning(ctx context.Context) {
	if s.Models == nil || s.Sites == nil {
		return
	}
	tick := time.NewTicker(learnEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		names, err := s.Sites()
		if err != nil {
			s.Log.Error("learning failed", "err", err)
			continue
		}
		for _, site := range names {
			if err := s.Learn(ctx, site); err != nil && ctx.Err() == nil {
				s.Log.Error("learning failed", "site", site, "err", err)
			}
		}
	}
}

// Learn takes the decisions of people into a site's text model, once each and
// in order. A decision counts when it can no longer be undone; decisions of the
// machine never do. Model and place in the history are saved as one document.
func (s *Service) Learn(ctx context.Context, site string) error {
	mine, err := s.lease(ctx, ledger.Key("learn", site), s.Node, learnLease)
	if err != nil || !mine {
		return err
	}
	saved, err := s.Ledger.Models.Get(ctx, site)
	if errors.Is(err, ledger.ErrNotFound) {
		saved, err = &ledger.Model{Site: site}, nil
	}
	if err != nil {
		return fmt.Errorf("read model: %w", err)
	}
	from := saved.Rev
	if from > 0 {
		if err := s.Models.Load(site, saved.Data); err != nil {
			return err
		}
	}
	r := ledger.Prefix(ledger.ByTime, site)
	if !saved.To.IsZero() {
		r.From = ledger.Key(site, ledger.Millis(saved.To.Add(time.Millisecond)))
	}
	r.To = ledger.Key(site, ledger.Millis(s.Now().Add(-undoTime)))
	r.Limit = learnBatch
	learned := 0
	var to time.Time
	for e, err := range s.Ledger.Events.Scan(ctx, r) {
		if err != nil {
			return fmt.Errorf("read decisions: %w", err)
		}
		to = e.At
		ok, err := s.learnFrom(ctx, e)
		if err != nil {
			return err
		}
		if ok {
			learned++
		}
	}
	if learned == 0 {
		return nil
	}
	data, _ := s.Models.Save(site)
	next := &ledger.Model{Site: site, Data: data, To: to, Rev: from + 1}
	if err := putAt(ctx, s.Ledger.Models, next, from); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	s.learned.forget(site)
	s.Log.Info("learned from decisions", "site", site, "decisions", learned)
	return nil
}

// learnFrom takes one decision in, where it still stands.
func (s *Service) learnFrom(ctx context.Context, e *ledger.Event) (bool, error) {
	if !judges(e) {
		return false, nil
	}
	rec, err := s.load(ctx, e.Site, e.Content)
	if isGone(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	text, ok, err := s.version(ctx, rec, e.Version)
	if err != nil || !ok || rec.Decided == nil || rec.State == content.Erased {
		return false, err
	}
	if undone, err := s.wasUndone(ctx, e); err != nil || undone {
		return false, err
	}
	var hints []string
	if rec.Screening != nil {
		hints = rec.Screening.Hints
	}
	example, err := classify.Decided(
		classify.Decider{Moderator: e.Actor, Automatic: e.Automatic}, moderation.LearningText(text.Title, text.Body), e.Language,
		e.Action != string(moderation.ActionApprove), hints...,
	)
	if err != nil {
		return false, fmt.Errorf("learn from %s: %w", e.ID, err)
	}
	return true, s.Models.Learn(e.Site, example)
}

func (s *Service) wasUndone(ctx context.Context, e *ledger.Event) (bool, error) {
	next, err := s.Ledger.Events.Get(ctx, fmt.Sprintf("%s/%d", e.Content, e.Rev+1))
	if errors.Is(err, ledger.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("learn from %s: %w", e.ID, err)
	}
	return next.Action == string(actionUndo), nil
}

// version finds what a content said at a revision, and whether that is kept.
func (s *Service) version(ctx context.Context, rec *ledger.Record, rev int64) (content.Version, bool, error) {
	if rec.Current.Rev == rev {
		return rec.Current, true, nil
	}
	if rec.ApprovedVersion != nil && rec.ApprovedVersion.Rev == rev {
		return *rec.ApprovedVersion, true, nil
	}
	old, err := s.Ledger.Revisions.Get(ctx, fmt.Sprintf("%s/%d", rec.ID, rev))
	if errors.Is(err, ledger.ErrNotFound) {
		return content.Version{}, false, nil
	}
	if err != nil {
		return content.Version{}, false, fmt.Errorf("read revision: %w", err)
	}
	return old.Version, true, nil
}

// backtestTime bounds how long a backtest may take.
const backtestTime = 20 * time.Second

// maxBacktest bounds the decisions a backtest replays; the latest ones.
const maxBacktest = 20_000

// Backtest replays a rule over past decisions of people, without changing
// anything: ErrSignIn, ErrForbidden, rules.CompileError.
func (s *Service) Backtest(ctx context.Context, who content.Actor, site string, rule rules.Rule) (*rules.Report, error) {
	if err := moderates(who); err != nil {
		return nil, err
	}
	if err := rules.Check(rule); err != nil {
		return nil, err
	}
	// One at a time, and not for long: shoppers come first.
	if !s.backtesting.TryLock() {
		return nil, ErrBusy
	}
	defer s.backtesting.Unlock()
	ctx, cancel := context.WithTimeout(ctx, backtestTime)
	defer cancel()
	if err := s.settler.flush(ctx); err != nil {
		return nil, err
	}
	return rules.Backtest(ctx, rule, s.pastDecisions(ctx, site))
}

func (s *Service) pastDecisions(ctx context.Context, site string) iter.Seq2[rules.Past, error] {
	r := ledger.Prefix(ledger.ByTime, site)
	r.Reverse, r.Limit = true, maxBacktest
	return func(yield func(rules.Past, error) bool) {
		for e, err := range s.Ledger.Events.Scan(ctx, r) {
			if err != nil {
				yield(rules.Past{}, err)
				return
			}
			if !judges(e) {
				continue
			}
			past, ok, err := s.past(ctx, e)
			if err == nil && !ok {
				continue
			}
			if !yield(past, err) || err != nil {
				return
			}
		}
	}
}

func (s *Service) past(ctx context.Context, e *ledger.Event) (rules.Past, bool, error) {
	rec, err := s.load(ctx, e.Site, e.Content)
	if isGone(err) {
		return rules.Past{}, false, nil
	}
	if err != nil {
		return rules.Past{}, false, err
	}
	text, ok, err := s.version(ctx, rec, e.Version)
	if err != nil || !ok {
		return rules.Past{}, false, err
	}
	if rec.Screening == nil || rec.Current.Rev != e.Version {
		return rules.Past{}, false, nil // what was found in that text is not kept
	}
	env := rec.Screening.Env
	env.Title, env.Body = text.Title, text.Body
	return rules.Past{
		ID: e.Content, Env: env, Rejected: e.Action != string(moderation.ActionApprove), Published: rec.Shown, At: e.At,
	}, true, nil
}
