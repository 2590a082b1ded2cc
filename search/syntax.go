package search

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a query's text. A shopper's query is a sentence at most; more is
// an attack or a mistake.
const (
	maxQueryBytes   = 1024
	maxClauses      = 32
	maxPhraseWords  = 16
	minWildcardStem = 2
)

// clause is one part of a parsed query. Its alternatives are joined by OR.
type clause struct {
	any []atom
	not bool
}

// atom is a word, a phrase or a wildcard, in all fields or one.
type atom struct {
	text   string
	field  string // "" all text fields; title, body, product, author
	phrase bool
	wild   bool // holds *
	pos    int
}

// fieldFilter is a field:value that filters instead of matching text.
type fieldFilter struct {
	field, value string
	not          bool
	pos          int
}

type parsed struct {
	clauses []clause
	filters []fieldFilter
}

// textFields are the fields of Fielded that match text, by the name
// moderators type.
var textFields = map[string]bool{"title": true, "body": true, "product": true, "author": true}

// filterFields are the fields of Fielded that filter.
var filterFields = map[string]bool{
	"kind": true, "language": true, "lang": true, "rating": true, "state": true, "reason": true,
	"verified": true, "media": true, "incentivized": true,
}

// parse reads a query's text. Errors are *SyntaxError; Simple gives them for
// size alone.
func parse(text string, syntax Syntax) (parsed, error) {
	if len(text) > maxQueryBytes {
		return parsed{}, &SyntaxError{Pos: maxQueryBytes, Msg: fmt.Sprintf("longer than %d bytes", maxQueryBytes)}
	}
	if i := invalidUTF8(text); i >= 0 {
		return parsed{}, &SyntaxError{Pos: i, Msg: "not UTF-8"}
	}
	p := parser{text: text, fielded: syntax == Fielded}
	for {
		p.space()
		if p.i >= len(p.text) {
			break
		}
		if err := p.clause(); err != nil {
			return parsed{}, err
		}
		if len(p.out.clauses)+len(p.out.filters) > maxClauses {
			return parsed{}, &SyntaxError{Pos: p.i, Msg: fmt.Sprintf("more than %d parts", maxClauses)}
		}
	}
	if p.or {
		return parsed{}, &SyntaxError{Pos: len(text), Msg: "OR needs something after it"}
	}
	return p.out, nil
}

func invalidUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

type parser struct {
	text    string
	i       int
	fielded bool
	or      bool // the next atom is an alternative to the last clause
	out     parsed
}

func (p *parser) space() {
	for p.i < len(p.text) {
		r, size := utf8.DecodeRuneInString(p.text[p.i:])
		if !unicode.IsSpace(r) && !unicode.IsControl(r) {
			return
		}
		p.i += size
	}
}

func (p *parser) clause() error {
	start := p.i
	not := false
	if p.text[p.i] == '-' && (p.i == 0 || spaceBefore(p.text, p.i)) && p.i+1 < len(p.text) && starts(p.text[p.i+1:]) {
		not = true
		p.i++
	}
	field := ""
	if p.fielded {
		var err error
		if field, err = p.field(); err != nil {
			return err
		}
	}
	a, err := p.atom(field)
	if err != nil {
		return err
	}
	a.pos = start
	if p.fielded && !a.phrase && field == "" && a.text == "OR" {
		return p.takeOr(start, not)
	}
	if filterFields[field] {
		if p.or {
			return &SyntaxError{Pos: start, Msg: "OR joins words, not fields"}
		}
		p.out.filters = append(p.out.filters, fieldFilter{field: field, value: a.text, not: not, pos: start})
		return nil
	}
	if a.text == "" {
		return nil
	}
	if p.or {
		if not {
			return &SyntaxError{Pos: start, Msg: "OR cannot be followed by an exclusion"}
		}
		last := &p.out.clauses[len(p.out.clauses)-1]
		last.any = append(last.any, a)
		p.or = false
		return nil
	}
	p.out.clauses = append(p.out.clauses, clause{any: []atom{a}, not: not})
	return nil
}

func (p *parser) takeOr(start int, not bool) error {
	n := len(p.out.clauses)
	if not || p.or || n == 0 || p.out.clauses[n-1].not {
		return &SyntaxError{Pos: start, Msg: "OR needs a word before it"}
	}
	if len(p.out.clauses[n-1].any) >= maxClauses {
		return &SyntaxError{Pos: start, Msg: fmt.Sprintf("more than %d alternatives", maxClauses)}
	}
	p.or = true
	return nil
}

func spaceBefore(s string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return unicode.IsSpace(r)
}

// starts reports whether something that can be excluded begins here.
func starts(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '"' || r == '“' || r == '«' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

// field reads "name:" when a known name stands here. An unknown name before a
// colon is an error, so that a misspelt field does not silently find nothing.
func (p *parser) field() (string, error) {
	j := p.i
	for j < len(p.text) && (p.text[j] >= 'a' && p.text[j] <= 'z' || p.text[j] == '_') {
		j++
	}
	if j == p.i || j >= len(p.text) || p.text[j] != ':' {
		return "", nil
	}
	name := p.text[p.i:j]
	rest := p.text[j+1:]
	if !textFields[name] && !filterFields[name] {
		if rest == "" || strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "//") {
			return "", nil // prose, or an address
		}
		return "", &SyntaxError{Pos: p.i, Msg: fmt.Sprintf("unknown field %q", name)}
	}
	if rest == "" || rest[0] == ' ' {
		return "", &SyntaxError{Pos: j + 1, Msg: fmt.Sprintf("field %q needs a value", name)}
	}
	p.i = j + 1
	return name, nil
}

var quotes = map[rune]rune{'"': '"', '“': '”', '”': '”', '«': '»', '„': '“'}

func (p *parser) atom(field string) (atom, error) {
	r, size := utf8.DecodeRuneInString(p.text[p.i:])
	if closing, ok := quotes[r]; ok {
		if end := strings.IndexFunc(p.text[p.i+size:], func(c rune) bool { return c == closing || c == '"' }); end >= 0 {
			text := p.text[p.i+size : p.i+size+end]
			p.i += size + end
			_, size = utf8.DecodeRuneInString(p.text[p.i:])
			p.i += size
			return atom{text: text, field: field, phrase: true}, nil
		}
		if p.fielded {
			return atom{}, &SyntaxError{Pos: p.i, Msg: "quotation mark is not closed"}
		}
		p.i += size // a shopper still typing: read on without the mark
		return atom{}, nil
	}
	start := p.i
	for p.i < len(p.text) {
		r, size := utf8.DecodeRuneInString(p.text[p.i:])
		if _, quote := quotes[r]; quote || unicode.IsSpace(r) || unicode.IsControl(r) {
			break
		}
		p.i += size
	}
	a := atom{text: p.text[start:p.i], field: field}
	if !p.fielded || filterFields[field] {
		return a, nil
	}
	return p.wildcard(a, start)
}

func (p *parser) wildcard(a atom, start int) (atom, error) {
	star := strings.IndexByte(a.text, '*')
	if star < 0 {
		return a, nil
	}
	if utf8.RuneCountInString(a.text[:star]) < minWildcardStem {
		return a, &SyntaxError{Pos: start, Msg: fmt.Sprintf("* needs %d letters before it", minWildcardStem)}
	}
	if strings.Count(a.text, "*") > 3 {
		return a, &SyntaxError{Pos: start, Msg: "more than 3 * in a word"}
	}
	a.wild = true
	return a, nil
}
