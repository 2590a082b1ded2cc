package moderation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/candor-ugc/candor/moderation/contact"
	"github.com/candor-ugc/candor/moderation/lexicon"
	"github.com/candor-ugc/candor/moderation/rules"
	"github.com/candor-ugc/candor/moderation/similar"
	"github.com/candor-ugc/candor/moderation/textnorm"
)

// Classifier gives the probability that a moderator would reject a text. The
// text is only valid during the call.
type Classifier interface {
	// Probability is 0..1; ready tells whether it may count for more than the
	// order of the queue. ok is false where the site has no model yet.
	Probability(ctx context.Context, site string, text *textnorm.Text, hints []string) (p float64, version string, ready, ok bool, err error)
}

// RuleRunner runs the rules of a site. [RuleSets] is one.
type RuleRunner interface {
	RunRules(ctx context.Context, site string, env rules.Env) (hits []rules.Hit, version string, err error)
}

// Memory remembers recent texts. [similar.Memory] is one.
type Memory interface {
	Lookup(site, id string, sk similar.Sketch, near float64) []similar.Match
	Add(r similar.Record)
	Remove(site, id string)
}

// Detector is a source of signals beside the built-in ones. It must not look
// at the rating; signals that depend on it would reach the verdict.
type Detector interface {
	Name() string
	Detect(ctx context.Context, sub Submission) ([]Signal, error)
}

// Options configure a [Screener]. Every field may be left zero.
type Options struct {
	// Clock tells the time; nil means time.Now.
	Clock func() time.Time
	// Timeout of one screening; 0 means 2 s.
	Timeout time.Duration
	// MaxConcurrent screenings, stalled ones included; 0 means 64. What finds
	// no place within the timeout is held unseen.
	MaxConcurrent int
	// Classifier, Rules and Detectors; nil means none.
	Classifier Classifier
	Rules      RuleRunner
	Detectors  []Detector
	// Lookalikes of pictures that moderators rejected; nil means none.
	Lookalikes Lookalikes
	// Memory of recent texts; nil means one of [similar.DefaultCapacity].
	Memory Memory
	// Policy of a site and kind; nil holds everything.
	Policy func(site, kind string) Policy
	// Evidence of how right the machine was; nil means none, and without
	// evidence nothing is decided by machine.
	Evidence Evidence
	// Random gives 0 <= x < 1 for the blind share; nil means that everything
	// goes to people.
	Random func() float64
}

const (
	defaultTimeout    = 2 * time.Second
	defaultConcurrent = 64
	// maxScreened bounds the runes of a field that are looked at. What is
	// longer is held with a signal.
	maxScreened = 20_000
)

// Screener finds signals. It is safe for concurrent use.
type Screener struct {
	opt   Options
	words *lexicon.Set
	lists map[string]string // version by list
	slots chan struct{}
	desks sync.Pool
}

// NewScreener prepares a screener; it fails where the built-in word lists do
// not compile.
func NewScreener(opt Options) (*Screener, error) {
	words, err := lexicons()
	if err != nil {
		return nil, fmt.Errorf("new screener: %w", err)
	}
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Timeout <= 0 {
		opt.Timeout = defaultTimeout
	}
	if opt.MaxConcurrent <= 0 {
		opt.MaxConcurrent = defaultConcurrent
	}
	if opt.Memory == nil {
		opt.Memory = similar.NewMemory(0)
	}
	s := &Screener{opt: opt, words: words, lists: words.Versions(), slots: make(chan struct{}, opt.MaxConcurrent)}
	s.desks.New = func() any { return &desk{matcher: words.NewMatcher()} }
	return s, nil
}

// desk is the working memory of one screening.
type desk struct {
	title, body textnorm.Text
	// beside is a caption or alternative text.
	beside   textnorm.Text
	matcher  *lexicon.Matcher
	sketcher similar.Sketcher
}

// errBusy: every slot is taken by screenings that have not ended.
var errBusy = errors.New("too many screenings at once")

// Screen never returns an error: a failure, a panic or a timeout ends in a
// hold with Failed and Cause set, and with the signals found until then where
// the screening itself ended.
func (s *Screener) Screen(ctx context.Context, sub Submission) Screening {
	begin := s.opt.Clock()
	ctx, cancel := context.WithTimeout(ctx, s.opt.Timeout)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return s.failed(begin, errBusy)
	}
	done := make(chan Screening, 1)
	go func() {
		defer func() { <-s.slots }()
		done <- s.screen(ctx, sub, begin)
	}()
	var out Screening
	select {
	case out = <-done:
	case <-ctx.Done():
		// The screening may have ended in the same moment.
		select {
		case out = <-done:
		default:
			out = s.failed(begin, fmt.Errorf("screening did not end in time: %w", ctx.Err()))
		}
	}
	out.Took = s.opt.Clock().Sub(begin)
	return out
}

func (s *Screener) failed(at time.Time, err error) Screening {
	return Screening{
		Verdict: VerdictHold, Risk: 1, Signals: []Signal{}, Labels: []string{}, Versions: map[string]string{},
		Failed: true, Cause: "held because screening failed: " + err.Error(), Probability: -1, At: at,
	}
}

