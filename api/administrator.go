package api

import (
	"net/http"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// productRequest is the request to add or change a catalogue entry.
type productRequest struct {
	Name        string `json:"name"`
	URL         string `json:"url"`
	Image       string `json:"image"`
	Brand       string `json:"brand"`
	GTIN        string `json:"gtin"`
	Description string `json:"description"`
	Group       string `json:"group"`
}

func putProduct(c *call) error {
	var req productRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	p, err := c.svc.PutProduct(c, c.who, content.Product{
		Site: c.site, ID: c.Param("product"), Name: req.Name, URL: req.URL, Image: req.Image,
		Brand: req.Brand, GTIN: req.GTIN, Description: req.Description, Group: req.Group,
	})
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, p)
}

func listProducts(c *call) error {
	p, err := c.paging()
	if err != nil {
		return err
	}
	page, err := c.svc.Products(c, c.site, p)
	if err != nil {
		return err
	}
	c.linkNext(page.Next)
	return c.send(http.StatusOK, page)
}

// boardRequest is the request to add or change a board.
type boardRequest struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Language    string `json:"language"`
}

func putBoard(c *call) error {
	var req boardRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	b, err := c.svc.PutBoard(c, c.who, content.Board{
		Site: c.site, ID: c.Param("board"), Name: req.Name, Description: req.Description, Language: req.Language,
	})
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, b)
}

func getSettings(c *call) error {
	s, err := c.svc.SiteSettings(c, c.site)
	if err != nil {
		return err
	}
	c.Header("ETag", lifecycle.RevTag(s.Rev))
	return c.send(http.StatusOK, s)
}

// settingsRequest is the request to change the settings; absent fields stay.
type settingsRequest struct {
	Languages        *[]string              `json:"languages"`
	UnknownProducts  *bool                  `json:"unknown_products"`
	PriorMean        *float64               `json:"prior_mean"`
	PriorWeight      *float64               `json:"prior_weight"`
	ReportsToRequeue *int                   `json:"reports_to_requeue"`
	Regions          *[]string              `json:"regions"`
	Domains          *[]string              `json:"domains"`
	Synonyms         *map[string][][]string `json:"synonyms"`
}

func (r settingsRequest) on(s content.Settings) content.Settings {
	put(&s.Languages, r.Languages)
	put(&s.UnknownProducts, r.UnknownProducts)
	put(&s.PriorMean, r.PriorMean)
	put(&s.PriorWeight, r.PriorWeight)
	put(&s.ReportsToRequeue, r.ReportsToRequeue)
	put(&s.Synonyms, r.Synonyms)
	put(&s.Regions, r.Regions)
	put(&s.Domains, r.Domains)
	return s
}

func put[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func putSettings(c *call) error {
	rev, err := c.settingsRev()
	if err != nil {
		return err
	}
	var req settingsRequest
	if err := c.bind(&req); err != nil {
		return err
	}
	now, err := c.svc.SiteSettings(c, c.site)
	if err != nil {
		return err
	}
	s, err := c.svc.ChangeSettings(c, c.who, c.site, req.on(now), rev)
	if err != nil {
		return stale(err)
	}
	c.Header("ETag", lifecycle.RevTag(s.Rev))
	return c.send(http.StatusOK, s)
}

// settingsRev is like ifMatch, but settings nobody changed are at revision 0.
func (c *call) settingsRev() (int64, error) {
	if c.GetHeader("If-Match") == lifecycle.RevTag(0) {
		return 0, nil
	}
	return c.ifMatch(true)
}
