package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/semaphore"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/api/upload"
)

// Config is what the HTTP side is made of.
type Config struct {
	Sites *auth.Sites
	// Contract is openapi.yaml.
	Contract []byte
	Now      func() time.Time
	Log      *slog.Logger
	// TrustedProxies are the addresses or networks whose X-Forwarded-For is
	// believed; empty believes nobody.
	TrustedProxies []string
	// WritesPerMinute bounds the changes of one person, or of one address while
	// unknown; 0 does not bound them.
	WritesPerMinute int
	// MetricsToken lets its bearer read the metrics from anywhere; without it
	// they are for this machine alone.
	MetricsToken string
	// Timeout bounds the handling of one request; 0 is 30 s.
	Timeout time.Duration
	// SpoolDir is where uploads wait until they are whole; "" for the system's
	// own.
	SpoolDir string
}

// API serves Candor over HTTP. Until [API.Ready] is called it answers only the
// operations' routes.
type API struct {
	Config
	engine  *gin.Engine
	service atomic.Pointer[lifecycle.Service]
	status  atomic.Pointer[string]
	uploads atomic.Pointer[upload.Handler]
	// receiving bounds the uploads that arrive whole at once.
	receiving *semaphore.Weighted
	// stopping ends streams that would not end by themselves.
	stopping context.Context
	stop     context.CancelFunc
	limiter  *limiter
	metrics  *metrics
}

// New builds the handler: an error says that a proxy's address is not one.
func New(c Config) (*API, error) {
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	gin.SetMode(gin.ReleaseMode)
	a := &API{Config: c, engine: gin.New(), metrics: newMetrics(), receiving: semaphore.NewWeighted(maxReceiving)}
	a.stopping, a.stop = context.WithCancel(context.Background())
	a.limiter = newLimiter(c.WritesPerMinute, c.Now)
	if err := a.engine.SetTrustedProxies(c.TrustedProxies); err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	a.engine.HandleMethodNotAllowed = true
	a.engine.RedirectTrailingSlash = false
	a.engine.UseRawPath, a.engine.UnescapePathValues = true, true
	a.engine.ContextWithFallback = true
	a.engine.Use(a.guard)
	a.engine.NoRoute(a.fail(errRoute))
	a.engine.NoMethod(a.fail(errMethod))
	for _, r := range routes() {
		h := a.handler(r)
		a.engine.Handle(r.method, r.path, h)
		if r.method == http.MethodGet {
			a.engine.HEAD(r.path, h)
		}
	}
	a.operations()
	a.Progress("starting")
	return a, nil
}

// Ready lets requests reach the service.
func (a *API) Ready(s *lifecycle.Service) { a.service.Store(s) }

// ReadyUploads lets what can be resumed reach its handler.
func (a *API) ReadyUploads(h *upload.Handler) { a.uploads.Store(h) }

// Unready keeps requests from the service again, before it stops.
func (a *API) Unready(status string) {
	a.service.Store(nil)
	a.Progress(status)
}

// Stop ends the streams that would keep a server from stopping.
func (a *API) Stop() { a.stop() }

// Progress says what the service is doing while it is not ready.
func (a *API) Progress(status string) { a.status.Store(&status) }

// Mount hands everything at and below a path to another handler, which answers
// for itself whether it is ready. It is called before the first request.
func (a *API) Mount(path string, h http.Handler) {
	a.engine.Any(path, gin.WrapH(h))
	a.engine.Any(path+"/*rest", gin.WrapH(h))
}

// ServeHTTP makes the API an http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

// guard sets what every answer carries and turns a panic into a problem.
func (a *API) guard(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		a.Log.Error("panic", "method", c.Request.Method, "path", c.FullPath(), "panic", v, "stack", string(debug.Stack()))
		if !c.Writer.Written() {
			problemOf(errPanic).write(c.Writer)
		}
		c.Abort()
	}()
	if strings.HasPrefix(c.Request.URL.Path, "/v1/") && a.cors(c) {
		return
	}
	c.Next()
}

// What pages of any origin may send and read.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsSend    = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Range, " + upload.RequestHeaders
	corsRead    = "ETag, Link, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, Content-Range, " + upload.ResponseHeaders
)

// cors lets pages of any origin use the API. It has no cookies: who asks is told
// by the Authorization header, which a page must set itself.
func (a *API) cors(c *gin.Context) (done bool) {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", corsRead)
	if c.Request.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsSend)
	h.Set("Access-Control-Max-Age", "86400")
	if uploads := a.uploads.Load(); uploads != nil && strings.Contains(c.Request.URL.Path, "/uploads") {
		// To say what the protocol needs to know cannot go wrong.
		_ = uploads.Serve(c.Writer, c.Request, content.Actor{}, "", "")
		c.Abort()
		return true
	}
	c.AbortWithStatus(http.StatusNoContent)
	return true
}

func (a *API) fail(err error) gin.HandlerFunc {
	return func(c *gin.Context) { problemOf(err).write(c.Writer) }
}

// call is one request on its way to a verb.
type call struct {
	*gin.Context
	api  *API
	svc  *lifecycle.Service
	site string
	who  content.Actor
}

// handler makes a gin handler of a route: it finds the site, tells who asks,
// keeps to the route's role and the limits, and renders the error.
func (a *API) handler(r route) gin.HandlerFunc {
	observe := a.metrics.route(r.method, r.path)
	return func(c *gin.Context) {
		began := time.Now()
		err := a.serve(c, r)
		if err != nil {
			a.render(c, err)
		}
		observe(c.Writer.Status(), time.Since(began))
	}
}

func (a *API) serve(c *gin.Context, r route) error {
	svc := a.service.Load()
	if svc == nil {
		return errStarting // what it is doing is for those who run it, see readyz
	}
	site, err := a.Sites.Get(c.Param("site"))
	if err != nil {
		return err
	}
	ca := &call{Context: c, api: a, svc: svc, site: site.Name}
	if ca.who, err = a.actor(c.Request, site); err != nil {
		return err
	}
	if r.role != "" && !ca.who.May(r.role) {
		if !ca.who.Known() {
			return lifecycle.ErrSignIn
		}
		return lifecycle.ErrForbidden
	}
	if r.method != http.MethodGet && r.method != http.MethodHead && !r.piece {
		if err := a.limiter.allow(c, site.Name, ca.who); err != nil {
			return err
		}
	}
	if !r.stream {
		// A body that trickles in must not hold the connection for longer either.
		// Where the connection has no deadlines, the server's own limit holds.
		_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(a.Timeout))
		ctx, cancel := context.WithTimeout(c.Request.Context(), a.Timeout)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
	}
	return r.handle(ca)
}

// actor tells who asks: nobody without an Authorization header.
func (a *API) actor(r *http.Request, site *auth.Site) (content.Actor, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return content.Actor{}, nil
	}
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return content.Actor{}, auth.ErrToken
	}
	return site.Verify(strings.TrimSpace(token), a.Now())
}

// render sends the problem for an error and logs what is our fault.
func (a *API) render(c *gin.Context, err error) {
	p := problemOf(err)
	if p.Status >= 500 && !errors.Is(err, errStarting) {
		a.Log.Error("request failed", "method", c.Request.Method, "path", c.FullPath(), "status", p.Status, "err", err)
	}
	if c.Writer.Written() {
		return
	}
	p.Instance = c.Request.URL.Path
	p.write(c.Writer)
}
