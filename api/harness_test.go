package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	candor "github.com/candor-ugc/candor"
	"github.com/candor-ugc/candor/api"
	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/bolt"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
)

func TestMain(m *testing.M) {
	media.WorkerMain()
	goleak.VerifyTestMain(m,
		// Workers that serve every index of the process, and the housekeeping of
		// caches, end with the process.
		goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"),
		goleak.IgnoreTopFunction("github.com/maypok86/otter/v2.periodicCleanUp[...]"),
	)
}

// site is the site of every test, other a site beside it.
const (
	site  = "shop"
	other = "elsewhere"
)

// people are who may ask, by the name that tests use. Nobody is "guest".
var people = map[string]auth.Grant{
	"alice":     {Subject: "alice", Name: "Alice", Purchases: []string{"kettle"}},
	"bob":       {Subject: "bob", Name: "Bob"},
	"carol":     {Subject: "carol", Name: "Carol"},
	"dave":      {Subject: "dave", Name: "Dave"},
	"staff":     {Subject: "sam", Name: "Sam", Roles: []content.Role{content.Staff}},
	"moderator": {Subject: "mira", Name: "Mira", Roles: []content.Role{content.Moderator}},
	"omar":      {Subject: "omar", Name: "Omar", Roles: []content.Role{content.Moderator}},
	"admin":     {Subject: "ada", Name: "Ada", Roles: []content.Role{content.Admin}},
}

// clock moves on by a millisecond whenever it is read, so that no two changes
// are made at the same time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// errorLog keeps what was logged as an error.
type errorLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *errorLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *errorLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.text.String()
	l.text.Reset()
	return s
}

// shop is a running API with its ledger, indexes and people.
type shop struct {
	t      testing.TB
	api    *api.API
	svc    *lifecycle.Service
	ledger *ledger.Ledger
	sites  *auth.Sites
	server *httptest.Server
	client *http.Client
	clock  *clock
	errors *errorLog
	tokens map[string]string
	// files keeps photos and videos.
	files *blob.Local
}

// options are what few tests change.
type options struct {
	config  api.Config
	detect  func(text string, hints ...string) (string, float64)
	unready bool
}

// detect stands in for the language detector, whose data takes long to load.
func detect(text string, _ ...string) (string, float64) {
	if strings.ContainsAny(text, "şŞğıİçöü") {
		return "tr", 1
	}
	return "en", 1
}

// open starts a shop with two products and a board; it is stopped with the test.
func open(t testing.TB, change ...func(*options)) *shop {
	t.Helper()
	o := options{detect: detect}
	for _, f := range change {
		f(&o)
	}
	dir := t.TempDir()
	s := &shop{
		t: t, clock: &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}, errors: &errorLog{},
		tokens: map[string]string{"guest": ""},
	}
	log := slog.New(slog.NewTextHandler(s.errors, &slog.HandlerOptions{Level: slog.LevelError}))
	s.openSites(dir)
	s.openService(dir, o, log)

	o.config.SpoolDir, o.config.Sites, o.config.Contract, o.config.Now, o.config.Log = dir, s.sites, candor.Contract, s.clock.Now, log
	handler, err := api.New(o.config)
	if err != nil {
		t.Fatal(err)
	}
	s.api = handler
	s.openUploads(dir)
	s.server = httptest.NewServer(handler)
	s.client = s.server.Client()
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.server.Close()
		if text := s.errors.take(); text != "" {
			t.Errorf("logged as errors:\n%s", text)
		}
	})
	if !o.unready {
		handler.Ready(s.svc)
	}
	return s
}

// openSites makes both sites and mints a token for everybody.
func (s *shop) openSites(dir string) {
	s.t.Helper()
	s.sites = auth.NewSites(filepath.Join(dir, "sites"), s.clock.Now)
	s.t.Cleanup(s.sites.Close)
	for _, name := range []string{site, other} {
		if _, err := s.sites.Create(name); err != nil {
			s.t.Fatal(err)
		}
	}
	for name, grant := range people {
		s.tokens[name] = s.mint(site, grant)
	}
	s.tokens["foreign"] = s.mint(other, people["admin"])
	s.tokens["misplaced"] = s.misplaced(people["admin"])
	s.tokens["garbage"] = "not.a.token"
}

