package main

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	yaml "github.com/goccy/go-yaml"
)

// fileSettings resolves flags that the command line left out: from the
// environment first, then from the configuration file.
type fileSettings struct {
	env   func(string) (string, bool)
	model *kong.Application
	file  map[string]any
}

// load reads a configuration file: flag names as keys, and no others.
func (s *fileSettings) load(r io.Reader) (kong.Resolver, error) {
	b, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read configuration file: %w", err)
	}
	if err := yaml.Unmarshal(b, &s.file); err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	return s, nil
}

// Validate refuses keys that no flag has: a misspelt key must not be a setting
// that silently stays at its default.
func (s *fileSettings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, node := range append([]*kong.Node{app.Node}, leaves(app.Node)...) {
		for _, f := range node.Flags {
			known[f.Name] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.file)) {
		if !known[key] || key == "config" || key == "help" {
			return fmt.Errorf("configuration file: unknown key %q", key)
		}
	}
	return nil
}

func leaves(n *kong.Node) []*kong.Node {
	var out []*kong.Node
	for _, c := range n.Children {
		out = append(append(out, c), leaves(c)...)
	}
	return out
}

// Resolve gives the value of a flag, nil where it is not set.
func (s *fileSettings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if v, ok := s.env(name); ok {
			return v, nil
		}
	}
	v, ok := s.file[flag.Name]
	if !ok {
		return nil, nil
	}
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, p := range list {
			parts[i] = fmt.Sprint(p)
		}
		return strings.Join(parts, ","), nil
	}
	return fmt.Sprint(v), nil
}

// logFlags say how and how much is logged.
type logFlags struct {
	Format string `default:"text" enum:"text,json" help:"text or json."`
	Level  string `default:"info" enum:"debug,info,warn,error" help:"Least level that is logged: debug, info, warn, error."`
}

func (f logFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.Level)) // kong lets only levels through
	o := &slog.HandlerOptions{Level: level}
	if f.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
