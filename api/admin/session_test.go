package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/admin"
	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := open(t)
	t.Run("the cookie is the browser's alone", func(t *testing.T) {
		b := s.stranger()
		r := b.post("/sign-in", url.Values{"login": {" Mira "}, "password": {password}})
		if r.status != http.StatusSeeOther || r.header.Get("Location") != "/admin/shop/queue" {
			t.Fatalf("got %d to %q", r.status, r.header.Get("Location"))
		}
		c := r.header.Get("Set-Cookie")
		for _, want := range []string{"candor_session=", "Path=/admin/shop/", "HttpOnly", "SameSite=Strict", "Expires="} {
			if !strings.Contains(c, want) {
				t.Errorf("cookie %q lacks %s", c, want)
			}
		}
		if strings.Contains(c, "Secure") {
			t.Error("a cookie over plain HTTP is marked Secure and would be dropped")
		}
		if r := b.get("/queue"); r.status != http.StatusOK || !strings.Contains(r.body, "Mira") {
			t.Errorf("queue after signing in: %d", r.status)
		}
	})
	t.Run("wrong and unknown read the same", func(t *testing.T) {
		b := s.stranger()
		wrong := b.post("/sign-in", url.Values{"login": {"omar"}, "password": {"not the password"}})
		unknown := b.post("/sign-in", url.Values{"login": {"nobody"}, "password": {"not the password"}})
		if wrong.status != http.StatusUnauthorized || unknown.status != http.StatusUnauthorized {
			t.Fatalf("statuses %d and %d", wrong.status, unknown.status)
		}
		if strings.ReplaceAll(wrong.body, "omar", "nobody") != unknown.body {
			t.Error("the pages tell an unknown name from a wrong password")
		}
		other := b.post("/admin/elsewhere/sign-in", url.Values{"login": {"omar"}, "password": {password}})
		if other.status != http.StatusUnauthorized {
			t.Errorf("a site that is not there: %d", other.status)
		}
	})
	t.Run("the way back stays on the site", func(t *testing.T) {
		for next, want := range map[string]string{
			"/admin/shop/audit?cursor=x": "/admin/shop/audit?cursor=x", "https://evil.example/": "/admin/shop/queue",
			"//evil.example": "/admin/shop/queue", "/admin/other/queue": "/admin/shop/queue", `/admin/shop/\evil`: "/admin/shop/queue",
			"javascript:alert(1)": "/admin/shop/queue",
		} {
			r := s.stranger().post("/sign-in", url.Values{"login": {"ada"}, "password": {password}, "next": {next}})
			if got := r.header.Get("Location"); got != want {
				t.Errorf("next %q leads to %q, want %q", next, got, want)
			}
		}
	})
	t.Run("without a session pages lead to signing in", func(t *testing.T) {
		r := s.stranger().get("/items/content-0001?x=1")
		if r.status != http.StatusSeeOther || !strings.HasPrefix(r.header.Get("Location"), "/admin/shop/sign-in?next=") {
			t.Errorf("got %d to %q", r.status, r.header.Get("Location"))
		}
	})
	t.Run("a link from elsewhere is followed once more", func(t *testing.T) {
		b := s.stranger()
		req := b.request(http.MethodGet, "/queue", nil)
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if r := b.do(req); r.status != http.StatusOK || r.header.Get("Refresh") != "0" {
			t.Errorf("got %d, Refresh %q", r.status, r.header.Get("Refresh"))
		}
	})
}

