package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// TestSettlingFailsOnce breaks an index in the middle of a change: what readers
// of listings see is right at once, the rest when the sweeper has been there,
// and every effect is there once.
func TestSettlingFailsOnce(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]int32{"error": fails, "panic": panics, "lost answer": losesAnswer} {
		for _, which := range []string{"public", "desk"} {
			t.Run(which+" "+name, func(t *testing.T) {
				t.Parallel()
				n := newNode(t)
				id := n.submit(t, alice, "A bright lamp")
				equal(t, "found while pending", n.found(t, "bright"), 0)
				x := n.public
				if which == "desk" {
					x = n.desk
				}
				x.mode.Store(mode)
				n.decide(t, id, moderation.ActionApprove, 1)
				equal(t, "listed at once", n.bodies(t), []string{"A bright lamp"})
				rec := n.unsettled(t, id)
				if !rec.Unsettled() {
					t.Fatal("nothing is owed although settling failed")
				}
				noError(t, n.Sweep(t.Context()))
				if !n.record(t, id).Unsettled() {
					t.Fatal("the sweeper took what may still be at work")
				}
				n.clock.advance(lifecycle.Leftover + time.Second)
				noError(t, n.Sweep(t.Context()))
				equal(t, "owes after the sweep", n.record(t, id).Unsettled(), false)
				equal(t, "found", n.found(t, "bright"), 1)
				equal(t, "actions", n.actions(t, id), []string{"submit", "approve"})
				n.checked(t)
			})
		}
	}
}

// unsettled waits until everything that is queued was tried, and reads a record.
func (n *node) unsettled(t testing.TB, id string) *ledger.Record {
	t.Helper()
	// The audit waits for the batch and hands its failure on.
	if _, err := n.Audit(t.Context(), mod, site, lifecycle.Paging{}); err == nil {
		t.Error("the failure of a batch was not handed to who waited for it")
	}
	return n.record(t, id)
}

func (n *node) record(t testing.TB, id string) *ledger.Record {
	t.Helper()
	rec, err := n.Ledger.Contents.Get(t.Context(), id)
	noError(t, err)
	return rec
}

// actions are the changes on record of a content, one for each revision.
func (n *node) actions(t testing.TB, id string) []string {
	t.Helper()
	_, err := n.Audit(t.Context(), mod, site, lifecycle.Paging{})
	noError(t, err)
	events, err := n.Ledger.Events.All(t.Context(), ledger.Prefix(ledger.ByContent, site, id))
	noError(t, err)
	out := make([]string, len(events))
	for _, e := range events {
		if e.Rev < 1 || int(e.Rev) > len(out) || out[e.Rev-1] != "" {
			t.Fatalf("%d events of %s, one of them of revision %d", len(events), id, e.Rev)
		}
		out[e.Rev-1] = e.Action
	}
	return out
}

// TestStartSettles leaves changes owing and starts another node on the ledger.
func TestStartSettles(t *testing.T) {
	t.Parallel()
	store, c := openStore(t), newClock()
	first := nodeOn(t, store, c)
	id := first.submit(t, alice, "A bright lamp")
	equal(t, "found", first.found(t, "bright"), 0)
	first.public.mode.Store(fails)
	first.decide(t, id, moderation.ActionApprove, 1)
	first.unsettled(t, id)
	// The clock was set back meanwhile: the change seems to lie ahead.
	c.advance(-time.Hour)
	second := nodeOn(t, store, c)
	equal(t, "owes", second.record(t, id).Unsettled(), false)
	equal(t, "found by the second node", second.found(t, "bright"), 1)
}

// TestWriteOfUnknownOutcome takes something off while the ledger's answer gets
// lost, or the client goes away: what was taken off must not be shown.
func TestWriteOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	t.Run("answer lost", func(t *testing.T) {
		t.Parallel()
		store := &faulty{Store: openStore(t)}
		n := nodeOn(t, store, newClock())
		id := n.published(t, alice, "A bright lamp")
		equal(t, "listed", n.bodies(t), []string{"A bright lamp"})
		store.set(func(ctx context.Context, do func(context.Context) error) error {
			return errors.Join(ledger.ErrUnavailable, do(ctx))
		}, nil)
		if _, err := n.Decide(t.Context(), mod, site, id, decision(moderation.ActionRemove, 2)); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("decide: %v", err)
		}
		equal(t, "listed after the removal", n.bodies(t), []string{})
		equal(t, "found after the removal", n.found(t, "bright"), 0)
	})
	t.Run("client gone", func(t *testing.T) {
		t.Parallel()
		store := &faulty{Store: openStore(t)}
		n := nodeOn(t, store, newClock())
		id := n.published(t, alice, "A bright lamp")
		equal(t, "listed", n.bodies(t), []string{"A bright lamp"})
		ctx, leave := context.WithCancel(t.Context())
		store.set(func(ctx context.Context, do func(context.Context) error) error {
			leave()
			return do(ctx)
		}, nil)
		_, _ = n.Decide(ctx, mod, site, id, decision(moderation.ActionRemove, 2)) // nobody is there to hear
		equal(t, "state", n.record(t, id).State, content.Removed)
		equal(t, "listed after the removal", n.bodies(t), []string{})
	})
	t.Run("reading back fails", func(t *testing.T) {
		t.Parallel()
		store := &faulty{Store: openStore(t)}
		n := nodeOn(t, store, newClock())
		id := n.published(t, alice, "A bright lamp")
		equal(t, "listed", n.bodies(t), []string{"A bright lamp"})
		store.set(func(ctx context.Context, do func(context.Context) error) error {
			err := do(ctx)
			store.set(nil, func() error { return ledger.ErrUnavailable })
			return err
		}, nil)
		_, _ = n.Decide(t.Context(), mod, site, id, decision(moderation.ActionRemove, 2))
		store.set(nil, nil)
		equal(t, "listed after the removal", n.bodies(t), []string{})
	})
}

