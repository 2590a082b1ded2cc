package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/candor-ugc/candor"

// room is a part of the project and what it may import of the project. A room
// holds every folder below it that has no room of its own.
type room struct {
	// may lists rooms; a name that ends in /... means what is below as well.
	may []string
	// leaf rooms keep to their arrows in their tests too.
	leaf bool
}

// rooms are the arrows of the design.
var rooms = map[string]room{
	"":                      {},
	"moderation":            {leaf: true},
	"media":                 {leaf: true},
	"search":                {leaf: true},
	"api/content":           {leaf: true},
	"api/ledger":            {may: []string{"api/content", "moderation/...", "media/...", "search/..."}},
	"api/ledger/bolt":       {may: []string{"api/ledger", "api/content"}},
	"api/ledger/mongo":      {may: []string{"api/ledger", "api/content"}},
	"api/ledger/ledgertest": {may: []string{"api/ledger", "api/content", "moderation/...", "media/...", "search/..."}},
	"api/shelf":             {may: []string{"api/content"}},
	"api/lifecycle":         {may: []string{"api/content", "api/ledger", "api/shelf", "moderation/...", "media/...", "search/..."}},
	"api/auth":              {may: []string{"api/content"}},
	"api/notify":            {may: []string{"api/content"}},
	"api/admin":             {may: []string{"api/lifecycle", "api/auth", "api/content", "moderation/...", "search/..."}},
	"api/upload":            {may: []string{"api/content"}},
	"api/widget":            {may: []string{"api/lifecycle", "api/auth", "api/content"}},
	"api": {may: []string{
		"api/admin", "api/auth", "api/content", "api/ledger", "api/lifecycle", "api/notify", "api/shelf", "api/upload", "api/widget",
		"moderation/...", "media/...", "search/...",
	}},
	"cmd/candor": {may: []string{"", "api/...", "moderation/...", "media/...", "search/..."}},
}

// third is a library that only some rooms may know.
type third struct {
	prefix string
	// in lists rooms (below them too), or single files.
	in []string
}

var thirds = []third{
	// HTTP is the business of the rooms that answer it.
	{"github.com/gin-gonic/", []string{"api", "api/admin", "api/widget"}},
	{"github.com/blevesearch/", []string{"search"}},
	// BSON is the form of the ledger's documents: the ledger and its engines
	// write it; the export and the copy of a ledger hand documents on as they
	// are, without knowing what is in them.
	{"go.mongodb.org/mongo-driver/v2/bson", []string{
		"api/ledger", "api/ledger/bolt", "api/ledger/mongo", "api/ledger/ledgertest", "api/lifecycle/export.go", "api/lifecycle/restore.go", "cmd/candor",
	}},
	{"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore", []string{"api/ledger"}},
	// The driver itself, which speaks to a server, is for one engine.
	{"go.mongodb.org/", []string{"api/ledger/mongo"}},
	// tusd speaks the protocol of resumable uploads.
	{"github.com/tus/", []string{"api/upload"}},
	// bbolt is an engine of the ledger; Bleve keeps the list of its segments in
	// it too, which search verifies.
	{"go.etcd.io/bbolt", []string{"api/ledger/bolt", "search"}},
}

// imported is one import of one file, both as paths inside the project or, for
// imports from elsewhere, as written.
type imported struct{ file, path string }

// roomOf is the room that a folder belongs to.
func roomOf(dir string) (string, bool) {
	for {
		if _, ok := rooms[dir]; ok {
			return dir, true
		}
		if dir == "" || !strings.Contains(dir, "/") {
			return "", false
		}
		dir = path.Dir(dir)
	}
}

// forbidden says which imports the design does not allow.
func forbidden(imports []imported) (wrong []string) {
	for _, i := range imports {
		if why := verdict(i); why != "" {
			wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", i.file, i.path, why))
		}
	}
	return wrong
}

func verdict(i imported) string {
	dir := path.Dir(i.file)
	if dir == "." {
		dir = ""
	}
	from, ok := roomOf(dir)
	if !ok {
		return "the folder is no room of the design"
	}
	test := strings.HasSuffix(i.file, "_test.go")
	local, ours := inModule(i.path)
	if !ours {
		if test && !rooms[from].leaf {
			return "" // tests may compare with what they like
		}
		return foreign(i, from, test)
	}
	if strings.HasPrefix(local, "cmd/") {
		return "nothing imports the commands"
	}
	to, ok := roomOf(local)
	switch {
	case !ok:
		return "what it imports is no room of the design"
	case to == from, test && !rooms[from].leaf:
		return ""
	}
	for _, may := range rooms[from].may {
		if below, all := strings.CutSuffix(may, "/..."); may == local || all && (local == below || strings.HasPrefix(local, below+"/")) {
			return ""
		}
	}
	return "no arrow leads there"
}

