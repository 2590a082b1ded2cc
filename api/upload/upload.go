package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	tusd "github.com/tus/tusd/v2/pkg/handler"
	xslog "golang.org/x/exp/slog"

	"github.com/candor-ugc/candor/api/content"
)

// Config is what uploads need. Zero values stand for the defaults.
type Config struct {
	// Dir is the folder of what has arrived, which is made when it is missing;
	// nothing else may lie there. No default.
	Dir string
	// Desk decides. No default.
	Desk Desk
	// Final reports whether an error of Desk.FinishUpload refuses the file for
	// good; after any other it is kept and tried again. No default.
	Final func(error) bool
	// MaxBytes bounds one upload. No default.
	MaxBytes int64
	// Life is how long an upload may take from its beginning. Default 24 h.
	Life time.Duration
	// Idle is the time in which some of a body, 4 KiB or its end, has to come.
	// Default 60 s.
	Idle time.Duration
	// Finish bounds one call of Desk.FinishUpload. Default 5 minutes.
	Finish time.Duration
	// Grace is how long Close waits for what is being finished before it breaks
	// that off. Default 10 s.
	Grace time.Duration
	// Wait is how long a request waits for another of the same upload that was
	// told to make way. Default 10 s.
	Wait time.Duration
	// Concurrent bounds the bodies that arrive at once. Default 64.
	Concurrent int
	// PerPerson bounds those of one person. Default 8.
	PerPerson int
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log is told what no client is told. Default: nobody is.
	Log *slog.Logger
}

// orDefault puts a default in the place of a zero value.
func orDefault[T comparable](v *T, value T) {
	if zero := *new(T); *v == zero {
		*v = value
	}
}

func (c Config) withDefaults() Config {
	orDefault(&c.Life, 24*time.Hour)
	orDefault(&c.Idle, time.Minute)
	orDefault(&c.Finish, 5*time.Minute)
	orDefault(&c.Grace, 10*time.Second)
	orDefault(&c.Wait, 10*time.Second)
	orDefault(&c.Concurrent, 64)
	orDefault(&c.PerPerson, 8)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Handler serves the uploads of all sites.
type Handler struct {
	Config
	store store
	tusd  *tusd.UnroutedHandler
	locks *locks
	slots *slots
	// ctx ends when what is being finished has to be broken off.
	ctx  context.Context
	stop context.CancelFunc
}

// New opens the folder of uploads. An error says that something without a
// default is missing, or that the folder cannot be used.
func New(c Config) (*Handler, error) {
	if c.Dir == "" || c.Desk == nil || c.Final == nil || c.MaxBytes <= 0 {
		return nil, errors.New("open uploads: Dir, Desk, Final and MaxBytes are needed")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	s, err := openStore(dir)
	if err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	c = c.withDefaults()
	h := &Handler{Config: c, store: s, locks: newLocks(), slots: newSlots(c.Concurrent, c.PerPerson)}
	// Only the store's core is used: without the others, tusd neither joins
	// uploads nor takes such without a length, and this room locks by itself.
	composer := tusd.NewStoreComposer()
	composer.UseCore(s)
	h.tusd, err = tusd.NewUnroutedHandler(tusd.Config{
		StoreComposer:           composer,
		MaxSize:                 c.MaxBytes,
		Cors:                    &tusd.CorsConfig{Disable: true},
		Logger:                  silent(),
		PreUploadCreateCallback: named,
		// The store does not look at contexts, so none needs to live on.
		GracefulRequestCompletionTimeout: time.Nanosecond,
	})
	if err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	h.ctx, h.stop = context.WithCancel(context.Background())
	return h, nil
}

// silent is a log of tusd's, of which nothing is written: every error comes to
// this room by itself.
func silent() *xslog.Logger {
	const never = 1000
	return xslog.New(xslog.NewTextHandler(io.Discard, &xslog.HandlerOptions{Level: xslog.Level(never)}))
}

// Serve answers a request to the uploads of a site, or to one of them where id
// is not "". After an error nothing was written but headers that are to stay.
// Errors: this package's own, and those of the Desk.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, who content.Actor, site, id string) error {
	w.Header().Set("Tus-Resumable", Version)
	w.Header().Set("Cache-Control", "no-store")
	method := methodOf(r)
	if method == http.MethodOptions {
		h.describe(w)
		return nil
	}
	if r.Header.Get("Tus-Resumable") != Version {
		w.Header().Set("Tus-Version", Version)
		return ErrVersion
	}
	verb, allow := h.verb(method, id)
	if verb == nil {
		w.Header().Set("Allow", allow)
		return ErrMethod
	}
	if !content.ValidSite(site) {
		return ErrNotFound
	}
	if id != "" {
		if !validID(id) {
			return ErrNotFound
		}
		if err := h.Desk.MayUpload(r.Context(), who, site, id); err != nil {
			return err
		}
	}
	return verb(&call{h: h, w: w, r: r, who: who, key: key{site, id}})
}

// verb finds what a method does to the uploads of a site or to one of them; nil
// with the methods that there are instead.
func (h *Handler) verb(method, id string) (verb func(*call) error, allow string) {
	switch {
	case id == "" && method == http.MethodPost:
		return (*call).create, ""
	case id == "":
		return nil, "POST, OPTIONS"
	case method == http.MethodHead:
		return (*call).head, ""
	case method == http.MethodPatch:
		return (*call).patch, ""
	case method == http.MethodDelete:
		return (*call).drop, ""
	}
	return nil, "HEAD, PATCH, DELETE, OPTIONS"
}

// methodOf is the method of a request, or the one that a client names which can
// send no other than POST.
func methodOf(r *http.Request) string {
	if over := r.Header.Get("X-HTTP-Method-Override"); over != "" && r.Method == http.MethodPost {
		if over == http.MethodPatch || over == http.MethodDelete {
			return over
		}
		return "" // nothing else needs it
	}
	return r.Method
}

// describe says what is spoken here.
func (h *Handler) describe(w http.ResponseWriter) {
	w.Header().Set("Tus-Version", Version)
	w.Header().Set("Tus-Extension", Extensions)
	w.Header().Set("Tus-Max-Size", strconv.FormatInt(h.MaxBytes, 10))
	w.WriteHeader(http.StatusNoContent)
}

// Close refuses further requests, ends those that are receiving, and gives those
// that are being finished a moment. What is not finished then is finished by the
// next Recover.
func (h *Handler) Close() {
	all := h.locks.close()
	grace := time.AfterFunc(h.Grace, h.stop)
	for _, left := range all {
		<-left
	}
	grace.Stop()
	h.stop()
}
