package content

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what an author may write. Lengths are in characters (code points).
const (
	MaxTitle          = 255
	MaxBody           = 10_000
	MaxName           = 80
	MaxMedia          = 10
	MaxCaption        = 300
	MaxAttributes     = 20
	MaxAttributeKey   = 40
	MaxAttributeValue = 200
	MaxRatings        = 10
	MaxNote           = 2_000
	MaxID             = 128
	MaxURL            = 2_000
	MaxDepth          = 6
)

// FieldError says what is wrong with one field, in words for its author. Code
// is stable.
type FieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Invalid is the error for input that breaks a rule of this room: every field
// that does, in order.
type Invalid []FieldError

func (e Invalid) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + ": " + f.Message
	}
	return strings.Join(parts, "; ")
}

// Err is nil when nothing is wrong.
func (e Invalid) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Add notes a broken rule.
func (e *Invalid) Add(field, code, format string, args ...any) {
	*e = append(*e, FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, args...)})
}

var (
	siteName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`)
	// Hindi writes vowels as marks, Persian parts letters with U+200C.
	attribute = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{M}\p{N}\x{200C}\x{200D} _-]*$`)
	region    = regexp.MustCompile(`^[A-Z]{2}$`)
	domain    = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)
	language  = regexp.MustCompile(`^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$`)
)

// ValidSite reports whether s can name a site: lower-case letters, digits and
// hyphens, at most 64.
func ValidSite(s string) bool { return siteName.MatchString(s) }

// ValidLanguage reports whether s looks like a BCP 47 tag.
func ValidLanguage(s string) bool { return len(s) <= 35 && language.MatchString(s) }

// ValidID reports whether s can name a product, a board, a person or a content:
// 1 to 128 bytes of printable text without spaces at the ends, slashes or
// control characters.
func ValidID(s string) bool {
	if s == "" || len(s) > MaxID || !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		return false
	}
	for _, r := range s {
		if r == '/' || !unicode.IsPrint(r) {
			return false
		}
	}
	return s != "." && s != ".."
}

// ValidPerson reports whether s can name a person of a storefront: 1 to 128
// bytes of printable text.
func ValidPerson(s string) bool {
	if s == "" || len(s) > MaxID || !utf8.ValidString(s) || strings.TrimSpace(s) == "" {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// Text checks one text field: valid UTF-8, no control characters but tab and
// line breaks, no characters that turn the writing direction of what follows,
// and a length in characters between lo and hi.
func (e *Invalid) Text(field, s string, lo, hi int) {
	switch n := utf8.RuneCountInString(s); {
	case !utf8.ValidString(s):
		e.Add(field, "invalid_utf8", "must be valid UTF-8")
		return
	case lo > 0 && strings.IndexFunc(s, visible) < 0:
		e.Add(field, "required", "must not be empty")
		return
	case n < lo:
		e.Add(field, "too_short", "must have at least %d characters", lo)
	case n > hi:
		e.Add(field, "too_long", "must have at most %d characters, has %d", hi, n)
	}
	for _, r := range s {
		if forbidden(r) {
			e.Add(field, "invalid_character", "must not contain the character U+%04X", r)
			return
		}
	}
}

// visible reports whether a character shows at all: a text of joiners, fillers
// and blanks alone says nothing.
func visible(r rune) bool {
	switch r {
	case 0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0: // fillers that look like letters to Unicode
		return false
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.In(r, unicode.Cf, unicode.Mn)
}

// forbidden characters either end strings early, or let a text reorder what is
// written around it (Unicode TR 36, bidirectional spoofing). The plain marks
// U+200E, U+200F and the joiners are legitimate in Persian and Hindi.
func forbidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t' || r == '\r':
		return false
	case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return r == 0xFEFF || r >= 0xFFF9 && r <= 0xFFFB
}

// Clean takes forbidden characters out of s. Imports use it: a record of
// another system is mended where an author would be asked.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if forbidden(r) {
			return -1
		}
		return r
	}, s))
}

// Validate checks what an author wrote against the rules of its kind. Imported
// records may lack stars, and text when they have stars.
func (v Version) Validate(k Kind, imported bool) error {
	var e Invalid
	lo := 1
	if imported && k == Review && v.Rating > 0 {
		lo = 0
	}
	titleLo := 0
	if k == Topic {
		titleLo = 1
	}
	switch {
	case k != Review && v.Rating != 0:
		e.Add("rating", "not_allowed", "only reviews have a rating")
	case k == Review && v.Rating == 0 && !imported:
		e.Add("rating", "required", "must be a whole number from 1 to 5")
	case v.Rating < 0 || v.Rating > 5:
		e.Add("rating", "out_of_range", "must be a whole number from 1 to 5")
	}
	if k != Review && len(v.Ratings) > 0 {
		e.Add("ratings", "not_allowed", "only reviews have ratings")
	}
	e.Text("title", v.Title, titleLo, MaxTitle)
	e.Text("body", v.Body, lo, MaxBody)
	if v.Language != "" && !ValidLanguage(v.Language) {
		e.Add("language", "invalid", "must be a language tag such as en or tr")
	}
	e.ratings(v.Ratings)
	e.attributes(v.Attributes)
	e.media(v.Media)
	return e.Err()
}

func (e *Invalid) ratings(m map[string]int) {
	if len(m) > MaxRatings {
		e.Add("ratings", "too_many", "must have at most %d entries", MaxRatings)
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !validKey(k) {
			e.Add("ratings", "invalid_key", "the name %q must be 1 to %d letters, digits, spaces or hyphens", k, MaxAttributeKey)
		}
		if m[k] < 1 || m[k] > 5 {
			e.Add("ratings."+k, "out_of_range", "must be a whole number from 1 to 5")
		}
	}
}

