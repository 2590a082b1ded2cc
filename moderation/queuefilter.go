package moderation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"time"
)

// Filter narrows a listing of the queue. Empty fields do not filter; a list
// matches when any of its values does.
type Filter struct {
	Kinds       []string `json:"kinds,omitempty"`
	Languages   []string `json:"languages,omitempty"`
	Reasons     []string `json:"reasons,omitempty"`
	Labels      []string `json:"labels,omitempty"`
	SubjectType string   `json:"subject_type,omitempty"`
	Subject     string   `json:"subject,omitempty"`
	AuthorID    string   `json:"author_id,omitempty"`
	Reporter    string   `json:"reporter,omitempty"`
	Cluster     string   `json:"cluster,omitempty"`
	Route       string   `json:"route,omitempty"`
	// MinReporters: reported by at least so many people.
	MinReporters int `json:"min_reporters,omitempty"`
	// MinAge and MaxAge bound how long an item has been waiting.
	MinAge time.Duration `json:"min_age,omitempty"`
	MaxAge time.Duration `json:"max_age,omitempty"`
	// MinRisk bounds the risk from below.
	MinRisk float64 `json:"min_risk,omitempty"`
	// Escalated: only what a moderator passed on.
	Escalated bool `json:"escalated,omitempty"`
}

// normal sorts the lists, so that equal filters have equal digests.
func (f Filter) normal() Filter {
	for _, list := range []*[]string{&f.Kinds, &f.Languages, &f.Reasons, &f.Labels} {
		*list = slices.Compact(slices.Sorted(slices.Values(*list)))
	}
	return f
}

// digest binds a cursor to the site and filter it was made for.
func (f Filter) digest(site string) uint64 {
	raw, err := json.Marshal(struct {
		Site   string
		Filter Filter
	}{site, f})
	if err != nil {
		// Only a NaN or infinite MinRisk gets here; such filters share a digest.
		raw = []byte(site)
	}
	sum := sha256.Sum256(raw)
	return binary.BigEndian.Uint64(sum[:])
}

func (f *Filter) match(it *Item, now time.Time) bool {
	age := max(now.Sub(it.Entered), 0) // put again since the reader began
	return oneOf(f.Kinds, it.Kind) &&
		oneOf(f.Languages, it.Language) &&
		anyOf(f.Reasons, it.Reasons) &&
		anyOf(f.Labels, it.Labels) &&
		(f.SubjectType == "" || f.SubjectType == it.SubjectType) &&
		(f.Subject == "" || f.Subject == it.Subject) &&
		(f.AuthorID == "" || f.AuthorID == it.AuthorID) &&
		(f.Reporter == "" || slices.Contains(it.ReportedBy, f.Reporter)) &&
		(f.Cluster == "" || f.Cluster == it.Cluster) &&
		(f.Route == "" || f.Route == it.Route) &&
		it.Reporters >= f.MinReporters &&
		age >= f.MinAge &&
		(f.MaxAge == 0 || age <= f.MaxAge) &&
		it.Risk >= f.MinRisk &&
		(!f.Escalated || it.Escalated)
}

func oneOf(want []string, have string) bool {
	return len(want) == 0 || slices.Contains(want, have)
}

func anyOf(want, have []string) bool {
	return len(want) == 0 || slices.ContainsFunc(have, func(h string) bool { return slices.Contains(want, h) })
}
