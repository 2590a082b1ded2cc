package lifecycle

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// maxReasons bounds the reason codes of one decision.
const maxReasons = 5

// Decision is what a moderator decides about a content.
type Decision struct {
	Action moderation.Action
	// Reasons are codes of moderation.Reasons; needed to reject, to request
	// changes and to remove.
	Reasons []string
	// Message is told to the author, Note to other moderators.
	Message, Note string
	// Rev is the revision that was looked at.
	Rev int64
}

// decisions are the actions open to moderators.
var decisions = []moderation.Action{
	moderation.ActionApprove, moderation.ActionReject, moderation.ActionRequestChanges,
	moderation.ActionRemove, moderation.ActionRestore, actionUphold,
}

// Validate checks a decision against the published reasons.
func (d Decision) Validate() error {
	var e content.Invalid
	if !slices.Contains(decisions, d.Action) {
		e.Add("action", "invalid", "must be approve, reject, request_changes, remove, restore or uphold")
	}
	restricts := d.Action == moderation.ActionReject || d.Action == moderation.ActionRequestChanges || d.Action == moderation.ActionRemove
	if restricts && len(d.Reasons) == 0 {
		e.Add("reasons", "required", "must name at least one reason")
	}
	if len(d.Reasons) > maxReasons {
		e.Add("reasons", "too_many", "must have at most %d entries", maxReasons)
	}
	for _, r := range d.Reasons {
		if _, ok := moderation.ReasonByCode(r); !ok {
			e.Add("reasons", "unknown", "%.60q is no published reason", r)
		}
	}
	e.Text("message", d.Message, 0, content.MaxNote)
	e.Text("note", d.Note, 0, content.MaxNote)
	if d.Rev < 1 {
		e.Add("rev", "required", "must be the revision that was looked at")
	}
	return e.Err()
}

// Decide carries out a moderator's decision. Errors: ErrSignIn, ErrForbidden,
// ErrNotFound, ErrOwn, ErrConflict, ErrClaimed, ErrMediaPending, content.Invalid,
// moderation.ErrTransition.
func (s *Service) Decide(ctx context.Context, who content.Actor, site, id string, d Decision) (content.Private, error) {
	if err := moderates(who); err != nil {
		return content.Private{}, err
	}
	if err := d.Validate(); err != nil {
		return content.Private{}, err
	}
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return content.Private{}, err
	}
	if rec.Author.ID == who.ID {
		return content.Private{}, ErrOwn
	}
	if rec.Rev != d.Rev {
		return content.Private{}, conflictOf(rec)
	}
	about := rec.Appeal // an appeal about the text is for somebody else to decide
	if d.Action == actionUphold {
		about = nil // what is somebody else's to decide is upheld
	}
	if err := s.mayDecide(ctx, who, rec, about); err != nil {
		return content.Private{}, err
	}
	if d.Action == moderation.ActionApprove {
		if err := s.mediaSeen(ctx, rec, rec.Current); err != nil {
			return content.Private{}, err
		}
	}
	ch := change{
		action: d.Action, actor: who.ID, role: who.Role, reasons: d.Reasons,
		message: d.Message, note: d.Note, at: s.now(),
	}
	if err := decideOn(rec, ch); err != nil {
		return content.Private{}, err
	}
	if err := s.commit(ctx, rec, d.Rev); err != nil {
		return content.Private{}, err
	}
	if err := s.release(ctx, who, site, id); err != nil {
		// The decision stands; the claim ends by itself.
		s.Log.Warn("claim not released", "content", id, "err", err)
	}
	s.tellDecided(rec, who.ID)
	return s.private(ctx, rec, true)
}

// snapshot is how a record stands before a decision at a time, about some photos
// and videos or, with none, about the text.
func snapshot(rec *ledger.Record, by string, at time.Time, media []string) *ledger.Undo {
	return &ledger.Undo{
		State: rec.State, ApprovedRev: rec.ApprovedRev, ApprovedVersion: rec.ApprovedVersion, Reasons: rec.Reasons,
		Note: rec.Note, Reports: rec.Reports, PublishedAt: rec.PublishedAt, QueuedAt: rec.QueuedAt,
		Decided: rec.Decided, Escalation: rec.Escalation, Appeal: rec.Appeal, Withheld: rec.Withheld, Media: media,
		By: by, At: at, Rev: rec.Rev + 1,
	}
}

