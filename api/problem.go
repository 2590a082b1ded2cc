package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/api/shelf"
	"github.com/candor-ugc/candor/api/upload"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/rules"
	"github.com/candor-ugc/candor/search"
)

// Problem is an RFC 9457 problem document. Code is stable; Title goes with it,
// Detail is for people.
type Problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Code     string `json:"code"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"`
	// Errors name the fields or parameters that are wrong.
	Errors []content.FieldError `json:"errors,omitempty"`
	// Existing is the id of the content that stands in the way.
	Existing string `json:"existing,omitempty"`
	// Rev, State and By tell what a content has become meanwhile, or who holds it.
	Rev   int64         `json:"rev,omitempty"`
	State content.State `json:"state,omitempty"`
	By    string        `json:"by,omitempty"`
}

// problemType is the namespace of the problems' types.
const problemType = "urn:candor:problem:"

// problems maps errors to what a client is told. The first match counts. What
// is not listed is an internal error, of which nothing is told.
var problems = []struct {
	err    error
	status int
	code   string
	title  string
}{
	{errBody, http.StatusBadRequest, "malformed_json", "The body is not the JSON that is expected"},
	{errUTF8, http.StatusBadRequest, "invalid_utf8", "The body is not valid UTF-8"},
	{errTooLarge, http.StatusRequestEntityTooLarge, "body_too_large", "The body is too large"},
	{errMediaType, http.StatusUnsupportedMediaType, "unsupported_media_type", "The body is of a media type that is not taken here"},
	{errParameter, http.StatusBadRequest, "invalid_parameter", "A parameter is invalid"},
	{errPrecondition, http.StatusPreconditionFailed, "precondition_failed", "The content changed meanwhile"},
	{errNeedMatch, http.StatusPreconditionRequired, "precondition_required", "Say with If-Match which revision you mean to change"},
	{errRoute, http.StatusNotFound, "not_found", "There is no such thing"},
	{errMethod, http.StatusMethodNotAllowed, "method_not_allowed", "This address does not know the method"},
	{errRate, http.StatusTooManyRequests, "rate_limited", "Too many requests"},
	{errStarting, http.StatusServiceUnavailable, "starting", "The service is getting ready"},
	{errPanic, http.StatusInternalServerError, "internal", "Something went wrong here"},
	{errForm, http.StatusBadRequest, "malformed_form", "The body is not the form that is expected"},
	{auth.ErrExpired, http.StatusUnauthorized, "token_expired", "The token has expired"},
	{auth.ErrForeign, http.StatusUnauthorized, "token_foreign", "The token is for another site"},
	{auth.ErrToken, http.StatusUnauthorized, "token_invalid", "The token is invalid"},
	{auth.ErrNoSite, http.StatusNotFound, "not_found", "There is no such thing"},
	{auth.ErrSiteExists, http.StatusConflict, "site_exists", "The site exists already"},
	{auth.ErrWeakSecret, http.StatusInternalServerError, "internal", "Something went wrong here"},
	{auth.ErrCredentials, http.StatusUnauthorized, "sign_in", "Sign in first"},
	{auth.ErrSession, http.StatusUnauthorized, "sign_in", "Sign in first"},
	{auth.ErrAttempts, http.StatusTooManyRequests, "rate_limited", "Too many requests"},
	{auth.ErrNoAccount, http.StatusNotFound, "not_found", "There is no such thing"},
	{auth.ErrAccountExists, http.StatusConflict, "conflict", "The content changed meanwhile"},
	{auth.ErrLastAdmin, http.StatusConflict, "conflict", "The content changed meanwhile"},
	{lifecycle.ErrSignIn, http.StatusUnauthorized, "sign_in", "Sign in first"},
	{lifecycle.ErrForbidden, http.StatusForbidden, "forbidden", "You may not do this"},
	{lifecycle.ErrOwn, http.StatusForbidden, "own_content", "Not on your own content"},
	{lifecycle.ErrNotFound, http.StatusNotFound, "not_found", "There is no such thing"},
	{lifecycle.ErrConflict, http.StatusConflict, "conflict", "The content changed meanwhile"},
	{lifecycle.ErrDuplicate, http.StatusConflict, "duplicate", "You have reviewed this product already"},
	{lifecycle.ErrClaimed, http.StatusConflict, "claimed", "Another moderator works on this"},
	{lifecycle.ErrSomebodyElse, http.StatusForbidden, "somebody_else", "Somebody else has to decide about this"},
	{lifecycle.ErrTooLate, http.StatusConflict, "too_late", "The time for this has passed"},
	{lifecycle.ErrTooDeep, http.StatusUnprocessableEntity, "too_deep", "The thread is as deep as it may get"},
	{lifecycle.ErrTooManyEdits, http.StatusUnprocessableEntity, "too_many_edits", "The content was changed too often"},
	{lifecycle.ErrReplayMismatch, http.StatusUnprocessableEntity, "idempotency_mismatch", "The Idempotency-Key was used for another request"},
	{lifecycle.ErrInFlight, http.StatusConflict, "in_flight", "The same request is being carried out"},
	{lifecycle.ErrCursor, http.StatusBadRequest, "invalid_cursor", "The cursor is not one of this listing"},
	{lifecycle.ErrBusy, http.StatusServiceUnavailable, "busy", "Too much to do at once, try again"},
	{shelf.ErrCursor, http.StatusBadRequest, "invalid_cursor", "The cursor is not one of this listing"},
	{shelf.ErrSort, http.StatusBadRequest, "invalid_parameter", "A parameter is invalid"},
	{shelf.ErrLimit, http.StatusBadRequest, "invalid_parameter", "A parameter is invalid"},
	{shelf.ErrGone, http.StatusNotFound, "not_found", "There is no such thing"},
	{moderation.ErrCursor, http.StatusBadRequest, "invalid_cursor", "The cursor is not one of this listing"},
	{moderation.ErrTransition, http.StatusConflict, "transition", "This cannot be done with the content as it stands"},
	{moderation.ErrUnknown, http.StatusUnprocessableEntity, "invalid", "Some of what was sent is not right"},
	{rules.ErrRule, http.StatusUnprocessableEntity, "invalid", "Some of what was sent is not right"},
	{moderation.ErrNotice, http.StatusUnprocessableEntity, "invalid", "Some of what was sent is not right"},
	{moderation.ErrStatement, http.StatusInternalServerError, "internal", "Something went wrong here"},
	{moderation.ErrEval, http.StatusInternalServerError, "internal", "Something went wrong here"},
	{search.ErrCursor, http.StatusBadRequest, "invalid_cursor", "The cursor is not one of this listing"},
	{search.ErrQuery, http.StatusBadRequest, "invalid_query", "The search text is not right"},
	{search.ErrMissing, http.StatusServiceUnavailable, "search_unavailable", "The search is being rebuilt"},
	{search.ErrCorrupt, http.StatusServiceUnavailable, "search_unavailable", "The search is being rebuilt"},
	{search.ErrOutdated, http.StatusServiceUnavailable, "search_unavailable", "The search is being rebuilt"},
	{search.ErrLocked, http.StatusServiceUnavailable, "search_unavailable", "The search is being rebuilt"},
	{search.ErrRebuilding, http.StatusServiceUnavailable, "search_unavailable", "The search is being rebuilt"},
	{search.ErrDocument, http.StatusInternalServerError, "internal", "Something went wrong here"},
	{search.ErrClosed, http.StatusServiceUnavailable, "search_unavailable", "The search is being rebuilt"},
	{lifecycle.ErrNoUploads, http.StatusNotFound, "not_found", "There is no such thing"},
	{lifecycle.ErrQuota, http.StatusTooManyRequests, "upload_quota", "You have uploaded as much as you may in a day"},
	{lifecycle.ErrSiteQuota, http.StatusServiceUnavailable, "uploads_full", "No more uploads are taken for now"},
	{lifecycle.ErrMediumInUse, http.StatusConflict, "media_in_use", "The photo or video belongs to a content"},
	{lifecycle.ErrMediaPending, http.StatusConflict, "media_pending", "A video is still being processed; wait for it, or withhold it"},
	{media.ErrUnsupported, http.StatusUnsupportedMediaType, "media_unsupported", "Photos must be JPEG, PNG, GIF or WebP, videos MP4, MOV or WebM"},
	{media.ErrFeature, http.StatusUnsupportedMediaType, "media_unsupported", "Photos must be JPEG, PNG, GIF or WebP, videos MP4, MOV or WebM"},
	{media.ErrMalformed, http.StatusUnprocessableEntity, "media_damaged", "The file is damaged"},
	{media.ErrDamaged, http.StatusUnprocessableEntity, "media_damaged", "The file is damaged"},
	{media.ErrCrashed, http.StatusUnprocessableEntity, "media_damaged", "The file is damaged"},
	{media.ErrVideo, http.StatusUnprocessableEntity, "media_damaged", "The file is damaged"},
	{media.ErrPolyglot, http.StatusUnprocessableEntity, "media_polyglot", "The file is two things at once"},
	{media.ErrTooManyBytes, http.StatusRequestEntityTooLarge, "media_too_large", "The file is too large"},
	{media.ErrTooManyPixels, http.StatusUnprocessableEntity, "media_too_many_pixels", "The picture has too many pixels"},
	{media.ErrTooManyFrames, http.StatusUnprocessableEntity, "media_too_many_frames", "The animation has too many frames"},
	{media.ErrCostly, http.StatusUnprocessableEntity, "media_too_costly", "The picture takes too much memory or time"},
	{media.ErrTimeout, http.StatusUnprocessableEntity, "media_too_costly", "The picture takes too much memory or time"},
	{media.ErrVideoTimeout, http.StatusUnprocessableEntity, "media_too_costly", "The picture takes too much memory or time"},
	{media.ErrVideoLimit, http.StatusUnprocessableEntity, "media_video_limit", "The video is too long, or its picture too large"},
	{media.ErrVideoCodec, http.StatusUnprocessableEntity, "media_video_codec", "The video is coded in a way that is not supported"},
	{media.ErrVideoExternal, http.StatusUnprocessableEntity, "media_video_external", "The video refers to other files"},
	{media.ErrNoFFmpeg, http.StatusUnsupportedMediaType, "media_no_videos", "Only photos are taken here, no videos"},
	{upload.ErrNotFound, http.StatusNotFound, "not_found", "There is no such thing"},
	{upload.ErrMethod, http.StatusMethodNotAllowed, "method_not_allowed", "This address does not know the method"},
	{upload.ErrVersion, http.StatusPreconditionFailed, "tus_version", "Tus-Resumable must be 1.0.0"},
	{upload.ErrContentType, http.StatusUnsupportedMediaType, "unsupported_media_type", "The body is of a media type that is not taken here"},
	{upload.ErrHeader, http.StatusBadRequest, "invalid_parameter", "A parameter is invalid"},
	{upload.ErrTooLarge, http.StatusRequestEntityTooLarge, "media_too_large", "The file is too large"},
	{upload.ErrOffset, http.StatusConflict, "upload_offset", "The piece does not begin where the last one ended"},
	{upload.ErrLocked, http.StatusLocked, "upload_locked", "Another request works on this upload"},
	{upload.ErrBusy, http.StatusServiceUnavailable, "busy", "Too much to do at once, try again"},
	{upload.ErrIdle, http.StatusRequestTimeout, "upload_idle", "The upload came too slowly; resume it"},
	{upload.ErrCut, http.StatusBadRequest, "upload_cut", "The body ended too early; resume the upload"},
	{upload.ErrFull, http.StatusServiceUnavailable, "uploads_full", "No more uploads are taken for now"},
	{upload.ErrClosed, http.StatusServiceUnavailable, "starting", "The service is getting ready"},
	{ledger.ErrTable, http.StatusNotFound, "not_found", "There is no such thing"},
	{ledger.ErrNotFound, http.StatusNotFound, "not_found", "There is no such thing"},
	{ledger.ErrConflict, http.StatusConflict, "conflict", "The content changed meanwhile"},
	{ledger.ErrExists, http.StatusConflict, "conflict", "The content changed meanwhile"},
	{ledger.ErrTooLarge, http.StatusRequestEntityTooLarge, "body_too_large", "The body is too large"},
	{ledger.ErrUnavailable, http.StatusServiceUnavailable, "unavailable", "The service cannot be reached fully, try again"},
	{ledger.ErrInUse, http.StatusServiceUnavailable, "unavailable", "The service cannot be reached fully, try again"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "timeout", "This took too long, try again"},
	{context.Canceled, 499, "cancelled", "The client went away"},
}

