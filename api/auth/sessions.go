package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/candor-ugc/candor/api/content"
)

// Lives of a session.
const (
	// SessionIdle is how long a session lasts unused.
	SessionIdle = 2 * time.Hour
	// SessionMax is how long it lasts at most: a working day.
	SessionMax = 12 * time.Hour
	// touchEvery is how exactly its last use is known; a write for each request
	// would be too many.
	touchEvery = time.Minute
	// sweepBatch is how many ended sessions a new one clears away.
	sweepBatch = 50
)

// secretBytes is the length of what a browser holds.
const secretBytes = 32

// SignIn opens a session with a password. Address is where the request came
// from, for the limit. The secret goes into the browser's cookie and is kept
// nowhere else. Errors: ErrCredentials, ErrAttempts.
func (a *Accounts) SignIn(ctx context.Context, site, login, password, address string) (secret string, v content.Session, err error) {
	account, err := a.check(ctx, site, login, password, address)
	if err != nil {
		return "", v, err
	}
	now := a.now().UTC()
	return a.open(ctx, content.Session{
		Site: site, Login: account.Login, Epoch: account.Epoch, Until: now.Add(SessionMax),
	})
}

// SignInToken opens a session with a token of the storefront, for as long as
// that is valid: ErrToken, ErrExpired, ErrForeign, ErrCredentials for those who
// are no moderators.
func (a *Accounts) SignInToken(ctx context.Context, site *Site, token string) (secret string, v content.Session, err error) {
	now := a.now().UTC()
	who, err := site.Verify(token, now)
	if err != nil {
		return "", v, err
	}
	if !who.May(content.Moderator) {
		return "", v, ErrCredentials
	}
	until := now.Add(SessionMax)
	if end := expiry(token); end.Before(until) {
		until = end
	}
	return a.open(ctx, content.Session{Site: site.Name, Person: who.ID, Name: who.Name, Role: who.Role, Until: until})
}

// expiry reads the end of a token that was verified.
func expiry(token string) time.Time {
	var c jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &c); err != nil || c.ExpiresAt == nil {
		return time.Time{}
	}
	return c.ExpiresAt.UTC()
}

// TokenSite reads the site that a token claims to be for, unverified: where to
// look for the key.
func TokenSite(token string) string {
	var c claims
	if len(token) > MaxToken {
		return ""
	}
	if _, _, err := jwt.NewParser().ParseUnverified(token, &c); err != nil {
		return ""
	}
	return c.Site
}

func (a *Accounts) open(ctx context.Context, v content.Session) (string, content.Session, error) {
	now := a.now().UTC()
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	secret := base64.RawURLEncoding.EncodeToString(raw)
	v.ID, v.CreatedAt, v.SeenAt, v.Rev = sessionID(secret), now, now, 1
	if err := a.store.AddSession(ctx, v); err != nil {
		return "", v, fmt.Errorf("open session: %w", err)
	}
	ended, err := a.store.SessionsUntil(ctx, now, sweepBatch)
	if err == nil && len(ended) > 0 {
		err = a.store.DropSessions(ctx, ended...)
	}
	if err != nil {
		return "", v, fmt.Errorf("sweep sessions: %w", err)
	}
	return secret, v, nil
}

// sessionID is under which a session is kept: who reads the ledger cannot use it.
func sessionID(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Resume tells who holds a secret on a site: ErrSession.
func (a *Accounts) Resume(ctx context.Context, site, secret string) (content.Actor, content.Session, error) {
	if len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return content.Actor{}, content.Session{}, ErrSession
	}
	v, found, err := a.store.Session(ctx, sessionID(secret))
	if err != nil {
		return content.Actor{}, v, fmt.Errorf("resume session: %w", err)
	}
	now := a.now().UTC()
	if !found || v.Site != site || !now.Before(v.Until) || now.Sub(v.SeenAt) >= SessionIdle {
		return content.Actor{}, v, ErrSession
	}
	who, err := a.holder(ctx, v)
	if err != nil {
		return content.Actor{}, v, err
	}
	if now.Sub(v.SeenAt) >= touchEvery {
		v.SeenAt, v.Rev = now, v.Rev+1
		// Somebody else's touch, or the end of the session, is as good.
		if _, err := a.store.TouchSession(ctx, v); err != nil {
			return content.Actor{}, v, fmt.Errorf("resume session: %w", err)
		}
	}
	return who, v, nil
}

// holder is who a session belongs to now: an account that was disabled or got
// another password has none of its old ones.
func (a *Accounts) holder(ctx context.Context, v content.Session) (content.Actor, error) {
	if v.Login == "" {
		return content.Actor{ID: v.Person, Name: v.Name, Role: v.Role}, nil
	}
	account, found, err := a.store.Account(ctx, v.Site, v.Login)
	if err != nil {
		return content.Actor{}, fmt.Errorf("resume session: %w", err)
	}
	if !found || account.Disabled || account.Epoch != v.Epoch {
		return content.Actor{}, ErrSession
	}
	return content.Actor{ID: account.Login, Name: account.Name, Role: account.Role}, nil
}

// SignOut ends a session. Ending none is no error.
func (a *Accounts) SignOut(ctx context.Context, secret string) error {
	if err := a.store.DropSessions(ctx, sessionID(secret)); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// FormToken is what forms of a session carry, so that a foreign page cannot
// send them. It tells nothing of the secret.
func FormToken(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("candor form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ValidFormToken compares in constant time.
func ValidFormToken(secret, token string) bool {
	return hmac.Equal([]byte(FormToken(secret)), []byte(token))
}
