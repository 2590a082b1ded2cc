package main

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// sample is the content of the demo shop.
//
//go:embed sample/*.jsonl sample/photos/*.jpg
var sample embed.FS

const demoSite = "demo"

type demoCmd struct{ serveFlags }

// Run serves the demo shop. The sample is loaded once, into a new folder.
func (c *demoCmd) Run(ctx context.Context, logs logFlags, s streams) error {
	sites, err := openSites(c.dataFlags)
	if err != nil {
		return err
	}
	if _, err := sites.Create(demoSite); err != nil && !errors.Is(err, auth.ErrSiteExists) {
		return err
	}
	sites.Close()
	return c.serve(ctx, logs.logger(s.err), func(n *node, url string) error {
		if err := loadSample(ctx, n, c.dataFlags, time.Now()); err != nil {
			return fmt.Errorf("load sample: %w", err)
		}
		accounts, err := demoAccounts(ctx, n, c.Data)
		if err != nil {
			return err
		}
		return c.introduce(n, url, accounts, s.out)
	})
}

// loaded notes that the sample was loaded, and for which moment its dates were
// made: going on after a crash makes the same contents.
type loaded struct {
	At   time.Time `json:"at"`
	Done bool      `json:"done"`
}

func loadSample(ctx context.Context, n *node, d dataFlags, now time.Time) error {
	note := filepath.Join(d.Data, "demo.json")
	state := loaded{At: now}
	switch b, err := os.ReadFile(note); {
	case err == nil:
		if err := json.Unmarshal(b, &state); err != nil {
			return fmt.Errorf("read %s: %w", note, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if state.Done {
		return nil
	}
	if err := writeJSON(note, state); err != nil {
		return err
	}
	if err := loadCatalogue(ctx, n); err != nil {
		return err
	}
	im, err := n.svc.Import(ctx, demoSite, content.Approved)
	if err != nil {
		return err
	}
	im.Report = func(r lifecycle.Rejected) { n.log.Error("sample line rejected", "line", r.Line, "reason", r.Reason) }
	err = eachLine("sample/contents.jsonl", func(line []byte, number int) error {
		row, err := sampleRow(line, state.At)
		if err != nil {
			return err
		}
		return im.Add(ctx, row, "contents.jsonl", number)
	})
	done, closeErr := im.Close(ctx)
	if err := errors.Join(err, closeErr); err != nil {
		return err
	}
	if err := loadPhotos(ctx, n, d); err != nil {
		return fmt.Errorf("photos: %w", err)
	}
	n.log.Info("sample loaded", "contents", done.Added)
	state.Done = true
	return writeJSON(note, state)
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// sampleRow reads a line whose date is a distance from now, so that the demo
// always looks lived in.
func sampleRow(line []byte, now time.Time) (*lifecycle.ImportRow, error) {
	var when struct {
		Days    int `json:"days_ago"`
		Minutes int `json:"minutes"`
	}
	if err := json.Unmarshal(line, &when); err != nil {
		return nil, err
	}
	row, err := lifecycle.ParseImportRow(line, 0)
	if err != nil {
		return nil, err
	}
	at := now.AddDate(0, 0, -when.Days).Add(-time.Duration(when.Minutes) * time.Minute)
	row.Created = &at
	return row, nil
}

// loadCatalogue puts the sample's products and boards in place.
func loadCatalogue(ctx context.Context, n *node) error {
	operator := content.Actor{ID: "demo", Role: content.Admin}
	err := eachLine("sample/products.jsonl", func(line []byte, _ int) error {
		p := content.Product{}
		if err := json.Unmarshal(line, &p); err != nil {
			return err
		}
		p.Site = demoSite
		_, err := n.svc.PutProduct(ctx, operator, p)
		return err
	})
	if err != nil {
		return err
	}
	return eachLine("sample/boards.jsonl", func(line []byte, _ int) error {
		b := content.Board{}
		if err := json.Unmarshal(line, &b); err != nil {
			return err
		}
		b.Site = demoSite
		_, err := n.svc.PutBoard(ctx, operator, b)
		return err
	})
}

// eachLine reads an embedded file line by line.
func eachLine(name string, use func(line []byte, number int) error) error {
	b, err := sample.ReadFile(name)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := use(lines.Bytes(), number); err != nil {
			return fmt.Errorf("%s line %d: %w", name, number, err)
		}
	}
	return lines.Err()
}

// demoProduct is the sample product that the printed lines are about.
const demoProduct = "kettle-lumi"

// introduce prints what there is to look at, and lines to try it out with.
func (c *demoCmd) introduce(n *node, url string, accounts []demoAccount, out io.Writer) error {
	site, err := n.sites.Get(demoSite)
	if err != nil {
		return err
	}
	mint := func(sub, name string, role content.Role) (string, error) {
		return site.Mint(auth.Grant{
			Subject: sub, Name: name, Roles: []content.Role{role}, Purchases: []string{demoProduct}, TTL: 12 * time.Hour,
		}, time.Now())
	}
	shopper, err := mint("alice", "Alice", content.Shopper)
	if err != nil {
		return err
	}
	moderator, err := mint("mira", "Mira", content.Moderator)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, demoText, url, n.svc.Waiting(demoSite), shopper, moderator, demoProduct,
		accounts[0].Login, accounts[0].Password, accounts[1].Login, accounts[1].Password)
	return err
}

const demoText = `
Candor is running with a sample shop.

  Moderate  %[1]s/admin/demo/  as %[6]s, password %[7]s
                or as %[8]s, the administrator, password %[9]s
  API       %[1]s/v1/sites/demo/products/%[5]s/reviews
  Contract  %[1]s/docs

%[2]d contents wait for a moderator. Paste these lines into another terminal.

  export CANDOR=%[1]s/v1/sites/demo
  export SHOPPER=%[3]s
  export MODERATOR=%[4]s

Read what is published:
  curl -s $CANDOR/products/%[5]s/reviews
  curl -s $CANDOR/products/%[5]s/summary

Write a review as Alice, who bought the kettle:
  curl -s $CANDOR/products/%[5]s/reviews -H "Authorization: Bearer $SHOPPER" \
    --json '{"rating": 5, "title": "Steady pour", "body": "Holds 80 degrees for green tea."}'

Add a photo: upload it, then name its id in the "media" of what you write:
  curl -s $CANDOR/media -H "Authorization: Bearer $SHOPPER" -F file=@photo.jpg
  curl -s $CANDOR/products/%[5]s/media

Look at the queue and approve the review as Mira (put its id in place of ID):
  curl -s $CANDOR/moderation/queue -H "Authorization: Bearer $MODERATOR"
  curl -s $CANDOR/moderation/items/ID/decision -H "Authorization: Bearer $MODERATOR" \
    --json '{"action": "approve", "rev": 1}'

Find it:
  curl -s "$CANDOR/search?q=green+tea"

Stop with Ctrl-C; start again and everything is still here.
`
