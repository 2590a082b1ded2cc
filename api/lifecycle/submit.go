package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// inFlight is how long a reservation without its content is believed to belong
// to a request still being carried out, rather than to a crash.
const inFlight = 30 * time.Second

// Submission is what somebody submits. Either Parent is set, or Kind and
// Subject are.
type Submission struct {
	Site    string
	Kind    content.Kind
	Subject content.Subject
	Parent  string
	Text    content.Version
	// Spoken are the languages its author reads, as far as they are known: they
	// help to tell the language of a short text.
	Spoken []string
	// Key is the Idempotency-Key, Hash the SHA-256 of the request; both empty
	// when the client gave none.
	Key, Hash string
}

// Submitted is what came of a submission.
type Submitted struct {
	ID string
	// Body is the answer: the content as its author sees it, in JSON. A replay
	// gets the same bytes.
	Body     []byte
	Rev      int64
	Replayed bool
}

// Submit takes in a new content, pending. Errors: ErrSignIn, ErrNotFound (site's
// product, board or public parent), content.Invalid, ErrTooDeep, ErrDuplicate,
// ErrReplayMismatch, ErrInFlight.
func (s *Service) Submit(ctx context.Context, who content.Actor, in Submission) (*Submitted, error) {
	if !who.May(content.Shopper) {
		return nil, ErrSignIn
	}
	if in.Key != "" {
		if done, err := s.replay(ctx, who, in); done != nil || err != nil {
			return done, err
		}
	}
	now := s.now()
	rec := &ledger.Record{Salt: s.NewID(), Content: content.Content{
		ID: s.NewID(), Site: in.Site, Kind: in.Kind, Subject: in.Subject, CreatedAt: now,
		Author: s.author(in.Site, who), Current: in.Text,
	}}
	if err := s.place(ctx, rec, in.Parent); err != nil {
		return nil, err
	}
	if err := rec.Current.Validate(rec.Kind, false); err != nil {
		return nil, err
	}
	if err := s.ensureSubject(ctx, rec.Site, rec.Subject); err != nil {
		return nil, err
	}
	if rec.Subject.Type == content.ProductSubject && who.Bought(rec.Subject.ID) {
		rec.Author.Verified, rec.Author.VerifiedBy = true, "token"
	}
	unclaim, err := s.claim(ctx, who, rec, rec.Current.Media)
	if err != nil {
		if in.Key != "" {
			// The same request may have taken them since it was looked for.
			if done, again := s.replay(ctx, who, in); done != nil || again != nil {
				return done, again
			}
		}
		return nil, err
	}
	done, err := s.submit(ctx, who, in, rec)
	if definite(err) || done != nil && done.ID != rec.ID {
		unclaim()
	}
	return done, err
}

// submit has a new content judged and writes it.
func (s *Service) submit(ctx context.Context, who content.Actor, in Submission, rec *ledger.Record) (*Submitted, error) {
	screening, err := s.screen(ctx, rec, in.Spoken...)
	if err != nil {
		return nil, err
	}
	rec.Screening = &screening
	now, text := rec.CreatedAt, rec.Current
	ch := change{action: moderation.ActionSubmit, actor: rec.Author.Handle, role: who.Role, at: now, text: &text}
	if err := apply(rec, ch); err != nil {
		return nil, fmt.Errorf("submit: %w", err)
	}
	rec.Events[0].Previous, rec.Events[0].Before = nil, "" // there was none
	if err := s.decideAutomatically(rec, now); err != nil {
		return nil, fmt.Errorf("submit: %w", err)
	}
	return s.insert(ctx, who, in, rec)
}

// place finds what a new content belongs to.
func (s *Service) place(ctx context.Context, rec *ledger.Record, parentID string) error {
	if parentID == "" {
		if rec.Kind.IsReply() || !rec.Kind.Valid() {
			return fmt.Errorf("submit a %s without a parent: %w", rec.Kind, ErrNotFound)
		}
		return nil
	}
	parent, err := s.publicRecord(ctx, rec.Site, parentID)
	if err != nil {
		return err
	}
	rec.Parent, rec.Root, rec.Depth = parent.ID, parent.Root, parent.Depth+1
	if rec.Root == "" {
		rec.Root = parent.ID
	}
	rec.Kind, rec.Subject = parent.Kind.ReplyKind(), parent.Subject
	if rec.Depth > content.MaxDepth {
		return ErrTooDeep
	}
	return nil
}

func (s *Service) author(site string, who content.Actor) content.Author {
	return content.Author{
		ID: who.ID, Handle: s.Handle(site, who.ID), Name: who.Name, Staff: who.May(content.Staff),
	}
}

// reviewSlot is the place for one review of an author for a product.
func reviewSlot(rec *ledger.Record) string {
	return ledger.Key(rec.Site, "review", rec.Subject.ID, rec.Author.ID)
}

func replayKey(site, person, key string) string { return ledger.Key(site, person, key) }

