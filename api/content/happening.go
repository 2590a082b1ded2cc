package content

import "time"

// Happening is news about one content of a site, for those who watch: moderators
// at work and, later, webhooks. It holds no words of the author.
type Happening struct {
	Site string `json:"-"`
	// Type is queued, changed, decided, claimed or released.
	Type  string    `json:"type"`
	ID    string    `json:"id"`
	Rev   int64     `json:"rev,omitempty"`
	State State     `json:"state,omitempty"`
	By    string    `json:"by,omitempty"`
	At    time.Time `json:"at"`
}
