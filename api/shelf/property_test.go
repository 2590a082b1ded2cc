package shelf_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/shelf"
)

// The generators are made anew for each use: rapid writes to one when it is
// used first, so tests side by side must not share them.
func anyID() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprint("c", rapid.IntRange(0, 14).Draw(t, "n"))
	})
}

func anyLanguage() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"", "en", "tr", "fa"})
}

func anyVotes() *rapid.Generator[content.Votes] {
	return rapid.Custom(func(t *rapid.T) content.Votes {
		return content.Votes{Helpful: rapid.IntRange(0, 3).Draw(t, "up"), Unhelpful: rapid.IntRange(0, 3).Draw(t, "down")}
	})
}

func anyContent() *rapid.Generator[content.Content] {
	return rapid.Custom(func(t *rapid.T) content.Content {
		c := review(anyID().Draw(t, "id"), rapid.IntRange(0, 5).Draw(t, "stars"), rapid.IntRange(0, 4).Draw(t, "minute"))
		c.Kind = rapid.SampledFrom(content.Kinds()).Draw(t, "kind")
		if c.Kind.IsReply() {
			c.Parent = anyID().Filter(func(id string) bool { return id != c.ID }).Draw(t, "parent")
		}
		if rapid.IntRange(0, 9).Draw(t, "elsewhere") == 0 {
			c.Subject = content.ProductOf("sofa")
		}
		v := &c.Current
		v.Language = anyLanguage().Draw(t, "language")
		v.Incentivized = rapid.Bool().Draw(t, "incentivized")
		c.Author.Verified = rapid.Bool().Draw(t, "verified")
		if rapid.Bool().Draw(t, "media") {
			v.Media = []content.Media{{ID: "m"}}
			c.Gallery = ready(v.Media)
		}
		switch rapid.IntRange(0, 3).Draw(t, "state") {
		case 0:
			c.Shown, c.State = false, content.Removed
		case 1: // an edit waits while what was approved stays public
			approved := c.Current
			c.ApprovedVersion = &approved
			c.Current.Rev, c.Current.Rating, c.Current.Body, c.State = 2, 1, "SECRET", content.Pending
		}
		return c
	})
}

func anyMark() *rapid.Generator[*bool] {
	return rapid.Ptr(rapid.Bool(), true)
}

func anyQuery() *rapid.Generator[shelf.Query] {
	return rapid.Custom(func(t *rapid.T) shelf.Query {
		q := shelf.Query{
			Site: site, Subject: lamp,
			Kind:         rapid.SampledFrom(content.Kinds()).Draw(t, "kind"),
			Sort:         rapid.SampledFrom([]shelf.Sort{"", shelf.Newest, shelf.Oldest, shelf.Highest, shelf.Lowest, shelf.Helpful}).Draw(t, "sort"),
			Ratings:      rapid.SliceOfN(rapid.IntRange(0, 5), 0, 2).Draw(t, "ratings"),
			Languages:    rapid.SliceOfN(anyLanguage(), 0, 2).Draw(t, "languages"),
			Verified:     anyMark().Draw(t, "verified"),
			Media:        anyMark().Draw(t, "media"),
			Incentivized: anyMark().Draw(t, "incentivized"),
			Limit:        rapid.IntRange(0, 4).Draw(t, "limit"),
		}
		if rapid.Bool().Draw(t, "replies") {
			q.Parent = anyID().Draw(t, "parent")
		}
		if rapid.IntRange(0, 3).Draw(t, "plain") > 0 {
			q.Ratings, q.Languages, q.Verified, q.Media, q.Incentivized = nil, nil, nil, nil, nil
		}
		if rapid.IntRange(0, 3).Draw(t, "search") == 0 {
			q.Matches = rapid.MapOf(anyID(), rapid.SampledFrom([]float64{0, 0.5, 2})).Draw(t, "matches")
			q.Sort = rapid.SampledFrom([]shelf.Sort{q.Sort, shelf.Relevant}).Draw(t, "relevant")
		}
		return q
	})
}

