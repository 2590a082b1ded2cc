package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeBackend echoes every message and counts those it holds at one moment.
type fakeBackend struct {
	addr    string
	holding atomic.Int32
	most    atomic.Int32
	slow    chan struct{} // replies to "slow" wait for it
	arrived chan struct{} // one for each "slow"
}

func startFakeBackend(t *testing.T) *fakeBackend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &fakeBackend{addr: l.Addr().String(), slow: make(chan struct{}), arrived: make(chan struct{}, 1)}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Go(func() { b.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		connections.Wait()
	})
	return b
}

func (b *fakeBackend) serve(c net.Conn) {
	defer c.Close()
	for {
		m, err := readMessage(c)
		if err != nil {
			return
		}
		now := b.holding.Add(1)
		for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); most = b.most.Load() {
		}
		if m.command() == "slow" {
			b.arrived <- struct{}{}
			<-b.slow
		}
		b.holding.Add(-1)
		if _, err := c.Write(m); err != nil {
			return
		}
	}
}

// startProxy returns the address of a proxy to the backend, which stops with
// the test.
func startProxy(t *testing.T, backend string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		p := &proxy{backend: backend, log: slog.New(slog.DiscardHandler)}
		done <- p.serve(ctx, l)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve() = %v", err)
		}
	})
	return l.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func roundTrip(t *testing.T, c net.Conn, m message) message {
	t.Helper()
	if _, err := c.Write(m); err != nil {
		t.Fatal(err)
	}
	reply, err := readMessage(c)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestProxyPassesOneCommandAtATime(t *testing.T) {
	t.Parallel()
	backend := startFakeBackend(t)
	addr := startProxy(t, backend.addr)

	var clients sync.WaitGroup
	for i := range 8 {
		c := dial(t, addr)
		clients.Go(func() {
			m := opMsgBytes(0, "update", 0)
			for j := range 50 {
				binary.LittleEndian.PutUint32(m[4:], uint32(i*50+j))
				if _, err := c.Write(m); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				reply, err := readMessage(c)
				if err != nil || !bytes.Equal(reply, m) {
					t.Errorf("client %d: reply %x, error %v, want %x", i, reply, err, m)
					return
				}
			}
		})
	}
	clients.Wait()
	if got := backend.most.Load(); got != 1 {
		t.Errorf("the backend held %d commands at once, want 1", got)
	}
}

func TestProxyAnswersHandshakesDuringACommand(t *testing.T) {
	t.Parallel()
	backend := startFakeBackend(t)
	addr := startProxy(t, backend.addr)

	worker, monitor := dial(t, addr), dial(t, addr)
	slow := opMsgBytes(0, "slow", 0)
	if _, err := worker.Write(slow); err != nil {
		t.Fatal(err)
	}
	<-backend.arrived
	reply := roundTrip(t, monitor, opMsgBytes(flagExhaustAllowed, "hello", 0))
	if reply.flags() != 0 {
		t.Errorf("the backend was offered exhaust: flags %b", reply.flags())
	}
	close(backend.slow)
	if got, err := readMessage(worker); err != nil || !bytes.Equal(got, slow) {
		t.Errorf("slow command: reply %x, error %v", got, err)
	}
}

func TestProxySwallowsRepliesNobodyReads(t *testing.T) {
	t.Parallel()
	c := dial(t, startProxy(t, startFakeBackend(t).addr))
	if _, err := c.Write(opMsgBytes(flagMoreToCome, "insert", 0)); err != nil {
		t.Fatal(err)
	}
	ping := opMsgBytes(0, "ping", 0)
	if got := roundTrip(t, c, ping); !bytes.Equal(got, ping) {
		t.Errorf("reply after an unacknowledged write = %x, want %x", got, ping)
	}
}

func TestProxyClosesOnGarbage(t *testing.T) {
	t.Parallel()
	addr := startProxy(t, startFakeBackend(t).addr)
	c := dial(t, addr)
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if m, err := readMessage(c); err == nil {
		t.Errorf("garbage was answered with %x", m)
	}
	ping := opMsgBytes(0, "ping", 0)
	if got := roundTrip(t, dial(t, addr), ping); !bytes.Equal(got, ping) {
		t.Errorf("another connection got %x, want %x", got, ping)
	}
}
