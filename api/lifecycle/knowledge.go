package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/rules"
)

// knowledgeAge is how long what is known of a site is trusted on a shared
// ledger, where another node may have changed it.
const knowledgeAge = 2 * time.Second

// knowledge is what the screener knows of each site: policies, rules and the
// text model, as last read from the ledger.
type knowledge struct {
	mu    sync.Mutex
	sites map[string]*siteKnowledge
}

type siteKnowledge struct {
	policies map[string]moderation.Policy
	// rules and model are the revisions that are installed.
	rules, model int64
	evidence     bool
	read         time.Time
}

func (k *knowledge) init() { k.sites = map[string]*siteKnowledge{} }

// forget makes the next screening of a site read anew.
func (k *knowledge) forget(site string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v := k.sites[site]; v != nil {
		v.read = time.Time{}
	}
}

// ensure reads what is known of a site, where that is not fresh.
func (k *knowledge) ensure(ctx context.Context, s *Service, site string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := k.sites[site]
	if v == nil {
		v = &siteKnowledge{}
		k.sites[site] = v
	}
	now := s.Now()
	if !v.read.IsZero() && (!s.Ledger.Shared() || now.Sub(v.read) < knowledgeAge) {
		return nil
	}
	if err := s.readKnowledge(ctx, site, v); err != nil {
		return fmt.Errorf("read what is known of the site: %w", err)
	}
	v.read = now
	return nil
}

func (s *Service) readKnowledge(ctx context.Context, site string, v *siteKnowledge) error {
	p, err := s.Ledger.Policies.Get(ctx, site)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		v.policies = nil
	case err != nil:
		return err
	default:
		v.policies = p.Kinds
	}
	if s.Rules != nil {
		r, err := s.Ledger.Rules.Get(ctx, site)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
		if err == nil && r.Rev != v.rules {
			if err := s.Rules.Set(site, r.Rules); err != nil {
				return err
			}
			v.rules = r.Rev
		}
	}
	if s.Models != nil {
		m, err := s.Ledger.Models.Get(ctx, site)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
		if err == nil && m.Rev != v.model {
			if err := s.Models.Load(site, m.Data); err != nil {
				// A damaged model costs its advice, never a submission.
				s.Log.Error("text model not loaded", "site", site, "err", err)
			}
			v.model = m.Rev
		}
	}
	if s.Precision != nil && !v.evidence && automatic(v.policies) {
		if err := s.readEvidence(ctx, site); err != nil {
			return err
		}
		v.evidence = true
	}
	return nil
}

// automatic reports whether any policy lets the machine decide.
func automatic(kinds map[string]moderation.Policy) bool {
	for _, p := range kinds {
		if p.AutoApprove || p.AutoReject {
			return true
		}
	}
	return false
}

// maxEvidence bounds how many events the measured precision rests on; the
// latest ones.
const maxEvidence = 50_000

// readEvidence compares what the machine proposed with what people decided.
func (s *Service) readEvidence(ctx context.Context, site string) error {
	r := ledger.Prefix(ledger.ByTime, site)
	r.Reverse, r.Limit = true, maxEvidence
	undone := map[string]bool{}
	for e, err := range s.Ledger.Events.Scan(ctx, r) {
		if err != nil {
			return err
		}
		if e.Action == string(actionUndo) {
			undone[fmt.Sprintf("%s/%d", e.Content, e.Rev-1)] = true
			continue
		}
		s.observe(e, undone[e.ID])
	}
	return nil
}

// observe takes a person's decision into the measured precision.
func (s *Service) observe(e *ledger.Event, undone bool) {
	if s.Precision == nil || undone || !judges(e) {
		return
	}
	s.Precision.Observe(e.Site, e.Language, string(e.Kind), e.Proposed, e.Action != string(moderation.ActionApprove))
}

// judges reports whether an event is a person's judgement of a text that waited.
func judges(e *ledger.Event) bool {
	if e.Automatic || e.From != content.Pending {
		return false
	}
	a := moderation.Action(e.Action)
	return a == moderation.ActionApprove || a == moderation.ActionReject || a == moderation.ActionRemove
}

// Policy gives the policy of a site for a kind of content, for the screener. It
// knows what was read last; an unknown site holds everything.
func (s *Service) Policy(site, kind string) moderation.Policy {
	s.learned.mu.Lock()
	defer s.learned.mu.Unlock()
	if v := s.learned.sites[site]; v != nil {
		return v.policies[kind]
	}
	return moderation.Policy{}
}

// Policies gives the policies of a site by kind, with the measured precision of
// the machine's proposals: ErrSignIn, ErrForbidden.
func (s *Service) Policies(ctx context.Context, who content.Actor, site string) (PolicyView, error) {
	if err := moderates(who); err != nil {
		return PolicyView{}, err
	}
	if err := s.learned.ensure(ctx, s, site); err != nil {
		return PolicyView{}, err
	}
	out := PolicyView{Kinds: map[string]moderation.Policy{}, Measured: []moderation.PrecisionRow{}}
	p, err := s.Ledger.Policies.Get(ctx, site)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return out, fmt.Errorf("read policies: %w", err)
	}
	if err == nil {
		out.Rev = p.Rev
		maps.Copy(out.Kinds, p.Kinds)
	}
	for _, k := range content.Kinds() {
		if _, ok := out.Kinds[string(k)]; !ok {
			out.Kinds[string(k)] = moderation.Policy{Mode: moderation.ModeEverything}
		}
	}
	if s.Precision != nil {
		out.Measured = append(out.Measured, s.Precision.Rows(site)...)
	}
	return out, nil
}

