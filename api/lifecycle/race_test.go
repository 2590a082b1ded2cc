package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// atOnce runs things as nearly at the same time as goroutines can.
func atOnce(things ...func() error) []error {
	out := make([]error, len(things))
	start := make(chan struct{})
	var work sync.WaitGroup
	for i, f := range things {
		work.Go(func() {
			<-start
			out[i] = f()
		})
	}
	close(start)
	work.Wait()
	return out
}

// TestOneWinner lets moderators and the author change a content from the same
// revision.
func TestOneWinner(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for round := range 20 {
		author := content.Actor{ID: fmt.Sprint("author-", round), Role: content.Shopper}
		id := n.published(t, author, "A bright lamp")
		body := "A dim lamp"
		errs := atOnce(
			func() error {
				_, err := n.Decide(t.Context(), mod, site, id, decision(moderation.ActionRemove, 2))
				return err
			},
			func() error {
				_, err := n.Decide(t.Context(), mod2, site, id, decision(moderation.ActionRequestChanges, 2))
				return err
			},
			func() error {
				_, err := n.Edit(t.Context(), author, site, id, 2, lifecycle.Edit{Body: &body})
				return err
			},
			func() error { return n.Withdraw(t.Context(), author, site, id, 2) },
		)
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, lifecycle.ErrConflict) {
				t.Errorf("round %d: %v", round, err)
			}
		}
		equal(t, "winners", won, 1)
		equal(t, "revision", n.record(t, id).Rev, 3)
		equal(t, "changes on record", len(n.actions(t, id)), 3)
	}
	n.checked(t)
}