// problemOf turns an error into what the client is told.
func problemOf(err error) Problem {
	var invalid content.Invalid
	if errors.As(err, &invalid) {
		p := Problem{Status: http.StatusUnprocessableEntity, Code: "invalid", Title: "Some of what was sent is not right", Errors: invalid}
		if errors.Is(err, errParameter) {
			p.Status, p.Code, p.Title = http.StatusBadRequest, "invalid_parameter", "A parameter is invalid"
		}
		p.Type = problemType + p.Code
		return p
	}
	for _, row := range problems {
		if errors.Is(err, row.err) {
			p := Problem{Type: problemType + row.code, Title: row.title, Status: row.status, Code: row.code}
			p.explain(err)
			return p
		}
	}
	return Problem{Type: problemType + "internal", Title: "Something went wrong here", Status: http.StatusInternalServerError, Code: "internal"}
}

// explain adds what certain errors know, where the client may know it too.
func (p *Problem) explain(err error) {
	var (
		duplicate  *lifecycle.DuplicateError
		conflict   *lifecycle.ConflictError
		claimed    *lifecycle.ClaimedError
		transition *moderation.TransitionError
		syntax     *search.SyntaxError
		detail     *detailError
		wrong      *upload.HeaderError
	)
	switch {
	case errors.As(err, &duplicate):
		p.Existing = duplicate.ID
	case errors.As(err, &conflict):
		p.Rev, p.State, p.By = conflict.Rev, conflict.State, conflict.By
	case errors.As(err, &claimed):
		p.By = claimed.By
	case errors.As(err, &transition):
		p.Detail = "cannot " + string(transition.Action) + " what is " + string(transition.From)
	case errors.As(err, &wrong):
		p.Errors = []content.FieldError{{Field: wrong.Header, Code: "invalid", Message: wrong.Reason}}
	case errors.As(err, &syntax):
		p.Errors = []content.FieldError{{Field: "q", Code: "syntax", Message: syntax.Error()}}
	case errors.As(err, &detail):
		if p.Status < http.StatusInternalServerError {
			p.Detail = detail.text
		}
		if detail.field != "" {
			p.Errors = []content.FieldError{{Field: detail.field, Code: p.Code, Message: detail.text}}
		}
	}
	switch p.Code {
	case "invalid_cursor":
		p.Errors = []content.FieldError{{Field: "cursor", Code: "invalid", Message: "must be the next of a page of this same listing"}}
	case "idempotency_mismatch", "in_flight":
		p.Errors = []content.FieldError{{Field: "Idempotency-Key", Code: p.Code, Message: p.Title}}
	}
	if errors.Is(err, shelf.ErrSort) {
		p.Errors = []content.FieldError{{Field: "sort", Code: "invalid", Message: "must be newest, oldest, highest, lowest or helpful, or relevant together with q"}}
	}
}

// detailError adds words for the client to an error of this package.
type detailError struct {
	err         error
	field, text string
}

func (e *detailError) Error() string { return e.err.Error() + ": " + e.text }
func (e *detailError) Unwrap() error { return e.err }

// Errors of this package itself.
var (
	errBody         = errors.New("malformed body")
	errUTF8         = errors.New("body is not UTF-8")
	errTooLarge     = errors.New("body too large")
	errMediaType    = errors.New("unsupported media type")
	errParameter    = errors.New("invalid parameter")
	errPrecondition = errors.New("precondition failed")
	errNeedMatch    = errors.New("precondition required")
	errRoute        = errors.New("no such route")
	errMethod       = errors.New("method not allowed")
	errRate         = errors.New("rate limited")
	errStarting     = errors.New("starting")
	errPanic        = errors.New("panic")
	errForm         = errors.New("malformed form")
)

// write sends a problem.
func (p Problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="candor"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "2")
	case http.StatusTooManyRequests:
		if h.Get("Retry-After") == "" { // a quota of a day frees up bit by bit
			h.Set("Retry-After", "3600")
		}
	}
	h.Del("ETag")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone when this fails
}
