package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api"
)

// answer is what came back.
type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   []byte
}

// header is a request header and its value.
type header struct{ name, value string }

// under gives the address of a path of the site.
func under(path string) string { return "/v1/sites/" + site + path }

// do sends a request to a path of the site. A body is sent as it is when it is
// a string, else as JSON. Answer, and request where it was accepted, must be as
// the contract says.
func (s *shop) do(as, method, path string, body any, headers ...header) *answer {
	s.t.Helper()
	return s.send(s.request(as, method, under(path), body, headers...))
}

func (s *shop) get(as, path string, headers ...header) *answer {
	s.t.Helper()
	return s.do(as, http.MethodGet, path, nil, headers...)
}

func (s *shop) request(as, method, address string, body any, headers ...header) *http.Request {
	s.t.Helper()
	var reader io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(v)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		reader = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+address, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	token, known := s.tokens[as]
	if !known {
		s.t.Fatalf("nobody is called %q", as)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range headers {
		r.Header.Set(h.name, h.value)
	}
	return r
}

// send sends a request and holds the answer against the contract.
func (s *shop) send(r *http.Request) *answer {
	s.t.Helper()
	sent := []byte{}
	if r.GetBody != nil {
		b, err := r.GetBody()
		if err != nil {
			s.t.Fatal(err)
		}
		if sent, err = io.ReadAll(b); err != nil {
			s.t.Fatal(err)
		}
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: read answer: %v", r.Method, r.URL.Path, err)
	}
	a := &answer{t: s.t, what: r.Method + " " + r.URL.RequestURI(), status: res.StatusCode, header: res.Header, body: body}
	if err := contract().check(r, sent, a); err != nil {
		s.t.Errorf("%s answered %d %.2000q\nwhich is not as the contract says: %v", a.what, a.status, a.body, err)
	}
	return a
}

// want checks the status.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s answered %d %.2000s, want %d", a.what, a.status, a.body, status)
	}
	return a
}

// problem checks that the answer is a problem, and gives it.
func (a *answer) problem(status int, code string) api.Problem {
	a.t.Helper()
	a.want(status)
	var p api.Problem
	a.into(&p)
	if p.Code != code || p.Status != status {
		a.t.Fatalf("%s answered %s, want the code %s", a.what, a.body, code)
	}
	return p
}

func (a *answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%s answered %.2000s: %v", a.what, a.body, err)
	}
}

// as reads the body of an answer.
func as[T any](a *answer) T {
	a.t.Helper()
	var v T
	a.into(&v)
	return v
}

// page is a page of any listing.
type page[T any] struct {
	Items []T     `json:"items"`
	Total int     `json:"total"`
	Next  *string `json:"next"`
}

// fields is a JSON object.
type fields map[string]any
