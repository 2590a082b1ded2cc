package search_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/search"
)

func shelf() []search.Document {
	at := func(day int) time.Time { return epoch.AddDate(0, 0, day) }
	return []search.Document{
		{ID: "r1", Language: "en", Title: "Great kettle", Body: "Boils fast and the handle stays cool", ProductName: "Aqua Kettle", SubjectType: "product", Subject: "kettle", Rating: 5, Verified: true, Helpful: 0.8, Created: at(1), AuthorID: "ann", AuthorName: "Ann Example", State: "approved"},
		{ID: "r2", Language: "en", Title: "Broke", Body: "The handle broke after a week", ProductName: "Aqua Kettle", SubjectType: "product", Subject: "kettle", Rating: 1, Media: true, Helpful: 0.2, Created: at(2), AuthorID: "bob", AuthorName: "Bob Sample", State: "approved", Reasons: []string{"profanity"}},
		{ID: "r3", Language: "tr", Title: "Güzel", Body: "Sapı soğuk kalıyor, kettle hızlı", ProductName: "Aqua Kettle", SubjectType: "product", Subject: "kettle", Rating: 4, Incentivized: true, Created: at(3), AuthorID: "can", State: "pending", Reasons: []string{"spam", "url"}},
		{ID: "q1", ContentKind: "question", Language: "en", Body: "Does the handle get hot?", ProductName: "Aqua Kettle", SubjectType: "product", Subject: "kettle", Created: at(4), AuthorID: "ann", State: "approved"},
		{ID: "a1", ContentKind: "answer", Parent: "q1", Language: "en", Body: "No, the handle stays cool.", SubjectType: "product", Subject: "kettle", Created: at(5), AuthorID: "bob", State: "rejected", Reasons: []string{"spam"}},
		{ID: "t1", ContentKind: "topic", Language: "en", Title: "Descaling a kettle", Body: "Vinegar works for me", SubjectType: "board", Subject: "tips", Created: at(6), AuthorID: "ann", State: "approved"},
		{ID: "u1", Language: "", Body: "kettle 👍", SubjectType: "product", Subject: "other", Rating: 5, Created: at(7), AuthorID: "dan", State: "approved"},
	}
}

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

func TestFiltersAndSorts(t *testing.T) {
	t.Parallel()
	x := create(t, search.Desk, fixed(), shelf()...)
	day := func(n int) time.Time { return epoch.AddDate(0, 0, n) }
	for _, c := range []struct {
		name string
		q    search.Query
		want string // in order when a sort is asked for
	}{
		{"everything, newest first", search.Query{}, "u1 t1 a1 q1 r3 r2 r1"},
		{"oldest", search.Query{Sort: search.SortOldest}, "r1 r2 r3 q1 a1 t1 u1"},
		{"highest, unrated last", search.Query{Sort: search.SortHighest, SubjectType: "product"}, "u1 r1 r3 r2 a1 q1"},
		{"lowest, unrated last", search.Query{Sort: search.SortLowest, SubjectType: "product"}, "r2 r3 u1 r1 a1 q1"},
		{"helpful", search.Query{Sort: search.SortHelpful, Kinds: []string{"review"}}, "r1 r2 u1 r3"},
		{"kind", search.Query{Kinds: []string{"question", "answer"}}, "a1 q1"},
		{"product", search.Query{SubjectType: "product", Subject: "kettle"}, "a1 q1 r3 r2 r1"},
		{"subject is a product unless told", search.Query{Subject: "tips"}, ""},
		{"board", search.Query{SubjectType: "board", Subject: "tips"}, "t1"},
		{"rating", search.Query{Ratings: []int{4, 5}}, "u1 r3 r1"},
		{"language filter", search.Query{Languages: []string{"tr"}}, "r3"},
		{"verified", search.Query{Verified: yes()}, "r1"},
		{"media", search.Query{Media: yes()}, "r2"},
		{"not incentivized", search.Query{Incentivized: no(), Kinds: []string{"review"}}, "u1 r2 r1"},
		{"author", search.Query{AuthorID: "ann"}, "t1 q1 r1"},
		{"from, to", search.Query{From: day(2), To: day(4)}, "r3 r2"},
		{"state", search.Query{States: []string{"pending", "rejected"}}, "a1 r3"},
		{"reason", search.Query{Reasons: []string{"url"}}, "r3"},
		{"unknown value", search.Query{Kinds: []string{"poem"}}, ""},
		{"text with a sort", search.Query{Text: "handle", Language: "en", Sort: search.SortOldest}, "r1 r2 q1 a1"},
		{"stop words alone", search.Query{Text: "after a", Language: "en"}, "r2"},
		{"punctuation alone", search.Query{Text: "?!"}, ""},
		{"exclusions alone", search.Query{Text: "-handle", Kinds: []string{"review"}}, "u1 r3"},
		{"own language and undetermined", search.Query{Text: "kettle", Language: "en", Sort: search.SortOldest}, "r1 r2 q1 t1 u1"},
		{"any language", search.Query{Text: "kettle", Language: "any", Sort: search.SortOldest}, "r1 r2 r3 q1 t1 u1"},
		{"inside a product its name is left out", search.Query{Text: "aqua", Subject: "kettle"}, ""},
		{"field", search.Query{Text: "title:kettle", Syntax: search.Fielded, Sort: search.SortOldest}, "r1 t1"},
		{"author's name", search.Query{Text: "author:sample", Syntax: search.Fielded}, "r2"},
		{"typed filters", search.Query{Text: "state:approved kind:review -rating:5", Syntax: search.Fielded}, "r2"},
		{"typed reason", search.Query{Text: "reason:spam -kind:answer", Syntax: search.Fielded}, "r3"},
		{"or", search.Query{Text: "boils OR vinegar", Syntax: search.Fielded, Sort: search.SortOldest}, "r1 t1"},
		{"wildcard", search.Query{Text: "body:bo*s", Syntax: search.Fielded}, "r1"},
		{"all words for moderators", search.Query{Text: "handle stays cool boils vinegar", Syntax: search.Fielded}, ""},
		{"prefix", search.Query{Text: "vin", Prefix: true}, "t1"},
		{"no typos on demand", search.Query{Text: "vinegra", Exact: true}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := find(t, x, c.q)
			if got := strings.Join(ids(r), " "); got != c.want || r.Total != uint64(len(r.Hits)) {
				t.Errorf("%+v finds %q of %d, not %q", c.q, got, r.Total, c.want)
			}
		})
	}
}

