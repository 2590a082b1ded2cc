package admin

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pages are the templates, one set for each page: they share layout and parts.
type pages map[string]*template.Template

// pageFiles says which file makes which page.
var pageFiles = map[string]string{
	"welcome": "signin", "signin": "signin", "bounce": "signin", "error": "error", "queue": "queue", "item": "item",
	"part": "case", "errorpart": "error", "search": "search", "author": "author", "audit": "audit", "statistics": "statistics",
	"rules": "rules", "settings": "settings", "password": "settings",
}

func parsePages() (pages, error) {
	shared := template.New("")
	for _, file := range []string{"layout", "parts", "case", "media"} {
		if err := parseFile(shared, file); err != nil {
			return nil, err
		}
	}
	out := pages{}
	for name, file := range pageFiles {
		t, err := shared.Clone()
		if err == nil {
			err = parseFile(t, file)
		}
		if err == nil && t.Lookup(name) == nil {
			err = fmt.Errorf("%s.html defines no %q", file, name)
		}
		if err != nil {
			return nil, fmt.Errorf("parse templates: %w", err)
		}
		out[name] = t
	}
	return out, nil
}

// parseFile adds the templates of a file, without its indentation.
func parseFile(t *template.Template, file string) error {
	b, err := templateFiles.ReadFile("templates/" + file + ".html")
	if err != nil {
		return fmt.Errorf("read template: %w", err)
	}
	if _, err = t.Parse(lean(string(b), ".html")); err != nil {
		return fmt.Errorf("parse template: %w", err)
	}
	return nil
}

func (p pages) execute(w io.Writer, name string, data any) error {
	return p[name].ExecuteTemplate(w, name, data)
}

// page is what every page shows; the pages embed it.
type page struct {
	*texts
	preferences
	Site, Home string
	// Title is what the page is about, already in words; Here its place in the
	// navigation.
	Title, Here string
	Who         content.Actor
	// CSRF goes into every form; "" where nobody has signed in.
	CSRF string
	// Waiting counts the queue.
	Waiting int
	// URI is the page's own address, to come back to.
	URI     string
	Assets  assets
	Version string
	Flash   *flash
}

// flash says what the last form did. Undo, or Turned, is there while it can be
// taken back.
type flash struct {
	Text string
	Bad  bool
	Undo []lifecycle.Target
	// Next is the page after an undo, the queue where it is "".
	Next string
}

// page begins a page; title is a key.
func (v *visit) page(title string) *page {
	p := &page{
		texts: v.words, preferences: v.prefs, Site: v.site, Home: v.home, Title: v.words.T(title),
		Here: strings.TrimSuffix(title, ".title"), Who: v.who, URI: v.r.URL.RequestURI(), Assets: v.assets,
	}
	if v.secret != "" {
		p.CSRF = auth.FormToken(v.secret)
		p.Waiting = v.desk.Waiting(v.site)
		p.Flash = v.undos.take(v, v.r.URL.Query().Get("said"))
	}
	return p
}

// IsAdmin reports whether the visitor may change the site itself.
func (p *page) IsAdmin() bool { return p.Who.May(content.Admin) }

// Languages are the interface's languages for the switch.
func (p *page) Languages() []option {
	out := make([]option, len(languages()))
	for i, l := range languages() {
		out[i] = option{Value: l, Text: ownNames[l], On: l == p.Lang}
	}
	return out
}

// Themes and Densities are the other switches.
func (p *page) Themes() []option { return p.options("theme.", themes, p.Theme) }

// Densities are how close the lists are set.
func (p *page) Densities() []option { return p.options("density.", densities, p.Density) }

// navLink is one entry of the navigation.
type navLink struct {
	URL, Text string
	On        bool
	Count     string
}

// Link makes an entry of the navigation; the queue's tells how much waits.
func (p *page) Link(name, path string) navLink {
	l := navLink{URL: p.Home + path, Text: p.T("nav." + name), On: p.Here == name}
	if name == "queue" {
		l.Count = p.N(p.Waiting)
	}
	return l
}

// chooser is a list to choose one of, or any.
type chooser struct {
	Name, Label, Any string
	Options          []option
}

