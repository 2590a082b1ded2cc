package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/language"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// submission is the request to submit any kind of content.
type submission struct {
	Rating       *int              `json:"rating"`
	Ratings      map[string]int    `json:"ratings"`
	Title        string            `json:"title"`
	Body         string            `json:"body"`
	Language     string            `json:"language"`
	Media        []content.Media   `json:"media"`
	Attributes   map[string]string `json:"attributes"`
	Incentivized bool              `json:"incentivized"`
}

func (s submission) version() content.Version {
	return content.Version{
		Rating: stars(s.Rating), Ratings: s.Ratings, Title: strings.TrimSpace(s.Title), Body: strings.TrimSpace(s.Body),
		Language: s.Language, Media: s.Media, Attributes: s.Attributes, Incentivized: s.Incentivized,
	}
}

// stars tells a rating of 0, which is out of range, from none.
func stars(n *int) int {
	switch {
	case n == nil:
		return 0
	case *n == 0:
		return -1
	}
	return *n
}

// submitTo takes in a review or question of a product, or a topic of a board.
func submitTo(kind content.Kind) func(*call) error {
	return func(c *call) error {
		in := lifecycle.Submission{Kind: kind, Subject: content.ProductOf(c.Param("product"))}
		if kind == content.Topic {
			in.Subject = content.BoardOf(c.Param("board"))
		}
		return c.submit(in)
	}
}

func submitReply(c *call) error { return c.submit(lifecycle.Submission{Parent: c.Param("id")}) }

func (c *call) submit(in lifecycle.Submission) error {
	body, err := readBody(c.Request, maxJSON)
	if err != nil {
		return err
	}
	var req submission
	if err := decode(body, &req); err != nil {
		return err
	}
	in.Site, in.Text, in.Spoken = c.site, req.version(), c.spoken()
	if in.Key, err = c.idempotencyKey(); err != nil {
		return err
	}
	if in.Key != "" {
		sum := sha256.Sum256(append([]byte(c.Request.Method+" "+c.Request.URL.Path+"\n"), body...))
		in.Hash = hex.EncodeToString(sum[:])
	}
	done, err := c.svc.Submit(c, c.who, in)
	if err != nil {
		return err
	}
	c.Header("Location", "/v1/sites/"+c.site+"/contents/"+done.ID)
	c.Header("ETag", lifecycle.RevTag(done.Rev))
	c.Header("Cache-Control", "private, no-store")
	if done.Replayed {
		c.Header("Idempotent-Replayed", "true")
	}
	c.Data(http.StatusCreated, jsonType, done.Body)
	return nil
}

// spoken are the languages that the asker's browser asks for, best first.
func (c *call) spoken() []string {
	header := c.GetHeader("Accept-Language")
	if len(header) > maxParam {
		return nil
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return nil // a hint that cannot be read is no hint
	}
	var out []string
	for _, tag := range tags[:min(len(tags), 5)] {
		base, _ := tag.Base()
		out = append(out, base.String())
	}
	return out
}

// maxKey bounds an Idempotency-Key in bytes.
const maxKey = 255

