package lifecycle

import (
	"context"
	"fmt"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// maxStanding bounds how many contents of an author are counted in each state:
// beyond it, more make no difference to any judgement.
const maxStanding = 1000

// standing counts what somebody wrote on a site; removed counts as rejected.
func (s *Service) standing(ctx context.Context, site, author string) (moderation.AuthorHistory, error) {
	var h moderation.AuthorHistory
	if author == "" {
		return h, nil
	}
	for state, n := range map[content.State]*int{
		content.Approved: &h.Approved, content.Rejected: &h.Rejected, content.Removed: &h.Rejected, content.Pending: &h.Pending,
	} {
		r := ledger.Prefix(ledger.ByStanding, site, author, string(state))
		r.Limit = maxStanding
		count, err := s.Ledger.Contents.Count(ctx, r)
		if err != nil {
			return h, fmt.Errorf("count what an author wrote: %w", err)
		}
		*n += count
	}
	if h.Approved+h.Rejected+h.Pending == 0 {
		return h, nil
	}
	r := ledger.Prefix(ledger.ByAuthor, site, author)
	r.Limit = 1
	first, err := s.Ledger.Contents.All(ctx, r)
	if err != nil {
		return h, fmt.Errorf("read an author's first content: %w", err)
	}
	if len(first) > 0 {
		h.FirstSeen = first[0].CreatedAt
	}
	return h, nil
}

// Sibling is a content that belongs beside another in a moderator's eyes.
type Sibling struct {
	ID    string        `json:"id"`
	Kind  content.Kind  `json:"kind"`
	State content.State `json:"state"`
	Title string        `json:"title,omitempty"`
	Body  string        `json:"body"`
	Rev   int64         `json:"rev"`
	// Why is same_text or same_author.
	Why string `json:"why"`
}

const maxSiblings = 10

// siblings finds contents that wait with nearly the same text, and the latest of
// the same author.
func (s *Service) siblings(ctx context.Context, rec *ledger.Record) ([]Sibling, error) {
	out := []Sibling{}
	seen := map[string]bool{rec.ID: true}
	add := func(other *ledger.Record, why string) {
		if seen[other.ID] || other.State == content.Erased {
			return
		}
		seen[other.ID] = true
		out = append(out, Sibling{
			ID: other.ID, Kind: other.Kind, State: other.State, Title: other.Current.Title, Body: other.Current.Body,
			Rev: other.Rev, Why: why,
		})
	}
	if rec.Screening != nil && rec.Screening.Cluster != "" {
		f := moderation.Filter{Cluster: rec.Screening.Cluster}
		items, _, _, err := s.queue.List(rec.Site, f, "", maxSiblings+1)
		if err != nil {
			return nil, fmt.Errorf("find siblings: %w", err)
		}
		for _, it := range items {
			other, err := s.load(ctx, rec.Site, it.ID)
			if isGone(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			add(other, "same_text")
		}
	}
	if rec.Author.ID == "" {
		return out, nil
	}
	r := ledger.Prefix(ledger.ByAuthor, rec.Site, rec.Author.ID)
	r.Limit, r.Reverse = maxSiblings+1, true
	others, err := s.Ledger.Contents.All(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("find siblings: %w", err)
	}
	for _, other := range others {
		add(other, "same_author")
	}
	return out[:min(len(out), 2*maxSiblings)], nil
}

// Person is an author in a moderator's eyes.
type Person struct {
	ID       string                   `json:"id"`
	Name     string                   `json:"name"`
	Handle   string                   `json:"handle"`
	History  moderation.AuthorHistory `json:"history"`
	Contents List[content.Private]    `json:"contents"`
}

// Author shows what somebody wrote, in any state, latest first: ErrSignIn,
// ErrForbidden, ErrNotFound for somebody who wrote nothing.
func (s *Service) Author(ctx context.Context, who content.Actor, site, author string, p Paging) (*Person, error) {
	if err := moderates(who); err != nil {
		return nil, err
	}
	out := &Person{ID: author, Handle: s.Handle(site, author)}
	var err error
	if out.History, err = s.standing(ctx, site, author); err != nil {
		return nil, err
	}
	r := ledger.Prefix(ledger.ByAuthor, site, author)
	r.Reverse = true
	out.Contents, err = pageOf(ctx, s.Ledger.Contents, r, p, func(rec *ledger.Record) (content.Private, error) {
		out.Name = rec.Author.Name
		return s.private(ctx, rec, true)
	})
	if err != nil {
		return nil, err
	}
	if author == "" || p.Cursor == "" && len(out.Contents.Items) == 0 {
		return nil, ErrNotFound
	}
	return out, nil
}
