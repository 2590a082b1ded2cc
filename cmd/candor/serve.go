package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	candor "github.com/candor-ugc/candor"
	"github.com/candor-ugc/candor/api"
	"github.com/candor-ugc/candor/api/admin"
	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/notify"
	"github.com/candor-ugc/candor/api/upload"
)

// serveFlags are those of serve and demo.
type serveFlags struct {
	dataFlags
	mediaFlags
	Addr            string        `default:"127.0.0.1:8080" help:"Address to listen on."`
	TrustedProxies  []string      `placeholder:"CIDR" help:"Proxies whose X-Forwarded-For is believed; none by default."`
	WritesPerMinute int           `default:"120" help:"Changes one person may make in a minute; 0 for no limit."`
	ShelfMB         int64         `default:"256" name:"shelf-mb" help:"Memory for listings, in MiB."`
	StartModel      string        `type:"existingfile" help:"Text model that every site begins with, made by candor eval model; it orders the queue until the site's own has learned."`
	MetricsToken    string        `help:"Bearer token that may read /metrics from other machines; without it only this machine may."`
	Timeout         time.Duration `default:"30s" help:"Longest time for one request."`
}

type serveCmd struct{ serveFlags }

// Run serves until the context ends.
func (c *serveCmd) Run(ctx context.Context, logs logFlags, s streams) error {
	return c.serve(ctx, logs.logger(s.err), func(*node, string) error { return nil })
}

// Limits of the HTTP server. The write timeout is left to each request's own
// timeout, since exports may run long.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 5 * time.Minute
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
	stopTimeout   = 20 * time.Second
)

// serve listens at once, answers that it is getting ready while it does, calls
// ready before requests are let in, and stops in order when ctx ends: requests,
// background work, indexes, ledger.
func (f *serveFlags) serve(ctx context.Context, log *slog.Logger, ready func(n *node, url string) error) error {
	sites, err := openSites(f.dataFlags)
	if err != nil {
		return err
	}
	defer sites.Close()
	handler, err := api.New(api.Config{
		SpoolDir: f.tempDir(), Sites: sites, Contract: candor.Contract, Now: time.Now, Log: log, TrustedProxies: f.TrustedProxies,
		WritesPerMinute: f.WritesPerMinute, Timeout: f.Timeout, MetricsToken: f.MetricsToken,
	})
	if err != nil {
		return err
	}
	view, err := admin.New(admin.Config{
		Sites: sites, Now: time.Now, Log: log, TrustedProxies: f.TrustedProxies, Timeout: f.Timeout,
	})
	if err != nil {
		return err
	}
	handler.Mount("/admin", view)
	listener, err := net.Listen("tcp", f.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	// Live streams never end by themselves; the server would wait for them.
	server.RegisterOnShutdown(view.Close)
	server.RegisterOnShutdown(handler.Stop)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	url := "http://" + listener.Addr().String()
	log.Info("listening", "url", url)

	live := &notify.Live{}
	n, err := f.open(ctx, sites, log, handler, live)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	if err := ready(n, url); err != nil {
		return errors.Join(err, server.Close(), n.close())
	}
	uploads, err := openUploads(n, f.dataFlags, log)
	if err != nil {
		return errors.Join(err, server.Close(), n.close())
	}
	handler.ReadyUploads(uploads)
	handler.Ready(n.svc)
	view.Ready(n.svc, auth.NewAccounts(n.svc.Ledger, time.Now), live.Listen)
	log.Info("ready", "url", url)
	err = f.wait(ctx, n, uploads, failed)
	log.Info("stopping")
	uploads.Close()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err = errors.Join(err, server.Shutdown(stop))
	handler.Unready("stopping")
	return errors.Join(err, n.close())
}

// wait lets the service run until it fails or ctx ends. SIGHUP builds the indexes
// anew meanwhile, while the old ones go on serving.
func (f *serveFlags) wait(ctx context.Context, n *node, uploads *upload.Handler, failed <-chan error) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	background.Go(func() {
		if err := uploads.Recover(ctx); err != nil && ctx.Err() == nil {
			n.log.Error("uploads that had arrived before not all taken in", "err", err)
		}
		n.gallery.tidy(ctx, uploads, n.log)
	})
	for {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		case <-hangup:
			background.Go(func() { n.reindex(ctx) })
		}
	}
}

func (f *serveFlags) open(ctx context.Context, sites *auth.Sites, log *slog.Logger, handler *api.API, live *notify.Live) (*node, error) {
	last := time.Now()
	return openNode(ctx, nodeOptions{
		startModel: f.StartModel, data: f.dataFlags, media: f.mediaFlags, shelfBytes: f.ShelfMB << 20, sites: sites, log: log, tell: live.Publish,
		progress: func(what string, n int) {
			handler.Progress(fmt.Sprintf("%d %s", n, what))
			if time.Since(last) > 2*time.Second {
				last = time.Now()
				log.Info("getting ready", "done", n, "what", what)
			}
		},
	})
}
