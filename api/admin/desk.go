package admin

import (
	"context"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/rules"
	"github.com/candor-ugc/candor/search"
)

// Desk is what the pages need of the verbs. [lifecycle.Service] is one.
type Desk interface {
	Waiting(site string) int
	Queue(ctx context.Context, who content.Actor, site string, f moderation.Filter, p lifecycle.Paging) (lifecycle.WaitingList, error)
	Case(ctx context.Context, who content.Actor, site, id string) (*lifecycle.Case, error)
	Claim(ctx context.Context, who content.Actor, site, id string) (*lifecycle.Claim, error)
	Release(ctx context.Context, who content.Actor, site, id string) error
	Decide(ctx context.Context, who content.Actor, site, id string, d lifecycle.Decision) (content.Private, error)
	Withhold(ctx context.Context, who content.Actor, site, id string, w lifecycle.Withholding) (content.Private, error)
	DecideAll(ctx context.Context, who content.Actor, site string, targets []lifecycle.Target, d lifecycle.Decision) ([]lifecycle.Result, error)
	UndoAll(ctx context.Context, who content.Actor, site string, targets []lifecycle.Target) ([]lifecycle.Result, error)
	PassOn(ctx context.Context, who content.Actor, site, id, kind, words string, rev int64) (content.Private, error)
	AddNote(ctx context.Context, who content.Actor, site, id, text string) (*lifecycle.Note, error)

	DeskSearch(ctx context.Context, who content.Actor, q search.Query) (lifecycle.FoundPage, error)
	Author(ctx context.Context, who content.Actor, site, author string, p lifecycle.Paging) (*lifecycle.Person, error)
	Audit(ctx context.Context, who content.Actor, site string, p lifecycle.Paging) (lifecycle.List[lifecycle.Event], error)
	Figures(ctx context.Context, who content.Actor, site string, days int) (*lifecycle.Figures, error)

	SiteSettings(ctx context.Context, site string) (content.Settings, error)
	ChangeSettings(ctx context.Context, who content.Actor, site string, v content.Settings, rev int64) (content.Settings, error)
	SiteRules(ctx context.Context, who content.Actor, site string) (lifecycle.RuleView, error)
	PutRule(ctx context.Context, who content.Actor, site string, rule rules.Rule) (rules.Rule, error)
	DeleteRule(ctx context.Context, who content.Actor, site, id string) error
	Backtest(ctx context.Context, who content.Actor, site string, rule rules.Rule) (*rules.Report, error)
}

// Watch gives the news of a site until stop is called, when the channel is closed.
// slow is cut off by closing it too. ok is false while too many watch.
type Watch func(site string) (news <-chan content.Happening, stop func(), ok bool)
