package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	candor "github.com/candor-ugc/candor"
)

// document is openapi.yaml, ready to hold requests and answers against it.
type document struct {
	*openapi3.T
	router routers.Router
}

// contract reads openapi.yaml once for all tests.
var contract = sync.OnceValue(func() *document {
	doc, err := openapi3.NewLoader().LoadFromData(candor.Contract)
	if err != nil {
		panic(fmt.Sprintf("read openapi.yaml: %v", err))
	}
	if err := doc.Validate(context.Background()); err != nil {
		panic(fmt.Sprintf("openapi.yaml is no contract: %v", err))
	}
	strict(doc)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		panic(fmt.Sprintf("routes of openapi.yaml: %v", err))
	}
	return &document{doc, router}
})

// strict makes a field that the contract does not name an error, in answers too.
// The contract itself leaves answers open: clients must bear new fields.
func strict(doc *openapi3.T) {
	no := false
	for name, ref := range doc.Components.Schemas {
		open := name == "Problem" || name == "ImportRow" // part of an allOf; ignores what it does not know
		s := ref.Value
		if !open && len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
			s.AdditionalProperties.Has = &no
		}
	}
}

// check holds an answer, and the request where it was accepted, against the
// contract.
func (d *document) check(r *http.Request, sent []byte, a *answer) error {
	page := strings.HasPrefix(r.URL.Path, "/docs/") // what the page of the contract is made of
	if page || r.Method == http.MethodOptions {
		return nil
	}
	in, err := d.input(r, sent)
	if errors.Is(err, routers.ErrPathNotFound) || errors.Is(err, routers.ErrMethodNotAllowed) {
		// An address beside the contract is told so.
		if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			return fmt.Errorf("no operation, but %d", a.status)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if a.status < 400 {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			return fmt.Errorf("the request was accepted: %w", err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: a.status, Header: a.header, Options: in.Options,
	}
	if a.status != http.StatusNotModified && in.Route.Operation.Responses.Status(a.status) == nil {
		return fmt.Errorf("status %d is not in the contract", a.status)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	return d.checkBody(out, a.body)
}

func (d *document) input(r *http.Request, sent []byte) (*openapi3filter.RequestValidationInput, error) {
	copied := r.Clone(context.Background())
	copied.Body = io.NopCloser(bytes.NewReader(sent))
	copied.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if r.Method == http.MethodHead {
		copied.Method = http.MethodGet
	}
	route, params, err := d.router.FindRoute(copied)
	if r.Method == http.MethodHead && errors.Is(err, routers.ErrMethodNotAllowed) {
		copied.Method = r.Method // HEAD is an operation of its own
		route, params, err = d.router.FindRoute(copied)
	}
	if err != nil {
		return nil, err
	}
	return &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true, SkipSettingDefaults: true,
			AuthenticationFunc: authenticated,
			// JSON Lines are checked line by line below; files are not checked.
			ExcludeRequestBody: strings.HasSuffix(r.URL.Path, "/import") || !isJSON(r.Header.Get("Content-Type")),
		},
	}, nil
}

// isJSON reports whether a body is JSON, or says nothing about itself.
func isJSON(contentType string) bool {
	return contentType == "" || strings.HasPrefix(contentType, "application/json")
}

// authenticated is satisfied by a bearer token; whose it is, is the API's
// business.
func authenticated(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if !strings.HasPrefix(in.RequestValidationInput.Request.Header.Get("Authorization"), "Bearer ") {
		return in.NewError(errors.New("no bearer token"))
	}
	return nil
}

// checkBody checks headers and body; JSON Lines line by line, and pages and
// style sheets not at all.
func (d *document) checkBody(out *openapi3filter.ResponseValidationInput, body []byte) error {
	kind, _, _ := strings.Cut(out.Header.Get("Content-Type"), ";")
	options := *out.Options
	out.Options = &options
	switch kind {
	case "application/x-ndjson":
		options.ExcludeResponseBody = true
		schema := out.RequestValidationInput.Route.Operation.Responses.Status(out.Status).Value.Content.Get(kind).Schema.Value
		for line := range bytes.Lines(body) {
			if err := visit(schema, line); err != nil {
				return fmt.Errorf("line %.300s: %w", line, err)
			}
		}
	case "text/html", "text/csv", "text/event-stream", "image/jpeg", "image/webp", "video/mp4":
		options.ExcludeResponseBody = true
		if out.RequestValidationInput.Route.Operation.Responses.Status(out.Status).Value.Content.Get(kind) == nil {
			return fmt.Errorf("%s is not in the contract", kind)
		}
	}
	return openapi3filter.ValidateResponse(context.Background(), out.SetBodyBytes(body))
}

// visit holds a JSON text against a schema.
func visit(schema *openapi3.Schema, text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	return schema.VisitJSON(v, openapi3.EnableJSONSchema2020(), openapi3.VisitAsResponse())
}

// operations lists the contract's operations as "METHOD path".
func (d *document) operations() []string {
	var out []string
	for path, item := range d.Paths.Map() {
		for method := range item.Operations() {
			out = append(out, method+" "+path)
		}
	}
	slices.Sort(out)
	return out
}