// screen runs the stages one by one. A stage that fails is named, the others
// still run, and the verdict is hold.
func (s *Screener) screen(ctx context.Context, sub Submission, at time.Time) Screening {
	run := &run{
		Screener: s, ctx: ctx, sub: &sub,
		out: Screening{
			Verdict: VerdictHold, Signals: []Signal{}, Labels: []string{}, Versions: map[string]string{"screen": screenVersion},
			Probability: -1, At: at,
		},
	}
	d, ok := s.desks.Get().(*desk)
	if !ok {
		return s.failed(at, errors.New("no working memory"))
	}
	run.desk = d
	for _, stage := range stages {
		if err := run.try(stage); err != nil {
			run.out.Failed = true
			run.errs = append(run.errs, err)
			run.broken = true // its working memory is not used again
		}
		if err := ctx.Err(); err != nil {
			run.out.Failed = true
			run.errs = append(run.errs, fmt.Errorf("screening did not end in time, after %s: %w", stage.name, err))
			break
		}
	}
	if !run.broken {
		s.desks.Put(d)
	}
	if run.out.Failed {
		run.out.Verdict, run.out.Blind, run.out.Risk = VerdictHold, false, 1
		run.out.Cause = "held because screening failed: " + errors.Join(run.errs...).Error()
	}
	return run.out
}

// screenVersion changes with the built-in signals.
const screenVersion = "3"

type stage struct {
	name string
	do   func(*run) error
}

// stages in their order: what later ones need comes first.
var stages = []stage{
	{"pictures", (*run).pictureSignals},
	{"normalise", (*run).normalise},
	{"words", (*run).wordSignals},
	{"contact", (*run).contactSignals},
	{"captions", (*run).captionSignals},
	{"shape", (*run).shapeSignals},
	{"language", (*run).languageSignals},
	{"duplicates", (*run).duplicateSignals},
	{"bursts", (*run).burstSignals},
	{"detectors", (*run).detectorSignals},
	{"classifier", (*run).classify},
	{"risk", (*run).weigh},
	{"rules", (*run).runRules},
	{"policy", (*run).decide},
}

// run is one screening under way.
type run struct {
	*Screener
	*desk
	ctx    context.Context
	sub    *Submission
	out    Screening
	errs   []error
	broken bool

	ready      bool
	mismatch   bool
	known      bool // a picture looks like a rejected one
	about      words
	contacts   contact.Options
	ruleHold   []string
	ruleReject []rules.Hit
}

func (r *run) try(st stage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: panic: %v", st.name, p)
		}
	}()
	if err := st.do(r); err != nil {
		return fmt.Errorf("%s: %w", st.name, err)
	}
	return nil
}

// maxSignals bounds the findings of one submission.
const maxSignals = 300

func (r *run) signal(sig Signal) {
	sig = r.about.of(sig)
	if len(r.out.Signals) < maxSignals {
		r.out.Signals = append(r.out.Signals, sig)
	}
}

// fields visits both fields, the title first.
func (r *run) fields(do func(name string, t *textnorm.Text)) {
	do(FieldTitle, &r.title)
	do(FieldBody, &r.body)
}

func (r *run) normalise() error {
	r.title.Reset(cut(r.sub.Title), r.sub.Language)
	r.body.Reset(cut(r.sub.Body), r.sub.Language)
	if len(r.title.Runes) >= maxScreened || len(r.body.Runes) >= maxScreened {
		r.signal(Signal{
			Code: CodeTooLong, Severity: SeverityMedium, Field: FieldBody, Rule: "shape@1", Weight: 0.3,
			Cause: fmt.Sprintf("The text is longer than %d characters; the rest was not screened.", maxScreened),
		})
	}
	return nil
}

// cut keeps the first maxScreened runes.
func cut(s string) string {
	if len(s) <= maxScreened {
		return s
	}
	n := 0
	for i := range s {
		if n == maxScreened {
			return s[:i]
		}
		n++
	}
	return s
}

// Observe remembers a stored text, so that later copies of it are noticed.
func (s *Screener) Observe(sub Submission) {
	d := &desk{}
	d.title.Reset(cut(sub.Title), sub.Language)
	d.body.Reset(cut(sub.Body), sub.Language)
	sk, ok := d.sketch()
	if !ok {
		return
	}
	rec := similar.Record{ID: sub.ID, Site: sub.Site, Author: sub.AuthorID, Subject: sub.SubjectType + "/" + sub.Subject, Sketch: sk}
	for _, m := range s.opt.Memory.Lookup(sub.Site, sub.ID, sk, nearEnough) {
		if counts(m, sub.AuthorID, sk.Tokens) {
			rec.Cluster = clusterOf(m)
			break
		}
	}
	s.opt.Memory.Add(rec)
}

// Forget drops a text from the memory of recent texts, as erasure asks for.
func (s *Screener) Forget(site, id string) { s.opt.Memory.Remove(site, id) }
