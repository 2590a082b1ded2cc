package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
)

// sampleLines is how many lines of each file of real reviews the tests take;
// CANDOR_TEST_ALL=1 takes all.
func sampleLines() int {
	switch {
	case os.Getenv("CANDOR_TEST_ALL") != "":
		return math.MaxInt
	case testing.Short() || raceDetector:
		return 150
	}
	return 500
}

// sampleFiles copies the first lines of files into the test's own folder.
func sampleFiles(t *testing.T, files []string, lines int) []string {
	t.Helper()
	dir := t.TempDir()
	out := make([]string, len(files))
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var part bytes.Buffer
		for n, line := range bytes.SplitAfter(b, []byte("\n")) {
			if n >= lines {
				break
			}
			part.Write(line)
		}
		out[i] = filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(out[i], part.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// sums is what a product's contents add up to.
type sums struct {
	Count, Rated       int
	Average            float64
	Histogram          [5]int
	Questions, Answers int
	stars              int
	languages          map[string]int
}

// realRow is a line of the real files as their own documentation describes it.
type realRow struct {
	Product struct{ ID, Name string }
	Rating  *int

	Title, Body, Question, Language string

	Answers []struct{ Body string }
}

// counted is what the files hold, counted from their lines alone.
type counted struct {
	contents int
	products map[string]*sums
	texts    []string
}

func count(t *testing.T, files []string) *counted {
	t.Helper()
	c := &counted{products: map[string]*sums{}}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var row realRow
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				t.Fatal(err)
			}
			c.add(row)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return c
}

func (c *counted) add(row realRow) {
	s := c.products[row.Product.ID]
	if s == nil {
		s = &sums{languages: map[string]int{}}
		c.products[row.Product.ID] = s
	}
	c.contents += 1 + len(row.Answers)
	c.texts = append(c.texts, row.Title+"\n"+row.Body+row.Question+"\n"+row.Product.Name)
	for _, a := range row.Answers {
		c.texts = append(c.texts, a.Body+"\n"+row.Product.Name)
	}
	if row.Question != "" {
		s.Questions++
		s.Answers += len(row.Answers)
		return
	}
	s.Count++
	s.languages[row.Language]++
	if row.Rating != nil {
		s.Rated++
		s.stars += *row.Rating
		s.Histogram[*row.Rating-1]++
		s.Average = float64(s.stars) / float64(s.Rated)
	}
}

// TestRealImport takes in real reviews and questions and holds listings,
// summaries and searches against totals counted from the files.
func TestRealImport(t *testing.T) {
	t.Parallel()
	reviews, questions := realFiles(t)
	files := sampleFiles(t, append(reviews, questions...), sampleLines())
	want := count(t, files)
	data := newData(t)
	args := append([]string{"import", "--data", data, "--site", "shop", "--state", "approved"}, files...)

	first := command(t, args...).must(t)
	if prefix := fmt.Sprintf("added %d, there already 0, rejected 0,", want.contents); !strings.HasPrefix(first.out, prefix) {
		t.Errorf("import: %q, want %q\n%s", first.out, prefix, first.errs)
	}
	second := command(t, args...).must(t)
	if prefix := fmt.Sprintf("added 0, there already %d, rejected 0,", want.contents); !strings.HasPrefix(second.out, prefix) {
		t.Errorf("second import: %q, want %q", second.out, prefix)
	}

	base, stop := serveHere(t, data)
	c := newClient(t, base, "")
	for id, s := range want.products {
		compareSums(t, c, id, s)
	}
	for _, w := range []struct{ query, pattern string }{
		{"cashmere", `cashmere`},
		{"corduroy", `corduroys?`},
		{"chambray", `chambray`},
		{"waterproof", `waterproof`},
		{"velcro", `velcro`},
		{"هندزفری", `هندزفری`},
		{"हेडफोन", `हेडफ़ोन|हेडफोन|हेडफ़ोन`},
	} {
		word := regexp.MustCompile(`(?i)(^|[^\pL\pM\pN])(` + w.pattern + `)($|[^\pL\pM\pN])`)
		n := 0
		for _, text := range want.texts {
			if word.MatchString(text) {
				n++
			}
		}
		if n == 0 {
			continue // what is like the word is looked for then
		}
		if got := get[listed](t, c, "/search?q="+url.QueryEscape(w.query)).Total; got != n {
			t.Errorf("search for %s finds %d, the files hold %d", w.query, got, n)
		}
	}
	stop()
	command(t, "check", "--data", data).must(t)
}

func compareSums(t *testing.T, c client, product string, want *sums) {
	t.Helper()
	path := "/products/" + url.PathEscape(product)
	got := get[sums](t, c, path+"/summary")
	if math.Abs(got.Average-want.Average) > 0.005 {
		t.Errorf("%s: average %v, the files give %v", product, got.Average, want.Average)
	}
	if got.Count != want.Count || got.Rated != want.Rated || got.Histogram != want.Histogram ||
		got.Questions != want.Questions || got.Answers != want.Answers {
		t.Errorf("%s: %+v, the files give %+v", product, got, *want)
	}
	page := get[listed](t, c, path+"/reviews")
	if page.Total != want.Count {
		t.Errorf("%s: %d reviews listed, the files hold %d", product, page.Total, want.Count)
	}
	for language, n := range want.languages {
		if page.Facets.Language[language] != n {
			t.Errorf("%s: facet %s is %d, the files hold %d", product, language, page.Facets.Language[language], n)
		}
	}
	for i, n := range want.Histogram {
		if star := string(rune('1' + i)); page.Facets.Rating[star] != n {
			t.Errorf("%s: facet %s stars is %d, the files hold %d", product, star, page.Facets.Rating[star], n)
		}
	}
	if want.Questions > 0 {
		if n := get[listed](t, c, path+"/questions").Total; n != want.Questions {
			t.Errorf("%s: %d questions listed, the files hold %d", product, n, want.Questions)
		}
	}
}

// TestRealBulk takes real reviews in as pending and approves them in bulk.
func TestRealBulk(t *testing.T) {
	t.Parallel()
	reviews, questions := realFiles(t)
	files := sampleFiles(t, append(reviews, questions...), min(sampleLines()/5, 500))
	want := count(t, files)
	data := newData(t)
	base, stop := serveHere(t, data)
	admin := newClient(t, base, tokenOf(t, data, "root", content.Admin))
	args := []string{"import", "--site", "shop", "--url", base, "--token", admin.token}
	first := command(t, append(args, files...)...).must(t)
	if prefix := fmt.Sprintf("added %d, there already 0, rejected 0,", want.contents); !strings.HasPrefix(first.out, prefix) {
		t.Fatalf("import: %q, want %q\n%s", first.out, prefix, first.errs)
	}
	stranger := admin.as("")
	for id := range want.products {
		if page := get[listed](t, stranger, "/products/"+url.PathEscape(id)+"/reviews"); page.Total != 0 {
			t.Fatalf("%s lists %d pending reviews", id, page.Total)
		}
	}
	if n := get[listed](t, stranger, "/search?q=cashmere").Total; n != 0 {
		t.Errorf("search shows strangers %d pending contents", n)
	}
	if n := approveAll(t, admin); n != want.contents {
		t.Errorf("%d contents waited, want %d", n, want.contents)
	}
	for id, s := range want.products {
		compareSums(t, stranger, id, s)
	}
	stop()
	command(t, "check", "--data", data).must(t)
}

// approveAll approves what waits, a page at a time, until nothing does.
func approveAll(t *testing.T, c client) (approved int) {
	t.Helper()
	for {
		queue := get[struct {
			Items []struct{ Content item }
		}](t, c, "/moderation/queue?limit=100")
		if len(queue.Items) == 0 {
			return approved
		}
		type target struct {
			ID  string `json:"id"`
			Rev int64  `json:"rev"`
		}
		items := make([]target, len(queue.Items))
		for i, it := range queue.Items {
			items[i] = target{it.Content.ID, it.Content.Rev}
		}
		done := send[struct {
			Done, Failed int
			Results      []json.RawMessage
		}](t, c, http.MethodPost, "/moderation/decisions", map[string]any{"action": "approve", "items": items}, http.StatusOK)
		if done.Failed != 0 {
			t.Fatalf("%d of %d decisions failed: %.2000s", done.Failed, len(items), done.Results)
		}
		approved += done.Done
	}
}

// TestImportRejects mixes good lines with bad ones: the bad are told with file,
// line and reason, the good are taken in.
func TestImportRejects(t *testing.T) {
	t.Parallel()
	lines := []struct{ line, reason string }{
		{`{"product":{"id":"a"},"rating":5,"body":"Good."}`, ""},
		{`not json`, "not a JSON object"},
		{`{"product":{"id":"a"},"rating":6,"body":"Six."}`, "rating: must be a whole number from 1 to 5"},
		{`{"product":{"id":"a"},"rating":"5","body":"Text."}`, "rating: must not be string"},
		{`{"rating":5,"body":"Whose?"}`, "product: must not be empty"},
		{`{"product":{"id":"a"},"body":""}`, "body: must not be empty"},
		{`{"product":{"id":"a"},"rating":4,"body":""}`, ""},
		{`{"product":{"id":"a"},"body":"No stars."}`, ""},
		{`{"product":{"id":"a"},"kind":"poem","body":"Roses."}`, `kind: "poem" is no kind of content`},
		{`{"kind":"comment","parent":"nobody","body":"To whom?"}`, `parent: "nobody" was not imported before`},
		{`{"product":{"id":"a"},"rating":5,"body":"x","created_at":"yesterday"}`, "created_at: must be an RFC 3339 time"},
		{`{"product":{"id":"a"},"rating":5,"body":"` + strings.Repeat("long ", 2001) + `"}`, "body: must have at most 10000 characters"},
		{`{"product":{"id":"a"},"rating":3,"body":"Two."} {}`, "something follows the JSON object"},
		{``, ""},
		{`{"product":{"id":"a"},"question":"Why?","answers":[{"body":"So."},{"body":""}]}`, "answers[1]: body: must not be empty"},
		{`{"product":{"id":"a"},"rating":1,"body":"Control\u0000 and \u202e marks."}`, ""},
	}
	file := filepath.Join(t.TempDir(), "mixed.jsonl")
	var text strings.Builder
	var want []string
	good := 0
	for i, l := range lines {
		text.WriteString(l.line)
		if i < len(lines)-1 {
			text.WriteString("\n")
		}
		switch {
		case l.reason != "":
			want = append(want, fmt.Sprintf("mixed.jsonl:%d: %s", i+1, l.reason))
		case l.line != "":
			good++
		}
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(r ran) {
		t.Helper()
		if prefix := fmt.Sprintf("added %d, there already 0, rejected %d,", good, len(want)); !strings.HasPrefix(r.out, prefix) {
			t.Errorf("import: %q, want %q", r.out, prefix)
		}
		told := strings.Split(r.errs, "\n")
		for _, line := range want {
			if !slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, line) }) {
				t.Errorf("not told: %s\n%s", line, r.errs)
			}
		}
	}
	data := newData(t)
	check(command(t, "import", "--data", data, "--site", "shop", "--state", "approved", file).must(t))
	base, _ := serveHere(t, data)
	c := newClient(t, base, tokenOf(t, data, "root", content.Admin))
	if n := get[sums](t, c, "/products/a/summary"); n.Count != good || n.Rated != good-1 {
		t.Errorf("summary %+v, want %d reviews, one without stars", n, good)
	}
	remote := newData(t)
	base, _ = serveHere(t, remote)
	check(command(t, "import", "--site", "shop", "--url", base, "--token", tokenOf(t, remote, "root", content.Admin), file).must(t))
}
