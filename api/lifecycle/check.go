package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
)

// Problem is something that is not as it should be.
type Problem struct {
	Text string
	// Mended is whether it is as it should be now.
	Mended bool
}

// Check verifies every content against the rules that the verbs keep, its votes
// against their sum, its history, and what the indexes hold. found is told each
// problem, step is called after each content. With repair, what can be derived
// anew is.
func (s *Service) Check(ctx context.Context, repair bool, found func(Problem), step func()) (checked int, err error) {
	if err := s.settler.flush(ctx); err != nil {
		return 0, err
	}
	c := &checker{s: s, repair: repair, found: found, public: counts{}, desk: counts{}}
	for rec, err := range s.Ledger.Contents.Scan(ctx, ledger.Range{}) {
		if err != nil {
			return checked, fmt.Errorf("check: %w", err)
		}
		if err := c.one(ctx, rec); err != nil {
			return checked, fmt.Errorf("check %s: %w", rec.ID, err)
		}
		checked++
		step()
	}
	err = c.index(ctx, search.Public, s.Public, c.public, func(q *search.Query, kind string) { q.Kinds = []string{kind} })
	if err == nil {
		err = c.index(ctx, search.Desk, s.Desk, c.desk, func(q *search.Query, state string) { q.States = []string{state} })
	}
	if err != nil {
		return checked, fmt.Errorf("check: %w", err)
	}
	return checked, nil
}

// counts are how many contents an index should hold, by site and by what tells
// them apart there: the kind, or the state.
type counts map[string]map[string]uint64

func (c counts) add(site, of string) {
	if c[site] == nil {
		c[site] = map[string]uint64{}
	}
	c[site][of]++
}

// checker goes over everything once.
type checker struct {
	s            *Service
	repair       bool
	found        func(Problem)
	public, desk counts
}

func (c *checker) problem(format string, args ...any) {
	c.found(Problem{Text: fmt.Sprintf(format, args...)})
}

func (c *checker) mended(format string, args ...any) {
	c.found(Problem{Text: fmt.Sprintf(format, args...), Mended: true})
}

// rebuilder is an index that can be filled anew while it serves.
type rebuilder interface {
	Rebuild(ctx context.Context, docs iter.Seq2[search.Document, error], progress func(n int)) error
}

