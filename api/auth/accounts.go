package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/time/rate"

	"github.com/candor-ugc/candor/api/content"
)

// Errors of accounts and sessions, compared with errors.Is.
var (
	// ErrCredentials: sign-in name or password is wrong, or the account may not
	// sign in. Which of them is not told.
	ErrCredentials = errors.New("sign-in name or password is wrong")
	// ErrAttempts: too many attempts; see [AttemptsError].
	ErrAttempts = errors.New("too many attempts to sign in")
	// ErrSession: there is no such session, or it has ended.
	ErrSession = errors.New("no session")
	// ErrNoAccount: the site has no account with this sign-in name.
	ErrNoAccount = errors.New("no such account")
	// ErrAccountExists: the sign-in name is taken.
	ErrAccountExists = errors.New("sign-in name is taken")
	// ErrLastAdmin: a site keeps at least one administrator who can sign in.
	ErrLastAdmin = errors.New("the last administrator of the site")
)

// AttemptsError says when to try again; it is ErrAttempts.
type AttemptsError struct{ Wait time.Duration }

func (e *AttemptsError) Error() string {
	return fmt.Sprintf("%v; try again in %s", ErrAttempts, e.Wait.Round(time.Second))
}

// Is makes errors.Is(err, ErrAttempts) true.
func (e *AttemptsError) Is(target error) bool { return target == ErrAttempts }

// AccountStore keeps accounts and sessions. Found, added and changed are false
// where there is nothing to find, the login is taken, or the revision before is
// not the one in place.
type AccountStore interface {
	Account(ctx context.Context, site, login string) (a content.Account, found bool, err error)
	AccountsOf(ctx context.Context, site string) ([]content.Account, error)
	AddAccount(ctx context.Context, a content.Account) (added bool, err error)
	ChangeAccount(ctx context.Context, a content.Account) (changed bool, err error)

	Session(ctx context.Context, id string) (v content.Session, found bool, err error)
	AddSession(ctx context.Context, v content.Session) error
	TouchSession(ctx context.Context, v content.Session) (changed bool, err error)
	DropSessions(ctx context.Context, ids ...string) error
	SessionsOf(ctx context.Context, site, login string) (ids []string, err error)
	SessionsUntil(ctx context.Context, end time.Time, limit int) (ids []string, err error)
}

// Limits of signing in. A person who mistypes is never in the way of them; who
// guesses gets some 4,000 tries a day for one login, from wherever they come.
const (
	loginBurst   = 10
	loginEvery   = 20 * time.Second
	addressBurst = 30
	addressEvery = 5 * time.Second
	// hashers bounds the passwords hashed at once, each with argonMemory.
	hashers = 4
)

// Accounts lets moderators sign in with a password.
type Accounts struct {
	store AccountStore
	now   func() time.Time
	// tries are the attempts that are left, by login and by address.
	tries *otter.Cache[string, *rate.Limiter]
	slots chan struct{}
	// decoy gives a hash to compare with where there is no account, so that the
	// answer takes as long.
	decoy func() string
}

// NewAccounts lets those sign in whose accounts lie in the store.
func NewAccounts(store AccountStore, now func() time.Time) *Accounts {
	return &Accounts{
		store: store, now: now, slots: make(chan struct{}, hashers),
		tries: otter.Must(&otter.Options[string, *rate.Limiter]{
			MaximumSize: 100_000, ExpiryCalculator: otter.ExpiryAccessing[string, *rate.Limiter](time.Hour),
		}),
		decoy: sync.OnceValue(func() string { return hashPassword(randomKey()) }),
	}
}

// NewPassword makes a password of 26 letters and digits, 128 bits.
func NewPassword() string { return strings.ToLower(rand.Text()) }

// Add makes an account: ErrAccountExists, content.Invalid.
func (a *Accounts) Add(ctx context.Context, v content.Account, password string) (content.Account, error) {
	v.Login = strings.ToLower(strings.TrimSpace(v.Login))
	v.Name = strings.TrimSpace(v.Name)
	if v.Name == "" {
		v.Name = v.Login
	}
	if err := errors.Join(v.Validate(), content.ValidatePassword(password)); err != nil {
		return v, err
	}
	hash, err := a.hash(ctx, password)
	if err != nil {
		return v, err
	}
	now := a.now().UTC()
	v.Hash, v.Epoch, v.CreatedAt, v.ChangedAt, v.Rev = hash, 1, now, now, 1
	added, err := a.store.AddAccount(ctx, v)
	if err != nil {
		return v, fmt.Errorf("add account: %w", err)
	}
	if !added {
		return v, ErrAccountExists
	}
	return v, nil
}

// List gives the accounts of a site by login, without their hashes.
func (a *Accounts) List(ctx context.Context, site string) ([]content.Account, error) {
	list, err := a.store.AccountsOf(ctx, site)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	for i := range list {
		list[i].Hash = ""
	}
	return list, nil
}

// AccountChange alters an account; nil fields stay.
type AccountChange struct {
	Name     *string
	Role     *content.Role
	Disabled *bool
	Password *string
}

// Change alters an account and ends its sessions where it loses a right or gets
// a new password: ErrNoAccount, ErrLastAdmin, content.Invalid.
func (a *Accounts) Change(ctx context.Context, site, login string, ch AccountChange) error {
	hash := ""
	if ch.Password != nil {
		if err := content.ValidatePassword(*ch.Password); err != nil {
			return err
		}
		var err error
		if hash, err = a.hash(ctx, *ch.Password); err != nil {
			return err
		}
	}
	for range 20 {
		v, found, err := a.store.Account(ctx, site, login)
		if err != nil {
			return fmt.Errorf("change account: %w", err)
		}
		if !found {
			return ErrNoAccount
		}
		was := v
		ch.on(&v, hash)
		if err := v.Validate(); err != nil {
			return err
		}
		if err := a.keepsAdmin(ctx, was, v); err != nil {
			return err
		}
		v.ChangedAt, v.Rev = a.now().UTC(), was.Rev+1
		changed, err := a.store.ChangeAccount(ctx, v)
		if err != nil {
			return fmt.Errorf("change account: %w", err)
		}
		if changed {
			return a.endOld(ctx, was, v)
		}
	}
	return errors.New("change account: others change it all the time")
}

