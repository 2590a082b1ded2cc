package api

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/api/shelf"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
)

// listProduct lists the reviews of, or questions about, a product.
func listProduct(kind content.Kind) func(*call) error {
	return func(c *call) error { return c.list(content.ProductOf(c.Param("product")), kind) }
}

func listTopics(c *call) error { return c.list(content.BoardOf(c.Param("board")), content.Topic) }

// sorts are the orders of a listing.
var sorts = []string{"newest", "oldest", "highest", "lowest", "helpful", "relevant"}

func (c *call) list(subject content.Subject, kind content.Kind) error {
	q, err := c.listing()
	if err != nil {
		return err
	}
	q.Subject, q.Kind = subject, kind
	page, err := c.svc.List(c, q)
	if err != nil {
		return err
	}
	c.linkNext(lifecycle.Cursor(page.Next))
	return c.public(page.Body, page.ETag)
}

// listing reads the parameters that every listing knows.
func (c *call) listing() (lifecycle.Listing, error) {
	q := lifecycle.Listing{Query: shelf.Query{Site: c.site}}
	if c.Request.URL.RawQuery == "" {
		return q, nil
	}
	p := c.query()
	q.Text = p.text("q")
	q.Sort = shelf.Sort(p.oneOf("sort", sorts...))
	if q.Sort == shelf.Relevant && q.Text == "" {
		p.bad.Add("sort", "invalid", "relevant needs q")
	}
	q.Ratings, q.Languages = p.stars("rating"), p.languages("language")
	q.Verified, q.Media, q.Incentivized = p.flag("verified"), p.flag("media"), p.flag("incentivized")
	if len(q.Languages) == 1 {
		q.QueryLanguage = q.Languages[0]
	}
	q.Limit, q.Cursor = p.limit(), p.text("cursor")
	return q, p.err()
}

func getSummary(c *call) error {
	page, err := c.svc.Summary(c, c.site, c.Param("product"))
	if err != nil {
		return err
	}
	return c.public(page.Body, page.ETag)
}

