package contact

import (
	"strings"
	"unicode"

	"golang.org/x/net/publicsuffix"

	"github.com/candor-ugc/candor/moderation/textnorm"
)

func isLetter(r rune) bool { return unicode.IsLetter(r) }

// knownSuffix: the host has at least two labels and ends in a suffix of the
// public list.
func knownSuffix(host string) bool {
	if !strings.Contains(host, ".") || strings.Contains(host, "..") || strings.HasPrefix(host, ".") {
		return false
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	return (icann || strings.Contains(suffix, ".")) && suffix != host
}

// wordSuffixes are top-level domains that are also words: "great.it fits" is a
// missing space, not a link.
var wordSuffixes = set("it is so my me in no to be at do am as us by the tr ve de da la le et en el se is ok hi id im are you here one " +
	"now get fun how new red win top day love life live work works cool best free good great sale buy buzz help pink blue black gold " +
	"kim men ps re st vet ne mu su ya ki bu on la lo un al es os ni na sa ng sa pa po ba an si bi mi vi tip link style fit car cars " +
	"shoes clothing fashion pro plus zip mov fail wow yes")

// common are suffixes that nobody writes after a full stop by mistake.
var common = set("com net org info biz shop store online site xyz club io co app tv ly gl gg cc ru cn ir in uk eu fr nl pl pt " +
	"br mx ph no dk fi ch at us ca au jp kr tk ml ga cf vip icu click website space tech blog dev gov edu mobi asia nu ws")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// bareHost decides whether "a.b" without a scheme is a link. A path behind it
// settles the doubt.
func bareHost(host string, withPath bool) bool {
	if !knownSuffix(host) {
		return false
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	name := labels[len(labels)-2]
	if isNumber(last) || len(name) < 2 || isNumber(name) && len(labels) == 2 {
		return false
	}
	if withPath {
		return true
	}
	if common[last] && !wordSuffixes[last] {
		return true
	}
	if wordSuffixes[last] {
		// "shop.example.it" or "example.com.tr" are links, "fine.it" is not.
		return len(labels) > 2 && (common[name] || labels[0] == "www" || labels[0] == "m" || labels[0] == "shop")
	}
	return len(last) == 2 && len(labels) > 2
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// dotWords and atWords are how people write around a filter.
var (
	dotWords   = set("dot nokta punkt point punto prikk tuldok نقطه दाट डॉट")
	atWords    = set("at et chez arroba kuyruklu")
	tlds       = set("com net org info biz shop store ru ir cn")
	mailHosts  = set("gmail hotmail yahoo outlook icloud protonmail yandex mynet")
	maxSpelled = 60
)

// spelled finds "example dot com" and "name at gmail dot com".
func (s *scanner) spelled() {
	w := words{runes: s.runes}
	var prev [5]word // the last words, newest first
	for w.next() {
		copy(prev[1:], prev[:])
		prev[0] = w.cur
		if tlds[string(w.ascii)] && prev[1].end > 0 {
			s.spelledHost(prev)
		}
	}
}

// spelledHost looks at what stands before a top-level domain, the first of prev.
func (s *scanner) spelledHost(prev [5]word) {
	name, at := prev[1], 2
	if dotWords[s.text(prev[1])] {
		name, at = prev[2], 3
	} else if !prev[1].bracketDot(s.runes, prev[0].start) {
		return
	}
	if name.end == 0 || prev[0].end-name.start > maxSpelled {
		return
	}
	if mailHosts[s.text(name)] && at+1 < len(prev) && prev[at+1].end > 0 && atWords[s.text(prev[at])] {
		s.add(Finding{Kind: Email, Start: prev[at+1].start, End: prev[0].end, Obfuscated: true})
		return
	}
	s.link(name.start, prev[0].end, s.text(name)+"."+s.text(prev[0]), true)
}

// word is a place in the text; the zero word is none.
type word struct {
	start, end int
}

const maxWord = 64

// text of a word in small letters, cut where it is too long to matter.
func (s *scanner) text(w word) string {
	return strings.ToLower(plain(s.runes[w.start:min(w.end, w.start+maxWord)]))
}

func plain(runes []rune) string {
	var b strings.Builder
	for _, r := range runes {
		if a := textnorm.ASCIILetter(r); a != 0 {
			r = rune(a)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// bracketDot: between the word and the one that starts at next stands a dot in
// brackets or between spaces: "example[.]com", "example . com".
func (w word) bracketDot(runes []rune, next int) bool {
	if next-w.end < 2 || next-w.end > 5 {
		return false
	}
	dot := false
	for _, r := range runes[w.end:next] {
		switch r {
		case '.':
			if dot {
				return false
			}
			dot = true
		case ' ', '(', ')', '[', ']', '{', '}':
		default:
			return false
		}
	}
	// "Great. In summer" is a sentence end: the space is only behind the dot.
	return dot && runes[w.end] != '.'
}

// words cuts the text into words. ascii is the current one in small ASCII
// letters, empty where it has others or is long: enough to tell a top-level
// domain without making a string of every word.
type words struct {
	runes []rune
	at    int
	cur   word
	ascii []byte
}

func (w *words) next() bool {
	for w.at < len(w.runes) && !isWordRune(w.runes[w.at]) {
		w.at++
	}
	start := w.at
	w.ascii = w.ascii[:0]
	const longest = 8
	whole := true
	for w.at < len(w.runes) && isWordRune(w.runes[w.at]) {
		a := textnorm.ASCIILetter(w.runes[w.at])
		if whole = whole && a != 0 && len(w.ascii) < longest; whole {
			w.ascii = append(w.ascii, a)
		}
		w.at++
	}
	if !whole {
		w.ascii = w.ascii[:0]
	}
	w.cur = word{start: start, end: w.at}
	return start != w.at
}

func isWordRune(r rune) bool {
	if r < 0x80 {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)
}