// TestLanguagesWithoutAnalyzerStayApart: Polish and Greek share the analyzer
// without stems, but a Polish query finds no Greek items.
func TestLanguagesWithoutAnalyzerStayApart(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed(),
		search.Document{ID: "pl", Language: "pl", Body: "model S21"},
		search.Document{ID: "el", Language: "el", Body: "model S21"},
		search.Document{ID: "und", Body: "model S21"})
	got := ids(find(t, x, search.Query{Text: "s21", Language: "pl"}))
	slices.Sort(got)
	if !slices.Equal(got, []string{"pl", "und"}) {
		t.Errorf("Polish query finds %v", got)
	}
}

// TestPublicIndexHoldsNoDeskData: what only moderators may search cannot be
// found or counted through the public index, even when a caller hands it in.
func TestPublicIndexHoldsNoDeskData(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed(), shelf()...)
	for _, q := range []search.Query{
		{Site: "shop", States: []string{"pending"}},
		{Site: "shop", Reasons: []string{"spam"}},
		{Site: "shop", Text: "state:pending", Syntax: search.Fielded},
		{Site: "shop", Text: "reason:spam", Syntax: search.Fielded},
	} {
		if _, err := x.Search(t.Context(), q); !errors.Is(err, search.ErrQuery) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if r := find(t, x, search.Query{Text: "Sample"}); r.Total != 0 {
		t.Errorf("an author's name is found: %v", ids(r))
	}
	r := find(t, x, search.Query{Facets: true})
	for _, name := range []string{search.FacetState, search.FacetReason} {
		if _, ok := r.Facets[name]; ok {
			t.Errorf("facet %s in the public index", name)
		}
	}
}

