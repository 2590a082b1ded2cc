package content

import (
	"time"
	"unicode/utf8"
)

// Limits of a moderator's account. The password's are in characters.
const (
	MinPassword = 10
	MaxPassword = 256
	MaxLogin    = 64
)

// Account lets a moderator or administrator of a site sign in with a password.
type Account struct {
	Site string `bson:"site"`
	// Login is what is typed to sign in, unique within the site.
	Login string `bson:"login"`
	Name  string `bson:"name"`
	// Role is Moderator or Admin.
	Role Role `bson:"role"`
	// Hash is the password's argon2id hash in PHC form.
	Hash     string `bson:"hash"`
	Disabled bool   `bson:"disabled"`
	// Epoch rises whenever every session of the account must end: at a new
	// password, another role, and when it is disabled.
	Epoch     int64     `bson:"epoch"`
	CreatedAt time.Time `bson:"created_at"`
	ChangedAt time.Time `bson:"changed_at"`
	Rev       int64     `bson:"rev"`
}

// Validate checks everything but the hash.
func (a Account) Validate() error {
	var e Invalid
	if !ValidLogin(a.Login) {
		e.Add("login", "invalid", "must be 2 to %d letters a-z, digits, dots, hyphens or underscores", MaxLogin)
	}
	e.Text("name", a.Name, 0, MaxName)
	if a.Role != Moderator && a.Role != Admin {
		e.Add("role", "invalid", "must be moderator or admin")
	}
	return e.Err()
}

// ValidLogin reports whether s can be a sign-in name: lower-case letters,
// digits, and single marks between them, so that no two look alike.
func ValidLogin(s string) bool {
	if len(s) < 2 || len(s) > MaxLogin {
		return false
	}
	mark := true // none at the start
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			mark = false
		case (c == '.' || c == '-' || c == '_' || c == '@') && !mark:
			mark = true
		default:
			return false
		}
	}
	return !mark
}

// ValidatePassword checks a password that somebody chose. Length is all that is
// asked for: rules about kinds of characters make passwords worse (NIST SP
// 800-63B, section 5.1.1.2).
func ValidatePassword(s string) error {
	var e Invalid
	switch n := utf8.RuneCountInString(s); {
	case !utf8.ValidString(s):
		e.Add("password", "invalid_utf8", "must be valid UTF-8")
	case n < MinPassword:
		e.Add("password", "too_short", "must have at least %d characters", MinPassword)
	case n > MaxPassword:
		e.Add("password", "too_long", "must have at most %d characters", MaxPassword)
	}
	return e.Err()
}

// Session is somebody who has signed in with a browser.
type Session struct {
	// ID is the SHA-256 of the secret that the browser holds, in hex.
	ID   string `bson:"_id"`
	Site string `bson:"site"`
	// Login is the account's; empty where a storefront's token signed in, and
	// Person, Name and Role are what that said.
	Login  string `bson:"login,omitempty"`
	Epoch  int64  `bson:"epoch,omitempty"`
	Person string `bson:"person,omitempty"`
	Name   string `bson:"name,omitempty"`
	Role   Role   `bson:"role,omitempty"`
	// SeenAt is about when it was last used, Until when it ends at the latest.
	CreatedAt time.Time `bson:"created_at"`
	SeenAt    time.Time `bson:"seen_at"`
	Until     time.Time `bson:"until"`
	Rev       int64     `bson:"rev"`
}