// decideOn moves a record by a decision and notes who took it, how to undo it,
// and what the machine had proposed.
func decideOn(rec *ledger.Record, ch change) error {
	before := snapshot(rec, ch.actor, ch.at, nil)
	waited, text := ch.at.Sub(rec.QueuedAt), true
	if ch.action == actionUphold {
		c, err := uphold(rec, ch)
		if err != nil {
			return err
		}
		text, before.Media = c.text, c.media
	} else if err := apply(rec, ch); err != nil {
		return err
	}
	rec.Undo = before
	if !text {
		ended(rec)
		return nil
	}
	event := &rec.Events[len(rec.Events)-1]
	if before.State == content.Pending {
		event.Waited = waited
	}
	if sc := rec.Screening; sc != nil {
		event.Proposed = sc.Proposed
		for _, sig := range sc.Signals {
			if !slices.Contains(event.Rules, sig.Rule) {
				event.Rules = append(event.Rules, sig.Rule)
			}
		}
	}
	rec.Decided = &ledger.Decided{
		By: ch.actor, Role: ch.role, Action: string(ch.action), Automatic: ch.automatic, Rev: rec.Rev, At: ch.at,
	}
	rec.Reports, rec.Escalation = 0, nil
	closeAppeal(rec, ch)
	return nil
}

// ended forgets who was to decide once nothing waits.
func ended(rec *ledger.Record) {
	if !rec.Waits() {
		rec.Escalation = nil
	}
}

// decideAutomatically carries out the machine's verdict, where the site's policy
// let it have one. Any other verdict, or one unknown, leaves the content
// waiting.
func (s *Service) decideAutomatically(rec *ledger.Record, at time.Time) error {
	sc := rec.Screening
	if sc == nil || sc.Failed || rec.State != content.Pending {
		return nil
	}
	if rec.Escalation != nil || rec.Reports > 0 {
		return nil // people were asked
	}
	if len(rec.Current.Media) > 0 && sc.Verdict == moderation.VerdictApprove {
		return nil // moderators see photos and videos first
	}
	ch := change{actor: "policy", automatic: true, at: at, versions: sc.Versions}
	switch sc.Verdict {
	case moderation.VerdictApprove:
		ch.action = moderation.ActionApprove
	case moderation.VerdictReject:
		if len(sc.Reasons) == 0 {
			return nil // nobody may be rejected without being told why
		}
		ch.action, ch.reasons = moderation.ActionReject, sc.Reasons
	default:
		return nil
	}
	return decideOn(rec, ch)
}

// Target names a content at the revision that was looked at.
type Target struct {
	ID  string
	Rev int64
}

// Result is what came of one decision of many.
type Result struct {
	ID      string
	Content content.Private
	Err     error
}

// DecideAll carries out the same decision on many contents, each on its own: a
// failure of one leaves the others as decided.
func (s *Service) DecideAll(ctx context.Context, who content.Actor, site string, targets []Target, d Decision) ([]Result, error) {
	if err := moderates(who); err != nil {
		return nil, err
	}
	return each(targets, func(t Target) (content.Private, error) {
		d := d
		d.Rev = t.Rev
		return s.Decide(ctx, who, site, t.ID, d)
	}), nil
}

// bulkWorkers is how many of many contents are worked on at a time: they wait
// for the disk together instead of one after the other.
const bulkWorkers = 16

// each does the same with many contents, each on its own.
func each(targets []Target, do func(Target) (content.Private, error)) []Result {
	out := make([]Result, len(targets))
	var work errgroup.Group
	work.SetLimit(bulkWorkers)
	for i, t := range targets {
		work.Go(func() error {
			out[i].ID = t.ID
			out[i].Err = guarded(func() (err error) {
				out[i].Content, err = do(t)
				return err
			})()
			return nil
		})
	}
	_ = work.Wait() // every result has its own error
	return out
}

func moderates(who content.Actor) error {
	switch {
	case !who.Known():
		return ErrSignIn
	case !who.May(content.Moderator):
		return ErrForbidden
	}
	return nil
}

func isConflict(err error) bool { return errors.Is(err, ErrConflict) }

// mayDecide refuses while another moderator's claim lasts, and where somebody
// else has to decide: an appeal, nil for none, a second opinion, an escalation.
func (s *Service) mayDecide(ctx context.Context, who content.Actor, rec *ledger.Record, about *content.Appeal) error {
	if about.Open() && about.Against == who.ID {
		return ErrSomebodyElse
	}
	if e := rec.Escalation; e != nil {
		// An appeal against an administrator is not theirs alone to decide.
		theirs := e.Kind == Escalated && (rec.State == content.Pending || !againstAdministrator(rec))
		if e.Kind == SecondOpinion && e.By == who.ID || theirs && !who.May(content.Admin) {
			return ErrSomebodyElse
		}
	}
	return s.unclaimed(ctx, who, rec)
}

// unclaimed refuses while another moderator's claim lasts.
func (s *Service) unclaimed(ctx context.Context, who content.Actor, rec *ledger.Record) error {
	c, err := s.claimOn(ctx, rec.Site, rec.ID)
	if err != nil {
		return err
	}
	// Nobody keeps others from deciding about what they did.
	if c != nil && c.Holder != who.ID && !onlyOwnCause(rec, c.Holder) {
		return &ClaimedError{By: c.Holder, Until: c.Until}
	}
	return nil
}
