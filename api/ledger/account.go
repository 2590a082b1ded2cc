package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/candor-ugc/candor/api/content"
)

// The moderators' accounts and sessions, in the form in which package auth asks
// for them: it must not know the ledger's errors.

// maxAccounts bounds the accounts of a site that are listed.
const maxAccounts = 1000

func accountMeta(a *content.Account) (string, int64, Keys) {
	id := Key(a.Site, a.Login)
	return id, a.Rev, Keys{BySite: id}
}

// Sessions are found by their account, to end them, and by their end, to sweep
// them.
func sessionMeta(v *content.Session) (string, int64, Keys) {
	k := Keys{ByTime: Key(Millis(v.Until), v.ID)}
	if v.Login != "" {
		k[ByAuthor] = Key(v.Site, v.Login, v.ID)
	}
	return v.ID, v.Rev, k
}

// Account gives an account and whether there is one.
func (l *Ledger) Account(ctx context.Context, site, login string) (content.Account, bool, error) {
	a, err := l.Accounts.Get(ctx, Key(site, login))
	if errors.Is(err, ErrNotFound) {
		return content.Account{}, false, nil
	}
	if err != nil {
		return content.Account{}, false, err
	}
	return *a, true, nil
}

// AccountsOf lists the accounts of a site by login, at most 1000.
func (l *Ledger) AccountsOf(ctx context.Context, site string) ([]content.Account, error) {
	r := Prefix(BySite, site)
	r.Limit = maxAccounts
	list, err := l.Accounts.All(ctx, r)
	out := make([]content.Account, len(list))
	for i, a := range list {
		out[i] = *a
	}
	return out, err
}

// AddAccount adds an account, and says false where the login is taken.
func (l *Ledger) AddAccount(ctx context.Context, a content.Account) (bool, error) {
	return done(l.Accounts.Insert(ctx, &a))
}

// ChangeAccount puts a in the place of its revision before, and says false where
// that is not the one in place.
func (l *Ledger) ChangeAccount(ctx context.Context, a content.Account) (bool, error) {
	return done(l.Accounts.Replace(ctx, &a, a.Rev-1))
}

// Session gives a session and whether there is one.
func (l *Ledger) Session(ctx context.Context, id string) (content.Session, bool, error) {
	v, err := l.Sessions.Get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return content.Session{}, false, nil
	}
	if err != nil {
		return content.Session{}, false, err
	}
	return *v, true, nil
}

// AddSession adds a session.
func (l *Ledger) AddSession(ctx context.Context, v content.Session) error {
	return l.Sessions.Insert(ctx, &v)
}

// TouchSession puts v in the place of its revision before, and says false where
// that is gone or was touched meanwhile.
func (l *Ledger) TouchSession(ctx context.Context, v content.Session) (bool, error) {
	return done(l.Sessions.Replace(ctx, &v, v.Rev-1))
}

// DropSessions ends sessions; ones that are gone are no error.
func (l *Ledger) DropSessions(ctx context.Context, ids ...string) error {
	return l.Sessions.Delete(ctx, ids...)
}

// SessionsOf gives the ids of the sessions of an account.
func (l *Ledger) SessionsOf(ctx context.Context, site, login string) ([]string, error) {
	return l.sessionIDs(ctx, Prefix(ByAuthor, site, login))
}

// SessionsUntil gives the ids of at most limit sessions that ended by themselves
// before a time.
func (l *Ledger) SessionsUntil(ctx context.Context, end time.Time, limit int) ([]string, error) {
	return l.sessionIDs(ctx, Range{Index: ByTime, To: Millis(end), Limit: limit})
}

func (l *Ledger) sessionIDs(ctx context.Context, r Range) ([]string, error) {
	list, err := l.Sessions.All(ctx, r)
	ids := make([]string, len(list))
	for i, v := range list {
		ids[i] = v.ID
	}
	return ids, err
}

// done tells a change that another writer forestalled from one that failed.
func done(err error) (bool, error) {
	if errors.Is(err, ErrExists) || errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
