package shelf_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/shelf"
)

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
