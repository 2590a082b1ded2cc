package moderation

import (
	"fmt"
	"strings"
	"sync"

	"github.com/candor-ugc/candor/moderation/stats"
)

// Modes of a policy: what the machine proposes to publish.
const (
	// ModeEverything holds everything for people; the default.
	ModeEverything = "everything"
	// ModeFirst holds the first N of an author and proposes to publish later ones.
	ModeFirst = "first"
	// ModeBands proposes to publish below a risk and to reject above another.
	ModeBands = "bands"
	// ModeTrusted proposes to publish what trusted authors write.
	ModeTrusted = "trusted"
)

// Policy of a site for one kind of content. The zero value holds everything.
//
// A mode only proposes. Proposals are recorded with the screening and compared
// with what people decide; they are carried out by machine only where that is
// switched on and measured to be right often enough.
type Policy struct {
	Mode string `json:"mode" bson:"mode"`
	// First: how many texts of an author are held in mode "first"; 0 means 3.
	First int `json:"first" bson:"first"`
	// ApproveBelow and RejectAbove are the bands of risk, 0..1; 0 means 0.1
	// and 0.95. RejectAbove also serves the other modes but "everything".
	ApproveBelow float64 `json:"approve_below" bson:"approve_below"`
	RejectAbove  float64 `json:"reject_above" bson:"reject_above"`
	// TrustedApproved: approved texts that make an author trusted; 0 means 10.
	TrustedApproved int `json:"trusted_approved" bson:"trusted_approved"`
	// TrustedRejected: the share of rejected texts, 0..1, that ends trust; 0
	// means 0.05.
	TrustedRejected float64 `json:"trusted_rejected" bson:"trusted_rejected"`

	// AutoApprove and AutoReject switch decisions by machine on.
	AutoApprove bool `json:"auto_approve" bson:"auto_approve"`
	AutoReject  bool `json:"auto_reject" bson:"auto_reject"`
	// ApproveTarget and RejectTarget are the precision that must be measured,
	// as the lower bound of its 95 % interval; 0 means 0.995 and 0.99.
	ApproveTarget float64 `json:"approve_target" bson:"approve_target"`
	RejectTarget  float64 `json:"reject_target" bson:"reject_target"`
	// BlindShare of the decisions by machine goes to people, who are not told;
	// 0 means 0.02. It cannot be switched off.
	BlindShare float64 `json:"blind_share" bson:"blind_share"`
}

// PolicyFacts are what a policy decides on. There is no rating among them.
type PolicyFacts struct {
	Site, Kind, Language string
	Risk                 float64
	Author               AuthorHistory
	// Worst severity of the signals.
	Worst string
	// ModelReady: the classifier has learned enough to count.
	ModelReady bool
	// Pictures counts photos and videos: with any, nothing is approved by
	// machine. KnownPicture holds whatever else is known: one of them looks like
	// one that moderators rejected.
	Pictures     int
	KnownPicture bool
	// RuleHold and RuleReject name the site's rules that hold or propose a
	// rejection; RejectReasons are the codes a rejection would rest on.
	RuleHold      []string
	RuleReject    []string
	RejectReasons []string
}

// PolicyOutcome is the policy's answer.
type PolicyOutcome struct {
	Verdict  string
	Proposed string // what the machine would do alone
	Blind    bool
	Cause    string
}

// Evidence says how often people agreed with what the machine proposed.
type Evidence interface {
	// Measured gives, for a proposal ("approve" or "reject") in a language and
	// kind, how many of n were decided alike by people.
	Measured(site, language, kind, proposal string) (agreed, n int)
}

func orDefault[T int | float64](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// Validate refuses a policy that makes no sense.
func (p Policy) Validate() error {
	switch p.Mode {
	case "", ModeEverything, ModeFirst, ModeBands, ModeTrusted:
	default:
		return fmt.Errorf("moderation: unknown policy mode %q", p.Mode)
	}
	for name, v := range map[string]float64{
		"approve_below": p.ApproveBelow, "reject_above": p.RejectAbove, "trusted_rejected": p.TrustedRejected,
		"approve_target": p.ApproveTarget, "reject_target": p.RejectTarget, "blind_share": p.BlindShare,
	} {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("moderation: policy: %s is not within 0..1", name)
		}
	}
	if p.First < 0 || p.TrustedApproved < 0 {
		return fmt.Errorf("moderation: policy: negative count")
	}
	if orDefault(p.ApproveBelow, 0.1) > orDefault(p.RejectAbove, 0.95) {
		return fmt.Errorf("moderation: policy: approve_below is above reject_above")
	}
	return nil
}

