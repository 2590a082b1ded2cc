package moderation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/moderation"
)

// ticker is a clock that tests move.
type ticker struct {
	mu sync.Mutex
	at time.Time
}

func (c *ticker) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *ticker) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func ids(items []moderation.Item) []string {
	out := []string{}
	for _, it := range items {
		out = append(out, it.ID)
	}
	return out
}

func list(t *testing.T, q *moderation.Queue, f moderation.Filter, after string, limit int) ([]string, string, int) {
	t.Helper()
	items, next, total, err := q.List("s", f, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return ids(items), next, total
}

func TestQueueOrder(t *testing.T) {
	t.Parallel()
	clock := &ticker{at: noon}
	q := moderation.NewQueue(clock.now)
	hour := func(n int) time.Time { return noon.Add(-time.Duration(n) * time.Hour) }
	q.Put(moderation.Item{ID: "new-safe", Site: "s", Entered: hour(0)})
	q.Put(moderation.Item{ID: "old-safe", Site: "s", Entered: hour(5)})
	q.Put(moderation.Item{ID: "risky", Site: "s", Risk: 0.9, Entered: hour(3)})
	q.Put(moderation.Item{ID: "risky-later", Site: "s", Risk: 0.9, Entered: hour(1)})
	q.Put(moderation.Item{ID: "reported", Site: "s", Risk: 0.1, Reporters: 5, Entered: hour(3)})
	q.Put(moderation.Item{ID: "escalated", Site: "s", Entered: hour(0), Escalated: true})
	q.Put(moderation.Item{ID: "ancient", Site: "s", Entered: hour(500)})
	q.Put(moderation.Item{ID: "elsewhere", Site: "other", Risk: 1, Entered: hour(9)})
	got, next, total := list(t, q, moderation.Filter{}, "", 0)
	want := []string{"escalated", "ancient", "risky", "reported", "risky-later", "old-safe", "new-safe"}
	if !slices.Equal(got, want) || next != "" || total != 7 || q.Len("s") != 7 {
		t.Errorf("order %q, next %q, total %d", got, next, total)
	}
	if !q.Remove("risky") || q.Remove("risky") {
		t.Error("remove does not tell whether it was there")
	}
	if _, ok := q.Get("risky"); ok {
		t.Error("a removed item is still there")
	}
}

func TestQueueIsSteadyUnderAReader(t *testing.T) {
	t.Parallel()
	clock := &ticker{at: noon}
	q := moderation.NewQueue(clock.now)
	rng := rand.New(rand.NewPCG(7, 8))
	put := func(id string) {
		q.Put(moderation.Item{
			ID: id, Site: "s", Risk: rng.Float64(), Reporters: rng.IntN(3), Escalated: rng.IntN(9) == 0,
			Entered: clock.now().Add(-time.Duration(rng.IntN(1000)) * time.Minute),
		})
	}
	for i := range 300 {
		put(fmt.Sprint(i))
	}
	before, _, _ := list(t, q, moderation.Filter{}, "", 500)
	removed := map[string]bool{}
	var read []string
	after := ""
	for page := 0; ; page++ {
		got, next, _ := list(t, q, moderation.Filter{}, after, 17)
		read = append(read, got...)
		if next == "" {
			break
		}
		after = next
		clock.add(37 * time.Minute)
		for range 5 { // others decide, edit, send
			id := fmt.Sprint(rng.IntN(300))
			switch rng.IntN(3) {
			case 0:
				if q.Remove(id) {
					removed[id] = true
				}
			case 1:
				if _, ok := q.Get(id); ok {
					put(id)
				}
			default:
				put(fmt.Sprintf("late-%d-%d", page, rng.IntN(100)))
			}
		}
	}
	want := slices.DeleteFunc(slices.Clone(before), func(id string) bool { return removed[id] && !slices.Contains(read, id) })
	if !slices.Equal(read, want) {
		for i := range min(len(read), len(want)) {
			if read[i] != want[i] {
				t.Logf("at %d: read %s, want %s", i, read[i], want[i])
				break
			}
		}
		t.Errorf("read %d items in another order than the %d at first sight", len(read), len(want))
	}
}

func TestQueueFilters(t *testing.T) {
	t.Parallel()
	q := moderation.NewQueue(fixed)
	q.Put(moderation.Item{
		ID: "a", Site: "s", Kind: "review", Language: "tr", SubjectType: "product", Subject: "p1", AuthorID: "alice", Reasons: []string{"url", "spam"},
		Labels: []string{"incentivized"}, Risk: 0.8, Entered: noon.Add(-time.Hour), Reporters: 2, ReportedBy: []string{"bob"}, Cluster: "c1", Route: "legal",
	})
	q.Put(moderation.Item{ID: "b", Site: "s", Kind: "comment", Language: "en", SubjectType: "board", Subject: "p1", AuthorID: "carol", Entered: noon.Add(-5 * time.Hour), Escalated: true})
	for name, tt := range map[string]struct {
		f    moderation.Filter
		want []string
	}{
		"all":        {moderation.Filter{}, []string{"b", "a"}},
		"kind":       {moderation.Filter{Kinds: []string{"review", "post"}}, []string{"a"}},
		"language":   {moderation.Filter{Languages: []string{"en"}}, []string{"b"}},
		"reason":     {moderation.Filter{Reasons: []string{"spam"}}, []string{"a"}},
		"label":      {moderation.Filter{Labels: []string{"incentivized"}}, []string{"a"}},
		"product":    {moderation.Filter{SubjectType: "product", Subject: "p1"}, []string{"a"}},
		"author":     {moderation.Filter{AuthorID: "carol"}, []string{"b"}},
		"reporter":   {moderation.Filter{Reporter: "bob"}, []string{"a"}},
		"reporters":  {moderation.Filter{MinReporters: 2}, []string{"a"}},
		"cluster":    {moderation.Filter{Cluster: "c1"}, []string{"a"}},
		"route":      {moderation.Filter{Route: "legal"}, []string{"a"}},
		"older":      {moderation.Filter{MinAge: 2 * time.Hour}, []string{"b"}},
		"younger":    {moderation.Filter{MaxAge: 2 * time.Hour}, []string{"a"}},
		"risk":       {moderation.Filter{MinRisk: 0.5}, []string{"a"}},
		"escalated":  {moderation.Filter{Escalated: true}, []string{"b"}},
		"none fits":  {moderation.Filter{Kinds: []string{"post"}}, []string{}},
		"two fields": {moderation.Filter{Kinds: []string{"review"}, Languages: []string{"en"}}, []string{}},
	} {
		got, _, total := list(t, q, tt.f, "", 10)
		if !slices.Equal(got, tt.want) || total != len(tt.want) {
			t.Errorf("%s: %q of %d, want %q", name, got, total, tt.want)
		}
	}
}

func TestCursorBelongsToSiteAndFilter(t *testing.T) {
	t.Parallel()
	q := moderation.NewQueue(fixed)
	for i := range 5 {
		q.Put(moderation.Item{ID: fmt.Sprint(i), Site: "s", Kind: "review", Entered: noon})
		q.Put(moderation.Item{ID: fmt.Sprint("t", i), Site: "t", Kind: "review", Entered: noon})
	}
	_, next, _ := list(t, q, moderation.Filter{Kinds: []string{"review", "post"}}, "", 2)
	if _, _, _, err := q.List("s", moderation.Filter{Kinds: []string{"post", "review", "post"}}, next, 2); err != nil {
		t.Errorf("the same filter in another order: %v", err)
	}
	for name, f := range map[string]func() error{
		"other site": func() error {
			_, _, _, err := q.List("t", moderation.Filter{Kinds: []string{"review", "post"}}, next, 2)
			return err
		},
		"other filter": func() error { _, _, _, err := q.List("s", moderation.Filter{}, next, 2); return err },
		"cut":          func() error { _, _, _, err := q.List("s", moderation.Filter{}, next[:10], 2); return err },
	} {
		if err := f(); !errors.Is(err, moderation.ErrCursor) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A rebuilt queue goes on where the reader stood.
	again := moderation.NewQueue(func() time.Time { return noon.Add(time.Minute) })
	for i := range 5 {
		again.Put(moderation.Item{ID: fmt.Sprint(i), Site: "s", Kind: "review", Entered: noon})
	}
	items, _, _, err := again.List("s", moderation.Filter{Kinds: []string{"review", "post"}}, next, 10)
	if err != nil || !slices.Equal(ids(items), []string{"2", "3", "4"}) {
		t.Errorf("after a rebuild: %q, %v", ids(items), err)
	}
}

func FuzzCursor(f *testing.F) {
	q := moderation.NewQueue(fixed)
	for i := range 9 {
		q.Put(moderation.Item{ID: fmt.Sprint(i), Site: "s", Entered: noon})
	}
	_, next, _, err := q.List("s", moderation.Filter{}, "", 3)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "x", next, next + "A", "AAAA", "!!"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, after string) {
		items, _, _, err := q.List("s", moderation.Filter{}, after, 3)
		if err != nil && (!errors.Is(err, moderation.ErrCursor) || items != nil) {
			t.Fatalf("%v, %v", items, err)
		}
		if err == nil && after != "" && after != next {
			t.Fatalf("cursor %q was made up and taken", after)
		}
	})
}
