package admin

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
)

// settingsPage is what administrators may change, and who moderates.
type settingsPage struct {
	*page
	Settings  content.Settings
	Served    string
	PriorMean string
	Weight    string
	Accounts  []accountRow
	// Problem says what was wrong with the last form, AccountProblem with that
	// of the accounts.
	Problem, AccountProblem string
	Saved                   string
	// Password is the one that was made for Login, shown this once.
	Login, Password string
	NewLogin, Name  string
	Roles           []option
}

type accountRow struct {
	Login, Name, Role string
	Roles             []option
	Disabled, Mine    bool
	Changed           moment
}

var accountRoles = []string{string(content.Moderator), string(content.Admin)}

func (v *visit) settings() (settingsPage, error) {
	p := settingsPage{page: v.page("settings.title")}
	var err error
	if p.Settings, err = v.desk.SiteSettings(v.ctx(), v.site); err != nil {
		return p, err
	}
	p.fill()
	accounts, err := v.accounts.List(v.ctx(), v.site)
	if err != nil {
		return p, err
	}
	p.Roles = p.options("role.", accountRoles, accountRoles[0])
	for _, a := range accounts {
		p.Accounts = append(p.Accounts, accountRow{
			Login: a.Login, Name: a.Name, Role: v.words.T("role." + string(a.Role)), Disabled: a.Disabled, Mine: a.Login == v.who.ID,
			Roles: p.options("role.", accountRoles, string(a.Role)), Changed: v.words.moment(a.ChangedAt, v.Now()),
		})
	}
	return p, nil
}

func (p *settingsPage) fill() {
	p.Served = strings.Join(p.Settings.Languages, ", ")
	p.PriorMean = strconv.FormatFloat(p.Settings.PriorMean, 'f', -1, 64)
	p.Weight = strconv.FormatFloat(p.Settings.PriorWeight, 'f', -1, 64)
}

func getSettings(v *visit) error {
	p, err := v.settings()
	if err != nil {
		return err
	}
	if v.r.URL.Query().Has("saved") {
		p.Saved = v.words.T("settings.saved")
	}
	return v.render(http.StatusOK, "settings", p)
}

func postSettings(v *visit) error {
	form := v.r.PostForm
	// What the form does not show stays as it is.
	next, err := v.desk.SiteSettings(v.ctx(), v.site)
	if err != nil {
		return err
	}
	next.Languages = strings.FieldsFunc(form.Get("languages"), func(r rune) bool { return r == ',' || r == ' ' || r == '،' })
	next.UnknownProducts = form.Get("unknown_products") != ""
	var invalid content.Invalid
	number := func(name string) float64 {
		f, err := strconv.ParseFloat(strings.TrimSpace(form.Get(name)), 64)
		if err != nil {
			invalid.Add(name, "not_a_number", "must be a number")
		}
		return f
	}
	next.PriorMean, next.PriorWeight = number("prior_mean"), number("prior_weight")
	next.ReportsToRequeue = int(number("reports_to_requeue"))
	rev, err := strconv.ParseInt(form.Get("rev"), 10, 64)
	if err != nil {
		return errBadForm
	}
	if err = invalid.Err(); err == nil {
		_, err = v.desk.ChangeSettings(v.ctx(), v.who, v.site, next, rev)
	}
	if err == nil {
		return v.see("/settings?saved")
	}
	status, message := v.explain(err)
	if status >= 500 {
		return err
	}
	p, loadErr := v.settings()
	if loadErr != nil {
		return errors.Join(err, loadErr)
	}
	// What was typed stays, at the revision that is in force now.
	rev = p.Settings.Rev
	p.Settings, p.Problem = next, message
	p.Settings.Rev = rev
	p.fill()
	p.PriorMean, p.Weight, p.Served = form.Get("prior_mean"), form.Get("prior_weight"), form.Get("languages")
	return v.render(status, "settings", p)
}

