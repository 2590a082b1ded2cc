package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"go.etcd.io/bbolt"

	"github.com/candor-ugc/candor/api/content"
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

// batchDelay is a db.MaxBatchDelay that lets bbolt write as much as this machine
// can: a batch fills while the one before is written. The ratio submit compares
// with db.Batch as it comes (10 ms), submit_tuned with this.
const batchDelay = 200 * time.Microsecond

// batchDefault is what bbolt sets db.MaxBatchDelay to when it opens a file.
const batchDefault = 10 * time.Millisecond

const submitClients = 32

func TestBenchSubmit(t *testing.T) {
	benching(t)
	data := newData(t)
	url, stop := serveHere(t, data)
	defer stop()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "plain.db"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("b")); return err }); err != nil {
		t.Fatal(err)
	}
	const rounds, each = 6, 60
	submissions := benchSubmissions(t, data, rounds*submitClients*each)
	clients := make([]*lean, submitClients)
	for i := range clients {
		clients[i] = dial(t, url)
	}
	var ratios, tuned, perSecond, basis, fast []float64
	var latencies []time.Duration
	for round := range rounds {
		part := submissions[round*submitClients*each:][:submitClients*each]
		db.MaxBatchDelay = batchDefault
		puts := benchPuts(t, db, 2*round, len(part)*4)
		db.MaxBatchDelay = batchDelay
		best := benchPuts(t, db, 2*round+1, len(part)*4)
		ours, took := benchSubmit(t, clients, part)
		if round == 0 {
			continue
		}
		ratios, perSecond, basis = append(ratios, ours/puts), append(perSecond, ours), append(basis, puts)
		tuned, fast = append(tuned, ours/best), append(fast, best)
		latencies = append(latencies, took...)
	}
	ratio("submit", median(ratios))
	ratio("submit_tuned", median(tuned))
	figure("submit", median(perSecond), "submissions/s")
	figure("submit_bare_bbolt", median(basis), "puts/s")
	figure("submit_bare_bbolt_tuned", median(fast), "puts/s")
	figure("submit_p50", quantile(latencies, .5).Seconds()*1000, "ms")
	figure("submit_p99", quantile(latencies, .99).Seconds()*1000, "ms")
}

// benchSubmissions makes requests, each of another shopper.
func benchSubmissions(t testing.TB, data string, n int) [][]byte {
	t.Helper()
	reviews, _ := realFiles(t)
	b, err := os.ReadFile(reviews[slices.IndexFunc(reviews, func(f string) bool { return strings.Contains(f, "clothing") })])
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for line := range strings.Lines(string(b)) {
		if _, rest, ok := strings.Cut(line, `"body":`); ok && !strings.HasPrefix(strings.TrimSpace(rest), `""`) {
			var body string
			d := json.NewDecoder(strings.NewReader(rest))
			if err := d.Decode(&body); err != nil {
				t.Fatal(err)
			}
			encoded, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(encoded))
		}
	}
	out := make([][]byte, n)
	for i := range out {
		body := fmt.Sprintf(`{"rating":%d,"body":%s}`, 1+i%5, texts[i%len(texts)])
		out[i] = fmt.Appendf(nil, "POST /v1/sites/shop/products/p-%d/reviews HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			i%50, tokenOf(t, data, fmt.Sprintf("shopper-%d", i), content.Shopper), len(body), body)
	}
	return out
}

func benchSubmit(t testing.TB, clients []*lean, requests [][]byte) (perSecond float64, took []time.Duration) {
	t.Helper()
	took = make([]time.Duration, len(requests))
	var work sync.WaitGroup
	began := time.Now()
	for i, c := range clients {
		work.Go(func() {
			for n := i; n < len(requests); n += len(clients) {
				sent := time.Now()
				if status, _, err := c.roundTrip(requests[n]); err != nil || status != http.StatusCreated {
					t.Errorf("status %d: %v", status, err)
					return
				}
				took[n] = time.Since(sent)
			}
		})
	}
	work.Wait()
	return float64(len(requests)) / time.Since(began).Seconds(), took
}

