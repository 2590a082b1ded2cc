package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// maxConnections is far above what the pools of one test run open.
	maxConnections = 512

	// exchangeTimeout bounds one command. The slowest honest one is a scan
	// over a large collection, which takes seconds.
	exchangeTimeout = time.Minute

	dialTimeout = 5 * time.Second
)

// proxy forwards wire messages to a backend, one command at a time over all
// connections.
type proxy struct {
	backend string // host:port
	log     *slog.Logger

	// turn is held from the first byte of a command to the last byte of its
	// reply.
	turn sync.Mutex
}

// serve accepts connections from l until ctx is done, and returns when l and
// every connection are closed. It returns nil after a stop by ctx.
func (p *proxy) serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()

	var connections sync.WaitGroup
	defer connections.Wait()
	defer cancel() // before the wait: connections end with ctx

	free := make(chan struct{}, maxConnections)
	for {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		client, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept: %w", err)
		}
		connections.Go(func() {
			defer func() { <-free }()
			if err := p.handle(ctx, client); err != nil && ctx.Err() == nil {
				p.log.Warn("connection ended", "client", client.RemoteAddr().String(), "error", err)
			}
		})
	}
}

// handle owns client: it is closed on return, and when ctx is done.
func (p *proxy) handle(ctx context.Context, client net.Conn) error {
	defer client.Close()
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()

	dialer := net.Dialer{Timeout: dialTimeout}
	backend, err := dialer.DialContext(ctx, "tcp", p.backend)
	if err != nil {
		return fmt.Errorf("dial backend: %w", err)
	}
	defer backend.Close()
	defer context.AfterFunc(ctx, func() { _ = backend.Close() })()

	requests, replies := bufio.NewReader(client), bufio.NewReader(backend)
	for {
		request, err := readMessage(requests)
		if err != nil {
			if isDisconnect(err) {
				return nil
			}
			return fmt.Errorf("read request: %w", err)
		}
		request.refuseExhaust()
		reply, err := p.exchange(request, backend, replies)
		if err != nil {
			return err
		}
		// FerretDB answers unacknowledged writes too; their sender does not
		// read, and would take the answer for that of its next command.
		if !request.expectsReply() {
			continue
		}
		if _, err := client.Write(reply); err != nil {
			if isDisconnect(err) {
				return nil
			}
			return fmt.Errorf("write reply: %w", err)
		}
	}
}

// exchange sends one request and reads its reply. Handshakes do not wait for
// their turn: behind a slow command a driver's heartbeat would time out, and
// the driver would take the server for dead.
func (p *proxy) exchange(request message, backend net.Conn, replies io.Reader) (message, error) {
	if !request.isHandshake() {
		p.turn.Lock()
		defer p.turn.Unlock()
	}
	if err := backend.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	if _, err := backend.Write(request); err != nil {
		return nil, fmt.Errorf("forward %s: %w", request.command(), err)
	}
	reply, err := readMessage(replies)
	if err != nil {
		return nil, fmt.Errorf("read reply to %s: %w", request.command(), err)
	}
	return reply, nil
}

// isDisconnect reports whether err only says that the other side has gone,
// which is how drivers end a connection.
func isDisconnect(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.As(err, &op)
}
