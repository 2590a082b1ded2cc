package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// Config is what the view is made of.
type Config struct {
	Sites *auth.Sites
	Now   func() time.Time
	Log   *slog.Logger
	// TrustedProxies are the addresses or networks whose X-Forwarded-For and
	// X-Forwarded-Proto are believed; empty believes nobody.
	TrustedProxies []string
	// Timeout bounds the handling of one request; 0 is 30 s.
	Timeout time.Duration
}

// Admin serves the moderators' view. Until [Admin.Ready] is called every page
// says that the service is starting.
type Admin struct {
	Config
	mux     *http.ServeMux
	pages   pages
	texts   catalogue
	assets  assets
	proxies proxies
	origin  *http.CrossOriginProtection
	undos   undoMemory
	// stopped ends the live streams, which would never end by themselves.
	stopped context.Context
	stop    context.CancelFunc
	running atomic.Pointer[running]
}

// running is what there is once the service is ready.
type running struct {
	desk     Desk
	accounts *auth.Accounts
	watch    Watch
}

// New prepares the view: an error says that a proxy's address is not one, or
// that a template or text file is damaged.
func New(c Config) (*Admin, error) {
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	a := &Admin{Config: c, mux: http.NewServeMux(), origin: http.NewCrossOriginProtection(), undos: newUndoMemory()}
	a.stopped, a.stop = context.WithCancel(context.Background())
	var err error
	if a.proxies, err = parseProxies(c.TrustedProxies); err != nil {
		return nil, err
	}
	if a.texts, err = loadTexts(); err != nil {
		return nil, err
	}
	if a.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if a.pages, err = parsePages(); err != nil {
		return nil, err
	}
	a.routes()
	return a, nil
}

// Ready lets requests reach the service.
func (a *Admin) Ready(d Desk, accounts *auth.Accounts, w Watch) {
	a.running.Store(&running{desk: d, accounts: accounts, watch: w})
}

// Close ends the live streams.
func (a *Admin) Close() { a.stop() }

// Who may call a route.
type audience int

const (
	anybody audience = iota
	moderators
	admins
)

// routes is every address below /admin/. Site names hold no underscore, so
// /admin/_/ is free for files.
func (a *Admin) routes() {
	const site = "/admin/{site}"
	for _, r := range []struct {
		pattern string
		who     audience
		handle  func(*visit) error
	}{
		{"GET /admin/{$}", anybody, welcome},
		{"POST /admin/session", anybody, postSession},
		{"GET " + site + "/{$}", moderators, toQueue},
		{"GET " + site + "/sign-in", anybody, getSignIn},
		{"POST " + site + "/sign-in", anybody, postSignIn},
		{"POST " + site + "/sign-out", moderators, postSignOut},
		{"POST " + site + "/preferences", moderators, postPreferences},

		{"GET " + site + "/queue", moderators, getQueue},
		{"GET " + site + "/items/{id}", moderators, getItem},
		{"POST " + site + "/items/{id}/decision", moderators, postDecision},
		{"POST " + site + "/items/{id}/claim", moderators, postClaim},
		{"POST " + site + "/items/{id}/release", moderators, postRelease},
		{"POST " + site + "/items/{id}/pass", moderators, postPass},
		{"POST " + site + "/items/{id}/notes", moderators, postNote},
		{"POST " + site + "/items/{id}/media/{medium}", moderators, postMedium},
		{"POST " + site + "/decisions", moderators, postDecisions},
		{"POST " + site + "/undo", moderators, postUndo},
		{"GET " + site + "/events", moderators, getEvents},

		{"GET " + site + "/search", moderators, getSearch},
		{"GET " + site + "/author", moderators, getAuthor},
		{"GET " + site + "/audit", moderators, getAudit},
		{"GET " + site + "/statistics", moderators, getStatistics},
		{"GET " + site + "/rules", moderators, getRules},
		{"POST " + site + "/rules", admins, postRule},
		{"POST " + site + "/rules/delete", admins, deleteRule},
		{"GET " + site + "/settings", admins, getSettings},
		{"POST " + site + "/settings", admins, postSettings},
		{"POST " + site + "/accounts", admins, postAccount},
		{"POST " + site + "/accounts/change", admins, changeAccount},
		{"GET " + site + "/password", moderators, getPassword},
		{"POST " + site + "/password", moderators, postPassword},
	} {
		a.mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) { a.visit(w, req, r.who, r.handle) })
	}
	a.mux.HandleFunc("GET /admin", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/admin/", http.StatusMovedPermanently)
	})
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.visit(w, r, anybody, func(*visit) error { return errPage })
	})
}