func benchPuts(t testing.TB, db *bbolt.DB, round, n int) (perSecond float64) {
	t.Helper()
	value := bytes.Repeat([]byte("v"), 1000)
	var work sync.WaitGroup
	began := time.Now()
	for i := range submitClients {
		work.Go(func() {
			for k := i; k < n; k += submitClients {
				err := db.Batch(func(tx *bbolt.Tx) error {
					return tx.Bucket([]byte("b")).Put(fmt.Appendf(nil, "%016d", round*n+k), value)
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	return float64(n) / time.Since(began).Seconds()
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

// growthContents is the size of the large shop; CANDOR_BENCH_CONTENTS changes it.
func growthContents(t testing.TB) int {
	t.Helper()
	s := os.Getenv("CANDOR_BENCH_CONTENTS")
	if s == "" {
		return 200_000
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 10_000 {
		t.Fatalf("CANDOR_BENCH_CONTENTS=%q", s)
	}
	return n
}

func TestBenchGrowth(t *testing.T) {
	benching(t)
	binary := built(t)
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	figure("binary", float64(info.Size())/(1<<20), "MiB")
	n := growthContents(t)
	small, large := filled(t, 2_000, 100), filled(t, n, 100)
	runtime.GC()
	began := time.Now()
	big := serveApart(t, binary, large)
	figure("ready_large", time.Since(began).Seconds(), "s")
	figure("resident_large_ready", resident(t, big), "MiB")
	began = time.Now()
	little := serveApart(t, binary, small)
	figure("ready_small", time.Since(began).Seconds(), "s")
	figure("cold_listing_1000", cold(t, big, "/products/big/reviews"), "ms")
	compareGrowth(t, little, big, n)
	figure("resident_large_served", resident(t, big), "MiB")
	little.interrupt(t)
	big.interrupt(t)
}

// cold times the first request for a listing.
func cold(t testing.TB, p *process, path string) (ms float64) {
	t.Helper()
	c := dial(t, p.url)
	if _, _, err := c.roundTrip(getRequest("/healthz")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if status, _, err := c.roundTrip(getRequest("/v1/sites/shop" + path)); err != nil || status != http.StatusOK {
		t.Fatalf("%d %v", status, err)
	}
	return time.Since(began).Seconds() * 1000
}

// compareGrowth holds the slowest warm listings of a large shop against those
// of a small one: 20 products of 100 reviews each, all over the shop.
func compareGrowth(t *testing.T, little, big *process, n int) {
	t.Helper()
	requests := func(products int) (out [][]byte) {
		for i := range 20 {
			out = append(out, getRequest(fmt.Sprintf("/v1/sites/shop/products/p-%d/reviews", 10+i*(products-10)/20)))
		}
		return out
	}
	few, many := requests(20), requests(n/100)
	for i := range few {
		few[i] = getRequest(fmt.Sprintf("/v1/sites/shop/products/p-%d/reviews", i))
	}
	dialAll := func(p *process) (out []*lean) {
		for range benchClients {
			out = append(out, dial(t, p.url))
		}
		return out
	}
	a, b := dialAll(little), dialAll(big)
	var ratios, smalls, larges, rates []float64
	for round := range benchRounds {
		_, s := load(t, a, few, benchSpan)
		rate, l := load(t, b, many, benchSpan)
		if round == 0 {
			continue
		}
		small, large := quantile(s, .99).Seconds()*1000, quantile(l, .99).Seconds()*1000
		ratios, smalls, larges, rates = append(ratios, large/small), append(smalls, small), append(larges, large), append(rates, rate)
	}
	ratio("growth", median(ratios))
	figure("growth_p99_small", median(smalls), "ms")
	figure("growth_p99_large", median(larges), "ms")
	figure("growth_large", median(rates), "requests/s")
}

// resident is the memory of a process in MiB, as the system counts it.
func resident(t testing.TB, p *process) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skipf("no resident memory here: %v", err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return float64(kb) / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
