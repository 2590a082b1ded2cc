package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

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
