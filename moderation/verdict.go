package moderation

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/candor-ugc/candor/moderation/rules"
	"github.com/candor-ugc/candor/moderation/textnorm"
)

// classifierPart is the most that the classifier adds to the risk.
const classifierPart = 0.9

// classify asks the site's model. A model that is not ready only shifts the
// risk, which orders the queue.
func (r *run) classify() error {
	if r.opt.Classifier == nil {
		return nil
	}
	p, version, ready, ok, err := r.opt.Classifier.Probability(r.ctx, r.sub.Site, r.joined(), r.out.Hints)
	if err != nil {
		return err
	}
	if !ok {
		return nil
	}
	if !(p >= 0 && p <= 1) {
		return fmt.Errorf("probability %v is not within 0..1", p)
	}
	r.out.Probability, r.ready = p, ready
	r.out.Versions["classifier"] = version
	if ready && p >= 0.5 {
		r.signal(Signal{
			Code: CodeClassifier, Severity: SeverityMedium, Rule: version,
			Cause: fmt.Sprintf("Texts like this one were rejected by moderators (probability %.0f %%).", 100*p),
		})
	}
	return nil
}

// joined is what the classifier reads: the body, with the title before it.
func (r *run) joined() *textnorm.Text {
	if r.sub.Title == "" {
		return &r.body
	}
	t := &textnorm.Text{}
	t.Reset(cut(r.sub.Title)+"\n"+cut(r.sub.Body), r.sub.Language)
	return t
}

// LearningText is the text a model learns from, the same as it is asked about.
func LearningText(title, body string) string {
	if title == "" {
		return cut(body)
	}
	return cut(title) + "\n" + cut(body)
}

// weigh adds the findings up as if they were independent: the strongest of
// each code counts whole, every further one of the code a little.
func (r *run) weigh() error {
	strongest, more := map[string]float64{}, map[string]int{}
	for _, s := range r.out.Signals {
		strongest[s.Code] = max(strongest[s.Code], s.Weight)
		more[s.Code]++
	}
	clean := 1.0
	for _, code := range sortedKeys(strongest) {
		clean *= 1 - min(1, strongest[code]*(1+0.1*float64(min(more[code]-1, 3))))
	}
	if r.out.Probability > 0 {
		clean *= 1 - classifierPart*r.out.Probability
	}
	r.out.Risk = min(1, max(0, 1-clean))
	if r.mismatch {
		// Added after the sum and hidden from rules: a label for people, never
		// a ground.
		r.label(CodeRatingMismatch)
		r.signal(Signal{
			Code: CodeRatingMismatch, Severity: SeverityInfo, Rule: "rating@1",
			Cause: "The stars and the words seem to contradict each other. This is for information only.",
		})
	}
	return nil
}

// env is what the rules see. The rating and what depends on it stay out.
func (r *run) env() rules.Env {
	e := rules.Env{
		Kind: r.sub.Kind, Language: r.sub.Language, LanguageConfidence: r.sub.LanguageConfidence,
		Title: cut(r.sub.Title), Body: cut(r.sub.Body), SubjectType: r.sub.SubjectType, Subject: r.sub.Subject,
		Length: utf8.RuneCountInString(r.sub.Title) + utf8.RuneCountInString(r.sub.Body),
		Words:  len(r.title.Tokens) + len(r.body.Tokens), Risk: r.out.Risk,
		Author:   rules.Author{Approved: r.sub.Author.Approved, Rejected: r.sub.Author.Rejected, Pending: r.sub.Author.Pending},
		Pictures: len(r.sub.Pictures), Signals: map[string]int{},
	}
	if first := r.sub.Author.FirstSeen; !first.IsZero() && r.sub.At.After(first) {
		e.Author.Days = r.sub.At.Sub(first).Hours() / 24
	}
	for _, s := range r.out.Signals {
		if s.Code != CodeRatingMismatch {
			e.Signals[s.Code]++
		}
	}
	for _, l := range r.out.Labels {
		if l != CodeRatingMismatch {
			e.Labels = append(e.Labels, l)
		}
	}
	return e
}

func (r *run) runRules() error {
	env := r.env()
	// Text is not kept a second time: a replay fills it in from the content.
	r.out.Env = env
	r.out.Env.Title, r.out.Env.Body = "", ""
	if r.opt.Rules == nil {
		return nil
	}
	hits, version, err := r.opt.Rules.RunRules(r.ctx, r.sub.Site, env)
	if err != nil {
		return err
	}
	if version != "" {
		r.out.Versions["rules"] = version
	}
	for _, h := range hits {
		r.out.RuleHits = append(r.out.RuleHits, h)
		if h.Shadow {
			continue
		}
		switch h.Action {
		case rules.ActionHold:
			r.ruleHold = append(r.ruleHold, h.Name)
		case rules.ActionReject:
			r.ruleReject = append(r.ruleReject, h)
		case rules.ActionLabel:
			r.label(h.Argument)
		case rules.ActionRoute:
			if r.out.Route == "" {
				r.out.Route = h.Argument
			}
		default:
			return fmt.Errorf("rule %s: unknown action %q", h.Rule, h.Action)
		}
		r.signal(Signal{
			Code: "rule:" + h.Rule, Severity: SeverityInfo, Rule: fmt.Sprintf("rule/%s@%d", h.Rule, h.Version),
			Cause: fmt.Sprintf("The site's rule %q is true (%s).", h.Name, strings.TrimSpace(h.Action+" "+h.Argument)),
		})
	}
	return nil
}

// decide asks the policy. Everything but a clear yes is a hold.
func (r *run) decide() error {
	policy := Policy{}
	if r.opt.Policy != nil {
		policy = r.opt.Policy(r.sub.Site, r.sub.Kind)
	}
	facts := PolicyFacts{
		Site: r.sub.Site, Kind: r.sub.Kind, Language: r.sub.Language, Risk: r.out.Risk, Author: r.sub.Author, ModelReady: r.ready,
		Worst: r.worst(), RuleHold: r.ruleHold, Pictures: len(r.sub.Pictures), KnownPicture: r.known,
	}
	for _, h := range r.ruleReject {
		facts.RuleReject = append(facts.RuleReject, h.Name)
		if h.Argument != "" && !slices.Contains(facts.RejectReasons, h.Argument) {
			facts.RejectReasons = append(facts.RejectReasons, h.Argument)
		}
	}
	if len(facts.RejectReasons) == 0 {
		facts.RejectReasons = reasonsFor(r.out.Signals)
	}
	o := policy.Decide(facts, r.opt.Evidence, r.opt.Random)
	r.out.Verdict, r.out.Proposed, r.out.Blind, r.out.Cause = o.Verdict, o.Proposed, o.Blind, o.Cause
	if o.Verdict == VerdictReject {
		r.out.Reasons = facts.RejectReasons
	}
	return nil
}

// worst severity of the signals that count for a verdict.
func (r *run) worst() string {
	order := []string{SeverityInfo, SeverityLow, SeverityMedium, SeverityHigh}
	worst := 0
	for _, s := range r.out.Signals {
		if s.Code != CodeRatingMismatch {
			worst = max(worst, slices.Index(order, s.Severity))
		}
	}
	return order[worst]
}
