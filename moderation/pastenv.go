package moderation

import (
	"unicode/utf8"

	"github.com/candor-ugc/candor/moderation/rules"
	"github.com/candor-ugc/candor/moderation/textnorm"
)

// PastEnv is what the rules would have seen of a submission that was screened
// before, for a backtest; sc may be nil. As in a screening, the rating and what
// depends on it stay out.
func PastEnv(sub Submission, sc *Screening) rules.Env {
	var title, body textnorm.Text
	title.Reset(cut(sub.Title), sub.Language)
	body.Reset(cut(sub.Body), sub.Language)
	e := rules.Env{
		Kind: sub.Kind, Language: sub.Language, LanguageConfidence: sub.LanguageConfidence,
		Title: cut(sub.Title), Body: cut(sub.Body), SubjectType: sub.SubjectType, Subject: sub.Subject,
		Length:  utf8.RuneCountInString(sub.Title) + utf8.RuneCountInString(sub.Body),
		Words:   len(title.Tokens) + len(body.Tokens),
		Author:  rules.Author{Approved: sub.Author.Approved, Rejected: sub.Author.Rejected, Pending: sub.Author.Pending},
		Signals: map[string]int{},
	}
	if first := sub.Author.FirstSeen; !first.IsZero() && sub.At.After(first) {
		e.Author.Days = sub.At.Sub(first).Hours() / 24
	}
	if sc == nil {
		return e
	}
	e.Risk = sc.Risk
	for _, s := range sc.Signals {
		if s.Code != CodeRatingMismatch {
			e.Signals[s.Code]++
		}
	}
	for _, l := range sc.Labels {
		if l != CodeRatingMismatch {
			e.Labels = append(e.Labels, l)
		}
	}
	return e
}
