package admin

import (
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/moderation"
)

var (
	placeholder = regexp.MustCompile(`\{[a-z]+\}`)
	named       = regexp.MustCompile(`(?:\.T|words\.T|page|Name: v\.words\.T)[ (]"([a-z][A-Za-z0-9_.]*[a-zA-Z0-9])"`)
	quotedKey   = regexp.MustCompile(`"((?:error|signin|settings|rules|js|statistics)\.[A-Za-z.]*[A-Za-z])"`)
)

func readTexts(t *testing.T, language string) map[string]string {
	t.Helper()
	b, err := textFiles.ReadFile("i18n/" + language + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("%s: %v", language, err)
	}
	return m
}

func TestEveryTextInEveryLanguage(t *testing.T) {
	t.Parallel()
	english := readTexts(t, "en")
	for _, language := range languages() {
		words := readTexts(t, language)
		same := 0
		for key, text := range english {
			other, ok := words[key]
			if !ok || strings.TrimSpace(other) == "" {
				t.Errorf("%s lacks %q", language, key)
				continue
			}
			if other == text {
				same++
			}
			if want, got := placeholders(text), placeholders(other); !slices.Equal(want, got) {
				t.Errorf("%s: %q has %v, English %v", language, key, got, want)
			}
		}
		for key := range words {
			if _, ok := english[key]; !ok {
				t.Errorf("%s has %q, which English lacks", language, key)
			}
		}
		if language != "en" && same > len(english)/10 {
			t.Errorf("%s: %d of %d texts are the English ones", language, same, len(english))
		}
	}
}

func placeholders(s string) []string {
	list := placeholder.FindAllString(s, -1)
	slices.Sort(list)
	return list
}

