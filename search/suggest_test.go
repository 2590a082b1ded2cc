package search_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/search"
)

func TestSuggestFindsQuestionsAndAnswers(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed(), shelf()...)
	s, err := x.Suggest(t.Context(), search.SuggestQuery{Site: "shop", Product: "kettle", Text: "is the handle getting ho", Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Questions) != 1 || s.Questions[0].ID != "q1" {
		t.Errorf("questions %+v", s.Questions)
	}
	if len(s.Answers) == 0 || !slices.ContainsFunc(s.Answers, func(h search.Hit) bool { return h.ID == "a1" }) {
		t.Errorf("answers %+v", s.Answers)
	}
	for _, h := range slices.Concat(s.Questions, s.Answers) {
		if len(h.Fragments) == 0 || !strings.Contains(h.Fragments[0].HTML, "<mark>") {
			t.Errorf("%s has no snippet", h.ID)
		}
	}
	if s, err := x.Suggest(t.Context(), search.SuggestQuery{Site: "shop", Product: "kettle", Text: ""}); err != nil || len(s.Questions)+len(s.Answers) != 0 {
		t.Errorf("nothing typed: %+v, %v", s, err)
	}
	if _, err := x.Suggest(t.Context(), search.SuggestQuery{Site: "shop", Text: "handle"}); !errors.Is(err, search.ErrQuery) {
		t.Errorf("no product: %v", err)
	}
}

func TestHighlightsNameWhatStandsOut(t *testing.T) {
	t.Parallel()
	var docs []search.Document
	say := map[string][2]string{
		"en": {"the battery drains quickly", "it looks nice"},
		"tr": {"bataryası çabuk bitiyor", "görünüşü güzel"},
		"fa": {"باتری زود خالی می‌شود", "ظاهرش قشنگ است"},
	}
	for lang, texts := range say {
		for i := range 30 {
			docs = append(docs,
				search.Document{ID: fmt.Sprintf("%s-a%d", lang, i), Language: lang, Body: texts[0], SubjectType: "product", Subject: "p-" + lang, Rating: 1 + i%5},
				search.Document{ID: fmt.Sprintf("%s-b%d", lang, i), Language: lang, Body: texts[1], SubjectType: "product", Subject: "other", Rating: 5})
		}
	}
	x := create(t, search.Public, fixed(), docs...)
	for lang, want := range map[string]string{"en": "battery", "tr": "bataryası", "fa": "باتری"} {
		terms, err := x.Highlights(t.Context(), "shop", "p-"+lang, 10)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(terms, func(x search.Term) bool { return x.Text == want })
		if i < 0 {
			t.Errorf("%s: %+v", lang, terms)
			continue
		}
		if got := terms[i]; got.Count != 30 || got.Rated != 30 || got.Positive != 12 || got.Share != 0.4 || got.Language != lang {
			t.Errorf("%s: %+v", lang, got)
		}
	}
	if terms, err := x.Highlights(t.Context(), "shop", "nothing", 10); err != nil || len(terms) != 0 {
		t.Errorf("unknown product: %v, %v", terms, err)
	}
	if _, err := x.Highlights(t.Context(), "shop", "p-en", 0); !errors.Is(err, search.ErrQuery) {
		t.Errorf("no terms: %v", err)
	}
}
