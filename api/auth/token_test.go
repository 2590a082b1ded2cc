package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/candor-ugc/candor/api/auth"
	"github.com/candor-ugc/candor/api/content"
)

func TestMain(m *testing.M) {
	// The housekeeping of caches ends with the process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/maypok86/otter/v2.periodicCleanUp[...]"))
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// secret is as short as a secret may be.
var secret = strings.Repeat("s", auth.MinSecret)

// clock is a clock that tests set.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(noon.UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// write puts the file of a site into a folder.
func write(t testing.TB, dir string, site auth.Site) {
	t.Helper()
	if site.HandleKey == "" {
		site.HandleKey = strings.Repeat("h", auth.MinSecret)
	}
	b, err := json.Marshal(site)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, site.Name+".json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// open writes the file of a site and opens it.
func open(t testing.TB, site auth.Site) *auth.Site {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, site)
	sites, err := auth.OpenSites(dir, newClock().Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sites.Close)
	v, err := sites.Get(site.Name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// claims are those of a good token, with changes; a nil value takes one away.
func claims(change jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": "https://shop.example", "aud": "candor", "sub": "alice", "name": "Alice", "site": "shop",
		"roles": []string{"shopper"}, "exp": noon.Add(time.Hour).Unix(),
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func sign(t testing.TB, method jwt.SigningMethod, key any, kid string, change jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims(change))
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatATokenMustSay(t *testing.T) {
	t.Parallel()
	s := open(t, auth.Site{Name: "shop", Secret: secret})
	for _, c := range []struct {
		name   string
		change jwt.MapClaims
		want   error
	}{
		{"a good one", nil, nil},
		{"any issuer, where the site names none", jwt.MapClaims{"iss": nil}, nil},
		{"several audiences", jwt.MapClaims{"aud": []string{"other", "candor"}}, nil},
		{"no name", jwt.MapClaims{"name": nil}, nil},
		{"a second to live", jwt.MapClaims{"exp": noon.Add(time.Second).Unix()}, nil},
		{"no exp", jwt.MapClaims{"exp": nil}, auth.ErrToken},
		{"exp in words", jwt.MapClaims{"exp": "tomorrow"}, auth.ErrToken},
		{"expired", jwt.MapClaims{"exp": noon.Unix()}, auth.ErrExpired},
		{"expired long ago", jwt.MapClaims{"exp": 1}, auth.ErrExpired},
		{"not valid yet", jwt.MapClaims{"nbf": noon.Add(time.Minute).Unix()}, auth.ErrToken},
		{"no aud", jwt.MapClaims{"aud": nil}, auth.ErrToken},
		{"another aud", jwt.MapClaims{"aud": "somebody"}, auth.ErrToken},
		{"an empty aud", jwt.MapClaims{"aud": []string{}}, auth.ErrToken},
		{"no sub", jwt.MapClaims{"sub": nil}, auth.ErrToken},
		{"an empty sub", jwt.MapClaims{"sub": ""}, auth.ErrToken},
		{"a long sub", jwt.MapClaims{"sub": strings.Repeat("a", 129)}, auth.ErrToken},
		{"a sub with a control character", jwt.MapClaims{"sub": "alice\x1fbob"}, auth.ErrToken},
		{"a sub with a line break", jwt.MapClaims{"sub": "alice\n"}, auth.ErrToken},
		{"a sub that is a number", jwt.MapClaims{"sub": 7}, auth.ErrToken},
		{"no site", jwt.MapClaims{"site": nil}, auth.ErrForeign},
		{"another site", jwt.MapClaims{"site": "elsewhere"}, auth.ErrForeign},
		{"a site in capitals", jwt.MapClaims{"site": "SHOP"}, auth.ErrForeign},
		{"a long name", jwt.MapClaims{"name": strings.Repeat("n", content.MaxName+1)}, auth.ErrToken},
		{"a name that turns around", jwt.MapClaims{"name": "Alice\u202e"}, auth.ErrToken},
		{"only an unknown role", jwt.MapClaims{"roles": []string{"root"}}, auth.ErrToken},
		{"an empty role", jwt.MapClaims{"roles": []string{""}}, auth.ErrToken},
		{"a role that is no list", jwt.MapClaims{"roles": "admin"}, auth.ErrToken},
		{"too many purchases", jwt.MapClaims{"purchases": make([]string, 501)}, auth.ErrToken},
	} {
		_, err := s.Verify(sign(t, jwt.SigningMethodHS256, []byte(secret), "", c.change), noon)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestWhoBearsAToken(t *testing.T) {
	t.Parallel()
	s := open(t, auth.Site{Name: "shop", Secret: secret})
	for _, c := range []struct {
		roles any
		want  content.Role
	}{
		{nil, content.Shopper},
		{[]string{}, content.Shopper},
		{[]string{"shopper"}, content.Shopper},
		{[]string{"staff"}, content.Staff},
		{[]string{"moderator"}, content.Moderator},
		{[]string{"admin"}, content.Admin},
		{[]string{"moderator", "shopper"}, content.Moderator},
		{[]string{"shopper", "admin", "staff"}, content.Admin},
		{[]string{"shopper", "root"}, content.Shopper},
		{[]string{"root", "staff"}, content.Staff},
	} {
		who, err := s.Verify(sign(t, jwt.SigningMethodHS256, []byte(secret), "", jwt.MapClaims{
			"roles": c.roles, "email": "alice@example.com", "purchases": []string{"kettle"},
		}), noon)
		if err != nil || who.Role != c.want || who.ID != "alice" || who.Name != "Alice" || !who.Bought("kettle") || who.Bought("pan") || !who.Known() {
			t.Errorf("%v: %+v, %v, want %s", c.roles, who, err, c.want)
		}
	}
}

func TestHowATokenMustBeSigned(t *testing.T) {
	t.Parallel()
	s := open(t, auth.Site{Name: "shop", Secret: secret})
	good := sign(t, jwt.SigningMethodHS256, []byte(secret), "", nil)
	if _, err := s.Verify(good, noon); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", nil)
	head := func(h string) string { return base64.RawURLEncoding.EncodeToString([]byte(h)) }
	for name, token := range map[string]string{
		"none":                       none,
		"none in capitals":           head(`{"alg":"NONE"}`) + "." + parts[1] + ".",
		"none with a signature":      head(`{"alg":"none"}`) + "." + parts[1] + "." + parts[2],
		"no alg":                     head(`{"typ":"JWT"}`) + "." + parts[1] + "." + parts[2],
		"another alg in the head":    head(`{"alg":"HS384"}`) + "." + parts[1] + "." + parts[2],
		"HS512":                      sign(t, jwt.SigningMethodHS512, []byte(secret), "", nil),
		"another secret":             sign(t, jwt.SigningMethodHS256, []byte(secret+"x"), "", nil),
		"an empty secret":            sign(t, jwt.SigningMethodHS256, []byte{}, "", nil),
		"no signature":               parts[0] + "." + parts[1] + ".",
		"half a signature":           parts[0] + "." + parts[1] + "." + parts[2][:20],
		"other claims":               parts[0] + "." + strings.Split(sign(t, jwt.SigningMethodHS256, []byte("x"), "", jwt.MapClaims{"roles": []string{"admin"}}), ".")[1] + "." + parts[2],
		"two parts":                  parts[0] + "." + parts[1],
		"four parts":                 good + ".x",
		"padding":                    good + "==",
		"a blank":                    good + " ",
		"nothing":                    "",
		"dots":                       "..",
		"garbage":                    "garbage",
		"an elliptic key, none kept": sign(t, jwt.SigningMethodES256, newKeys(t).ec, "ec", nil),
		"a long one":                 sign(t, jwt.SigningMethodHS256, []byte(secret), "", jwt.MapClaims{"x": strings.Repeat("x", auth.MaxToken)}),
	} {
		if who, err := s.Verify(token, noon); !errors.Is(err, auth.ErrToken) || who.Known() {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

// keys are one private key of each kind.
type keys struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
}

func newKeys(t testing.TB) keys {
	t.Helper()
	var k keys
	var err error
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if k.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, k.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return k
}

// set is the JWKS of the public keys.
func (k keys) set(t testing.TB) []byte {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	point, err := k.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	list := []map[string]string{
		{"kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "n": b64(k.rsa.N.Bytes()), "e": b64(big.NewInt(int64(k.rsa.E)).Bytes())},
		{"kty": "EC", "kid": "ec", "alg": "ES256", "use": "sig", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		{"kty": "OKP", "kid": "ed", "alg": "EdDSA", "use": "sig", "crv": "Ed25519", "x": b64(k.ed.Public().(ed25519.PublicKey))},
	}
	out, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// public is a public key in the form that it is published in.
func public(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestPublicKeys(t *testing.T) {
	t.Parallel()
	k, stranger := newKeys(t), newKeys(t)
	jwks := k.set(t)
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, jwks, 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(jwks) // the test fails when this does
	}))
	t.Cleanup(func() {
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	const issuer = "https://shop.example"
	for name, site := range map[string]auth.Site{
		"file":              {Name: "shop", Issuer: issuer, JWKSFile: file},
		"address":           {Name: "shop", Issuer: issuer, JWKSURL: server.URL},
		"file and secret":   {Name: "shop", Issuer: issuer, JWKSFile: file, Secret: secret},
		"address and other": {Name: "shop", Issuer: issuer, JWKSURL: server.URL, Secret: secret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, site)
			for name, c := range map[string]struct {
				method jwt.SigningMethod
				key    any
				kid    string
				change jwt.MapClaims
				good   bool
			}{
				"RS256":                  {jwt.SigningMethodRS256, k.rsa, "rsa", nil, true},
				"ES256":                  {jwt.SigningMethodES256, k.ec, "ec", nil, true},
				"EdDSA":                  {jwt.SigningMethodEdDSA, k.ed, "ed", nil, true},
				"RS512":                  {jwt.SigningMethodRS512, k.rsa, "rsa", nil, false},
				"PS256":                  {jwt.SigningMethodPS256, k.rsa, "rsa", nil, false},
				"the key of a stranger":  {jwt.SigningMethodRS256, stranger.rsa, "rsa", nil, false},
				"another kind of key":    {jwt.SigningMethodES256, k.ec, "rsa", nil, false},
				"another issuer":         {jwt.SigningMethodRS256, k.rsa, "rsa", jwt.MapClaims{"iss": "https://evil.example"}, false},
				"no issuer":              {jwt.SigningMethodRS256, k.rsa, "rsa", jwt.MapClaims{"iss": nil}, false},
				"HS256 with the secret":  {jwt.SigningMethodHS256, []byte(secret), "", nil, site.Secret != ""},
				"HS256 with RSA's PEM":   {jwt.SigningMethodHS256, public(t, k.rsa.Public()), "rsa", nil, false},
				"HS256 with EC's PEM":    {jwt.SigningMethodHS256, public(t, k.ec.Public()), "ec", nil, false},
				"HS256 with Ed25519's x": {jwt.SigningMethodHS256, []byte(k.ed.Public().(ed25519.PublicKey)), "ed", nil, false},
				"HS256 with nothing":     {jwt.SigningMethodHS256, []byte{}, "", nil, false},
			} {
				who, err := s.Verify(sign(t, c.method, c.key, c.kid, c.change), noon)
				if c.good && (err != nil || who.ID != "alice") || !c.good && !errors.Is(err, auth.ErrToken) {
					t.Errorf("%s: %+v, %v", name, who, err)
				}
			}
		})
	}
}

// Many tokens with keys that nobody knows must neither hang nor make the keys be
// fetched each time.
func TestUnknownKeysDoNotFetchForever(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	var fetched atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_, _ = w.Write(k.set(t)) // the test fails when this does
	}))
	t.Cleanup(func() {
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	s := open(t, auth.Site{Name: "shop", Issuer: "https://shop.example", JWKSURL: server.URL})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := s.Verify(sign(t, jwt.SigningMethodRS256, k.rsa, "nobody's", nil), noon); !errors.Is(err, auth.ErrToken) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := fetched.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
	if _, err := s.Verify(sign(t, jwt.SigningMethodES256, k.ec, "ec", nil), noon); err != nil {
		t.Errorf("a good token meanwhile: %v", err)
	}
}

func TestMint(t *testing.T) {
	t.Parallel()
	for _, site := range []auth.Site{{Name: "shop", Secret: secret}, {Name: "shop", Secret: secret, Issuer: "https://shop.example"}} {
		s := open(t, site)
		token, err := s.Mint(auth.Grant{
			Subject: "mira", Name: "Mira", Roles: []content.Role{content.Moderator}, Purchases: []string{"kettle"}, TTL: time.Hour,
		}, noon)
		if err != nil {
			t.Fatal(err)
		}
		who, err := s.Verify(token, noon.Add(time.Hour-time.Second))
		if err != nil || who.ID != "mira" || who.Name != "Mira" || who.Role != content.Moderator || !who.Bought("kettle") {
			t.Errorf("minted for %+v, %v", who, err)
		}
		if _, err := s.Verify(token, noon.Add(time.Hour)); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("an hour later: %v", err)
		}
		for name, g := range map[string]auth.Grant{
			"nobody":          {TTL: time.Hour},
			"a long subject":  {Subject: strings.Repeat("x", 129), TTL: time.Hour},
			"no life":         {Subject: "mira"},
			"a negative life": {Subject: "mira", TTL: -time.Hour},
			"a long life":     {Subject: "mira", TTL: auth.MaxTTL + time.Second},
			"an unknown role": {Subject: "mira", TTL: time.Hour, Roles: []content.Role{"root"}},
		} {
			if token, err := s.Mint(g, noon); err == nil || token != "" {
				t.Errorf("%s: minted", name)
			}
		}
	}
	weak := auth.Site{Name: "shop", Secret: "short"}
	if _, err := weak.Mint(auth.Grant{Subject: "mira", TTL: time.Hour}, noon); !errors.Is(err, auth.ErrWeakSecret) {
		t.Errorf("with a short secret: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	s := open(f, auth.Site{Name: "shop", Secret: secret})
	good := sign(f, jwt.SigningMethodHS256, []byte(secret), "", nil)
	for _, seed := range []string{
		good, good[:len(good)-1], strings.Replace(good, ".", "..", 1), "", ".", "..", "a.b.c", good + ".", strings.ToUpper(good),
		sign(f, jwt.SigningMethodHS256, []byte(secret), "", jwt.MapClaims{"sub": ""}),
		sign(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", nil),
	} {
		f.Add(seed)
	}
	body := strings.Join(strings.Split(good, ".")[:2], ".")
	f.Fuzz(func(t *testing.T, token string) {
		who, err := s.Verify(token, noon)
		if err == nil {
			// Nobody but the site can sign, so it is a token made above; base64
			// may leave bits of its last character open.
			if !strings.HasPrefix(token, body+".") || who.ID != "alice" || who.Role != content.Shopper {
				t.Errorf("%q is believed to be of %+v", token, who)
			}
			return
		}
		if who.Known() || !errors.Is(err, auth.ErrToken) && !errors.Is(err, auth.ErrExpired) && !errors.Is(err, auth.ErrForeign) {
			t.Errorf("%q: %+v, %v", token, who, err)
		}
	})
}