func TestEveryNamedTextExists(t *testing.T) {
	t.Parallel()
	english := readTexts(t, "en")
	need := func(key, where string) {
		if _, ok := english[key]; !ok {
			t.Errorf("%s names %q, which is no text", where, key)
		}
	}
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		source := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
		if err != nil || d.IsDir() || !source && !strings.HasSuffix(path, ".html") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range append(named.FindAllSubmatch(b, -1), quotedKey.FindAllSubmatch(b, -1)...) {
			need(string(m[1]), path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range content.Kinds() {
		need("kind."+string(k), "content.Kinds")
	}
	for _, s := range content.States() {
		need("state."+string(s), "content.States")
	}
	for _, s := range signalCodes {
		need("signal."+s, "the signals")
	}
	for _, s := range severities {
		need("severity."+s, "the severities")
	}
	for _, s := range content.ReportReasons() {
		need("report."+s, "the reports")
	}
	for _, s := range ruleActions {
		need("rules.action."+s, "the rules")
	}
	for _, s := range scriptTexts {
		need(s, "the script")
	}
	for _, a := range []string{"approve", "reject", "request_changes", "remove", "restore", "uphold"} {
		need("action."+a, "the actions")
	}
	var script []byte
	for _, name := range served["admin.js"] {
		part, err := os.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		script = append(script, part...)
	}
	for _, m := range regexp.MustCompile(`say\("(\w+)"`).FindAllSubmatch(script, -1) {
		if !slices.Contains(scriptTexts, "js."+string(m[1])) {
			t.Errorf("the script says %q and is not given it", m[1])
		}
	}
}

func TestTimesAndNumbers(t *testing.T) {
	t.Parallel()
	all, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		language string
		ago      time.Duration
		want     string
	}{
		{"en", 5 * time.Second, "just now"},
		{"en", 5 * time.Minute, "5 min ago"},
		{"en", 30 * time.Hour, "30 h ago"},
		{"en", 6 * 24 * time.Hour, "6 d ago"},
		{"en", 8 * 24 * time.Hour, "2026-05-02"},
		{"fa", 8 * 24 * time.Hour, "۲۰۲۶-۰۵-۰۲"},
		{"fa", 5 * time.Minute, "۵ دقیقه پیش"},
	} {
		if got := all.byLang[c.language].moment(now.Add(-c.ago), now).Text; got != c.want {
			t.Errorf("%s, %s ago: %q, want %q", c.language, c.ago, got, c.want)
		}
	}
	if got := all.byLang["nb"].Language("fa"); got != "persisk" {
		t.Errorf("Persian in Norwegian is %q", got)
	}
	for header, want := range map[string]string{"": "en", "tr-TR,tr;q=0.9": "tr", "fr": "en", "tl": "fil", "no": "nb", "fa-AF": "fa", strings.Repeat("x", 5000): "en"} {
		if got := all.choose("", header).Lang; got != want {
			t.Errorf("%.20q chooses %s, want %s", header, got, want)
		}
	}
}

func TestPieces(t *testing.T) {
	t.Parallel()
	text := "نصف قیمت در @kanal و call 123 now, dear friends of the kettle"
	runes := []rune(text)
	at := func(part string) (int, int) {
		i := strings.Index(text, part)
		start := len([]rune(text[:i]))
		return start, start + len([]rune(part))
	}
	signal := func(part, severity string) moderation.Signal {
		start, end := at(part)
		return moderation.Signal{Field: "body", Start: start, End: end, Severity: severity}
	}
	list := []moderation.Signal{
		signal("call 123", moderation.SeverityHigh), signal("123 now", moderation.SeverityLow), signal("@kanal", moderation.SeverityMedium),
		{Field: "body", Start: 0, End: len(runes), Severity: moderation.SeverityLow},
		{Field: "body", Start: 5, End: 5000},
		{Field: "body", Start: -1, End: 3},
		{Field: "title", Start: 0, End: 4},
		{Field: "body", Start: 9, End: 3},
	}
	var joined strings.Builder
	marks := map[string][]int{}
	for _, p := range pieces(text, "body", list) {
		joined.WriteString(p.Text)
		if len(p.Numbers) > 0 {
			marks[p.Text] = p.Numbers
		}
	}
	if joined.String() != text {
		t.Errorf("the pieces make %q", joined.String())
	}
	for part, want := range map[string][]int{"call ": {1}, "123": {1, 2}, " now": {2}, "@kanal": {3}} {
		if !slices.Equal(marks[part], want) {
			t.Errorf("%q is marked %v, want %v", part, marks[part], want)
		}
	}
	if len(marks) != 4 {
		t.Errorf("marked are %v", marks)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word and ", 60)
	for _, c := range []struct{ before, after, want string }{
		{"one two three", "one 2 three", "one [-two-]{+2+} three"},
		{"", "new", "{+new+}"},
		{"old", "", "[-old-]"},
		{"same", "same", "same"},
		{"کتری خوب است", "کتری بد است", "کتری [-خوب-]{+بد+} است"},
		{"می‌آورد زود", "می‌آورد دیر", "می‌آورد [-زود-]{+دیر+}"},
	} {
		if got := flat(compare(c.before, c.after)); got != c.want {
			t.Errorf("%q to %q: %s, want %s", c.before, c.after, got, c.want)
		}
	}
	if got := flat(compare(long+"end", long+"finish")); len(got) > 300 || !strings.Contains(got, "…") || !strings.HasSuffix(got, "[-end-]{+finish+}") {
		t.Errorf("a long text shows more than the difference: %s", got)
	}
}

func flat(list []change) string {
	var b strings.Builder
	for _, c := range list {
		switch c.Kind {
		case "gone":
			b.WriteString("[-" + c.Text + "-]")
		case "new":
			b.WriteString("{+" + c.Text + "+}")
		default:
			b.WriteString(c.Text)
		}
	}
	return b.String()
}

func FuzzCompare(f *testing.F) {
	f.Add("one two three", "one 2 three")
	f.Add("", "x")
	f.Add("a\x80b", "می‌آورد")
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before)+len(after) > 4000 {
			return // longer than any text that is compared
		}
		var was, is strings.Builder
		for _, c := range compare(before, after) {
			switch c.Kind {
			case "skip":
				return // the parts that are left out cannot be put together again
			case "gone":
				was.WriteString(c.Text)
			case "new":
				is.WriteString(c.Text)
			default:
				was.WriteString(c.Text)
				is.WriteString(c.Text)
			}
		}
		if was.String() != before || is.String() != after {
			t.Errorf("%q to %q became %q to %q", before, after, was.String(), is.String())
		}
	})
}
