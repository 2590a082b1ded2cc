package api_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api"
)

// A new error must be given a status before it can surprise a client as a 500.
func TestEveryExportedErrorIsInTheProblemTable(t *testing.T) {
	t.Parallel()
	listed := inTable(t)
	for name, dir := range map[string]string{
		"auth": "auth", "lifecycle": "lifecycle", "shelf": "shelf", "ledger": "ledger",
		"moderation": "../moderation", "search": "../search", "media": "../media", "upload": "upload",
	} {
		found := exportedErrors(t, dir)
		if len(found) == 0 {
			t.Errorf("no errors found in %s", dir)
		}
		for _, e := range found {
			if !slices.Contains(listed, name+"."+e) {
				t.Errorf("%s.%s is not in the table of problems", name, e)
			}
		}
	}
}

// exportedErrors lists the variables of a package that are named like errors.
func exportedErrors(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	for _, f := range parse(t, dir) {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if strings.HasPrefix(name.Name, "Err") {
						out = append(out, name.Name)
					}
				}
			}
		}
	}
	return out
}

// parse reads the files of a package, its tests left out.
func parse(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// inTable lists the errors that the table of problems names, as package.Name.
func inTable(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		row, ok := n.(*ast.CompositeLit)
		if !ok || row.Type != nil || len(row.Elts) == 0 {
			return true
		}
		if name, ok := row.Elts[0].(*ast.SelectorExpr); ok {
			out = append(out, fmt.Sprintf("%s.%s", name.X, name.Sel))
		}
		return true
	})
	if len(out) == 0 {
		t.Fatal("the table of problems was not found in problem.go")
	}
	return out
}

func TestProblemsOfTheServerTellNothing(t *testing.T) {
	t.Parallel()
	const secret = "dial tcp 10.0.0.7: password hunter2"
	seen := 0
	for _, row := range api.ProblemRows() {
		for _, err := range []error{
			row.Err, fmt.Errorf("%s: %w", secret, row.Err), errors.Join(errors.New(secret), row.Err), api.DetailError(row.Err, "", secret),
		} {
			p := api.ProblemOf(err)
			if p.Status < http.StatusInternalServerError {
				continue
			}
			seen++
			if p.Detail != "" || p.Errors != nil || p.By != "" || strings.Contains(fmt.Sprint(p), "hunter2") {
				t.Errorf("%v becomes %+v", err, p)
			}
		}
	}
	if seen == 0 {
		t.Error("no problem has a status of 500 or more")
	}
	for _, err := range []error{errors.New(secret), &fs.PathError{Op: "open", Path: secret, Err: fs.ErrPermission}} {
		want := api.Problem{
			Type: "urn:candor:problem:internal", Title: "Something went wrong here", Status: http.StatusInternalServerError, Code: "internal",
		}
		if got := api.ProblemOf(err); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v becomes %+v", err, got)
		}
	}
}

// The first row that fits counts, so no row may stand behind one that covers it.
func TestEveryRowOfTheProblemTableCounts(t *testing.T) {
	t.Parallel()
	for _, row := range api.ProblemRows() {
		if p := api.ProblemOf(row.Err); p.Status != row.Status || p.Code != row.Code || p.Type != "urn:candor:problem:"+row.Code || p.Title == "" {
			t.Errorf("%v becomes %+v, want %d %s", row.Err, p, row.Status, row.Code)
		}
	}
}
