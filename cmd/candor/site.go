package main

import (
	"context"
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
)

type siteCmd struct {
	Create siteCreateCmd `cmd:"" help:"Make a site with a secret of its own."`
	List   siteListCmd   `cmd:"" help:"List the sites."`
}

type siteCreateCmd struct {
	dataFlags
	Name string `arg:"" help:"Name of the site: lower-case letters, digits and hyphens."`
}

// Run makes a site. A running service finds it when it is first asked for.
func (c *siteCreateCmd) Run(s streams) error {
	if !content.ValidSite(c.Name) {
		return usagef("the name must be lower-case letters, digits and hyphens, at most 64")
	}
	sites := newSites(c.dataFlags)
	defer sites.Close()
	if _, err := sites.Create(c.Name); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, `Site %[1]s is made. Its keys are in %[2]s/%[1]s.json; keep that file secret.

Your shop signs people in with JSON Web Tokens (HS256, the "secret" of that file):
  {"aud": "candor", "site": "%[1]s", "sub": "customer id", "name": "shown name",
   "roles": ["shopper"], "purchases": ["product id"], "exp": 1799999999}

For trying things out:
  candor token --data %[3]s --site %[1]s --sub alice --role shopper
`, c.Name, c.sitesDir(), c.Data)
	return err
}

func newSites(d dataFlags) *auth.Sites { return auth.NewSites(d.sitesDir(), time.Now) }

type siteListCmd struct{ dataFlags }

// Run lists the sites by name.
func (c *siteListCmd) Run(s streams) error {
	sites := newSites(c.dataFlags)
	defer sites.Close()
	names, err := sites.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := fmt.Fprintln(s.out, name); err != nil {
			return err
		}
	}
	return nil
}

type tokenCmd struct {
	dataFlags
	Site      string        `required:"" help:"Site the token is for."`
	Sub       string        `required:"" help:"Id of the person."`
	Name      string        `help:"Name that is shown."`
	Role      content.Role  `default:"shopper" enum:"shopper,staff,moderator,admin" help:"shopper, staff, moderator or admin."`
	Purchased []string      `placeholder:"PRODUCT" help:"Products the person bought."`
	TTL       time.Duration `default:"1h" name:"ttl" help:"Life of the token."`
}

// Run prints one token and nothing else. It reads the site's file alone, so it
// works while the service runs.
func (c *tokenCmd) Run(_ context.Context, s streams) error {
	sites := newSites(c.dataFlags)
	defer sites.Close()
	if err := needSite(sites, c.Site); err != nil {
		return err
	}
	site, err := sites.Get(c.Site)
	if err != nil {
		return err
	}
	token, err := site.Mint(auth.Grant{
		Subject: c.Sub, Name: c.Name, Roles: []content.Role{c.Role}, Purchases: c.Purchased, TTL: c.TTL,
	}, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, token)
	return err
}
