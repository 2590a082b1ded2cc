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
	giveReasons(st, rec.Reasons, rec.Current.Language)
	if rec.Screening != nil {
		st.Detected = len(rec.Screening.Signals) > 0
	}
	s.explain(rec, st)
	if c, err := complaintAbout(rec, s.now()); err == nil && c.text {
		until := rec.Decided.At.Add(appealTime)
		st.AppealUntil = &until
	}
	if heard(rec) {
		st.Appeal = rec.Appeal.State()
	}
	return st
}

// giveReasons adds the published reasons in the author's language.
func giveReasons(st *content.Statement, codes []string, language string) {
	for _, code := range codes {
		r, ok := moderation.ReasonByCode(code)
		if !ok {
			continue
		}
		t := r.In(language)
		st.Reasons = append(st.Reasons, content.StatementReason{Code: code, Title: t.Title, Text: t.Body})
		if r.Final {
			st.MayEdit = false
		}
		if r.Ground == moderation.GroundIllegal {
			st.Ground = string(r.Ground)
		}
	}
}

// mediaStatement explains to an author why one photo or video is kept from the
// public.
func (s *Service) mediaStatement(rec *ledger.Record, w content.Withheld) *content.Statement {
	st := &content.Statement{
		Restriction: "withheld", DecidedAt: w.At, Message: w.Message, Ground: string(moderation.GroundTerms), Reasons: []content.StatementReason{},
		Explanation: []string{}, Language: rec.Current.Language,
	}
	giveReasons(st, w.Reasons, rec.Current.Language)
	st.MayEdit = false
	if rec.Screening != nil {
		st.Detected = slices.ContainsFunc(rec.Screening.Signals, func(sig moderation.Signal) bool { return sig.Media == w.Medium })
	}
	words, err := moderation.StatementOf(moderation.Restriction{
		Media: true, Reasons: w.Reasons, AutomaticDetection: st.Detected, At: w.At,
	}, rec.Current.Language)
	if err == nil {
		st.Language = words.Language
		st.Explanation = sentences(words)
	}
	if c, err := complaintAbout(rec, s.now()); err == nil && slices.Contains(c.media, w.Medium) {
		until := w.At.Add(appealTime)
		st.AppealUntil = &until
	}
	st.Appeal = w.Appeal.State()
	return st
}

func sentences(words moderation.Statement) []string {
	return slices.Concat([]string{words.Restriction}, words.Facts, words.Grounds, []string{words.Means, words.Redress})
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
	st.Explanation = sentences(words)
}
