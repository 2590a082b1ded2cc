package shelf

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/candor-ugc/candor/api/content"
)

// rowBytes is what a row without cards takes, with its summary.
const rowBytes = 1408

// key names a row.
type key struct {
	site    string
	subject content.Subject
}

// A row holds the published cards of one subject.
//
// Who holds turn may change the cards, and may read them without a lock, since
// nobody else changes them meanwhile; everybody else reads them under mu. So
// the source is read, cards are encoded and orders sorted without keeping
// readers waiting.
type row struct {
	key  key
	turn chan struct{}

	mu      sync.RWMutex
	cards   map[string]*card
	kinds   map[content.Kind]*group
	replies map[string]*group

	cache cache
	place place
}

func newRow(k key) *row {
	return &row{
		key:     k,
		turn:    make(chan struct{}, 1),
		cards:   map[string]*card{},
		kinds:   map[content.Kind]*group{},
		replies: map[string]*group{},
	}
}

// take waits for the turn to change the row.
func (r *row) take(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *row) release() { <-r.turn }

// group is the group of a listing, nil when it has no cards.
func (r *row) group(kind content.Kind, parent string) *group {
	if parent != "" {
		return r.replies[parent]
	}
	return r.kinds[kind]
}

func (r *row) replyCount(id string) int {
	if g := r.replies[id]; g != nil {
		return len(g.newest)
	}
	return 0
}

// owns reports whether a content is about the subject of the row.
func (r *row) owns(c *content.Content) bool {
	return c.Site == r.key.site && c.Subject == r.key.subject
}

// fill puts everything published on an empty row and tells its size. It runs before anybody else knows the cards, so it takes no lock.
func (r *row) fill(all iter.Seq2[Loaded, error]) (change, error) {
	for l, err := range all {
		if err != nil {
			return change{}, err
		}
		if l.Content == nil || !r.owns(l.Content) {
			return change{}, fmt.Errorf("source gave a content that is not about %s %q", r.key.subject.Type, r.key.subject.ID)
		}
		if old := r.cards[l.Content.ID]; old != nil && old.rev > l.Content.Rev {
			continue
		}
		switch c, err := newCard(l, 0); {
		case err != nil:
			return change{}, err
		case c == nil:
			delete(r.cards, l.Content.ID)
		default:
			r.cards[c.id] = c
		}
	}
	for _, c := range r.cards {
		for _, g := range r.groupsOf(c) {
			g.newest = append(g.newest, c)
			g.tally.add(c.traits, 1)
		}
	}
	size := change{bytes: rowBytes, cards: len(r.cards)}
	for _, g := range r.kinds {
		size.bytes += g.finish()
	}
	for parent, g := range r.replies {
		size.bytes += g.finish()
		if c := r.cards[parent]; c != nil {
			fragment, err := withReplies(c.fragment, len(g.newest))
			if err != nil {
				return change{}, err
			}
			c.fragment = fragment
		}
	}
	for _, c := range r.cards {
		size.bytes += c.bytes()
	}
	return size, nil
}

// finish sorts a group whose cards were appended.
func (g *group) finish() int64 {
	slices.SortFunc(g.newest, ranking(nil).compare)
	g.newest = slices.Clip(g.newest)
	return g.bytes()
}

// groupsOf are the groups that hold, or are to hold, a card.
func (r *row) groupsOf(c *card) []*group {
	list := []*group{at(r.kinds, c.kind)}
	if c.parent != "" {
		list = append(list, at(r.replies, c.parent))
	}
	return list
}

func at[K comparable](m map[K]*group, k K) *group {
	g := m[k]
	if g == nil {
		g = &group{}
		m[k] = g
	}
	return g
}

// change is what a row gained, in bytes and cards.
type change struct {
	bytes int64
	cards int
}

// put brings the row in step with a content; Content is nil when there is none.
// The caller holds the turn.
func (r *row) put(id string, l Loaded) (change, error) {
	old, next := r.cards[id], (*card)(nil)
	if l.Content != nil && r.owns(l.Content) && l.Content.ID == id {
		if old != nil && l.Content.Rev < old.rev {
			return change{}, nil
		}
		var err error
		if next, err = newCard(l, r.replyCount(id)); err != nil {
			return change{}, err
		}
	}
	switch {
	case old == nil && next == nil:
		return change{}, nil
	case old != nil && next != nil && bytes.Equal(old.fragment, next.fragment):
		// Nothing strangers can see has changed: finished pages stay good.
		old.rev = next.rev
		return change{}, nil
	}
	parents, err := r.parents(old, next)
	if err != nil {
		return change{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	gained := r.swap(old, next)
	for c, fragment := range parents {
		gained.bytes += int64(cap(fragment) - cap(c.fragment))
		c.fragment = fragment
	}
	gained.bytes += r.cache.clear()
	return gained, nil
}

// parents are the new fragments of the cards that lose or gain a reply when
// next takes the place of old.
func (r *row) parents(old, next *card) (map[*card][]byte, error) {
	var lost, won string
	if old != nil {
		lost = old.parent
	}
	if next != nil {
		won = next.parent
	}
	if lost == won {
		return nil, nil
	}
	out := map[*card][]byte{}
	for parent, n := range map[string]int{lost: -1, won: 1} {
		c := r.cards[parent]
		if c == nil {
			continue
		}
		fragment, err := withReplies(c.fragment, r.replyCount(parent)+n)
		if err != nil {
			return nil, err
		}
		out[c] = fragment
	}
	return out, nil
}

// swap takes old off the row and puts next on; either may be nil.
func (r *row) swap(old, next *card) change {
	touched := map[*group][2]*card{}
	var gained change
	if old != nil {
		delete(r.cards, old.id)
		gained.bytes -= old.bytes()
		gained.cards--
		for _, g := range r.groupsOf(old) {
			touched[g] = [2]*card{old, nil}
		}
	}
	created := len(r.kinds) + len(r.replies)
	if next != nil {
		r.cards[next.id] = next
		gained.bytes += next.bytes()
		gained.cards++
		for _, g := range r.groupsOf(next) {
			touched[g] = [2]*card{touched[g][0], next}
		}
	}
	created = len(r.kinds) + len(r.replies) - created
	gained.bytes += int64(created * groupBytes)
	for g, pair := range touched {
		before := g.bytes()
		g.replace(pair[0], pair[1])
		gained.bytes += g.bytes() - before
	}
	if old != nil {
		gained.bytes -= tidy(r.kinds, old.kind) + tidy(r.replies, old.parent)
	}
	return gained
}

// tidy takes a group without cards away and tells what that frees.
func tidy[K comparable](m map[K]*group, k K) int64 {
	g := m[k]
	if g == nil || len(g.newest) > 0 {
		return 0
	}
	delete(m, k)
	return g.bytes()
}

// keep makes a group keep an order that was not asked for before.
func (r *row) keep(ctx context.Context, kind content.Kind, parent string, i index) (int64, error) {
	if err := r.take(ctx); err != nil {
		return 0, err
	}
	defer r.release()
	g := r.group(kind, parent)
	if g == nil || g.ordered[i] != nil {
		return 0, nil
	}
	list := g.sorted(i)
	r.mu.Lock()
	defer r.mu.Unlock()
	g.ordered[i] = list
	return int64(placeBytes * cap(list)), nil
}
