package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
)

var crashProducts = []string{"lamp", "kettle", "drill"}

// written is a write of a revision that a server acknowledged.
type written struct {
	rev    int64
	action string
	body   string // of submit and edit
}

// attempt is a submission whose answer never came.
type attempt struct{ product, author, key, body string }

// witness remembers what the server acknowledged and what was sent at all.
type witness struct {
	data      string
	moderator []string

	mu  sync.Mutex
	ids []string
	// acked are the acknowledged changes of each content, authors who wrote it.
	acked   map[string][]written
	authors map[string]string
	// approvable are the bodies that somebody tried to approve.
	approvable map[string]bool
	// votes and reports by content and person: what was acknowledged, and what
	// was sent last, if that is not known to have arrived.
	votes, sentVotes map[[2]string]int
	reports          map[[2]string]string
	lost             []attempt
	replayed         map[string]attempt
	counts           map[string]int
	serial           int
}

func newWitness(t *testing.T, data string) *witness {
	return &witness{
		data: data, moderator: []string{tokenOf(t, data, "mod-1", content.Moderator), tokenOf(t, data, "mod-2", content.Moderator)},
		acked: map[string][]written{}, authors: map[string]string{}, approvable: map[string]bool{},
		votes: map[[2]string]int{}, sentVotes: map[[2]string]int{}, reports: map[[2]string]string{},
		replayed: map[string]attempt{}, counts: map[string]int{},
	}
}

func (w *witness) ack(id string, change written) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if change.action == "submit" {
		w.ids = append(w.ids, id)
	}
	w.acked[id] = append(w.acked[id], change)
	w.counts[change.action]++
}

// disturb writes from many sides until the server is killed.
func (w *witness) disturb(c client, server *process, seed uint64, round int, life time.Duration) {
	var acts []func() error
	for i, act := range []func(*rand.Rand, client) error{
		w.submit, w.submit, w.submit, w.edit, w.edit, w.decide(0), w.decide(0), w.decide(1), w.vote("v1"), w.vote("v2"), w.report("r1"), w.withdraw,
	} {
		r := rand.New(rand.NewPCG(seed, uint64(round*100+i+1)))
		acts = append(acts, func() error { return act(r, c) })
	}
	untilKilled(server, life, acts)
}

// untilKilled repeats acts side by side until the server is killed. An act that
// fails is not repeated: the server is gone.
func untilKilled(server *process, life time.Duration, acts []func() error) {
	over := make(chan struct{})
	var work sync.WaitGroup
	for _, act := range acts {
		work.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if act() != nil {
					return
				}
			}
		})
	}
	timer := time.NewTimer(life)
	defer timer.Stop()
	<-timer.C
	server.kill()
	close(over)
	work.Wait()
}

// token mints one; the sites' files are all it needs.
func (w *witness) token(sub string) string {
	return tokenOf(failing{}, w.data, sub, content.Shopper)
}

// failing stands in for a test where none may be failed from: minting from a
// good file does not fail.
type failing struct{ testing.TB }

func (failing) Helper()           {}
func (failing) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (w *witness) submit(r *rand.Rand, c client) error {
	w.mu.Lock()
	w.serial++
	n := w.serial
	w.mu.Unlock()
	a := attempt{
		product: crashProducts[r.IntN(len(crashProducts))], author: fmt.Sprintf("author-%d", n), key: fmt.Sprintf("key-%d", n),
		body: fmt.Sprintf("submission %d, a steady thing worth its price", n),
	}
	err := w.post(c, a)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lost = append(w.lost, a)
	}
	return err
}

func (w *witness) post(c client, a attempt) error {
	res, err := c.as(w.token(a.author)).ask(http.MethodPost, "/products/"+a.product+"/reviews",
		map[string]any{"rating": 1 + len(a.body)%5, "body": a.body}, "Idempotency-Key", a.key)
	if err != nil {
		return err
	}
	var p item
	if err := as(res, http.StatusCreated, &p); err != nil {
		return err
	}
	w.mu.Lock()
	w.authors[p.ID] = a.author
	w.mu.Unlock()
	w.ack(p.ID, written{rev: p.Rev, action: "submit", body: a.body})
	return nil
}

// retry sends again what got no answer, as a client would: it must be done
// once, whether it had been done before or not.
func (w *witness) retry(t *testing.T, c client) {
	t.Helper()
	for _, a := range w.lost {
		if err := w.post(c, a); err != nil {
			t.Fatalf("repeat a submission after a crash: %v", err)
		}
		w.replayed[a.body] = a
	}
	w.lost = nil
}

