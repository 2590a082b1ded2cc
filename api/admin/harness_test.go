package admin_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/admin"
	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/ledger/bolt"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/api/notify"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
)

const site = "shop"

// password is that of every account in these tests.
const password = "correct horse battery"

// clock moves on by a millisecond whenever it is read.
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

// shop is a running view over a real service.
type shop struct {
	t        testing.TB
	svc      *lifecycle.Service
	sites    *auth.Sites
	accounts *auth.Accounts
	server   *httptest.Server
	clock    *clock
	live     notify.Live
	store    ledger.Store
	files    *files
	ids      int
}

func detect(text string, _ ...string) (string, float64) {
	switch {
	case strings.ContainsAny(text, "\u06af\u067e\u0686\u06a9\u06cc"):
		return "fa", 1
	case strings.ContainsAny(text, "şŞğıİ"):
		return "tr", 1
	}
	return "en", 1
}

// open starts a view with the accounts mira and omar, moderators, and ada, an
// administrator. It is stopped with the test.
func open(t testing.TB, change ...func(*admin.Config)) *shop {
	t.Helper()
	dir := t.TempDir()
	s := &shop{t: t, clock: &clock{now: time.Now().UTC().Truncate(time.Millisecond)}}
	log := slog.New(slog.NewTextHandler(failing{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	s.sites = auth.NewSites(filepath.Join(dir, "sites"), s.clock.Now)
	t.Cleanup(s.sites.Close)
	if _, err := s.sites.Create(site); err != nil {
		t.Fatal(err)
	}
	store, err := bolt.Open(filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, store) })
	s.store = store
	s.service(dir, ledger.New(store), log)

	c := admin.Config{Sites: s.sites, Now: s.clock.Now, Log: log}
	for _, f := range change {
		f(&c)
	}
	view, err := admin.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.accounts = auth.NewAccounts(s.svc.Ledger, s.clock.Now)
	for login, role := range map[string]content.Role{"mira": content.Moderator, "omar": content.Moderator, "ada": content.Admin} {
		a := content.Account{Site: site, Login: login, Name: strings.ToUpper(login[:1]) + login[1:], Role: role, Hash: hashed(t), Epoch: 1, Rev: 1}
		if added, err := s.svc.Ledger.AddAccount(t.Context(), a); err != nil || !added {
			t.Fatal(added, err)
		}
	}
	view.Ready(s.svc, s.accounts, s.live.Listen)
	s.server = httptest.NewServer(s.withFiles(view))
	t.Cleanup(func() {
		view.Close()
		s.server.Close()
	})
	return s
}

// memory is an account store that holds what was added last.
type memory struct {
	auth.AccountStore
	last content.Account
}

func (m *memory) AddAccount(_ context.Context, a content.Account) (bool, error) {
	m.last = a
	return true, nil
}

var once struct {
	sync.Mutex
	hash string
}

// hashed gives the hash of the tests' password. It is made once: hashing is
// slow on purpose.
func hashed(t testing.TB) string {
	t.Helper()
	once.Lock()
	defer once.Unlock()
	if once.hash == "" {
		m := &memory{}
		_, err := auth.NewAccounts(m, time.Now).Add(t.Context(), content.Account{Site: site, Login: "anybody", Role: content.Admin}, password)
		if err != nil {
			t.Fatal(err)
		}
		once.hash = m.last.Hash
	}
	return once.hash
}

func (s *shop) service(dir string, l *ledger.Ledger, log *slog.Logger) {
	t := s.t
	t.Helper()
	index := func(kind search.Kind) *search.Index {
		x, err := search.Create(filepath.Join(dir, string(kind)), kind, search.Options{Now: s.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closed(t, x) })
		return x
	}
	rules, precision := moderation.NewRuleSets(), moderation.NewPrecision()
	media := s.media(dir)
	screener, err := moderation.NewScreener(moderation.Options{
		Clock: s.clock.Now, Rules: rules, Evidence: precision, Lookalikes: media.Known,
		Policy: func(site, kind string) moderation.Policy { return s.svc.Policy(site, kind) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	s.svc = lifecycle.New(lifecycle.Config{
		Ledger: l, Public: index(search.Public), Desk: index(search.Desk), Screener: screener, Rules: rules, Precision: precision,
		Sites: s.sites.Names, Tell: s.live.Publish, Detect: detect, Now: s.clock.Now, Node: "test", Log: log, Media: media,
		Handle: func(_, person string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(person)))[:20] },
		NewID: func() string {
			mu.Lock()
			defer mu.Unlock()
			s.ids++
			return fmt.Sprintf("content-%04d", s.ids)
		},
	})
	if err := s.svc.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s.svc) })
	_, err = s.svc.PutProduct(t.Context(), content.Actor{ID: "ada", Role: content.Admin}, content.Product{Site: site, ID: "kettle", Name: "Kettle", URL: "https://shop.example/kettle"})
	if err != nil {
		t.Fatal(err)
	}
}

