package auth_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/candor-ugc/candor/api/auth"
)

// signHead signs a good token with more in its head.
func signHead(t testing.TB, method jwt.SigningMethod, key any, kid string, head map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims(nil))
	if kid != "" {
		token.Header["kid"] = kid
	}
	for name, v := range head {
		token.Header[name] = v
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A token may say that it means something else to those who do not understand
// an extension; none is understood here (RFC 7515, section 4.1.11).
func TestCriticalExtensionsAreRefused(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, k.set(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, auth.Site{Name: "shop", Secret: secret, Issuer: "https://shop.example", JWKSFile: file})
	for _, signer := range []struct {
		method jwt.SigningMethod
		key    any
		kid    string
	}{
		{jwt.SigningMethodHS256, []byte(secret), ""},
		{jwt.SigningMethodRS256, k.rsa, "rsa"},
		{jwt.SigningMethodES256, k.ec, "ec"},
		{jwt.SigningMethodEdDSA, k.ed, "ed"},
	} {
		for name, c := range map[string]struct {
			head map[string]any
			want error
		}{
			"nothing critical":       {nil, nil},
			"something not critical": {map[string]any{"x5u": "https://shop.example", "Crit": []string{"exp"}}, nil},
			"an extension":           {map[string]any{"crit": []string{"x"}, "x": true}, auth.ErrToken},
			"an unencoded payload":   {map[string]any{"crit": []string{"b64"}, "b64": true}, auth.ErrToken},
			"a claim":                {map[string]any{"crit": []string{"exp"}}, auth.ErrToken},
			"an empty list":          {map[string]any{"crit": []string{}}, auth.ErrToken},
			"null":                   {map[string]any{"crit": nil}, auth.ErrToken},
			"no list":                {map[string]any{"crit": "exp"}, auth.ErrToken},
		} {
			who, err := s.Verify(signHead(t, signer.method, signer.key, signer.kid, c.head), noon)
			if !errors.Is(err, c.want) || who.Known() != (c.want == nil) {
				t.Errorf("%s with %s: %+v, %v, want %v", signer.method.Alg(), name, who, err, c.want)
			}
		}
	}
}

// Whoever can guess the secret can sign: a site that came by a weak one verifies
// nothing and mints nothing.
func TestWeakSecretsSignNothing(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, k.set(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, weak := range map[string]string{"empty": "", "one byte": "s", "a byte short": strings.Repeat("s", auth.MinSecret-1)} {
		for kind, s := range map[string]*auth.Site{
			"alone":       {Name: "shop"},
			"with a JWKS": open(t, auth.Site{Name: "shop", Issuer: "https://shop.example", JWKSFile: file}),
		} {
			s.Secret = weak // no file may hold it
			for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
				if who, err := s.Verify(sign(t, method, []byte(weak), "", nil), noon); !errors.Is(err, auth.ErrToken) || who.Known() {
					t.Errorf("%s %s: %s is believed: %+v, %v", name, kind, method.Alg(), who, err)
				}
			}
			if who, err := s.Verify(sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", nil), noon); !errors.Is(err, auth.ErrToken) || who.Known() {
				t.Errorf("%s %s: an unsigned token is believed: %+v, %v", name, kind, who, err)
			}
			if token, err := s.Mint(auth.Grant{Subject: "mira", TTL: time.Hour}, noon); !errors.Is(err, auth.ErrWeakSecret) || token != "" {
				t.Errorf("%s %s: minted %q, %v", name, kind, token, err)
			}
		}
	}
}
