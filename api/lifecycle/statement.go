package lifecycle

import (
	"slices"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

// statement explains to an author what keeps their content from the public; nil
// where nothing does.
func (s *Service) statement(rec *ledger.Record) *content.Statement {
	if rec.Decided == nil {
		return nil
	}
	st := &content.Statement{
		Automated: rec.Decided.Automatic, DecidedAt: rec.Decided.At, Message: rec.Note,
		Ground: string(moderation.GroundTerms), Reasons: []content.StatementReason{}, MayEdit: true,
	}
	switch rec.State {
	case content.Rejected:
		st.Restriction = "not_published"
	case content.ChangesRequested:
		st.Restriction = "changes_requested"
	case content.Removed:
		st.Restriction, st.MayEdit = "removed", false
	default:
		return nil
	}
	for _, code := range rec.Reasons {
		r, ok := moderation.ReasonByCode(code)
		if !ok {
			continue
		}
		t := r.In(rec.Current.Language)
		st.Reasons = append(st.Reasons, content.StatementReason{Code: code, Title: t.Title, Text: t.Body})
		if r.Final {
			st.MayEdit = false
		}
		if r.Ground == moderation.GroundIllegal {
			st.Ground = string(r.Ground)
		}
	}
	if rec.Screening != nil {
		st.Detected = len(rec.Screening.Signals) > 0
	}
	s.explain(rec, st)
	if s.mayAppeal(rec) == nil {
		until := rec.Decided.At.Add(appealTime)
		st.AppealUntil = &until
	}
	if a := rec.Appeal; a != nil {
		if st.Appeal = a.Outcome; a.Open() {
			st.Appeal = "open"
		}
	}
	return st
}

// explain adds the sentences. A decision without a known reason has none: it was
// taken before reasons were asked for.
func (s *Service) explain(rec *ledger.Record, st *content.Statement) {
	st.Explanation, st.Language = []string{}, rec.Current.Language
	words, err := moderation.StatementOf(moderation.Restriction{
		State: moderation.State(rec.State), StillPublic: rec.Shown, Reasons: rec.Reasons,
		AutomaticDecision: st.Automated, AutomaticDetection: st.Detected, At: rec.Decided.At,
	}, rec.Current.Language)
	if err != nil {
		return
	}
	st.Language = words.Language
	st.Explanation = slices.Concat([]string{words.Restriction}, words.Facts, words.Grounds, []string{words.Means, words.Redress})
}