// accountFailed shows the settings with what went wrong with an account.
func (v *visit) accountFailed(cause error) error {
	status, message := v.explain(cause)
	if status >= 500 {
		return cause
	}
	p, err := v.settings()
	if err != nil {
		return errors.Join(cause, err)
	}
	p.AccountProblem = message
	p.NewLogin, p.Name = v.r.PostForm.Get("login"), v.r.PostForm.Get("name")
	return v.render(status, "settings", p)
}

// shownOnce answers with a new password: it is nowhere to be read afterwards,
// so it cannot wait for a redirect.
func (v *visit) shownOnce(login, password string) error {
	p, err := v.settings()
	if err != nil {
		return err
	}
	p.Login, p.Password = login, password
	return v.render(http.StatusOK, "settings", p)
}

func postAccount(v *visit) error {
	form := v.r.PostForm
	password := auth.NewPassword()
	a, err := v.accounts.Add(v.ctx(), content.Account{
		Site: v.site, Login: form.Get("login"), Name: form.Get("name"), Role: content.Role(form.Get("role")),
	}, password)
	if err != nil {
		return v.accountFailed(err)
	}
	return v.shownOnce(a.Login, password)
}

func changeAccount(v *visit) error {
	form := v.r.PostForm
	login := form.Get("login")
	var ch auth.AccountChange
	made := ""
	switch form.Get("do") {
	case "role":
		role := content.Role(form.Get("role"))
		ch.Role = &role
	case "disable", "enable":
		off := form.Get("do") == "disable"
		ch.Disabled = &off
	case "password":
		if login == v.who.ID {
			return errBadForm // the new one would be shown to nobody; /password asks for one
		}
		made = auth.NewPassword()
		ch.Password = &made
	default:
		return errBadForm
	}
	if err := v.accounts.Change(v.ctx(), v.site, login, ch); err != nil {
		return v.accountFailed(err)
	}
	if made != "" {
		return v.shownOnce(login, made)
	}
	return v.see("/settings?saved")
}

// passwordPage lets somebody change their own password.
type passwordPage struct {
	*page
	Problem string
	// Token says that a storefront's token signed in, which has no password.
	Token bool
}

func getPassword(v *visit) error {
	p := passwordPage{page: v.page("password.title")}
	_, session, err := v.accounts.Resume(v.ctx(), v.site, v.secret)
	if err != nil {
		return err
	}
	p.Token = session.Login == ""
	return v.render(http.StatusOK, "password", p)
}

// postPassword changes the visitor's password. All their sessions end, and this
// browser gets a new one.
func postPassword(v *visit) error {
	form := v.r.PostForm
	_, session, err := v.accounts.Resume(v.ctx(), v.site, v.secret)
	if err != nil {
		return err
	}
	next := form.Get("new")
	err = content.ValidatePassword(next)
	if err == nil && session.Login == "" {
		return errBadForm
	}
	address := v.proxies.address(v.r)
	if err == nil {
		var old string
		if old, _, err = v.accounts.SignIn(v.ctx(), v.site, session.Login, form.Get("old"), address); err == nil {
			err = v.accounts.SignOut(v.ctx(), old)
		}
	}
	if err == nil {
		err = v.accounts.Change(v.ctx(), v.site, session.Login, auth.AccountChange{Password: &next})
	}
	if err != nil {
		status, message := v.explain(err)
		if errors.Is(err, auth.ErrAttempts) || errors.Is(err, auth.ErrCredentials) {
			_, key := signInProblem(err)
			status, message = http.StatusUnprocessableEntity, v.words.T(key)
		}
		if status >= 500 {
			return err
		}
		return v.render(status, "password", passwordPage{page: v.page("password.title"), Problem: message})
	}
	secret, opened, err := v.accounts.SignIn(v.ctx(), v.site, session.Login, next, address)
	if err != nil {
		return err
	}
	v.setCookie(v.site, secret, opened.Until)
	return v.see("/queue")
}
