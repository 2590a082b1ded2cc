package shelf_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/shelf"
)

func reviewsOf() shelf.Query {
	return shelf.Query{Site: site, Subject: lamp, Kind: content.Review}
}

// sample is a few reviews that differ in everything a listing looks at.
func sample() *memory {
	m := newMemory()
	for i, c := range []struct {
		id, language               string
		stars, minute              int
		votes                      content.Votes
		verified, media, incentive bool
	}{
		{"a", "en", 5, 1, content.Votes{Helpful: 1}, true, false, false},
		{"b", "tr", 1, 2, content.Votes{Helpful: 90, Unhelpful: 10}, false, true, false},
		{"c", "en", 0, 3, content.Votes{}, true, false, true},
		{"d", "", 3, 3, content.Votes{Unhelpful: 4}, false, false, false},
		{"e", "fa", 5, 4, content.Votes{Helpful: 48, Unhelpful: 1}, true, true, true},
		{"f", "en", 1, 5, content.Votes{}, false, false, false},
	} {
		r := review(c.id, c.stars, c.minute)
		r.Author.Verified, r.Current.Language, r.Current.Incentivized = c.verified, c.language, c.incentive
		if c.media {
			r.Current.Media = []content.Media{{ID: fmt.Sprint("photo", i)}}
			r.Gallery = ready(r.Current.Media)
		}
		m.commit(r)
		m.vote(c.id, c.votes)
	}
	return m
}

func TestOrders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sort    shelf.Sort
		matches map[string]float64
		want    string
	}{
		{"", nil, "f e d c b a"},
		{shelf.Newest, nil, "f e d c b a"},
		{shelf.Oldest, nil, "a b c d e f"},
		{shelf.Highest, nil, "e a d f b c"},
		{shelf.Lowest, nil, "f b d e a c"},
		{shelf.Helpful, nil, "e b a f d c"},
		{shelf.Relevant, map[string]float64{"a": 1, "b": 3, "f": 1, "elsewhere": 9}, "b f a"},
		{shelf.Oldest, map[string]float64{"a": 1, "b": 3, "f": 1}, "a b f"},
		{shelf.Helpful, map[string]float64{}, ""},
	} {
		t.Run(fmt.Sprint(c.sort, len(c.matches)), func(t *testing.T) {
			t.Parallel()
			s := shelf.New(sample(), shelf.Options{})
			for limit := range 7 {
				q := reviewsOf()
				q.Sort, q.Matches, q.Limit = c.sort, c.matches, limit
				if got := strings.Join(pages(t, s, q), " "); got != c.want {
					t.Errorf("pages of %d: got %q, want %q", limit, got, c.want)
				}
			}
		})
	}
}

func TestPageIsMadeOfPublicContents(t *testing.T) {
	t.Parallel()
	m := sample()
	s := shelf.New(m, shelf.Options{})
	q := reviewsOf()
	q.Limit = 2
	p := list(t, s, q)
	var body struct {
		Items  []json.RawMessage `json:"items"`
		Total  int               `json:"total"`
		Facets json.RawMessage   `json:"facets"`
		Next   string            `json:"next"`
	}
	if err := json.Unmarshal(p.Body, &body); err != nil {
		t.Fatal(err)
	}
	if body.Total != 6 || p.Total != 6 || body.Next != p.Next || len(body.Items) != 2 {
		t.Errorf("page says %d, %d items, next %q; fields say %d, next %q", body.Total, len(body.Items), body.Next, p.Total, p.Next)
	}
	for i, id := range []string{"f", "e"} {
		l, _ := m.get(id)
		public, _ := l.Content.Public(l.Votes, 0)
		want, err := json.Marshal(public)
		if err != nil {
			t.Fatal(err)
		}
		if string(body.Items[i]) != string(want) {
			t.Errorf("item %d:\n got %s\nwant %s", i, body.Items[i], want)
		}
	}
	if strings.ContainsAny(string(p.Body), "<>&") {
		t.Errorf("HTML is not escaped: %s", p.Body)
	}
	if want := `{"rating":{"1":2,"2":0,"3":1,"4":0,"5":2},"language":{"en":3,"fa":1,"tr":1},"verified":3,"media":2,"incentivized":2}`; string(body.Facets) != want {
		t.Errorf("facets\n got %s\nwant %s", body.Facets, want)
	}
}