// foreign judges an import of another module: the first library that it matches
// decides.
func foreign(i imported, from string, test bool) string {
	for _, t := range thirds {
		if !strings.HasPrefix(i.path, t.prefix) {
			continue
		}
		if slices.Contains(t.in, from) || slices.Contains(t.in, i.file) {
			return ""
		}
		return "only " + strings.Join(t.in, ", ") + " may know it"
	}
	first, _, _ := strings.Cut(i.path, "/")
	if (from == "api/content" || from == "") && !test && strings.Contains(first, ".") {
		return "only the standard library is allowed here"
	}
	return ""
}

func inModule(importPath string) (local string, ours bool) {
	if importPath == module {
		return "", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// importsOf reads the imports of every Go file below a folder, whatever its
// build constraints.
func importsOf(t *testing.T, root string) []imported {
	t.Helper()
	var out []imported
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && file != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			out = append(out, imported{filepath.ToSlash(rel), p})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// projectRoot is the folder of go.mod.
func projectRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

func TestArrows(t *testing.T) {
	t.Parallel()
	imports := importsOf(t, projectRoot(t))
	for _, wrong := range forbidden(imports) {
		t.Error(wrong)
	}
	seen := map[string]bool{}
	for _, i := range imports {
		if name, ok := roomOf(path.Dir(i.file)); ok {
			seen[name] = true
		}
	}
	// Rooms that later work fills may be empty; these are not.
	for _, name := range []string{"moderation", "search", "api", "api/content", "api/ledger/bolt", "api/lifecycle", "cmd/candor"} {
		if !seen[name] {
			t.Errorf("no file of %s was read; rooms seen: %v", name, slices.Sorted(maps.Keys(seen)))
		}
	}
}

// TestArrowsAreGuarded plants arrows and sees them found.
func TestArrowsAreGuarded(t *testing.T) {
	t.Parallel()
	const gin, bleve = "github.com/gin-gonic/gin", "github.com/blevesearch/bleve/v2"
	const bson, driver = "go.mongodb.org/mongo-driver/v2/bson", "go.mongodb.org/mongo-driver/v2/mongo"
	for _, c := range []struct {
		file, imports string
		allowed       bool
	}{
		{"api/server.go", gin, true},
		{"api/lifecycle/submit.go", gin, false},
		{"search/index.go", gin, false},
		{"search/analysis/hindi.go", bleve, true},
		{"search/index_test.go", bleve, true},
		{"api/lifecycle/bridge_search.go", bleve, false},
		{"api/ledger/table.go", bson, true},
		{"api/lifecycle/export.go", bson, true},
		{"api/lifecycle/submit.go", bson, false},
		{"moderation/queue.go", bson, false},
		{"api/ledger/mongo/mongo.go", driver, true},
		{"api/ledger/bolt/bolt.go", driver, false},
		{"cmd/candor/node.go", driver, false},
		{"moderation/queue.go", module + "/search", false},
		{"moderation/queue_test.go", module + "/search", false},
		{"moderation/rules/rules.go", module + "/moderation", true},
		{"search/index.go", module + "/api/content", false},
		{"media/photo.go", module + "/moderation", false},
		{"api/content/content.go", "github.com/google/uuid", false},
		{"api/content/content.go", "time", true},
		{"api/content/content_test.go", "pgregory.net/rapid", true},
		{"api/shelf/load.go", module + "/api/content", true},
		{"api/shelf/load.go", module + "/api/ledger", false},
		{"api/lifecycle/submit.go", module + "/api/ledger", true},
		{"api/lifecycle/submit.go", module + "/api/ledger/bolt", false},
		{"api/lifecycle/submit_test.go", module + "/api/ledger/bolt", true},
		{"api/lifecycle/submit.go", module + "/search/language", true},
		{"api/lifecycle/submit.go", module + "/api/auth", false},
		{"api/server.go", module + "/api/ledger/bolt", false},
		{"api/admin/admin.go", module + "/api/ledger", false},
		{"api/server.go", module + "/cmd/candor", false},
		{"cmd/candor/node.go", module + "/api/ledger/mongo", true},
		{"api/upload/tus.go", "github.com/tus/tusd/v2/pkg/handler", true},
		{"api/server.go", "github.com/tus/tusd/v2/pkg/handler", false},
		{"api/server.go", module + "/api/upload", true},
		{"api/upload/upload.go", module + "/api/content", true},
		{"api/upload/upload.go", module + "/api/lifecycle", false},
		{"openapi.go", module + "/api", false},
		{"internal/util/util.go", "strings", false},
		{"api/lifecycle/submit.go", module + "/internal/util", false},
	} {
		wrong := forbidden([]imported{{c.file, c.imports}})
		if (len(wrong) == 0) != c.allowed {
			t.Errorf("%s imports %s: allowed %t, want %t", c.file, c.imports, !c.allowed, c.allowed)
		}
	}
}

// TestArrowsAreRead plants a forbidden arrow in a file.
func TestArrowsAreRead(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "moderation")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	source := "//go:build windows\n\npackage moderation\n\nimport _ \"" + module + "/api/lifecycle\"\n"
	if err := os.WriteFile(filepath.Join(dir, "odd.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if wrong := forbidden(importsOf(t, root)); len(wrong) != 1 {
		t.Fatalf("found %q, want the one planted arrow", wrong)
	}
}