func TestSignInIsLimited(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := s.stranger()
	var last answer
	for range 11 {
		last = b.post("/sign-in", url.Values{"login": {"mira"}, "password": {"guess after guess"}})
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" {
		t.Fatalf("the eleventh guess: %d, Retry-After %q", last.status, last.header.Get("Retry-After"))
	}
	if r := b.post("/sign-in", url.Values{"login": {"mira"}, "password": {password}}); r.status != http.StatusTooManyRequests {
		t.Errorf("the right password within the limit: %d", r.status)
	}
	if r := b.post("/sign-in", url.Values{"login": {"omar"}, "password": {password}}); r.status != http.StatusSeeOther {
		t.Errorf("somebody else: %d", r.status)
	}
	s.clock.advance(time.Minute)
	if r := b.post("/sign-in", url.Values{"login": {"mira"}, "password": {password}}); r.status != http.StatusSeeOther {
		t.Errorf("after waiting: %d", r.status)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	s := open(t)
	v, err := s.sites.Get(site)
	if err != nil {
		t.Fatal(err)
	}
	mint := func(role content.Role) string {
		token, err := v.Mint(auth.Grant{Subject: "tess", Name: "Tess", Roles: []content.Role{role}, TTL: time.Hour}, s.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	b := s.stranger()
	if r := b.post("/sign-in", url.Values{"token": {mint(content.Moderator)}}); r.status != http.StatusSeeOther {
		t.Fatalf("moderator's token: %d %s", r.status, r.body)
	}
	if r := b.get("/queue"); r.status != http.StatusOK || !strings.Contains(r.body, "Tess") {
		t.Errorf("queue: %d", r.status)
	}
	if r := b.get("/settings"); r.status != http.StatusForbidden {
		t.Errorf("settings for a moderator's token: %d", r.status)
	}
	for name, token := range map[string]string{"shopper": mint(content.Shopper), "garbage": "x.y.z"} {
		if r := s.stranger().post("/sign-in", url.Values{"token": {token}}); r.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	bearer := s.stranger()
	req := bearer.request(http.MethodPost, "/admin/session", url.Values{})
	req.Header.Set("Authorization", "Bearer "+mint(content.Admin))
	if r := bearer.do(req); r.status != http.StatusCreated || r.header.Get("Location") != "/admin/shop/queue" {
		t.Fatalf("bearer: %d %s", r.status, r.body)
	}
	if r := bearer.get("/settings"); r.status != http.StatusOK {
		t.Errorf("settings for an administrator's token: %d", r.status)
	}
	if r := s.stranger().post("/admin/session", url.Values{}); r.status != http.StatusUnauthorized {
		t.Errorf("no token: %d", r.status)
	}
	s.clock.advance(time.Hour + time.Second)
	if r := bearer.get("/queue"); r.status != http.StatusSeeOther {
		t.Errorf("after the token's end: %d", r.status)
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	disabled := true
	role := content.Admin
	other := "another good password"
	for name, end := range map[string]func(*shop, *browser) error{
		"when idle":        func(s *shop, _ *browser) error { s.clock.advance(auth.SessionIdle + time.Minute); return nil },
		"when signing out": func(_ *shop, b *browser) error { b.send("/sign-out", url.Values{}); return nil },
		"when disabled": func(s *shop, _ *browser) error {
			return s.accounts.Change(s.t.Context(), site, "mira", auth.AccountChange{Disabled: &disabled})
		},
		"with a new password": func(s *shop, _ *browser) error {
			return s.accounts.Change(s.t.Context(), site, "mira", auth.AccountChange{Password: &other})
		},
		"with another role": func(s *shop, _ *browser) error {
			return s.accounts.Change(s.t.Context(), site, "mira", auth.AccountChange{Role: &role})
		},
		"after a day at the latest": func(s *shop, b *browser) error {
			for range 13 {
				s.clock.advance(time.Hour)
				b.get("/queue")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			b := s.signedIn("mira")
			if r := b.get("/queue"); r.status != http.StatusOK {
				t.Fatalf("before: %d", r.status)
			}
			if err := end(s, b); err != nil {
				t.Fatal(err)
			}
			if r := b.get("/queue"); r.status != http.StatusSeeOther {
				t.Errorf("after: %d", r.status)
			}
		})
	}
}

func TestSessionLastsWhileUsed(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := s.signedIn("mira")
	for range 8 {
		s.clock.advance(time.Hour)
		if r := b.get("/queue"); r.status != http.StatusOK {
			t.Fatalf("signed out at work: %d", r.status)
		}
	}
}

func TestForgedForms(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.review("alice", "Fine", "Boils water quickly and without a sound.", 5)
	mira, omar := s.signedIn("mira"), s.signedIn("omar")
	form := func(csrf string) url.Values {
		return url.Values{"csrf": {csrf}, "action": {"approve"}, "rev": {"1"}}
	}
	path := "/items/" + id + "/decision"
	for name, csrf := range map[string]string{"none": "", "made up": "abc", "another session's": omar.csrf()} {
		if r := mira.post(path, form(csrf)); r.status != http.StatusForbidden {
			t.Errorf("token %s: %d", name, r.status)
		}
	}
	for name, headers := range map[string]map[string]string{
		"fetch metadata": {"Sec-Fetch-Site": "cross-site"},
		"origin":         {"Origin": "https://evil.example"},
	} {
		req := mira.request(http.MethodPost, path, form(mira.csrf()))
		for k, v := range headers {
			req.Header.Set(k, v)
		}
		if r := mira.do(req); r.status != http.StatusForbidden {
			t.Errorf("foreign by %s: %d", name, r.status)
		}
	}
	if got := s.state(id); got != content.Pending {
		t.Fatalf("a forged form decided: %s", got)
	}
	if r := mira.post(path, form(mira.csrf())); r.status != http.StatusSeeOther || s.state(id) != content.Approved {
		t.Errorf("the real form: %d, %s", r.status, s.state(id))
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	s := open(t)
	people := map[string]*browser{"": s.stranger(), "mira": s.signedIn("mira"), "ada": s.signedIn("ada")}
	type row struct {
		method, path      string
		guest, mod, admin int
	}
	for _, c := range []row{
		{"GET", "/queue", 303, 200, 200},
		{"GET", "/search?q=x", 303, 200, 200},
		{"GET", "/audit", 303, 200, 200},
		{"GET", "/statistics", 303, 200, 200},
		{"GET", "/rules", 303, 200, 200},
		{"GET", "/settings", 303, 403, 200},
		{"GET", "/items/nothing", 303, 404, 404},
		{"GET", "/nothing", 404, 404, 404},
		{"POST", "/settings", 401, 403, 400},
		{"POST", "/accounts", 401, 403, 422},
		{"POST", "/accounts/change", 401, 403, 400},
		{"POST", "/rules", 401, 403, 422},
		{"POST", "/rules/delete", 401, 403, 404},
	} {
		for who, want := range map[string]int{"": c.guest, "mira": c.mod, "ada": c.admin} {
			b, form := people[who], url.Values{}
			if who != "" {
				form.Set("csrf", b.csrf())
			}
			var r answer
			if c.method == "GET" {
				r = b.get(c.path)
			} else {
				r = b.post(c.path, form)
			}
			if r.status != want {
				t.Errorf("%s %s as %q: %d, want %d", c.method, c.path, who, r.status, want)
			}
		}
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	trusting := open(t, func(c *admin.Config) { c.TrustedProxies = []string{"127.0.0.1", "::1"} })
	wary := open(t)
	for name, c := range map[string]struct {
		s      *shop
		secure bool
	}{"trusted": {trusting, true}, "not trusted": {wary, false}} {
		b := c.s.stranger()
		req := b.request(http.MethodPost, "/sign-in", url.Values{"login": {"mira"}, "password": {password}})
		req.Header.Set("X-Forwarded-Proto", "https")
		cookie := b.do(req).header.Get("Set-Cookie")
		if got := strings.Contains(cookie, "; Secure") && strings.HasPrefix(cookie, "__Secure-"); got != c.secure {
			t.Errorf("%s: cookie %q", name, cookie)
		}
	}
	if _, err := admin.New(admin.Config{TrustedProxies: []string{"nonsense"}}); err == nil {
		t.Error("a proxy that is no address was accepted")
	}
}

func TestAccountsPage(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.signedIn("ada")
	r := ada.send("/accounts", url.Values{"login": {"Nina"}, "name": {"Nina"}, "role": {"moderator"}})
	if r.status != http.StatusOK {
		t.Fatalf("new account: %d %s", r.status, r.body)
	}
	made := between(r.body, `<p class="code" dir="ltr">`, `</p>`)
	nina := s.stranger()
	if r := nina.post("/sign-in", url.Values{"login": {"nina"}, "password": {made}}); r.status != http.StatusSeeOther {
		t.Fatalf("the new account cannot sign in: %d", r.status)
	}
	if r := ada.send("/accounts", url.Values{"login": {"nina"}, "role": {"moderator"}}); r.status != http.StatusConflict {
		t.Errorf("the same again: %d", r.status)
	}
	if r := ada.send("/accounts", url.Values{"login": {"../x"}, "role": {"shopper"}}); r.status != http.StatusUnprocessableEntity {
		t.Errorf("a bad one: %d", r.status)
	}
	if r := ada.send("/accounts/change", url.Values{"login": {"nina"}, "do": {"disable"}}); r.status != http.StatusSeeOther {
		t.Errorf("disable: %d", r.status)
	}
	if r := nina.get("/queue"); r.status != http.StatusSeeOther {
		t.Errorf("a disabled account still reads: %d", r.status)
	}
	if r := ada.send("/accounts/change", url.Values{"login": {"ada"}, "do": {"disable"}}); r.status != http.StatusConflict {
		t.Errorf("the last administrator: %d", r.status)
	}
	if r := ada.send("/accounts/change", url.Values{"login": {"ada"}, "do": {"password"}}); r.status != http.StatusBadRequest {
		t.Errorf("a password of their own that nobody is shown: %d", r.status)
	}

	if r := ada.send("/password", url.Values{"old": {"wrong password"}, "new": {"a better password"}}); r.status != http.StatusUnprocessableEntity {
		t.Errorf("wrong present password: %d", r.status)
	}
	if r := ada.send("/password", url.Values{"old": {password}, "new": {"short"}}); r.status != http.StatusUnprocessableEntity {
		t.Errorf("short new password: %d", r.status)
	}
	elsewhere := s.signedIn("ada")
	if r := ada.send("/password", url.Values{"old": {password}, "new": {"a better password"}}); r.status != http.StatusSeeOther {
		t.Fatalf("new password: %d %s", r.status, r.body)
	}
	if r := ada.get("/queue"); r.status != http.StatusOK {
		t.Errorf("this browser was signed out: %d", r.status)
	}
	if r := elsewhere.get("/queue"); r.status != http.StatusSeeOther {
		t.Errorf("the other browser was not: %d", r.status)
	}
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}
