package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
