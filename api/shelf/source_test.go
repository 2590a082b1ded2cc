package shelf_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/shelf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const site = "shop"

var lamp = content.ProductOf("lamp")

var epoch = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// memory is a Source over a map: what a ledger would hold.
type memory struct {
	mu       sync.Mutex
	contents map[string]shelf.Loaded
	revs     map[string]int64 // of every id there ever was

	loads atomic.Int64
	reads atomic.Int64
	// failing is the error of every call, when set.
	failing atomic.Pointer[error]
	// scanned, when set, is called after each content that Published has read.
	scanned func(ctx context.Context, id string)
	// sees, when set, changes what One has read.
	sees func(l shelf.Loaded) shelf.Loaded
}

// ready is what is known of media that can be shown.
func ready(list []content.Media) map[string]content.Medium {
	out := map[string]content.Medium{}
	for _, m := range list {
		out[m.ID] = content.Medium{ID: m.ID, Kind: content.Photo, State: content.Ready}
	}
	return out
}

func newMemory(list ...content.Content) *memory {
	m := &memory{contents: map[string]shelf.Loaded{}, revs: map[string]int64{}}
	for _, c := range list {
		m.commit(c)
	}
	return m
}

func (m *memory) fail(err error) {
	if err == nil {
		m.failing.Store(nil)
		return
	}
	m.failing.Store(&err)
}

func (m *memory) failed() error {
	if p := m.failing.Load(); p != nil {
		return *p
	}
	return nil
}

// commit stores a content under its next revision.
func (m *memory) commit(c content.Content) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.revs[c.ID]++
	c.Rev = m.revs[c.ID]
	m.contents[c.ID] = shelf.Loaded{Content: &c, Votes: m.contents[c.ID].Votes}
}

func (m *memory) vote(id string, v content.Votes) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.contents[id]
	l.Votes = v
	m.contents[id] = l
}

func (m *memory) remove(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.contents, id)
}

func (m *memory) get(id string) (shelf.Loaded, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.contents[id]
	return l, ok
}

func (m *memory) ids() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.contents))
}

