package admin

import (
	"cmp"
	"slices"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/moderation"
)

// evidence is a finding beside the text.
type evidence struct {
	// Number is what marks its places in the text.
	Number   int
	Name     string
	Severity string
	SevText  string
	// Cause is in English; Text says the same in the interface's language where
	// that can be said.
	Cause, Text string
	Rule        string
	Elsewhere   bool // it has no single place in the text
	// Medium is the photo or video that it is about.
	Medium mediumLink
}

// piece is a stretch of text, marked where findings are.
type piece struct {
	Text string
	// Numbers are the findings that cover it; End lists those that end with it,
	// after which their numbers stand.
	Numbers  []int
	Ends     []int
	Severity string
}

// evidence puts the findings in words, in the order of their numbers.
func (v *visit) evidence(signals []moderation.Signal, c content.Private, media []mediumView) []evidence {
	out := make([]evidence, len(signals))
	for i, s := range signals {
		text := c.Body
		if s.Field == moderation.FieldTitle {
			text = c.Title
		}
		out[i] = evidence{
			Number: i + 1, Name: v.signalName(s.Code), Severity: s.Severity, SevText: v.words.Or("severity."+s.Severity, s.Severity),
			Cause: s.Cause, Rule: s.Rule, Elsewhere: !placed(s, s.Field, len([]rune(text))),
		}
		for _, m := range media {
			if s.Media != "" && m.ID == s.Media {
				out[i].Medium = m.link()
			}
		}
		if s.Code == moderation.CodePictureKnown && out[i].Medium.Name != "" {
			out[i].Text = v.words.T("medium.alike")
		}
	}
	return out
}

var severities = []string{
	moderation.SeverityInfo, moderation.SeverityLow, moderation.SeverityMedium, moderation.SeverityHigh,
}

// worse gives the graver of two severities.
func worse(a, b string) string {
	if slices.Index(severities, b) > slices.Index(severities, a) {
		return b
	}
	return a
}

// placed reports whether a finding has a place in a field of n characters. One
// that is the whole text, such as shouting, would paint over all others.
func placed(s moderation.Signal, field string, n int) bool {
	return s.Field == field && s.Start >= 0 && s.Start < s.End && s.End <= n && (s.End-s.Start < n*9/10 || n < 20)
}

// sortedSignals puts the gravest first; what has a place comes before what has
// none.
func sortedSignals(list []moderation.Signal) []moderation.Signal {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b moderation.Signal) int {
		return cmp.Or(
			cmp.Compare(slices.Index(severities, b.Severity), slices.Index(severities, a.Severity)),
			cmp.Compare(b.Weight, a.Weight),
		)
	})
	return out
}

// pieces cuts a text at the edges of the findings in it. Offsets count code
// points of the text as it was written.
func pieces(text, field string, list []moderation.Signal) []piece {
	runes := []rune(text)
	edges := []int{0, len(runes)}
	for _, s := range list {
		if placed(s, field, len(runes)) {
			edges = append(edges, s.Start, s.End)
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	var out []piece
	for i := 0; i+1 < len(edges); i++ {
		from, to := edges[i], edges[i+1]
		p := piece{Text: string(runes[from:to])}
		for n, s := range list {
			if !placed(s, field, len(runes)) || s.Start > from || s.End < to {
				continue
			}
			p.Numbers = append(p.Numbers, n+1)
			p.Severity = worse(p.Severity, s.Severity)
			if s.End == to {
				p.Ends = append(p.Ends, n+1)
			}
		}
		out = append(out, p)
	}
	return out
}
