package admin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// proxies are the networks whose forwarding headers are believed.
type proxies []netip.Prefix

func parseProxies(list []string) (proxies, error) {
	out := make(proxies, 0, len(list))
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			addr, addrErr := netip.ParseAddr(s)
			if addrErr != nil {
				return nil, fmt.Errorf("trusted proxy %q: %w", s, err)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p proxies) trust(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, n := range p {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// peer is who connected.
func peer(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// address is where a request came from: the last address in X-Forwarded-For that
// no trusted proxy has, where a trusted proxy connected. All addresses of an
// IPv6 network of 64 bits count as one, since one machine has them all.
func (p proxies) address(r *http.Request) string {
	addr := peer(r)
	if p.trust(addr) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0; i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			addr = hop.Unmap()
			if !p.trust(addr) {
				break
			}
		}
	}
	if addr.Is6() {
		if n, err := addr.Prefix(64); err == nil {
			return n.String()
		}
	}
	return addr.String()
}

// secure reports whether the browser spoke TLS: to this process, or to a trusted
// proxy that says so. Only then can a cookie be marked Secure, since a browser
// would drop it on plain HTTP.
func (p proxies) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	return p.trust(peer(r)) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}
