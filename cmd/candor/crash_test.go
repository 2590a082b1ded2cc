package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// TestCrash kills a server at random moments in the middle of mixed writes.
// After each kill the ledger is read as it lies on disk: every write that was
// acknowledged must be there. The restarted server must show exactly what a
// recount of that ledger gives, and nothing that nobody approved.
func TestCrash(t *testing.T) {
	t.Parallel()
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	seed := crashSeed(t)
	binary := built(t)
	data := newData(t)
	catalogue(t, data)
	w := newWitness(t, data)
	moments := rand.New(rand.NewPCG(seed, 0))
	expected := recount(t, data)
	for round := range rounds {
		server := serveApart(t, binary, data)
		c := newClient(t, server.url, "")
		w.compare(t, c, expected)
		w.retry(t, c)
		w.disturb(c, server, seed, round, time.Duration(30+moments.IntN(600))*time.Millisecond)
		expected = recount(t, data)
		w.verify(t, expected)
		if t.Failed() {
			t.Fatalf("after kill %d of %d", round+1, rounds)
		}
	}
	server := serveApart(t, binary, data)
	w.compare(t, newClient(t, server.url, ""), expected)
	server.interrupt(t)
	command(t, "check", "--data", data).must(t)
	t.Logf("acknowledged: %v; contents %d, votes %d, reports %d", w.counts, len(expected.records), len(expected.votes), len(expected.reports))
	for _, action := range []string{"submit", "edit", "approve", "withdraw", "vote", "report"} {
		if w.counts[action] == 0 && !testing.Short() {
			t.Errorf("no %s was acknowledged: the test did not test it", action)
		}
	}
}

// crashSeed is the seed of a test's random numbers. CANDOR_CRASH_SEED repeats a
// run.
func crashSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CANDOR_CRASH_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("CANDOR_CRASH_SEED=%d", seed)
	return seed
}

