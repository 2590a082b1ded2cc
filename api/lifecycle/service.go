// Package lifecycle holds the verbs of Candor: submit, edit, withdraw, decide,
// vote, report, erase, and what each of them owes to the shelf, the indexes and
// the queue.
//
// Every change is one atomic write of one record that also notes that effects
// are owed; settling is idempotent and repeated until it succeeded. Strangers'
// reads are answered from the shelf and the public index, which hold approved
// text alone. Authorisation is checked here, where data is loaded.
//
// The bridges to the leaf rooms (bridge_*.go) are the one place where their
// types meet the nouns. The room must not know HTTP, tokens or which engine
// keeps the ledger.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/shelf"
	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search"
)

// Index is what the verbs need of a full-text index.
type Index interface {
	Apply(ctx context.Context, put []search.Document, del []string) error
	Search(ctx context.Context, q search.Query) (search.Result, error)
	Matches(ctx context.Context, q search.Query, limit int) ([]search.Match, error)
}

// Screener judges a submission; it never fails but holds.
type Screener interface {
	Screen(ctx context.Context, s moderation.Submission) moderation.Screening
	Observe(s moderation.Submission)
}

// Config is what a Service is made of. All fields are required unless they say
// otherwise.
type Config struct {
	Ledger   *ledger.Ledger
	Public   Index
	Desk     Index
	Screener Screener
	// Models, Rules and Precision are what the screener knows of each site; the
	// service fills them from the ledger. Nil ones are left alone.
	Models    *moderation.Models
	Rules     *moderation.RuleSets
	Precision *moderation.Precision
	// Sites lists the sites, for work that is done for each; nil does none.
	Sites func() ([]string, error)
	// Detect names the language of a text (BCP 47) with a confidence of 0 to 1,
	// given the languages to prefer.
	Detect func(text string, hints ...string) (string, float64)
	// Media makes and keeps photos and videos; nil where nothing can be uploaded,
	// so that no content may name any.
	Media *MediaConfig
	// Handle gives the pseudonym under which strangers see a person of a site.
	Handle func(site, person string) string
	// Now is the clock, NewID makes UUIDv7 strings.
	Now   func() time.Time
	NewID func() string
	// ShelfBytes bounds the shelf; 0 means the shelf's own default.
	ShelfBytes int64
	// Node names this process among those that share a ledger.
	Node string
	// Tell is told what moderators at work should see at once; nil tells nobody.
	Tell func(content.Happening)
	// Followed is told, now and then, up to when this node has taken in what
	// others committed to a shared ledger; nil tells nobody.
	Followed func(up time.Time)
	Log      *slog.Logger
}

// Service carries out the verbs. Make it with [New], then [Service.Start].
type Service struct {
	Config
	shelf   *shelf.Shelf
	queue   *moderation.Queue
	settler *settler
	known   catalogueCache
	learned knowledge
	windows windows
	// backtesting lets one backtest run at a time.
	backtesting sync.Mutex
	// chaining lets one goroutine append to the audit chains at a time.
	chaining sync.Mutex
	// intake is how much each site has taken in lately, working what is being done
	// about media now.
	intake  intake
	working mediaWork
	// since is from when on this node follows the others.
	since time.Time

	// stripes serialise what is derived from one content, by its id.
	stripes [256]sync.Mutex
	// background is what work that outlasts a request runs under.
	background context.Context
	stop       context.CancelFunc
	work       *errgroup.Group
	// endSettler settles what is queued and ends the settler.
	endSettler func()
}

// Errors of the verbs, compared with errors.Is.
var (
	// ErrNotFound: there is no such thing, or the asker may not know of it.
	ErrNotFound = errors.New("not found")
	// ErrSignIn: the verb needs somebody who has signed in.
	ErrSignIn = errors.New("sign in first")
	// ErrForbidden: the asker's role does not allow it.
	ErrForbidden = errors.New("not allowed")
	// ErrOwn: nobody votes for, reports or decides about their own content.
	ErrOwn = errors.New("not allowed on your own content")
	// ErrConflict: the content changed meanwhile; see [ConflictError].
	ErrConflict = errors.New("changed meanwhile")
	// ErrDuplicate: the author has reviewed the product; see [DuplicateError].
	ErrDuplicate = errors.New("reviewed already")
	// ErrTooDeep: the thread has reached its depth.
	ErrTooDeep = errors.New("thread too deep")
	// ErrReplayMismatch: the Idempotency-Key was used for another request.
	ErrReplayMismatch = errors.New("idempotency key used for another request")
	// ErrInFlight: a request with this Idempotency-Key is being carried out.
	ErrInFlight = errors.New("the same request is being carried out")
	// ErrCursor: the cursor is not one that this listing gave out.
	ErrCursor = errors.New("invalid cursor")
	// ErrClaimed: another moderator works on the item; see [ClaimedError].
	ErrClaimed = errors.New("claimed by another moderator")
	// ErrTooManyEdits: the content was changed too often.
	ErrTooManyEdits = errors.New("too many edits")
	// ErrSomebodyElse: another moderator, or an administrator, has to decide.
	ErrSomebodyElse = errors.New("somebody else has to decide")
	// ErrTooLate: the time for it has passed.
	ErrTooLate = errors.New("too late")
	// ErrBusy: more is owed than can be settled now.
	ErrBusy = errors.New("too much to do, try again")
)