func TestEmptyPages(t *testing.T) {
	t.Parallel()
	s := shelf.New(sample(), shelf.Options{})
	want := `{"items":[],"total":0,"facets":{"rating":{"1":0,"2":0,"3":0,"4":0,"5":0},"language":{},"verified":0,"media":0,"incentivized":0},"next":null}`
	for name, q := range map[string]shelf.Query{
		"product": {Site: site, Subject: content.ProductOf("sofa"), Kind: content.Review},
		"site":    {Site: "other", Subject: lamp, Kind: content.Review},
		"board":   {Site: site, Subject: content.BoardOf("lamp"), Kind: content.Review},
		"kind":    {Site: site, Subject: lamp, Kind: content.Question},
		"no kind": {Site: site, Subject: lamp},
		"parent":  {Site: site, Subject: lamp, Parent: "a"},
		"sorted":  {Site: site, Subject: lamp, Parent: "a", Sort: shelf.Helpful},
		"matches": {Site: site, Subject: lamp, Kind: content.Review, Sort: shelf.Relevant, Matches: map[string]float64{"x": 1}},
	} {
		p := list(t, s, q)
		if string(p.Body) != want || p.Total != 0 || p.Next != "" || len(p.IDs) != 0 {
			t.Errorf("unknown %s: got %s, %+v", name, p.Body, p)
		}
	}
}

func TestQueriesThatAreRefused(t *testing.T) {
	t.Parallel()
	m := sample()
	s := shelf.New(m, shelf.Options{})
	for _, c := range []struct {
		change func(*shelf.Query)
		want   error
	}{
		{func(q *shelf.Query) { q.Limit = -1 }, shelf.ErrLimit},
		{func(q *shelf.Query) { q.Limit = 101 }, shelf.ErrLimit},
		{func(q *shelf.Query) { q.Sort = ";drop" }, shelf.ErrSort},
		{func(q *shelf.Query) { q.Sort = shelf.Relevant }, shelf.ErrSort},
		{func(q *shelf.Query) { q.Cursor = "x" }, shelf.ErrCursor},
		{func(q *shelf.Query) { q.Cursor = strings.Repeat("A", 1<<20) }, shelf.ErrCursor},
	} {
		q := reviewsOf()
		c.change(&q)
		if _, err := s.List(t.Context(), q); !errors.Is(err, c.want) {
			t.Errorf("got %v, want %v", err, c.want)
		}
	}
	m.fail(errDisk)
	if _, err := shelf.New(m, shelf.Options{}).List(t.Context(), reviewsOf()); !errors.Is(err, errDisk) {
		t.Errorf("a source that fails: got %v", err)
	}
}

func TestCursorsBelongToTheirListing(t *testing.T) {
	t.Parallel()
	m := sample()
	other := review("z", 4, 1)
	other.Subject = content.ProductOf("sofa")
	m.commit(other)
	s := shelf.New(m, shelf.Options{})
	yes := true
	base := reviewsOf()
	base.Limit = 1
	cursor := list(t, s, base).Next

	same := base
	same.Limit = 3
	same.Cursor = cursor
	if got := list(t, s, same).IDs; !slices.Equal(got, []string{"e", "d", "c"}) {
		t.Errorf("another limit: got %v", got)
	}
	for name, change := range map[string]func(*shelf.Query){
		"sort":         func(q *shelf.Query) { q.Sort = shelf.Oldest },
		"subject":      func(q *shelf.Query) { q.Subject = other.Subject },
		"type":         func(q *shelf.Query) { q.Subject.Type = content.BoardSubject },
		"site":         func(q *shelf.Query) { q.Site = "other" },
		"kind":         func(q *shelf.Query) { q.Kind = content.Question },
		"parent":       func(q *shelf.Query) { q.Parent = "a" },
		"stars":        func(q *shelf.Query) { q.Ratings = []int{1} },
		"language":     func(q *shelf.Query) { q.Languages = []string{"en"} },
		"languages":    func(q *shelf.Query) { q.Languages = []string{"en", "tr"} },
		"no language":  func(q *shelf.Query) { q.Languages = []string{""} },
		"verified":     func(q *shelf.Query) { q.Verified = &yes },
		"media":        func(q *shelf.Query) { q.Media = &yes },
		"incentivized": func(q *shelf.Query) { q.Incentivized = &yes },
		"matches":      func(q *shelf.Query) { q.Matches = map[string]float64{"a": 1} },
	} {
		q := base
		q.Cursor = cursor
		change(&q)
		if p, err := s.List(t.Context(), q); !errors.Is(err, shelf.ErrCursor) {
			t.Errorf("another %s: got %v, %v", name, p, err)
		}
	}
	search := base
	search.Matches, search.Text = map[string]float64{"a": 1, "b": 2}, "bright"
	search.Cursor = list(t, s, search).Next
	if got := list(t, s, search).IDs; !slices.Equal(got, []string{"a"}) {
		t.Errorf("second page of a search: %v", got)
	}
	search.Text = "dim"
	if _, err := s.List(t.Context(), search); !errors.Is(err, shelf.ErrCursor) {
		t.Errorf("another text: got %v", err)
	}
	for i := range cursor {
		for _, b := range []byte("A-\n=") {
			damaged := cursor[:i] + string(b) + cursor[i+1:]
			q := base
			q.Cursor = damaged
			if _, err := s.List(t.Context(), q); damaged != cursor && !errors.Is(err, shelf.ErrCursor) {
				t.Errorf("cursor damaged at %d: got %v", i, err)
			}
		}
	}
}

