package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Who may read the metrics: with a token whoever bears it, without one this
// machine, unless a proxy passes it on.
func TestWhoMayMeasure(t *testing.T) {
	t.Parallel()
	const token = "a-token-for-the-metrics"
	const here, there = "127.0.0.1:4711", "203.0.113.9:4711"
	guarded := open(t, func(o *options) { o.config.MetricsToken = token })
	open := open(t)
	type one struct {
		from   string
		bears  string // the value of Authorization
		header header
	}
	proxied, forwarded := header{"X-Forwarded-For", "203.0.113.9"}, header{"Forwarded", "for=203.0.113.9"}
	for name, c := range map[string]struct {
		shop *shop
		ask  one
		may  bool
	}{
		"the right token from elsewhere":     {guarded, one{from: there, bears: "Bearer " + token}, true},
		"the right token through a proxy":    {guarded, one{from: here, bears: "Bearer " + token, header: proxied}, true},
		"the right token from here":          {guarded, one{from: here, bears: "Bearer " + token}, true},
		"a wrong token from elsewhere":       {guarded, one{from: there, bears: "Bearer wrong"}, false},
		"a wrong token from here":            {guarded, one{from: here, bears: "Bearer wrong"}, false},
		"a part of the token":                {guarded, one{from: there, bears: "Bearer " + token[:len(token)-1]}, false},
		"more than the token":                {guarded, one{from: there, bears: "Bearer " + token + "x"}, false},
		"an empty token":                     {guarded, one{from: there, bears: "Bearer "}, false},
		"the token as a password":            {guarded, one{from: there, bears: "Basic " + token}, false},
		"the token alone":                    {guarded, one{from: there, bears: token}, false},
		"no token from elsewhere":            {guarded, one{from: there}, false},
		"no token from here":                 {guarded, one{from: here}, true},
		"no token through a proxy":           {guarded, one{from: here, header: proxied}, false},
		"no token through a modern proxy":    {guarded, one{from: here, header: forwarded}, false},
		"a wrong token through a proxy":      {guarded, one{from: here, bears: "Bearer wrong", header: proxied}, false},
		"none set, from here":                {open, one{from: here}, true},
		"none set, from another loopback":    {open, one{from: "127.8.8.8:1"}, true},
		"none set, from ::1":                 {open, one{from: "[::1]:1"}, true},
		"none set, from a mapped loopback":   {open, one{from: "[::ffff:127.0.0.1]:1"}, true},
		"none set, from elsewhere":           {open, one{from: there}, false},
		"none set, from the same network":    {open, one{from: "192.168.1.2:1"}, false},
		"none set, from an address unknown":  {open, one{from: "@"}, false},
		"none set, through a proxy":          {open, one{from: here, header: proxied}, false},
		"none set, through a modern proxy":   {open, one{from: here, header: forwarded}, false},
		"none set, an empty one, elsewhere":  {open, one{from: there, bears: "Bearer "}, false},
		"none set, any token from elsewhere": {open, one{from: there, bears: "Bearer " + token}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r := httptest.NewRequestWithContext(t.Context(), method, "/metrics", nil)
				r.RemoteAddr = c.ask.from
				if c.ask.bears != "" {
					r.Header.Set("Authorization", c.ask.bears)
				}
				if c.ask.header.name != "" {
					r.Header.Set(c.ask.header.name, c.ask.header.value)
				}
				a := c.shop.with(t).inside(r)
				if !c.may {
					// The same as where there is nothing.
					a.want(http.StatusNotFound)
					if strings.Contains(string(a.body), "candor_") {
						t.Errorf("%s shows %.200s", method, a.body)
					}
					continue
				}
				if a.want(http.StatusOK); method == http.MethodGet && !strings.Contains(string(a.body), "candor_shelf_bytes") {
					t.Errorf("%s shows %.200s", method, a.body)
				}
			}
		})
	}
}
