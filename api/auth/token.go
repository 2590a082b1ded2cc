package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/candor-ugc/candor/api/content"
)

// Audience is the aud that every token carries.
const Audience = "candor"

// Limits of a token.
const (
	MaxToken     = 8 << 10
	maxPurchases = 500
	// MaxTTL is the longest life a token minted here may have.
	MaxTTL = 365 * 24 * time.Hour
)

// Errors of tokens, compared with errors.Is.
var (
	// ErrToken: the token is malformed, not signed by the site, or lacks a claim.
	ErrToken = errors.New("invalid token")
	// ErrExpired: the token was valid once.
	ErrExpired = errors.New("token expired")
	// ErrForeign: the token is for another site.
	ErrForeign = errors.New("token of another site")
)

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	Name      string   `json:"name,omitempty"`
	Email     string   `json:"email,omitempty"`
	Site      string   `json:"site"`
	Roles     []string `json:"roles,omitempty"`
	Purchases []string `json:"purchases,omitempty"`
}

// Grant is what a minted token grants.
type Grant struct {
	Subject   string
	Name      string
	Roles     []content.Role
	Purchases []string
	TTL       time.Duration
}

// Mint signs a token with the site's secret.
func (s *Site) Mint(g Grant, now time.Time) (string, error) {
	if len(s.Secret) < MinSecret {
		return "", fmt.Errorf("mint token for site %s: %w", s.Name, ErrWeakSecret)
	}
	if !content.ValidPerson(g.Subject) {
		return "", fmt.Errorf("mint token: the subject must be 1 to %d printable characters", content.MaxID)
	}
	if g.TTL <= 0 || g.TTL > MaxTTL {
		return "", fmt.Errorf("mint token: the life must be above 0 and at most %s", MaxTTL)
	}
	c := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: s.issuer(), Subject: g.Subject, Audience: jwt.ClaimStrings{Audience},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(g.TTL)),
		},
		Name: g.Name, Site: s.Name, Purchases: g.Purchases,
	}
	for _, r := range g.Roles {
		if !r.Valid() {
			return "", fmt.Errorf("mint token: unknown role %q", r)
		}
		c.Roles = append(c.Roles, string(r))
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(s.Secret))
	if err != nil {
		return "", fmt.Errorf("mint token: %w", err)
	}
	return signed, nil
}

func (s *Site) issuer() string {
	if s.Issuer != "" {
		return s.Issuer
	}
	return "candor"
}

// Verify tells who bears a token of this site: ErrToken, ErrExpired, ErrForeign.
// Only HS256 with the site's secret and RS256, ES256 or EdDSA with its JWKS are
// accepted.
func (s *Site) Verify(token string, now time.Time) (content.Actor, error) {
	if len(token) > MaxToken {
		return content.Actor{}, ErrToken
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(s.methods()), jwt.WithExpirationRequired(), jwt.WithAudience(Audience),
		jwt.WithTimeFunc(func() time.Time { return now }),
	}
	if s.Issuer != "" {
		options = append(options, jwt.WithIssuer(s.Issuer))
	}
	var c claims
	_, err := jwt.NewParser(options...).ParseWithClaims(token, &c, s.key)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return content.Actor{}, ErrExpired
	case err != nil:
		return content.Actor{}, fmt.Errorf("%w: %w", ErrToken, err)
	case c.Site != s.Name:
		return content.Actor{}, ErrForeign
	}
	return c.actor()
}

func (s *Site) methods() []string {
	m := []string{} // not nil, which the parser takes for any method
	if len(s.Secret) >= MinSecret {
		m = append(m, "HS256")
	}
	if s.keys != nil {
		m = append(m, "RS256", "ES256", "EdDSA")
	}
	return m
}

// key picks the key by the kind of signature, so that a public key is never
// taken for a secret.
func (s *Site) key(t *jwt.Token) (any, error) {
	// RFC 7515, section 4.1.11: extensions that are not understood are refused.
	if _, critical := t.Header["crit"]; critical {
		return nil, errors.New("critical header")
	}
	if t.Method == jwt.SigningMethodHS256 {
		return []byte(s.Secret), nil
	}
	return s.keys.Keyfunc(t)
}

// actor reads the claims. Tokens without roles are a shopper's; roles this
// version does not know grant nothing.
func (c *claims) actor() (content.Actor, error) {
	var e content.Invalid
	e.Text("name", c.Name, 0, content.MaxName)
	if e.Err() != nil || !content.ValidPerson(c.Subject) || len(c.Purchases) > maxPurchases {
		return content.Actor{}, fmt.Errorf("%w: sub, name or purchases", ErrToken)
	}
	a := content.Actor{ID: c.Subject, Name: c.Name, Email: c.Email, Purchases: c.Purchases}
	if len(c.Roles) == 0 {
		a.Role = content.Shopper
	}
	for _, r := range c.Roles {
		if role := content.Role(r); role.Valid() && !a.Role.Includes(role) {
			a.Role = role
		}
	}
	if !a.Role.Valid() {
		return content.Actor{}, fmt.Errorf("%w: no known role", ErrToken)
	}
	return a, nil
}
