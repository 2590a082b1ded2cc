package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says []string
	}{
		{nil, []string{"serve", "demo", "site create", "site list", "token", "import", "export", "reindex", "copy", "check"}},
		{[]string{"serve"}, []string{"Run the service", "--addr", "CANDOR_ADDR", "--ledger", "--shelf-mb"}},
		{[]string{"demo"}, []string{"sample shop", "--data"}},
		{[]string{"site"}, []string{"create", "list"}},
		{[]string{"site", "create"}, []string{"secret of its own", "<name>"}},
		{[]string{"token"}, []string{"--sub", "--role", "--ttl"}},
		{[]string{"import"}, []string{"JSON Lines", "--state", "--url"}},
		{[]string{"export"}, []string{"--resume", "--out"}},
		{[]string{"copy"}, []string{"--from", "--to"}},
		{[]string{"reindex"}, []string{"indexes anew"}},
		{[]string{"check"}, []string{"--repair"}},
	} {
		t.Run(strings.Join(append([]string{"candor"}, c.args...), " "), func(t *testing.T) {
			t.Parallel()
			r := command(t, append(c.args, "--help")...).must(t)
			for _, s := range c.says {
				if !strings.Contains(r.out, s) {
					t.Errorf("help does not say %q:\n%s", s, r.out)
				}
			}
		})
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	data := newData(t)
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.WriteFile(file, []byte(`{"product":{"id":"p"},"rating":5,"body":"Good."}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing to do":          {nil, exitUsage, "--help"},
		"unknown command":        {[]string{"sevre"}, exitUsage, "sevre"},
		"unknown flag":           {[]string{"serve", "--prot", "1"}, exitUsage, "--prot"},
		"flag without its value": {[]string{"token", "--data", data, "--site"}, exitUsage, "--site"},
		"missing flag":           {[]string{"token", "--data", data, "--site", "shop"}, exitUsage, "--sub"},
		"unknown role":           {[]string{"token", "--data", data, "--site", "shop", "--sub", "a", "--role", "king"}, exitUsage, "king"},
		"unknown state":          {[]string{"import", "--data", data, "--site", "shop", "--state", "removed", file}, exitUsage, "removed"},
		"unknown ledger":         {[]string{"check", "--data", data, "--ledger", "mysql:x"}, exitUsage, "--ledger must be"},
		"odd site name":          {[]string{"site", "create", "My Shop", "--data", data}, exitUsage, "lower-case"},
		"url without a token":    {[]string{"import", "--site", "shop", "--url", "http://127.0.0.1:1", file}, exitUsage, "go together"},
		"resume without a file":  {[]string{"export", "--data", data, "--site", "shop", "--resume"}, exitUsage, "--out"},
		"copy onto itself":       {[]string{"copy", "--from", "bolt:x", "--to", "bolt:x"}, exitUsage, "same ledger"},
		"file that is not there": {[]string{"import", "--data", data, "--site", "shop", file + "x"}, exitUsage, "rows.jsonlx"},
		"unknown site":           {[]string{"token", "--data", data, "--site", "nope", "--sub", "a"}, exitFailed, "candor site create nope"},
		"site made twice":        {[]string{"site", "create", "shop", "--data", data}, exitFailed, "exists already"},
		"nobody at the url":      {[]string{"import", "--site", "shop", "--url", "http://127.0.0.1:1", "--token", "t", file}, exitFailed, "refused"},
		"address in use":         {[]string{"serve", "--data", data, "--addr", "256.0.0.1:1"}, exitFailed, "listen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, c.args...)
			if r.code != c.code || !strings.Contains(r.errs, c.says) {
				t.Errorf("exit status %d, want %d; says %q, want %q in it", r.code, c.code, r.errs, c.says)
			}
		})
	}
}

// TestPrecedence reads the folder from every place that can name one.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"flag", "env", "file"} {
		command(t, "site", "create", "from-"+name, "--data", filepath.Join(dir, name)).must(t)
	}
	file := filepath.Join(dir, "candor.yaml")
	if err := os.WriteFile(file, []byte("data: "+filepath.Join(dir, "file")+"\nlog-level: warn\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"CANDOR_DATA": filepath.Join(dir, "env")}
	config := map[string]string{"CANDOR_CONFIG": file}
	both := map[string]string{"CANDOR_DATA": filepath.Join(dir, "env"), "CANDOR_CONFIG": file}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"file":                      {nil, []string{"--config", file, "site", "list"}, "from-file\n"},
		"file named by environment": {config, []string{"site", "list"}, "from-file\n"},
		"environment over file":     {both, []string{"site", "list"}, "from-env\n"},
		"environment over default":  {env, []string{"site", "list"}, "from-env\n"},
		"flag over environment":     {both, []string{"site", "list", "--data", filepath.Join(dir, "flag")}, "from-flag\n"},
		"flag over file":            {nil, []string{"--config", file, "site", "list", "--data", filepath.Join(dir, "flag")}, "from-flag\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := commandWith(t, c.env, c.args...).must(t); r.out != c.want {
				t.Errorf("listed %q, want %q", r.out, c.want)
			}
		})
	}
}

func TestConfigurationFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"misspelt key":   {"adr: 127.0.0.1:1\n", `unknown key "adr"`},
		"help as a key":  {"help: true\n", `unknown key "help"`},
		"no YAML":        {"a: [1\n", "configuration file"},
		"wrong value":    {"log-level: loud\n", "loud"},
		"wrong duration": {"timeout: soon\n", "soon"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "candor.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			// The port cannot be had: a server must not start by mistake.
			r := command(t, "--config", file, "serve", "--addr", "256.0.0.1:1", "--data", t.TempDir())
			if r.code != exitUsage || !strings.Contains(r.errs, c.says) {
				t.Errorf("exit status %d: %q, want %d and %q in it", r.code, r.errs, exitUsage, c.says)
			}
		})
	}
}

func TestSiteAndToken(t *testing.T) {
	t.Parallel()
	data := newData(t)
	command(t, "site", "create", "annex", "--data", data).must(t)
	if r := command(t, "site", "list", "--data", data).must(t); r.out != "annex\nshop\n" {
		t.Errorf("listed %q", r.out)
	}
	base, _ := serveHere(t, data)
	r := command(t, "token", "--data", data, "--site", "shop", "--sub", "alice", "--role", "moderator").must(t)
	token, rest, _ := strings.Cut(r.out, "\n")
	if strings.Count(token, ".") != 2 || rest != "" || r.errs != "" {
		t.Errorf("printed %q and %q, want a token and nothing else", r.out, r.errs)
	}
	c := newClient(t, base, token)
	if a, err := c.ask(http.MethodGet, "/moderation/queue", nil); err != nil || a.status != http.StatusOK {
		t.Errorf("the token gives %d %v", a.status, err)
	}
	c.base = base + "/v1/sites/annex"
	if a, err := c.ask(http.MethodGet, "/moderation/queue", nil); err != nil || a.status != http.StatusUnauthorized {
		t.Errorf("the token of another site gives %d %v", a.status, err)
	}
}

func TestShortSecretIsRefused(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{"short": strings.Repeat("s", 31), "empty": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := newData(t)
			file := filepath.Join(data, "sites", "shop.json")
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var site map[string]any
			if err := json.Unmarshal(b, &site); err != nil {
				t.Fatal(err)
			}
			site["secret"] = secret
			if b, err = json.Marshal(site); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"serve", "--data", data, "--addr", "127.0.0.1:0"},
				{"token", "--data", data, "--site", "shop", "--sub", "a"},
			} {
				if r := command(t, args...); r.code != exitFailed || !strings.Contains(r.errs, "secret") || r.out != "" {
					t.Errorf("%s: exit status %d, %q", args[0], r.code, r.errs)
				}
			}
		})
	}
}

// TestOneProcess holds a ledger and sees others turned away with a word why.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	data := newData(t)
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.WriteFile(file, []byte(`{"product":{"id":"p"},"rating":5,"body":"Good."}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stop := serveHere(t, data)
	for _, args := range [][]string{
		{"serve", "--addr", "127.0.0.1:0", "--data", data},
		{"check", "--data", data},
		{"reindex", "--data", data},
		{"export", "--data", data, "--site", "shop"},
		{"import", "--data", data, "--site", "shop", file},
	} {
		r := command(t, args...)
		if r.code != exitFailed || !strings.Contains(r.errs, "in use by another process") {
			t.Errorf("%s beside a server: exit status %d, %q", args[0], r.code, r.errs)
		}
		if args[0] == "import" && !strings.Contains(r.errs, "--url") {
			t.Errorf("import does not say what to do: %q", r.errs)
		}
	}
	stop()
	command(t, "check", "--data", data).must(t)
}

// TestStops sees a server that is told to end answer the requests it has.
func TestStops(t *testing.T) {
	t.Parallel()
	data := newData(t)
	p := serveApart(t, built(t), data)
	c := newClient(t, p.url, tokenOf(t, data, "alice", content.Shopper))
	send[item](t, c, http.MethodPost, "/products/lamp/reviews", map[string]any{"rating": 5, "body": "Bright."}, http.StatusCreated)
	p.interrupt(t)
	var levels []string
	for line := range bytes.Lines([]byte(p.log.String())) {
		var entry struct{ Level, Msg string }
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Errorf("a line that is no JSON: %q", line)
		}
		levels = append(levels, entry.Level)
		if entry.Level != "INFO" {
			t.Errorf("logged %s", line)
		}
	}
	if !slices.Contains(levels, "INFO") {
		t.Error("nothing was logged")
	}
	command(t, "check", "--data", data).must(t)
}