// failing makes a test fail with what is logged as an error.
type failing struct{ t testing.TB }

func (f failing) Write(b []byte) (int, error) {
	f.t.Errorf("logged: %s", b)
	return len(b), nil
}

func closed(t testing.TB, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// review submits a review of the kettle and gives its id. Each author writes
// one.
func (s *shop) review(author, title, body string, rating int) string {
	s.t.Helper()
	who := content.Actor{ID: author, Name: author, Role: content.Shopper}
	done, err := s.svc.Submit(s.t.Context(), who, lifecycle.Submission{
		Site: site, Kind: content.Review, Subject: content.ProductOf("kettle"),
		Text: content.Version{Title: title, Body: body, Rating: rating},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return done.ID
}

// reviews submits n harmless reviews by different people.
func (s *shop) reviews(n int) []string {
	ids := make([]string, n)
	subjects := []string{"spout", "handle", "cord", "lid", "display", "base", "colour", "sound", "weight", "price"}
	for i := range ids {
		body := fmt.Sprintf("After %d weeks the %s still does what it should, and number %d on my list is settled.", i+2, subjects[i%len(subjects)], i+100)
		ids[i] = s.review(fmt.Sprintf("shopper-%02d", i), fmt.Sprintf("About the %s, part %d", subjects[i%len(subjects)], i), body, i%5+1)
	}
	return ids
}

func (s *shop) state(id string) content.State {
	s.t.Helper()
	c, err := s.svc.Case(s.t.Context(), content.Actor{ID: "ada", Role: content.Admin}, site, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return c.Content.State
}

func (s *shop) rev(id string) int64 {
	s.t.Helper()
	c, err := s.svc.Case(s.t.Context(), content.Actor{ID: "ada", Role: content.Admin}, site, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return c.Content.Rev
}

// browser is somebody with cookies who follows no redirect by themselves.
type browser struct {
	*shop
	client *http.Client
}

func (s *shop) stranger() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s, &http.Client{
		Jar: jar, Transport: s.server.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signedIn is a browser with a session.
func (s *shop) signedIn(login string) *browser {
	s.t.Helper()
	b := s.stranger()
	r := b.post("/sign-in", url.Values{"login": {login}, "password": {password}})
	if r.status != http.StatusSeeOther {
		s.t.Fatalf("sign in as %s: %d %s", login, r.status, r.body)
	}
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) do(req *http.Request) answer {
	b.t.Helper()
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err = join(err, res.Body.Close()); err != nil {
		b.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func join(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *browser) request(method, path string, form url.Values) *http.Request {
	b.t.Helper()
	if !strings.HasPrefix(path, "/admin/") {
		path = "/admin/" + site + path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

// post sends a form as it is.
func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodPost, path, form))
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// csrf reads the token of the session from a page.
func (b *browser) csrf() string {
	b.t.Helper()
	m := csrfField.FindStringSubmatch(b.get("/queue").body)
	if m == nil {
		b.t.Fatal("the queue has no form token")
	}
	return m[1]
}

// send sends a form with the session's token.
func (b *browser) send(path string, form url.Values) answer {
	b.t.Helper()
	form.Set("csrf", b.csrf())
	return b.post(path, form)
}
