package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "mongowire:", err)
		os.Exit(1)
	}
}

// errUsage is returned for arguments that the flag package has already
// complained about.
var errUsage = errors.New("wrong usage")

// run serves until ctx is done or stdin ends.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("mongowire", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:0", "`host:port` to listen on; port 0 chooses a free one")
	dir := flags.String("dir", "", "existing `folder` for the data (default a temporary one, removed at the end)")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if *dir == "" {
		temporary, err := os.MkdirTemp("", "mongowire-")
		if err != nil {
			return fmt.Errorf("make data folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(temporary) }()
		*dir = temporary
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
	}()

	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	server, err := start(ctx, *addr, *dir, log)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "mongodb://%s/\n", server.addr); err != nil {
		cancel()
		return errors.Join(fmt.Errorf("print address: %w", err), server.wait())
	}
	return server.wait()
}

// server is a running FerretDB with its proxy.
type server struct {
	addr net.Addr
	wait func() error // returns when both have stopped
}

// start listens on addr and serves until ctx is done. The data goes into dir,
// an existing folder.
func start(ctx context.Context, addr, dir string, log *slog.Logger) (*server, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find data folder: %w", err)
	}
	// Nothing here has to survive a power cut, and syncing costs most of the
	// time of a write.
	store := url.URL{
		Scheme: "file", OmitHost: true, Path: dir + "/",
		RawQuery: url.Values{"_pragma": {"synchronous(off)"}}.Encode(),
	}
	db, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Logger:    log,
		Handler:   "sqlite",
		SQLiteURL: store.String(),
	})
	if err != nil {
		return nil, fmt.Errorf("open FerretDB: %w", err)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}

	ctx, cancel := context.WithCancel(ctx)
	ferret := make(chan error, 1)
	go func() {
		ferret <- db.Run(ctx)
		cancel()
	}()
	backend, err := url.Parse(db.MongoDBURI())
	if err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("parse FerretDB's address: %w", err), listener.Close(), <-ferret)
	}
	proxied := make(chan error, 1)
	go func() {
		p := &proxy{backend: backend.Host, log: log}
		proxied <- p.serve(ctx, listener)
		cancel()
	}()
	return &server{
		addr: listener.Addr(),
		wait: func() error { return errors.Join(<-proxied, <-ferret) },
	}, nil
}