// PolicyView is the policies of a site and how right the machine has been.
type PolicyView struct {
	Kinds    map[string]moderation.Policy `json:"kinds"`
	Measured []moderation.PrecisionRow    `json:"measured"`
	Rev      int64                        `json:"rev"`
}

// ChangePolicies puts policies in force from revision rev, 0 for none made yet:
// ErrSignIn, ErrForbidden, ErrConflict, content.Invalid.
func (s *Service) ChangePolicies(ctx context.Context, who content.Actor, site string, kinds map[string]moderation.Policy, rev int64) (PolicyView, error) {
	if err := administers(who); err != nil {
		return PolicyView{}, err
	}
	var e content.Invalid
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if !content.Kind(kind).Valid() {
			e.Add("kinds", "invalid", "%.40q is no kind of content", kind)
			continue
		}
		if err := kinds[kind].Validate(); err != nil {
			e.Add("kinds."+kind, "invalid", "%s", err)
		}
	}
	if err := e.Err(); err != nil {
		return PolicyView{}, err
	}
	doc := &ledger.Policies{Site: site, Kinds: kinds, Rev: rev + 1}
	if err := putAt(ctx, s.Ledger.Policies, doc, rev); err != nil {
		return PolicyView{}, fmt.Errorf("change policies: %w", err)
	}
	s.learned.forget(site)
	return s.Policies(ctx, who, site)
}

// putAt adds a document at revision 0, or replaces it: ErrConflict.
func putAt[T any](ctx context.Context, t ledger.Table[T], v *T, rev int64) error {
	var err error
	if rev == 0 {
		err = t.Insert(ctx, v)
	} else {
		err = t.Replace(ctx, v, rev)
	}
	if errors.Is(err, ledger.ErrExists) || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}

// RuleView is the rules of a site.
type RuleView struct {
	Rules []rules.Rule `json:"rules"`
	Rev   int64        `json:"rev"`
}

// SiteRules lists a site's own rules: ErrSignIn, ErrForbidden.
func (s *Service) SiteRules(ctx context.Context, who content.Actor, site string) (RuleView, error) {
	if err := moderates(who); err != nil {
		return RuleView{}, err
	}
	r, err := s.Ledger.Rules.Get(ctx, site)
	if errors.Is(err, ledger.ErrNotFound) {
		return RuleView{Rules: []rules.Rule{}}, nil
	}
	if err != nil {
		return RuleView{}, fmt.Errorf("read rules: %w", err)
	}
	if r.Rules == nil {
		r.Rules = []rules.Rule{}
	}
	return RuleView{Rules: r.Rules, Rev: r.Rev}, nil
}

// maxRuleName bounds the name of a rule, and what it labels or routes.
const maxRuleName = 100

// PutRule adds a rule, without an id, or changes one. Errors: ErrSignIn,
// ErrForbidden, ErrNotFound, and a rules.CompileError with the place of what is
// wrong; a bad rule changes nothing.
func (s *Service) PutRule(ctx context.Context, who content.Actor, site string, rule rules.Rule) (rules.Rule, error) {
	var e content.Invalid
	e.Text("name", rule.Name, 1, maxRuleName)
	e.Text("argument", rule.Argument, 0, maxRuleName)
	if _, known := moderation.ReasonByCode(rule.Argument); rule.Action == "reject" && !known {
		e.Add("argument", "unknown", "must be a published reason, for a rule that rejects")
	}
	if err := e.Err(); err != nil {
		return rule, err
	}
	err := s.changeRules(ctx, who, site, func(list []rules.Rule) ([]rules.Rule, error) {
		if rule.ID == "" {
			rule.ID, rule.Version = s.NewID(), 1
			return append(list, rule), nil
		}
		i := slices.IndexFunc(list, func(r rules.Rule) bool { return r.ID == rule.ID })
		if i < 0 {
			return nil, ErrNotFound
		}
		rule.Version = list[i].Version + 1
		list[i] = rule
		return list, nil
	})
	return rule, err
}

// DeleteRule removes a rule: ErrSignIn, ErrForbidden, ErrNotFound.
func (s *Service) DeleteRule(ctx context.Context, who content.Actor, site, id string) error {
	return s.changeRules(ctx, who, site, func(list []rules.Rule) ([]rules.Rule, error) {
		i := slices.IndexFunc(list, func(r rules.Rule) bool { return r.ID == id })
		if i < 0 {
			return nil, ErrNotFound
		}
		return slices.Delete(list, i, i+1), nil
	})
}

func (s *Service) changeRules(ctx context.Context, who content.Actor, site string, change func([]rules.Rule) ([]rules.Rule, error)) error {
	if err := administers(who); err != nil {
		return err
	}
	_, err := s.Ledger.Rules.Modify(ctx, site, func(r *ledger.Rules, _ bool) error {
		list, err := change(slices.Clone(r.Rules))
		if err != nil {
			return err
		}
		if _, err := rules.Compile(list); err != nil {
			return err
		}
		*r = ledger.Rules{Site: site, Rules: list, Rev: r.Rev + 1}
		return nil
	})
	if err != nil {
		return fmt.Errorf("change rules: %w", err)
	}
	s.learned.forget(site)
	return nil
}