// agree fails unless the shelf answers a query as a recount does.
func agree(t require, s *shelf.Shelf, m *memory, q shelf.Query) {
	t.Helper()
	ids, facets := m.expect(q)
	if got := pages(t, s, q); !slices.Equal(got, ids) {
		t.Fatalf("%+v\n got %v\nwant %v", q, got, ids)
	}
	p := list(t, s, q)
	a := decode(t, p)
	if *a.Total != len(ids) || p.Total != len(ids) || !reflect.DeepEqual(a.Facets, facets) {
		t.Fatalf("%+v\n got %d %+v\nwant %d %+v", q, *a.Total, a.Facets, len(ids), facets)
	}
	for _, item := range a.Items {
		l, _ := m.get(item.ID)
		want, _ := l.Content.Public(l.Votes, m.replies(item.ID))
		x, _ := json.Marshal(item)
		y, _ := json.Marshal(want)
		if string(x) != string(y) {
			t.Fatalf("item\n got %s\nwant %s", x, y)
		}
	}
}

func agreeSummary(t require, s *shelf.Shelf, m *memory) {
	t.Helper()
	p, err := s.Summary(t.Context(), site, lamp.ID)
	if err != nil {
		t.Fatalf("summary: %v", err)
	}
	want := m.summary()
	body, _ := json.Marshal(want)
	if p.Summary != want || string(p.Body) != string(body) {
		t.Fatalf("summary\n got %s\nwant %s", p.Body, body)
	}
}

func agreeBytes(t require, s *shelf.Shelf) {
	t.Helper()
	size, cards := s.Recount()
	if stats := s.Stats(); stats.Bytes != size || stats.Cards != cards {
		t.Fatalf("stats say %d bytes in %d cards, a recount %d in %d", stats.Bytes, stats.Cards, size, cards)
	}
}

// Whatever happens, and in whatever order it becomes known, the shelf answers
// as a recount of the source does.
func TestShelfNeverDrifts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		s := shelf.New(m, shelf.Options{})
		owed := map[string]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				c := anyContent().Draw(t, "content")
				m.commit(c)
				owed[c.ID] = true
			},
			"vote": func(t *rapid.T) {
				id := anyID().Draw(t, "id")
				if _, ok := m.get(id); ok {
					m.vote(id, anyVotes().Draw(t, "votes"))
					owed[id] = true
				}
			},
			"erase": func(t *rapid.T) {
				id := anyID().Draw(t, "id")
				m.remove(id)
				owed[id] = true
			},
			"drop": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "all") {
					s.DropAll(site)
				} else {
					s.Drop(site, lamp)
				}
				clear(owed)
			},
			"look": func(t *rapid.T) { list(t, s, anyQuery().Draw(t, "query")) },
			"settle": func(t *rapid.T) {
				ids := []string{}
				for _, id := range m.ids() {
					owed[id] = true
				}
				for n := range 15 {
					if id := fmt.Sprint("c", n); owed[id] {
						ids = append(ids, id)
					}
				}
				for _, id := range rapid.Permutation(ids).Draw(t, "order") {
					refresh(t, s, id)
				}
				clear(owed)
			},
			"": func(t *rapid.T) {
				agreeBytes(t, s)
				if len(owed) > 0 {
					return
				}
				agree(t, s, m, anyQuery().Draw(t, "query"))
				agreeSummary(t, s, m)
			},
		})
	})
}

// Items that come and go between two pages hide no other and repeat none.
func TestPagingWhileThingsChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		stays := []string{}
		for i := range 20 {
			id := fmt.Sprintf("s%02d", i)
			c := review(id, rapid.IntRange(0, 5).Draw(t, "stars"), rapid.IntRange(0, 9).Draw(t, "minute"))
			m.commit(c)
			m.vote(id, anyVotes().Draw(t, "votes"))
			stays = append(stays, id)
		}
		s := shelf.New(m, shelf.Options{})
		q := reviewsOf()
		q.Sort = rapid.SampledFrom([]shelf.Sort{shelf.Newest, shelf.Oldest, shelf.Highest, shelf.Lowest, shelf.Helpful}).Draw(t, "sort")
		q.Limit = rapid.IntRange(1, 7).Draw(t, "limit")
		var got []string
		for {
			p := list(t, s, q)
			for _, id := range p.IDs {
				if strings.HasPrefix(id, "s") {
					got = append(got, id)
				}
			}
			if p.Next == "" {
				break
			}
			q.Cursor = p.Next
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				c := review(anyID().Draw(t, "id"), rapid.IntRange(0, 5).Draw(t, "stars"), rapid.IntRange(0, 9).Draw(t, "minute"))
				if rapid.Bool().Draw(t, "hidden") {
					c = hidden(c)
				}
				m.commit(c)
				refresh(t, s, c.ID)
			}
		}
		want, _ := m.expect(q)
		want = slices.DeleteFunc(want, func(id string) bool { return !strings.HasPrefix(id, "s") })
		if !slices.Equal(got, want) || len(got) != len(stays) {
			t.Fatalf("sort %s\n got %v\nwant %v", q.Sort, got, want)
		}
	})
}

