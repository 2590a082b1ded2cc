package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/candor-ugc/candor/api/content"
)

// Rhythm of the live stream: a sign of life keeps proxies from closing it; the
// session is looked at again now and then, since it may end meanwhile.
const (
	liveBeat  = 20 * time.Second
	liveCheck = 3 // beats
)

// news is what the script is told of one happening.
type news struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	Rev   int64  `json:"rev,omitempty"`
	State string `json:"state,omitempty"`
	By    string `json:"by,omitempty"`
	Mine  bool   `json:"mine,omitempty"`
	Text  string `json:"text,omitempty"`
	// Waiting counts the queue now.
	Waiting int `json:"waiting"`
}

// getEvents sends what happens on the site as it happens (server-sent events,
// HTML living standard, section 9.2).
func getEvents(v *visit) error {
	out := http.NewResponseController(v.w)
	happenings, stop, ok := v.watch(v.site)
	if !ok {
		return errCrowded
	}
	defer stop()
	h := v.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	if _, err := fmt.Fprint(v.w, "retry: 3000\n\n"); err != nil {
		return nil // the browser is gone
	}
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	for beats := 0; ; {
		if err := out.Flush(); err != nil {
			return nil // the browser is gone
		}
		select {
		case <-v.ctx().Done():
			return nil
		case <-v.stopped.Done():
			return nil
		case <-beat.C:
			if beats++; beats%liveCheck == 0 && v.resume() != nil {
				_, _ = fmt.Fprint(v.w, "event: ended\ndata: {}\n\n") // it ends either way
				_ = out.Flush()
				return nil
			}
			if _, err := fmt.Fprint(v.w, ": still here\n\n"); err != nil {
				return nil
			}
		case n, ok := <-happenings:
			if !ok {
				return nil
			}
			if err := v.sendNews(n); err != nil {
				return nil
			}
		}
	}
}

func (v *visit) sendNews(n content.Happening) error {
	out := news{
		Type: n.Type, ID: n.ID, Rev: n.Rev, State: string(n.State), By: n.By, Mine: n.By == v.who.ID, Waiting: v.desk.Waiting(v.site),
	}
	switch n.Type {
	case "decided":
		out.Text = v.words.T("live.decided", "name", n.By, "state", v.words.T("state."+string(n.State)))
	case "claimed":
		out.Text = v.words.T("live.claimed", "name", n.By)
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(v.w, "event: news\ndata: %s\n\n", b)
	return err
}