// ConflictError tells what the content has become; it is ErrConflict.
type ConflictError struct {
	Rev   int64
	State content.State
	// By is who made the last change, for moderators.
	By string
	// Waits is whether a moderator has something to decide still.
	Waits bool
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("changed meanwhile: now at revision %d, %s", e.Rev, e.State)
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// DuplicateError names the review that stands; it is ErrDuplicate.
type DuplicateError struct{ ID string }

func (e *DuplicateError) Error() string { return "reviewed already in " + e.ID }

// Is makes errors.Is(err, ErrDuplicate) true.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// ClaimedError names who works on an item until when; it is ErrClaimed.
type ClaimedError struct {
	By    string
	Until time.Time
}

func (e *ClaimedError) Error() string { return "claimed by " + e.By }

// Is makes errors.Is(err, ErrClaimed) true.
func (e *ClaimedError) Is(target error) bool { return target == ErrClaimed }

// New prepares a service. It reads nothing until [Service.Start].
func New(c Config) *Service {
	s := &Service{Config: c, queue: moderation.NewQueue(c.Now)}
	s.shelf = shelf.New(shelfSource{s}, shelf.Options{MaxBytes: c.ShelfBytes, Prior: s.prior})
	s.settler = newSettler(s)
	s.learned.init()
	s.working.init()
	if s.Media != nil {
		s.Media.defaults()
	}
	return s
}

// Start settles what a crash left, loads the queue and begins to work in the
// background. progress is told how many waiting items were loaded; it may be
// nil.
func (s *Service) Start(ctx context.Context, progress func(n int)) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.work, background = errgroup.WithContext(background)
	s.background = background
	// The settler outlasts the others: what they still do is settled too.
	settling, stopSettler := context.WithCancel(context.WithoutCancel(ctx))
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		s.settler.run(settling)
	}()
	s.endSettler = func() {
		s.settler.close()
		stopSettler()
		<-settled
	}
	if err := s.loadQueue(ctx, progress); err != nil {
		return errors.Join(fmt.Errorf("load queue: %w", err), s.Close())
	}
	if err := s.sweep(ctx, 0); err != nil {
		return errors.Join(fmt.Errorf("settle what is owed: %w", err), s.Close())
	}
	s.work.Go(func() error { return s.sweeping(background) })
	s.work.Go(func() error { s.learning(background); return nil })
	if err := s.startMedia(ctx, background); err != nil {
		return errors.Join(fmt.Errorf("go on with media: %w", err), s.Close())
	}
	if s.Ledger.Shared() {
		s.work.Go(func() error { return s.following(background) })
	}
	return nil
}

// Close ends the background work and settles what is queued. The ledger and the
// indexes stay open: they belong to the caller.
func (s *Service) Close() error {
	defer s.cache().stop()
	if s.stop == nil {
		return nil
	}
	s.stop()
	err := s.work.Wait()
	s.endSettler()
	return err
}

// Shelf gives figures about the shelf, for metrics.
func (s *Service) Shelf() shelf.Stats { return s.shelf.Stats() }

// Waiting counts the contents of a site that wait for a decision.
func (s *Service) Waiting(site string) int { return s.queue.Len(site) }

// load reads a record of a site: ErrNotFound.
func (s *Service) load(ctx context.Context, site, id string) (*ledger.Record, error) {
	if !content.ValidID(id) {
		return nil, ErrNotFound
	}
	rec, err := s.Ledger.Contents.Get(ctx, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("load content: %w", err)
	}
	// An id of another site must look like one that never was.
	if rec.Site != site {
		return nil, ErrNotFound
	}
	return rec, nil
}

// commitTimeout bounds the writing of one change.
const commitTimeout = 10 * time.Second

// unhurried is ctx for a write that is under way: a client that leaves meanwhile
// must not make it unknown whether it happened.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
}

// commit replaces a record at the revision it was read at, and settles it.
func (s *Service) commit(ctx context.Context, rec *ledger.Record, from int64) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	wctx, cancel := unhurried(ctx)
	defer cancel()
	err := s.Ledger.Contents.Replace(wctx, rec, from)
	switch {
	case errors.Is(err, ledger.ErrConflict):
		return s.conflict(ctx, rec.Site, rec.ID)
	case errors.Is(err, ledger.ErrNotFound):
		return ErrNotFound
	case err != nil:
		// It may have been written all the same; what is shown must not wait for
		// the sweeper then.
		s.settle(ctx, rec.Site, rec.Subject, rec.ID)
		return fmt.Errorf("commit: %w", err)
	}
	s.settle(ctx, rec.Site, rec.Subject, rec.ID)
	if was := rec.Stored[ledger.ByPublic] != ""; was != rec.Shown {
		s.settleThread(ctx, rec)
	}
	return nil
}

// conflict says what the content has become.
func (s *Service) conflict(ctx context.Context, site, id string) error {
	now, err := s.load(ctx, site, id)
	if err != nil {
		return err
	}
	return conflictOf(now)
}

func conflictOf(rec *ledger.Record) error {
	e := &ConflictError{Rev: rec.Rev, State: rec.State, Waits: rec.Waits()}
	if n := len(rec.Events); n > 0 {
		e.By = rec.Events[n-1].Actor
	}
	return e
}
