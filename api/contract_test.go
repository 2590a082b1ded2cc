package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/candor-ugc/candor/api"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/api/shelf"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/audit"
	"github.com/candor-ugc/candor/moderation/rules"
	"github.com/candor-ugc/candor/moderation/stats"
)

// operational are the routes outside of the route table.
var operational = []string{"GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.yaml", "GET /docs"}

func TestEveryRouteIsInTheContractAndTheOtherWayRound(t *testing.T) {
	t.Parallel()
	served := slices.Clone(operational)
	parameter := regexp.MustCompile(`:(\w+)`)
	for _, r := range api.Routes() {
		served = append(served, r.Method+" "+parameter.ReplaceAllString(r.Path, "{$1}"))
	}
	slices.Sort(served)
	for _, line := range strings.Split(difference(lines(contract().operations()), lines(served)), "\n") {
		if name, found := strings.CutPrefix(line, "+1 "); found {
			t.Errorf("%s is served, but not in openapi.yaml", name)
		} else if name, found := strings.CutPrefix(line, "-1 "); found {
			t.Errorf("%s is in openapi.yaml, but not served", name)
		}
	}
}

func lines(list []string) string { return strings.Join(list, "\n") + "\n" }

// Who may call an operation must read the same in both places.
func TestEveryOperationStatesItsSecurityAndAudience(t *testing.T) {
	t.Parallel()
	doc := contract()
	audience := map[content.Role]string{
		"": "anyone", content.Shopper: "shopper", content.Moderator: "moderator", content.Admin: "administrator",
	}
	for _, r := range api.Routes() {
		op := operation(doc, r)
		if op == nil {
			continue // told by the test above
		}
		if want := []string{audience[r.Role]}; !slices.Equal(op.Tags, want) {
			t.Errorf("%s %s has the tags %q, want %q", r.Method, r.Path, op.Tags, want)
		}
		optional := op.Security != nil && slices.ContainsFunc(*op.Security, func(s openapi3.SecurityRequirement) bool { return len(s) == 0 })
		if open := r.Role == ""; optional != open {
			t.Errorf("%s %s: a token is optional in the contract: %t, in the route table: %t", r.Method, r.Path, optional, open)
		}
	}
}

func operation(doc *document, r api.Route) *openapi3.Operation {
	path := doc.Paths.Value(regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.Path, "{$1}"))
	if path == nil {
		return nil
	}
	return path.GetOperation(r.Method)
}

// responseTypes gives a value of each type that is sent, by the name of its
// schema.
func responseTypes() map[string]any {
	types := map[string]any{
		"FieldError": content.FieldError{}, "Subject": content.Subject{}, "Author": content.PublicAuthor{},
		"Votes": content.Votes{}, "Media": content.PublicMedia{}, "PrivateMedia": content.PrivateMedia{}, "Variant": content.Variant{},
		"Gallery": lifecycle.Gallery{}, "GalleryItem": lifecycle.GalleryItem{}, "GalleryContent": lifecycle.GalleryContent{},
		"Content": content.Public{}, "PrivateContent": content.Private{},
		"Statement": content.Statement{}, "StatementReason": content.StatementReason{}, "Facets": shelf.Facets{},
		"PrivateContentPage": lifecycle.List[content.Private]{}, "Summary": content.Summary{}, "Report": content.Report{},
		"MyReport": lifecycle.MyReport{}, "MyReportPage": lifecycle.List[lifecycle.MyReport]{}, "NoticeReceipt": lifecycle.Receipt{},
		"ExportLine": lifecycle.PersonRow{}, "Receipt": ledger.Receipt{}, "Highlight": lifecycle.Highlight{},
		"Explanation": lifecycle.Explanation{}, "Hit": lifecycle.Found{}, "DeskHit": lifecycle.Found{},
		"SearchPage": lifecycle.FoundPage{}, "DeskSearchPage": lifecycle.FoundPage{}, "Reason": moderation.Reason{},
		"ReasonText": moderation.Text{}, "Claim": lifecycle.Claim{}, "QueueItem": lifecycle.Waiting{},
		"QueuePage": lifecycle.WaitingList{}, "Signal": moderation.Signal{}, "RuleHit": rules.Hit{}, "Screening": moderation.Screening{},
		"Case": lifecycle.Case{}, "Note": ledger.Note{}, "Sibling": lifecycle.Sibling{}, "AuthorHistory": moderation.AuthorHistory{},
		"Escalation": ledger.Escalation{}, "Appeal": content.Appeal{}, "MediaAppeal": lifecycle.MediaAppeal{}, "Person": lifecycle.Person{}, "Event": ledger.Event{},
		"EventPage": lifecycle.List[ledger.Event]{}, "Stats": lifecycle.Stats{}, "AuditLink": audit.Record{}, "Share": stats.Share{},
		"Figures": lifecycle.Figures{}, "IndependenceTest": stats.Test{}, "AgeBucket": stats.Bucket{}, "DayFigures": lifecycle.Day{},
		"Precision": moderation.PrecisionRow{}, "Rule": rules.Rule{}, "RuleList": lifecycle.RuleView{}, "Backtest": rules.Report{},
		"Policies": lifecycle.PolicyView{}, "Product": content.Product{}, "ProductPage": lifecycle.List[content.Product]{},
		"Board": content.Board{}, "BoardPage": lifecycle.List[content.Board]{}, "Settings": content.Settings{},
		"Suggestions": lifecycle.Suggested{}, "SuggestedQuestion": lifecycle.SuggestedQuestion{}, "Standout": lifecycle.Standout{},
		"Imported": lifecycle.Imported{}, "RejectedRow": lifecycle.Rejected{},
	}
	maps.Copy(types, api.ResponseTypes())
	return types
}

