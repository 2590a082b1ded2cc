package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/media"
)

// buildDir is where the command is built, once for all tests that need a
// process of their own.
var buildDir string

func TestMain(m *testing.M) {
	media.WorkerMain()
	var err error
	if buildDir, err = os.MkdirTemp("", "candor-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(buildDir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// build makes the command as users get it: without the race detector, which
// would take seconds at every start.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(buildDir, "candor")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
})

func built(t testing.TB) string {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// ran is what a command came to.
type ran struct {
	code      int
	out, errs string
}

// command runs a command in this process, without an environment.
func command(t testing.TB, args ...string) ran { return commandWith(t, nil, args...) }

func commandWith(t testing.TB, env map[string]string, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, lookup(env), &out, &errs)
	return ran{code, out.String(), errs.String()}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

// must fails the test unless the command is done.
func (r ran) must(t testing.TB) ran {
	t.Helper()
	if r.code != exitDone {
		t.Fatalf("exit status %d\n%s%s", r.code, r.out, r.errs)
	}
	return r
}

// newData makes a data folder with a site named shop.
func newData(t testing.TB) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	command(t, "site", "create", "shop", "--data", data).must(t)
	return data
}

// tokenOf mints a token of the site shop as a storefront would.
func tokenOf(t testing.TB, data, sub string, role content.Role) string {
	t.Helper()
	sites := auth.NewSites(filepath.Join(data, "sites"), time.Now)
	defer sites.Close()
	site, err := sites.Get("shop")
	if err != nil {
		t.Fatal(err)
	}
	token, err := site.Mint(auth.Grant{Subject: sub, Name: "Shopper " + sub, Roles: []content.Role{role}, TTL: time.Hour}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// logged finds a line of the JSON log and keeps all of it for a failing test.
type logged struct {
	mu    sync.Mutex
	lines bytes.Buffer
	ready chan string // the address, once requests are let in
	ended chan struct{}
}

func follow(r io.Reader) *logged {
	l := &logged{ready: make(chan string, 1), ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		lines := bufio.NewReader(r)
		for {
			line, err := lines.ReadBytes('\n')
			l.mu.Lock()
			l.lines.Write(line)
			l.mu.Unlock()
			var entry struct{ Msg, URL string }
			if json.Unmarshal(line, &entry) == nil && entry.Msg == "ready" {
				l.ready <- entry.URL
			}
			if err != nil {
				return
			}
		}
	}()
	return l
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

// startTimeout bounds waiting for a server to become ready or to end.
const startTimeout = 2 * time.Minute

func (l *logged) url(t testing.TB) string {
	t.Helper()
	select {
	case url := <-l.ready:
		return url
	case <-l.ended:
		t.Fatalf("the server ended before it was ready:\n%s", l)
	case <-time.After(startTimeout):
		t.Fatalf("the server did not become ready:\n%s", l)
	}
	return ""
}

// serveHere runs a server in this process; stop ends it and must be called
// before its data folder is used by another command.
func serveHere(t testing.TB, data string, args ...string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r, w := io.Pipe()
	log := follow(r)
	code := make(chan int, 1)
	args = append([]string{
		"serve", "--addr", "127.0.0.1:0", "--data", data, "--log-format", "json", "--writes-per-minute", "0",
	}, args...)
	go func() {
		code <- run(ctx, args, lookup(nil), io.Discard, w)
		_ = w.Close()
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if c := <-code; c != exitDone {
				t.Errorf("serve: exit status %d\n%s", c, log)
			}
			<-log.ended
		})
	}
	t.Cleanup(stop)
	return log.url(t), stop
}

// process is a server in a process of its own.
type process struct {
	cmd *exec.Cmd
	log *logged
	url string
}

func serveApart(t testing.TB, binary, data string, args ...string) *process {
	t.Helper()
	args = append([]string{
		"serve", "--addr", "127.0.0.1:0", "--data", data, "--log-format", "json", "--writes-per-minute", "0",
	}, args...)
	p := &process{cmd: exec.Command(binary, args...)}
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	p.log = follow(pipe)
	p.url = p.log.url(t)
	return p
}

// kill ends the process without a warning.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.log.ended
	_ = p.cmd.Wait() // a killed process is no news
}

// interrupt lets the process stop in order.
func (p *process) interrupt(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-p.log.ended
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("serve: %v\n%s", err, p.log)
	}
}

// client asks a server as one person, or as a stranger without a token.
type client struct {
	http        *http.Client
	base, token string
}

func newClient(t testing.TB, url, token string) client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return client{&http.Client{Transport: transport, Timeout: time.Minute}, url + "/v1/sites/shop", token}
}

func (c client) as(token string) client {
	c.token = token
	return c
}

// answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request; an error says that no whole answer came back.
func (c client) ask(method, path string, body any, header ...string) (answer, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, c.base+path, r)
	if err != nil {
		return answer{}, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	b, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	return answer{res.StatusCode, res.Header, b}, err
}

// get reads a JSON answer and fails the test unless it is a 200.
func get[T any](t testing.TB, c client, path string) T {
	t.Helper()
	a, err := c.ask(http.MethodGet, path, nil)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return decoded[T](t, a, http.StatusOK, "GET "+path)
}

// send sends a JSON body and reads a JSON answer of the given status.
func send[T any](t testing.TB, c client, method, path string, body any, status int, header ...string) T {
	t.Helper()
	a, err := c.ask(method, path, body, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return decoded[T](t, a, status, method+" "+path)
}

func decoded[T any](t testing.TB, a answer, status int, what string) T {
	t.Helper()
	var v T
	if a.status != status {
		t.Fatalf("%s: status %d, want %d: %s", what, a.status, status, a.body)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%s: %v in %.200s", what, err, a.body)
	}
	return v
}

// item is what the tests read of a content on the wire.
type item struct {
	ID     string
	Kind   string
	State  string
	Rev    int64
	Rating int
	Body   string
	Title  string
	Votes  struct{ Helpful, Unhelpful int }
}

// listed is one page of a listing.
type listed struct {
	Items  []item
	Total  int
	Next   *string
	Facets struct {
		Rating   map[string]int
		Language map[string]int
	}
}

// all reads every page of a listing.
func all(t testing.TB, c client, path string) []item {
	t.Helper()
	var out []item
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	cursor := ""
	for {
		page := get[listed](t, c, fmt.Sprintf("%s%slimit=100%s", path, sep, cursor))
		out = append(out, page.Items...)
		if page.Next == nil {
			return out
		}
		cursor = "&cursor=" + *page.Next
	}
}

// realData finds the folder of real reviews beside the project, and skips the
// test only where there is none.
func realData(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		data := filepath.Join(dir, "..", "shared", "data")
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			if _, err := os.Stat(data); err != nil {
				t.Skip("no ../shared/data beside the project")
			}
			return data
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the test does not run inside the project")
		}
		dir = filepath.Dir(dir)
	}
}

// realFiles are the files of reviews and of questions.
func realFiles(t testing.TB) (reviews, questions []string) {
	t.Helper()
	data := realData(t)
	for pattern, into := range map[string]*[]string{"reviews": &reviews, "questions": &questions} {
		files, err := filepath.Glob(filepath.Join(data, pattern, "*.jsonl"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s in %s: %v", pattern, data, err)
		}
		*into = files
	}
	return reviews, questions
}