// Writers, readers, drops and evictions at the same time: whoever was told that
// a refresh is done sees it, nothing hidden is ever seen, and in the end all
// adds up.
func TestConcurrentChanges(t *testing.T) {
	t.Parallel()
	const writers, rounds = 6, 150
	m := newMemory()
	s := shelf.New(m, shelf.Options{MaxBytes: shelf.RowBytes * 24})
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		writing.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(w)))
			for n := range rounds {
				id := fmt.Sprintf("w%d-%d", w, rnd.IntN(8))
				c := review(id, rnd.IntN(6), n)
				if rnd.IntN(4) == 0 {
					c = reply(id, content.Comment, fmt.Sprintf("w%d-%d", rnd.IntN(writers), rnd.IntN(8)), n)
				}
				c.Current.Body = fmt.Sprintf("round %d.", n)
				if rnd.IntN(3) == 0 {
					c = hidden(c)
					c.Current.Body = "SECRET"
				}
				m.commit(c)
				if rnd.IntN(4) == 0 {
					m.vote(id, content.Votes{Helpful: rnd.IntN(9)})
				}
				if err := s.Refresh(t.Context(), site, lamp, id); err != nil {
					t.Errorf("refresh: %v", err)
				}
				body, etag, ok, err := s.Item(t.Context(), site, lamp, id)
				if err != nil || ok != c.Shown || ok != (etag != "") || ok && !strings.Contains(string(body), c.Current.Body) {
					t.Errorf("after %s was shown=%t with %q: %s %t %v", id, c.Shown, c.Current.Body, body, ok, err)
				}
				q := shelf.Query{Site: site, Subject: lamp, Kind: c.Kind, Limit: shelf.MaxLimit}
				if p, err := s.List(t.Context(), q); err != nil || slices.Contains(p.IDs, id) != c.Shown {
					t.Errorf("after %s was shown=%t: listed %v, %v", id, c.Shown, p.IDs, err)
				}
			}
		})
	}
	for i := range 3 {
		reading.Go(func() {
			rnd := rand.New(rand.NewPCG(9, uint64(i)))
			sorts := []shelf.Sort{shelf.Newest, shelf.Oldest, shelf.Highest, shelf.Lowest, shelf.Helpful}
			for {
				select {
				case <-done:
					return
				default:
				}
				q := reviewsOf()
				q.Sort, q.Limit = sorts[rnd.IntN(len(sorts))], 1+rnd.IntN(9)
				p, err := s.List(t.Context(), q)
				if err != nil || strings.Contains(string(p.Body), "SECRET") {
					t.Errorf("list: %v", err)
					return
				}
				switch rnd.IntN(20) {
				case 0:
					s.Drop(site, lamp)
				case 1: // make room run short
					_, err = s.Summary(t.Context(), site, fmt.Sprint("other", rnd.IntN(40)))
				default:
					_, err = s.Summary(t.Context(), site, lamp.ID)
				}
				if err != nil {
					t.Errorf("summary: %v", err)
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	agreeSummary(t, s, m)
	for _, sort := range []shelf.Sort{shelf.Newest, shelf.Helpful, shelf.Lowest} {
		q := reviewsOf()
		q.Sort = sort
		agree(t, s, m, q)
	}
	agreeBytes(t, s)
	if stats := s.Stats(); stats.Evictions == 0 || stats.Hits == 0 || stats.Misses == 0 {
		t.Errorf("nothing was evicted: %+v", stats)
	}
}
