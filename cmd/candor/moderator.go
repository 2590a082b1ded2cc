package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

type moderatorCmd struct {
	Add  moderatorAddCmd  `cmd:"" help:"Make an account for a moderator, or give one a new password."`
	List moderatorListCmd `cmd:"" help:"List the accounts of a site."`
}

// accountsOf opens the ledger for its accounts alone.
func accountsOf(ctx context.Context, d dataFlags, site string) (*auth.Accounts, ledger.Store, error) {
	sites := newSites(d)
	defer sites.Close()
	if err := needSite(sites, site); err != nil {
		return nil, nil, err
	}
	store, err := openLedger(ctx, d.ledgerSpec())
	if errors.Is(err, ledger.ErrInUse) {
		err = fmt.Errorf("%w; while the service runs, an administrator makes accounts at /admin/%s/settings", err, site)
	}
	if err != nil {
		return nil, nil, err
	}
	return auth.NewAccounts(ledger.New(store), time.Now), store, nil
}

type moderatorAddCmd struct {
	dataFlags
	Site  string       `required:"" help:"Site that is moderated."`
	Login string       `required:"" help:"Sign-in name: letters a-z, digits, dots, hyphens."`
	Name  string       `help:"Name that other moderators see."`
	Role  content.Role `default:"moderator" enum:"moderator,admin" help:"moderator or admin."`
	Reset bool         `help:"Give an account that is there a new password."`
}

// Run makes the account. The password is the first line of standard input where
// that is no terminal and not empty, else one is made and printed.
func (c *moderatorAddCmd) Run(ctx context.Context, s streams) error {
	password, err := readPassword(os.Stdin)
	if err != nil {
		return err
	}
	made := password == ""
	if made {
		password = auth.NewPassword()
	}
	accounts, store, err := accountsOf(ctx, c.dataFlags, c.Site)
	if err != nil {
		return err
	}
	err = c.put(ctx, accounts, password)
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	if _, err = fmt.Fprintf(s.out, "%s may sign in at /admin/%s/ as %s\n", strings.ToLower(c.Login), c.Site, c.Role); err != nil {
		return err
	}
	if made {
		_, err = fmt.Fprintf(s.out, "password: %s\n", password)
	}
	return err
}

func (c *moderatorAddCmd) put(ctx context.Context, accounts *auth.Accounts, password string) error {
	if c.Reset {
		enabled := false
		return accounts.Change(ctx, c.Site, strings.ToLower(c.Login), auth.AccountChange{
			Password: &password, Role: &c.Role, Disabled: &enabled,
		})
	}
	_, err := accounts.Add(ctx, content.Account{Site: c.Site, Login: c.Login, Name: c.Name, Role: c.Role}, password)
	if errors.Is(err, auth.ErrAccountExists) {
		err = fmt.Errorf("%w; --reset gives it a new password", err)
	}
	return err
}

// readPassword reads the first line of a pipe or file; "" from a terminal.
func readPassword(in *os.File) (string, error) {
	if term.IsTerminal(int(in.Fd())) {
		return "", nil
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4*content.MaxPassword+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

type moderatorListCmd struct {
	dataFlags
	Site string `required:"" help:"Site that is moderated."`
}

// Run lists sign-in name, role, state and name, separated by tabs.
func (c *moderatorListCmd) Run(ctx context.Context, s streams) error {
	accounts, store, err := accountsOf(ctx, c.dataFlags, c.Site)
	if err != nil {
		return err
	}
	list, err := accounts.List(ctx, c.Site)
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	for _, a := range list {
		state := "active"
		if a.Disabled {
			state = "disabled"
		}
		if _, err := fmt.Fprintf(s.out, "%s\t%s\t%s\t%s\n", a.Login, a.Role, state, a.Name); err != nil {
			return err
		}
	}
	return nil
}

// demoAccount is somebody who moderates the demo shop.
type demoAccount struct {
	Login    string `json:"login"`
	Password string `json:"password"`
}

// demoAccounts makes a moderator and an administrator for the demo shop, once,
// and gives their passwords, which a file beside the data keeps.
func demoAccounts(ctx context.Context, n *node, data string) ([]demoAccount, error) {
	note := filepath.Join(data, "demo-accounts.json")
	var list []demoAccount
	switch b, err := os.ReadFile(note); {
	case errors.Is(err, fs.ErrNotExist):
		list = []demoAccount{{"mira", demoPassword()}, {"ada", demoPassword()}}
		if err := writeJSON(note, list); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(b, &list); err != nil || len(list) != 2 {
			return nil, fmt.Errorf("%s is damaged; remove it and the demo's accounts get new passwords", note)
		}
	}
	accounts := auth.NewAccounts(n.svc.Ledger, time.Now)
	for i, a := range []content.Account{
		{Site: demoSite, Login: list[0].Login, Name: "Mira", Role: content.Moderator},
		{Site: demoSite, Login: list[1].Login, Name: "Ada", Role: content.Admin},
	} {
		_, err := accounts.Add(ctx, a, list[i].Password)
		if err != nil && !errors.Is(err, auth.ErrAccountExists) {
			return nil, fmt.Errorf("make the demo's accounts: %w", err)
		}
	}
	return list, nil
}

// demoPassword is short enough to type: 60 bits, of which a guesser gets some
// thousand tries a day.
func demoPassword() string {
	s := strings.ToLower(rand.Text())
	return s[:4] + "-" + s[4:8] + "-" + s[8:12]
}
