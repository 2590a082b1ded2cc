package moderation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/moderation"
)

func TestReasonsAreWrittenInEveryLanguage(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range moderation.Reasons() {
		if seen[r.Code] || r.Code != strings.ToLower(r.Code) || strings.ContainsAny(r.Code, " -") {
			t.Errorf("code %q", r.Code)
		}
		seen[r.Code] = true
		if r.Ground != moderation.GroundTerms && r.Ground != moderation.GroundIllegal {
			t.Errorf("%s: ground %q", r.Code, r.Ground)
		}
		bodies := map[string]bool{}
		for _, l := range moderation.ReasonLanguages() {
			text := r.In(l)
			if text.Title == "" || text.Body == "" || bodies[text.Body] {
				t.Errorf("%s in %s: %+v", r.Code, l, text)
			}
			bodies[text.Body] = true
		}
		if r.In("tl") != r.In("fil") || r.In("nn") != r.In("nb") || r.In("ja") != r.In("en") {
			t.Errorf("%s: a language falls back wrongly", r.Code)
		}
		if got, ok := moderation.ReasonByCode(r.Code); !ok || got.Code != r.Code {
			t.Errorf("%s is not found", r.Code)
		}
	}
	if len(seen) < 15 {
		t.Errorf("%d reasons", len(seen))
	}
	if _, ok := moderation.ReasonByCode("too_few_stars"); ok {
		t.Error("an unknown reason was found")
	}
	r, _ := moderation.ReasonByCode("spam")
	r.Texts["en"] = moderation.Text{}
	if again, _ := moderation.ReasonByCode("spam"); again.In("en").Title == "" {
		t.Error("a caller can change the table")
	}
}

// One photo can be turned down for what it shows, and mended.
func TestReasonsForPictures(t *testing.T) {
	t.Parallel()
	words := map[string]string{"en": "picture", "tr": "örsel", "fa": "تصویر", "hi": "चित्र", "nb": "bilde", "fil": "larawan"}
	for _, code := range []string{"media", "media_unclear", "media_person", "sexual"} {
		r, ok := moderation.ReasonByCode(code)
		if !ok || r.Final || r.Ground != moderation.GroundTerms {
			t.Errorf("%s: known %t, %+v", code, ok, r)
		}
		for _, l := range moderation.ReasonLanguages() {
			if !strings.Contains(strings.ToLower(r.In(l).Body), words[l]) {
				t.Errorf("%s in %s does not speak of a picture: %q", code, l, r.In(l).Body)
			}
		}
	}
}

func TestStatement(t *testing.T) {
	t.Parallel()
	for _, l := range moderation.ReasonLanguages() {
		s, err := moderation.StatementOf(moderation.Restriction{
			State: moderation.StateRejected, Reasons: []string{"url", "profanity"}, AutomaticDetection: true, Reported: true, At: noon,
		}, l)
		if err != nil {
			t.Fatal(err)
		}
		if s.Language != l || s.Restriction == "" || len(s.Facts) != 2 || len(s.Grounds) != 1 || s.Grounds[0] == "" || s.Means == "" ||
			s.Redress == "" || !s.Editable || !s.AppealUntil.Equal(noon.AddDate(0, 6, 0)) {
			t.Errorf("%s: %+v", l, s)
		}
	}
	final, err := moderation.StatementOf(moderation.Restriction{State: moderation.StateRejected, Reasons: []string{"url", "hate"}, AutomaticDecision: true}, "en")
	if err != nil || final.Editable || len(final.Grounds) != 2 || !strings.Contains(final.Means, "automated") {
		t.Errorf("%+v, %v", final, err)
	}
	kept, err := moderation.StatementOf(moderation.Restriction{State: moderation.StateRejected, StillPublic: true, Reasons: []string{"url"}}, "en")
	if err != nil || !strings.Contains(kept.Restriction, "stays") {
		t.Errorf("%+v, %v", kept, err)
	}
	for name, r := range map[string]moderation.Restriction{
		"approved":       {State: moderation.StateApproved, Reasons: []string{"url"}},
		"no reason":      {State: moderation.StateRejected},
		"unknown reason": {State: moderation.StateRejected, Reasons: []string{"mood"}},
	} {
		if _, err := moderation.StatementOf(r, "en"); !errors.Is(err, moderation.ErrStatement) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWeighReports(t *testing.T) {
	t.Parallel()
	good, bad := moderation.ReporterHistory{Upheld: 18}, moderation.ReporterHistory{Dismissed: 18}
	report := func(who string, h moderation.ReporterHistory) moderation.ReportSummary {
		return moderation.ReportSummary{Reporter: who, History: h}
	}
	for _, tt := range []struct {
		name    string
		reports []moderation.ReportSummary
		people  int
		requeue bool
	}{
		{"one newcomer", []moderation.ReportSummary{report("a", moderation.ReporterHistory{})}, 1, false},
		{"two newcomers", []moderation.ReportSummary{report("a", moderation.ReporterHistory{}), report("b", moderation.ReporterHistory{})}, 2, true},
		{"one person thrice", []moderation.ReportSummary{report("a", good), report("a", good), report("a", good)}, 1, false},
		{"a good and a bad one", []moderation.ReportSummary{report("a", good), report("b", bad)}, 2, true},
		{"ten bad ones", func() (out []moderation.ReportSummary) {
			for i := range 10 {
				out = append(out, report(string(rune('a'+i)), bad))
			}
			return out
		}(), 10, false},
		{"a notice", []moderation.ReportSummary{{Reporter: "a", History: bad, Illegal: true}}, 1, true},
		{"none", nil, 0, false},
	} {
		_, people, requeue := moderation.WeighReports(tt.reports, 0)
		if people != tt.people || requeue != tt.requeue {
			t.Errorf("%s: %d people, requeue %v", tt.name, people, requeue)
		}
	}
}

func TestNotice(t *testing.T) {
	t.Parallel()
	good := moderation.Notice{Explanation: "This picture was taken by me and is used without leave.", Location: "https://shop.example/r/1", Name: "A. B.", Email: "a@example.com", GoodFaith: true}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	anonymous := good
	anonymous.Name, anonymous.Email, anonymous.ChildAbuse = "", "", true
	if err := anonymous.Validate(); err != nil {
		t.Errorf("name and e-mail are not asked there: %v", err)
	}
	for name, spoil := range map[string]func(*moderation.Notice){
		"explanation": func(n *moderation.Notice) { n.Explanation = "bad" },
		"location":    func(n *moderation.Notice) { n.Location = " " },
		"good faith":  func(n *moderation.Notice) { n.GoodFaith = false },
		"name":        func(n *moderation.Notice) { n.Name = "" },
		"e-mail":      func(n *moderation.Notice) { n.Email = "nobody" },
	} {
		n := good
		spoil(&n)
		if err := n.Validate(); !errors.Is(err, moderation.ErrNotice) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
