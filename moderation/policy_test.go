package moderation_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/rules"
)

func half() float64 { return 0.5 }

func TestPolicy(t *testing.T) {
	t.Parallel()
	trusted := moderation.AuthorHistory{Approved: 50}
	on := func(mode string) moderation.Policy {
		return moderation.Policy{Mode: mode, AutoApprove: true, AutoReject: true}
	}
	off := on(moderation.ModeTrusted)
	off.AutoApprove = false
	for name, tt := range map[string]struct {
		p                 moderation.Policy
		f                 moderation.PolicyFacts
		verdict, proposed string
	}{
		"default":             {moderation.Policy{}, moderation.PolicyFacts{Author: trusted}, "hold", "hold"},
		"everything":          {on(moderation.ModeEverything), moderation.PolicyFacts{Author: trusted}, "hold", "hold"},
		"first, new":          {on(moderation.ModeFirst), moderation.PolicyFacts{Author: moderation.AuthorHistory{Approved: 2}}, "hold", "hold"},
		"first, known":        {on(moderation.ModeFirst), moderation.PolicyFacts{Author: moderation.AuthorHistory{Approved: 3}}, "approve", "approve"},
		"trusted":             {on(moderation.ModeTrusted), moderation.PolicyFacts{Author: trusted}, "approve", "approve"},
		"trusted, rejections": {on(moderation.ModeTrusted), moderation.PolicyFacts{Author: moderation.AuthorHistory{Approved: 50, Rejected: 5}}, "hold", "hold"},
		"trusted, findings":   {on(moderation.ModeTrusted), moderation.PolicyFacts{Author: trusted, Worst: "medium"}, "hold", "hold"},
		"switched off":        {off, moderation.PolicyFacts{Author: trusted}, "hold", "approve"},
		"band, low":           {on(moderation.ModeBands), moderation.PolicyFacts{Risk: 0.05, ModelReady: true}, "approve", "approve"},
		"band, no model":      {on(moderation.ModeBands), moderation.PolicyFacts{Risk: 0.05}, "hold", "hold"},
		"band, middle":        {on(moderation.ModeBands), moderation.PolicyFacts{Risk: 0.5, ModelReady: true}, "hold", "hold"},
		"band, high":          {on(moderation.ModeBands), moderation.PolicyFacts{Risk: 0.97, ModelReady: true, RejectReasons: []string{"spam"}}, "reject", "reject"},
		"band, no reason":     {on(moderation.ModeBands), moderation.PolicyFacts{Risk: 0.97, ModelReady: true}, "hold", "hold"},
		"rule holds":          {on(moderation.ModeTrusted), moderation.PolicyFacts{Author: trusted, RuleHold: []string{"r"}}, "hold", "hold"},
		"rule rejects":        {on(moderation.ModeTrusted), moderation.PolicyFacts{Author: trusted, RuleReject: []string{"r"}}, "reject", "reject"},
		"unknown mode":        {on("free for all"), moderation.PolicyFacts{Author: trusted}, "hold", "hold"},
	} {
		o := tt.p.Decide(tt.f, evidence{}, half)
		if o.Verdict != tt.verdict || o.Proposed != tt.proposed || o.Cause == "" {
			t.Errorf("%s: %+v, want %s (%s)", name, o, tt.verdict, tt.proposed)
		}
	}
}

func TestMachineNeedsMeasuredPrecision(t *testing.T) {
	t.Parallel()
	p := moderation.Policy{Mode: moderation.ModeTrusted, AutoApprove: true, ApproveTarget: 0.95}
	f := moderation.PolicyFacts{Site: "s", Language: "tr", Kind: "review", Author: moderation.AuthorHistory{Approved: 50}}
	seen := moderation.NewPrecision()
	decide := func(f moderation.PolicyFacts) string { return p.Decide(f, seen, half).Verdict }
	for range 70 { // the lower bound of 70 of 70 is 0.948
		seen.Observe("s", "tr", "review", "approve", false)
	}
	if got := decide(f); got != moderation.VerdictHold {
		t.Errorf("70 of 70: %s", got)
	}
	for range 10 {
		seen.Observe("s", "tr", "review", "approve", false)
	}
	if got := decide(f); got != moderation.VerdictApprove {
		t.Errorf("80 of 80: %s", got)
	}
	for _, other := range []moderation.PolicyFacts{
		{Site: "s", Language: "en", Kind: "review", Author: f.Author},
		{Site: "s", Language: "tr", Kind: "comment", Author: f.Author},
		{Site: "x", Language: "tr", Kind: "review", Author: f.Author},
	} {
		if got := decide(other); got != moderation.VerdictHold {
			t.Errorf("precision of another site, language or kind was used for %+v", other)
		}
	}
	seen.Observe("s", "tr", "review", "approve", true) // people rejected it
	seen.Observe("s", "tr", "review", "approve", true)
	if got := decide(f); got != moderation.VerdictHold {
		t.Errorf("80 of 82: %s", got)
	}
	rows := seen.Rows("s")
	if len(rows) != 1 || rows[0].N != 82 || rows[0].Agreed != 80 || rows[0].Low >= rows[0].Precision || rows[0].High <= rows[0].Precision {
		t.Errorf("rows %+v", rows)
	}
	if p.Decide(f, nil, half).Verdict != moderation.VerdictHold || p.Decide(f, evidence{}, nil).Verdict != moderation.VerdictHold {
		t.Error("decided without evidence or without a blind share")
	}
}

