package nearby_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/candor-ugc/candor/media/nearby"
)

func TestNear(t *testing.T) {
	t.Parallel()
	s := nearby.NewSet(10)
	for id, hash := range map[string]uint64{"same": 0xff00, "c": 0xff01, "b": 0xff02, "far": 0x00ff, "two": 0xff03} {
		if err := s.Add(hash, id); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		max  int
		want []nearby.Match
	}{
		{-1, nil},
		{0, []nearby.Match{{"same", 0}}},
		{1, []nearby.Match{{"same", 0}, {"b", 1}, {"c", 1}}},
		{2, []nearby.Match{{"same", 0}, {"b", 1}, {"c", 1}, {"two", 2}}},
		{64, []nearby.Match{{"same", 0}, {"b", 1}, {"c", 1}, {"two", 2}, {"far", 16}}},
	} {
		if got := s.Near(0xff00, c.max); !slices.Equal(got, c.want) {
			t.Errorf("up to %d: %v, want %v", c.max, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b uint64
		want int
	}{{0, 0, 0}, {0, ^uint64(0), 64}, {0b1010, 0b0110, 2}} {
		if got := nearby.Distance(c.a, c.b); got != c.want {
			t.Errorf("%b and %b: %d", c.a, c.b, got)
		}
	}
}

func TestBounded(t *testing.T) {
	t.Parallel()
	s := nearby.NewSet(2)
	for range 3 { // the same again takes no room
		if err := s.Add(1, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(2, "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(3, "b"); !errors.Is(err, nearby.ErrFull) || s.Len() != 2 {
		t.Errorf("%v with %d", err, s.Len())
	}
	s.Remove(1, "a")
	if err := s.Add(3, "b"); err != nil {
		t.Error(err)
	}
}

// The set does what a map of pairs does.
func TestLikeAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type pair struct {
			hash uint64
			id   string
		}
		s, model := nearby.NewSet(1000), map[pair]bool{}
		pairs := rapid.Custom(func(t *rapid.T) pair {
			return pair{rapid.Uint64Range(0, 15).Draw(t, "hash"), rapid.StringMatching(`[a-c]`).Draw(t, "id")}
		})
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			p := pairs.Draw(t, "pair")
			if rapid.Bool().Draw(t, "add") {
				model[p] = true
				if err := s.Add(p.hash, p.id); err != nil {
					t.Fatal(err)
				}
			} else {
				delete(model, p)
				s.Remove(p.hash, p.id)
			}
		}
		hash, limit := rapid.Uint64Range(0, 15).Draw(t, "asked"), rapid.IntRange(0, 4).Draw(t, "max")
		want := map[nearby.Match]int{}
		for p := range model {
			if d := nearby.Distance(p.hash, hash); d <= limit {
				want[nearby.Match{ID: p.id, Distance: d}]++
			}
		}
		got := s.Near(hash, limit)
		for _, m := range got {
			want[m]--
		}
		for m, n := range want {
			if n != 0 {
				t.Fatalf("%v: off by %d in %v", m, n, got)
			}
		}
		if s.Len() != len(model) {
			t.Fatalf("%d, want %d", s.Len(), len(model))
		}
	})
}

func BenchmarkNear(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	s := nearby.NewSet(1_000_000)
	for i := range 1_000_000 {
		if err := s.Add(r.Uint64(), strconv.Itoa(i)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		s.Near(r.Uint64(), 10)
	}
}
