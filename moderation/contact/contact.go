// Package contact finds personal data and addresses in a text: telephone
// numbers by region, e-mail addresses, payment cards, IBANs and links. It
// looks at the original runes, so its spans need no map, and it knows nothing
// of scores or verdicts.
package contact

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/candor-ugc/candor/moderation/textnorm"
)

// Kinds of findings.
const (
	Phone = "phone"
	Email = "email"
	Card  = "card"
	IBAN  = "iban"
	URL   = "url"
)

// Finding is one place in the text, in runes, End exclusive. Host is the host
// name of a link, lower case; Obfuscated says that it was written around
// ("example dot com").
type Finding struct {
	Kind       string
	Start, End int
	Host       string
	Obfuscated bool
}

// Options of a scan.
type Options struct {
	// Regions whose telephone numbers to look for, ISO 3166-1 alpha-2.
	Regions []string
	// Own domains; links to them and their subdomains are not reported.
	Own []string
}

// MaxFindings bounds the findings of one text.
const MaxFindings = 50

// Scan finds everything in the text, ordered by start, without overlaps.
func Scan(runes []rune, opt Options) []Finding {
	s := scanner{runes: runes, opt: opt}
	digits := 0
	for i, r := range runes {
		switch r {
		case '@', '＠':
			s.email(i)
		case '.', '．', '。':
			s.dot(i)
		case ':':
			s.scheme(i)
		default:
			if _, ok := textnorm.Digit(r); ok {
				digits++
			}
		}
	}
	if digits >= minPhoneDigits {
		s.numbers()
	}
	s.spelled()
	return s.result()
}

type scanner struct {
	runes []rune
	opt   Options
	found []Finding
}

func (s *scanner) add(f Finding) {
	if len(s.found) < 4*MaxFindings {
		s.found = append(s.found, f)
	}
}

// rankOf says which of two overlapping findings stays.
var rankOf = map[string]int{IBAN: 0, Card: 1, Email: 2, URL: 3, Phone: 4}

func (s *scanner) result() []Finding {
	if len(s.found) < 2 {
		return s.found
	}
	slices.SortStableFunc(s.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rankOf[a.Kind], rankOf[b.Kind]), cmp.Compare(b.End-b.Start, a.End-a.Start))
	})
	var kept []Finding
	for _, f := range s.found {
		if len(kept) < MaxFindings && !slices.ContainsFunc(kept, func(k Finding) bool { return f.Start < k.End && k.Start < f.End }) {
			kept = append(kept, f)
		}
	}
	slices.SortFunc(kept, func(a, b Finding) int { return cmp.Compare(a.Start, b.Start) })
	return kept
}

func isLocal(r rune) bool {
	return textnorm.ASCIILetter(r) != 0 || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-' || r == '+' || r == '%'
}

func isHost(r rune) bool {
	if textnorm.ASCIILetter(r) != 0 || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '．' || r == '。' {
		return true
	}
	return r > 0x80 && isLetter(r)
}

// host reads the longest host name from i on and gives its end.
func (s *scanner) host(i int) (string, int) {
	var b strings.Builder
	j := i
	for j < len(s.runes) && isHost(s.runes[j]) && j-i < 253 {
		r := s.runes[j]
		switch {
		case r == '．' || r == '。':
			r = '.'
		case textnorm.ASCIILetter(r) != 0:
			r = rune(textnorm.ASCIILetter(r))
		}
		b.WriteRune(r)
		j++
	}
	h := b.String()
	for strings.HasSuffix(h, ".") || strings.HasSuffix(h, "-") {
		h = h[:len(h)-1]
		j--
	}
	return h, j
}

func (s *scanner) email(at int) {
	start := at
	for start > 0 && at-start < 64 && isLocal(s.runes[start-1]) {
		start--
	}
	for start < at && s.runes[start] == '.' {
		start++
	}
	host, end := s.host(at + 1)
	if start == at || !knownSuffix(host) {
		return
	}
	s.add(Finding{Kind: Email, Start: start, End: end, Host: host})
}

// scheme finds "http://" and the like; the colon is at i.
func (s *scanner) scheme(i int) {
	if i+3 >= len(s.runes) || s.runes[i+1] != '/' || s.runes[i+2] != '/' {
		return
	}
	start := i
	for start > 0 && i-start < 12 && textnorm.ASCIILetter(s.runes[start-1]) != 0 {
		start--
	}
	if start == i {
		return
	}
	from := i + 3
	host, end := s.host(from)
	if host == "" {
		return
	}
	s.link(start, s.path(end), host, false)
}

// dot finds host names without a scheme around the dot at i.
func (s *scanner) dot(i int) {
	if i == 0 || i+1 >= len(s.runes) || !isHost(s.runes[i-1]) || !isHost(s.runes[i+1]) {
		return
	}
	start := i
	for start > 0 && i-start < 253 && isHost(s.runes[start-1]) {
		start--
	}
	if start > 0 && (s.runes[start-1] == '@' || s.runes[start-1] == '/' || s.runes[start-1] == '＠') {
		return // an address or a part of a link already seen
	}
	if n := len(s.found); n > 0 && s.found[n-1].Kind == URL && s.found[n-1].Start <= start && start < s.found[n-1].End {
		return
	}
	host, end := s.host(start)
	tail := s.path(end)
	if !strings.HasPrefix(host, "www.") && (!bareHost(host, tail > end) || s.sentence(i, tail > end)) {
		return
	}
	s.link(start, tail, host, false)
}

// sentence: small letter, full stop, capital letter is a forgotten blank.
func (s *scanner) sentence(dot int, withPath bool) bool {
	return !withPath && unicode.IsLower(s.runes[dot-1]) && unicode.IsUpper(s.runes[dot+1])
}

// path gives the end of what follows a host: port, path, query.
func (s *scanner) path(i int) int {
	if i >= len(s.runes) || s.runes[i] != '/' && s.runes[i] != ':' && s.runes[i] != '?' {
		return i
	}
	j := i
	for j < len(s.runes) && s.runes[j] > ' ' && j-i < 2000 && !strings.ContainsRune("<>\"'()[]{}«»", s.runes[j]) {
		j++
	}
	for j > i && strings.ContainsRune(".,;:!?/", s.runes[j-1]) {
		j--
	}
	return j
}

func (s *scanner) link(start, end int, host string, obfuscated bool) {
	for _, own := range s.opt.Own {
		own = strings.ToLower(own)
		if own != "" && (host == own || strings.HasSuffix(host, "."+own)) {
			return
		}
	}
	s.add(Finding{Kind: URL, Start: start, End: end, Host: host, Obfuscated: obfuscated})
}
