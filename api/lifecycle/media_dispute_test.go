package lifecycle_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

var (
	mod3 = content.Actor{ID: "mod3", Name: "Third", Role: content.Moderator}
	boss = content.Actor{ID: "boss", Name: "Boss", Role: content.Admin}
)

// dispute is about a content of Alice's with photos; every step is taken at the
// revision that the content has.
type dispute struct {
	*node
	t      *testing.T
	id     string
	photos []string
}

func newDispute(t *testing.T, photos int) *dispute {
	t.Helper()
	d := &dispute{node: newNode(t), t: t}
	for i := range photos {
		d.photos = append(d.photos, d.photo(t, alice, uint64(i+1)))
	}
	d.id = d.pictured(t, alice, "Good light", d.photos...)
	return d
}

func (d *dispute) rev() int64 { return d.record(d.t, d.id).Rev }

func (d *dispute) withhold(who content.Actor, photo int, message string) error {
	_, err := d.Withhold(d.t.Context(), who, site, d.id, lifecycle.Withholding{
		Medium: d.photos[photo], Withhold: true, Reasons: []string{"media"}, Message: message, Rev: d.rev(),
	})
	return err
}

func (d *dispute) release(who content.Actor, photo int) error {
	_, err := d.Withhold(d.t.Context(), who, site, d.id, lifecycle.Withholding{Medium: d.photos[photo], Rev: d.rev()})
	return err
}

func (d *dispute) appeal() error {
	_, err := d.Appeal(d.t.Context(), alice, site, d.id, "It is all my own.")
	return err
}

func (d *dispute) decides(who content.Actor, action moderation.Action) error {
	_, err := d.Decide(d.t.Context(), who, site, d.id, decision(action, d.rev()))
	return err
}

func (d *dispute) undo(who content.Actor) error {
	_, err := d.Undo(d.t.Context(), who, site, d.id, d.rev())
	return err
}

func (d *dispute) passOn(who content.Actor, kind string) error {
	_, err := d.PassOn(d.t.Context(), who, site, d.id, kind, "", d.rev())
	return err
}

func (d *dispute) edit(body string, photos ...int) {
	d.t.Helper()
	var ids []string
	for _, i := range photos {
		ids = append(ids, d.photos[i])
	}
	_, err := d.Edit(d.t.Context(), alice, site, d.id, d.rev(), lifecycle.Edit{Body: &body, Media: named(ids...)})
	noError(d.t, err)
}

// told is what the author is told: of the text, if it is kept back, and of each
// photo, the state of an appeal with a star where they may appeal.
func (d *dispute) told() string {
	d.t.Helper()
	p := d.mine(d.t, d.id)
	say := func(st *content.Statement) string {
		if st == nil {
			return "public"
		}
		out := st.Appeal
		if st.AppealUntil != nil {
			out += "*"
		}
		return out
	}
	out := []string{"text " + say(p.Statement)}
	for _, m := range p.Media {
		out = append(out, say(m.Statement))
	}
	return strings.Join(out, ", ")
}

func (d *dispute) tells(when, want string, waiting int) {
	d.t.Helper()
	equal(d.t, when, d.told(), want)
	equal(d.t, "waiting "+when, d.Waiting(site), waiting)
}

