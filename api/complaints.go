package api

import (
	"net/http"
	"strings"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// appealRequest is an author's complaint about a decision.
type appealRequest struct {
	Text string `json:"text"`
}

func postAppeal(c *call) error {
	var req appealRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	p, err := c.svc.Appeal(c, c.who, c.site, c.Param("id"), strings.TrimSpace(req.Text))
	if err != nil {
		return anonymous(err)
	}
	c.Header("ETag", lifecycle.RevTag(p.Rev))
	return c.send(http.StatusCreated, p)
}

// noticeRequest is a notice of illegal content (DSA article 16).
type noticeRequest struct {
	Explanation string `json:"explanation"`
	Name        string `json:"name"`
	Email       string `json:"email"`
	GoodFaith   bool   `json:"good_faith"`
	ChildAbuse  bool   `json:"child_abuse"`
}

func postNotice(c *call) error {
	var req noticeRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	receipt, err := c.svc.Notify(c, c.site, c.Param("id"), moderation.Notice{
		Explanation: req.Explanation, Location: "/v1/sites/" + c.site + "/contents/" + c.Param("id"),
		Name: req.Name, Email: req.Email, GoodFaith: req.GoodFaith, ChildAbuse: req.ChildAbuse,
	})
	if err != nil {
		return err
	}
	c.Header("Location", "/v1/sites/"+c.site+"/notices/"+receipt.ID)
	return c.send(http.StatusCreated, receipt)
}

func getNotice(c *call) error {
	receipt, err := c.svc.Notice(c, c.site, c.Param("notice"))
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, receipt)
}

func listMyReports(c *call) error {
	p, err := c.paging()
	if err != nil {
		return err
	}
	page, err := c.svc.MyReports(c, c.who, c.site, p)
	if err != nil {
		return err
	}
	c.linkNext(page.Next)
	return c.send(http.StatusOK, page)
}

// revRequest names the revision that is meant.
type revRequest struct {
	Rev int64 `json:"rev"`
}

func postUndo(c *call) error {
	var req revRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	if req.Rev < 1 {
		var e content.Invalid
		e.Add("rev", "required", "must be the revision that the decision made")
		return e
	}
	p, err := c.svc.Undo(c, c.who, c.site, c.Param("id"), req.Rev)
	if err != nil {
		return err
	}
	c.Header("ETag", lifecycle.RevTag(p.Rev))
	return c.send(http.StatusOK, p)
}

// undoRequest names decisions to take back.
type undoRequest struct {
	Items []target `json:"items"`
}

func postUndoAll(c *call) error {
	var req undoRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	targets, err := targetsOf(req.Items)
	if err != nil {
		return err
	}
	results, err := c.svc.UndoAll(c, c.who, c.site, targets)
	if err != nil {
		return err
	}
	return c.sendResults(results)
}

// passRequest hands a content to somebody else.
type passRequest struct {
	Kind string `json:"kind"`
	Note string `json:"note"`
	Rev  int64  `json:"rev"`
}

func postPass(c *call) error {
	var req passRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	p, err := c.svc.PassOn(c, c.who, c.site, c.Param("id"), req.Kind, strings.TrimSpace(req.Note), req.Rev)
	if err != nil {
		return err
	}
	c.Header("ETag", lifecycle.RevTag(p.Rev))
	return c.send(http.StatusOK, p)
}

// noteRequest is a note to other moderators.
type noteRequest struct {
	Text string `json:"text"`
}

func postNote(c *call) error {
	var req noteRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	n, err := c.svc.AddNote(c, c.who, c.site, c.Param("id"), req.Text)
	if err != nil {
		return err
	}
	return c.send(http.StatusCreated, n)
}

func getAuthor(c *call) error {
	p, err := c.paging()
	if err != nil {
		return err
	}
	person, err := c.svc.Author(c, c.who, c.site, c.Param("author"), p)
	if err != nil {
		return err
	}
	c.linkNext(person.Contents.Next)
	return c.send(http.StatusOK, person)
}
