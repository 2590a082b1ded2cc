package admin

import (
	"crypto/rand"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// saying is what the page after a form says, and what could be undone there.
type saying struct {
	done, failed int
	state        content.State
	targets      []lifecycle.Target
	undone       bool
	// turned is a photo or video that was decided about, nil for none.
	turned *turned
}

func (s saying) text(v *visit) string {
	if s.turned != nil {
		return s.turned.text(v)
	}
	t := v.words
	var out string
	switch {
	case s.done == 0:
		return t.T("said.none")
	case s.undone:
		out = t.T("said.undone", "n", s.done)
	case s.done == 1:
		out = t.T("said.one", "state", t.T("state."+string(s.state)))
	default:
		out = t.T("said.many", "n", s.done, "state", t.T("state."+string(s.state)))
	}
	if s.failed > 0 {
		out += " " + t.T("said.failed", "n", s.failed)
	}
	return out
}

// undoMemory remembers for a while what sessions did last, under random names
// that go into the address of the next page. It is a convenience for browsers
// without script: losing it loses a button, nothing else.
type undoMemory struct{ said *otter.Cache[string, saying] }

func newUndoMemory() undoMemory {
	return undoMemory{otter.Must(&otter.Options[string, saying]{
		MaximumSize: 10_000, ExpiryCalculator: otter.ExpiryWriting[string, saying](15 * time.Minute),
	})}
}

func (m undoMemory) note(session string, s saying) string {
	name := rand.Text()
	m.said.Set(session+name, s)
	return name
}

// take gives what a visitor is to be told under a name, nil for nothing.
func (m undoMemory) take(v *visit, name string) *flash {
	s, ok := m.said.GetIfPresent(v.secret + name)
	if name == "" || !ok {
		return nil
	}
	f := &flash{Text: s.text(v), Bad: s.done == 0, Undo: s.targets}
	if s.turned != nil {
		f.Next = v.r.URL.RequestURI()
	}
	return f
}