func (d *dispute) refused(what string, err, want error) {
	d.t.Helper()
	if !errors.Is(err, want) {
		d.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

const approve, reject, uphold = moderation.ActionApprove, moderation.ActionReject, moderation.Action("uphold")

// TestAppealAboutSeveralPhotos: it is about all that there was none about before,
// and each is decided about by somebody else than who withheld it.
func TestAppealAboutSeveralPhotos(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 3)
	noError(t, d.decides(mod, approve))
	noError(t, d.withhold(mod, 0, "A face."))
	noError(t, d.withhold(mod2, 1, "A number plate."))
	d.tells("before", "text public, *, *, public", 0)
	noError(t, d.appeal())
	d.refused("the same appeal again", d.appeal(), moderation.ErrTransition)
	noError(t, d.withhold(mod2, 2, ""))
	d.tells("after another was withheld", "text public, open, open, *", 1)
	for i, who := range []content.Actor{mod, mod2} {
		d.refused(who.ID+" gives back what they withheld", d.release(who, i), lifecycle.ErrSomebodyElse)
	}
	noError(t, d.appeal())
	d.tells("after a second appeal", "text public, open, open, open", 1)
	// What mod withheld stays open: they let stand what mod2 withheld.
	noError(t, d.decides(mod, uphold))
	d.tells("after mod upheld", "text public, open, dismissed, dismissed", 1)
	d.refused("mod upholds what they withheld", d.decides(mod, uphold), lifecycle.ErrSomebodyElse)
	noError(t, d.release(mod3, 0))
	d.tells("at the end", "text public, public, dismissed, dismissed", 0)
	d.refused("one more appeal", d.appeal(), moderation.ErrTransition)
	d.refused("upholding without an appeal", d.decides(mod3, uphold), moderation.ErrTransition)
	noError(t, d.withhold(mod3, 0, "A face, still."))
	d.tells("after a new decision", "text public, *, dismissed, dismissed", 0)

	var audited []string
	for r, err := range d.AuditTrail(t.Context(), boss, site) {
		noError(t, err)
		if len(r.Media) > 0 {
			audited = append(audited, fmt.Sprint(r.Action, " ", len(r.Media)))
		}
	}
	equal(t, "the audit names photos", audited, []string{
		"withhold_media 1", "withhold_media 1", "appeal 2", "withhold_media 1", "appeal 1", "uphold 2", "release_media 1", "withhold_media 1",
	})
	d.sound(t)
}

// TestDecisionsAboutTheTextLeaveAppealsAboutPhotosOpen, and the other way round.
func TestDecisionsAboutTheTextLeaveAppealsAboutPhotosOpen(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 1)
	noError(t, d.withhold(mod, 0, ""))
	noError(t, d.appeal())
	noError(t, d.decides(mod, approve)) // the text is not what they are accused of
	d.tells("after an approval", "text public, open", 1)
	d.edit("Very good light", 0)
	d.tells("after an edit", "text public, open", 1)
	noError(t, d.decides(mod2, moderation.ActionRequestChanges))
	d.tells("after a request", "text , open", 1)
	d.edit("Such good light", 0)
	noError(t, d.decides(mod2, reject))
	d.tells("after a rejection", "text *, open", 1)
	noError(t, d.appeal())
	d.tells("after an appeal about the text", "text open, open", 1)
	noError(t, d.decides(mod2, uphold))
	d.tells("after mod2 upheld about the photo", "text open, dismissed", 1)
	noError(t, d.decides(mod, uphold))
	d.tells("after mod upheld about the text", "text dismissed, dismissed", 0)
	d.sound(t)
}

// TestUpholdingAboutAPhotoLeavesTheTextAlone: its reports, its escalation, its
// place in the queue, and what was said about it.
func TestUpholdingAboutAPhotoLeavesTheTextAlone(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 1)
	d.clock.advance(time.Hour)
	queued := d.record(t, d.id).QueuedAt
	noError(t, d.withhold(mod, 0, "First words."))
	noError(t, d.appeal())
	_, err := d.Decide(t.Context(), mod2, site, d.id, lifecycle.Decision{Action: uphold, Message: "Final words.", Rev: d.rev()})
	noError(t, err)
	rec := d.record(t, d.id)
	equal(t, "decided about the text", rec.Decided == nil, true)
	equal(t, "told about the text", rec.Note, "")
	equal(t, "place in the queue", rec.QueuedAt, queued)
	equal(t, "told about the photo", d.mine(t, d.id).Media[0].Statement.Message, "Final words.")
	noError(t, d.undo(mod2))
	d.tells("after an undo", "text public, open", 1)
	equal(t, "told about the photo", d.mine(t, d.id).Media[0].Statement.Message, "First words.")
	d.sound(t)
}

