package rules

import (
	"context"
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// Actions of a rule.
const (
	ActionHold   = "hold"
	ActionReject = "reject"
	ActionLabel  = "label"
	ActionRoute  = "route"
)

// Limits of rules.
const (
	MaxSource  = 4096 // bytes
	MaxNodes   = 200  // of the syntax tree
	MaxPattern = 200  // bytes of a regular expression
	MaxRules   = 200  // of a site
)

// Rule is one rule of a site as it is stored. Argument is the label, the route
// or the reason code of a rejection.
type Rule struct {
	ID       string `json:"id" bson:"id"`
	Name     string `json:"name" bson:"name"`
	Source   string `json:"source" bson:"source"`
	Action   string `json:"action" bson:"action"`
	Argument string `json:"argument,omitempty" bson:"argument,omitempty"`
	Version  int    `json:"version" bson:"version"`
	Enabled  bool   `json:"enabled" bson:"enabled"`
	Shadow   bool   `json:"shadow" bson:"shadow"`
}

// Author is what a rule may know of an author. Days since first seen.
type Author struct {
	Approved int     `expr:"approved" json:"approved" bson:"approved"`
	Rejected int     `expr:"rejected" json:"rejected" bson:"rejected"`
	Pending  int     `expr:"pending" json:"pending" bson:"pending"`
	Days     float64 `expr:"days" json:"days" bson:"days"`
}

// Env is what a rule can ask about.
type Env struct {
	Kind               string         `expr:"kind" json:"kind" bson:"kind"`
	Language           string         `expr:"language" json:"language" bson:"language"`
	LanguageConfidence float64        `expr:"language_confidence" json:"language_confidence" bson:"language_confidence"`
	Title              string         `expr:"title" json:"title" bson:"title"`
	Body               string         `expr:"body" json:"body" bson:"body"`
	SubjectType        string         `expr:"subject_type" json:"subject_type" bson:"subject_type"`
	Subject            string         `expr:"subject" json:"subject" bson:"subject"`
	Length             int            `expr:"length" json:"length" bson:"length"` // runes of title and body
	Words              int            `expr:"words" json:"words" bson:"words"`
	Pictures           int            `expr:"pictures" json:"pictures" bson:"pictures"` // photos and videos
	Risk               float64        `expr:"risk" json:"risk" bson:"risk"`
	Author             Author         `expr:"author" json:"author" bson:"author"`
	Signals            map[string]int `expr:"signals" json:"signals" bson:"signals"` // findings by code
	Labels             []string       `expr:"labels" json:"labels" bson:"labels"`
}

// has reports a finding of that code: has("url").
func (e Env) has(code string) bool { return e.Signals[code] > 0 }

// Errors of this package.
var (
	// ErrRule: the rule is refused; errors.As gives a [*CompileError].
	ErrRule = errors.New("rules: bad rule")
	// ErrRun: a compiled rule failed while running.
	ErrRun = errors.New("rules: rule failed")
)

// CompileError says where and why a rule is refused. Line and Column count
// from 1; both are 0 where the rule as a whole is meant.
type CompileError struct {
	Rule         string
	Line, Column int
	Reason       string
}

func (e *CompileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("rules: rule %q: %s", e.Rule, e.Reason)
	}
	return fmt.Sprintf("rules: rule %q: line %d, column %d: %s", e.Rule, e.Line, e.Column, e.Reason)
}

// Unwrap makes errors.Is(err, ErrRule) true.
func (e *CompileError) Unwrap() error { return ErrRule }

// compiled is a rule with its program.
type compiled struct {
	rule    Rule
	program *vm.Program
}

// Set is the compiled rules of a site, immutable and safe for concurrent use.
type Set struct {
	rules   []compiled
	version string
}

// Compile compiles the enabled rules. It refuses the whole set when one rule
// is bad, so that a typo never turns a rule off silently.
func Compile(list []Rule) (*Set, error) {
	if len(list) > MaxRules {
		return nil, &CompileError{Reason: fmt.Sprintf("%d rules, at most %d", len(list), MaxRules)}
	}
	s := &Set{}
	var versions []string
	for _, r := range list {
		c, err := compileRule(r)
		if err != nil {
			return nil, err
		}
		if r.Enabled {
			s.rules = append(s.rules, c)
			versions = append(versions, fmt.Sprintf("%s@%d", r.ID, r.Version))
		}
	}
	s.version = strings.Join(versions, ",")
	return s, nil
}

// Check compiles a single rule and throws the program away.
func Check(r Rule) error {
	_, err := compileRule(r)
	return err
}

// Version names every enabled rule with its version.
func (s *Set) Version() string {
	if s == nil {
		return ""
	}
	return s.version
}

func compileRule(r Rule) (compiled, error) {
	fail := func(reason string) (compiled, error) {
		return compiled{}, &CompileError{Rule: r.ID, Reason: reason}
	}
	switch r.Action {
	case ActionHold, ActionReject:
	case ActionLabel, ActionRoute:
		if r.Argument == "" || len(r.Argument) > 64 {
			return fail(fmt.Sprintf("action %s needs an argument of 1 to 64 bytes", r.Action))
		}
	default:
		return fail(fmt.Sprintf("unknown action %q", r.Action))
	}
	if len(r.Source) > MaxSource {
		return fail(fmt.Sprintf("source of %d bytes, at most %d", len(r.Source), MaxSource))
	}
	if strings.TrimSpace(r.Source) == "" {
		return fail("empty source")
	}
	g := &guard{}
	program, err := expr.Compile(r.Source, options(g)...)
	if err != nil {
		return compiled{}, position(r, err)
	}
	if g.reason != "" {
		line, column := lineColumn(r.Source, g.at.From)
		return compiled{}, &CompileError{Rule: r.ID, Line: line, Column: column, Reason: g.reason}
	}
	return compiled{rule: r, program: program}, nil
}