// misplaced mints a token that this site signed, for the other site.
func (s *shop) misplaced(g auth.Grant) string {
	s.t.Helper()
	v, err := s.sites.Get(site)
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := (&auth.Site{Name: other, Secret: v.Secret}).Mint(auth.Grant{Subject: g.Subject, Roles: g.Roles, TTL: auth.MaxTTL}, s.clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

func (s *shop) mint(site string, g auth.Grant) string {
	s.t.Helper()
	v, err := s.sites.Get(site)
	if err != nil {
		s.t.Fatal(err)
	}
	if g.TTL == 0 {
		g.TTL = auth.MaxTTL
	}
	token, err := v.Mint(g, s.clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

func (s *shop) openService(dir string, o options, log *slog.Logger) {
	t := s.t
	t.Helper()
	store, err := bolt.Open(filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, store) })
	s.ledger = ledger.New(store)
	index := func(kind search.Kind) *search.Index {
		x, err := search.Create(filepath.Join(dir, string(kind)), kind, search.Options{Now: s.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closed(t, x) })
		return x
	}
	rules, precision, pictures := moderation.NewRuleSets(), moderation.NewPrecision(), lifecycle.NewPictures()
	screener, err := moderation.NewScreener(moderation.Options{
		Clock: s.clock.Now, Rules: rules, Evidence: precision, Lookalikes: pictures,
		Policy: func(site, kind string) moderation.Policy { return s.svc.Policy(site, kind) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := new(counter)
	s.svc = lifecycle.New(lifecycle.Config{
		Ledger: s.ledger, Public: index(search.Public), Desk: index(search.Desk), Screener: screener, Rules: rules,
		Precision: precision, Sites: s.sites.Names, Detect: o.detect, Handle: s.handle, Now: s.clock.Now, NewID: ids.next,
		Node: "test", Log: log, Media: s.mediaConfig(dir, pictures),
	})
	if err := s.svc.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s.svc) })
	admin := content.Actor{ID: "ada", Role: content.Admin}
	for _, p := range []content.Product{{ID: "kettle", Name: "Kettle"}, {ID: "pan", Name: "Pan"}} {
		p.Site = site
		if _, err := s.svc.PutProduct(t.Context(), admin, p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.svc.PutBoard(t.Context(), admin, content.Board{Site: site, ID: "lounge", Name: "The lounge"}); err != nil {
		t.Fatal(err)
	}
}

// with is the shop in the hands of another test.
func (s *shop) with(t testing.TB) *shop {
	c := *s
	c.t = t
	return &c
}

func closed(t testing.TB, c io.Closer) {
	if err := c.Close(); err != nil {
		t.Errorf("close %T: %v", c, err)
	}
}

func (s *shop) handle(site, person string) string {
	v, err := s.sites.Get(site)
	if err != nil {
		return ""
	}
	return v.Handle(person)
}

// counter makes ids in a row, of the form of UUIDv7.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return fmt.Sprintf("019ca000-0000-7000-8000-%012x", c.n)
}

// submit submits and gives the content.
func (s *shop) submit(as, path string, body any) content.Private {
	s.t.Helper()
	return asPrivate(s.do(as, http.MethodPost, path, body).want(http.StatusCreated))
}

func asPrivate(a *answer) content.Private {
	a.t.Helper()
	return as[content.Private](a)
}

// review submits a review of a product.
func (s *shop) review(as, product string, stars int, text string) content.Private {
	s.t.Helper()
	return s.submit(as, "/products/"+product+"/reviews", fields{"rating": stars, "title": "A title", "body": text})
}

// decide carries out a moderator's decision.
func (s *shop) decide(as string, c content.Private, action string, reasons ...string) content.Private {
	s.t.Helper()
	return asPrivate(s.decision(as, c, action, reasons...).want(http.StatusOK))
}

func (s *shop) decision(as string, c content.Private, action string, reasons ...string) *answer {
	s.t.Helper()
	body := fields{"action": action, "rev": c.Rev}
	if len(reasons) > 0 {
		body["reasons"] = reasons
	}
	return s.do(as, http.MethodPost, "/moderation/items/"+c.ID+"/decision", body)
}

// published submits a review and approves it.
func (s *shop) published(as, product string, stars int, text string) content.Private {
	s.t.Helper()
	return s.decide("moderator", s.review(as, product, stars, text), "approve")
}

// edit changes a content from the revision it is at.
func (s *shop) edit(as string, c content.Private, change fields) *answer {
	s.t.Helper()
	return s.do(as, http.MethodPatch, "/contents/"+c.ID, change, header{"If-Match", lifecycle.RevTag(c.Rev)})
}

// dump writes down everything that the ledger holds, once all is settled.
func (s *shop) dump() string {
	s.t.Helper()
	if _, err := s.svc.CheckAudit(s.t.Context(), site); err != nil {
		s.t.Fatal(err)
	}
	var out strings.Builder
	for _, table := range ledger.Schemas() {
		for raw, err := range s.ledger.Scan(context.Background(), table.Table, ledger.Range{}) {
			if err != nil {
				s.t.Fatal(err)
			}
			if table.Table == "leases" {
				continue // the right to do something, not a change
			}
			line, err := bson.MarshalExtJSON(raw, true, false)
			if err != nil {
				s.t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s %s\n", table.Table, line)
		}
	}
	return out.String()
}

// unchanged runs a step that must leave the ledger as it was.
func (s *shop) unchanged(step func()) {
	s.t.Helper()
	before := s.dump()
	step()
	if after := s.dump(); after != before {
		s.t.Errorf("the ledger changed:\n%s", difference(before, after))
	}
}

// difference lists the lines that only one of two texts has.
func difference(before, after string) string {
	count := map[string]int{}
	for line := range strings.Lines(before) {
		count[line]--
	}
	for line := range strings.Lines(after) {
		count[line]++
	}
	var out strings.Builder
	for line, n := range count {
		if n != 0 {
			fmt.Fprintf(&out, "%+d %s", n, line)
		}
	}
	return out.String()
}

// inside hands a request to the API without a connection, which some queries do
// not survive.
func (s *shop) inside(r *http.Request) *answer {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r.WithContext(s.t.Context()))
	return &answer{t: s.t, what: r.Method + " " + r.URL.Path, status: w.Code, header: w.Header(), body: w.Body.Bytes()}
}
