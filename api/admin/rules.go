package admin

import (
	"errors"
	"net/http"

	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/rules"
)

// rulesPage lists the site's own rules, with one of them to change and try out.
type rulesPage struct {
	*page
	Rules []ruleRow
	// Draft is the rule in the form.
	Draft   rules.Rule
	Actions []option
	// Problem says where and why the rule is refused.
	Problem      string
	Line, Column int
	Report       *ruleReport
}

type ruleRow struct {
	rules.Rule
	ActionText, StateText, URL string
}

// ruleReport is what a rule would have done to past decisions.
type ruleReport struct {
	rules.Report
	Agreement, Low, High string
	From, To             moment
	Examples             []option
}

var ruleActions = []string{rules.ActionHold, rules.ActionReject, rules.ActionLabel, rules.ActionRoute}

func (v *visit) rules(draft *rules.Rule) (rulesPage, error) {
	p := rulesPage{page: v.page("rules.title"), Draft: rules.Rule{Action: rules.ActionHold, Enabled: true, Shadow: true}}
	list, err := v.desk.SiteRules(v.ctx(), v.who, v.site)
	if err != nil {
		return p, err
	}
	chosen := v.r.URL.Query().Get("rule")
	for _, r := range list.Rules {
		state := "rules.on"
		switch {
		case !r.Enabled:
			state = "rules.off"
		case r.Shadow:
			state = "rules.shadow"
		}
		p.Rules = append(p.Rules, ruleRow{
			Rule: r, ActionText: v.words.Or("rules.action."+r.Action, r.Action), StateText: v.words.T(state),
			URL: with(v.home+"/rules", nil, "rule", r.ID) + "#rule",
		})
		if r.ID == chosen {
			p.Draft = r
		}
	}
	if draft != nil {
		p.Draft = *draft
	}
	p.Actions = p.options("rules.action.", ruleActions, p.Draft.Action)
	return p, nil
}

func getRules(v *visit) error {
	p, err := v.rules(nil)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "rules", p)
}

// postRule saves a rule, or tries it on past decisions.
func postRule(v *visit) error {
	form := v.r.PostForm
	draft := rules.Rule{
		ID: form.Get("id"), Name: form.Get("name"), Source: form.Get("source"), Action: form.Get("action"),
		Argument: form.Get("argument"), Enabled: form.Get("enabled") != "", Shadow: form.Get("shadow") != "",
	}
	var report *rules.Report
	var err error
	if form.Get("do") == "try" {
		report, err = v.desk.Backtest(v.ctx(), v.who, v.site, draft)
	} else {
		_, err = v.desk.PutRule(v.ctx(), v.who, v.site, draft)
	}
	if err == nil && report == nil {
		return v.see("/rules")
	}
	p, loadErr := v.rules(&draft)
	if loadErr != nil {
		return errors.Join(err, loadErr)
	}
	var refused *rules.CompileError
	switch {
	case errors.As(err, &refused):
		p.Problem, p.Line, p.Column = refused.Error(), refused.Line, refused.Column
		return v.render(http.StatusUnprocessableEntity, "rules", p)
	case errors.Is(err, rules.ErrRule):
		p.Problem = err.Error()
		return v.render(http.StatusUnprocessableEntity, "rules", p)
	case err != nil:
		return err
	}
	p.Report = v.ruleReport(report)
	return v.render(http.StatusOK, "rules", p)
}

func (v *visit) ruleReport(r *rules.Report) *ruleReport {
	now := v.Now()
	out := &ruleReport{
		Report: *r, Agreement: v.words.Percent(r.Agreement), Low: v.words.Percent(r.Low), High: v.words.Percent(r.High),
		From: v.words.moment(r.From, now), To: v.words.moment(r.To, now),
	}
	for i, id := range r.Published {
		if i == 10 {
			break
		}
		out.Examples = append(out.Examples, option{Value: v.home + "/items/" + id, Text: id})
	}
	return out
}

func deleteRule(v *visit) error {
	if err := v.desk.DeleteRule(v.ctx(), v.who, v.site, v.r.PostForm.Get("id")); err != nil {
		return err
	}
	return v.see("/rules")
}

// Codes lists what a rule can ask for with has("…").
func (p rulesPage) Codes() []string { return signalCodes }

// ReasonCodes lists the reasons that a rejection can rest on.
func (p rulesPage) ReasonCodes() []string {
	all := moderation.Reasons()
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = r.Code
	}
	return out
}