func TestBlindShare(t *testing.T) {
	t.Parallel()
	p := moderation.Policy{Mode: moderation.ModeTrusted, AutoApprove: true}
	f := moderation.PolicyFacts{Author: moderation.AuthorHistory{Approved: 50}}
	blind := 0
	for i := range 1000 {
		o := p.Decide(f, evidence{}, func() float64 { return float64(i) / 1000 })
		if o.Blind {
			blind++
			if o.Verdict != moderation.VerdictHold || o.Proposed != moderation.VerdictApprove || strings.Contains(o.Cause, "trusted") {
				t.Fatalf("a blind item shows what the machine thinks: %+v", o)
			}
		}
	}
	if blind != 20 {
		t.Errorf("%d of 1000 went to people, want 20", blind)
	}
}

func TestPolicyValidate(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]moderation.Policy{
		"mode": {Mode: "x"}, "share": {BlindShare: 2}, "negative": {First: -1}, "bands": {ApproveBelow: 0.9, RejectAbove: 0.2},
	} {
		if p.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (moderation.Policy{Mode: moderation.ModeBands}).Validate(); err != nil {
		t.Error(err)
	}
}

// Star ratings are no input to publication: whatever the policy, the rules and
// the text, the verdict and everything it rests on is the same for every rating.
func TestStarsAreNoInputToPublication(t *testing.T) {
	t.Parallel()
	sets := moderation.NewRuleSets()
	var list []rules.Rule
	for id, source := range map[string]string{
		"a": `has("rating_mismatch")`, "b": `labelled("rating_mismatch")`, "c": `risk > 0.3`, "d": `count("rating_mismatch") == 0 && has("url")`,
		"e": `signals["rating_mismatch"] > 0`, "f": `len(labels) > 0`, "g": `words < 5`,
	} {
		for _, action := range []string{rules.ActionHold, rules.ActionReject, rules.ActionLabel, rules.ActionRoute} {
			list = append(list, rules.Rule{ID: id + action, Name: id, Source: source, Action: action, Argument: "x", Enabled: true, Version: 1})
		}
	}
	texts := []string{
		"Terrible quality, broken after a day, total waste of money", "Excellent, beautiful and perfect, I love it",
		"It is a table", "shit", "see www.cheap-stuff.biz", "",
	}
	modes := []string{"", moderation.ModeEverything, moderation.ModeFirst, moderation.ModeBands, moderation.ModeTrusted}
	for start := 0; start <= len(list); start += 4 { // without rules, and with every rule alone
		site := []rules.Rule{}
		if start < len(list) {
			site = list[start : start+4]
		}
		for i := range max(1, len(site)) {
			var one []rules.Rule
			if len(site) > 0 {
				one = site[i : i+1]
			}
			if err := sets.Set("demo", one); err != nil {
				t.Fatal(err)
			}
			for _, mode := range modes {
				opt := allOpen()
				opt.Rules, opt.Classifier = sets, readyModel{}
				opt.Policy = func(string, string) moderation.Policy {
					return moderation.Policy{Mode: mode, AutoApprove: true, AutoReject: true, ApproveBelow: 0.4, RejectAbove: 0.5}
				}
				s := screener(t, opt)
				for _, text := range texts {
					compareRatings(t, s, text)
				}
			}
		}
	}
	if err := rules.Check(rules.Rule{ID: "x", Source: "rating < 3", Action: rules.ActionHold}); err == nil {
		t.Error("a rule on the rating was accepted")
	}
}

func compareRatings(t *testing.T, s *moderation.Screener, text string) {
	t.Helper()
	sub := review("en", text)
	sub.Author.Approved = 50
	var first moderation.Screening
	for rating := range 6 {
		sub.Rating = rating
		sc := s.Screen(context.Background(), sub)
		if sc.Failed {
			t.Fatal(sc.Cause)
		}
		if rating == 0 {
			first = sc
			continue
		}
		if sc.Verdict != first.Verdict || sc.Risk != first.Risk || sc.Proposed != first.Proposed || sc.Route != first.Route || sc.Cause != first.Cause ||
			sc.Probability != first.Probability || !slices.Equal(sc.Reasons, first.Reasons) || !slices.Equal(sc.Hints, first.Hints) ||
			!slices.Equal(sc.RuleHits, first.RuleHits) || sc.Cluster != first.Cluster {
			t.Fatalf("%d stars on %q: %+v\nwithout stars: %+v", rating, text, sc, first)
		}
	}
}