// policy lets a page load its own files and nothing else, and be framed by
// nobody.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// maxForm bounds a form: the largest is a bulk decision.
const maxForm = 256 << 10

// ServeHTTP makes the view an http.Handler for everything below /admin/.
func (a *Admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if name, ok := strings.CutPrefix(r.URL.Path, "/admin/_/"); ok {
		a.assets.serve(w, r, name)
		return
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	a.mux.ServeHTTP(w, r)
}

// visit is one request on its way to a page.
type visit struct {
	*Admin
	*running
	w    http.ResponseWriter
	r    *http.Request
	site string
	// home is the address of the site's pages, without a slash at the end.
	home   string
	who    content.Actor
	secret string
	prefs  preferences
	words  *texts
}

// Errors of this package, rendered by [visit.fail].
var (
	errPage     = errors.New("no such page")
	errForm     = errors.New("the form is not from this session")
	errBadForm  = errors.New("malformed form")
	errStarting = errors.New("starting")
	errPanic    = errors.New("panic")
	errCrowded  = errors.New("too many live streams")
)

func (a *Admin) visit(w http.ResponseWriter, r *http.Request, who audience, handle func(*visit) error) {
	v := &visit{Admin: a, running: a.running.Load(), w: w, r: r, site: r.PathValue("site")}
	v.home = "/admin/" + v.site
	v.prefs = readPreferences(r)
	v.words = a.texts.choose(v.prefs.Language, r.Header.Get("Accept-Language"))
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		a.Log.Error("panic", "path", r.Pattern, "panic", p, "stack", string(debug.Stack()))
		v.fail(errPanic)
	}()
	if r.Pattern != "GET /admin/{site}/events" {
		ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
		defer cancel()
		v.r = r.WithContext(ctx)
	}
	if err := v.serve(who, handle); err != nil {
		v.fail(err)
	}
}

func (v *visit) serve(who audience, handle func(*visit) error) error {
	if v.running == nil {
		return errStarting
	}
	// A page of another origin cannot change anything, whatever its cookies.
	if err := v.origin.Check(v.r); err != nil {
		return fmt.Errorf("%w: %w", errForm, err)
	}
	if v.site != "" && !content.ValidSite(v.site) {
		return errPage
	}
	if who == anybody {
		return handle(v)
	}
	if err := v.resume(); err != nil {
		if errors.Is(err, auth.ErrSession) {
			return v.askToSignIn()
		}
		return err
	}
	if !v.who.May(content.Moderator) || who == admins && !v.who.May(content.Admin) {
		return lifecycle.ErrForbidden
	}
	if v.r.Method == http.MethodPost {
		if err := v.parseForm(); err != nil {
			return err
		}
		token := v.r.PostForm.Get("csrf")
		if token == "" {
			token = v.r.Header.Get("X-CSRF-Token")
		}
		if !auth.ValidFormToken(v.secret, token) {
			return errForm
		}
	}
	return handle(v)
}

// parseForm reads the body; what is no form is refused.
func (v *visit) parseForm() error {
	if err := v.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	return nil
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// wantsJSON reports whether the script asks.
func (v *visit) wantsJSON() bool { return v.r.Header.Get("Accept") == "application/json" }

// see sends the browser to another page of the site after a form.
func (v *visit) see(path string) error {
	http.Redirect(v.w, v.r, v.home+path, http.StatusSeeOther)
	return nil
}

// render executes a page whole before a byte is sent.
func (v *visit) render(status int, name string, data any) error {
	var b bytes.Buffer
	if err := v.pages.execute(&b, name, data); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, err := v.w.Write(b.Bytes())
	if err != nil {
		v.Log.Debug("page not sent", "err", err)
	}
	return nil
}
