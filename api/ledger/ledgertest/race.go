package ledgertest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// writers is how many race in each test, rounds how often.
const (
	writers = 8
	rounds  = 100
)

// testRaceInsert lets writers race for one id.
func testRaceInsert(t *testing.T, s ledger.Store) {
	for round := range rounds / 4 {
		id := fmt.Sprint("round ", round)
		errs := make([]error, writers)
		together(writers, func(w int) {
			errs[w] = s.Insert(t.Context(), puts(plainTable, plain(id, 1, fmt.Sprint("writer ", w)))...)
		})
		winner := onlyWinner(t, errs, ledger.ErrExists)
		holds(t, s, plainTable, plain(id, 1, fmt.Sprint("writer ", winner)))
	}
}

// onlyWinner checks that one attempt was accepted and all others got want.
func onlyWinner(t *testing.T, errs []error, want error) int {
	t.Helper()
	winner := -1
	for w, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = w
		case err == nil:
			t.Fatalf("writers %d and %d both won", winner, w)
		case !errors.Is(err, want):
			t.Fatalf("writer %d: got error %v, want %v", w, err, want)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	return winner
}

// testRaceInsertMissing lets writers add sets that overlap: each document is
// added by one, and stored as that one gave it.
func testRaceInsertMissing(t *testing.T, s ledger.Store) {
	const n = 60
	added := make([][]bool, writers)
	made := func(i, w int) ledger.Doc {
		return doc(fmt.Sprintf("%03d", i), 1, nil, bson.E{Key: "writer", Value: w})
	}
	together(writers, func(w int) {
		docs := make([]ledger.Doc, n)
		for i := range docs {
			docs[i] = made((i+w*7)%n, w)
		}
		got, err := s.InsertMissing(t.Context(), plainTable, docs)
		if err != nil {
			t.Errorf("writer %d: %v", w, err)
			return
		}
		added[w] = make([]bool, n)
		for i, ok := range got {
			added[w][(i+w*7)%n] = ok
		}
	})
	if t.Failed() {
		return
	}
	for i := range n {
		by := -1
		for w := range writers {
			if added[w][i] && by >= 0 {
				t.Fatalf("document %d was added by %d and %d", i, by, w)
			} else if added[w][i] {
				by = w
			}
		}
		if by < 0 {
			t.Fatalf("document %d was added by nobody", i)
		}
		holds(t, s, plainTable, made(i, by))
	}
}

// testRaceReplace is the compare-and-swap that everything rests on: of the
// writers that start from one revision exactly one wins, and its document stays.
func testRaceReplace(t *testing.T, s ledger.Store) {
	made := func(rev int64, w int) ledger.Doc {
		return doc("a", rev, ledger.Keys{ledger.BySite: ledger.Key("shop", "a")}, bson.E{Key: "writer", Value: w})
	}
	insert(t, s, keyedTable, made(1, 0))
	for rev := int64(1); rev <= rounds; rev++ {
		errs := make([]error, writers)
		together(writers, func(w int) { errs[w] = s.Replace(t.Context(), keyedTable, made(rev+1, w), rev) })
		holds(t, s, keyedTable, made(rev+1, onlyWinner(t, errs, ledger.ErrConflict)))
	}
	if n, err := s.Count(t.Context(), keyedTable, ledger.Prefix(ledger.BySite, "shop")); n != 1 || err != nil {
		t.Fatalf("the index holds %d entries, %v; want 1", n, err)
	}
}

// testRaceModify adds one from many writers; the sum is exact, and so is the
// revision.
func testRaceModify(t *testing.T, s ledger.Store) {
	const each = 20
	l := ledger.New(s)
	together(writers, func(int) {
		for range each {
			_, err := l.Tallies.Modify(t.Context(), "c", func(v *ledger.Tally, found bool) error {
				if found != (v.Rev > 0) {
					return fmt.Errorf("found %v at revision %d", found, v.Rev)
				}
				v.Content, v.Site = "c", "shop"
				v.Votes.Helpful++
				v.Rev++
				return nil
			})
			if err != nil {
				t.Errorf("modify: %v", err)
				return
			}
		}
	})
	got, err := l.Tallies.Get(t.Context(), "c")
	if err != nil || got.Votes.Helpful != writers*each || got.Rev != writers*each {
		t.Fatalf("got %+v, %v, want %d", got, err, writers*each)
	}
}

// testRaceVotes is how votes are counted: each voter stores a vote, some change
// it, and each recounts. However they race, the tally ends up exact.
func testRaceVotes(t *testing.T, s ledger.Store) {
	const each = 6
	l := ledger.New(s)
	ctx := t.Context()
	recount := func() error {
		_, err := l.Tallies.Modify(ctx, "c", func(v *ledger.Tally, _ bool) error {
			up, err := l.Votes.Count(ctx, ledger.Prefix(ledger.ByContent, "shop", "c", "+"))
			if err != nil {
				return err
			}
			down, err := l.Votes.Count(ctx, ledger.Prefix(ledger.ByContent, "shop", "c", "-"))
			if err != nil {
				return err
			}
			v.Content, v.Site, v.Rev = "c", "shop", v.Rev+1
			v.Votes = content.Votes{Helpful: up, Unhelpful: down}
			return nil
		})
		return err
	}
	together(writers, func(w int) {
		for i := range each {
			v := &ledger.Vote{Site: "shop", Content: "c", Voter: fmt.Sprintf("%d-%d", w, i), Value: 1, At: time.UnixMilli(1), Rev: 1}
			err := l.Votes.Insert(ctx, v)
			if i%3 == 0 && err == nil {
				v.Value, v.Rev = -1, 2
				err = l.Votes.Replace(ctx, v, 1)
			}
			if i%3 == 1 && err == nil {
				v.Value, v.Rev = 0, 2
				err = l.Votes.Replace(ctx, v, 1)
			}
			if err = errors.Join(err, recount()); err != nil {
				t.Errorf("voter %s: %v", v.Voter, err)
				return
			}
		}
	})
	// A vote for another content whose name begins alike does not count.
	if err := l.Votes.Insert(ctx, &ledger.Vote{Site: "shop", Content: "cc", Voter: "x", Value: 1, Rev: 1}); err != nil {
		t.Fatal(err)
	}
	got, err := l.Tallies.Get(ctx, "c")
	if want := (content.Votes{Helpful: writers * each / 3, Unhelpful: writers * each / 3}); err != nil || got.Votes != want {
		t.Fatalf("tally %+v, %v; want %+v", got, err, want)
	}
}

// testRaceClose closes under load: each write is acknowledged or fails as
// unavailable, and no call hangs.
func testRaceClose(t *testing.T, s ledger.Store) {
	var closing sync.WaitGroup
	begun := make(chan struct{}, writers)
	closing.Go(func() {
		for range writers {
			<-begun
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	together(writers, func(w int) {
		for i := 0; ; i++ {
			err := s.Insert(t.Context(), puts(plainTable, plain(fmt.Sprint(w, "-", i), 1, "x"))...)
			if i == 0 {
				begun <- struct{}{}
			}
			if err == nil {
				continue
			}
			if !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("writer %d: got error %v, want %v", w, err, ledger.ErrUnavailable)
			}
			return
		}
	})
	closing.Wait()
}
