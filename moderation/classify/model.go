package classify

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/candor-ugc/candor/moderation/textnorm"
)

// DefaultBits gives 2^18 buckets: two megabytes a model.
const (
	DefaultBits = 18
	minBits     = 10
	maxBits     = 22
)

// Errors of [Model.Learn].
var (
	// ErrAutomatic: the decision was not taken by a person.
	ErrAutomatic = errors.New("classify: a machine's decision is no example")
)

// Example is one decision of a moderator. It can only be made by [Decided],
// which asks who decided: a model never learns from its own decisions.
type Example struct {
	text, language string
	rejected       bool
	human          bool
	hints          []string
}

// Decider says who took a decision.
type Decider struct {
	// Moderator is the id of the person, "" where no person decided.
	Moderator string
	// Automatic: the decision was the machine's, whoever it is booked on.
	Automatic bool
}

// Decided makes an example of a text and what a person decided on it. It
// returns [ErrAutomatic] where no person decided.
//
// Hints are the codes of what else was found in the text; they become features
// of their own and must be given alike when the model is asked.
func Decided(by Decider, text, language string, rejected bool, hints ...string) (Example, error) {
	if by.Automatic || by.Moderator == "" {
		return Example{}, ErrAutomatic
	}
	return Example{text: text, language: language, rejected: rejected, human: true, hints: hints}, nil
}

// Labelled makes an example of a labelled file, for evaluation and for the
// shared start.
func Labelled(text, language string, rejected bool, hints ...string) Example {
	return Example{text: text, language: language, rejected: rejected, human: true, hints: hints}
}

// Valid returns [ErrAutomatic] for an example that nobody decided.
func (e Example) Valid() error {
	if !e.human {
		return ErrAutomatic
	}
	return nil
}

const (
	learningRate = 0.2
	// weightDecay pulls the weights of an example's features a little back.
	weightDecay = 1e-6
)

// Model is a logistic regression over hashed features. It is safe for
// concurrent use.
type Model struct {
	mu      sync.RWMutex
	bits    uint
	weights []float32
	squares []float32 // AdaGrad: sums of squared gradients
	bias    float64
	biasSq  float64
	calib   calibration
	seen    [2]uint64 // accepted and rejected examples
	version uint64
	pool    *sync.Pool
}

// New makes an empty model of 2^bits buckets; 0 means [DefaultBits].
func New(bits uint) (*Model, error) {
	if bits == 0 {
		bits = DefaultBits
	}
	if bits < minBits || bits > maxBits {
		return nil, fmt.Errorf("classify: %d bits, want %d to %d", bits, minBits, maxBits)
	}
	return &Model{
		bits: bits, weights: make([]float32, 1<<bits), squares: make([]float32, 1<<bits),
		calib: calibration{A: 1}, pool: newPool(),
	}, nil
}

func newPool() *sync.Pool { return &sync.Pool{New: func() any { return &Features{} }} }

// Clone copies what was learned, so that a site begins with the shared start.
// The copy counts its examples from zero: [Model.Ready] is about the site's own.
func (m *Model) Clone() *Model {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return &Model{
		bits: m.bits, weights: append([]float32(nil), m.weights...), squares: append([]float32(nil), m.squares...),
		bias: m.bias, biasSq: m.biasSq, calib: m.calib, version: m.version, pool: newPool(),
	}
}

// Learn takes one example. The score the model gave before it learned serves
// the calibration.
func (m *Model) Learn(e Example) error {
	if err := e.Valid(); err != nil {
		return err
	}
	f := m.pool.Get().(*Features)
	defer m.pool.Put(f)
	f.text.Reset(e.text, e.language)
	m.mu.Lock()
	defer m.mu.Unlock()
	list := f.of(&f.text, e.hints, m.bits)
	score := m.score(list)
	y := 0.0
	if e.rejected {
		y = 1
	}
	m.calib.observe(score, e.rejected)
	m.step(list, sigmoid(score)-y)
	m.seen[int(y)]++
	m.version++
	return nil
}

// step moves the weights against the gradient.
func (m *Model) step(list []feature, slope float64) {
	for _, x := range list {
		g := float32(slope)*x.value + weightDecay*m.weights[x.at]
		m.squares[x.at] += g * g
		m.weights[x.at] -= learningRate * g / (1e-4 + float32(math.Sqrt(float64(m.squares[x.at]))))
	}
	m.biasSq += slope * slope
	m.bias -= 0.1 * slope / (1e-4 + math.Sqrt(m.biasSq))
}

func (m *Model) score(list []feature) float64 {
	s := m.bias
	for _, x := range list {
		s += float64(m.weights[x.at]) * float64(x.value)
	}
	return s
}

// Probability that a moderator would reject the text, calibrated, 0..1.
func (m *Model) Probability(text, language string, hints ...string) float64 {
	f := m.pool.Get().(*Features)
	defer m.pool.Put(f)
	f.text.Reset(text, language)
	return m.probability(f, &f.text, hints)
}

// ProbabilityOf is [Model.Probability] of a text that was normalised already.
func (m *Model) ProbabilityOf(text *textnorm.Text, hints ...string) float64 {
	f := m.pool.Get().(*Features)
	defer m.pool.Put(f)
	return m.probability(f, text, hints)
}

func (m *Model) probability(f *Features, text *textnorm.Text, hints []string) float64 {
	list := f.of(text, hints, m.bits)
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.calib.apply(m.score(list))
}

// Seen counts the examples learned: accepted and rejected.
func (m *Model) Seen() (accepted, rejected uint64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.seen[0], m.seen[1]
}

// MinExamples of each side that a model needs before it is [Model.Ready].
const MinExamples = 100

// Ready reports whether the model has seen enough to take part in more than
// the order of the queue.
func (m *Model) Ready() bool {
	a, r := m.Seen()
	return a >= MinExamples && r >= MinExamples
}

// Version counts the examples learned and names the format.
func (m *Model) Version() string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return fmt.Sprintf("classifier@%d.%d", formatVersion, m.version)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// calibration is Platt's sigmoid, learned online from scores of examples that
// the model had not seen when it scored them.
type calibration struct {
	A, B   float64
	Sa, Sb float64 // AdaGrad
	N      uint64
}

// calibrateAfter: the first scores say nothing.
const calibrateAfter = 50

func (c *calibration) observe(score float64, rejected bool) {
	c.N++
	if c.N < calibrateAfter {
		return
	}
	y := 0.0
	if rejected {
		y = 1
	}
	slope := sigmoid(c.A*score+c.B) - y
	ga, gb := slope*score, slope
	c.Sa += ga * ga
	c.Sb += gb * gb
	c.A -= 0.1 * ga / (1 + math.Sqrt(c.Sa))
	c.B -= 0.1 * gb / (1 + math.Sqrt(c.Sb))
	c.A = min(max(c.A, 0.2), 5) // an order turned round is never a calibration
	c.B = min(max(c.B, -5), 5)
}

func (c *calibration) apply(score float64) float64 {
	return sigmoid(c.A*score + c.B)
}
