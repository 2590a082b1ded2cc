package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// Waiting is an item of the queue.
type Waiting struct {
	Content content.Private `json:"content"`
	// Risk is 0 to 1, as screened.
	Risk      float64   `json:"risk"`
	Signals   []string  `json:"signals"`
	Labels    []string  `json:"labels"`
	Cluster   string    `json:"cluster,omitempty"`
	Reporters int       `json:"reporters"`
	QueuedAt  time.Time `json:"queued_at"`
	Claim     *Claim    `json:"claim,omitempty"`
	// Passed says whether somebody passed it on, and how.
	Passed string `json:"passed,omitempty"`
	Appeal bool   `json:"appeal"`
}

// WaitingList is one page of the queue; Total counts all pages.
type WaitingList struct {
	Items []Waiting `json:"items"`
	Total int       `json:"total"`
	Next  Cursor    `json:"next"`
}

// Queue lists what waits for a decision, most urgent first: ErrSignIn,
// ErrForbidden, moderation.ErrCursor.
func (s *Service) Queue(ctx context.Context, who content.Actor, site string, f moderation.Filter, p Paging) (WaitingList, error) {
	out := WaitingList{Items: []Waiting{}}
	if err := moderates(who); err != nil {
		return out, err
	}
	if p.Limit == 0 {
		p.Limit = DefaultLimit
	}
	items, next, total, err := s.queue.List(site, f, p.Cursor, p.Limit)
	if err != nil {
		return out, fmt.Errorf("list queue: %w", err)
	}
	out.Total, out.Next = total, Cursor(next)
	for _, it := range items {
		rec, err := s.load(ctx, site, it.ID)
		if isGone(err) || err == nil && !rec.Waits() {
			continue // decided while the page was made
		}
		if err != nil {
			return out, err
		}
		w, err := s.waiting(ctx, rec, it)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, w)
	}
	return out, nil
}

func (s *Service) waiting(ctx context.Context, rec *ledger.Record, it moderation.Item) (Waiting, error) {
	p, err := s.private(ctx, rec, true)
	if err != nil {
		return Waiting{}, err
	}
	w := Waiting{
		Content: p, Risk: it.Risk, Signals: orEmpty(it.Reasons), Labels: orEmpty(it.Labels), Cluster: it.Cluster,
		Reporters: it.Reporters, QueuedAt: rec.QueuedAt, Appeal: rec.Appealed(),
	}
	if rec.Escalation != nil {
		w.Passed = rec.Escalation.Kind
	}
	w.Claim, err = s.claimView(ctx, rec.Site, rec.ID)
	return w, err
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// Case is everything a moderator needs to decide about one content.
type Case struct {
	Content content.Private `json:"content"`
	// Public is what strangers see now; absent when that is nothing.
	Public    *content.Public       `json:"public,omitempty"`
	Screening *moderation.Screening `json:"screening,omitempty"`
	Signals   []moderation.Signal   `json:"signals"`
	Actions   []moderation.Action   `json:"actions"`
	Reports   []content.Report      `json:"reports"`
	History   []ledger.Event        `json:"history"`
	Revisions []content.Version     `json:"-"`
	Notes     []ledger.Note         `json:"notes"`
	// Siblings are contents with nearly the same text, or of the same author.
	Siblings []Sibling `json:"siblings"`
	// AuthorHistory counts what the author wrote before.
	AuthorHistory moderation.AuthorHistory `json:"author_history"`
	Escalation    *ledger.Escalation       `json:"escalation,omitempty"`
	// Appeal is the last one about the text, MediaAppeals those about photos and
	// videos that are withheld.
	Appeal       *content.Appeal `json:"appeal,omitempty"`
	MediaAppeals []MediaAppeal   `json:"media_appeals,omitempty"`
	// Undo is until when the last decision can be undone by who took it.
	Undo      *time.Time       `json:"undo_until,omitempty"`
	UndoBy    string           `json:"-"`
	DecidedBy string           `json:"decided_by,omitempty"`
	Parent    *content.Private `json:"parent,omitempty"`
	// Thread is what it replies to, the first content of the thread first;
	// Replies are the first public replies to it.
	Thread   []content.Private `json:"thread"`
	Replies  []content.Private `json:"replies"`
	Product  *content.Product  `json:"product,omitempty"`
	Claim    *Claim            `json:"claim,omitempty"`
	QueuedAt *time.Time        `json:"queued_at,omitempty"`
}

// Case gathers one content for a moderator: ErrSignIn, ErrForbidden,
// ErrNotFound.
func (s *Service) Case(ctx context.Context, who content.Actor, site, id string) (*Case, error) {
	if err := moderates(who); err != nil {
		return nil, err
	}
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return nil, err
	}
	c := &Case{Signals: []moderation.Signal{}, Reports: []content.Report{}}
	if c.Content, err = s.private(ctx, rec, true); err != nil {
		return nil, err
	}
	if err := s.join(ctx, rec, false); err != nil {
		return nil, err
	}
	if pub, ok := rec.Public(c.Content.Votes, c.Content.Replies); ok {
		c.Public = &pub
	}
	if rec.Screening != nil {
		// Whoever decides must not be told what the machine would do: only so
		// does their decision measure it.
		blind := *rec.Screening
		blind.Proposed, blind.Blind = "", false
		c.Screening = &blind
		if blind.Signals != nil {
			c.Signals = blind.Signals
		}
	}
	if rec.State == content.Pending {
		c.QueuedAt = &rec.QueuedAt
	}
	c.Actions = moderation.Actions(moderation.State(rec.State), moderation.Facts{
		Published: rec.ApprovedRev > 0, SameAsApproved: rec.ApprovedRev == rec.Current.Rev,
	})
	if rec.Appealed() {
		c.Actions = append(c.Actions, actionUphold)
	}
	if c.Actions == nil {
		c.Actions = []moderation.Action{}
	}
	reports, err := s.reports(ctx, site, id)
	if err != nil {
		return nil, err
	}
	for _, r := range reports {
		c.Reports = append(c.Reports, r.Report)
	}
	return c, s.around(ctx, rec, c)
}

