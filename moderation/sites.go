package moderation

import (
	"context"
	"fmt"
	"sync"

	"github.com/candor-ugc/candor/moderation/classify"
	"github.com/candor-ugc/candor/moderation/rules"
	"github.com/candor-ugc/candor/moderation/textnorm"
)

// RuleSets holds the compiled rules of every site. It is a [RuleRunner] and
// safe for concurrent use.
type RuleSets struct {
	mu   sync.RWMutex
	sets map[string]*rules.Set
}

// NewRuleSets makes an empty one: no site has rules.
func NewRuleSets() *RuleSets { return &RuleSets{sets: map[string]*rules.Set{}} }

// Set compiles and installs a site's rules. A bad rule changes nothing and is
// reported as a [*rules.CompileError].
func (r *RuleSets) Set(site string, list []rules.Rule) error {
	set, err := rules.Compile(list)
	if err != nil {
		return fmt.Errorf("rules of site %s: %w", site, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sets[site] = set
	return nil
}

// RunRules implements [RuleRunner].
func (r *RuleSets) RunRules(ctx context.Context, site string, env rules.Env) ([]rules.Hit, string, error) {
	r.mu.RLock()
	set := r.sets[site]
	r.mu.RUnlock()
	hits, err := set.Run(ctx, env)
	return hits, set.Version(), err
}

// Models holds one text model a site; a new site begins with a copy of the
// shared start. It is a [Classifier] and safe for concurrent use.
type Models struct {
	mu    sync.RWMutex
	start *classify.Model
	sites map[string]*classify.Model
}

// NewModels begins without site models; start may be nil.
func NewModels(start *classify.Model) *Models {
	return &Models{start: start, sites: map[string]*classify.Model{}}
}

// Probability implements [Classifier]. A site that has not learned yet is
// answered by the shared start, which only orders the queue.
func (m *Models) Probability(_ context.Context, site string, text *textnorm.Text, hints []string) (float64, string, bool, bool, error) {
	m.mu.RLock()
	model, own := m.sites[site], true
	if model == nil {
		model, own = m.start, false
	}
	m.mu.RUnlock()
	if model == nil {
		return 0, "", false, false, nil
	}
	return model.ProbabilityOf(text, hints...), model.Version(), own && model.Ready(), true, nil
}

// Learn takes a moderator's decision into the site's model. Examples can only
// be made of decisions by people, see [classify.Decided].
func (m *Models) Learn(site string, e classify.Example) error {
	if err := e.Valid(); err != nil {
		return fmt.Errorf("learn for site %s: %w", site, err)
	}
	m.mu.Lock()
	model := m.sites[site]
	if model == nil {
		var err error
		if m.start != nil {
			model = m.start.Clone()
		} else if model, err = classify.New(0); err != nil {
			m.mu.Unlock()
			return fmt.Errorf("learn for site %s: %w", site, err)
		}
		m.sites[site] = model
	}
	m.mu.Unlock()
	return model.Learn(e)
}

// Save encodes a site's model; ok is false where it has none of its own.
func (m *Models) Save(site string) (data []byte, ok bool) {
	m.mu.RLock()
	model := m.sites[site]
	m.mu.RUnlock()
	if model == nil {
		return nil, false
	}
	return model.Save(), true
}

// Load installs a saved model; damaged data gives an error wrapping
// [classify.ErrModel] and changes nothing.
func (m *Models) Load(site string, data []byte) error {
	model, err := classify.Load(data)
	if err != nil {
		return fmt.Errorf("model of site %s: %w", site, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sites[site] = model
	return nil
}
