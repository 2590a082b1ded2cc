package rules_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/moderation/rules"
)

func rule(source string) rules.Rule {
	return rules.Rule{ID: "r1", Name: "test", Source: source, Action: rules.ActionHold, Version: 2, Enabled: true}
}

var env = rules.Env{
	Kind: "review", Language: "en", Title: "Great", Body: "see www.example.com", Length: 24, Words: 4, Pictures: 2, Risk: 0.4,
	Author: rules.Author{Approved: 1, Days: 2}, Signals: map[string]int{"url": 1}, Labels: []string{"new_author"},
}

func TestRun(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		`kind == "review" && author.approved < 3 && has("url")`: true,
		`pictures > 1`:      true,
		`has("phone")`:      false,
		`count("url") >= 2`: false,
		`labelled("new_author") && author.days < 7`: true,
		`lower(title) contains "great"`:             true,
		`body matches "(?i)WWW\\."`:                 true,
		`language in ["tr", "fa"]`:                  false,
		`risk > 0.3 && words + 1 > 4`:               true,
		`len(body) > 5 && signals.url == 1`:         true,
	} {
		set, err := rules.Compile([]rules.Rule{rule(source)})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		hits, err := set.Run(t.Context(), env)
		if err != nil || (len(hits) == 1) != want {
			t.Errorf("%s: %v, %v, want %v", source, hits, err, want)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		source string
		line   int
		reason string
	}{
		"syntax":        {"kind ==\n && true", 2, ""},
		"unknown name":  {"colour == 1", 1, "unknown name colour"},
		"rating":        {"true ||\nrating < 3", 2, "star ratings"},
		"no bool":       {"words + 1", 0, "bool"},
		"range":         {"1 in 1..1000000000", 1, "ranges"},
		"loop":          {"all([1,2], # > 0)", 1, ""},
		"nested loops":  {"any([1,2,3], any([1,2,3], true))", 1, ""},
		"pattern":       {"body matches title", 1, "constant"},
		"huge pattern":  {`body matches "` + strings.Repeat("a?", 150) + `"`, 1, "bytes"},
		"dear pattern":  {`body matches "((a{100}){100}){10}"`, 1, ""},
		"bad pattern":   {`body matches "("`, 1, ""},
		"join":          {`body + body == ""`, 1, "joining"},
		"let":           {`let x = 1; x > 0`, 1, "variables"},
		"one megabyte":  {strings.Repeat("a", 1<<20), 0, "at most 4096"},
		"many nodes":    {"words > 0" + strings.Repeat(" && words > 0", 200), 0, "nodes"},
		"repeat":        {`repeat("a", 1000000) == ""`, 1, ""},
		"empty":         {"  ", 0, "empty"},
		"deeply nested": {strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000), 0, ""},
	} {
		err := rules.Check(rule(tt.source))
		var ce *rules.CompileError
		if !errors.Is(err, rules.ErrRule) || !errors.As(err, &ce) {
			if name == "deeply nested" && err == nil {
				continue // parentheses alone cost nothing
			}
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tt.line != 0 && ce.Line != tt.line || !strings.Contains(ce.Error(), tt.reason) {
			t.Errorf("%s: %v, want line %d and %q", name, err, tt.line, tt.reason)
		}
	}
	bad := rule("true")
	bad.Action = "publish"
	if !errors.Is(rules.Check(bad), rules.ErrRule) {
		t.Error("an unknown action was accepted")
	}
	bad.Action = rules.ActionRoute
	if !errors.Is(rules.Check(bad), rules.ErrRule) {
		t.Error("a route without an argument was accepted")
	}
}

func TestShadowAndDisabled(t *testing.T) {
	t.Parallel()
	shadow, off := rule("true"), rule("true")
	shadow.Shadow, off.Enabled = true, false
	set, err := rules.Compile([]rules.Rule{shadow, off})
	if err != nil {
		t.Fatal(err)
	}
	hits, err := set.Run(t.Context(), env)
	if err != nil || len(hits) != 1 || !hits[0].Shadow || hits[0].Version != 2 {
		t.Errorf("hits %+v, %v", hits, err)
	}
}

func TestRunStopsWithTheContext(t *testing.T) {
	t.Parallel()
	set, err := rules.Compile([]rules.Rule{rule("true")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := set.Run(ctx, env); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestBacktest(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	with := func(url int) rules.Env { return rules.Env{Signals: map[string]int{"url": url}} }
	past := []rules.Past{
		{ID: "a", Env: with(1), Rejected: true, At: day},
		{ID: "b", Env: with(1), Rejected: false, Published: true, At: day.AddDate(0, 0, 1)},
		{ID: "c", Env: with(0), Rejected: true, At: day.AddDate(0, 0, 2)},
		{ID: "d", Env: with(0), Published: true, At: day.AddDate(0, 0, -1)},
	}
	r := rule(`has("url")`)
	r.Enabled = false
	rep, err := rules.Backtest(t.Context(), r, each(past, nil))
	if err != nil {
		t.Fatal(err)
	}
	if rep.Examined != 4 || rep.Hits != 2 || rep.HitsRejected != 1 || rep.HitsApproved != 1 || rep.Missed != 1 ||
		rep.PublishedHits != 1 || rep.Published[0] != "b" || rep.Agreement != 0.5 || !rep.From.Equal(day.AddDate(0, 0, -1)) {
		t.Errorf("report %+v", rep)
	}
	broken := errors.New("disk")
	if _, err := rules.Backtest(t.Context(), r, each(past, broken)); !errors.Is(err, broken) {
		t.Errorf("iterator's error: %v", err)
	}
}

func each(past []rules.Past, err error) iter.Seq2[rules.Past, error] {
	return func(yield func(rules.Past, error) bool) {
		for _, p := range past {
			if !yield(p, nil) {
				return
			}
		}
		if err != nil {
			yield(rules.Past{}, err)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`has("url")`, `kind == "review"`, `1..9`, `body matches "("`, `((((`, `let x = 1; x`, `author?.approved ?? 1 > 2`, "a\x00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		set, err := rules.Compile([]rules.Rule{rule(source)})
		if err != nil {
			if !errors.Is(err, rules.ErrRule) {
				t.Fatalf("error is no ErrRule: %v", err)
			}
			return
		}
		if _, err := set.Run(context.Background(), env); err != nil && !errors.Is(err, rules.ErrRun) {
			t.Fatalf("run: %v", err)
		}
	})
}
