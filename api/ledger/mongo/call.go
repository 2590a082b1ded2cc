package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"

	"github.com/candor-ugc/candor/api/ledger"
)

// firstWait is how long a call waits before it is repeated; each further wait is
// twice as long.
const firstWait = 20 * time.Millisecond

// attempts is what is known about the tries of one call.
type attempts struct {
	// lost is whether some try may have been carried out although its answer
	// never came. A later refusal may then be the echo of our own success.
	lost atomic.Bool
}

type attemptsKey struct{}

// monitor notes lost answers. The driver repeats some commands by itself and
// returns the last answer alone, so the call would not learn of them otherwise.
func monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Failed: func(ctx context.Context, e *event.CommandFailedEvent) {
		var answer driver.Error
		answered := errors.As(e.Failure, &answer) && answer.Code != 0
		if a, ok := ctx.Value(attemptsKey{}).(*attempts); ok && !answered {
			a.lost.Store(true)
		}
	}}
}

// call does something on the server within the timeout of the connection, and again
// after passing failures. Errors of the ledger come back as they are, the end of
// the caller's context as its error, all others as ledger.ErrUnavailable.
func (c *connection) call(ctx context.Context, what string, do func(context.Context, *attempts) error) error {
	return c.callFor(ctx, c.timeout, what, do)
}

func (c *connection) callFor(parent context.Context, timeout time.Duration, what string, do func(context.Context, *attempts) error) error {
	if err := parent.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if c.closed.Load() {
		return fmt.Errorf("%s: connection is closed: %w", what, ledger.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	a := new(attempts)
	ctx = context.WithValue(ctx, attemptsKey{}, a)
	err := do(ctx, a)
	for n := 0; n < c.retries && passing(err) && wait(ctx, firstWait<<n); n++ {
		if !contended(err) {
			a.lost.Store(true)
		}
		err = do(ctx, a)
	}
	return explain(parent, what, err)
}

// wait reports whether ctx lasted.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// explain says in the ledger's words why a call failed.
func explain(parent context.Context, what string, err error) error {
	switch {
	case err == nil:
		return nil
	case ours(err):
		return fmt.Errorf("%s: %w", what, err)
	case parent.Err() != nil:
		return fmt.Errorf("%s: %w", what, parent.Err())
	case hasCode(err, codeTooLarge):
		return fmt.Errorf("%s: %w: %w", what, ledger.ErrTooLarge, err)
	default:
		return fmt.Errorf("%s: %w: %w", what, ledger.ErrUnavailable, err)
	}
}

// ours reports whether err is one of the ledger's errors already.
func ours(err error) bool {
	return slices.ContainsFunc([]error{
		ledger.ErrNotFound, ledger.ErrConflict, ledger.ErrExists, ledger.ErrUnavailable, ledger.ErrTooLarge,
	}, func(target error) bool { return errors.Is(err, target) })
}

// Codes of MongoDB's error_codes.yml.
const (
	codeDuplicate     = 11000
	codeWriteConflict = 112
	codeTooLarge      = 10334
)

// passingCodes are those that the specification of retryable writes calls
// retryable. Servers without sessions do not label them.
var passingCodes = []int{
	6,     // HostUnreachable
	7,     // HostNotFound
	89,    // NetworkTimeout
	91,    // ShutdownInProgress
	189,   // PrimarySteppedDown
	262,   // ExceededTimeLimit
	9001,  // SocketException
	10107, // NotWritablePrimary
	11600, // InterruptedAtShutdown
	11602, // InterruptedDueToReplStateChange
	13435, // NotPrimaryNoSecondaryOk
	13436, // NotPrimaryOrSecondary
}

func hasCode(err error, codes ...int) bool {
	return slices.ContainsFunc(mongo.ErrorCodes(err), func(c int) bool { return slices.Contains(codes, c) })
}

// passing reports whether the same call may well succeed in a moment.
func passing(err error) bool { return err != nil && !ours(err) && transient(err) }

func transient(err error) bool {
	var labeled mongo.LabeledError
	if errors.As(err, &labeled) && labeled.HasErrorLabel("RetryableWriteError") {
		return true
	}
	return mongo.IsNetworkError(err) || contended(err) || hasCode(err, passingCodes...)
}

// contended reports whether the server undid a write because it met another
// one. DocumentDB says so to some that race for one id, where MongoDB says that
// the id is taken; its error has no code of its own.
func contended(err error) bool {
	var server mongo.ServerError
	return errors.As(err, &server) &&
		(server.HasErrorCode(codeWriteConflict) || strings.Contains(server.Error(), "deadlock detected"))
}

// refused reports whether the server answered and said a lasting no.
func refused(err error) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && !mongo.IsNetworkError(err) && !mongo.IsTimeout(err) && !transient(err)
}
