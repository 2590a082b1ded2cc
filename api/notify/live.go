package notify

import (
	"sync"

	"github.com/candor-ugc/candor/api/content"
)

// buffer is how much news a listener may be behind. One that is further behind
// is cut off: it reads the present state again instead.
const buffer = 64

// maxListeners bounds the listeners of one site.
const maxListeners = 200

// Live passes news on to those who listen now. The zero Live is ready.
type Live struct {
	mu        sync.Mutex
	listeners map[string]map[*listener]bool
}

type listener struct{ news chan content.Happening }

// Publish tells every listener of the site, without waiting for any.
func (l *Live) Publish(h content.Happening) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for li := range l.listeners[h.Site] {
		select {
		case li.news <- h:
		default:
			l.drop(h.Site, li)
		}
	}
}

// Listen gives the news of a site from now on. The channel is closed when stop
// is called, or when the listener is too far behind. ok is false while too many
// listen already.
func (l *Live) Listen(site string) (news <-chan content.Happening, stop func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.listeners[site]) >= maxListeners {
		return nil, nil, false
	}
	li := &listener{news: make(chan content.Happening, buffer)}
	if l.listeners == nil {
		l.listeners = map[string]map[*listener]bool{}
	}
	if l.listeners[site] == nil {
		l.listeners[site] = map[*listener]bool{}
	}
	l.listeners[site][li] = true
	return li.news, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.drop(site, li)
	}, true
}

// drop ends a listener once; the lock is held.
func (l *Live) drop(site string, li *listener) {
	if !l.listeners[site][li] {
		return
	}
	delete(l.listeners[site], li)
	if len(l.listeners[site]) == 0 {
		delete(l.listeners, site)
	}
	close(li.news)
}