// propose is what the machine would do, and why. Pictures are for people: the
// machine has judged the text alone.
func (p Policy) propose(f PolicyFacts) (string, string) {
	if f.KnownPicture {
		return VerdictHold, "a picture looks like one that moderators rejected"
	}
	proposed, cause := p.judge(f)
	if proposed == VerdictApprove && f.Pictures > 0 {
		return VerdictHold, "people see photos and videos before they are published"
	}
	return proposed, cause
}

// judge proposes by all but the pictures.
func (p Policy) judge(f PolicyFacts) (string, string) {
	if len(f.RuleHold) > 0 {
		return VerdictHold, "held by the site's rule " + strings.Join(f.RuleHold, ", ")
	}
	if len(f.RuleReject) > 0 {
		return VerdictReject, "the site's rule " + strings.Join(f.RuleReject, ", ") + " proposes a rejection"
	}
	if p.Mode == "" || p.Mode == ModeEverything {
		return VerdictHold, "this site looks at everything before it is published"
	}
	if above := orDefault(p.RejectAbove, 0.95); f.Risk >= above && len(f.RejectReasons) > 0 {
		return VerdictReject, fmt.Sprintf("the risk of %.2f is at or above %.2f", f.Risk, above)
	}
	if below := orDefault(p.ApproveBelow, 0.1); p.Mode == ModeBands {
		if f.Risk < below && f.ModelReady {
			return VerdictApprove, fmt.Sprintf("the risk of %.2f is below %.2f", f.Risk, below)
		}
		return VerdictHold, fmt.Sprintf("the risk of %.2f is for people to judge", f.Risk)
	}
	if f.Worst == SeverityMedium || f.Worst == SeverityHigh {
		return VerdictHold, "there are findings for people to judge"
	}
	a := f.Author
	switch first := orDefault(p.First, 3); {
	case p.Mode == ModeFirst && a.Approved < first:
		return VerdictHold, fmt.Sprintf("one of the first %d texts of the author", first)
	case p.Mode == ModeFirst:
		return VerdictApprove, fmt.Sprintf("%d texts of the author were approved", a.Approved)
	case p.Mode == ModeTrusted && p.trusts(a):
		return VerdictApprove, fmt.Sprintf("a trusted author: %d texts approved, %d rejected", a.Approved, a.Rejected)
	case p.Mode == ModeTrusted:
		return VerdictHold, "the author is not trusted yet"
	}
	return VerdictHold, "unknown policy mode"
}

func (p Policy) trusts(a AuthorHistory) bool {
	return a.Approved >= orDefault(p.TrustedApproved, 10) &&
		float64(a.Rejected) <= orDefault(p.TrustedRejected, 0.05)*float64(a.Approved+a.Rejected)
}

// Decide proposes, then asks whether the machine may carry the proposal out:
// switched on, measured well enough in this language and kind, and not drawn
// for the blind share. In every other case it holds.
func (p Policy) Decide(f PolicyFacts, ev Evidence, random func() float64) PolicyOutcome {
	proposed, cause := p.propose(f)
	o := PolicyOutcome{Verdict: VerdictHold, Proposed: proposed, Cause: cause}
	on, target := p.AutoApprove, orDefault(p.ApproveTarget, 0.995)
	switch proposed {
	case VerdictApprove:
	case VerdictReject:
		on, target = p.AutoReject, orDefault(p.RejectTarget, 0.99)
	default:
		return o
	}
	if !on {
		o.Cause = fmt.Sprintf("held: %s, but automatic decisions of this sort are off", cause)
		return o
	}
	if ev == nil || random == nil {
		o.Cause = fmt.Sprintf("held: %s, but there is no measured precision", cause)
		return o
	}
	agreed, n := ev.Measured(f.Site, f.Language, f.Kind, proposed)
	if low, _ := stats.Wilson(agreed, n); low < target {
		o.Cause = fmt.Sprintf("held: %s, but the measured precision is at least %.3f only (%d of %d), below %.3f", cause, low, agreed, n, target)
		return o
	}
	if random() < orDefault(p.BlindShare, 0.02) {
		o.Blind = true
		o.Cause = "held for people to decide"
		return o
	}
	o.Verdict = proposed
	return o
}

