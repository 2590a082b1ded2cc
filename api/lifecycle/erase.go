package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// erasedAuthor stands where a person's name stood.
var erasedAuthor = content.Author{}

// Erase removes everything that a person wrote, voted and reported on a site:
// texts, earlier revisions, photos and videos, index entries and what was kept
// for replays. Ids,
// times and the audit stay, without words or name. It may be repeated until it
// succeeds; the receipt counts what this call removed. Errors: ErrSignIn.
func (s *Service) Erase(ctx context.Context, who content.Actor, site string) (*ledger.Receipt, error) {
	if !who.May(content.Shopper) {
		return nil, ErrSignIn
	}
	receipt := &ledger.Receipt{ID: s.NewID(), Site: site, Rev: 1}
	var err error
	if receipt.Votes, err = s.eraseVotes(ctx, who, site); err != nil {
		return nil, fmt.Errorf("erase votes: %w", err)
	}
	if receipt.Reports, err = s.eraseReports(ctx, who, site); err != nil {
		return nil, fmt.Errorf("erase reports: %w", err)
	}
	for rec, err := range s.Ledger.Contents.Scan(ctx, ledger.Prefix(ledger.ByAuthor, site, who.ID)) {
		if err != nil {
			return nil, fmt.Errorf("erase contents: %w", err)
		}
		if err := s.eraseContent(ctx, who, site, rec.ID); err != nil {
			return nil, fmt.Errorf("erase content: %w", err)
		}
		receipt.Contents++
	}
	// After the contents: none may name a file that is gone.
	if err := s.eraseMedia(ctx, who, site, receipt); err != nil {
		return nil, fmt.Errorf("erase media: %w", err)
	}
	if err := s.eraseReplays(ctx, who, site); err != nil {
		return nil, fmt.Errorf("erase replays: %w", err)
	}
	// Index entries are gone before the receipt says so.
	if err := s.settler.flush(ctx); err != nil {
		return nil, err
	}
	receipt.At = s.now()
	if err := s.Ledger.Receipts.Insert(ctx, receipt); err != nil {
		return nil, fmt.Errorf("erase: %w", err)
	}
	return receipt, nil
}

func (s *Service) eraseVotes(ctx context.Context, who content.Actor, site string) (int, error) {
	n := 0
	for vote, err := range s.Ledger.Votes.Scan(ctx, ledger.Prefix(ledger.ByAuthor, site, who.ID)) {
		if err != nil {
			return n, err
		}
		if err := s.eraseVote(ctx, vote); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// eraseVote takes a vote back before it is removed: while the sum may still
// count it, the vote is there to say that it owes.
func (s *Service) eraseVote(ctx context.Context, vote *ledger.Vote) error {
	key := ledger.Key(vote.Site, vote.Content, vote.Voter)
	rec, err := s.load(ctx, vote.Site, vote.Content)
	if isGone(err) {
		return s.Ledger.Votes.Delete(ctx, key)
	}
	if err != nil {
		return err
	}
	back, err := s.Ledger.Votes.Modify(ctx, key, func(v *ledger.Vote, _ bool) error {
		*v = ledger.Vote{
			Site: vote.Site, Content: vote.Content, Voter: vote.Voter, At: s.now(), Rev: v.Rev + 1, Owes: true,
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := s.settleVote(ctx, rec, back); err != nil {
		return err
	}
	return s.Ledger.Votes.Delete(ctx, key)
}

func (s *Service) eraseReports(ctx context.Context, who content.Actor, site string) (int, error) {
	list, err := s.Ledger.Reports.All(ctx, ledger.Prefix(ledger.ByAuthor, site, who.ID))
	if err != nil || len(list) == 0 {
		return 0, err
	}
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = ledger.Key(r.Site, r.Content, r.Reporter)
	}
	return len(ids), s.Ledger.Reports.Delete(ctx, ids...)
}

func (s *Service) eraseReplays(ctx context.Context, who content.Actor, site string) error {
	r := ledger.Prefix("", site, who.ID)
	for replay, err := range s.Ledger.Replays.Scan(ctx, r) {
		if err != nil {
			return err
		}
		if err := s.Ledger.Replays.Delete(ctx, replay.Key); err != nil {
			return err
		}
	}
	return nil
}

// eraseContent empties a content and removes its earlier versions. The record
// is emptied first: from then on nothing can bring a version back.
func (s *Service) eraseContent(ctx context.Context, who content.Actor, site, id string) error {
	var rec *ledger.Record
	for attempt := 0; ; attempt++ {
		var err error
		if rec, err = s.load(ctx, site, id); err != nil {
			return err
		}
		from, slot := rec.Rev, rec.Slot
		ch := change{action: moderation.ActionErase, actor: rec.Author.Handle, role: who.Role, at: s.now()}
		if err := apply(rec, ch); err != nil {
			return err
		}
		empty(rec)
		err = s.commit(ctx, rec, from)
		if errors.Is(err, ErrConflict) && attempt < 10 {
			continue
		}
		if err != nil {
			return err
		}
		if slot != "" {
			if err := s.Ledger.Slots.Delete(ctx, slot); err != nil {
				return err
			}
		}
		break
	}
	if f, ok := s.Screener.(forgetter); ok {
		f.Forget(site, id)
	}
	if err := s.settler.flush(ctx); err != nil {
		return err
	}
	return s.eraseHistory(ctx, rec)
}

// forgetter is a screener that remembers texts, to know copies of them.
type forgetter interface{ Forget(site, id string) }

// empty takes words and person out of a record.
func empty(rec *ledger.Record) {
	rec.Author = erasedAuthor
	rec.Current = content.Version{Rev: rec.Current.Rev, At: rec.Current.At}
	rec.ApprovedVersion, rec.ApprovedRev = nil, 0
	rec.Note, rec.Reasons, rec.Screening, rec.Slot = "", nil, nil, ""
	rec.Undo, rec.Appeal, rec.Escalation, rec.Salt = nil, nil, nil, ""
	rec.Shown, rec.Withheld = false, nil
	for i := range rec.Events {
		rec.Events[i].Previous, rec.Events[i].Note = nil, ""
	}
}

func (s *Service) eraseHistory(ctx context.Context, rec *ledger.Record) error {
	r := ledger.Prefix(ledger.ByContent, rec.Site, rec.ID)
	for old, err := range s.Ledger.Revisions.Scan(ctx, r) {
		if err != nil {
			return err
		}
		if err := s.Ledger.Revisions.Delete(ctx, old.ID); err != nil {
			return err
		}
	}
	for n, err := range s.Ledger.Notes.Scan(ctx, r) {
		if err != nil {
			return err
		}
		if err := s.Ledger.Notes.Delete(ctx, n.ID); err != nil {
			return err
		}
	}
	for e, err := range s.Ledger.Events.Scan(ctx, r) {
		if err != nil {
			return err
		}
		if e.Note == "" {
			continue
		}
		e.Note = ""
		if err := s.Ledger.Events.Replace(ctx, e, e.Rev); err != nil {
			return err
		}
	}
	return nil
}
