package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
)

// The cookie's names. One with the __Host- or __Secure- prefix cannot be set over
// plain HTTP; a cookie for one site's path can only have the latter.
const (
	plainCookie  = "candor_session"
	secureCookie = "__Secure-candor_session"
)

func (v *visit) cookieName() string {
	if v.proxies.secure(v.r) {
		return secureCookie
	}
	return plainCookie
}

// setCookie hands the browser a secret; "" takes it away. A session belongs to
// one site, and so does its cookie. SameSite is strict: a link from elsewhere
// arrives without it, and askToSignIn has it followed once more from here.
func (v *visit) setCookie(site, secret string, until time.Time) {
	c := &http.Cookie{
		Name: v.cookieName(), Value: secret, Path: "/admin/" + site + "/", HttpOnly: true,
		Secure: v.proxies.secure(v.r), SameSite: http.SameSiteStrictMode, Expires: until,
	}
	if secret == "" {
		c.MaxAge, c.Expires = -1, time.Time{}
	}
	http.SetCookie(v.w, c)
}

// resume tells who visits: auth.ErrSession.
func (v *visit) resume() error {
	c, err := v.r.Cookie(v.cookieName())
	if err != nil {
		return auth.ErrSession
	}
	who, _, err := v.accounts.Resume(v.ctx(), v.site, c.Value)
	if err != nil {
		return err
	}
	v.who, v.secret = who, c.Value
	return nil
}

// askToSignIn sends a browser to the sign-in page, and back to where it wanted
// to go afterwards.
func (v *visit) askToSignIn() error {
	if v.wantsJSON() || v.r.Method != http.MethodGet || v.r.URL.Query().Has("part") || strings.HasSuffix(v.r.URL.Path, "/events") {
		return auth.ErrSession
	}
	if v.r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		// A link from another site comes without the strict cookie. Followed
		// once more from a page of ours, it comes with it.
		v.w.Header().Set("Refresh", "0")
		return v.render(http.StatusOK, "bounce", v.page("signin.title"))
	}
	next := url.Values{"next": {v.r.URL.RequestURI()}}
	return v.see("/sign-in?" + next.Encode())
}

// signInPage asks for a sign-in name and password, or a token.
type signInPage struct {
	*page
	Login, Next string
	// Problem says what was wrong with the last attempt.
	Problem string
}

// safeNext keeps to pages of the site: a sign-in page that leads anywhere would
// serve whoever phishes.
func (v *visit) safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, v.home+"/") ||
		strings.Contains(next, "\\") || strings.Contains(next, "//") {
		return ""
	}
	if u.Fragment != "" {
		return u.RequestURI() + "#" + u.EscapedFragment()
	}
	return u.RequestURI()
}

// welcomePage lets a visitor say which site they moderate. The sites are not
// listed: strangers need not know them.
type welcomePage struct{ *page }

func welcome(v *visit) error {
	if site := strings.TrimSpace(v.r.URL.Query().Get("site")); content.ValidSite(site) {
		v.home = "/admin/" + site
		return v.see("/queue")
	}
	names, err := v.Sites.Names()
	if err != nil {
		return err
	}
	if len(names) == 1 {
		v.home = "/admin/" + names[0]
		return v.see("/queue")
	}
	return v.render(http.StatusOK, "welcome", welcomePage{v.page("signin.title")})
}

func toQueue(v *visit) error { return v.see("/queue") }

func getSignIn(v *visit) error {
	p := signInPage{page: v.page("signin.title"), Next: v.safeNext(v.r.URL.Query().Get("next"))}
	return v.render(http.StatusOK, "signin", p)
}

func postSignIn(v *visit) error {
	if err := v.parseForm(); err != nil {
		return err
	}
	form := v.r.PostForm
	login, next := form.Get("login"), v.safeNext(form.Get("next"))
	secret, session, err := v.signIn(login, form.Get("password"), strings.TrimSpace(form.Get("token")))
	if err != nil {
		status, key := signInProblem(err)
		if status == 0 {
			return err
		}
		p := signInPage{page: v.page("signin.title"), Login: login, Next: next, Problem: v.words.T(key)}
		var wait *auth.AttemptsError
		if errors.As(err, &wait) {
			v.w.Header().Set("Retry-After", seconds(wait.Wait))
		}
		return v.render(status, "signin", p)
	}
	v.setCookie(v.site, secret, session.Until)
	if next == "" {
		next = v.home + "/queue"
	}
	http.Redirect(v.w, v.r, next, http.StatusSeeOther)
	return nil
}

// signIn takes a password, or a token where one was given. A site that is not
// there answers as a wrong password does.
func (v *visit) signIn(login, password, token string) (string, content.Session, error) {
	if token == "" {
		return v.accounts.SignIn(v.ctx(), v.site, login, password, v.proxies.address(v.r))
	}
	site, err := v.Sites.Get(v.site)
	if errors.Is(err, auth.ErrNoSite) {
		return "", content.Session{}, auth.ErrToken
	}
	if err != nil {
		return "", content.Session{}, err
	}
	return v.accounts.SignInToken(v.ctx(), site, token)
}

// signInProblem is what a visitor is told; 0 for what is not theirs.
func signInProblem(err error) (status int, key string) {
	switch {
	case errors.Is(err, auth.ErrAttempts):
		return http.StatusTooManyRequests, "signin.attempts"
	case errors.Is(err, auth.ErrExpired):
		return http.StatusUnauthorized, "signin.expired"
	case errors.Is(err, auth.ErrToken), errors.Is(err, auth.ErrForeign):
		return http.StatusUnauthorized, "signin.token.wrong"
	case errors.Is(err, auth.ErrCredentials):
		return http.StatusUnauthorized, "signin.wrong"
	}
	return 0, ""
}

// postSession opens a session with a storefront's token as bearer, for a
// storefront that sends its moderators here. A browser cannot be made to send
// that header by a foreign page.
func postSession(v *visit) error {
	scheme, token, ok := strings.Cut(v.r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return auth.ErrToken
	}
	token = strings.TrimSpace(token)
	site, err := v.Sites.Get(auth.TokenSite(token))
	if errors.Is(err, auth.ErrNoSite) {
		return auth.ErrToken
	}
	if err != nil {
		return err
	}
	secret, session, err := v.accounts.SignInToken(v.ctx(), site, token)
	if err != nil {
		return err
	}
	v.setCookie(site.Name, secret, session.Until)
	v.w.Header().Set("Location", "/admin/"+site.Name+"/queue")
	v.w.WriteHeader(http.StatusCreated)
	return nil
}

func postSignOut(v *visit) error {
	if err := v.accounts.SignOut(v.ctx(), v.secret); err != nil {
		return err
	}
	v.setCookie(v.site, "", time.Time{})
	v.w.Header().Set("Clear-Site-Data", `"cache"`)
	return v.see("/sign-in")
}
