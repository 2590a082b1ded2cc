package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/candor-ugc/candor/api/content"
)

// maxJSON bounds a JSON body in bytes: the longest text, every character of it
// escaped, and room around it.
const maxJSON = 256 << 10

// maxJSONDepth bounds how deep a JSON body may nest; request types need four.
const maxJSONDepth = 16

// readBody reads a JSON body whole: errTooLarge, errMediaType.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if mt, _, err := mime.ParseMediaType(ct); err != nil || mt != "application/json" {
			return nil, &detailError{err: errMediaType, text: "must be application/json"}
		}
	}
	b, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return nil, &detailError{err: errTooLarge, text: fmt.Sprintf("at most %d bytes are read", limit)}
	case err != nil:
		return nil, &detailError{err: errBody, text: "the body could not be read to its end"}
	}
	return b, nil
}

// decode reads exactly one JSON object into v. What v does not know is an error
// that names it: fields that the server owns cannot be set from outside.
func decode(b []byte, v any) error {
	if !utf8.Valid(b) {
		return &detailError{err: errUTF8, field: brokenField(b), text: "holds bytes that are not UTF-8"}
	}
	if depth(b) > maxJSONDepth {
		return &detailError{err: errBody, text: fmt.Sprintf("nests deeper than %d", maxJSONDepth)}
	}
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) {
		return &detailError{err: errBody, text: "null is no JSON object"}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return bindError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &detailError{err: errBody, text: "something follows the JSON object"}
	}
	return nil
}

// bindError words an error of encoding/json.
func bindError(err error) error {
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &syntax):
		return &detailError{err: errBody, text: fmt.Sprintf("not JSON at byte %d", syntax.Offset)}
	case errors.As(err, &kind):
		var e content.Invalid
		e.Add(orBody(kind.Field), "invalid_type", "must be %s, not %s", typeName(kind), kind.Value)
		return e
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &detailError{err: errBody, text: "the JSON ends too early"}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if s, err := strconv.Unquote(name); err == nil {
			name = s
		}
		var e content.Invalid
		e.Add(orBody(name), "unknown_field", "is not a field that can be set")
		return e
	}
	return &detailError{err: errBody, text: "the JSON does not have the expected form"}
}

// orBody names the field of an error, shortened where the client made it long.
func orBody(field string) string {
	const most = 100
	switch r := []rune(field); {
	case field == "":
		return "body"
	case len(r) > most:
		return string(r[:most])
	}
	return field
}

func typeName(e *json.UnmarshalTypeError) string {
	switch k := e.Type.Kind().String(); {
	case strings.HasPrefix(k, "int"):
		return "a whole number"
	case strings.HasPrefix(k, "float"):
		return "a number"
	case k == "bool":
		return "true or false"
	case k == "string":
		return "a string"
	case k == "slice":
		return "a list"
	default:
		return "an object"
	}
}

// brokenField names the first field of an object whose bytes are not UTF-8.
func brokenField(b []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(b, &fields) != nil {
		return "body"
	}
	var broken []string
	for name, raw := range fields {
		if !utf8.Valid(raw) {
			broken = append(broken, name)
		}
	}
	if len(broken) == 0 {
		return "body"
	}
	return slices.Min(broken)
}

// depth is how deep brackets nest in JSON text.
func depth(b []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// params reads query parameters and gathers what is wrong with them.
type params struct {
	url.Values
	bad content.Invalid
}

func (p *params) err() error {
	if len(p.bad) == 0 {
		return nil
	}
	return errors.Join(errParameter, p.bad)
}

// maxParam bounds the bytes of one parameter.
const maxParam = 1000

func (p *params) text(name string) string { return p.upTo(name, maxParam) }

func (p *params) upTo(name string, most int) string {
	s := p.Get(name)
	if len(s) > most || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		p.bad.Add(name, "invalid", "must be at most %d bytes of UTF-8 text", most)
		return ""
	}
	return s
}

// limit is 1 to 100, 20 when absent.
func (p *params) limit() int {
	if !p.Has("limit") {
		return 0
	}
	n, err := strconv.Atoi(p.Get("limit"))
	if err != nil || n < 1 || n > 100 {
		p.bad.Add("limit", "out_of_range", "must be a whole number from 1 to 100")
		return 0
	}
	return n
}

// number is a whole number, or what stands for it when absent.
func (p *params) number(name string, absent int) int {
	if !p.Has(name) {
		return absent
	}
	n, err := strconv.Atoi(p.Get(name))
	if err != nil {
		p.bad.Add(name, "invalid", "must be a whole number")
	}
	return n
}

// flag is true or false, nil when absent.
func (p *params) flag(name string) *bool {
	if !p.Has(name) {
		return nil
	}
	switch p.Get(name) {
	case "true", "1":
		v := true
		return &v
	case "false", "0":
		v := false
		return &v
	}
	p.bad.Add(name, "invalid", "must be true or false")
	return nil
}

// maxValues bounds the values of a list in a parameter.
const maxValues = 100

// list splits a comma-separated parameter, at most maxValues of the length of
// ids.
func (p *params) list(name string) []string {
	s := p.upTo(name, maxValues*(content.MaxID+1))
	if s == "" {
		return nil
	}
	out := strings.Split(s, ",")
	if len(out) > maxValues {
		p.bad.Add(name, "too_many", "must have at most %d values", maxValues)
		return nil
	}
	return out
}

// oneOf is one of the given words, "" when absent.
func (p *params) oneOf(name string, words ...string) string {
	s := p.text(name)
	if s != "" && !slices.Contains(words, s) {
		p.bad.Add(name, "invalid", "must be one of %s", strings.Join(words, ", "))
		return ""
	}
	return s
}

// listOf is a list of the given words.
func (p *params) listOf(name string, words ...string) []string {
	out := p.list(name)
	for _, s := range out {
		if !slices.Contains(words, s) {
			p.bad.Add(name, "invalid", "must hold only %s", strings.Join(words, ", "))
			return nil
		}
	}
	return out
}

// stars is a list of ratings from 1 to 5.
func (p *params) stars(name string) []int {
	var out []int
	for _, s := range p.listOf(name, "1", "2", "3", "4", "5") {
		out = append(out, int(s[0]-'0'))
	}
	return out
}

// languages is a list of language tags.
func (p *params) languages(name string) []string {
	out := p.list(name)
	for _, s := range out {
		if !content.ValidLanguage(s) {
			p.bad.Add(name, "invalid", "must hold language tags such as en or tr")
			return nil
		}
	}
	return out
}
