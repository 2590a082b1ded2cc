package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/rules"
)

// ruleRequest is the request to add, change or try out a rule.
type ruleRequest struct {
	Name     string `json:"name"`
	Source   string `json:"source"`
	Action   string `json:"action"`
	Argument string `json:"argument"`
	Enabled  bool   `json:"enabled"`
	Shadow   bool   `json:"shadow"`
}

func (r ruleRequest) rule(id string) rules.Rule {
	return rules.Rule{
		ID: id, Name: r.Name, Source: r.Source, Action: r.Action, Argument: r.Argument, Enabled: r.Enabled, Shadow: r.Shadow,
	}
}

func listRules(c *call) error {
	v, err := c.svc.SiteRules(c, c.who, c.site)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, v)
}

func postRule(c *call) error { return c.putRule("", http.StatusCreated) }

func putRule(c *call) error { return c.putRule(c.Param("rule"), http.StatusOK) }

func (c *call) putRule(id string, status int) error {
	var req ruleRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	r, err := c.svc.PutRule(c, c.who, c.site, req.rule(id))
	if err != nil {
		return ruleError(err)
	}
	return c.send(status, r)
}

func deleteRule(c *call) error {
	if err := c.svc.DeleteRule(c, c.who, c.site, c.Param("rule")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func postBacktest(c *call) error {
	var req ruleRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	if req.Name == "" {
		req.Name = "backtest"
	}
	report, err := c.svc.Backtest(c, c.who, c.site, req.rule("backtest"))
	if err != nil {
		return ruleError(err)
	}
	return c.send(http.StatusOK, report)
}

// ruleError names the place in the source of a rule that was refused.
func ruleError(err error) error {
	var bad *rules.CompileError
	if !errors.As(err, &bad) {
		return err
	}
	var e content.Invalid
	if bad.Line > 0 {
		e.Add("source", "syntax", "line %d, column %d: %s", bad.Line, bad.Column, bad.Reason)
	} else {
		e.Add("rule", "invalid", "%s", bad.Reason)
	}
	return e
}

// policyRequest is the request to change the policies by kind.
type policyRequest struct {
	Kinds map[string]moderation.Policy `json:"kinds"`
}

func getPolicies(c *call) error {
	v, err := c.svc.Policies(c, c.who, c.site)
	if err != nil {
		return err
	}
	c.Header("ETag", lifecycle.RevTag(v.Rev))
	return c.send(http.StatusOK, v)
}

func putPolicies(c *call) error {
	rev, err := c.settingsRev()
	if err != nil {
		return err
	}
	var req policyRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	v, err := c.svc.ChangePolicies(c, c.who, c.site, req.Kinds, rev)
	if err != nil {
		return stale(err)
	}
	c.Header("ETag", lifecycle.RevTag(v.Rev))
	return c.send(http.StatusOK, v)
}

func getFigures(c *call) error {
	p := c.query()
	days := p.number("days", 30)
	if err := p.err(); err != nil {
		return err
	}
	f, err := c.svc.Figures(c, c.who, c.site, days)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, f)
}

// exportAudit streams the audit chain as CSV or JSON Lines.
func exportAudit(c *call) error {
	p := c.query()
	format := p.oneOf("format", "csv", "jsonl")
	if err := p.err(); err != nil {
		return err
	}
	if format == "csv" {
		c.Header("Content-Type", "text/csv; charset=utf-8")
	} else {
		format = "jsonl"
		c.Header("Content-Type", "application/x-ndjson; charset=utf-8")
	}
	c.Header("Cache-Control", "private, no-store")
	c.Header("Content-Disposition", fmt.Sprintf(`attachment; filename="audit-%s.%s"`, c.site, format))
	return c.svc.ExportAudit(c, c.who, c.site, format, c.Writer)
}
