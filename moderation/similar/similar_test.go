package similar_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/moderation/similar"
)

func sketch(s string) similar.Sketch {
	var k similar.Sketcher
	k.Reset()
	for w := range strings.FieldsSeq(s) {
		k.Add([]byte(w))
	}
	return k.Sketch()
}

const text = "i bought this fryer for my mother and she uses it every day because it is quiet fast and easy to clean after frying fish"

func TestNear(t *testing.T) {
	t.Parallel()
	m := similar.NewMemory(100)
	m.Add(similar.Record{ID: "a", Site: "s", Sketch: sketch(text)})
	for _, tt := range []struct {
		name, in string
		found    bool
	}{
		{"the same", text, true},
		{"one word changed", strings.Replace(text, "mother", "sister", 1), true},
		{"something else", "the colour faded after two washes and the seam opened so i sent it back to the shop on monday", false},
		{"short", "good", false},
	} {
		if got := len(m.Lookup("s", "b", sketch(tt.in), 0.6)) > 0; got != tt.found {
			t.Errorf("%s: found %v", tt.name, got)
		}
	}
	if len(m.Lookup("other", "b", sketch(text), 0.6)) != 0 {
		t.Error("another site's text was found")
	}
	if len(m.Lookup("s", "a", sketch(text), 0.6)) != 0 {
		t.Error("a text is near itself")
	}
	m.Remove("s", "a")
	if len(m.Lookup("s", "b", sketch(text), 0.6)) != 0 || m.Len() != 0 {
		t.Error("a removed text was found")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := similar.NewMemory(10)
	for i := range 200 {
		m.Add(similar.Record{ID: fmt.Sprint(i), Site: "s", Sketch: sketch(text)})
		m.Add(similar.Record{ID: fmt.Sprint(i), Site: "s", Sketch: sketch(text)})
	}
	if m.Len() > 10 || m.Len() < 5 {
		t.Errorf("%d texts remembered, want at most 10", m.Len())
	}
	if got := m.Lookup("s", "x", sketch(text), 0.9); len(got) == 0 || got[0].Record.ID != "199" {
		t.Errorf("the latest is not first: %v", got)
	}
}
