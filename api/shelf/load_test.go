package shelf_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/shelf"
)

// gate stops the first load after it has read one content and before it hands it over.
type gate struct {
	at             string
	entered, leave chan struct{}
}

func newGate(m *memory, id string) *gate {
	g := &gate{at: id, entered: make(chan struct{}), leave: make(chan struct{})}
	var used atomic.Bool
	m.scanned = func(ctx context.Context, id string) {
		if id != g.at || !used.CompareAndSwap(false, true) {
			return
		}
		close(g.entered)
		select {
		case <-g.leave:
		case <-ctx.Done():
		}
	}
	return g
}

type outcome struct {
	page *shelf.Page
	err  error
}

func listAside(ctx context.Context, s *shelf.Shelf) <-chan outcome {
	out := make(chan outcome, 1)
	go func() {
		p, err := s.List(ctx, reviewsOf())
		out <- outcome{p, err}
	}()
	return out
}

func TestRefreshDuringLoadIsNotLost(t *testing.T) {
	t.Parallel()
	m := newMemory(review("a", 5, 1), review("b", 4, 2))
	g := newGate(m, "a")
	s := shelf.New(m, shelf.Options{})
	first := listAside(t.Context(), s)
	<-g.entered
	m.commit(hidden(review("a", 5, 1)))
	refresh(t, s, "a")
	m.commit(review("c", 1, 3))
	refresh(t, s, "c")
	m.vote("b", content.Votes{Helpful: 3})
	refresh(t, s, "b")
	close(g.leave)
	o := <-first
	if o.err != nil || !slices.Equal(o.page.IDs, []string{"c", "b"}) || *decode(t, o.page).Total != 2 {
		t.Fatalf("got %+v, %v", o.page, o.err)
	}
	if v := decode(t, o.page).Items[1].Votes; v.Helpful != 3 {
		t.Errorf("votes: %+v", v)
	}
	agree(t, s, m, reviewsOf())
	agreeSummary(t, s, m)
	agreeBytes(t, s)
}

func TestRefreshThatFailsDuringLoadFailsTheLoad(t *testing.T) {
	t.Parallel()
	m := newMemory(review("a", 5, 1))
	g := newGate(m, "a")
	s := shelf.New(m, shelf.Options{})
	first := listAside(t.Context(), s)
	<-g.entered
	refresh(t, s, "a")
	m.fail(errDisk)
	close(g.leave)
	if o := <-first; !errors.Is(o.err, errDisk) {
		t.Fatalf("got %+v", o)
	}
	m.fail(nil)
	agree(t, s, m, reviewsOf())
}

