package auth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/candor-ugc/candor/api/auth"
)

func TestSitesThatCouldNotBeProtectedAreRefused(t *testing.T) {
	t.Parallel()
	jwks := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(jwks, newKeys(t).set(t), 0o600); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("h", auth.MinSecret)
	for name, c := range map[string]struct {
		site auth.Site
		weak bool
	}{
		"no secret and no keys":    {auth.Site{Name: "shop", HandleKey: long}, true},
		"an empty secret":          {auth.Site{Name: "shop", Secret: "", HandleKey: long}, true},
		"31 bytes":                 {auth.Site{Name: "shop", Secret: secret[1:], HandleKey: long}, true},
		"a short handle key":       {auth.Site{Name: "shop", Secret: secret, HandleKey: long[1:]}, true},
		"keys without an issuer":   {auth.Site{Name: "shop", JWKSFile: jwks, HandleKey: long}, false},
		"keys that are not there":  {auth.Site{Name: "shop", JWKSFile: jwks + "x", Issuer: "i", HandleKey: long}, false},
		"keys over plain HTTP":     {auth.Site{Name: "shop", JWKSURL: "http://keys.example/jwks", Issuer: "i", HandleKey: long}, false},
		"keys that look local":     {auth.Site{Name: "shop", JWKSURL: "http://127.0.0.1.evil.example/jwks", Issuer: "i", HandleKey: long}, false},
		"keys at a file's address": {auth.Site{Name: "shop", JWKSURL: "file:///etc/passwd", Issuer: "i", HandleKey: long}, false},
		"keys nowhere":             {auth.Site{Name: "shop", JWKSURL: "jwks.json", Issuer: "i", HandleKey: long}, false},
	} {
		dir := t.TempDir()
		b, err := json.Marshal(c.site)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "shop.json"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		sites, err := auth.OpenSites(dir, newClock().Now)
		if err == nil {
			sites.Close()
			t.Errorf("%s: opened", name)
		} else if errors.Is(err, auth.ErrWeakSecret) != c.weak || strings.Contains(err.Error(), secret[1:]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesThatAreNoSites(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"no JSON": "{", "another name": `{"name": "other", "secret": "` + secret + `", "handle_key": "` + secret + `"}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "shop.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if sites, err := auth.OpenSites(dir, newClock().Now); err == nil {
			sites.Close()
			t.Errorf("%s: opened", name)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"Shop.json", "shop.txt", ".new-1", "-.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sites, err := auth.OpenSites(dir, newClock().Now)
	if err != nil {
		t.Fatalf("files that are no sites: %v", err)
	}
	sites.Close()
	if sites, err = auth.OpenSites(filepath.Join(dir, "none"), newClock().Now); err != nil {
		t.Fatalf("a folder that is not there: %v", err)
	}
	sites.Close()
}

func TestCreate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sites")
	sites := auth.NewSites(dir, newClock().Now)
	t.Cleanup(sites.Close)
	first, err := sites.Create("shop")
	if err != nil {
		t.Fatal(err)
	}
	second, err := sites.Create("shop-2")
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Secret) < auth.MinSecret || first.Secret == first.HandleKey || first.Secret == second.Secret || first.HandleKey == second.HandleKey {
		t.Error("the keys are weak, or the same")
	}
	if _, err := sites.Create("shop"); !errors.Is(err, auth.ErrSiteExists) {
		t.Errorf("made twice: %v", err)
	}
	if kept, err := sites.Get("shop"); err != nil || kept.Secret != first.Secret {
		t.Errorf("kept: %v, %v", kept, err)
	}
	info, err := os.Stat(filepath.Join(dir, "shop.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	for _, name := range []string{"", ".", "..", "../shop", "a/b", "Shop", "shop_1", "-shop", "shop-", strings.Repeat("a", 65), "sh\x00op"} {
		if _, err := sites.Create(name); err == nil {
			t.Errorf("%q was made", name)
		}
		if _, err := sites.Get(name); !errors.Is(err, auth.ErrNoSite) {
			t.Errorf("%q: %v", name, err)
		}
	}
	names, err := sites.Names()
	if err != nil || !slices.Equal(names, []string{"shop", "shop-2"}) {
		t.Errorf("the sites: %v, %v", names, err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

// The file of a site may change while the service runs.
func TestKeysChangeWhileTheServiceRuns(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), newClock()
	write(t, dir, auth.Site{Name: "shop", Secret: secret})
	sites, err := auth.OpenSites(dir, now.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sites.Close)
	token := sign(t, jwt.SigningMethodHS256, []byte(secret), "", nil)
	check := func(token string, want error) {
		t.Helper()
		s, err := sites.Get("shop")
		if err == nil {
			_, err = s.Verify(token, noon)
		}
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	check(token, nil)
	renewed := strings.Repeat("r", auth.MinSecret)
	path := filepath.Join(dir, "shop.json")
	touch := func(i int) {
		t.Helper()
		at := noon.Add(time.Duration(i) * time.Second)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, auth.Site{Name: "shop", Secret: renewed})
	touch(1)
	check(token, nil) // looked at again once a second
	now.advance(time.Second)
	check(token, auth.ErrToken)
	check(sign(t, jwt.SigningMethodHS256, []byte(renewed), "", nil), nil)
	// A secret that is too short is never used.
	write(t, dir, auth.Site{Name: "shop", Secret: "short"})
	touch(2)
	now.advance(time.Second)
	check(sign(t, jwt.SigningMethodHS256, []byte("short"), "", nil), auth.ErrWeakSecret)
	write(t, dir, auth.Site{Name: "shop", Secret: secret})
	touch(3)
	now.advance(time.Second)
	check(token, nil)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	now.advance(time.Second)
	check(token, auth.ErrNoSite)
	// One that is added is found.
	if _, err := sites.Get("later"); !errors.Is(err, auth.ErrNoSite) {
		t.Errorf("before it is made: %v", err)
	}
	write(t, dir, auth.Site{Name: "later", Secret: secret})
	now.advance(time.Second)
	if _, err := sites.Get("later"); err != nil {
		t.Errorf("once it is made: %v", err)
	}
}

// So may the file of its public keys.
func TestPublicKeysChangeWhileTheServiceRuns(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), newClock()
	old, renewed := newKeys(t), newKeys(t)
	file := filepath.Join(dir, "jwks.txt")
	put := func(k keys, i int) {
		t.Helper()
		if err := os.WriteFile(file, k.set(t), 0o600); err != nil {
			t.Fatal(err)
		}
		at := noon.Add(time.Duration(i) * time.Second)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	put(old, 0)
	write(t, dir, auth.Site{Name: "shop", Issuer: "https://shop.example", JWKSFile: file})
	sites, err := auth.OpenSites(dir, now.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sites.Close)
	check := func(k keys, want error) {
		t.Helper()
		s, err := sites.Get("shop")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Verify(sign(t, jwt.SigningMethodES256, k.ec, "ec", nil), noon); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	check(old, nil)
	check(renewed, auth.ErrToken)
	put(renewed, 1)
	now.advance(time.Second)
	check(old, auth.ErrToken)
	check(renewed, nil)
}

// Strangers choose the names of sites that are not there; only so many are
// remembered, and none of them hides one that is.
func TestManyUnknownSites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sites := auth.NewSites(dir, newClock().Now)
	t.Cleanup(sites.Close)
	for i := range 3000 {
		if _, err := sites.Get(fmt.Sprint("site-", i)); !errors.Is(err, auth.ErrNoSite) {
			t.Fatal(err)
		}
	}
	write(t, dir, auth.Site{Name: "shop", Secret: secret})
	if _, err := sites.Get("shop"); err != nil {
		t.Error(err)
	}
}

func TestHandles(t *testing.T) {
	t.Parallel()
	a := open(t, auth.Site{Name: "shop", Secret: secret})
	b := open(t, auth.Site{Name: "shop", Secret: secret, HandleKey: strings.Repeat("k", auth.MinSecret)})
	alice := a.Handle("alice")
	if !regexp.MustCompile(`^[a-z2-7]{20}$`).MatchString(alice) {
		t.Errorf("the handle is %q", alice)
	}
	if a.Handle("alice") != alice || a.Handle("bob") == alice || b.Handle("alice") == alice {
		t.Error("handles must be the same for the same person of a site, and for nobody else")
	}
}