// insert writes the new record, the slot it takes and the answer kept for
// replays. An engine that cannot add them as one adds the record last: the
// others are reservations that a crash may leave behind.
func (s *Service) insert(ctx context.Context, who content.Actor, in Submission, rec *ledger.Record) (*Submitted, error) {
	if err := s.join(ctx, rec, true); err != nil {
		return nil, err
	}
	told := rec.Private(content.Votes{}, 0, false)
	told.Statement = s.statement(rec)
	body, err := json.Marshal(told)
	if err != nil {
		return nil, fmt.Errorf("encode submission: %w", err)
	}
	var puts []ledger.Put
	var errs []error
	add := func(p ledger.Put, err error) { puts, errs = append(puts, p), append(errs, err) }
	if in.Key != "" {
		add(s.Ledger.Replays.Put(&ledger.Replay{
			Key: replayKey(in.Site, who.ID, in.Key), Hash: in.Hash, Content: rec.ID, Body: body, At: rec.CreatedAt, Rev: 1,
		}))
	}
	if rec.Kind == content.Review {
		rec.Slot = reviewSlot(rec)
		add(s.Ledger.Slots.Put(&ledger.Slot{Key: rec.Slot, Content: rec.ID, At: rec.CreatedAt, Rev: 1}))
	}
	add(s.Ledger.Contents.Put(rec))
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("submit: %w", err)
	}
	if err := s.insertPuts(ctx, puts, who, in, rec); err != nil {
		if again := (&replayedError{}); errors.As(err, &again) {
			return again.done, nil
		}
		return nil, err
	}
	if in.Key == "" {
		s.settleNew(ctx, rec)
	} else { // a replay of the request may have told the id already
		s.settle(ctx, rec.Site, rec.Subject, rec.ID)
	}
	return &Submitted{ID: rec.ID, Body: body, Rev: rec.Rev}, nil
}

// replayedError carries an answer given before out of the insertion.
type replayedError struct{ done *Submitted }

func (e *replayedError) Error() string { return "answered before" }

func (s *Service) insertPuts(ctx context.Context, puts []ledger.Put, who content.Actor, in Submission, rec *ledger.Record) error {
	wctx, cancel := unhurried(ctx)
	defer cancel()
	err := s.Ledger.Insert(wctx, puts...)
	taken := (*ledger.ExistsError)(nil)
	if !errors.As(err, &taken) {
		if err != nil {
			// It may have been written all the same.
			s.settle(ctx, rec.Site, rec.Subject, rec.ID)
			return fmt.Errorf("submit: %w", err)
		}
		return nil
	}
	switch taken.ID {
	case rec.Slot:
		err := s.takeSlot(ctx, rec)
		if err != nil && in.Key != "" {
			// Not done, so nothing may answer for it.
			return errors.Join(err, s.Ledger.Replays.Delete(ctx, replayKey(in.Site, who.ID, in.Key)))
		}
		if err != nil {
			return err
		}
		return s.insertRest(ctx, puts, rec)
	case replayKey(in.Site, who.ID, in.Key):
		done, err := s.replay(ctx, who, in)
		if err != nil {
			return err
		}
		if done == nil {
			return ErrInFlight
		}
		return &replayedError{done}
	default:
		return fmt.Errorf("submit: %w", err)
	}
}

// insertRest adds what a taken slot kept out; the slot itself is ours by now.
func (s *Service) insertRest(ctx context.Context, puts []ledger.Put, rec *ledger.Record) error {
	for _, p := range puts {
		if p.Doc.ID == rec.Slot {
			continue
		}
		// An engine without transactions has the replay already.
		if err := s.Ledger.Insert(ctx, p); err != nil && !errors.Is(err, ledger.ErrExists) {
			return fmt.Errorf("submit: %w", err)
		}
	}
	return nil
}

// takeSlot takes over a slot whose content is gone: withdrawn, erased, or never
// written because of a crash. Else it is an ErrDuplicate.
func (s *Service) takeSlot(ctx context.Context, rec *ledger.Record) error {
	slot, err := s.Ledger.Slots.Get(ctx, rec.Slot)
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	holder, err := s.load(ctx, rec.Site, slot.Content)
	switch {
	case errors.Is(err, ErrNotFound):
		if rec.CreatedAt.Sub(slot.At) < inFlight {
			return ErrInFlight
		}
	case err != nil:
		return err
	case holder.State != content.Withdrawn && holder.State != content.Erased:
		return &DuplicateError{ID: holder.ID}
	}
	from := slot.Rev
	slot.Content, slot.At, slot.Rev = rec.ID, rec.CreatedAt, from+1
	if err := s.Ledger.Slots.Replace(ctx, slot, from); errors.Is(err, ledger.ErrConflict) {
		return ErrInFlight
	} else if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	return nil
}

// replay looks for the answer to the same request. It gives nil when there is
// none, ErrInFlight while the first request may still be at work.
func (s *Service) replay(ctx context.Context, who content.Actor, in Submission) (*Submitted, error) {
	key := replayKey(in.Site, who.ID, in.Key)
	r, err := s.Ledger.Replays.Get(ctx, key)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up idempotency key: %w", err)
	}
	if r.Hash != in.Hash {
		return nil, ErrReplayMismatch
	}
	var told struct{ Rev int64 } // a policy may have decided at once
	if err := json.Unmarshal(r.Body, &told); err != nil {
		return nil, fmt.Errorf("answer again: %w", err)
	}
	if _, err := s.load(ctx, in.Site, r.Content); err == nil {
		return &Submitted{ID: r.Content, Body: r.Body, Rev: max(told.Rev, 1), Replayed: true}, nil
	} else if !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if s.Now().Sub(r.At) < inFlight {
		return nil, ErrInFlight
	}
	// A crash came between the reservation and the content.
	if err := s.Ledger.Replays.Delete(ctx, key); err != nil {
		return nil, fmt.Errorf("drop idempotency key: %w", err)
	}
	return nil, nil
}
