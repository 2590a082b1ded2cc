package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/candor-ugc/candor/search"
)

// The benchmarks print `ratio NAME VALUE` and `figure NAME VALUE UNIT`. A ratio
// compares two things of the same run, in alternating rounds, by the median of
// the rounds: a machine that is busy slows both.

// benching skips a benchmark unless it was asked for.
func benching(t *testing.T) {
	t.Helper()
	if os.Getenv("CANDOR_BENCH") == "" {
		t.Skip("a benchmark: make bench")
	}
}

func ratio(name string, value float64) {
	_, _ = fmt.Fprintf(os.Stdout, "ratio %s %.3f\n", name, value)
}

func figure(name string, value float64, unit string) {
	_, _ = fmt.Fprintf(os.Stdout, "figure %s %.4g %s\n", name, value, unit)
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func quantile(took []time.Duration, q float64) time.Duration {
	s := slices.Sorted(slices.Values(took))
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

// lean is an HTTP/1.1 client that does little beyond what the protocol needs,
// so that on a machine of two processors it is the server that is measured.
type lean struct {
	conn net.Conn
	r    *bufio.Reader
}

func dial(t testing.TB, url string) *lean {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &lean{conn, bufio.NewReaderSize(conn, 64<<10)}
}

// roundTrip sends a request and reads the answer: its status and how many bytes
// the body has.
func (l *lean) roundTrip(request []byte) (status, size int, err error) {
	if _, err := l.conn.Write(request); err != nil {
		return 0, 0, err
	}
	size = -1
	for {
		line, err := l.r.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		switch line = bytes.TrimSuffix(line, []byte("\r\n")); {
		case len(line) == 0:
			if size < 0 {
				return 0, 0, fmt.Errorf("an answer of status %d without a length", status)
			}
			_, err := l.r.Discard(size)
			return status, size, err
		case status == 0:
			status, err = strconv.Atoi(string(line[9:12]))
		case len(line) > 16 && bytes.EqualFold(line[:16], []byte("content-length: ")):
			size, err = strconv.Atoi(string(line[16:]))
		}
		if err != nil {
			return 0, 0, err
		}
	}
}

func getRequest(path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

// load asks over several connections for a while, each going round the
// requests, and gives the answers a second and how long each took.
func load(t testing.TB, clients []*lean, requests [][]byte, span time.Duration) (perSecond float64, took []time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var work sync.WaitGroup
	began := time.Now()
	for i, c := range clients {
		work.Go(func() {
			mine := make([]time.Duration, 0, 1<<16)
			for n := i; ; n++ {
				sent := time.Now()
				if sent.Sub(began) > span {
					break
				}
				status, _, err := c.roundTrip(requests[n%len(requests)])
				if err != nil || status != http.StatusOK {
					t.Errorf("status %d: %v", status, err)
					break
				}
				mine = append(mine, time.Since(sent))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	work.Wait()
	return float64(len(took)) / time.Since(began).Seconds(), took
}

// serveBare runs a minimal Gin server that writes one body.
func serveBare(t testing.TB, contentType string, body []byte) (url string) {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) { c.Data(http.StatusOK, contentType, body) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: engine, ReadHeaderTimeout: headerTimeout}
	go func() { _ = server.Serve(listener) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

// benchRows writes n contents made of real reviews as lines to import: product
// p-0, p-1, … get perProduct reviews each, after big with its 1,000.
func benchRows(t testing.TB, n, perProduct int) string {
	t.Helper()
	reviews, _ := realFiles(t)
	var rows []string
	for _, file := range reviews {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if _, rest, ok := strings.Cut(line, `"language"`); ok {
				rows = append(rows, `"language"`+strings.TrimSpace(rest))
			}
		}
	}
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range n {
		product := "big"
		if i >= 1000 || n < 10_000 {
			product = fmt.Sprintf("p-%d", i/perProduct)
		}
		// Neighbours in the files are of one language; real shops mix.
		row := rows[i*7919%len(rows)]
		_, _ = fmt.Fprintf(w, "{\"key\":\"k%d\",\"product\":{\"id\":%q},%s\n", i, product, row)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// filled makes a data folder with n approved contents.
func filled(t testing.TB, n, perProduct int) (data string) {
	t.Helper()
	data = newData(t)
	r := command(t, "import", "--data", data, "--site", "shop", "--state", "approved", benchRows(t, n, perProduct)).must(t)
	if !strings.HasPrefix(r.out, fmt.Sprintf("added %d,", n)) {
		t.Fatalf("import: %s%s", r.out, r.errs)
	}
	return data
}

const (
	benchRounds  = 9
	benchClients = 4
	benchSpan    = 700 * time.Millisecond
)

func TestBenchReads(t *testing.T) {
	benching(t)
	url, stop := serveHere(t, filled(t, 2_000, 100))
	defer stop()
	compareReads(t, "listing", url, "/products/p-3/reviews")
	compareReads(t, "summary", url, "/products/p-3/summary")
}

// compareReads holds one address of a warm server against a bare Gin handler
// that writes the same bytes.
func compareReads(t *testing.T, name, url, path string) {
	t.Helper()
	a, err := newClient(t, url, "").ask(http.MethodGet, path, nil)
	if err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %v", a.status, err)
	}
	bare := serveBare(t, a.header.Get("Content-Type"), a.body)
	var ours, theirs []*lean
	for range benchClients {
		ours, theirs = append(ours, dial(t, url)), append(theirs, dial(t, bare))
	}
	request, plain := [][]byte{getRequest("/v1/sites/shop" + path)}, [][]byte{getRequest("/")}
	var ratios, perSecond, basis []float64
	var latencies []time.Duration
	for round := range benchRounds {
		var b, o float64
		var took []time.Duration
		if round%2 == 0 {
			b, _ = load(t, theirs, plain, benchSpan)
			o, took = load(t, ours, request, benchSpan)
		} else {
			o, took = load(t, ours, request, benchSpan)
			b, _ = load(t, theirs, plain, benchSpan)
		}
		if round == 0 {
			continue // warming up
		}
		ratios, perSecond, basis = append(ratios, o/b), append(perSecond, o), append(basis, b)
		latencies = append(latencies, took...)
	}
	ratio(name, median(ratios))
	figure(name, median(perSecond), "requests/s")
	figure(name+"_bare_gin", median(basis), "requests/s")
	figure(name+"_bytes", float64(len(a.body)), "B")
	figure(name+"_p50", quantile(latencies, .5).Seconds()*1000, "ms")
	figure(name+"_p99", quantile(latencies, .99).Seconds()*1000, "ms")
}

func TestBenchImport(t *testing.T) {
	benching(t)
	const n = 15_000
	rows := benchRows(t, n, 100)
	var ratios, perSecond, basis []float64
	var public, desk []search.Document
	for round := range 4 {
		data := newData(t)
		began := time.Now()
		command(t, "import", "--data", data, "--site", "shop", "--state", "approved", rows).must(t)
		ours := n / time.Since(began).Seconds()
		if round == 0 { // warming up, and the documents for Bleve
			public, desk = benchDocuments(t, data)
			continue
		}
		theirs := n / benchBleve(t, public, desk).Seconds()
		ratios, perSecond, basis = append(ratios, ours/theirs), append(perSecond, ours), append(basis, theirs)
	}
	ratio("import", median(ratios))
	figure("import", median(perSecond), "contents/s")
	figure("import_bare_bleve", median(basis), "documents/s in both indexes")
}

// benchDocuments reads the documents that the indexes of a data folder hold.
func benchDocuments(t testing.TB, data string) (public, desk []search.Document) {
	t.Helper()
	flags := dataFlags{Data: data}
	sites, err := openSites(flags)
	if err != nil {
		t.Fatal(err)
	}
	defer sites.Close()
	n, err := openNode(t.Context(), nodeOptions{data: flags, sites: sites, log: logFlags{}.logger(io.Discard), progress: func(string, int) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.close() }()
	for d, err := range n.svc.PublicDocuments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		public = append(public, d)
	}
	for d, err := range n.svc.DeskDocuments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		desk = append(desk, d)
	}
	return public, desk
}

// benchBleve feeds both indexes at once, as an import does, and nothing else.
func benchBleve(t testing.TB, public, desk []search.Document) time.Duration {
	t.Helper()
	dir := t.TempDir()
	began := time.Now()
	var work sync.WaitGroup
	for kind, docs := range map[search.Kind][]search.Document{search.Public: public, search.Desk: desk} {
		work.Go(func() {
			x, err := search.Create(filepath.Join(dir, string(kind)), kind, search.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			for part := range slices.Chunk(docs, 1000) {
				if err := x.Apply(t.Context(), part, nil); err != nil {
					t.Error(err)
				}
			}
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	return time.Since(began)
}
