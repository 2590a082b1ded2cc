package api

import (
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// Hooks for the tests of this package, which know it from outside.

// Route is one line of the route table.
type Route struct {
	Method, Path string
	Role         content.Role
}

// Routes is the route table.
func Routes() []Route {
	var out []Route
	for _, r := range routes() {
		out = append(out, Route{r.method, r.path, r.role})
	}
	return out
}

// ProblemRow is one line of the table of problems.
type ProblemRow struct {
	Err    error
	Status int
	Code   string
}

// ProblemRows is the table of problems.
func ProblemRows() []ProblemRow {
	var out []ProblemRow
	for _, p := range problems {
		out = append(out, ProblemRow{p.err, p.status, p.code})
	}
	return out
}

// ProblemOf turns an error into what a client is told.
func ProblemOf(err error) Problem { return problemOf(err) }

// DetailError adds words for the client to an error.
func DetailError(err error, field, text string) error {
	return &detailError{err: err, field: field, text: text}
}

// DecodeSubmission reads a body as a submission.
func DecodeSubmission(b []byte) error {
	var s submission
	return decode(b, &s)
}

// MaxJSON bounds a JSON body, MaxImport an import.
const (
	MaxJSON   = maxJSON
	MaxImport = maxImport
)

// RequestTypes gives a value of each type that a request is bound to, by the
// name of its schema.
func RequestTypes() map[string]any {
	return map[string]any{
		"ReviewRequest":     submission{},
		"EditRequest":       edit{},
		"VoteRequest":       vote{},
		"AcceptRequest":     acceptRequest{},
		"ReportRequest":     report{},
		"AppealRequest":     appealRequest{},
		"NoticeRequest":     noticeRequest{},
		"DecisionRequest":   decision{},
		"DecisionsRequest":  decisions{},
		"DecisionTarget":    target{},
		"RevRequest":        revRequest{},
		"UndoRequest":       undoRequest{},
		"EscalationRequest": passRequest{},
		"NoteRequest":       noteRequest{},
		"WithholdRequest":   withholding{},
		"RuleRequest":       ruleRequest{},
		"PoliciesRequest":   policyRequest{},
		"ProductRequest":    productRequest{},
		"BoardRequest":      boardRequest{},
		"SettingsRequest":   settingsRequest{},
		"ImportRow":         lifecycle.ImportRow{},
	}
}

// ResponseTypes gives a value of each type of this package that is sent, by the
// name of its schema.
func ResponseTypes() map[string]any {
	return map[string]any{
		"Problem":        Problem{},
		"Vote":           voted{},
		"Decisions":      decidedAll{},
		"DecisionResult": decided{},
		"StandoutList":   standouts{},
		"Health":         health{},
	}
}