func (e *Invalid) attributes(m map[string]string) {
	if len(m) > MaxAttributes {
		e.Add("attributes", "too_many", "must have at most %d entries", MaxAttributes)
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !validKey(k) {
			e.Add("attributes", "invalid_key", "the name %q must be 1 to %d letters, digits, spaces or hyphens", k, MaxAttributeKey)
			continue
		}
		e.Text("attributes."+k, m[k], 0, MaxAttributeValue)
	}
}

func validKey(k string) bool {
	return utf8.RuneCountInString(k) <= MaxAttributeKey && attribute.MatchString(k)
}

func (e *Invalid) media(list []Media) {
	if len(list) > MaxMedia {
		e.Add("media", "too_many", "must have at most %d items", MaxMedia)
		return
	}
	seen := map[string]bool{}
	for i, m := range list {
		field := fmt.Sprintf("media[%d]", i)
		if !ValidID(m.ID) || seen[m.ID] {
			e.Add(field+".id", "invalid", "must be the id of an uploaded photo or video, named once")
		}
		seen[m.ID] = true
		e.Text(field+".caption", m.Caption, 0, MaxCaption)
		e.Text(field+".alt", m.Alt, 0, MaxCaption)
	}
}

// Validate checks a catalogue entry.
func (p Product) Validate() error {
	var e Invalid
	if !ValidID(p.ID) {
		e.Add("id", "invalid", "must be 1 to %d printable characters without a slash", MaxID)
	}
	e.Text("name", p.Name, 1, MaxTitle)
	e.Text("brand", p.Brand, 0, MaxTitle)
	e.Text("description", p.Description, 0, MaxBody)
	e.webURL("url", p.URL)
	e.webURL("image", p.Image)
	if p.GTIN != "" && !ValidGTIN(p.GTIN) {
		e.Add("gtin", "invalid", "must be 8, 12, 13 or 14 digits with a right check digit")
	}
	if p.Group != "" && !ValidID(p.Group) {
		e.Add("group", "invalid", "must be 1 to %d printable characters without a slash", MaxID)
	}
	return e.Err()
}

// Validate checks a board.
func (b Board) Validate() error {
	var e Invalid
	if !ValidID(b.ID) {
		e.Add("id", "invalid", "must be 1 to %d printable characters without a slash", MaxID)
	}
	e.Text("name", b.Name, 1, MaxTitle)
	e.Text("description", b.Description, 0, MaxNote)
	if b.Language != "" && !ValidLanguage(b.Language) {
		e.Add("language", "invalid", "must be a language tag such as en or tr")
	}
	return e.Err()
}

// Validate checks the settings of a site.
func (s Settings) Validate() error {
	var e Invalid
	if len(s.Languages) == 0 || len(s.Languages) > 30 {
		e.Add("languages", "out_of_range", "must name 1 to 30 languages")
	}
	for i, l := range s.Languages {
		if !ValidLanguage(l) {
			e.Add(fmt.Sprintf("languages[%d]", i), "invalid", "must be a language tag such as en or tr")
		}
	}
	if !(s.PriorMean >= 1 && s.PriorMean <= 5) {
		e.Add("prior_mean", "out_of_range", "must be from 1 to 5")
	}
	if !(s.PriorWeight >= 0 && s.PriorWeight <= 1000) {
		e.Add("prior_weight", "out_of_range", "must be from 0 to 1000")
	}
	if s.ReportsToRequeue < 0 || s.ReportsToRequeue > 1000 {
		e.Add("reports_to_requeue", "out_of_range", "must be from 0 to 1000")
	}
	e.synonyms(s.Synonyms)
	e.each("regions", s.Regions, 30, region, "must be a country code such as NO or TR")
	e.each("domains", s.Domains, 50, domain, "must be a domain such as shop.example")
	return e.Err()
}

// Limits of a site's synonyms.
const (
	maxSynonymGroups = 1000
	maxSynonyms      = 20
	maxSynonym       = 60
)

// each checks a list of words against a pattern.
func (e *Invalid) each(field string, list []string, most int, pattern *regexp.Regexp, message string) {
	if len(list) > most {
		e.Add(field, "too_many", "must have at most %d entries", most)
		return
	}
	for i, s := range list {
		if len(s) > 253 || !pattern.MatchString(s) {
			e.Add(fmt.Sprintf("%s[%d]", field, i), "invalid", "%s", message)
		}
	}
}

func (e *Invalid) synonyms(byLanguage map[string][][]string) {
	groups := 0
	for _, l := range slices.Sorted(maps.Keys(byLanguage)) {
		field := "synonyms." + l
		if !ValidLanguage(l) {
			e.Add(field, "invalid_key", "must be named by a language tag such as en or tr")
			continue
		}
		for i, group := range byLanguage[l] {
			groups++
			at := fmt.Sprintf("%s[%d]", field, i)
			if len(group) < 2 || len(group) > maxSynonyms {
				e.Add(at, "out_of_range", "must hold 2 to %d words", maxSynonyms)
			}
			for _, word := range group {
				e.Text(at, word, 1, maxSynonym)
			}
		}
	}
	if groups > maxSynonymGroups {
		e.Add("synonyms", "too_many", "must have at most %d groups", maxSynonymGroups)
	}
}

func (e *Invalid) webURL(field, s string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > MaxURL || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		e.Add(field, "invalid", "must be an http or https address of at most %d characters", MaxURL)
	}
}

// ValidGTIN checks length and check digit of a GTIN-8, -12, -13 or -14 (GS1
// General Specifications, section 7.9).
func ValidGTIN(s string) bool {
	if n := len(s); n != 8 && n != 12 && n != 13 && n != 14 {
		return false
	}
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			d *= 3
		}
		sum += d
	}
	return sum%10 == 0
}
