package api

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/candor-ugc/candor/api/shelf"
)

// operations adds the routes for those who run the service.
func (a *API) operations() {
	a.get("/healthz", func(c *gin.Context) {
		c.Header("Cache-Control", "no-store")
		c.JSON(http.StatusOK, health{Status: "ok"})
	})
	a.get("/readyz", a.readyz)
	measured := promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{})
	a.get("/metrics", func(c *gin.Context) {
		if !a.mayMeasure(c.Request) {
			a.fail(errRoute)(c)
			return
		}
		measured.ServeHTTP(c.Writer, c.Request)
	})
	a.get("/openapi.yaml", func(c *gin.Context) {
		c.Header("Cache-Control", "public, no-cache")
		c.Data(http.StatusOK, "application/yaml; charset=utf-8", a.Contract)
	})
	a.docs()
	a.metrics.gauge("candor_shelf_bytes", "Memory the shelf takes.", func() float64 { return float64(a.shelf().Bytes) })
	a.metrics.gauge("candor_shelf_cards", "Published contents on the shelf.", func() float64 { return float64(a.shelf().Cards) })
	for kind, help := range map[string]string{
		"video": "Videos that wait to be processed or are.", "webp": "Photos whose smaller forms are still to be made.",
	} {
		a.metrics.gauge("candor_media_waiting_"+kind, help, func() float64 { return a.mediaWaiting(kind) })
	}
	a.metrics.gauge("candor_shelf_subjects", "Subjects on the shelf.", func() float64 { return float64(a.shelf().Subjects) })
}

// get adds a route for GET, and for HEAD: monitors ask with it.
func (a *API) get(path string, h gin.HandlerFunc) {
	a.engine.GET(path, h)
	a.engine.HEAD(path, h)
}

// mediaWaiting counts what is to be done with media; -1 where that is not known.
func (a *API) mediaWaiting(kind string) float64 {
	svc := a.service.Load()
	if svc == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	n, err := svc.MediaWaiting(ctx, kind)
	if err != nil {
		return -1
	}
	return float64(n)
}

// shelf gives the figures of the shelf, zeros while there is none.
func (a *API) shelf() shelf.Stats {
	if svc := a.service.Load(); svc != nil {
		return svc.Shelf()
	}
	return shelf.Stats{}
}

// mayMeasure lets processes of this machine read the metrics, and who bears the
// token. What a proxy passes on comes from elsewhere, however near the proxy is.
func (a *API) mayMeasure(r *http.Request) bool {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && a.MetricsToken != "" {
		return subtle.ConstantTimeCompare([]byte(token), []byte(a.MetricsToken)) == 1
	}
	if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// health is the answer of healthz and readyz.
type health struct {
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// readyz is red until requests are served, and while the ledger does not answer.
func (a *API) readyz(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	svc := a.service.Load()
	if svc == nil {
		c.JSON(http.StatusServiceUnavailable, health{Status: "starting", Detail: *a.status.Load()})
		return
	}
	if err := svc.Ledger.Ping(c); err != nil {
		a.Log.Error("not ready", "err", err)
		c.JSON(http.StatusServiceUnavailable, health{Status: "unavailable", Detail: "the ledger does not answer"})
		return
	}
	c.JSON(http.StatusOK, health{Status: "ready"})
}

// metrics counts and times requests by route.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "candor_requests_total", Help: "Requests by route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "candor_request_seconds", Help: "Time to answer by route.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// route gives the observer of one route, its labels resolved once for all.
func (m *metrics) route(method, path string) func(status int, took time.Duration) {
	seconds := m.seconds.WithLabelValues(method, path)
	counters := m.requests.MustCurryWith(prometheus.Labels{"method": method, "route": path})
	ok := counters.WithLabelValues("200")
	return func(status int, took time.Duration) {
		seconds.Observe(took.Seconds())
		if status == http.StatusOK {
			ok.Inc()
			return
		}
		counters.WithLabelValues(strconv.Itoa(status)).Inc()
	}
}