// TestUndoOfWhatWasDecidedAboutAPhoto brings everything back, and is nobody's way
// to decide in their own cause.
func TestUndoOfWhatWasDecidedAboutAPhoto(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 1)
	noError(t, d.decides(mod, approve))
	noError(t, d.withhold(boss, 0, "A face."))
	noError(t, d.undo(boss))
	d.tells("after an undo", "text public, public", 0)
	equal(t, "public photo", d.reach(t, stranger, d.photos[0], "thumb", none), true)
	noError(t, d.withhold(boss, 0, "A face."))
	noError(t, d.appeal())
	noError(t, d.release(mod2, 0))
	d.refused("undo by who withheld it", d.undo(boss), lifecycle.ErrSomebodyElse)
	d.refused("undo by another moderator", d.undo(mod), lifecycle.ErrForbidden)
	noError(t, d.undo(mod2))
	d.tells("after the undo of giving back", "text public, open", 1)
	equal(t, "withheld by", d.record(t, d.id).Withheld[0].By, boss.ID)
	equal(t, "public photo", d.reach(t, stranger, d.photos[0], "thumb", none), false)
	d.refused("giving back by who withheld it", d.release(boss, 0), lifecycle.ErrSomebodyElse)
	noError(t, d.decides(mod2, uphold))
	d.tells("at the end", "text public, dismissed", 0)
	equal(t, "history", d.actions(t, d.id), []string{
		"submit", "approve", "withhold_media", "undo", "withhold_media", "appeal", "release_media", "undo", "uphold",
	})
	d.sound(t)
}

// TestAppealsAboutPhotosOfAnEditedText: about what is public still beside a
// rejected edit, and not about what the text no longer names.
func TestAppealsAboutPhotosOfAnEditedText(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 2)
	noError(t, d.decides(mod, approve))
	d.edit("Bad light", 0)
	noError(t, d.decides(mod, reject))
	noError(t, d.appeal())
	noError(t, d.decides(mod2, uphold))
	d.tells("after a rejected edit", "text dismissed, public", 0)
	noError(t, d.withhold(mod, 1, "")) // the public version has it
	c, err := d.Case(t.Context(), mod2, site, d.id)
	noError(t, err)
	for who, p := range map[string]content.Private{"author": d.mine(t, d.id), "moderator": c.Content} {
		older := p.PublicMedia
		if len(older) != 1 || older[0].ID != d.photos[1] || !older[0].Withheld || older[0].Statement.AppealUntil == nil {
			t.Errorf("media of the public version for the %s: %+v", who, older)
		}
	}
	noError(t, d.appeal())
	c, err = d.Case(t.Context(), mod2, site, d.id)
	noError(t, err)
	if len(c.MediaAppeals) != 1 || c.MediaAppeals[0].Medium != d.photos[1] || !c.MediaAppeals[0].Open() {
		t.Errorf("appeals: %+v", c.MediaAppeals)
	}
	d.tells("after an appeal", "text dismissed, public", 1)
	equal(t, "told of it", d.mine(t, d.id).PublicMedia[0].Statement.Appeal, "open")
	d.edit("Fair light", 0)
	noError(t, d.decides(mod2, approve))
	d.tells("once nothing names it", "text public, public", 0)
	d.refused("an appeal about it", d.appeal(), moderation.ErrTransition)
	d.edit("Fair light again", 0, 1)
	d.tells("once it is named again", "text public, public, open", 1)
	noError(t, d.decides(mod2, approve))
	d.tells("once that is approved", "text public, public, open", 1)
	noError(t, d.release(mod2, 1))
	d.sound(t)
}

// TestDisputesAreAlwaysForSomebody to decide: escalations end with what they were
// about, and nobody keeps others from deciding about what they did.
func TestDisputesAreAlwaysForSomebody(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 1)
	noError(t, d.decides(mod, approve))
	noError(t, d.withhold(mod, 0, ""))
	noError(t, d.appeal())
	_, err := d.Claim(t.Context(), mod, site, d.id)
	d.refused("a claim by who withheld it", err, lifecycle.ErrSomebodyElse)
	d.refused("passing on by who withheld it", d.passOn(mod, lifecycle.Escalated), lifecycle.ErrSomebodyElse)
	noError(t, d.passOn(mod2, lifecycle.Escalated))
	d.refused("a moderator", d.release(mod3, 0), lifecycle.ErrSomebodyElse)
	noError(t, d.release(boss, 0))
	equal(t, "passed on still", d.record(t, d.id).Escalation != nil, false)
	noError(t, d.withhold(boss, 0, ""))
	noError(t, d.appeal())
	var invalid content.Invalid
	if err := d.passOn(mod, lifecycle.Escalated); !errors.As(err, &invalid) {
		t.Errorf("an appeal against an administrator passed on to one: %v", err)
	}
	noError(t, d.passOn(mod, lifecycle.SecondOpinion))
	noError(t, d.decides(mod2, uphold))
	equal(t, "passed on still", d.record(t, d.id).Escalation != nil, false)
	d.sound(t)
}