// around adds what surrounds a content: its past, its parent, its product.
func (s *Service) around(ctx context.Context, rec *ledger.Record, c *Case) error {
	var err error
	if c.History, err = s.history(ctx, rec); err != nil {
		return err
	}
	if c.Notes, err = s.notes(ctx, rec.Site, rec.ID); err != nil {
		return err
	}
	if c.Revisions, err = s.before(ctx, rec); err != nil {
		return err
	}
	if c.AuthorHistory, err = s.standing(ctx, rec.Site, rec.Author.ID); err != nil {
		return err
	}
	if c.Siblings, err = s.siblings(ctx, rec); err != nil {
		return err
	}
	c.Escalation, c.Appeal, c.MediaAppeals = rec.Escalation, rec.Appeal, mediaAppeals(rec)
	if d := rec.Decided; d != nil {
		c.DecidedBy = d.By
	}
	if u := rec.Undo; u != nil && u.Rev == rec.Rev && s.Now().Before(u.At.Add(undoTime)) {
		until := u.At.Add(undoTime)
		c.Undo, c.UndoBy = &until, u.By
	}
	if err := s.thread(ctx, rec, c); err != nil {
		return err
	}
	if rec.Subject.Type == content.ProductSubject {
		p, err := s.Product(ctx, rec.Site, rec.Subject.ID)
		if err == nil {
			c.Product = &p
		} else if !isGone(err) {
			return err
		}
	}
	c.Claim, err = s.claimView(ctx, rec.Site, rec.ID)
	return err
}

// history gives all events of a content, the ones not yet filed included.
func (s *Service) history(ctx context.Context, rec *ledger.Record) ([]ledger.Event, error) {
	filed, err := s.Ledger.Events.All(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID))
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	out := make([]ledger.Event, 0, len(filed)+len(rec.Events))
	known := make(map[string]bool, len(filed))
	for _, e := range filed {
		known[e.ID] = true
		out = append(out, *e)
	}
	for _, e := range rec.Events {
		if !known[e.ID] {
			out = append(out, e)
		}
	}
	return out, nil
}

// Audit lists what was decided and done on a site, latest first: ErrSignIn,
// ErrForbidden.
func (s *Service) Audit(ctx context.Context, who content.Actor, site string, p Paging) (List[ledger.Event], error) {
	if err := moderates(who); err != nil {
		return List[ledger.Event]{}, err
	}
	// What was just done is filed in the batch that searches wait for too.
	if err := s.settler.flush(ctx); err != nil {
		return List[ledger.Event]{}, err
	}
	r := ledger.Prefix(ledger.ByTime, site)
	r.Reverse = true
	return pageOf(ctx, s.Ledger.Events, r, p, func(e *ledger.Event) (ledger.Event, error) { return *e, nil })
}

// Stats are figures about the moderation of a site.
type Stats struct {
	Waiting int `json:"waiting"`
	// OldestSeconds is how long the oldest item has waited.
	OldestSeconds int64          `json:"oldest_seconds"`
	Kinds         map[string]int `json:"kinds"`
	Languages     map[string]int `json:"languages"`
	// Days is the span that Actions counts; decisions of people and machine.
	Days    int            `json:"days"`
	Actions map[string]int `json:"actions"`
}

// statsDays is the span of the figures, maxStats the most events looked at.
const (
	statsDays = 30
	maxStats  = 200_000
)

// Stats gives figures about the moderation of a site: ErrSignIn, ErrForbidden.
func (s *Service) Stats(ctx context.Context, who content.Actor, site string) (*Stats, error) {
	if err := moderates(who); err != nil {
		return nil, err
	}
	out := &Stats{Kinds: map[string]int{}, Languages: map[string]int{}, Actions: map[string]int{}, Days: statsDays}
	now := s.Now()
	oldest := now
	for cursor := ""; ; {
		items, next, _, err := s.queue.List(site, moderation.Filter{}, cursor, moderation.MaxListLimit)
		if err != nil {
			return nil, fmt.Errorf("stats: %w", err)
		}
		for _, it := range items {
			out.Waiting++
			out.Kinds[it.Kind]++
			out.Languages[it.Language]++
			if it.Entered.Before(oldest) {
				oldest = it.Entered
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	out.OldestSeconds = int64(now.Sub(oldest).Seconds())
	if err := s.settler.flush(ctx); err != nil {
		return nil, err
	}
	r := ledger.Prefix(ledger.ByTime, site)
	r.From = ledger.Key(site, ledger.Millis(now.AddDate(0, 0, -statsDays)))
	r.Limit = maxStats
	for e, err := range s.Ledger.Events.Scan(ctx, r) {
		if err != nil {
			return nil, fmt.Errorf("stats: %w", err)
		}
		out.Actions[e.Action]++
	}
	return out, nil
}
