package lifecycle

import (
	"context"
	"fmt"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
)

// Check verifies every content against the rules that the verbs keep, its votes
// against their sum, its history, and its presence in the indexes. found is
// told each problem, step is called after each content. With repair, what can be
// derived anew is.
func (s *Service) Check(ctx context.Context, repair bool, found func(problem string), step func()) (checked int, err error) {
	if err := s.settler.flush(ctx); err != nil {
		return 0, err
	}
	shown := map[string]uint64{}
	all := map[string]uint64{}
	for rec, err := range s.Ledger.Contents.Scan(ctx, ledger.Range{}) {
		if err != nil {
			return checked, fmt.Errorf("check: %w", err)
		}
		if err := s.checkOne(ctx, rec, repair, found); err != nil {
			return checked, err
		}
		checked++
		if rec.Shown {
			shown[rec.Site]++
		}
		if rec.State != content.Erased {
			all[rec.Site]++
		}
		step()
	}
	for site, want := range all {
		if err := s.checkIndex(ctx, "public", s.Public, site, shown[site], found); err != nil {
			return checked, err
		}
		if err := s.checkIndex(ctx, "desk", s.Desk, site, want, found); err != nil {
			return checked, err
		}
	}
	return checked, nil
}

func (s *Service) checkIndex(ctx context.Context, name string, x Index, site string, want uint64, found func(string)) error {
	res, err := x.Search(ctx, search.Query{Site: site, Limit: 1})
	if err != nil {
		return fmt.Errorf("check %s index: %w", name, err)
	}
	if res.Total != want {
		found(fmt.Sprintf("site %s: the %s index holds %d contents, the ledger %d; run candor reindex", site, name, res.Total, want))
	}
	return nil
}

func (s *Service) checkOne(ctx context.Context, rec *ledger.Record, repair bool, found func(string)) error {
	if !rec.State.Valid() || !rec.Kind.Valid() {
		found(fmt.Sprintf("%s: unknown state %q or kind %q", rec.ID, rec.State, rec.Kind))
		return nil
	}
	if _, ok := rec.LastApproved(); rec.Shown != moderation.Shows(moderation.State(rec.State), rec.ApprovedRev > 0) || rec.Shown && !ok {
		found(fmt.Sprintf("%s: is %s with approved revision %d, but shown is %t", rec.ID, rec.State, rec.ApprovedRev, rec.Shown))
	}
	if rec.Unsettled() {
		found(rec.ID + ": owes effects")
		if repair {
			if err := s.settleRecords(ctx, []*ledger.Record{rec}, nil); err != nil {
				return fmt.Errorf("repair %s: %w", rec.ID, err)
			}
		}
	}
	if err := s.checkVotes(ctx, rec, repair, found); err != nil {
		return err
	}
	events, err := s.Ledger.Events.Count(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID))
	if err != nil {
		return fmt.Errorf("check %s: %w", rec.ID, err)
	}
	if int64(events) != rec.Rev && !rec.Unsettled() {
		found(fmt.Sprintf("%s: is at revision %d, but %d changes are on record", rec.ID, rec.Rev, events))
	}
	return nil
}

func (s *Service) checkVotes(ctx context.Context, rec *ledger.Record, repair bool, found func(string)) error {
	up, err := s.Ledger.Votes.Count(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID, "+"))
	if err != nil {
		return fmt.Errorf("check %s: %w", rec.ID, err)
	}
	down, err := s.Ledger.Votes.Count(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID, "-"))
	if err != nil {
		return fmt.Errorf("check %s: %w", rec.ID, err)
	}
	tally, err := s.Ledger.Tallies.Get(ctx, rec.ID)
	if err != nil {
		if tally = new(ledger.Tally); up+down == 0 {
			return nil
		}
	}
	want := content.Votes{Helpful: tally.Base.Helpful + up, Unhelpful: tally.Base.Unhelpful + down}
	if tally.Votes == want {
		return nil
	}
	found(fmt.Sprintf("%s: %+v votes are noted, %+v are there", rec.ID, tally.Votes, want))
	if !repair {
		return nil
	}
	_, err = s.recount(ctx, rec)
	return err
}
