package lifecycle_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/bolt"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/api/shelf"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/media/mediatest"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
)

func TestMain(m *testing.M) {
	media.WorkerMain()
	goleak.VerifyTestMain(m,
		// Bleve's analysis workers live as long as the process.
		goleak.IgnoreAnyFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"))
}

const site = "shop"

var (
	alice = content.Actor{ID: "alice", Name: "Alice", Role: content.Shopper}
	bob   = content.Actor{ID: "bob", Name: "Bob", Role: content.Shopper}
	mod   = content.Actor{ID: "mod", Name: "Mod", Role: content.Moderator}
	mod2  = content.Actor{ID: "mod2", Name: "Second", Role: content.Moderator}
	lamp  = content.ProductOf("lamp")
)

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(d.Milliseconds()) }

// The ways in which an index can fail once.
const (
	works int32 = iota
	fails
	panics
	// losesAnswer applies and fails all the same.
	losesAnswer
)

// fragile is a real index that fails once when told to.
type fragile struct {
	*search.Index
	mode atomic.Int32
}

var errBroken = errors.New("index broken on purpose")

func (f *fragile) Apply(ctx context.Context, put []search.Document, del []string) error {
	switch f.mode.Swap(works) {
	case fails:
		return errBroken
	case panics:
		panic(errBroken)
	case losesAnswer:
		return errors.Join(errBroken, f.Index.Apply(ctx, put, del))
	}
	return f.Index.Apply(ctx, put, del)
}

// node is a service with real parts.
type node struct {
	*lifecycle.Service
	store        ledger.Store
	public, desk *fragile
	files        *blob.Local
	clock        *clock
}

func openStore(t *testing.T) ledger.Store {
	t.Helper()
	store, err := bolt.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noError(t, store.Close()) })
	return store
}

func newNode(t *testing.T) *node { return nodeOn(t, openStore(t), newClock()) }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func nodeOn(t *testing.T, store ledger.Store, c *clock) *node {
	t.Helper()
	return nodeWith(t, &node{store: store, clock: c})
}

// nodeWith completes a node, which may have files of an earlier one.
func nodeWith(t *testing.T, n *node) *node {
	t.Helper()
	store, c := n.store, n.clock
	index := func(kind search.Kind) *fragile {
		x, err := search.Create(filepath.Join(t.TempDir(), string(kind)), kind, search.Options{Now: c.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { noError(t, x.Close()) })
		return &fragile{Index: x}
	}
	n.public, n.desk = index(search.Public), index(search.Desk)
	pictures := lifecycle.NewPictures()
	screener, err := moderation.NewScreener(moderation.Options{Clock: c.now, Lookalikes: pictures})
	if err != nil {
		t.Fatal(err)
	}
	if n.files == nil {
		n.files, err = blob.OpenLocal(filepath.Join(t.TempDir(), "media"))
		noError(t, err)
	}
	n.Service = lifecycle.New(lifecycle.Config{
		Ledger: ledger.New(store), Public: n.public, Desk: n.desk, Screener: screener,
		Detect: func(string, ...string) (string, float64) { return "en", 1 },
		Handle: func(_, person string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(person)))[:20] },
		Now:    c.now, NewID: newID, Node: newID(), Log: slog.New(slog.DiscardHandler),
		Media: &lifecycle.MediaConfig{
			Processor: mediatest.Processor(t, n.files), Store: n.files, TempDir: t.TempDir(), Known: pictures,
			Key: func(site string) []byte { return []byte("a key of at least 32 bytes for " + site) },
		},
	})
	noError(t, n.Start(t.Context(), nil))
	t.Cleanup(func() { noError(t, n.Close()) })
	// Strangers know of a product in the catalogue before anything is published.
	_, err = n.PutProduct(t.Context(), content.Actor{ID: "ada", Role: content.Admin}, content.Product{Site: site, ID: lamp.ID, Name: "Lamp"})
	noError(t, err)
	return n
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func review(body string) lifecycle.Submission {
	return lifecycle.Submission{
		Site: site, Kind: content.Review, Subject: lamp, Text: content.Version{Rating: 4, Body: body},
	}
}

func (n *node) submit(t testing.TB, who content.Actor, body string) string {
	t.Helper()
	done, err := n.Submit(t.Context(), who, review(body))
	noError(t, err)
	return done.ID
}