// getSummaries sums up several products at once, for category pages; products
// that are not known are left out.
func getSummaries(c *call) error {
	p := c.query()
	products := p.list("products")
	if len(products) == 0 && len(p.bad) == 0 {
		p.bad.Add("products", "required", "must name 1 to 100 products, separated by commas")
	}
	if err := p.err(); err != nil {
		return err
	}
	out := struct {
		Items []json.RawMessage `json:"items"`
	}{Items: []json.RawMessage{}}
	slices.Sort(products)
	for _, product := range slices.Compact(products) {
		page, err := c.svc.Summary(c, c.site, product)
		if errors.Is(err, lifecycle.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		out.Items = append(out.Items, page.Body)
	}
	return c.publicJSON(out)
}

func getProduct(c *call) error {
	p, err := c.svc.PublicProduct(c, c.site, c.Param("product"))
	if err != nil {
		return err
	}
	return c.publicJSON(p)
}

func getBoard(c *call) error {
	b, err := c.svc.Board(c, c.site, c.Param("board"))
	if err != nil {
		return err
	}
	return c.publicJSON(b)
}

func (c *call) paging() (lifecycle.Paging, error) {
	p := c.query()
	out := lifecycle.Paging{Limit: p.limit(), Cursor: p.text("cursor")}
	return out, p.err()
}

func listBoards(c *call) error {
	p, err := c.paging()
	if err != nil {
		return err
	}
	page, err := c.svc.Boards(c, c.site, p)
	if err != nil {
		return err
	}
	c.linkNext(page.Next)
	return c.publicJSON(page)
}

// getContent gives one content; what its author and moderators get depends on
// who asks, so caches must tell askers apart.
func getContent(c *call) error {
	item, err := c.svc.Content(c, c.who, c.site, c.Param("id"))
	if err != nil {
		return err
	}
	c.Header("Vary", "Authorization")
	if !item.Private {
		return c.public(item.Body, item.ETag)
	}
	c.Header("Cache-Control", "private, no-cache")
	c.Header("ETag", item.ETag)
	c.Data(200, jsonType, item.Body)
	return nil
}

func listReplies(c *call) error {
	q, err := c.listing()
	if err != nil {
		return err
	}
	if q.Text != "" {
		var e content.Invalid
		e.Add("q", "not_allowed", "replies cannot be searched; use search")
		return errors.Join(errParameter, e)
	}
	page, err := c.svc.Replies(c, c.Param("id"), q.Query)
	if err != nil {
		return err
	}
	c.linkNext(lifecycle.Cursor(page.Next))
	return c.public(page.Body, page.ETag)
}

// kinds are the words of the kind parameter.
func kinds() []string {
	var out []string
	for _, k := range content.Kinds() {
		out = append(out, string(k))
	}
	return out
}

// searchQuery reads the parameters of a search.
func (c *call) searchQuery(p *params) search.Query {
	q := search.Query{
		Site: c.site, Text: p.text("q"), Kinds: p.listOf("kind", kinds()...), Ratings: p.stars("rating"),
		Verified: p.flag("verified"), Media: p.flag("media"), Incentivized: p.flag("incentivized"),
		Limit: p.limit(), After: p.text("cursor"), Explain: p.Get("explain") == "true",
	}
	if sort := p.oneOf("sort", sorts...); sort != "relevant" {
		q.Sort = sort
	}
	if l := p.Get("language"); l == search.AnyLanguage {
		q.Language = l
	} else if q.Languages = p.languages("language"); len(q.Languages) == 1 {
		q.Language = l // the text is read as that language too
	}
	product, board := p.text("product"), p.text("board")
	switch {
	case product != "" && board != "":
		p.bad.Add("board", "not_allowed", "name a product or a board, not both")
	case product != "":
		q.SubjectType, q.Subject = string(content.ProductSubject), product
	case board != "":
		q.SubjectType, q.Subject = string(content.BoardSubject), board
	}
	if q.Text == "" && len(p.bad) == 0 {
		p.bad.Add("q", "required", "must say what to look for")
	}
	return q
}

func getSearch(c *call) error {
	p := c.query()
	q := c.searchQuery(p)
	if err := p.err(); err != nil {
		return err
	}
	page, err := c.svc.Search(c, c.who, q)
	if err != nil {
		return err
	}
	c.linkNext(page.Next)
	if q.Explain {
		return c.send(200, page)
	}
	return c.publicJSON(page)
}

// getReasons publishes the reasons for which something may be rejected.
func getReasons(c *call) error {
	return c.publicJSON(struct {
		Items []moderation.Reason `json:"items"`
	}{moderation.Reasons()})
}

// getSuggestions answers while a shopper types a question.
func getSuggestions(c *call) error {
	p := c.query()
	q := search.SuggestQuery{
		Site: c.site, Product: c.Param("product"), Text: p.text("q"), Language: p.text("language"), Limit: p.number("limit", 0),
	}
	if q.Text == "" && len(p.bad) == 0 {
		p.bad.Add("q", "required", "must hold what was typed so far")
	}
	if p.Has("limit") && (q.Limit < 1 || q.Limit > 20) {
		p.bad.Add("limit", "out_of_range", "must be a whole number from 1 to 20")
	}
	if l := q.Language; l != "" && l != search.AnyLanguage && !content.ValidLanguage(l) {
		p.bad.Add("language", "invalid", "must be a language tag such as en or tr, or any")
	}
	if err := p.err(); err != nil {
		return err
	}
	found, err := c.svc.Suggest(c, q)
	if err != nil {
		return err
	}
	return c.publicJSON(found)
}

// standouts is the answer of getStandouts.
type standouts struct {
	Items []lifecycle.Standout `json:"items"`
}

// getStandouts gives the terms that stand out in the reviews of a product.
func getStandouts(c *call) error {
	p := c.query()
	n := p.number("limit", 10)
	if n < 1 || n > 50 {
		p.bad.Add("limit", "out_of_range", "must be a whole number from 1 to 50")
	}
	if err := p.err(); err != nil {
		return err
	}
	items, err := c.svc.Standouts(c, c.site, c.Param("product"), n)
	if err != nil {
		return err
	}
	return c.publicJSON(standouts{items})
}