func TestBadQueries(t *testing.T) {
	t.Parallel()
	x := create(t, search.Desk, fixed(), shelf()...)
	for _, c := range []struct {
		name string
		q    search.Query
		pos  int // -1: no *SyntaxError
	}{
		{"limit", search.Query{Limit: 101}, -1},
		{"negative limit", search.Query{Limit: -1}, -1},
		{"sort", search.Query{Sort: ";drop"}, -1},
		{"syntax", search.Query{Syntax: "sql"}, -1},
		{"rating", search.Query{Ratings: []int{6}}, -1},
		{"too many kinds", search.Query{Kinds: make([]string, 1000)}, -1},
		{"too long", search.Query{Text: strings.Repeat("a", 2000)}, 1024},
		{"too many words", search.Query{Text: strings.Repeat("a ", 40)}, 65},
		{"bytes", search.Query{Text: "ab\xffc"}, 2},
		{"open quote", search.Query{Text: `word "open`, Syntax: search.Fielded}, 5},
		{"unknown field", search.Query{Text: "body:a colour:red", Syntax: search.Fielded}, 7},
		{"no value", search.Query{Text: "state: x", Syntax: search.Fielded}, 6},
		{"or at the end", search.Query{Text: "a OR", Syntax: search.Fielded}, 4},
		{"or at the start", search.Query{Text: "OR a", Syntax: search.Fielded}, 0},
		{"wildcard bomb", search.Query{Text: "*a*", Syntax: search.Fielded}, 0},
		{"short wildcard", search.Query{Text: "x a*", Syntax: search.Fielded}, 2},
		{"many stars", search.Query{Text: "ab*c*d*e*f", Syntax: search.Fielded}, 0},
		{"rating word", search.Query{Text: "rating:five", Syntax: search.Fielded}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.q.Site = "shop"
			_, err := x.Search(t.Context(), c.q)
			if !errors.Is(err, search.ErrQuery) {
				t.Fatalf("%v", err)
			}
			var syntax *search.SyntaxError
			if errors.As(err, &syntax) != (c.pos >= 0) || syntax != nil && syntax.Pos != c.pos {
				t.Errorf("%v, position not %d", err, c.pos)
			}
		})
	}
}

// TestShoppersTextIsNeverAnError: whatever is typed into the shop's search box
// is searched as well as can be.
func TestShoppersTextIsNeverAnError(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed(), shelf()...)
	for _, text := range []string{
		`"`, `-`, `--`, `a:b`, `state:pending`, `OR`, `("`, `*`, `boils*`, `<script>`, `'; drop`, `"open quote`, `a -"b`, "\x00", "\u202e", `\`, `/.*/`, `a~9`, `^`, `-"`,
	} {
		if _, err := x.Search(t.Context(), search.Query{Site: "shop", Text: text, Prefix: true}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if r := find(t, x, search.Query{Text: `"handle`}); r.Total == 0 {
		t.Error("a quotation that is still open finds nothing")
	}
}

func TestContextEndsASearch(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed(), shelf()...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Search(ctx, search.Query{Site: "shop", Text: "kettle"}); !errors.Is(err, context.Canceled) {
		t.Errorf("search: %v", err)
	}
	if err := x.Apply(ctx, []search.Document{{ID: "z", Site: "shop"}}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("apply: %v", err)
	}
}

// TestFacetsLeaveTheirOwnFilterOut: choosing four stars must still show how
// many there are with five.
func TestFacetsLeaveTheirOwnFilterOut(t *testing.T) {
	t.Parallel()
	x := create(t, search.Desk, fixed(), shelf()...)
	r := find(t, x, search.Query{Facets: true, Ratings: []int{5}, Kinds: []string{"review"}})
	if got := fmt.Sprint(r.Facets[search.FacetRating]); got != "[{5 2} {4 1} {1 1}]" {
		t.Errorf("ratings %s", got)
	}
	if got := fmt.Sprint(r.Facets[search.FacetKind]); got != "[{review 2}]" {
		t.Errorf("kinds %s", got)
	}
	if got := fmt.Sprint(r.Facets[search.FacetVerified]); got != "[{true 1} {false 1}]" {
		t.Errorf("verified %s", got)
	}
	if got := fmt.Sprint(r.Facets[search.FacetState]); got != "[{approved 2}]" {
		t.Errorf("states %s", got)
	}
	if r := find(t, x, search.Query{Facets: true, Reasons: []string{"url"}}); fmt.Sprint(r.Facets[search.FacetReason]) != "[{spam 2} {profanity 1} {url 1}]" {
		t.Errorf("reasons %v", r.Facets[search.FacetReason])
	}
}

// TestCursorSurvivesChanges pages through hits while new ones arrive and the
// one the cursor stands on is deleted; nothing old is repeated or skipped.
func TestCursorSurvivesChanges(t *testing.T) {
	t.Parallel()
	for _, sort := range []string{search.SortRelevance, search.SortNewest, search.SortOldest, search.SortHelpful, search.SortHighest} {
		t.Run(sort, func(t *testing.T) {
			t.Parallel()
			x := create(t, search.Public, fixed())
			var docs []search.Document
			for i := range 57 {
				docs = append(docs, search.Document{
					ID: fmt.Sprintf("d%02d", i), Language: "en", Body: "kettle" + strings.Repeat(" filler", i%9),
					Rating: 1 + i%5, Helpful: float64(i%7) / 7, Created: epoch.Add(time.Duration(i%11) * time.Hour),
				})
			}
			put(t, x, docs...)
			seen := make(map[string]int)
			q := search.Query{Text: "kettle", Language: "en", Sort: sort, Limit: 10}
			for page := 0; ; page++ {
				r := find(t, x, q)
				for _, h := range r.Hits {
					seen[h.ID]++
				}
				if r.Next == "" || page > 20 {
					break
				}
				put(t, x, search.Document{ID: fmt.Sprintf("new%d", page), Language: "en", Body: "kettle kettle", Rating: 5, Helpful: 0.99, Created: epoch.AddDate(0, 1, 0)})
				if page == 1 {
					if err := x.Apply(t.Context(), nil, []string{r.Hits[len(r.Hits)-1].ID}); err != nil {
						t.Fatal(err)
					}
				}
				q.After = r.Next
			}
			for _, d := range docs {
				if seen[d.ID] != 1 {
					t.Errorf("%s came %d times", d.ID, seen[d.ID])
				}
			}
		})
	}
}

func TestForeignCursorsAreRefused(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed(), shelf()...)
	r := find(t, x, search.Query{Text: "handle", Limit: 1})
	if r.Next == "" {
		t.Fatal("no next page")
	}
	flipped := []byte(r.Next)
	flipped[len(flipped)/2] ^= 1
	for _, q := range []search.Query{
		{Text: "handle", After: "garbage"},
		{Text: "handle", After: string(flipped)},
		{Text: "handle", After: strings.Repeat("A", 5000)},
		{Text: "kettle", After: r.Next},
		{Text: "handle", After: r.Next, Ratings: []int{1}},
	} {
		q.Site = "shop"
		if _, err := x.Search(t.Context(), q); !errors.Is(err, search.ErrCursor) {
			t.Errorf("%q with %.20q: %v", q.Text, q.After, err)
		}
	}
	if _, err := x.Search(t.Context(), search.Query{Site: "shop", Text: "handle", After: r.Next, Limit: 7, Highlight: true}); err != nil {
		t.Errorf("another page size: %v", err)
	}
}