// TestNodesFollow lets two nodes share a ledger, each with indexes of its own.
func TestNodesFollow(t *testing.T) {
	t.Parallel()
	store, c := sharing{openStore(t)}, newClock()
	a, b := nodeOn(t, store, c), nodeOn(t, store, c)
	began := c.now()
	follow := func(n *node) {
		t.Helper()
		c.advance(time.Second)
		noError(t, n.Follow(t.Context(), began))
	}
	see := func(bodies []string, hits int) {
		t.Helper()
		for name, n := range map[string]*node{"a": a, "b": b} {
			equal(t, "listed by "+name, n.bodies(t), bodies)
			equal(t, "found by "+name, n.found(t, "bright"), hits)
		}
	}
	id := a.submit(t, alice, "A bright lamp")
	see([]string{}, 0)
	follow(b)
	equal(t, "waiting at b", b.Waiting(site), 1)
	b.decide(t, id, moderation.ActionApprove, 1)
	follow(a)
	equal(t, "waiting at a", a.Waiting(site), 0)
	see([]string{"A bright lamp"}, 1)

	_, err := a.Vote(t.Context(), bob, site, id, 1)
	noError(t, err)
	follow(b)
	if _, items := b.shown(t); items[0].Votes.Helpful != 1 {
		t.Errorf("b shows votes %+v", items[0].Votes)
	}

	body := "A lamp, brighter than bright"
	_, err = a.Edit(t.Context(), alice, site, id, 2, lifecycle.Edit{Body: &body})
	noError(t, err)
	follow(b)
	see([]string{"A bright lamp"}, 1)
	b.decide(t, id, moderation.ActionApprove, 3)
	follow(a)
	see([]string{body}, 1)

	noError(t, b.Withdraw(t.Context(), alice, site, id, 0))
	follow(a)
	see([]string{}, 0)
	if _, err := a.Decide(t.Context(), mod, site, id, decision(moderation.ActionApprove, 4)); !errors.Is(err, lifecycle.ErrConflict) {
		t.Errorf("deciding on what the other node has changed: %v", err)
	}
	equal(t, "actions", a.actions(t, id), []string{"submit", "approve", "edit", "approve", "withdraw"})
	a.checked(t)
	b.checked(t)
}

// TestImportWhileReading reads listings all through an import.
func TestImportWhileReading(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	const rows = 2500
	im, err := n.Import(t.Context(), site, content.Approved)
	noError(t, err)
	done := make(chan struct{})
	read := make(chan error, 1)
	go func() {
		last := 0
		for {
			select {
			case <-done:
				read <- nil
				return
			default:
			}
			sum, err := n.Summary(context.Background(), site, "lamp")
			switch {
			case errors.Is(err, lifecycle.ErrNotFound): // not yet
			case err != nil:
				read <- err
				return
			case sum.Summary.Count < last || sum.Summary.Count > rows || sum.Summary.Rated != sum.Summary.Count:
				read <- fmt.Errorf("summed up %+v after %d", sum.Summary, last)
				return
			default:
				last = sum.Summary.Count
			}
		}
	}()
	for i := range rows {
		row, err := lifecycle.ParseImportRow(fmt.Appendf(nil, `{"product":"lamp","rating":%d,"body":"Bright number %d"}`, 1+i%5, i), 0)
		noError(t, err)
		noError(t, im.Add(t.Context(), row, "rows", i+1))
	}
	all, err := im.Close(t.Context())
	noError(t, err)
	equal(t, "added", all.Added, rows)
	sum, err := n.Summary(t.Context(), site, "lamp")
	noError(t, err)
	equal(t, "stars", sum.Summary.Histogram, [5]int{500, 500, 500, 500, 500})
	close(done)
	noError(t, <-read)
	n.checked(t)
}