// TestVotesAddUp lets many people vote, and change their minds, at once.
func TestVotesAddUp(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	id := n.published(t, alice, "A bright lamp")
	n.shown(t) // the listing is in memory from now on
	const voters, changes = 24, 5
	final := make([]int, voters)
	var votes []func() error
	for i := range voters {
		r := rand.New(rand.NewPCG(7, uint64(i)))
		votes = append(votes, func() error {
			who := content.Actor{ID: fmt.Sprint("voter-", i), Role: content.Shopper}
			for range changes {
				final[i] = r.IntN(3) - 1
				if _, err := n.Vote(t.Context(), who, site, id, final[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, err := range atOnce(votes...) {
		noError(t, err)
	}
	var want content.Votes
	for _, v := range final {
		switch v {
		case 1:
			want.Helpful++
		case -1:
			want.Unhelpful++
		}
	}
	tally, err := n.Ledger.Tallies.Get(t.Context(), id)
	noError(t, err)
	equal(t, "sum", tally.Votes, want)
	_, items := n.shown(t)
	equal(t, "listed", items[0].Votes, want)
	n.checked(t)
}

// TestIdempotencyKey repeats submissions.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	keyed := func(body string) lifecycle.Submission {
		in := review(body)
		in.Key, in.Hash = "key", "hash of "+body
		return in
	}
	var mu sync.Mutex
	ids, answers := map[string]bool{}, map[string]bool{}
	var tries []func() error
	for range 16 {
		tries = append(tries, func() error {
			done, err := n.Submit(t.Context(), alice, keyed("A bright lamp"))
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			ids[done.ID], answers[string(done.Body)] = true, true
			return nil
		})
	}
	for _, err := range atOnce(tries...) {
		if err != nil && !errors.Is(err, lifecycle.ErrInFlight) {
			t.Error(err)
		}
	}
	equal(t, "contents and answers", []int{len(ids), len(answers)}, []int{1, 1})
	again, err := n.Submit(t.Context(), alice, keyed("A bright lamp"))
	noError(t, err)
	equal(t, "replayed", again.Replayed && ids[again.ID] && answers[string(again.Body)], true)
	if _, err := n.Submit(t.Context(), alice, keyed("Something else")); !errors.Is(err, lifecycle.ErrReplayMismatch) {
		t.Errorf("another payload: %v", err)
	}
	// The key is one person's own.
	other, err := n.Submit(t.Context(), bob, keyed("Bob's lamp"))
	noError(t, err)
	equal(t, "replayed for another", other.Replayed, false)
	// A submission that was refused leaves nothing to answer for it.
	dup := keyed("A second review")
	dup.Key = "second"
	for range 2 {
		if _, err := n.Submit(t.Context(), alice, dup); !errors.Is(err, lifecycle.ErrDuplicate) {
			t.Errorf("a second review: %v", err)
		}
	}
	n.checked(t)
}

// TestCrashLeftovers plants what an engine without transactions leaves behind
// when it crashes between two inserts.
func TestCrashLeftovers(t *testing.T) {
	t.Parallel()
	in := review("A bright lamp")
	in.Key, in.Hash = "key", "hash"
	for name, plant := range map[string]func(n *node) error{
		"answer without a content": func(n *node) error {
			return n.Ledger.Replays.Insert(t.Context(), &ledger.Replay{
				Key: ledger.Key(site, alice.ID, "key"), Hash: "hash", Content: newID(), Body: []byte("{}"), At: n.clock.now(), Rev: 1,
			})
		},
		"slot without a content": func(n *node) error {
			return n.Ledger.Slots.Insert(t.Context(), &ledger.Slot{
				Key: ledger.Key(site, "review", lamp.ID, alice.ID), Content: newID(), At: n.clock.now(), Rev: 1,
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			noError(t, plant(n))
			if _, err := n.Submit(t.Context(), alice, in); !errors.Is(err, lifecycle.ErrInFlight) {
				t.Errorf("while it may be at work: %v", err)
			}
			n.clock.advance(lifecycle.InFlight + time.Second)
			done, err := n.Submit(t.Context(), alice, in)
			noError(t, err)
			equal(t, "replayed", done.Replayed, false)
			again, err := n.Submit(t.Context(), alice, in)
			noError(t, err)
			equal(t, "repeated", []any{again.ID, again.Replayed}, []any{done.ID, true})
			n.checked(t)
		})
	}
}

// TestSlot gives a person one review of a product at a time.
func TestSlot(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	first := n.published(t, alice, "A bright lamp")
	_, err := n.Submit(t.Context(), alice, review("Another"))
	var dup *lifecycle.DuplicateError
	if !errors.As(err, &dup) || dup.ID != first {
		t.Fatalf("a second review: %v", err)
	}
	noError(t, n.Withdraw(t.Context(), alice, site, first, 0))
	var tries []func() error
	for i := range 8 {
		tries = append(tries, func() error {
			_, err := n.Submit(t.Context(), alice, review(fmt.Sprint("Again ", i)))
			return err
		})
	}
	won := 0
	for _, err := range atOnce(tries...) {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, lifecycle.ErrDuplicate) && !errors.Is(err, lifecycle.ErrInFlight):
			t.Error(err)
		}
	}
	equal(t, "reviews after the withdrawal", won, 1)
	n.checked(t)
}

// TestEraseWhileVoting removes a person while others vote for what they wrote.
func TestEraseWhileVoting(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	mine := n.published(t, alice, "A bright lamp of alice")
	body := "A brighter lamp of alice"
	_, err := n.Edit(t.Context(), alice, site, mine, 2, lifecycle.Edit{Body: &body})
	noError(t, err)
	others := n.published(t, bob, "A bright lamp of bob")
	_, err = n.Vote(t.Context(), alice, site, others, 1)
	noError(t, err)
	_, err = n.Report(t.Context(), alice, site, others, "spam", "words of alice")
	noError(t, err)
	things := []func() error{func() error {
		receipt, err := n.Erase(t.Context(), alice, site)
		if err == nil && (receipt.Contents != 1 || receipt.Votes != 1 || receipt.Reports != 1) {
			err = fmt.Errorf("receipt %+v", receipt)
		}
		return err
	}}
	for i := range 12 {
		who := content.Actor{ID: fmt.Sprint("voter-", i), Role: content.Shopper}
		things = append(things, func() error {
			if _, err := n.Vote(t.Context(), who, site, mine, 1); err != nil && !errors.Is(err, lifecycle.ErrNotFound) {
				return err
			}
			_, err := n.Vote(t.Context(), who, site, others, 1-2*(i%2))
			return err
		})
	}
	for _, err := range atOnce(things...) {
		noError(t, err)
	}
	equal(t, "listed", n.bodies(t), []string{"A bright lamp of bob"})
	equal(t, "found", n.found(t, "alice"), 0)
	_, items := n.shown(t)
	equal(t, "votes for the other", items[0].Votes, content.Votes{Helpful: 6, Unhelpful: 6})
	for _, doc := range n.words(t) {
		if strings.Contains(strings.ToLower(doc), "alice") {
			t.Errorf("the ledger still holds words or the name of who was erased: %s", doc)
		}
	}
	n.checked(t)
	// There is room for a new beginning.
	n.submit(t, alice, "Back again")
}

// words is every document of the ledger as text.
func (n *node) words(t testing.TB) (out []string) {
	t.Helper()
	for _, schema := range ledger.Schemas() {
		for raw, err := range n.store.Scan(context.Background(), schema.Table, ledger.Range{}) {
			noError(t, err)
			out = append(out, raw.String())
		}
	}
	return out
}