func TestHighlightsAreRangesAndSafeHTML(t *testing.T) {
	t.Parallel()
	body := `It's <b>"batteries"</b> & battery life, ` + strings.Repeat("words & more ", 60) + "the S-21 battery."
	x := create(t, search.Public, fixed(), search.Document{ID: "a", Language: "en", Title: "Batteries!", Body: body, ProductName: "Galaxa S21"})
	r := find(t, x, search.Query{Text: "battery s21", Language: "en", Highlight: true})
	if len(r.Hits) != 1 || len(r.Hits[0].Fragments) != 3 {
		t.Fatalf("%+v", r.Hits)
	}
	texts := map[string]string{search.FieldTitle: "Batteries!", search.FieldBody: body, search.FieldProduct: "Galaxa S21"}
	want := map[string][]string{
		search.FieldTitle: {"Batteries"}, search.FieldBody: {"batteries", "battery", "S-21", "battery"}, search.FieldProduct: {"S21"},
	}
	for _, f := range r.Hits[0].Fragments {
		var got []string
		for _, rg := range f.Ranges {
			got = append(got, texts[f.Field][rg.Start:rg.End])
		}
		if !slices.Equal(got, want[f.Field]) {
			t.Errorf("%s: %q", f.Field, got)
		}
		bare := strings.NewReplacer("<mark>", "", "</mark>", "").Replace(f.HTML)
		if strings.ContainsAny(bare, `<>"`) || !strings.Contains(f.HTML, "<mark>") || len(f.HTML) > 600 {
			t.Errorf("%s: HTML %q", f.Field, f.HTML)
		}
	}
}

func TestHighlightsTakeTextsFromTheCaller(t *testing.T) {
	t.Parallel()
	opts := fixed()
	opts.Texts = func(_ context.Context, ids []string) (map[string]search.Text, error) {
		out := make(map[string]search.Text)
		for _, id := range ids {
			out[id] = search.Text{Body: "a quiet fan, says " + id}
		}
		return out, nil
	}
	x := create(t, search.Public, opts, search.Document{ID: "a", Language: "en", Body: "a quiet fan"})
	r := find(t, x, search.Query{Text: "quiet", Language: "en", Highlight: true})
	if got := r.Hits[0].Fragments[0].HTML; got != "a <mark>quiet</mark> fan, says a" {
		t.Errorf("%q", got)
	}
}