func (n *node) decide(t testing.TB, id string, action moderation.Action, rev int64) int64 {
	t.Helper()
	p, err := n.Decide(t.Context(), mod, site, id, decision(action, rev))
	noError(t, err)
	return p.Rev
}

func decision(action moderation.Action, rev int64) lifecycle.Decision {
	return lifecycle.Decision{Action: action, Reasons: []string{"spam"}, Rev: rev}
}

// published makes a public review.
func (n *node) published(t testing.TB, who content.Actor, body string) string {
	t.Helper()
	id := n.submit(t, who, body)
	n.decide(t, id, moderation.ActionApprove, 1)
	return id
}

// shown is what strangers see of a listing.
func (n *node) shown(t testing.TB) (page *shelf.Page, items []content.Public) {
	t.Helper()
	page, err := n.List(t.Context(), lifecycle.Listing{Query: shelf.Query{Site: site, Subject: lamp, Kind: content.Review, Limit: 100}})
	noError(t, err)
	var body struct{ Items []content.Public }
	noError(t, json.Unmarshal(page.Body, &body))
	return page, body.Items
}

func (n *node) bodies(t testing.TB) []string {
	t.Helper()
	_, items := n.shown(t)
	out := []string{}
	for _, it := range items {
		out = append(out, it.Body)
	}
	slices.Sort(out)
	return out
}

// found counts what strangers find.
func (n *node) found(t testing.TB, text string) int {
	t.Helper()
	page, err := n.Search(t.Context(), content.Actor{}, search.Query{Site: site, Text: text})
	noError(t, err)
	if int(page.Total) != len(page.Items) {
		t.Errorf("search for %q counts %d and shows %d", text, page.Total, len(page.Items))
	}
	return len(page.Items)
}

// checked fails the test when the ledger, the indexes or the history are not as
// they should be.
func (n *node) checked(t testing.TB) {
	t.Helper()
	_, err := n.Check(t.Context(), false, func(p lifecycle.Problem) { t.Errorf("check: %s", p.Text) }, func() {})
	noError(t, err)
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: %s, want %s", what, g, w)
	}
}

// sharing makes several nodes of one process share a store, as they would share
// a server. A bolt file keeps no feed, so the feed is read from the documents.
type sharing struct{ ledger.Store }

func (s sharing) Shared() bool { return true }

func (s sharing) Scan(ctx context.Context, table string, r ledger.Range) iter.Seq2[bson.Raw, error] {
	if r.Index != ledger.ByFeed {
		return s.Store.Scan(ctx, table, r)
	}
	return func(yield func(bson.Raw, error) bool) {
		type entry struct {
			key string
			raw bson.Raw
		}
		var feed []entry
		for raw, err := range s.Store.Scan(ctx, table, ledger.Range{}) {
			if err != nil {
				yield(nil, err)
				return
			}
			d, err := ledger.ParseDoc(raw)
			if err != nil {
				yield(nil, err)
				return
			}
			if key := d.Keys[ledger.ByFeed]; key >= r.From && (r.To == "" || key < r.To) {
				feed = append(feed, entry{key, raw})
			}
		}
		slices.SortFunc(feed, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		for _, e := range feed {
			if !yield(e.raw, nil) {
				return
			}
		}
	}
}

// faulty is a store whose changes of contents can be made to go wrong.
type faulty struct {
	ledger.Store
	mu sync.Mutex
	// onReplace and onGet stand in for one call each when they are set.
	onReplace func(ctx context.Context, do func(context.Context) error) error
	onGet     func() error
}

func (f *faulty) Replace(ctx context.Context, table string, d ledger.Doc, from int64) error {
	do := func(ctx context.Context) error { return f.Store.Replace(ctx, table, d, from) }
	f.mu.Lock()
	on := f.onReplace
	if table == "contents" {
		f.onReplace = nil
	}
	f.mu.Unlock()
	if on != nil && table == "contents" {
		return on(ctx, do)
	}
	return do(ctx)
}

func (f *faulty) Get(ctx context.Context, table, id string) (bson.Raw, error) {
	f.mu.Lock()
	on := f.onGet
	f.mu.Unlock()
	if on != nil && table == "contents" {
		if err := on(); err != nil {
			return nil, err
		}
	}
	return f.Store.Get(ctx, table, id)
}

func (f *faulty) set(replace func(context.Context, func(context.Context) error) error, get func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onReplace, f.onGet = replace, get
}