// allowed are the builtins that look at one value once. Everything that loops
// over a list or makes big values stays off.
var allowed = []string{"len", "lower", "upper", "trim", "abs", "min", "max", "indexOf", "hasPrefix", "hasSuffix"}

func options(g *guard) []expr.Option {
	opts := []expr.Option{
		expr.Env(environment{}), expr.AsBool(), expr.MaxNodes(MaxNodes), expr.DisableAllBuiltins(), expr.Patch(g),
	}
	for _, name := range allowed {
		opts = append(opts, expr.EnableBuiltin(name))
	}
	return opts
}

// environment is what programs run in: the facts and the functions.
type environment struct {
	Env
	Has   func(string) bool `expr:"has"`
	Count func(string) int  `expr:"count"`
	Label func(string) bool `expr:"labelled"`
}

func (e Env) environment() environment {
	return environment{
		Env: e, Has: e.has,
		Count: func(code string) int { return e.Signals[code] },
		Label: func(label string) bool { return slices.Contains(e.Labels, label) },
	}
}

// guard refuses what could cost more than one look at the text.
type guard struct {
	// patterns is the cost of the patterns so far.
	patterns int
	reason   string
	at       file.Location
}

// Visit implements ast.Visitor.
func (g *guard) Visit(node *ast.Node) {
	if g.reason != "" {
		return
	}
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "..":
			g.refuse(n, "ranges are not allowed")
		case "**", "^":
			g.refuse(n, "powers are not allowed")
		case "+":
			g.joins(n)
		case "matches":
			g.pattern(n)
		}
	case *ast.PredicateNode:
		g.refuse(n, "loops are not allowed")
	case *ast.VariableDeclaratorNode:
		g.refuse(n, "variables are not allowed")
	}
}

// joins refuses to build strings: only numbers are added.
func (g *guard) joins(n *ast.BinaryNode) {
	if t := n.Type(); t != nil && t.Kind().String() == "string" {
		g.refuse(n, "joining texts is not allowed")
	}
}

func (g *guard) pattern(n *ast.BinaryNode) {
	lit, ok := n.Right.(*ast.StringNode)
	switch {
	case !ok:
		g.refuse(n.Right, "the pattern of matches must be a constant")
	case len(lit.Value) > MaxPattern:
		g.refuse(lit, fmt.Sprintf("pattern of %d bytes, at most %d", len(lit.Value), MaxPattern))
	default:
		re, err := syntax.Parse(lit.Value, syntax.Perl)
		if err != nil {
			return // the compiler says what is wrong with it
		}
		if g.patterns += costOf(re); g.patterns > maxPatternCost {
			g.refuse(lit, "the patterns of the rule repeat too much")
		}
	}
}

// maxPatternCost bounds the size of the automata of a rule's patterns; their
// time is that size times the length of the text.
const maxPatternCost = 2000

func costOf(re *syntax.Regexp) int {
	cost := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		cost += costOf(sub)
	}
	if re.Op == syntax.OpRepeat {
		cost *= max(re.Max, re.Min, 1)
	}
	return cost
}

func (g *guard) refuse(n ast.Node, reason string) { g.reason, g.at = reason, n.Location() }

// position turns a compiler's error into ours.
func position(r Rule, err error) error {
	out := &CompileError{Rule: r.ID, Reason: err.Error()}
	var fe *file.Error
	if errors.As(err, &fe) {
		out.Line, out.Column, out.Reason = fe.Line, fe.Column+1, fe.Message
		if strings.Contains(fe.Message, "unknown name rating") {
			out.Reason = "star ratings are no ground for moderation: unknown name rating"
		}
	}
	return out
}

func lineColumn(source string, at int) (int, int) {
	line, column := 1, 1
	for i, r := range []rune(source) {
		if i >= at {
			break
		}
		if r == '\n' {
			line, column = line+1, 1
		} else {
			column++
		}
	}
	return line, column
}

// Hit is a rule whose expression was true.
type Hit struct {
	Rule     string `json:"rule" bson:"rule"`
	Name     string `json:"name" bson:"name"`
	Version  int    `json:"version" bson:"version"`
	Action   string `json:"action" bson:"action"`
	Argument string `json:"argument,omitempty" bson:"argument,omitempty"`
	Shadow   bool   `json:"shadow" bson:"shadow"`
}

// Run evaluates every rule. It returns an error wrapping [ErrRun] for a rule
// that failed, or the context's error; callers hold the item in both cases.
func (s *Set) Run(ctx context.Context, env Env) ([]Hit, error) {
	if s == nil || len(s.rules) == 0 {
		return nil, nil
	}
	e := env.environment()
	machine := vm.VM{}
	machine.MemoryBudget = 10_000
	var hits []Hit
	for i := range s.rules {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("run rules: %w", err)
		}
		c := &s.rules[i]
		v, err := machine.Run(c.program, e)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrRun, c.rule.ID, err)
		}
		if yes, ok := v.(bool); ok && yes {
			r := c.rule
			hits = append(hits, Hit{Rule: r.ID, Name: r.Name, Version: r.Version, Action: r.Action, Argument: r.Argument, Shadow: r.Shadow})
		}
	}
	return hits, nil
}