// index compares what an index holds with what it should.
func (c *checker) index(ctx context.Context, name search.Kind, x Index, want counts, narrow func(q *search.Query, of string)) error {
	var wrong []string
	for _, site := range slices.Sorted(maps.Keys(want)) {
		all := uint64(0)
		for _, n := range want[site] {
			all += n
		}
		lines, err := compare(ctx, x, search.Query{Site: site, Limit: 1}, all, fmt.Sprintf("site %s: the %s index holds", site, name))
		if err != nil {
			return err
		}
		wrong = append(wrong, lines...)
		for _, of := range slices.Sorted(maps.Keys(want[site])) {
			q := search.Query{Site: site, Limit: 1}
			narrow(&q, of)
			lines, err := compare(ctx, x, q, want[site][of], fmt.Sprintf("site %s: of %s the %s index holds", site, of, name))
			if err != nil {
				return err
			}
			wrong = append(wrong, lines...)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	r, can := x.(rebuilder)
	if !c.repair || !can {
		c.problem("%s; run candor reindex", strings.Join(wrong, "; "))
		return nil
	}
	docs := c.s.PublicDocuments(ctx)
	if name == search.Desk {
		docs = c.s.DeskDocuments(ctx)
	}
	if err := r.Rebuild(ctx, docs, nil); err != nil {
		return fmt.Errorf("build the %s index anew: %w", name, err)
	}
	c.mended("%s", strings.Join(wrong, "; "))
	return nil
}

func compare(ctx context.Context, x Index, q search.Query, want uint64, what string) (wrong []string, err error) {
	res, err := x.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	if res.Total == want {
		return nil, nil
	}
	return []string{fmt.Sprintf("%s %d contents, the ledger %d", what, res.Total, want)}, nil
}

// one verifies one content.
func (c *checker) one(ctx context.Context, rec *ledger.Record) error {
	if !rec.State.Valid() || !rec.Kind.Valid() {
		c.problem("%s: unknown state %q or kind %q", rec.ID, rec.State, rec.Kind)
		return nil
	}
	// A reply below what is not public is not public either.
	public := *rec
	if err := c.s.below(ctx, &public); err != nil {
		return err
	}
	if public.Shown {
		c.public.add(rec.Site, string(rec.Kind))
	} else if _, ok := c.public[rec.Site]; !ok {
		c.public[rec.Site] = map[string]uint64{}
	}
	if rec.State != content.Erased {
		c.desk.add(rec.Site, string(rec.State))
	}
	if _, ok := rec.LastApproved(); rec.Shown != moderation.Shows(moderation.State(rec.State), rec.ApprovedRev > 0) || rec.Shown && !ok {
		c.problem("%s: is %s with approved revision %d, but shown is %t", rec.ID, rec.State, rec.ApprovedRev, rec.Shown)
	}
	if rec.Unsettled() {
		if !c.repair {
			c.problem("%s: owes effects", rec.ID)
		} else if err := c.s.settleRecords(ctx, []*ledger.Record{rec}, nil); err != nil {
			return err
		} else {
			c.mended("%s: owes effects", rec.ID)
		}
	}
	if err := c.votes(ctx, rec); err != nil {
		return err
	}
	return c.history(ctx, rec)
}

// history compares the changes on record with the revision. A settled record
// still holds its last changes, from which the others can be filed again.
func (c *checker) history(ctx context.Context, rec *ledger.Record) error {
	count := func() (int64, error) {
		n, err := c.s.Ledger.Events.Count(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID))
		return int64(n), err
	}
	n, err := count()
	if err != nil || n == rec.Rev || rec.Unsettled() {
		return err
	}
	text := fmt.Sprintf("%s: is at revision %d, but %d changes are on record", rec.ID, rec.Rev, n)
	if c.repair && n < rec.Rev {
		events := make([]*ledger.Event, len(rec.Events))
		for i, e := range rec.Events {
			e.Previous = nil
			events[i] = &e
		}
		if _, err := c.s.Ledger.Events.InsertMissing(ctx, events); err != nil {
			return err
		}
		if n, err = count(); err != nil {
			return err
		}
	}
	c.found(Problem{Text: text, Mended: n == rec.Rev})
	return nil
}

// votes compares the votes for a content with their sum.
func (c *checker) votes(ctx context.Context, rec *ledger.Record) error {
	votes := c.s.Ledger.Votes
	up, err := votes.Count(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID, "+"))
	if err != nil {
		return err
	}
	down, err := votes.Count(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID, "-"))
	if err != nil {
		return err
	}
	tally, err := c.s.Ledger.Tallies.Get(ctx, rec.ID)
	if errors.Is(err, ledger.ErrNotFound) {
		tally, err = new(ledger.Tally), nil
	}
	if err != nil {
		return err
	}
	want := content.Votes{Helpful: tally.Base.Helpful + up, Unhelpful: tally.Base.Unhelpful + down}
	if tally.Votes == want {
		return nil
	}
	text := fmt.Sprintf("%s: the votes are noted as %d helpful and %d not, but are %d and %d", rec.ID,
		tally.Votes.Helpful, tally.Votes.Unhelpful, want.Helpful, want.Unhelpful)
	if !c.repair {
		c.problem("%s", text)
		return nil
	}
	if _, err := c.s.recount(ctx, rec); err != nil {
		return err
	}
	c.s.settle(ctx, rec.Site, rec.Subject, rec.ID)
	c.mended("%s", text)
	return nil
}
