package shelf_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

func TestRepliesAreCountedInTheirParent(t *testing.T) {
	t.Parallel()
	question := review("q", 0, 1)
	question.Kind = content.Question
	question.Current.Attributes = map[string]string{"replies": `"replies":7`}
	question.Current.Ratings = map[string]int{"replies": 3}
	m := newMemory(question, reply("a1", content.Answer, "q", 2), reply("a2", content.Answer, "q", 3), hidden(reply("a3", content.Answer, "q", 4)))
	s := shelf.New(m, shelf.Options{})
	questions := shelf.Query{Site: site, Subject: lamp, Kind: content.Question}
	answers := shelf.Query{Site: site, Subject: lamp, Parent: "q", Kind: content.Review, Sort: shelf.Oldest}
	check := func(step string, want int) {
		t.Helper()
		before := list(t, s, questions)
		agree(t, s, m, questions)
		agree(t, s, m, answers)
		if got := decode(t, before).Items[0].Replies; got != want {
			t.Errorf("%s: %d replies, want %d", step, got, want)
		}
	}
	check("loaded", 2)
	m.commit(reply("a3", content.Answer, "q", 4))
	refresh(t, s, "a3")
	check("another", 3)
	m.commit(hidden(reply("a1", content.Answer, "q", 2)))
	refresh(t, s, "a1")
	check("one less", 2)
	m.vote("q", content.Votes{Helpful: 1})
	refresh(t, s, "q")
	check("a vote for the question", 2)
	m.commit(hidden(question))
	refresh(t, s, "q")
	m.remove("a2")
	refresh(t, s, "a2")
	if got := list(t, s, answers).IDs; !slices.Equal(got, []string{"a3"}) {
		t.Errorf("replies to a hidden question: %v", got)
	}
	m.commit(question)
	refresh(t, s, "q")
	check("back again", 1)
}

// Threads that are gone leave nothing behind.
func TestMemoryComesBack(t *testing.T) {
	t.Parallel()
	m := newMemory()
	s := shelf.New(m, shelf.Options{})
	list(t, s, reviewsOf())
	var all []content.Content
	for i := range 40 {
		all = append(all, review(fmt.Sprint("r", i), i%6, i), reply(fmt.Sprint("c", i), content.Comment, fmt.Sprint("r", i), i))
	}
	for _, c := range all {
		m.commit(c)
		refresh(t, s, c.ID)
		list(t, s, shelf.Query{Site: site, Subject: lamp, Parent: c.Parent, Kind: c.Kind, Sort: shelf.Helpful})
	}
	agreeBytes(t, s)
	for _, c := range all {
		m.commit(hidden(c))
		refresh(t, s, c.ID)
	}
	if stats := s.Stats(); stats.Bytes != shelf.RowBytes || stats.Cards != 0 || stats.Subjects != 1 {
		t.Errorf("got %+v", stats)
	}
}

func TestItems(t *testing.T) {
	t.Parallel()
	m := sample()
	sofa := review("z", 4, 1)
	sofa.Subject = content.ProductOf("sofa")
	m.commit(sofa)
	m.commit(hidden(review("h", 4, 1)))
	s := shelf.New(m, shelf.Options{})
	items, err := s.Items(t.Context(), site, []shelf.Ref{
		{Subject: lamp, ID: "a"},
		{Subject: sofa.Subject, ID: "z"},
		{Subject: lamp, ID: "h"},
		{Subject: lamp, ID: "z"},
		{Subject: lamp, ID: "e"},
		{Subject: content.BoardOf("x"), ID: "e"},
	})
	if err != nil || len(items) != 3 {
		t.Fatalf("got %d items, %v", len(items), err)
	}
	for _, id := range []string{"a", "e", "z"} {
		var p content.Public
		if err := json.Unmarshal(items[id], &p); err != nil || p.ID != id {
			t.Errorf("%s: %s, %v", id, items[id], err)
		}
	}
	body, etag, ok, err := s.Item(t.Context(), site, lamp, "a")
	if err != nil || !ok || &body[0] != &items["a"][0] || len(etag) < 10 || etag[0] != '"' || etag[len(etag)-1] != '"' {
		t.Errorf("item: %s %s %t %v", body, etag, ok, err)
	}
	for _, id := range []string{"h", "z", ""} {
		if body, _, ok, err := s.Item(t.Context(), site, lamp, id); ok || body != nil || err != nil {
			t.Errorf("%q is shown: %s, %v", id, body, err)
		}
	}
	if items, err := s.Items(t.Context(), site, nil); err != nil || len(items) != 0 {
		t.Errorf("no refs: %v, %v", items, err)
	}
	m.fail(errDisk)
	s.DropAll(site)
	if _, err := s.Items(t.Context(), site, []shelf.Ref{{lamp, "a"}, {sofa.Subject, "z"}}); !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
	if _, _, _, err := s.Item(t.Context(), site, lamp, "a"); !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Summary(t.Context(), site, lamp.ID); !errors.Is(err, errDisk) {
		t.Errorf("got %v", err)
	}
}