// pick gives an acknowledged content and a revision to start from.
func (w *witness) pick(r *rand.Rand) (id, author string, rev int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ids) == 0 {
		return "", "", 0
	}
	id = w.ids[len(w.ids)-1-r.IntN(min(len(w.ids), 60))]
	for _, change := range w.acked[id] {
		rev = max(rev, change.rev)
	}
	return id, w.authors[id], rev
}

func (w *witness) edit(r *rand.Rand, c client) error {
	id, author, rev := w.pick(r)
	if id == "" {
		return nil
	}
	body := fmt.Sprintf("edit %d of %s, still a steady thing", r.Uint64(), id)
	res, err := c.as(w.token(author)).ask(http.MethodPatch, "/contents/"+id, map[string]any{"body": body},
		"If-Match", strconv.Quote(strconv.FormatInt(rev, 10)))
	if err != nil {
		return err
	}
	var p item
	switch err := as(res, http.StatusOK, &p); {
	case err == nil:
		w.ack(id, written{rev: p.Rev, action: "edit", body: body})
	case res.status != http.StatusPreconditionFailed && res.status != http.StatusConflict:
		return err
	}
	return nil
}

func (w *witness) withdraw(r *rand.Rand, c client) error {
	id, author, _ := w.pick(r)
	if id == "" || r.IntN(8) > 0 {
		return w.submit(r, c)
	}
	res, err := c.as(w.token(author)).ask(http.MethodDelete, "/contents/"+id, nil)
	if err != nil {
		return err
	}
	if res.status == http.StatusNoContent {
		w.ack(id, written{action: "withdraw"})
	}
	return nil
}

func (w *witness) decide(who int) func(*rand.Rand, client) error {
	return func(r *rand.Rand, c client) error {
		id, _, _ := w.pick(r)
		if id == "" {
			return nil
		}
		c = c.as(w.moderator[who])
		res, err := c.ask(http.MethodGet, "/moderation/items/"+id, nil)
		if err != nil {
			return err
		}
		var p struct {
			Content item
			Actions []string
		}
		if err := as(res, http.StatusOK, &p); err != nil {
			return err
		}
		action := ""
		for _, a := range []string{"approve", "approve", "approve", "reject", "remove", "restore", "request_changes"} {
			if slices.Contains(p.Actions, a) && (action == "" || r.IntN(3) == 0) {
				action = a
			}
		}
		if action == "" {
			return nil
		}
		if action == "approve" || action == "restore" {
			w.mu.Lock()
			w.approvable[p.Content.Body] = true
			w.mu.Unlock()
		}
		body := map[string]any{"action": action, "rev": p.Content.Rev, "reasons": []string{"spam"}}
		if res, err = c.ask(http.MethodPost, "/moderation/items/"+id+"/decision", body); err != nil {
			return err
		}
		var done item
		switch err := as(res, http.StatusOK, &done); {
		case err == nil:
			w.ack(id, written{rev: done.Rev, action: action})
		case res.status != http.StatusConflict:
			return err
		}
		return nil
	}
}

func (w *witness) vote(voter string) func(*rand.Rand, client) error {
	return func(r *rand.Rand, c client) error {
		id, _, _ := w.pick(r)
		if id == "" {
			return nil
		}
		at, value := [2]string{id, voter}, r.IntN(3)-1
		w.mu.Lock()
		w.sentVotes[at] = value
		w.mu.Unlock()
		res, err := c.as(w.token(voter)).ask(http.MethodPut, "/contents/"+id+"/vote", map[string]any{"value": value})
		if err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if res.status == http.StatusOK {
			w.votes[at] = value
			w.counts["vote"]++
		}
		delete(w.sentVotes, at)
		return nil
	}
}

func (w *witness) report(reporter string) func(*rand.Rand, client) error {
	return func(r *rand.Rand, c client) error {
		id, _, _ := w.pick(r)
		if id == "" {
			return nil
		}
		note := fmt.Sprint("note ", r.Uint64())
		res, err := c.as(w.token(reporter)).ask(http.MethodPost, "/contents/"+id+"/reports", map[string]any{"reason": "spam", "note": note})
		if err != nil || res.status != http.StatusCreated {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reports[[2]string{id, reporter}] = note
		w.counts["report"]++
		return nil
	}
}

// errAnswer is an answer that no write of this test should get.
var errAnswer = errors.New("unexpected answer")

func as(a answer, status int, v any) error {
	if a.status != status {
		return fmt.Errorf("%w: status %d: %s", errAnswer, a.status, a.body)
	}
	return json.Unmarshal(a.body, v)
}
