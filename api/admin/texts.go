package admin

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// One file a language; en.json says what keys there are.
//
//go:embed i18n/*.json
var textFiles embed.FS

// languages are those the interface is written in.
func languages() []string { return []string{"en", "tr", "fa", "hi", "nb", "fil"} }

// ownNames are the languages in their own words.
var ownNames = map[string]string{
	"en": "English", "tr": "Türkçe", "fa": "فارسی", "hi": "हिन्दी", "nb": "Norsk bokmål", "fil": "Filipino",
}

// texts are the interface in one language.
type texts struct {
	Lang string
	Dir  string
	words,
	english map[string]string
	numbers *message.Printer
	names   display.Namer
}

// catalogue is the interface in all its languages.
type catalogue struct {
	byLang  map[string]*texts
	matcher language.Matcher
}

func loadTexts() (catalogue, error) {
	c := catalogue{byLang: map[string]*texts{}}
	var tags []language.Tag
	for _, l := range languages() {
		b, err := textFiles.ReadFile("i18n/" + l + ".json")
		if err != nil {
			return c, fmt.Errorf("read texts: %w", err)
		}
		tag := language.Make(l)
		t := &texts{Lang: l, Dir: "ltr", numbers: message.NewPrinter(tag), names: display.Languages(tag)}
		if err := json.Unmarshal(b, &t.words); err != nil {
			return c, fmt.Errorf("read texts of %s: %w", l, err)
		}
		if l == "fa" {
			t.Dir = "rtl"
		}
		c.byLang[l] = t
		t.english = c.byLang["en"].words
		tags = append(tags, tag)
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

// choose gives the chosen language, or the one that the browser's languages
// come closest to.
func (c catalogue) choose(chosen, accept string) *texts {
	if t, ok := c.byLang[chosen]; ok {
		return t
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(accept) > 1000 {
		return c.byLang["en"]
	}
	if _, i, confidence := c.matcher.Match(tags...); confidence > language.No {
		return c.byLang[languages()[i]]
	}
	return c.byLang["en"]
}

// T gives a text. args are names and values in turn, for the {name} in it. A key
// that no file has comes back as it is, which the tests look for.
func (t *texts) T(key string, args ...any) string {
	s, ok := t.words[key]
	if !ok {
		if s, ok = t.english[key]; !ok {
			return key
		}
	}
	for i := 0; i+1 < len(args); i += 2 {
		value := args[i+1]
		if n, ok := value.(int); ok {
			value = t.N(n)
		}
		s = strings.ReplaceAll(s, "{"+fmt.Sprint(args[i])+"}", fmt.Sprint(value))
	}
	return s
}

// Or gives a text, or what stands in for it where there is none: codes that a
// later version may know.
func (t *texts) Or(key, otherwise string) string {
	if _, ok := t.english[key]; !ok {
		return otherwise
	}
	return t.T(key)
}

// N writes a whole number as the language does.
func (t *texts) N(n int) string { return t.numbers.Sprint(number.Decimal(n)) }

// Percent writes a share of 0 to 1.
func (t *texts) Percent(f float64) string {
	return t.numbers.Sprint(number.Percent(f, number.MaxFractionDigits(1)))
}

// Language names a language, and says so where it is not known.
func (t *texts) Language(tag string) string {
	if tag == "" || tag == "und" {
		return t.T("language.unknown")
	}
	parsed, err := language.Parse(tag)
	if err != nil {
		return tag
	}
	if name := t.names.Name(parsed); name != "" {
		return name
	}
	return tag
}

// moment is a time as it is shown: relative up to a week, then the day; exact
// for the pointer that rests on it.
type moment struct{ Text, Exact, ISO string }

func (t *texts) moment(at, now time.Time) moment {
	if at.IsZero() {
		return moment{}
	}
	at = at.UTC()
	return moment{Text: t.ago(at, now), Exact: at.Format("2006-01-02 15:04:05") + " UTC", ISO: at.Format(time.RFC3339)}
}

func (t *texts) ago(at, now time.Time) string {
	d := now.Sub(at)
	switch {
	case d < time.Minute:
		return t.T("time.now")
	case d < 7*24*time.Hour:
		return t.T("time.ago", "span", t.Span(d))
	}
	return t.digits(at.Format("2006-01-02"))
}

// Span writes a stretch of time in its largest unit.
func (t *texts) Span(d time.Duration) string {
	n := func(unit time.Duration) int { return int(math.Floor(float64(d) / float64(unit))) }
	switch {
	case d < time.Hour:
		return t.T("time.minutes", "n", max(n(time.Minute), 0))
	case d < 48*time.Hour:
		return t.T("time.hours", "n", n(time.Hour))
	}
	return t.T("time.days", "n", n(24*time.Hour))
}

// digits writes the digits of s as the language does, where it has its own.
func (t *texts) digits(s string) string {
	if t.Lang != "fa" {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '۰'
		}
		return r
	}, s)
}

// direction tells how a language is written, for boxes that hold nothing yet.
func direction(tag string) string {
	switch base, _, _ := strings.Cut(tag, "-"); base {
	case "ar", "fa", "he", "ur", "ps", "ckb":
		return "rtl"
	}
	return "ltr"
}

// sortedKeys gives the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