func TestRankingBlendsVotesAndFreshness(t *testing.T) {
	t.Parallel()
	old := epoch.AddDate(-4, 0, 0)
	x := create(t, search.Public, fixed(),
		search.Document{ID: "plain", Language: "en", Body: "quiet fan", Created: old},
		search.Document{ID: "fresh", Language: "en", Body: "quiet fan"},
		search.Document{ID: "voted", Language: "en", Body: "quiet fan", Created: old, Helpful: 0.9},
		search.Document{ID: "title", Language: "en", Title: "Quiet fan", Body: "It is", Created: old},
		search.Document{ID: "stars", Language: "en", Body: "quiet fan", Created: old.Add(-time.Minute), Rating: 5})
	r := find(t, x, search.Query{Text: "quiet fan", Language: "en", Explain: true})
	if got := strings.Join(ids(r), " "); got != "title voted fresh plain stars" {
		t.Errorf("order %s", got)
	}
	for _, h := range r.Hits {
		if h.Explanation == nil || h.Explanation.Value != h.Score || len(h.Explanation.Children) != 3 {
			t.Errorf("explanation of %s: %+v", h.ID, h.Explanation)
		}
	}
}

func TestSynonymsAreTheSites(t *testing.T) {
	t.Parallel()
	opts := fixed()
	opts.Synonyms = func(site, language string) [][]string {
		if site == "shop" && language == "en" {
			return [][]string{{"tv", "television", "flat screen"}}
		}
		return nil
	}
	x := create(t, search.Public, opts,
		search.Document{ID: "a", Language: "en", Body: "My television is bright"},
		search.Document{ID: "b", Language: "en", Body: "This tv is dark"},
		search.Document{ID: "c", Language: "en", Body: "A flat screen for the kitchen"},
		search.Document{ID: "d", Language: "en", Body: "A flat box and a screen"},
		search.Document{ID: "e", Site: "other", Language: "en", Body: "My television is bright"})
	got := ids(find(t, x, search.Query{Text: "tv", Language: "en"}))
	slices.Sort(got)
	if !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("tv finds %v", got)
	}
	if r := find(t, x, search.Query{Site: "other", Text: "tv", Language: "en"}); r.Total != 0 {
		t.Errorf("another site's synonyms: %v", ids(r))
	}
}

func TestMatchesAreAllHitsOfAProduct(t *testing.T) {
	t.Parallel()
	x := create(t, search.Public, fixed(), shelf()...)
	got, err := x.Matches(t.Context(), search.Query{Site: "shop", Subject: "kettle", Text: "handle", Kinds: []string{"review"}}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range got {
		found = append(found, m.ID)
		if m.Score <= 0 {
			t.Errorf("%s has score %v", m.ID, m.Score)
		}
	}
	slices.Sort(found)
	if !slices.Equal(found, []string{"r1", "r2"}) {
		t.Errorf("%v", found)
	}
	if got, err := x.Matches(t.Context(), search.Query{Site: "shop", Subject: "kettle", Text: "handle"}, 1); err != nil || len(got) != 1 {
		t.Errorf("bounded: %v, %v", got, err)
	}
	for _, q := range []search.Query{{Site: "shop", Text: "handle"}, {Subject: "kettle"}} {
		if _, err := x.Matches(t.Context(), q, 10); !errors.Is(err, search.ErrQuery) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// FuzzSearch feeds both syntaxes; a shopper's text is an error for its size
// or its encoding alone, and every position lies inside the text.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{
		"", "handle", `"stays cool"`, "-broke handle", "title:great OR vinegar", "state:approved rating:5", "bo*s", `"open`, "a OR OR b", "-", "-\"\"", "::",
		"«guillemets»", "S-21 gt p1000", "充电 -很快", "می‌شود", "a\x00b", "-body:x*", strings.Repeat("x ", 31),
	} {
		f.Add(s, true, "en")
	}
	x := create(f, search.Desk, fixed(), shelf()...)
	f.Fuzz(func(t *testing.T, text string, fielded bool, language string) {
		q := search.Query{Site: "shop", Text: text, Language: language, Prefix: true, Highlight: true, Facets: true, Explain: true}
		if fielded {
			q.Syntax = search.Fielded
		}
		_, err := x.Search(context.Background(), q)
		var syntax *search.SyntaxError
		switch {
		case err == nil:
		case !errors.As(err, &syntax):
			t.Errorf("%q: %v", text, err)
		case syntax.Pos < 0 || syntax.Pos > len(text):
			t.Errorf("%q: position %d", text, syntax.Pos)
		}
	})
}