func TestSummaryFollowsThePrior(t *testing.T) {
	t.Parallel()
	mean, weight := 3.5, 7.0
	s := shelf.New(newMemory(review("a", 5, 1), review("b", 0, 2)), shelf.Options{
		Prior: func(name string) (float64, float64) {
			if name != site {
				t.Errorf("asked for the prior of %q", name)
			}
			return mean, weight
		},
	})
	sum := func(product string) *shelf.SummaryPage {
		p, err := s.Summary(t.Context(), site, product)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := sum("lamp")
	// (1*5 + 7*3.5) / 8, the unrated one left out
	if got := first.Summary; got.Score != 3.6875 || got.Average != 5 || got.Count != 2 || got.Rated != 1 {
		t.Errorf("got %+v", got)
	}
	if sum("lamp") != first {
		t.Error("the summary was made twice")
	}
	if got := sum("unknown").Summary; got != (content.Summary{Product: "unknown", Score: 3.5}) {
		t.Errorf("unknown product: %+v", got)
	}
	mean, weight = 1, 1
	second := sum("lamp")
	if second.Summary.Score != 3 || second.ETag == first.ETag {
		t.Errorf("another prior: %+v", second.Summary)
	}
	if got := sum("unknown").Summary.Score; got != 1 {
		t.Errorf("unknown product with another prior: %v", got)
	}
}

func TestLeastRecentlyUsedRowsMakeRoom(t *testing.T) {
	t.Parallel()
	m := newMemory()
	s := shelf.New(m, shelf.Options{MaxBytes: 3*shelf.RowBytes + shelf.RowBytes/2})
	ask := func(products ...string) {
		t.Helper()
		for _, p := range products {
			if _, err := s.Summary(t.Context(), site, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask("a", "b", "c", "a", "d") // b goes
	before := m.loads.Load()
	ask("a", "c", "d")
	if n := m.loads.Load() - before; n != 0 {
		t.Errorf("%d rows used lately were loaded again", n)
	}
	ask("b")
	if n := m.loads.Load() - before; n != 1 {
		t.Errorf("the row used least recently was loaded %d times", n)
	}
	if stats := s.Stats(); stats.Evictions != 2 || stats.Subjects != 3 || stats.Misses != 5 || stats.Hits != 4 {
		t.Errorf("got %+v", stats)
	}
}

func TestSubjectLargerThanTheBoundIsServed(t *testing.T) {
	t.Parallel()
	m := newMemory()
	for i := range 50 {
		m.commit(review(fmt.Sprint("r", i), 1+i%5, i))
	}
	s := shelf.New(m, shelf.Options{MaxBytes: 2 * shelf.RowBytes})
	for range 3 {
		agree(t, s, m, reviewsOf())
	}
	if n := m.loads.Load(); n != 1 {
		t.Errorf("loaded %d times", n)
	}
	if _, err := s.Summary(t.Context(), site, "small"); err != nil {
		t.Fatal(err)
	}
	if stats := s.Stats(); stats.Subjects != 1 || stats.Bytes > 2*shelf.RowBytes {
		t.Errorf("the large one stays: %+v", stats)
	}
	agree(t, s, m, reviewsOf())
	agreeBytes(t, s)
}

// Finished pages are bounded however many different ones are asked for.
func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	m := newMemory()
	for i := range 300 {
		c := review(fmt.Sprint("r", i), 1+i%5, i)
		c.Current.Body = strings.Repeat("long ", 1000)
		m.commit(c)
	}
	s := shelf.New(m, shelf.Options{})
	q := reviewsOf()
	list(t, s, q)
	start := s.Stats().Bytes
	for limit := 1; limit <= 100; limit += 3 {
		q.Limit = limit
		pages(t, s, q)
	}
	if grown := s.Stats().Bytes - start; grown > 4<<20 || grown < 1<<20 {
		t.Errorf("pages take %d bytes", grown)
	}
	agreeBytes(t, s)
}

// The bytes that are counted are those that are taken.
func TestBytesAreHonest(t *testing.T) {
	const n = 20_000
	id := func(i int) string { return fmt.Sprintf("0190f1e2-7c5a-7b3e-9c4d-%012d", i) }
	// contents are n of the same length, every third of them a reply.
	contents := func(words int, subject func(i int) content.Subject) *memory {
		m := newMemory()
		for i := range n {
			c := review(id(i), 1+i%5, i)
			c.Subject, c.Current.Body = subject(i), strings.Repeat("bright ", words)
			if i%3 == 0 {
				c.Kind, c.Parent = content.Comment, id(i+1)
			}
			m.commit(c)
		}
		return m
	}
	one := func(int) content.Subject { return lamp }
	for name, c := range map[string]struct {
		source   shelf.Source
		subjects int
	}{
		"short texts":    {contents(4, one), 1},
		"long texts":     {contents(200, one), 1},
		"empty subjects": {faulty{}, n},
	} {
		heap := func() int64 {
			runtime.GC()
			runtime.GC()
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			return int64(stats.HeapAlloc)
		}
		before := heap()
		s := shelf.New(c.source, shelf.Options{MaxBytes: 1 << 40})
		for i := range c.subjects {
			q := reviewsOf()
			if i > 0 {
				q.Subject.ID = fmt.Sprint("p", i)
			}
			for _, q.Sort = range []shelf.Sort{shelf.Newest, shelf.Highest, shelf.Helpful} {
				list(t, s, q)
			}
			if _, err := s.Summary(t.Context(), site, q.Subject.ID); err != nil {
				t.Fatal(err)
			}
		}
		taken, counted := heap()-before, s.Stats().Bytes
		if ratio := float64(counted) / float64(taken); ratio < 0.9 || ratio > 1.25 {
			t.Errorf("%s: counted %d bytes, taken %d: %.2f", name, counted, taken, ratio)
		}
		runtime.KeepAlive(s)
		runtime.KeepAlive(c.source)
	}
}