func (m *memory) Published(ctx context.Context, site string, subject content.Subject) iter.Seq2[shelf.Loaded, error] {
	return func(yield func(shelf.Loaded, error) bool) {
		m.loads.Add(1)
		if err := m.failed(); err != nil {
			yield(shelf.Loaded{}, err)
			return
		}
		for _, id := range m.ids() {
			if err := ctx.Err(); err != nil {
				yield(shelf.Loaded{}, err)
				return
			}
			l, ok := m.get(id)
			if m.scanned != nil {
				m.scanned(ctx, id)
			}
			if !ok || l.Content.Site != site || l.Content.Subject != subject || !l.Content.Shown {
				continue
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

func (m *memory) One(ctx context.Context, _, id string) (shelf.Loaded, error) {
	m.reads.Add(1)
	if err := cmp.Or(ctx.Err(), m.failed()); err != nil {
		return shelf.Loaded{}, err
	}
	l, ok := m.get(id)
	if !ok {
		return shelf.Loaded{}, fmt.Errorf("content %q: %w", id, shelf.ErrGone)
	}
	if m.sees != nil {
		l = m.sees(l)
	}
	return l, nil
}

// review is a published review of the lamp with stars, n minutes after epoch.
func review(id string, stars, n int) content.Content {
	at := epoch.Add(time.Duration(n) * time.Minute)
	return content.Content{
		ID: id, Site: site, Kind: content.Review, Subject: lamp,
		Author:      content.Author{ID: "person-" + id, Handle: "h-" + id, Name: "Ada"},
		Current:     content.Version{Rev: 1, Rating: stars, Title: "On " + id, Body: "It <works> & shines.", Language: "en", At: at},
		ApprovedRev: 1, State: content.Approved, Shown: true,
		CreatedAt: at, UpdatedAt: at, PublishedAt: at,
	}
}

// reply is a published reply to a content, n minutes after epoch.
func reply(id string, kind content.Kind, parent string, n int) content.Content {
	c := review(id, 0, n)
	c.Kind, c.Parent = kind, parent
	return c
}

// hidden is c as it is when it waits for a decision.
func hidden(c content.Content) content.Content {
	c.State, c.Shown = content.Pending, false
	return c
}

// answer is the body of a page, read back.
type answer struct {
	Items  []content.Public `json:"items"`
	Total  *int             `json:"total"`
	Facets shelf.Facets     `json:"facets"`
	Next   *string          `json:"next"`
}

func decode(t require, p *shelf.Page) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal(p.Body, &a); err != nil {
		t.Fatalf("page is no JSON: %v\n%s", err, p.Body)
	}
	return a
}

// require is what the helpers need of a testing.T or a rapid.T.
type require interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

func list(t require, s *shelf.Shelf, q shelf.Query) *shelf.Page {
	t.Helper()
	p, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatalf("list %+v: %v", q, err)
	}
	return p
}

func refresh(t require, s *shelf.Shelf, id string) {
	t.Helper()
	if err := s.Refresh(t.Context(), site, lamp, id); err != nil {
		t.Fatalf("refresh %s: %v", id, err)
	}
}

// pages walks a listing to its end.
func pages(t require, s *shelf.Shelf, q shelf.Query) (ids []string) {
	t.Helper()
	for range 10_000 {
		p := list(t, s, q)
		ids = append(ids, p.IDs...)
		if p.Next == "" {
			return ids
		}
		q.Cursor = p.Next
	}
	t.Fatalf("the listing has no end")
	return nil
}

// expect works a listing out from scratch: everything it should hold in its
// order, and its facets.
func (m *memory) expect(q shelf.Query) (ids []string, facets shelf.Facets) {
	m.mu.Lock()
	defer m.mu.Unlock()
	facets = shelf.Facets{Rating: map[string]int{}, Language: map[string]int{}}
	for n := range 5 {
		facets.Rating[strconv.Itoa(n+1)] = 0
	}
	var all []shelf.Loaded
	for _, l := range m.contents {
		c := l.Content
		v, ok := c.PublicVersion()
		if !ok || c.Site != q.Site || c.Subject != q.Subject {
			continue
		}
		if q.Parent != "" && c.Parent != q.Parent || q.Parent == "" && c.Kind != q.Kind {
			continue
		}
		if _, ok := q.Matches[c.ID]; !ok && q.Matches != nil {
			continue
		}
		agrees := func(want *bool, is bool) bool { return want == nil || *want == is }
		stars := len(q.Ratings) == 0 || slices.Contains(q.Ratings, v.Rating)
		language := len(q.Languages) == 0 || slices.Contains(q.Languages, v.Language)
		verified := agrees(q.Verified, c.Author.Verified)
		media := agrees(q.Media, len(v.Media) > 0)
		incentive := agrees(q.Incentivized, v.Incentivized)
		if v.Rating > 0 && language && verified && media && incentive {
			facets.Rating[strconv.Itoa(v.Rating)]++
		}
		if v.Language != "" && stars && verified && media && incentive {
			facets.Language[v.Language]++
		}
		if c.Author.Verified && stars && language && media && incentive {
			facets.Verified++
		}
		if len(v.Media) > 0 && stars && language && verified && incentive {
			facets.Media++
		}
		if v.Incentivized && stars && language && verified && media {
			facets.Incentivized++
		}
		if stars && language && verified && media && incentive {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b shelf.Loaded) int { return order(q, a, b) })
	for _, l := range all {
		ids = append(ids, l.Content.ID)
	}
	return ids, facets
}

// order compares two contents as the contract words it.
func order(q shelf.Query, a, b shelf.Loaded) int {
	newest := cmp.Or(b.Content.PublishedAt.Compare(a.Content.PublishedAt), cmp.Compare(b.Content.ID, a.Content.ID))
	x, _ := a.Content.PublicVersion()
	y, _ := b.Content.PublicVersion()
	unrated := func() int {
		switch {
		case x.Rating == 0 && y.Rating != 0:
			return 1
		case x.Rating != 0 && y.Rating == 0:
			return -1
		}
		return 0
	}
	switch q.Sort {
	case shelf.Oldest:
		return -newest
	case shelf.Helpful:
		return cmp.Or(cmp.Compare(b.Votes.Helpfulness(), a.Votes.Helpfulness()), newest)
	case shelf.Highest:
		return cmp.Or(unrated(), cmp.Compare(y.Rating, x.Rating), newest)
	case shelf.Lowest:
		return cmp.Or(unrated(), cmp.Compare(x.Rating, y.Rating), newest)
	case shelf.Relevant:
		return cmp.Or(cmp.Compare(q.Matches[b.Content.ID], q.Matches[a.Content.ID]), newest)
	default:
		return newest
	}
}

// summary works the summary of the lamp out from scratch.
func (m *memory) summary() content.Summary {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := content.Summary{Product: lamp.ID}
	sum := 0
	for _, l := range m.contents {
		v, ok := l.Content.PublicVersion()
		if !ok || l.Content.Subject != lamp || l.Content.Site != site {
			continue
		}
		switch l.Content.Kind {
		case content.Question:
			s.Questions++
		case content.Answer:
			s.Answers++
		case content.Review:
			s.Count++
			if v.Rating > 0 {
				s.Rated++
				s.Histogram[v.Rating-1]++
				sum += v.Rating
			}
			if l.Content.Author.Verified {
				s.Verified++
			}
			if v.Incentivized {
				s.Incentivized++
			}
			if len(v.Media) > 0 {
				s.Media++
			}
		}
	}
	d := content.DefaultSettings()
	return s.Scored(d.PriorMean, d.PriorWeight)
}

// replies counts the public direct replies to a content.
func (m *memory) replies(id string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.contents {
		if _, ok := l.Content.PublicVersion(); ok && l.Content.Parent == id && l.Content.Subject == lamp {
			n++
		}
	}
	return n
}

var errDisk = errors.New("disk on fire")