// Languages is not ambiguous: one strange name is not two.
func TestFiltersAreKeptApart(t *testing.T) {
	t.Parallel()
	s := shelf.New(sample(), shelf.Options{})
	count := func(languages ...string) int {
		q := reviewsOf()
		q.Languages = languages
		return list(t, s, q).Total
	}
	for range 2 {
		if n := count("en", "tr"); n != 4 {
			t.Errorf("en or tr: %d", n)
		}
		if n := count(`"en""tr"`); n != 0 {
			t.Errorf("a strange name: %d", n)
		}
		if n := count("tr", "en", "en"); n != 4 {
			t.Errorf("tr or en: %d", n)
		}
		if n := count("en", "en"); n != 3 {
			t.Errorf("en twice: %d", n)
		}
		if n := count(""); n != 1 {
			t.Errorf("no language: %d", n)
		}
	}
	q := reviewsOf()
	for rating, want := range map[int]int{0: 1, 1: 2, 2: 0, 5: 2, 6: 0, -1: 0, 256: 0} {
		q.Ratings = []int{rating}
		if n := list(t, s, q).Total; n != want {
			t.Errorf("%d stars: %d, want %d", rating, n, want)
		}
	}
}

func TestWarmPageIsTheSamePage(t *testing.T) {
	t.Parallel()
	m := sample()
	s := shelf.New(m, shelf.Options{})
	first := list(t, s, reviewsOf())
	if again := list(t, s, reviewsOf()); again != first {
		t.Error("a page was made twice")
	}
	// A refresh that changes nothing strangers see leaves it.
	refresh(t, s, "a")
	m.commit(hidden(review("p", 5, 9)))
	refresh(t, s, "p")
	refresh(t, s, "nobody")
	if again := list(t, s, reviewsOf()); again != first {
		t.Error("a page was made again though nothing changed")
	}
	m.vote("a", content.Votes{Helpful: 2})
	refresh(t, s, "a")
	second := list(t, s, reviewsOf())
	if second.ETag == first.ETag || string(second.Body) == string(first.Body) {
		t.Error("a vote did not change the page")
	}
	if n := m.loads.Load(); n != 1 {
		t.Errorf("loaded %d times", n)
	}
	fresh := shelf.New(m, shelf.Options{})
	if p := list(t, fresh, reviewsOf()); p.ETag != second.ETag || !reflect.DeepEqual(p, second) {
		t.Error("another shelf gives another page")
	}
}

func TestWarmListingDoesNotAllocate(t *testing.T) {
	s := shelf.New(sample(), shelf.Options{})
	q := reviewsOf()
	yes := true
	q.Sort, q.Ratings, q.Languages, q.Verified = shelf.Helpful, []int{5, 4}, []string{"en"}, &yes
	list(t, s, q)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := s.List(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Summary(t.Context(), site, lamp.ID); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzCursor: whatever is sent as a cursor, it is refused, or is exactly what
// the shelf writes for that place.
func FuzzCursor(f *testing.F) {
	s := shelf.New(sample(), shelf.Options{})
	q := reviewsOf()
	q.Limit = 1
	p, err := s.List(f.Context(), q)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p.Next)
	f.Add("")
	f.Add(p.Next + "\n")
	f.Add(p.Next + "==")
	f.Add(shelf.MakeCursor(q, 0, 1<<62, "zz"))
	f.Add(shelf.MakeCursor(q, 1, -1, "\xff"))
	f.Fuzz(func(t *testing.T, cursor string) {
		q := q
		q.Cursor = cursor
		p, err := s.List(t.Context(), q)
		if err != nil {
			if !errors.Is(err, shelf.ErrCursor) {
				t.Fatalf("%q: %v", cursor, err)
			}
			return
		}
		if len(p.IDs) > 1 || p.Total != 6 || !json.Valid(p.Body) {
			t.Fatalf("%q: %s", cursor, p.Body)
		}
		if again, err := shelf.RecodeCursor(q, cursor); cursor != "" && (err != nil || again != cursor) {
			t.Fatalf("%q is written %q, %v", cursor, again, err)
		}
	})
}