// catalogue puts the products in place: strangers may list what is known of them
// before anything is published.
func catalogue(t testing.TB, data string) {
	t.Helper()
	store, err := openLedger(t.Context(), "bolt:"+filepath.Join(data, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range crashProducts {
		p := &ledger.Product{Rev: 1, Product: content.Product{Site: "shop", ID: id, Name: id}}
		if err := ledger.New(store).Products.Insert(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

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

// state is a ledger as it lies on disk.
type state struct {
	records map[string]*ledger.Record
	events  map[string]map[int64]ledger.Event
	texts   map[string]map[int64]string
	votes   map[[2]string]int
	reports map[[2]string]string
}

// recount reads a ledger that no process has open.
func recount(t *testing.T, data string) *state {
	t.Helper()
	ctx := context.Background()
	store, err := openLedger(ctx, "bolt:"+filepath.Join(data, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	l := ledger.New(store)
	s := &state{
		records: map[string]*ledger.Record{}, events: map[string]map[int64]ledger.Event{},
		texts: map[string]map[int64]string{}, votes: map[[2]string]int{}, reports: map[[2]string]string{},
	}
	every(t, l.Contents, func(rec *ledger.Record) {
		s.records[rec.ID] = rec
		s.events[rec.ID], s.texts[rec.ID] = map[int64]ledger.Event{}, map[int64]string{rec.Current.Rev: rec.Current.Body}
		if v := rec.ApprovedVersion; v != nil {
			s.texts[rec.ID][v.Rev] = v.Body
		}
		for _, e := range rec.Events {
			s.events[rec.ID][e.Rev] = e
			if e.Previous != nil {
				s.texts[rec.ID][e.Previous.Rev] = e.Previous.Body
			}
		}
	})
	every(t, l.Events, func(e *ledger.Event) { s.events[e.Content][e.Rev] = *e })
	every(t, l.Revisions, func(r *ledger.Revision) { s.texts[r.Content][r.Version.Rev] = r.Version.Body })
	every(t, l.Votes, func(v *ledger.Vote) { s.votes[[2]string{v.Content, v.Voter}] = v.Value })
	every(t, l.Reports, func(r *ledger.Report) { s.reports[[2]string{r.Content, r.Reporter}] = r.Note })
	return s
}

func every[T any](t testing.TB, table ledger.Table[T], visit func(*T)) {
	t.Helper()
	for v, err := range table.Scan(context.Background(), ledger.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		visit(v)
	}
}

// verify holds what was acknowledged against the ledger.
func (w *witness) verify(t *testing.T, s *state) {
	t.Helper()
	for id, changes := range w.acked {
		rec := s.records[id]
		if rec == nil {
			t.Errorf("%s was acknowledged and is gone", id)
			continue
		}
		for _, change := range changes {
			w.verifyChange(t, s, rec, change)
		}
	}
	bodies := map[string]string{}
	for id, rec := range s.records {
		if int64(len(s.events[id])) != rec.Rev {
			t.Errorf("%s is at revision %d with %d events", id, rec.Rev, len(s.events[id]))
		}
		if first := s.texts[id][1]; bodies[first] != "" {
			t.Errorf("%q was taken in twice, as %s and %s", first, bodies[first], id)
		} else {
			bodies[first] = id
		}
		if v, public := rec.PublicVersion(); public && !w.approvable[v.Body] {
			t.Errorf("%s shows %q, which nobody approved", id, v.Body)
		}
	}
	for at, value := range w.votes {
		found, sent := s.votes[at], value
		if v, pending := w.sentVotes[at]; pending {
			sent = v
		}
		if found != value && found != sent {
			t.Errorf("vote of %s for %s is %d, acknowledged was %d", at[1], at[0], found, value)
		}
		w.votes[at] = found
	}
	clear(w.sentVotes)
	for at, note := range w.reports {
		if _, ok := s.reports[at]; !ok {
			t.Errorf("report %q of %s on %s is gone", note, at[1], at[0])
		}
	}
}

func (w *witness) verifyChange(t *testing.T, s *state, rec *ledger.Record, change written) {
	t.Helper()
	if change.action == "withdraw" {
		if rec.State != content.Withdrawn {
			t.Errorf("%s was withdrawn and is %s", rec.ID, rec.State)
		}
		return
	}
	if got := s.events[rec.ID][change.rev].Action; got != change.action {
		t.Errorf("%s: %s was acknowledged as revision %d, found %q; the content is at %d", rec.ID, change.action, change.rev, got, rec.Rev)
	}
	if change.body != "" && s.texts[rec.ID][change.rev] != change.body {
		t.Errorf("%s: the text of revision %d is %q, was %q", rec.ID, change.rev, s.texts[rec.ID][change.rev], change.body)
	}
}

// compare holds what strangers see against the ledger.
func (w *witness) compare(t *testing.T, c client, s *state) {
	t.Helper()
	public := map[string]string{}
	for _, product := range crashProducts {
		want := map[string]item{}
		histogram, sum, known := [5]int{}, 0, false
		for id, rec := range s.records {
			if rec.Subject.ID != product {
				continue
			}
			known = true
			v, ok := rec.PublicVersion()
			if !ok {
				continue
			}
			it := item{ID: id, Kind: string(rec.Kind), Rating: v.Rating, Body: v.Body}
			for at, value := range s.votes {
				if at[0] == id && value > 0 {
					it.Votes.Helpful++
				} else if at[0] == id && value < 0 {
					it.Votes.Unhelpful++
				}
			}
			want[id], public[id] = it, v.Body
			histogram[v.Rating-1]++
			sum += v.Rating
		}
		if known {
			w.compareProduct(t, c, product, want, histogram, sum)
		}
	}
	w.compareSearch(t, c, public)
	ids := w.ids[max(0, len(w.ids)-40):]
	for _, id := range ids {
		a, err := c.ask(http.MethodGet, "/contents/"+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, shown := public[id]; shown != (a.status == http.StatusOK) || !shown && a.status != http.StatusNotFound {
			t.Errorf("a stranger asking for %s got %d; public: %t", id, a.status, shown)
		}
	}
}

func (w *witness) compareProduct(t *testing.T, c client, product string, want map[string]item, histogram [5]int, sum int) {
	t.Helper()
	got := all(t, c, "/products/"+product+"/reviews")
	if len(got) != len(want) {
		t.Errorf("%s lists %d reviews, the ledger has %d", product, len(got), len(want))
	}
	for _, it := range got {
		if it != want[it.ID] {
			t.Errorf("%s lists %+v, the ledger has %+v", product, it, want[it.ID])
		}
	}
	summary := get[struct {
		Count, Rated int
		Average      float64
		Histogram    [5]int
	}](t, c, "/products/"+product+"/summary")
	if summary.Count != len(want) {
		t.Errorf("%s sums up %d reviews, the ledger has %d", product, summary.Count, len(want))
	}
	if summary.Histogram != histogram {
		t.Errorf("%s: stars %v, the ledger has %v", product, summary.Histogram, histogram)
	}
	if n := len(want); n > 0 {
		if diff := summary.Average - float64(sum)/float64(n); diff > 0.01 || diff < -0.01 {
			t.Errorf("%s: average %v, the ledger gives %v", product, summary.Average, float64(sum)/float64(n))
		}
	}
}

func (w *witness) compareSearch(t *testing.T, c client, public map[string]string) {
	t.Helper()
	found := get[struct {
		Items []struct{ Content item }
		Total int
	}](t, c, "/search?q=steady&limit=100")
	if found.Total != len(public) {
		t.Errorf("search finds %d, the ledger has %d public", found.Total, len(public))
	}
	for _, it := range found.Items {
		if body, ok := public[it.Content.ID]; !ok || body != it.Content.Body || !strings.Contains(body, "steady") {
			t.Errorf("search finds %s: %q, public is %q", it.Content.ID, it.Content.Body, body)
		}
	}
}
