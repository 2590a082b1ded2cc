package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation/audit"
	"github.com/candor-ugc/candor/search"
)

type reindexCmd struct{ dataFlags }

// Run builds both indexes anew.
func (c *reindexCmd) Run(ctx context.Context, logs logFlags, s streams) (err error) {
	if err := needData(c.dataFlags); err != nil {
		return err
	}
	sites, err := openSites(c.dataFlags)
	if err != nil {
		return err
	}
	defer sites.Close()
	bar, err := newProgress(s.err, "indexing", nil)
	if err != nil {
		return err
	}
	began, last := time.Now(), 0
	n, err := openNode(ctx, nodeOptions{
		data: c.dataFlags, sites: sites, log: logs.logger(s.err), rebuild: true, resting: true,
		progress: func(_ string, count int) {
			if count < last {
				last = 0
			}
			bar.add(count - last)
			last = count
		},
	})
	if err != nil {
		return err
	}
	bar.finish()
	public, err := n.public.Count(ctx)
	if err != nil {
		return errors.Join(err, n.close())
	}
	desk, err := n.desk.Count(ctx)
	if err != nil {
		return errors.Join(err, n.close())
	}
	_, err = fmt.Fprintf(s.out, "indexed %d contents, %d of them public, in %s\n", desk, public, time.Since(began).Round(time.Millisecond))
	return errors.Join(err, n.close())
}

type checkCmd struct {
	dataFlags
	What   string `arg:"" optional:"" default:"all" enum:"all,audit,media" help:"all; audit: the audit chain alone; or media: photos and videos alone."`
	Repair bool   `help:"Mend what can be mended: counts, history and indexes."`
}

// Run verifies everything and names what is wrong, one line each.
func (c *checkCmd) Run(ctx context.Context, logs logFlags, s streams) error {
	if err := needData(c.dataFlags); err != nil {
		return err
	}
	sites, err := openSites(c.dataFlags)
	if err != nil {
		return err
	}
	defer sites.Close()
	bar, err := newProgress(s.err, "checking", nil)
	if err != nil {
		return err
	}
	found, left := 0, 0
	tell := func(p lifecycle.Problem) {
		found++
		if p.Mended {
			p.Text += " (mended)"
		} else {
			left++
		}
		bar.note(p.Text)
	}
	n, err := openNode(ctx, nodeOptions{
		data: c.dataFlags, sites: sites, log: logs.logger(s.err), progress: func(string, int) {}, resting: true,
		rebuilt: func(index search.Kind, because error) {
			tell(lifecycle.Problem{Text: fmt.Sprintf("the %s index could not be used: %v", index, because), Mended: true})
		},
	})
	if err != nil {
		return err
	}
	done := 0
	if c.What == "all" {
		done, err = n.svc.Check(ctx, c.Repair, tell, func() { bar.add(1) })
	}
	media := 0
	if err == nil && c.What != "audit" {
		media, err = n.svc.CheckMedia(ctx, c.Repair, tell, func() { bar.add(1) })
	}
	links := int64(0)
	if err == nil && c.What != "media" {
		links, err = checkAudit(ctx, n, sites, tell)
	}
	bar.finish()
	err = errors.Join(err, n.close())
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.out, "checked %d contents, %d photos and videos and %d audit records, found %d problems\n", done, media, links, found); err != nil {
		return err
	}
	switch {
	case left > 0 && c.Repair:
		return fmt.Errorf("%d problems could not be mended", left)
	case found > 0 && !c.Repair:
		return errors.New("not everything is right; candor check --repair mends what can be mended")
	}
	return nil
}

// checkAudit verifies the audit chain of every site; the first broken record of
// a chain is a problem that nothing can mend.
func checkAudit(ctx context.Context, n *node, sites *auth.Sites, tell func(lifecycle.Problem)) (links int64, err error) {
	names, err := sites.Names()
	if err != nil {
		return 0, err
	}
	for _, site := range names {
		count, err := n.svc.CheckAudit(ctx, site)
		links += count
		if errors.Is(err, audit.ErrBroken) {
			tell(lifecycle.Problem{Text: err.Error()})
		} else if err != nil {
			return links, err
		}
	}
	return links, nil
}
