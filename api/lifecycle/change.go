package lifecycle

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/audit"
)

// maxRevisions bounds how often one content may change.
const maxRevisions = 1000

// change is what a verb does to a record beyond moving its state.
type change struct {
	action    moderation.Action
	actor     string
	role      content.Role
	automatic bool
	reasons   []string
	// message is for the author, note for other moderators.
	message, note string
	at            time.Time
	// text replaces the current version.
	text *content.Version
	// versions are those of the rules and models that decided.
	versions map[string]string
}

// apply moves rec by one change: state, versions, revision, and the event that
// notes it. It touches nothing but rec, and nothing at all when the change is
// not possible from where rec stands.
func apply(rec *ledger.Record, ch change) error {
	published := rec.ApprovedRev > 0
	to, err := moderation.Next(moderation.State(rec.State), ch.action, moderation.Facts{
		Published:      published,
		SameAsApproved: published && rec.ApprovedRev == rec.Current.Rev,
	})
	if err != nil {
		return err
	}
	if rec.Rev >= maxRevisions && ch.action == moderation.ActionEdit {
		return ErrTooManyEdits
	}
	rec.Undo = nil
	if ch.action == moderation.ActionEdit || ch.action == moderation.ActionWithdraw || ch.action == moderation.ActionErase {
		// The author went on by themselves; what was asked for is moot.
		dropAppeals(rec, ch.action != moderation.ActionEdit)
		if ch.action != moderation.ActionEdit {
			rec.Escalation = nil
		}
	}
	forgetSettled(rec)
	event := ledger.Event{
		ID: fmt.Sprintf("%s/%d", rec.ID, rec.Rev+1), Site: rec.Site, Content: rec.ID, Kind: rec.Kind,
		Rev: rec.Rev + 1, Action: string(ch.action), From: rec.State, To: content.State(to),
		Actor: ch.actor, Role: ch.role, Automatic: ch.automatic, Reasons: ch.reasons, Note: ch.note, At: ch.at,
	}
	rec.Rev++
	if ch.text != nil {
		previous := rec.Current
		event.Previous, event.Before = &previous, textHash(rec.Salt, previous)
		if rec.ApprovedRev == previous.Rev {
			rec.ApprovedVersion = &previous
		}
		rec.Current = *ch.text
		rec.Current.Rev, rec.Current.At = rec.Rev, ch.at
	}
	event.Version, event.TextHash, event.Versions = rec.Current.Rev, textHash(rec.Salt, rec.Current), ch.versions
	event.Language, event.Rating = rec.Current.Language, rec.Current.Rating
	if rec.State != content.Pending && to == moderation.StatePending {
		rec.QueuedAt = ch.at
	}
	rec.State = content.State(to)
	if to == moderation.StateApproved && ch.action == moderation.ActionApprove {
		rec.ApprovedRev, rec.ApprovedVersion = rec.Current.Rev, nil
	}
	rec.Shown = moderation.Shows(to, rec.ApprovedRev > 0)
	if rec.Shown && rec.PublishedAt.IsZero() {
		rec.PublishedAt = ch.at
	}
	rec.Reasons, rec.Note = ch.reasons, ch.message
	rec.UpdatedAt = ch.at
	rec.Events = append(rec.Events, event)
	rec.Owes = true
	return nil
}

// forgetSettled drops the events that are in the events table. What was read as
// unsettled is owed still, and what this very change has added before: a policy
// that decides makes two changes of one write.
func forgetSettled(rec *ledger.Record) {
	if !rec.Unsettled() && !rec.Owes {
		rec.Events = nil
	}
}

// textHash identifies a text in the audit without repeating it. The salt is
// erased with the text, so that nobody can try out what it said.
func textHash(salt string, v content.Version) string {
	b, err := json.Marshal([]any{v.Rating, v.Ratings, v.Title, v.Body, v.Language, v.Media, v.Attributes, v.Incentivized})
	if err != nil {
		// Only strings, numbers and maps of them are encoded here.
		panic(fmt.Sprintf("hash text: %v", err))
	}
	return audit.Digest([]byte(salt), string(b))
}