// idempotencyKey reads the header of that name; RFC draft
// ietf-httpapi-idempotency-key-header makes it a quoted string, clients often
// send it bare.
func (c *call) idempotencyKey() (string, error) {
	key := strings.Trim(c.GetHeader("Idempotency-Key"), `"`)
	printable := strings.IndexFunc(key, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
	if len(key) > maxKey || !printable {
		return "", &detailError{err: errParameter, field: "Idempotency-Key", text: fmt.Sprintf("must be at most %d printable characters", maxKey)}
	}
	return key, nil
}

// edit is the request to change a content; absent fields stay as they are.
type edit struct {
	Rating       *int              `json:"rating"`
	Ratings      map[string]int    `json:"ratings"`
	Title        *string           `json:"title"`
	Body         *string           `json:"body"`
	Language     *string           `json:"language"`
	Media        *[]content.Media  `json:"media"`
	Attributes   map[string]string `json:"attributes"`
	Incentivized *bool             `json:"incentivized"`
}

func patchContent(c *call) error {
	rev, err := c.ifMatch(true)
	if err != nil {
		return err
	}
	var req edit
	if err := c.bind(&req); err != nil {
		return err
	}
	e := lifecycle.Edit{
		Ratings: req.Ratings, Title: trimmed(req.Title), Body: trimmed(req.Body), Language: req.Language,
		Media: req.Media, Attributes: req.Attributes, Incentivized: req.Incentivized,
	}
	if req.Rating != nil {
		n := stars(req.Rating)
		e.Rating = &n
	}
	p, err := c.svc.Edit(c, c.who, c.site, c.Param("id"), rev, e)
	if err != nil {
		return stale(err)
	}
	c.Header("ETag", lifecycle.RevTag(p.Rev))
	return c.send(http.StatusOK, p)
}

func trimmed(s *string) *string {
	if s == nil {
		return nil
	}
	t := strings.TrimSpace(*s)
	return &t
}

// ifMatch reads the revision of an If-Match header: 0 for "*" or, where it is
// not required, none.
func (c *call) ifMatch(required bool) (int64, error) {
	tag := c.GetHeader("If-Match")
	switch {
	case tag == "" && required:
		return 0, &detailError{err: errNeedMatch, field: "If-Match", text: `send the ETag of the content, for example If-Match: "1"`}
	case tag == "", tag == "*" && !required:
		return 0, nil
	}
	rev, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
	if err != nil || rev < 1 {
		return 0, &detailError{err: errPrecondition, field: "If-Match", text: "is not the ETag of this content"}
	}
	return rev, nil
}

// stale turns a conflict into the failed precondition that it is for a client
// that sent If-Match.
func stale(err error) error {
	if isConflict(err) {
		return fmt.Errorf("%w: %w", errPrecondition, anonymous(err))
	}
	return err
}

// anonymous leaves out of a conflict who made the last change: authors must not
// learn which moderator decided.
func anonymous(err error) error {
	if c := (*lifecycle.ConflictError)(nil); errors.As(err, &c) {
		return &lifecycle.ConflictError{Rev: c.Rev, State: c.State}
	}
	return err
}

func deleteContent(c *call) error {
	rev, err := c.ifMatch(false)
	if err != nil {
		return err
	}
	if err := c.svc.Withdraw(c, c.who, c.site, c.Param("id"), rev); err != nil {
		if rev != 0 {
			return stale(err)
		}
		return anonymous(err)
	}
	c.Status(http.StatusNoContent)
	return nil
}

// vote is the request to vote.
type vote struct {
	Value *int `json:"value"`
}

// voted is the answer: the sum, and one's own vote.
type voted struct {
	content.Votes
	Value int `json:"value"`
}

func putVote(c *call) error {
	var req vote
	if err := c.bind(&req); err != nil {
		return err
	}
	if req.Value == nil {
		var e content.Invalid
		e.Add("value", "required", "must be 1, 0 or -1")
		return e
	}
	sum, err := c.svc.Vote(c, c.who, c.site, c.Param("id"), *req.Value)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, voted{Votes: sum, Value: *req.Value})
}

// acceptRequest names the answer that settled a question; empty takes the mark
// off.
type acceptRequest struct {
	Answer string `json:"answer"`
}

func putAccepted(c *call) error {
	var req acceptRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	p, err := c.svc.Accept(c, c.who, c.site, c.Param("id"), req.Answer)
	if err != nil {
		return anonymous(err)
	}
	c.Header("ETag", lifecycle.RevTag(p.Rev))
	return c.send(http.StatusOK, p)
}

// report is the request to report a content.
type report struct {
	Reason string `json:"reason"`
	Note   string `json:"note"`
}

func postReport(c *call) error {
	var req report
	if err := c.bind(&req); err != nil {
		return err
	}
	r, err := c.svc.Report(c, c.who, c.site, c.Param("id"), req.Reason, strings.TrimSpace(req.Note))
	if err != nil {
		return err
	}
	return c.send(http.StatusCreated, r)
}

func listMine(c *call) error {
	p, err := c.paging()
	if err != nil {
		return err
	}
	page, err := c.svc.Mine(c, c.who, c.site, p)
	if err != nil {
		return err
	}
	c.linkNext(page.Next)
	return c.send(http.StatusOK, page)
}

// exportMine streams everything that is stored about the asker, one JSON object
// a line.
func exportMine(c *call) error {
	c.Header("Content-Type", "application/x-ndjson; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="candor-export.jsonl"`)
	c.Header("Cache-Control", "private, no-store")
	enc := json.NewEncoder(c.Writer)
	for row, err := range c.svc.ExportPerson(c, c.who, c.site) {
		if err != nil {
			return err
		}
		if err := enc.Encode(row); err != nil {
			return fmt.Errorf("send export: %w", err)
		}
	}
	return nil
}

func deleteMe(c *call) error {
	receipt, err := c.svc.Erase(c, c.who, c.site)
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, receipt)
}