// Choose makes a list to choose from.
func (p *page) Choose(name string, options []option) chooser {
	return chooser{Name: name, Label: p.T("filters." + name), Any: p.T("filters.any"), Options: options}
}

// rowIn is a line with the page it is on, for its words.
type rowIn struct {
	Page *page
	Row  row
}

// In puts a line on a page.
func (p *page) In(r row) rowIn { return rowIn{p, r} }

// stars is a rating to be drawn.
type stars struct {
	Full, Empty []struct{}
	Text        string
}

// Stars draws a rating of 1 to 5.
func (p *page) Stars(n int) stars {
	n = min(max(n, 0), 5)
	return stars{make([]struct{}, n), make([]struct{}, 5-n), p.T("stars", "n", n)}
}

// option is one choice of a list.
type option struct {
	Value, Text string
	On          bool
}

func (p *page) options(prefix string, values []string, on string) []option {
	out := make([]option, len(values))
	for i, s := range values {
		out[i] = option{Value: s, Text: p.Or(prefix+s, s), On: s == on}
	}
	return out
}

// scriptTexts are what the script says.
var scriptTexts = []string{
	"js.offline", "js.failed", "js.signedOut", "js.new", "js.selected", "js.pick", "js.none", "js.undone", "js.nothing",
	"js.decided", "js.end", "js.live", "js.lost", "js.changed",
}

// ScriptTexts hands the script its words in the interface's language.
func (p *page) ScriptTexts() (string, error) {
	words := make(map[string]string, len(scriptTexts))
	for _, key := range scriptTexts {
		words[strings.TrimPrefix(key, "js.")] = p.T(key)
	}
	b, err := json.Marshal(words)
	return string(b), err
}

// failure is how an error is shown.
type failure struct {
	err    error
	status int
	key    string
}

// failures maps errors to what is told. The first match counts; what is not
// listed is our fault, of which nothing is told.
var failures = []failure{
	{errStarting, http.StatusServiceUnavailable, "error.starting"},
	{errCrowded, http.StatusServiceUnavailable, "error.starting"},
	{errForm, http.StatusForbidden, "error.form"},
	{errBadForm, http.StatusBadRequest, "error.badForm"},
	{errPage, http.StatusNotFound, "error.notFound"},
	{auth.ErrSession, http.StatusUnauthorized, "error.session"},
	{auth.ErrToken, http.StatusUnauthorized, "signin.token.wrong"},
	{auth.ErrForeign, http.StatusUnauthorized, "signin.token.wrong"},
	{auth.ErrExpired, http.StatusUnauthorized, "signin.expired"},
	{auth.ErrCredentials, http.StatusForbidden, "signin.wrong"},
	{auth.ErrNoAccount, http.StatusNotFound, "error.notFound"},
	{auth.ErrAccountExists, http.StatusConflict, "settings.accounts.exists"},
	{auth.ErrLastAdmin, http.StatusConflict, "settings.accounts.last"},
	{lifecycle.ErrSignIn, http.StatusUnauthorized, "error.session"},
	{lifecycle.ErrForbidden, http.StatusForbidden, "error.forbidden"},
	{lifecycle.ErrOwn, http.StatusForbidden, "error.own"},
	{lifecycle.ErrNotFound, http.StatusNotFound, "error.notFound"},
	{lifecycle.ErrSomebodyElse, http.StatusForbidden, "error.somebodyElse"},
	{lifecycle.ErrMediaPending, http.StatusConflict, "error.mediaPending"},
	{lifecycle.ErrConflict, http.StatusConflict, "error.conflict"},
	{lifecycle.ErrClaimed, http.StatusConflict, "error.claimed"},
	{lifecycle.ErrTooLate, http.StatusConflict, "error.tooLate"},
	{lifecycle.ErrCursor, http.StatusBadRequest, "error.cursor"},
	{moderation.ErrCursor, http.StatusBadRequest, "error.cursor"},
	{moderation.ErrTransition, http.StatusConflict, "error.transition"},
	{search.ErrCursor, http.StatusBadRequest, "error.cursor"},
	{search.ErrQuery, http.StatusBadRequest, "search.query"},
}