func TestEveryTypeIsAsItsSchemaSays(t *testing.T) {
	t.Parallel()
	doc := contract()
	requests := api.RequestTypes()
	requests["MediaRequest"], requests["Policy"] = content.Media{}, moderation.Policy{}
	for name, v := range requests {
		compare(t, doc, name, v, false)
	}
	responses := responseTypes()
	for name, v := range responses {
		compare(t, doc, name, v, true)
	}
	// What is written by hand or read by a type of its own has no type here;
	// the answers themselves are held against these.
	elsewhere := []string{
		"ContentPage", "SummaryList", "ReasonList", "ImportProduct", "ImportAuthor", "ImportAnswer",
		"TextRequest", "TopicRequest", // parts of ReviewRequest
	}
	for name, ref := range doc.Components.Schemas {
		if len(ref.Value.Properties) == 0 || requests[name] != nil || responses[name] != nil || slices.Contains(elsewhere, name) {
			continue
		}
		t.Errorf("nothing in the code is compared with the schema %s", name)
	}
	for _, part := range []string{"TextRequest", "TopicRequest"} {
		for field, ref := range doc.Components.Schemas[part].Value.Properties {
			if whole := doc.Components.Schemas["ReviewRequest"].Value.Properties[field]; whole == nil || whole.Ref != ref.Ref {
				t.Errorf("%s.%s is not that of ReviewRequest", part, field)
			}
		}
	}
}

// compare holds a Go type against a schema: the same fields, of types that can
// hold them, and in answers required exactly where they are always sent.
func compare(t *testing.T, doc *document, name string, v any, sent bool) {
	t.Helper()
	ref := doc.Components.Schemas[name]
	if ref == nil {
		t.Errorf("there is no schema %s for %T", name, v)
		return
	}
	schema := ref.Value
	found := map[string]bool{}
	for _, f := range jsonFields(reflect.TypeOf(v)) {
		found[f.name] = true
		property := schema.Properties[f.name]
		if property == nil {
			t.Errorf("%T has the field %q, the schema %s has not", v, f.name, name)
			continue
		}
		if kind := jsonKind(f.typ); kind != "" && !property.Value.Type.Includes(kind) && property.Value.OneOf == nil {
			t.Errorf("%s.%s is a %v, but %v in the schema", name, f.name, f.typ, property.Value.Type.Slice())
		}
		if required := slices.Contains(schema.Required, f.name); sent && required == f.optional {
			t.Errorf("%s.%s is required in the schema: %t, always sent: %t", name, f.name, required, !f.optional)
		}
	}
	for field := range schema.Properties {
		if !found[field] {
			t.Errorf("the schema %s has the field %q, %T has not", name, field, v)
		}
	}
	for _, field := range schema.Required {
		if schema.Properties[field] == nil {
			t.Errorf("the schema %s requires %q, which it does not have", name, field)
		}
	}
	closed := schema.AdditionalProperties.Has != nil && !*schema.AdditionalProperties.Has
	if strings.HasSuffix(name, "Request") && !closed {
		t.Errorf("the schema %s lets unknown fields in", name)
	}
}

type jsonField struct {
	name     string
	typ      reflect.Type
	optional bool
}

