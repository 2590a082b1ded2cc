package mongo_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// fault is what a proxy does to the next commands of one name.
type fault struct {
	command string
	// times is how many it strikes, 0 for one.
	times int
	// only picks among the commands of that name; nil takes each.
	only func(command bson.Raw) bool
	// answer comes instead of the server's, which never sees the command.
	// Without an answer the command is carried out, then the connection breaks.
	answer bson.D
	// hang keeps the connection open, without any answer.
	hang bool
	// before runs when the fault strikes: after the command was carried out,
	// where it was.
	before func()
}

// proxy stands between a store and its server and strikes.
type proxy struct {
	t        *testing.T
	listener net.Listener
	server   string
	wg       sync.WaitGroup

	mu     sync.Mutex
	faults []*fault
	conns  map[net.Conn]bool
	closed bool
	// replicaSet makes the server say that it is the primary of a replica set,
	// so that the driver repeats writes by itself.
	replicaSet bool
}

// through starts a proxy and gives the address that leads through it.
func through(t *testing.T, uri string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatalf("the address of the test server must name one host: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: l, server: u.Host, conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	u.Host = l.Addr().String()
	// Without this, the driver would go on to the hosts that a replica set names.
	q := u.Query()
	q.Set("directConnection", "true")
	u.RawQuery = q.Encode()
	return p, u.String()
}

// strike adds a fault.
func (p *proxy) strike(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.times = max(f.times, 1)
	p.faults = append(p.faults, &f)
}

// close breaks all connections and takes no more.
func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// keep reports whether c may live on.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.keep(client) || !p.keep(server) {
			return
		}
		l := &link{proxy: p, client: client, server: server, struck: map[int32]*fault{}}
		p.wg.Go(l.requests)
		p.wg.Go(l.answers)
	}
}

// next takes the fault that strikes this command, or nil.
func (p *proxy) next(message []byte) *fault {
	name, body := command(message)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		if f.command == name && f.times > 0 && (f.only == nil || f.only(body)) {
			f.times--
			return f
		}
	}
	return nil
}

// link is one connection.
type link struct {
	*proxy
	client, server net.Conn

	mu     sync.Mutex
	struck map[int32]*fault
}

func (l *link) end() {
	_ = l.client.Close()
	_ = l.server.Close()
}

func (l *link) requests() {
	defer l.end()
	for {
		m, err := message(l.client)
		if err != nil {
			return
		}
		id := int32(binary.LittleEndian.Uint32(m[4:]))
		f := l.next(m)
		if f != nil && f.answer != nil {
			if f.before != nil {
				f.before()
			}
			if _, err := l.client.Write(reply(id, f.answer)); err != nil {
				return
			}
			continue
		}
		if f != nil {
			l.mu.Lock()
			l.struck[id] = f
			l.mu.Unlock()
		}
		if _, err := l.server.Write(m); err != nil {
			return
		}
	}
}

func (l *link) answers() {
	defer l.end()
	for {
		m, err := message(l.server)
		if err != nil {
			return
		}
		l.mu.Lock()
		f := l.struck[int32(binary.LittleEndian.Uint32(m[8:]))]
		l.mu.Unlock()
		if f != nil {
			if f.before != nil {
				f.before()
			}
			if f.hang {
				continue
			}
			return
		}
		l.proxy.mu.Lock()
		if l.replicaSet {
			m = asPrimary(m)
		}
		l.proxy.mu.Unlock()
		if _, err := l.client.Write(m); err != nil {
			return
		}
	}
}

// The wire protocol: a header of length, request id, id answered to and opcode,
// then for opMsg four bytes of flags and sections, the first a document.
// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
// The first answer on a connection may be an opReply still, with 20 bytes before
// its document.
const (
	headerSize = 16
	opMsg      = 2013
	bodyAt     = headerSize + 4 + 1
	opReply    = 1
	replyAt    = headerSize + 20
)

// asPrimary adds the name of a replica set to the answer to a hello.
func asPrimary(m []byte) []byte {
	at := bodyAt
	if binary.LittleEndian.Uint32(m[12:]) == opReply {
		at = replyAt
	}
	if len(m) <= at {
		return m
	}
	var body bson.D
	if err := bson.Unmarshal(m[at:], &body); err != nil || !slices.ContainsFunc(body, func(e bson.E) bool { return e.Key == "maxWireVersion" }) {
		return m
	}
	body = slices.DeleteFunc(body, func(e bson.E) bool { return e.Key == "setName" })
	raw, err := bson.Marshal(append(body, bson.E{Key: "setName", Value: "rs"}))
	if err != nil {
		panic(err)
	}
	m = append(m[:at:at], raw...)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	return m
}

func message(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n < headerSize || n > 64<<20 {
		return nil, io.ErrUnexpectedEOF
	}
	m := make([]byte, n)
	copy(m, length[:])
	_, err := io.ReadFull(r, m[4:])
	return m, err
}

// command gives the name and body of an opMsg whose first section is its body,
// as the Go driver sends them.
func command(m []byte) (string, bson.Raw) {
	if len(m) <= bodyAt || binary.LittleEndian.Uint32(m[12:]) != opMsg || m[bodyAt-1] != 0 {
		return "", nil
	}
	body, err := bson.ReadDocument(bytes.NewReader(m[bodyAt:]))
	if err != nil {
		return "", nil
	}
	elements, err := body.Elements()
	if err != nil || len(elements) == 0 {
		return "", nil
	}
	return elements[0].Key(), body
}

func reply(to int32, answer bson.D) []byte {
	body, err := bson.Marshal(answer)
	if err != nil {
		panic(err)
	}
	m := make([]byte, bodyAt, bodyAt+len(body))
	m = append(m, body...)
	binary.LittleEndian.PutUint32(m[0:], uint32(len(m)))
	binary.LittleEndian.PutUint32(m[8:], uint32(to))
	binary.LittleEndian.PutUint32(m[12:], opMsg)
	return m
}