// TestAppealsAgainstTheOnlyAdministrator: what was passed on to them before is
// for every other moderator to decide.
func TestAppealsAgainstTheOnlyAdministrator(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 1)
	noError(t, d.decides(mod, approve))
	noError(t, d.withhold(mod, 0, ""))
	noError(t, d.appeal())
	noError(t, d.decides(boss, moderation.ActionRemove))
	noError(t, d.passOn(mod2, lifecycle.Escalated))
	noError(t, d.appeal())
	noError(t, d.release(boss, 0))
	d.refused("who removed it", d.decides(boss, uphold), lifecycle.ErrSomebodyElse)
	noError(t, d.decides(mod2, moderation.ActionRestore))
	d.tells("at the end", "text public, public", 0)
	d.sound(t)
}

// TestClaimsOfTheAccused do not keep others from deciding.
func TestClaimsOfTheAccused(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 1)
	noError(t, d.decides(mod, approve))
	_, err := d.Claim(t.Context(), mod, site, d.id)
	noError(t, err)
	noError(t, d.withhold(mod, 0, ""))
	d.refused("before the appeal", d.release(mod2, 0), lifecycle.ErrClaimed)
	noError(t, d.appeal())
	noError(t, d.release(mod2, 0))
	d.sound(t)
}

// TestAppealsAreExported to who wrote them.
func TestAppealsAreExported(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 1)
	noError(t, d.decides(mod, reject))
	noError(t, d.withhold(mod, 0, ""))
	noError(t, d.appeal())
	var got []string
	for row, err := range d.ExportPerson(t.Context(), alice, site) {
		noError(t, err)
		if a, ok := row.Data.(lifecycle.AppealView); ok {
			got = append(got, fmt.Sprint(row.Type, " ", a.Medium == d.photos[0], " ", a.Text, " ", a.State))
		}
	}
	equal(t, "appeals", got, []string{"appeal false It is all my own. open", "appeal true It is all my own. open"})
}

// TestAppealsAboutPhotosHaveTheirTime each, and none is left when the author takes
// the content back.
func TestAppealsAboutPhotosHaveTheirTime(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 2)
	noError(t, d.decides(mod, approve))
	noError(t, d.withhold(mod, 0, ""))
	d.clock.advance(200 * 24 * time.Hour)
	d.refused("too late", d.appeal(), lifecycle.ErrTooLate)
	noError(t, d.withhold(mod, 1, ""))
	d.tells("after another was withheld", "text public, , *", 0)
	noError(t, d.appeal())
	d.tells("after an appeal", "text public, , open", 1)
	noError(t, d.Withdraw(t.Context(), alice, site, d.id, 0))
	d.tells("after a withdrawal", "text public, , ", 0)
	d.refused("an appeal about what was taken back", d.appeal(), moderation.ErrTransition)
	d.sound(t)
}

// TestGivingBackSaysNothing: reasons and messages are for what is withheld.
func TestGivingBackSaysNothing(t *testing.T) {
	t.Parallel()
	d := newDispute(t, 1)
	noError(t, d.withhold(mod, 0, ""))
	_, err := d.Withhold(t.Context(), mod, site, d.id, lifecycle.Withholding{Medium: d.photos[0], Message: "Sorry.", Rev: d.rev()})
	equal(t, "with a message", wrong(t, err), []string{"message invalid"})
	_, err = d.Withhold(t.Context(), mod, site, d.id, lifecycle.Withholding{Medium: d.photos[0], Reasons: []string{"spam"}, Rev: d.rev()})
	equal(t, "with reasons", wrong(t, err), []string{"reasons invalid"})
}

// TestPolicyLeavesToPeopleWhatTheyWereAsked: what was reported or passed on is not
// decided by machine after an edit.
func TestPolicyLeavesToPeopleWhatTheyWereAsked(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	id := n.submit(t, alice, "A bright lamp")
	_, err := n.PassOn(t.Context(), mod, site, id, lifecycle.Escalated, "", 1)
	noError(t, err)
	n.Screener = decided{moderation.VerdictApprove}
	body := "A very bright lamp"
	p, err := n.Edit(t.Context(), alice, site, id, 2, lifecycle.Edit{Body: &body})
	noError(t, err)
	equal(t, "state", p.State, content.Pending)
	equal(t, "passed on still", n.record(t, id).Escalation != nil, true)
	n.checked(t)
}
