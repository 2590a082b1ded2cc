package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/candor-ugc/candor/api/content"
)

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
