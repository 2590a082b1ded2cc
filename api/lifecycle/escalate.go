package lifecycle

import (
	"context"
	"fmt"
	"strings"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// Ways to pass a content on.
const (
	// Escalated contents are for administrators to decide.
	Escalated = "escalation"
	// SecondOpinion contents are for any moderator but the one who asked.
	SecondOpinion = "second_opinion"
)

// PassOn hands a waiting content to somebody else: to an administrator, or for
// a second opinion. It goes to the head of the queue. Errors: ErrSignIn,
// ErrForbidden, ErrNotFound, ErrOwn, ErrConflict, ErrClaimed, ErrSomebodyElse,
// content.Invalid, moderation.ErrTransition for what does not wait.
func (s *Service) PassOn(ctx context.Context, who content.Actor, site, id, kind, words string, rev int64) (content.Private, error) {
	if err := moderates(who); err != nil {
		return content.Private{}, err
	}
	var e content.Invalid
	if kind != Escalated && kind != SecondOpinion {
		e.Add("kind", "invalid", "must be %s or %s", Escalated, SecondOpinion)
	}
	e.Text("note", words, 0, content.MaxNote)
	if err := e.Err(); err != nil {
		return content.Private{}, err
	}
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return content.Private{}, err
	}
	switch {
	case rec.Author.ID == who.ID:
		return content.Private{}, ErrOwn
	case rec.Rev != rev:
		return content.Private{}, conflictOf(rec)
	case onlyOwnCause(rec, who.ID):
		return content.Private{}, ErrSomebodyElse
	}
	if kind == Escalated && rec.State != content.Pending && againstAdministrator(rec) {
		e.Add("kind", "invalid", "the appeal is against an administrator: any other moderator may decide")
		return content.Private{}, e
	}
	if err := s.unclaimed(ctx, who, rec); err != nil {
		return content.Private{}, err
	}
	// What was passed on stays passed on: a second opinion may become an
	// escalation, nothing else may take the place of either.
	if e := rec.Escalation; e != nil && (e.Kind == Escalated || kind == SecondOpinion) {
		return content.Private{}, &moderation.TransitionError{From: moderation.State(rec.State), Action: moderation.Action(kind)}
	}
	if !rec.Waits() {
		return content.Private{}, &moderation.TransitionError{From: moderation.State(rec.State), Action: moderation.Action(kind)}
	}
	at := s.now()
	note(rec, kind, who, words, at)
	rec.Escalation = &ledger.Escalation{Kind: kind, By: who.ID, Note: words, At: at}
	if err := s.commit(ctx, rec, rev); err != nil {
		return content.Private{}, err
	}
	if err := s.release(ctx, who, site, id); err != nil {
		s.Log.Warn("claim not released", "content", id, "err", err)
	}
	s.tell(rec, "changed", who.ID)
	return s.private(ctx, rec, true)
}

// maxNotes bounds the notes on one content.
const maxNotes = 200

// AddNote keeps a note to other moderators: ErrSignIn, ErrForbidden,
// ErrNotFound, content.Invalid.
func (s *Service) AddNote(ctx context.Context, who content.Actor, site, id, text string) (*ledger.Note, error) {
	if err := moderates(who); err != nil {
		return nil, err
	}
	text = strings.TrimSpace(text)
	var e content.Invalid
	e.Text("text", text, 1, content.MaxNote)
	if err := e.Err(); err != nil {
		return nil, err
	}
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return nil, err
	}
	if rec.State == content.Erased {
		return nil, ErrNotFound
	}
	n, err := s.Ledger.Notes.Count(ctx, ledger.Prefix(ledger.ByContent, site, id))
	if err != nil {
		return nil, fmt.Errorf("add note: %w", err)
	}
	if n >= maxNotes {
		e.Add("text", "too_many", "a content has at most %d notes", maxNotes)
		return nil, e
	}
	v := &ledger.Note{ID: s.NewID(), Site: site, Content: id, By: who.ID, Text: text, At: s.now()}
	if err := s.Ledger.Notes.Insert(ctx, v); err != nil {
		return nil, fmt.Errorf("add note: %w", err)
	}
	return v, nil
}

// notes reads the notes on a content, oldest first.
func (s *Service) notes(ctx context.Context, site, id string) ([]ledger.Note, error) {
	list, err := s.Ledger.Notes.All(ctx, ledger.Prefix(ledger.ByContent, site, id))
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	out := make([]ledger.Note, len(list))
	for i, n := range list {
		out[i] = *n
	}
	return out, nil
}
