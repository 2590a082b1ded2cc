package admin

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Choices of how the view looks.
var (
	themes    = []string{"auto", "light", "dark"}
	densities = []string{"comfortable", "dense"}
)

// preferences are how somebody wants the view to look. They live in a cookie:
// the server renders by them, so nothing flickers, and no script is needed.
type preferences struct {
	Theme, Density string
	// Language is "" until somebody chose; the browser's languages count then.
	Language string
}

const preferencesCookie = "candor_view"

// readPreferences never fails: what is not understood is the default.
func readPreferences(r *http.Request) preferences {
	p := preferences{Theme: themes[0], Density: densities[0]}
	c, err := r.Cookie(preferencesCookie)
	if err != nil {
		return p
	}
	for i, part := range strings.SplitN(c.Value, ".", 3) {
		switch {
		case i == 0 && slices.Contains(themes, part):
			p.Theme = part
		case i == 1 && slices.Contains(densities, part):
			p.Density = part
		case i == 2 && slices.Contains(languages(), part):
			p.Language = part
		}
	}
	return p
}

func postPreferences(v *visit) error {
	p := v.prefs
	for name, choice := range map[string]struct {
		to      *string
		allowed []string
	}{
		"theme": {&p.Theme, themes}, "density": {&p.Density, densities}, "language": {&p.Language, languages()},
	} {
		if s := v.r.PostForm.Get(name); slices.Contains(choice.allowed, s) {
			*choice.to = s
		}
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: preferencesCookie, Value: strings.Join([]string{p.Theme, p.Density, p.Language}, "."), Path: "/admin/",
		HttpOnly: true, Secure: v.proxies.secure(v.r), SameSite: http.SameSiteLaxMode, MaxAge: int((365 * 24 * time.Hour).Seconds()),
	})
	next := v.safeNext(v.r.PostForm.Get("next"))
	if next == "" {
		next = v.home + "/queue"
	}
	http.Redirect(v.w, v.r, next, http.StatusSeeOther)
	return nil
}