// jsonFields lists the fields that encoding/json sees: those of embedded structs
// too, where nothing nearer has their name.
func jsonFields(typ reflect.Type) []jsonField {
	var out []jsonField
	seen := map[string]bool{}
	level := []reflect.Type{typ}
	for len(level) > 0 {
		var next []reflect.Type
		for _, t := range level {
			for f := range fieldsOf(t) {
				tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
				inner := f.Type
				if inner.Kind() == reflect.Pointer {
					inner = inner.Elem()
				}
				switch {
				case tag == "-":
				case f.Anonymous && tag == "" && inner.Kind() == reflect.Struct:
					next = append(next, inner)
				case !f.IsExported():
				default:
					name := tag
					if name == "" {
						name = f.Name
					}
					if !seen[name] {
						out = append(out, jsonField{name, f.Type, strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")})
					}
					seen[name] = true
				}
			}
		}
		level = next
	}
	return out
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// jsonKind is the JSON type of a Go type, "" for any.
func jsonKind(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Time]():
		return openapi3.TypeString
	case reflect.TypeFor[json.RawMessage]():
		return ""
	}
	switch t.Kind() {
	case reflect.Pointer:
		return jsonKind(t.Elem())
	case reflect.String:
		return openapi3.TypeString
	case reflect.Bool:
		return openapi3.TypeBoolean
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return openapi3.TypeInteger
	case reflect.Float64:
		return openapi3.TypeNumber
	case reflect.Slice, reflect.Array:
		return openapi3.TypeArray
	case reflect.Map, reflect.Struct:
		return openapi3.TypeObject
	default:
		return ""
	}
}

// codesOf gives the codes that a response may have, by its schema.
func codesOf(r *openapi3.Response) []string {
	media := r.Content.Get("application/problem+json")
	if media == nil {
		return nil
	}
	var out []string
	for _, part := range media.Schema.Value.AllOf {
		if part.Ref != "" || part.Value.Properties["code"] == nil {
			continue
		}
		for _, code := range part.Value.Properties["code"].Value.Enum {
			out = append(out, fmt.Sprint(code))
		}
	}
	return out
}

func TestEveryProblemIsInTheContractAndTheOtherWayRound(t *testing.T) {
	t.Parallel()
	doc := contract()
	statuses := map[string][]int{}
	for _, p := range api.ProblemRows() {
		if !slices.Contains(statuses[p.Code], p.Status) {
			statuses[p.Code] = append(statuses[p.Code], p.Status)
		}
	}
	used := map[string]bool{"method_not_allowed": true} // of addresses, not of operations
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status, ref := range op.Responses.Map() {
				for _, code := range codesOf(ref.Value) {
					used[code] = true
					if !slices.ContainsFunc(statuses[code], func(s int) bool { return fmt.Sprint(s) == status }) {
						t.Errorf("%s %s: %s has the status %v in the code, not %s", method, path, code, statuses[code], status)
					}
				}
			}
		}
	}
	var listed []string
	for _, code := range doc.Components.Schemas["ProblemCode"].Value.Enum {
		listed = append(listed, fmt.Sprint(code))
	}
	if want := slices.Sorted(maps.Keys(used)); !slices.Equal(listed, want) {
		t.Errorf("ProblemCode lists\n%q\nthe operations have\n%q", listed, want)
	}
	// Nobody gets to see these: the client has left, or only the command line
	// asks for it.
	unseen := []string{"cancelled", "site_exists"}
	for code := range statuses {
		if !used[code] && !slices.Contains(unseen, code) {
			t.Errorf("no operation in openapi.yaml can answer %s", code)
		}
	}
}

// Every operation must tell what every client meets.
func TestEveryOperationStatesTheCommonProblems(t *testing.T) {
	t.Parallel()
	for _, r := range api.Routes() {
		op := operation(contract(), r)
		if op == nil {
			continue
		}
		want := []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusInternalServerError, http.StatusServiceUnavailable}
		if r.Role == content.Moderator || r.Role == content.Admin {
			want = append(want, http.StatusForbidden)
		}
		if r.Method != http.MethodGet {
			want = append(want, http.StatusTooManyRequests)
		}
		if op.RequestBody != nil && op.RequestBody.Value.Content.Get("application/json") != nil {
			want = append(want, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
		}
		for _, status := range want {
			if op.Responses.Status(status) == nil {
				t.Errorf("%s %s does not state %d", r.Method, r.Path, status)
			}
		}
	}
}
