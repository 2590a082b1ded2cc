package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

func isConflict(err error) bool { return errors.Is(err, lifecycle.ErrConflict) }

func getQueue(c *call) error {
	p := c.query()
	f := moderation.Filter{
		Kinds: p.listOf("kind", kinds()...), Languages: p.languages("language"), Reasons: p.list("reason"),
		Labels: p.list("label"), AuthorID: p.text("author"), Reporter: p.text("reporter"), Cluster: p.text("cluster"),
		MinAge: p.duration("min_age"), MaxAge: p.duration("max_age"),
	}
	switch product, board := p.text("product"), p.text("board"); {
	case product != "":
		f.SubjectType, f.Subject = string(content.ProductSubject), product
	case board != "":
		f.SubjectType, f.Subject = string(content.BoardSubject), board
	}
	if reported := p.flag("reported"); reported != nil && *reported {
		f.MinReporters = 1
	}
	paging := lifecycle.Paging{Limit: p.limit(), Cursor: p.text("cursor")}
	if err := p.err(); err != nil {
		return err
	}
	page, err := c.svc.Queue(c, c.who, c.site, f, paging)
	if err != nil {
		return err
	}
	c.linkNext(page.Next)
	return c.send(http.StatusOK, page)
}

// duration is a span such as 90m or 48h.
func (p *params) duration(name string) time.Duration {
	s := p.text(name)
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		p.bad.Add(name, "invalid", "must be a span such as 90m or 48h")
		return 0
	}
	return d
}

func getDeskSearch(c *call) error {
	p := c.query()
	q := c.searchQuery(p)
	for _, s := range content.States() {
		for _, want := range p.list("state") {
			if want == string(s) {
				q.States = append(q.States, want)
			}
		}
	}
	if p.Has("state") && len(q.States) != len(p.list("state")) {
		p.bad.Add("state", "invalid", "must hold only states")
	}
	if err := p.err(); err != nil {
		return err
	}
	page, err := c.svc.DeskSearch(c, c.who, q)
	if err != nil {
		return err
	}
	c.linkNext(page.Next)
	return c.send(http.StatusOK, page)
}

func getCase(c *call) error {
	item, err := c.svc.Case(c, c.who, c.site, c.Param("id"))
	if err != nil {
		return err
	}
	c.Header("ETag", lifecycle.RevTag(item.Content.Rev))
	return c.send(http.StatusOK, item)
}

func postClaim(c *call) error {
	claim, err := c.svc.Claim(c, c.who, c.site, c.Param("id"))
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, claim)
}

func deleteClaim(c *call) error {
	if err := c.svc.Release(c, c.who, c.site, c.Param("id")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// decision is the request to decide about one content.
type decision struct {
	Action  string   `json:"action"`
	Reasons []string `json:"reasons"`
	// Message is told to the author, Note to other moderators.
	Message string `json:"message"`
	Note    string `json:"note"`
	Rev     int64  `json:"rev"`
}

func (d decision) decide() lifecycle.Decision {
	return lifecycle.Decision{
		Action: moderation.Action(d.Action), Reasons: d.Reasons, Message: d.Message, Note: d.Note, Rev: d.Rev,
	}
}

func postDecision(c *call) error {
	var req decision
	if err := c.bind(&req); err != nil {
		return err
	}
	p, err := c.svc.Decide(c, c.who, c.site, c.Param("id"), req.decide())
	if err != nil {
		return err
	}
	c.Header("ETag", lifecycle.RevTag(p.Rev))
	return c.send(http.StatusOK, p)
}

// maxBulk bounds the contents of one bulk decision.
const maxBulk = 500

// decisions is the request to decide alike about many contents.
type decisions struct {
	Action  string   `json:"action"`
	Reasons []string `json:"reasons"`
	Message string   `json:"message"`
	Note    string   `json:"note"`
	Items   []target `json:"items"`
}

type target struct {
	ID  string `json:"id"`
	Rev int64  `json:"rev"`
}

// decided is what came of one of many: the content, or the problem.
type decided struct {
	ID      string           `json:"id"`
	Content *content.Private `json:"content,omitempty"`
	Problem *Problem         `json:"problem,omitempty"`
}

// decidedAll is the answer to a bulk decision.
type decidedAll struct {
	Done    int       `json:"done"`
	Failed  int       `json:"failed"`
	Results []decided `json:"results"`
}

func postDecisions(c *call) error {
	var req decisions
	if err := c.bind(&req); err != nil {
		return err
	}
	d := decision{Action: req.Action, Reasons: req.Reasons, Message: req.Message, Note: req.Note, Rev: 1}.decide()
	if err := d.Validate(); err != nil {
		return err
	}
	targets, err := targetsOf(req.Items)
	if err != nil {
		return err
	}
	results, err := c.svc.DecideAll(c, c.who, c.site, targets, d)
	if err != nil {
		return err
	}
	return c.sendResults(results)
}

// targetsOf reads the contents that a bulk request names.
func targetsOf(items []target) ([]lifecycle.Target, error) {
	if len(items) == 0 || len(items) > maxBulk {
		var e content.Invalid
		e.Add("items", "out_of_range", "must name 1 to %d contents", maxBulk)
		return nil, e
	}
	targets := make([]lifecycle.Target, len(items))
	for i, t := range items {
		targets[i] = lifecycle.Target{ID: t.ID, Rev: t.Rev}
	}
	return targets, nil
}

// sendResults says of each of many contents what came of it.
func (c *call) sendResults(results []lifecycle.Result) error {
	out := decidedAll{Results: make([]decided, len(results))}
	for i, r := range results {
		out.Results[i] = decided{ID: r.ID}
		if r.Err != nil {
			p := problemOf(r.Err)
			if p.Status >= 500 {
				c.api.Log.Error("one of many failed", "content", r.ID, "err", r.Err)
			}
			out.Results[i].Problem = &p
			out.Failed++
			continue
		}
		out.Results[i].Content = &r.Content
		out.Done++
	}
	return c.send(http.StatusOK, out)
}

func getAudit(c *call) error {
	p, err := c.paging()
	if err != nil {
		return err
	}
	page, err := c.svc.Audit(c, c.who, c.site, p)
	if err != nil {
		return err
	}
	c.linkNext(page.Next)
	return c.send(http.StatusOK, page)
}

func getStats(c *call) error {
	stats, err := c.svc.Stats(c, c.who, c.site)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, stats)
}
