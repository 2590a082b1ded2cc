package classify_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/moderation/classify"
)

func trained(t testing.TB, bits uint) *classify.Model {
	t.Helper()
	m, err := classify.New(bits)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		for _, e := range []classify.Example{
			classify.Labelled(fmt.Sprintf("cheap zorbl coins now %d", i%50), "en", true),
			classify.Labelled(fmt.Sprintf("the kettle boils quickly %d", i%50), "en", false),
		} {
			if err := m.Learn(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m
}

func TestLearn(t *testing.T) {
	t.Parallel()
	m := trained(t, 14)
	bad, good := m.Probability("ZORBL c0ins", "en"), m.Probability("a kettle that boils", "en")
	if bad < 0.7 || good > 0.3 {
		t.Errorf("probabilities %.3f and %.3f", bad, good)
	}
	if a, r := m.Seen(); a != 200 || r != 200 || !m.Ready() {
		t.Errorf("seen %d and %d, ready %v", a, r, m.Ready())
	}
	c := m.Clone()
	if c.Probability("zorbl coins", "en") != m.Probability("zorbl coins", "en") || c.Ready() {
		t.Error("a clone knows the same and has no examples of its own")
	}
	if err := c.Learn(classify.Labelled("zorbl coins", "en", false)); err != nil {
		t.Fatal(err)
	}
	if c.Probability("zorbl coins", "en") == m.Probability("zorbl coins", "en") {
		t.Error("a clone's lesson reached the original")
	}
}

func TestOnlyPeopleTeach(t *testing.T) {
	t.Parallel()
	m, err := classify.New(12)
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]classify.Decider{"nobody": {}, "machine": {Automatic: true}, "machine in a person's name": {Moderator: "m", Automatic: true}} {
		e, err := classify.Decided(by, "text", "en", true)
		if !errors.Is(err, classify.ErrAutomatic) {
			t.Errorf("%s: %v", name, err)
		}
		if err := m.Learn(e); !errors.Is(err, classify.ErrAutomatic) {
			t.Errorf("%s: learned: %v", name, err)
		}
	}
	if a, r := m.Seen(); a+r != 0 {
		t.Errorf("%d examples were learned", a+r)
	}
}

// The share of rejections among texts that get a probability near p is near p.
func TestCalibrated(t *testing.T) {
	t.Parallel()
	m, err := classify.New(14)
	if err != nil {
		t.Fatal(err)
	}
	// Word "wK" is rejected K times in ten, by a fixed pattern.
	example := func(i int) (string, bool) {
		k := i % 10
		return fmt.Sprintf("w%dw%dw%d", k, k, k), (i/10*7)%10 < k
	}
	for i := range 20_000 {
		text, bad := example(i)
		if err := m.Learn(classify.Labelled(text, "en", bad)); err != nil {
			t.Fatal(err)
		}
	}
	for k := 1; k < 10; k++ {
		if p := m.Probability(fmt.Sprintf("w%dw%dw%d", k, k, k), "en"); math.Abs(p-float64(k)/10) > 0.15 {
			t.Errorf("rejected %d times in ten: probability %.2f", k, p)
		}
	}
}

func TestSaveLoad(t *testing.T) {
	t.Parallel()
	m := trained(t, 12)
	data := m.Save()
	back, err := classify.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	if back.Probability("zorbl", "en") != m.Probability("zorbl", "en") || back.Version() != m.Version() || back.Ready() != m.Ready() {
		t.Error("the loaded model is another one")
	}
	if string(back.Save()) != string(data) {
		t.Error("saving is not deterministic")
	}
	for name, harm := range map[string]func([]byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"cut":       func(b []byte) []byte { return b[:len(b)/2] },
		"flipped":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"other":     func([]byte) []byte { return []byte(strings.Repeat("x", 500)) },
		"extended":  func(b []byte) []byte { return append(b, 0) },
		"versioned": func(b []byte) []byte { b[7]++; return b },
	} {
		if _, err := classify.Load(harm(append([]byte(nil), data...))); !errors.Is(err, classify.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bits := range []uint{1, 40} {
		if _, err := classify.New(bits); err == nil {
			t.Errorf("%d bits accepted", bits)
		}
	}
}

func FuzzLoad(f *testing.F) {
	m, err := classify.New(10)
	if err != nil {
		f.Fatal(err)
	}
	if err := m.Learn(classify.Labelled("hello", "en", true)); err != nil {
		f.Fatal(err)
	}
	f.Add(m.Save())
	f.Add([]byte("CNDRMDL"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := classify.Load(data)
		if err != nil {
			if !errors.Is(err, classify.ErrModel) {
				t.Fatal(err)
			}
			return
		}
		if p := m.Probability("hello", "en"); !(p >= 0 && p <= 1) {
			t.Fatalf("probability %v", p)
		}
	})
}

func BenchmarkProbability(b *testing.B) {
	m := trained(b, 0)
	s := strings.Repeat("I bought this for my wife; she loves it, but the sleeves are 2cm too short. ", 4)
	b.ReportAllocs()
	for b.Loop() {
		m.Probability(s, "en")
	}
}