// reasonsFor maps findings to the published reasons a rejection may rest on.
func reasonsFor(signals []Signal) []string {
	var out []string
	for _, s := range signals {
		code := signalReasons[s.Code]
		if code == "" || s.Severity != SeverityHigh && s.Severity != SeverityMedium {
			continue
		}
		seen := false
		for _, have := range out {
			seen = seen || have == code
		}
		if !seen {
			out = append(out, code)
		}
	}
	return out
}

var signalReasons = map[string]string{
	CodeProfanity: "profanity", CodeInsult: "profanity", CodeHate: "hate", CodeThreat: "threat", CodeSexual: "sexual",
	CodeSpam: "spam", CodeDirectsAway: "directs_away", CodePhone: "personal_data", CodeEmail: "personal_data",
	CodeCard: "personal_data", CodeIBAN: "personal_data", CodeURL: "url", CodeGibberish: "no_content",
	CodeDuplicate: "duplicate", CodeNearDuplicate: "duplicate", CodeLanguageNotServed: "language",
	CodePictureKnown: "media",
}

// Precision counts how often people agreed with the machine's proposals. It
// is an [Evidence], rebuilt by callers from past decisions, and safe for
// concurrent use.
type Precision struct {
	mu     sync.RWMutex
	counts map[precisionKey]*[2]int
}

type precisionKey struct{ site, language, kind, proposal string }

// PrecisionRow is the measured precision of one proposal, 0..1, with its 95 %
// interval.
type PrecisionRow struct {
	Site      string  `json:"site"`
	Language  string  `json:"language"`
	Kind      string  `json:"kind"`
	Proposal  string  `json:"proposal"`
	Agreed    int     `json:"agreed"`
	N         int     `json:"n"`
	Precision float64 `json:"precision"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
}

// NewPrecision makes an empty count.
func NewPrecision() *Precision { return &Precision{counts: map[precisionKey]*[2]int{}} }

// Observe takes a person's decision on an item for which the machine proposed
// something. Decisions by machine must not be handed in.
func (p *Precision) Observe(site, language, kind, proposed string, rejected bool) {
	if proposed != VerdictApprove && proposed != VerdictReject {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := precisionKey{site, language, kind, proposed}
	c := p.counts[k]
	if c == nil {
		c = &[2]int{}
		p.counts[k] = c
	}
	if rejected == (proposed == VerdictReject) {
		c[0]++
	}
	c[1]++
}

// Measured implements [Evidence].
func (p *Precision) Measured(site, language, kind, proposal string) (agreed, n int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if c := p.counts[precisionKey{site, language, kind, proposal}]; c != nil {
		return c[0], c[1]
	}
	return 0, 0
}

// Rows lists what was measured for a site, in a fixed order.
func (p *Precision) Rows(site string) []PrecisionRow {
	p.mu.RLock()
	defer p.mu.RUnlock()
	byName := map[string]PrecisionRow{}
	for k, c := range p.counts {
		if k.site != site {
			continue
		}
		row := PrecisionRow{Site: site, Language: k.language, Kind: k.kind, Proposal: k.proposal, Agreed: c[0], N: c[1]}
		row.Precision = ratio(float64(c[0]), float64(c[1]))
		row.Low, row.High = stats.Wilson(c[0], c[1])
		byName[k.language+"\x00"+k.kind+"\x00"+k.proposal] = row
	}
	out := make([]PrecisionRow, 0, len(byName))
	for _, name := range sortedKeys(byName) {
		out = append(out, byName[name])
	}
	return out
}