// explain gives the status and the words for an error.
func (v *visit) explain(err error) (int, string) {
	var (
		invalid  content.Invalid
		conflict *lifecycle.ConflictError
		claimed  *lifecycle.ClaimedError
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &invalid):
		return http.StatusUnprocessableEntity, v.words.T("error.invalid", "what", v.fields(invalid))
	case errors.As(err, &conflict) && conflict.By != "":
		key := "error.conflict.by"
		if conflict.State == content.Approved || conflict.State == content.Rejected || conflict.State == content.ChangesRequested || conflict.State == content.Removed {
			key = "error.decided.by"
		}
		return http.StatusConflict, v.words.T(key, "name", conflict.By, "state", v.words.T("state."+string(conflict.State)))
	case errors.As(err, &claimed):
		return http.StatusConflict, v.words.T("error.claimed", "name", claimed.By)
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, v.words.T("error.badForm")
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return f.status, v.words.T(f.key)
		}
	}
	return http.StatusInternalServerError, v.words.T("error.internal")
}

// fields names what is wrong with a form, in the interface's language where it
// knows the field.
func (v *visit) fields(e content.Invalid) string {
	parts := make([]string, len(e))
	for i, f := range e {
		name, _, _ := strings.Cut(f.Field, "[")
		parts[i] = v.words.Or("field."+name, f.Field)
		if said := v.words.Or("invalid."+f.Code, ""); said != "" {
			parts[i] += ": " + said
		} else {
			parts[i] += ": " + f.Message
		}
	}
	return strings.Join(parts, "; ")
}

// errorPage says what happened and what can be done.
type errorPage struct {
	*page
	Status  int
	Message string
	SignIn  bool
}

func (v *visit) fail(err error) {
	status, message := v.explain(err)
	// Who left while the page was made is nobody's trouble.
	if status >= 500 && !errors.Is(err, errStarting) && v.r.Context().Err() == nil {
		v.Log.Error("page failed", "method", v.r.Method, "pattern", v.r.Pattern, "status", status, "err", err)
	}
	if status == http.StatusServiceUnavailable {
		v.w.Header().Set("Retry-After", "2")
	}
	if v.wantsJSON() || v.site == "" && v.r.Method == http.MethodPost {
		v.sendJSON(status, problem{Error: message, By: claimant(err)})
		return
	}
	p := errorPage{page: v.failedPage(), Status: status, Message: message, SignIn: status == http.StatusUnauthorized}
	name := "error"
	if v.r.URL.Query().Has("part") {
		name = "errorpart"
	}
	if err := v.render(status, name, p); err != nil {
		v.Log.Error("error page failed", "err", err)
		http.Error(v.w, message, status)
	}
}

// failedPage is a page for an error, which may have come before anybody was
// known or anything ran.
func (v *visit) failedPage() *page {
	p := &page{texts: v.words, preferences: v.prefs, Home: v.home, Site: v.site, Title: v.words.T("error.title"), Assets: v.assets, Who: v.who}
	if v.secret != "" {
		p.CSRF, p.URI, p.Waiting = auth.FormToken(v.secret), v.home+"/queue", v.desk.Waiting(v.site)
	}
	return p
}

// claimant is who holds or decided what was asked for.
func claimant(err error) string {
	var conflict *lifecycle.ConflictError
	var claimed *lifecycle.ClaimedError
	switch {
	case errors.As(err, &conflict):
		return conflict.By
	case errors.As(err, &claimed):
		return claimed.By
	}
	return ""
}

// problem is what the script is told of an error.
type problem struct {
	Error string `json:"error"`
	By    string `json:"by,omitempty"`
}

func (v *visit) sendJSON(status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		v.Log.Error("answer not encoded", "err", err)
		status, b = http.StatusInternalServerError, []byte("{}")
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b) // the browser is gone when this fails
}

// seconds writes a span for Retry-After.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// with gives an address with some parameters set; "" takes one away.
func with(path string, q url.Values, pairs ...string) string {
	out := url.Values{}
	for k, list := range q {
		out[k] = list
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			out.Del(pairs[i])
		} else {
			out.Set(pairs[i], pairs[i+1])
		}
	}
	if len(out) == 0 {
		return path
	}
	return path + "?" + out.Encode()
}
