package moderation

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
)

// ReporterHistory is how a reporter's earlier reports ended.
type ReporterHistory struct {
	Upheld    int `json:"upheld" bson:"upheld"`
	Dismissed int `json:"dismissed" bson:"dismissed"`
}

// Weight of a report, 0..1: the share of upheld reports with one report each
// way assumed beforehand (Laplace's rule of succession), so that a newcomer
// counts half.
func (h ReporterHistory) Weight() float64 {
	upheld, dismissed := max(h.Upheld, 0), max(h.Dismissed, 0)
	return float64(upheld+1) / float64(upheld+dismissed+2)
}

// ReportSummary is one report as the weighing sees it.
type ReportSummary struct {
	Reporter string
	History  ReporterHistory
	// Illegal: a complete notice of illegal content (DSA art. 16).
	Illegal bool
}

// DefaultReportThreshold is the weight that puts a published item back into
// the queue: two newcomers, or one whose reports were always upheld and
// another.
const DefaultReportThreshold = 1.0

// WeighReports merges the reports on one item: every reporter counts once,
// with the heaviest report. A notice of illegal content alone reaches the
// threshold, whoever sent it, since it has to be answered. threshold 0 means
// [DefaultReportThreshold].
func WeighReports(reports []ReportSummary, threshold float64) (weight float64, reporters int, requeue bool) {
	if threshold <= 0 {
		threshold = DefaultReportThreshold
	}
	heaviest := map[string]float64{}
	for _, r := range reports {
		w := r.History.Weight()
		if r.Illegal {
			w = max(w, threshold)
		}
		heaviest[r.Reporter] = max(heaviest[r.Reporter], w)
	}
	for _, name := range sortedKeys(heaviest) {
		weight += heaviest[name]
	}
	// Halves and thirds do not always add up to a whole.
	const rounding = 1e-9
	return weight, len(heaviest), weight >= threshold-rounding
}

// Notice is a notice of illegal content as article 16(2) of the EU Digital
// Services Act asks for it.
type Notice struct {
	// Explanation why the content is illegal.
	Explanation string `json:"explanation" bson:"explanation"`
	// Location is the address of the content.
	Location string `json:"location" bson:"location"`
	Name     string `json:"name" bson:"name"`
	Email    string `json:"email" bson:"email"`
	// GoodFaith: the sender believes the notice to be accurate and complete.
	GoodFaith bool `json:"good_faith" bson:"good_faith"`
	// ChildAbuse: about offences of articles 3 to 7 of Directive 2011/93/EU,
	// for which name and e-mail are not asked.
	ChildAbuse bool `json:"child_abuse" bson:"child_abuse"`
}

// ErrNotice: the notice is not complete.
var ErrNotice = errors.New("moderation: incomplete notice")

const (
	minExplanation = 20
	maxExplanation = 10_000
)

// Validate returns an error wrapping [ErrNotice] that names the first missing
// part.
func (n Notice) Validate() error {
	size := len([]rune(strings.TrimSpace(n.Explanation)))
	switch {
	case size < minExplanation || size > maxExplanation:
		return fmt.Errorf("%w: explanation of %d to %d characters", ErrNotice, minExplanation, maxExplanation)
	case strings.TrimSpace(n.Location) == "":
		return fmt.Errorf("%w: location", ErrNotice)
	case !n.GoodFaith:
		return fmt.Errorf("%w: statement of good faith", ErrNotice)
	case n.ChildAbuse:
		return nil
	case strings.TrimSpace(n.Name) == "":
		return fmt.Errorf("%w: name", ErrNotice)
	}
	if _, err := mail.ParseAddress(n.Email); err != nil {
		return fmt.Errorf("%w: e-mail", ErrNotice)
	}
	return nil
}