func TestLoadsAreShared(t *testing.T) {
	t.Parallel()
	m := newMemory(review("a", 5, 1))
	g := newGate(m, "a")
	s := shelf.New(m, shelf.Options{})
	// The one who began the load gives up; it goes on for the others.
	beginning, giveUp := context.WithCancel(t.Context())
	first := listAside(beginning, s)
	<-g.entered
	var others []<-chan outcome
	for range 8 {
		others = append(others, listAside(t.Context(), s))
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Summary(impatient, site, lamp.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("a waiter that gave up: %v", err)
	}
	waitForMisses(s, 10)
	giveUp()
	if o := <-first; !errors.Is(o.err, context.Canceled) {
		t.Errorf("the first that gave up: %+v", o)
	}
	close(g.leave)
	for _, c := range others {
		if o := <-c; o.err != nil || o.page.Total != 1 {
			t.Errorf("another: %+v", o)
		}
	}
	if n := m.loads.Load(); n != 1 {
		t.Errorf("loaded %d times", n)
	}
}

// waitForMisses returns when n requests wait or have waited.
func waitForMisses(s *shelf.Shelf, n uint64) {
	for s.Stats().Misses < n {
		runtime.Gosched()
	}
}

func TestLoadNobodyWaitsForEnds(t *testing.T) {
	t.Parallel()
	m := newMemory(review("a", 5, 1))
	g := newGate(m, "a") // nobody opens it: only the end of its context does
	s := shelf.New(m, shelf.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	first := listAside(ctx, s)
	<-g.entered
	cancel()
	if o := <-first; !errors.Is(o.err, context.Canceled) {
		t.Fatalf("got %+v", o)
	}
	agree(t, s, m, reviewsOf())
	if n := m.loads.Load(); n != 2 {
		t.Errorf("loaded %d times", n)
	}
}

func TestDropDuringLoad(t *testing.T) {
	t.Parallel()
	m := newMemory(review("a", 5, 1))
	g := newGate(m, "a")
	s := shelf.New(m, shelf.Options{})
	first := listAside(t.Context(), s)
	<-g.entered
	m.commit(hidden(review("a", 5, 1)))
	s.DropAll("other")
	s.Drop(site, lamp)
	// Who comes after the drop does not get what was read before it.
	agree(t, s, m, reviewsOf())
	close(g.leave)
	if o := <-first; o.err != nil {
		t.Errorf("the load that was dropped: %v", o.err)
	}
	agree(t, s, m, reviewsOf())
	agreeBytes(t, s)
	if n, stats := m.loads.Load(), s.Stats(); n != 2 || stats.Subjects != 1 {
		t.Errorf("loaded %d times: %+v", n, stats)
	}
}

func TestFailedRefreshServesNothingStale(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		fail error
		want error
	}{
		"source":  {t.Context(), errDisk, errDisk},
		"context": {cancelled, nil, context.Canceled},
	} {
		m := newMemory(review("a", 5, 1), review("b", 4, 2))
		s := shelf.New(m, shelf.Options{})
		list(t, s, reviewsOf())
		m.commit(hidden(review("a", 5, 1)))
		m.fail(c.fail)
		if err := s.Refresh(c.ctx, site, lamp, "a"); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
		if stats := s.Stats(); stats.Subjects != 0 || stats.Bytes != 0 || stats.Cards != 0 {
			t.Errorf("%s: still there: %+v", name, stats)
		}
		m.fail(nil)
		agree(t, s, m, reviewsOf())
	}
}

func TestRefreshOfWhatIsNotLoadedReadsNothing(t *testing.T) {
	t.Parallel()
	m := newMemory(review("a", 5, 1))
	s := shelf.New(m, shelf.Options{})
	refresh(t, s, "a")
	if n := m.reads.Load() + m.loads.Load(); n != 0 {
		t.Errorf("read %d times", n)
	}
}

func TestOlderRevisionNeverReplacesNewer(t *testing.T) {
	t.Parallel()
	m := newMemory(review("a", 5, 1))
	stale, _ := m.get("a")
	m.commit(review("a", 2, 1))
	s := shelf.New(m, shelf.Options{})
	list(t, s, reviewsOf())
	m.sees = func(shelf.Loaded) shelf.Loaded { return stale }
	refresh(t, s, "a")
	agree(t, s, m, reviewsOf())
}

// faulty is a Source that gives what a test says.
type faulty struct {
	published []shelf.Loaded
	panics    bool
}

func (f faulty) Published(context.Context, string, content.Subject) iter.Seq2[shelf.Loaded, error] {
	return func(yield func(shelf.Loaded, error) bool) {
		if f.panics {
			panic("corrupt page")
		}
		for _, l := range f.published {
			if !yield(l, nil) {
				return
			}
		}
	}
}

func (f faulty) One(context.Context, string, string) (shelf.Loaded, error) {
	return shelf.Loaded{}, shelf.ErrGone
}

func TestWhatASourceShouldNotGive(t *testing.T) {
	t.Parallel()
	loaded := func(c content.Content) shelf.Loaded { return shelf.Loaded{Content: &c} }
	foreign, elsewhere := review("a", 5, 1), review("a", 5, 1)
	foreign.Site, elsewhere.Subject = "other", content.BoardOf("lamp")
	unapproved, lost := review("u", 5, 1), review("l", 5, 1)
	unapproved.ApprovedRev, lost.ApprovedRev = 0, 7
	newer, older := review("a", 2, 1), review("a", 5, 1)
	newer.Rev, older.Rev = 3, 2
	gone := hidden(newer)
	own := review("a", 2, 1)
	own.Parent = own.ID
	for name, c := range map[string]struct {
		source faulty
		total  int
		fails  string
	}{
		"panic":          {faulty{panics: true}, 0, "corrupt page"},
		"no content":     {faulty{published: make([]shelf.Loaded, 1)}, 0, "not about"},
		"another site":   {faulty{published: []shelf.Loaded{loaded(foreign)}}, 0, "not about"},
		"another board":  {faulty{published: []shelf.Loaded{loaded(elsewhere)}}, 0, "not about"},
		"unapproved":     {faulty{published: []shelf.Loaded{loaded(unapproved), loaded(lost), loaded(hidden(review("h", 1, 1)))}}, 0, ""},
		"twice":          {faulty{published: []shelf.Loaded{loaded(newer), loaded(older), loaded(newer)}}, 1, ""},
		"the older last": {faulty{published: []shelf.Loaded{loaded(newer), loaded(older)}}, 1, ""},
		"its own parent": {faulty{published: []shelf.Loaded{loaded(own)}}, 1, ""},
		"hidden later":   {faulty{published: []shelf.Loaded{loaded(older), loaded(gone)}}, 0, ""},
		"not JSON at all": {faulty{published: []shelf.Loaded{loaded(func() content.Content {
			c := review("a", 5, 1)
			c.CreatedAt = c.CreatedAt.AddDate(9000, 0, 0)
			return c
		}())}}, 0, "encode"},
	} {
		s := shelf.New(c.source, shelf.Options{})
		p, err := s.List(t.Context(), reviewsOf())
		switch {
		case c.fails != "":
			if err == nil || !strings.Contains(err.Error(), c.fails) || s.Stats().Subjects != 0 {
				t.Errorf("%s: got %v, %v", name, p, err)
			}
		case err != nil || p.Total != c.total:
			t.Errorf("%s: got %+v, %v", name, p, err)
		case c.total == 1 && (decode(t, p).Items[0].Rating != 2 || decode(t, p).Items[0].Replies != 0):
			t.Errorf("%s: got %s", name, p.Body)
		}
	}
}