func (ch AccountChange) on(v *content.Account, hash string) {
	was := *v
	if ch.Name != nil {
		v.Name = strings.TrimSpace(*ch.Name)
	}
	if ch.Role != nil {
		v.Role = *ch.Role
	}
	if ch.Disabled != nil {
		v.Disabled = *ch.Disabled
	}
	if hash != "" {
		v.Hash = hash
	}
	if hash != "" || v.Role != was.Role || v.Disabled && !was.Disabled {
		v.Epoch++
	}
}

// keepsAdmin refuses to take the site's last administrator away: nobody could
// give the role back without the machine's console.
func (a *Accounts) keepsAdmin(ctx context.Context, was, v content.Account) error {
	if was.Role != content.Admin || was.Disabled || v.Role == content.Admin && !v.Disabled {
		return nil
	}
	list, err := a.store.AccountsOf(ctx, v.Site)
	if err != nil {
		return fmt.Errorf("change account: %w", err)
	}
	for _, o := range list {
		if o.Login != v.Login && o.Role == content.Admin && !o.Disabled {
			return nil
		}
	}
	return ErrLastAdmin
}

// endOld drops the sessions that a change ended. They are dead already, since
// their epoch is an old one; this keeps them from lying about.
func (a *Accounts) endOld(ctx context.Context, was, v content.Account) error {
	if was.Epoch == v.Epoch {
		return nil
	}
	ids, err := a.store.SessionsOf(ctx, v.Site, v.Login)
	if err == nil && len(ids) > 0 {
		err = a.store.DropSessions(ctx, ids...)
	}
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// check gives the account of a login and password: ErrCredentials, ErrAttempts.
func (a *Accounts) check(ctx context.Context, site, login, password, address string) (content.Account, error) {
	login = strings.ToLower(strings.TrimSpace(login))
	byLogin, byAddress := "login\x1f"+site+"\x1f"+login, "address\x1f"+address
	if err := errors.Join(a.try(byLogin, loginBurst, loginEvery), a.try(byAddress, addressBurst, addressEvery)); err != nil {
		var wait *AttemptsError
		errors.As(err, &wait)
		return content.Account{}, wait
	}
	v, found := content.Account{}, false
	if content.ValidLogin(login) && len(password) <= 4*content.MaxPassword {
		var err error
		if v, found, err = a.store.Account(ctx, site, login); err != nil {
			return v, fmt.Errorf("look up account: %w", err)
		}
	}
	hash := v.Hash
	if !found {
		hash = a.decoy()
	}
	right, err := a.matches(ctx, hash, password)
	if err != nil {
		return v, err
	}
	if !right || !found || v.Disabled {
		return content.Account{}, ErrCredentials
	}
	a.tries.Invalidate(byLogin)
	return v, nil
}

// try takes one attempt, or says how long until there is one.
func (a *Accounts) try(key string, burst int, every time.Duration) error {
	bucket, _ := a.tries.SetIfAbsent(key, rate.NewLimiter(rate.Every(every), burst))
	now := a.now()
	if bucket.AllowN(now, 1) {
		return nil
	}
	missing := 1 - bucket.TokensAt(now)
	return &AttemptsError{Wait: time.Duration(math.Ceil(missing*every.Seconds())) * time.Second}
}

// slot waits for the right to hash a password.
func (a *Accounts) slot(ctx context.Context) (release func(), err error) {
	select {
	case a.slots <- struct{}{}:
		return func() { <-a.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("hash password: %w", ctx.Err())
	}
}

func (a *Accounts) hash(ctx context.Context, password string) (string, error) {
	release, err := a.slot(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return hashPassword(password), nil
}

func (a *Accounts) matches(ctx context.Context, hash, password string) (bool, error) {
	release, err := a.slot(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	return passwordMatches(hash, password)
}

// The cost of a password, as RFC 9106 (section 4, second choice) recommends it
// where memory is scarce: 64 MiB, three passes.
const (
	argonMemory  = 64 << 10 // KiB
	argonPasses  = 3
	argonThreads = 2
	argonSalt    = 16
	argonKey     = 32
)

// hashPassword gives the argon2id hash in PHC form.
func hashPassword(password string) string {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	key := argon2.IDKey(prepared(password), salt, argonPasses, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonThreads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

// prepared makes a password the same bytes however a keyboard composes its
// letters.
func prepared(password string) []byte { return norm.NFKC.Bytes([]byte(password)) }

// passwordMatches compares in constant time. An error says that the stored hash
// is none.
func passwordMatches(hash, password string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errors.New("stored password hash is malformed")
	}
	var version int
	var memory, passes uint32
	var threads uint8
	_, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &threads)
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(err, saltErr, keyErr); err != nil {
		return false, fmt.Errorf("stored password hash: %w", err)
	}
	if version != argon2.Version || passes == 0 || threads == 0 || memory > 1<<20 || passes > 100 || len(key) < 16 || len(key) > 64 {
		return false, errors.New("stored password hash has unknown parameters")
	}
	got := argon2.IDKey(prepared(password), salt, passes, memory, threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1, nil
}
