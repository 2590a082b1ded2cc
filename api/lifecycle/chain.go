package lifecycle

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation/audit"
)

// chain appends events to their sites' audit chains, each once: an event that
// is in the chain already is left out. The number of a link is part of its id,
// so of two nodes that append at once one has to look again.
func (s *Service) chain(ctx context.Context, events []*ledger.Event) error {
	bySite := map[string][]*ledger.Event{}
	for _, e := range events {
		bySite[e.Site] = append(bySite[e.Site], e)
	}
	s.chaining.Lock()
	defer s.chaining.Unlock()
	for site, list := range bySite {
		for attempt := 0; len(list) > 0; attempt++ {
			if attempt == maxChainAttempts {
				return fmt.Errorf("append to the audit of %s: %w", site, ErrConflict)
			}
			var err error
			if list, err = s.append(ctx, site, list); err != nil {
				return fmt.Errorf("append to the audit of %s: %w", site, err)
			}
		}
	}
	return nil
}

// maxChainAttempts bounds how often an append is beaten by other nodes.
const maxChainAttempts = 100

// append adds what is not in the chain yet, and gives back what another node's
// append kept out.
func (s *Service) append(ctx context.Context, site string, events []*ledger.Event) ([]*ledger.Event, error) {
	head, err := s.chainHead(ctx, site)
	if err != nil {
		return nil, err
	}
	var links []*ledger.Audit
	var fresh []*ledger.Event
	for _, e := range events {
		n, err := s.Ledger.Audit.Count(ctx, ledger.Prefix(ledger.ByContent, site, e.ID))
		if err != nil {
			return nil, err
		}
		if n > 0 {
			continue
		}
		if head, err = audit.Seal(head, s.auditRecord(e)); err != nil {
			return nil, err
		}
		links, fresh = append(links, &ledger.Audit{Record: head, Event: e.ID}), append(fresh, e)
	}
	if len(links) == 0 {
		return nil, nil
	}
	if s.Ledger.Shared() {
		// Links must be added one after the other: a gap would break the chain.
		for i, l := range links {
			added, err := s.Ledger.Audit.InsertMissing(ctx, []*ledger.Audit{l})
			if err != nil {
				return nil, err
			}
			if !added[0] {
				return fresh[i:], nil
			}
		}
		return nil, nil
	}
	added, err := s.Ledger.Audit.InsertMissing(ctx, links)
	if err != nil {
		return nil, err
	}
	for i, ok := range added {
		if !ok {
			return fresh[i:], nil
		}
	}
	return nil, nil
}

// chainHead gives the last link of a site's chain, the zero record for none.
func (s *Service) chainHead(ctx context.Context, site string) (audit.Record, error) {
	r := ledger.Prefix(ledger.BySite, site)
	r.Reverse, r.Limit = true, 1
	last, err := s.Ledger.Audit.All(ctx, r)
	if err != nil || len(last) == 0 {
		return audit.Record{}, err
	}
	return last[0].Record, nil
}

// auditRecord turns an event into a link: ids, codes and digests alone.
func (s *Service) auditRecord(e *ledger.Event) audit.Record {
	return audit.Record{
		Site: e.Site, At: e.At, Actor: s.auditActor(e), Role: string(e.Role), Content: e.Content, Kind: string(e.Kind),
		Action: e.Action, From: string(e.From), To: string(e.To), Rev: e.Rev, Before: e.Before, After: e.TextHash,
		Rating: e.Rating, Language: e.Language, Reasons: e.Reasons, Media: e.Media, Rules: codes(e.Rules), Versions: e.Versions,
		Automatic: e.Automatic,
	}
}

// auditActor names who acted in a way a link can hold: ids with blanks or other
// than ASCII letters stand as their pseudonym.
func (s *Service) auditActor(e *ledger.Event) string {
	for _, r := range e.Actor {
		if r <= ' ' || r > '~' {
			return s.Handle(e.Site, e.Actor)
		}
	}
	return e.Actor
}

// codes makes names of rules into codes.
func codes(list []string) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = strings.ReplaceAll(c, " ", "_")
	}
	return out
}

// AuditTrail gives the audit chain of a site in order: ErrSignIn, ErrForbidden.
func (s *Service) AuditTrail(ctx context.Context, who content.Actor, site string) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		if err := moderates(who); err != nil {
			yield(audit.Record{}, err)
			return
		}
		if err := s.settler.flush(ctx); err != nil {
			yield(audit.Record{}, err)
			return
		}
		s.trail(ctx, site)(yield)
	}
}

func (s *Service) trail(ctx context.Context, site string) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for l, err := range s.Ledger.Audit.Scan(ctx, ledger.Prefix(ledger.BySite, site)) {
			if err != nil {
				yield(audit.Record{}, err)
				return
			}
			if !yield(l.Record, nil) {
				return
			}
		}
	}
}

// ExportAudit writes the audit chain of a site as csv or jsonl.
func (s *Service) ExportAudit(ctx context.Context, who content.Actor, site, format string, w io.Writer) error {
	if format == "csv" {
		return audit.WriteCSV(w, s.AuditTrail(ctx, who, site))
	}
	return audit.WriteJSONLines(w, s.AuditTrail(ctx, who, site))
}

// CheckAudit verifies a site's chain, and that every event is in it. A broken
// chain is an audit.BrokenError that names the first record.
func (s *Service) CheckAudit(ctx context.Context, site string) (links int64, err error) {
	if err := s.settler.flush(ctx); err != nil {
		return 0, err
	}
	head, err := audit.Verify(s.trail(ctx, site), audit.Head{})
	if err != nil {
		return head.Seq, fmt.Errorf("check audit of %s: %w", site, err)
	}
	for e, err := range s.Ledger.Events.Scan(ctx, ledger.Prefix(ledger.ByTime, site)) {
		if err != nil {
			return head.Seq, fmt.Errorf("check audit of %s: %w", site, err)
		}
		n, err := s.Ledger.Audit.Count(ctx, ledger.Prefix(ledger.ByContent, site, e.ID))
		if err != nil {
			return head.Seq, fmt.Errorf("check audit of %s: %w", site, err)
		}
		if n != 1 {
			return head.Seq, fmt.Errorf("check audit of %s: %w", site, &audit.BrokenError{
				Seq: head.Seq + 1, Content: e.Content, Reason: fmt.Sprintf("change %d of the content is in the chain %d times", e.Rev, n),
			})
		}
	}
	return head.Seq, nil
}
