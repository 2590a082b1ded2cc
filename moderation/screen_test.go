package moderation_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/classify"
	"github.com/candor-ugc/candor/moderation/rules"
	"github.com/candor-ugc/candor/moderation/similar"
	"github.com/candor-ugc/candor/moderation/textnorm"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func fixed() time.Time { return noon }

func screener(t testing.TB, opt moderation.Options) *moderation.Screener {
	t.Helper()
	if opt.Clock == nil {
		opt.Clock = fixed
	}
	if opt.Memory == nil {
		opt.Memory = similar.NewMemory(100)
	}
	s, err := moderation.NewScreener(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func review(language, body string) moderation.Submission {
	return moderation.Submission{
		ID: "id-1", Site: "demo", Kind: "review", Language: language, LanguageConfidence: 0.95, Body: body,
		SubjectType: "product", Subject: "p1", AuthorID: "alice", At: noon,
	}
}

func codes(sc moderation.Screening) []string {
	var out []string
	for _, s := range sc.Signals {
		out = append(out, s.Code)
	}
	return out
}

func TestSignals(t *testing.T) {
	t.Parallel()
	s := screener(t, moderation.Options{})
	for _, tt := range []struct {
		name, language, body string
		want                 []string // code=text of the span
	}{
		{"clean", "en", "The fabric is soft and the zip works well after ten washes.", nil},
		{"clean Turkish", "tr", "Hangi beden almalıyım bilemedim ama çok şık, sık sık giyiyorum.", nil},
		{"clean Persian", "fa", "گوشی خوبیه و باتری\u200cاش دو روز دوام میاره.", nil},
		{"clean Norwegian", "nb", "God fart på viften, men slutt på garantien etter ett år.", nil},
		{"clean German", "de", "Die Decke ist dick genug, meine Oma freut sich.", nil},
		{"profanity", "en", "This is shit, honestly.", []string{"profanity=shit"}},
		{"hidden", "en", "What sh\u200bit is this", []string{"profanity=sh\u200bit"}},
		{"spaced", "en", "f u c k this toaster", []string{"profanity=f u c k", "evasion=f u c k"}},
		{"personal data", "tr", "Beni 0532 123 45 67 numaradan ara veya a@example.com yaz", []string{"phone=0532 123 45 67", "email=a@example.com"}},
		{"link", "en", "Much cheaper at www.cheap-stuff.biz today", []string{"url=www.cheap-stuff.biz", "directs_away=cheaper at"}},
		{"shouting", "en", "THIS KETTLE NEVER WORKED FOR ME", []string{"shouting=THIS KETTLE NEVER WORKED FOR ME"}},
		{"gibberish", "en", "asdfghjkl sdkjfhskdjfh lkjsdflkj", []string{"gibberish=asdfghjkl sdkjfhskdjfh lkjsdflkj"}},
		{"no words", "en", "!!! 12", []string{"too_short=!!! 12"}},
		{"incentive", "en", "I received this product for free in exchange for my honest review.", []string{"incentivized=received this product for free"}},
		{"threat", "de", "Ich finde dich und bringe dich um", []string{"threat=Ich finde dich"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sc := s.Screen(t.Context(), review(tt.language, tt.body))
			if sc.Verdict != moderation.VerdictHold || sc.Failed {
				t.Fatalf("verdict %q, failed %v: %s", sc.Verdict, sc.Failed, sc.Cause)
			}
			runes := []rune(tt.body)
			var got []string
			for _, sig := range sc.Signals {
				got = append(got, sig.Code+"="+string(runes[sig.Start:sig.End]))
				if sig.Cause == "" || sig.Rule == "" || !strings.Contains(sig.Rule, "@") {
					t.Errorf("signal without cause or rule version: %+v", sig)
				}
			}
			if tt.want == nil && len(got) > 0 {
				t.Errorf("found %q in a clean text", got)
			}
			for _, w := range tt.want {
				if !slices.Contains(got, w) {
					t.Errorf("found %q, want %q", got, w)
				}
			}
		})
	}
}

func TestIncentiveLabelsOnly(t *testing.T) {
	t.Parallel()
	sc := screener(t, moderation.Options{}).Screen(t.Context(), review("nb", "Fikk produktet gratis mot en anmeldelse, og det virker fint."))
	if !slices.Contains(sc.Labels, moderation.CodeIncentivized) || sc.Risk != 0 {
		t.Errorf("labels %q, risk %v", sc.Labels, sc.Risk)
	}
}

func TestRatingMismatchBothWaysAlike(t *testing.T) {
	t.Parallel()
	s := screener(t, moderation.Options{})
	for _, tt := range []struct {
		body   string
		rating int
		want   bool
	}{
		{"Terrible quality, broken after a day, total waste of money", 5, true},
		{"Terrible quality, broken after a day, total waste of money", 1, false},
		{"Excellent, beautiful and perfect, I love it", 1, true},
		{"Excellent, beautiful and perfect, I love it", 5, false},
		{"Not good, not great, never perfect", 5, true},
		{"It is a table", 1, false},
		{"Terrible quality, broken after a day, total waste of money", 0, false},
	} {
		sub := review("en", tt.body)
		sub.Rating = tt.rating
		sc := s.Screen(t.Context(), sub)
		if got := slices.Contains(sc.Labels, moderation.CodeRatingMismatch); got != tt.want {
			t.Errorf("%d stars on %q: mismatch %v, want %v", tt.rating, tt.body, got, tt.want)
		}
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	s := screener(t, moderation.Options{})
	text := "I bought this fryer for my mother and she uses it every day because it is quiet, fast and easy to clean after frying fish."
	first := review("en", text)
	s.Observe(first)
	other := review("en", strings.Replace(text, "mother", "sister", 1))
	other.ID, other.AuthorID, other.Subject = "id-2", "bob", "p2"
	sc := s.Screen(t.Context(), other)
	if !slices.Contains(codes(sc), moderation.CodeNearDuplicate) || sc.Cluster != "id-1" {
		t.Errorf("near duplicate: %q, cluster %q", codes(sc), sc.Cluster)
	}
	same := first
	same.ID, same.Subject = "id-3", "p9"
	if sc := s.Screen(t.Context(), same); !slices.Contains(codes(sc), moderation.CodeDuplicate) {
		t.Errorf("duplicate: %q", codes(sc))
	}
	if sc := s.Screen(t.Context(), first); len(sc.Signals) != 0 {
		t.Errorf("a text is a duplicate of itself: %q", codes(sc))
	}
	s.Observe(review("en", "good product"))
	short := review("en", "Good product!")
	short.ID, short.AuthorID = "id-5", "carol"
	if sc := s.Screen(t.Context(), short); slices.Contains(codes(sc), moderation.CodeDuplicate) {
		t.Error("two people may both write good product")
	}
	s.Forget("demo", "id-1")
}

func TestBurstsAndLanguage(t *testing.T) {
	t.Parallel()
	s := screener(t, moderation.Options{})
	sub := review("ru", "Это очень хороший чайник для дома")
	sub.SiteLanguages = []string{"en", "tr"}
	sub.Recent = moderation.Recent{SubjectHour: 30, SubjectMeanDay: 3, AuthorHour: 9}
	got := codes(s.Screen(t.Context(), sub))
	for _, want := range []string{moderation.CodeLanguageNotServed, moderation.CodeBurst, moderation.CodeAuthorBurst} {
		if !slices.Contains(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
	}
	sub.Recent = moderation.Recent{SubjectHour: 30, SubjectDay: 600, SubjectMeanDay: 700}
	sub.SiteLanguages = nil
	if got := codes(s.Screen(t.Context(), sub)); len(got) != 0 {
		t.Errorf("found %q for a busy product", got)
	}
	tagalog := review("tl", "Maganda ang tela at tama ang sukat nito")
	tagalog.SiteLanguages = []string{"fil"}
	if got := codes(s.Screen(t.Context(), tagalog)); len(got) != 0 {
		t.Errorf("found %q: tl and fil are one language", got)
	}
}

type brokenClassifier struct{ do func(context.Context) error }

func (b brokenClassifier) Probability(ctx context.Context, _ string, _ *textnorm.Text, _ []string) (float64, string, bool, bool, error) {
	return 0.01, "m@1", true, true, b.do(ctx)
}

// readyModel finds everything harmless and counts.
type readyModel struct{}

func (readyModel) Probability(context.Context, string, *textnorm.Text, []string) (float64, string, bool, bool, error) {
	return 0.02, "m@1", true, true, nil
}

type ruleFunc func(context.Context) ([]rules.Hit, error)

func (f ruleFunc) RunRules(ctx context.Context, _ string, _ rules.Env) ([]rules.Hit, string, error) {
	h, err := f(ctx)
	return h, "", err
}

type detector struct{}

func (detector) Name() string { return "photos" }
func (detector) Detect(context.Context, moderation.Submission) ([]moderation.Signal, error) {
	panic("boom")
}

// allOpen is the most permissive policy and perfect evidence.
func allOpen() moderation.Options {
	return moderation.Options{
		Policy: func(string, string) moderation.Policy {
			return moderation.Policy{Mode: moderation.ModeTrusted, TrustedApproved: 1, AutoApprove: true, AutoReject: true}
		},
		Evidence: evidence{}, Random: func() float64 { return 0.5 },
	}
}

type evidence struct{}

func (evidence) Measured(string, string, string, string) (int, int) { return 100_000, 100_000 }

func TestFailClosed(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	sub := review("en", "A fine and simple kettle for the office kitchen")
	sub.Author.Approved = 50
	if sc := screener(t, allOpen()).Screen(t.Context(), sub); sc.Verdict != moderation.VerdictApprove {
		t.Fatalf("the test's policy does not approve: %+v", sc)
	}
	for name, tt := range map[string]struct {
		change func(*moderation.Options)
		cause  string
	}{
		"classifier fails": {func(o *moderation.Options) {
			o.Classifier = brokenClassifier{func(context.Context) error { return errors.New("killed") }}
		}, "classifier: killed"},
		"classifier panics": {func(o *moderation.Options) {
			o.Classifier = brokenClassifier{func(context.Context) error { panic("index out of range") }}
		}, "classifier: panic: index out of range"},
		"classifier stalls": {func(o *moderation.Options) {
			o.Timeout = time.Millisecond
			o.Classifier = brokenClassifier{func(context.Context) error { <-stuck; return nil }}
		}, "did not end in time"},
		"signal panics": {func(o *moderation.Options) { o.Detectors = []moderation.Detector{detector{}} }, "detectors: panic: boom"},
		"rule times out": {func(o *moderation.Options) {
			o.Timeout = time.Millisecond
			o.Rules = ruleFunc(func(ctx context.Context) ([]rules.Hit, error) { <-ctx.Done(); return nil, ctx.Err() })
		}, "deadline exceeded"},
		"unknown action": {func(o *moderation.Options) {
			o.Rules = ruleFunc(func(context.Context) ([]rules.Hit, error) { return []rules.Hit{{Action: "publish"}}, nil })
		}, "unknown action"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := allOpen()
			tt.change(&opt)
			sc := screener(t, opt).Screen(t.Context(), sub)
			if sc.Verdict != moderation.VerdictHold || !sc.Failed || !strings.Contains(sc.Cause, tt.cause) {
				t.Errorf("verdict %q, failed %v, cause %q, want a hold because of %q", sc.Verdict, sc.Failed, sc.Cause, tt.cause)
			}
		})
	}
}

func TestStalledScreeningsAreBounded(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	s := screener(t, moderation.Options{
		Timeout: 200 * time.Millisecond, MaxConcurrent: 2,
		Classifier: brokenClassifier{func(context.Context) error { <-stuck; return nil }},
	})
	for range 2 {
		s.Screen(t.Context(), review("en", "one"))
	}
	if sc := s.Screen(t.Context(), review("en", "two")); !sc.Failed || !strings.Contains(sc.Cause, "too many") {
		t.Errorf("the third screening: %+v", sc)
	}
}

func TestClassifierLearnsFromPeopleOnly(t *testing.T) {
	t.Parallel()
	models := moderation.NewModels(nil)
	if _, err := classify.Decided(classify.Decider{Moderator: "mod", Automatic: true}, "x", "en", true); !errors.Is(err, classify.ErrAutomatic) {
		t.Errorf("an automatic decision became an example: %v", err)
	}
	if err := models.Learn("demo", classify.Example{}); !errors.Is(err, classify.ErrAutomatic) {
		t.Errorf("an empty example was learned: %v", err)
	}
	s := screener(t, moderation.Options{Classifier: models})
	if sc := s.Screen(t.Context(), review("en", "hello there")); sc.Probability != -1 {
		t.Errorf("probability %v without a model", sc.Probability)
	}
	for i := range 150 {
		for _, x := range []struct {
			text string
			bad  bool
		}{{fmt.Sprintf("zorbl coins number %d", i), true}, {fmt.Sprintf("nice kettle number %d", i), false}} {
			e, err := classify.Decided(classify.Decider{Moderator: "mod"}, x.text, "en", x.bad)
			if err != nil {
				t.Fatal(err)
			}
			if err := models.Learn("demo", e); err != nil {
				t.Fatal(err)
			}
		}
	}
	bad, good := s.Screen(t.Context(), review("en", "get zorbl coins")), s.Screen(t.Context(), review("en", "a nice kettle"))
	if bad.Probability < 0.7 || good.Probability > 0.3 || bad.Risk <= good.Risk {
		t.Errorf("probabilities %v and %v, risks %v and %v", bad.Probability, good.Probability, bad.Risk, good.Risk)
	}
	if !slices.Contains(codes(bad), moderation.CodeClassifier) || bad.Versions["classifier"] == "" {
		t.Errorf("signals %q, versions %v", codes(bad), bad.Versions)
	}
}

func TestScreenConcurrently(t *testing.T) {
	t.Parallel()
	s := screener(t, moderation.Options{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				sub := review("en", "this is shit number "+strings.Repeat("x", i))
				sub.ID = fmt.Sprintf("%d-%d", g, i)
				if sc := s.Screen(context.Background(), sub); !slices.Contains(codes(sc), "profanity") {
					t.Errorf("found %q", codes(sc))
				}
				s.Observe(sub)
			}
		})
	}
	wg.Wait()
}

// reviews of real shoppers, with the language of each file.
func realReviews(t testing.TB, file, language string) []moderation.Submission {
	t.Helper()
	f, err := os.Open(filepath.Join(filepath.Dir(dataDir(t)), "reviews", file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []moderation.Submission
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var row struct{ Title, Body string }
		if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		sub := review(language, row.Body)
		sub.ID, sub.Title, sub.AuthorID = strconv.Itoa(len(out)), row.Title, ""
		out = append(out, sub)
	}
	if err := sc.Err(); err != nil || len(out) == 0 {
		t.Fatalf("%d reviews, %v", len(out), err)
	}
	return out
}

// Ordinary reviews of ordinary products are hardly ever flagged.
func TestOrdinaryReviewsAreClean(t *testing.T) {
	t.Parallel()
	s := screener(t, moderation.Options{})
	for _, tt := range []struct {
		file, language string
		most           float64 // share with a medium or high finding
	}{
		{"en-womens_clothing.jsonl", "en", 0.005},
		{"tr-hepsiburada_airfryer.jsonl", "tr", 0.01},
		{"fa-digikala_samsung.jsonl", "fa", 0.01},
		{"nb-norec_sentence.jsonl", "nb", 0.01},
		{"hi-hsac_amazon.jsonl", "hi", 0.02},
	} {
		const most = 2000
		reviews := realReviews(t, tt.file, tt.language)
		reviews = reviews[:min(len(reviews), most)]
		flagged := 0
		for _, sub := range reviews {
			sc := s.Screen(t.Context(), sub)
			if sc.Failed {
				t.Fatal(sc.Cause)
			}
			if slices.ContainsFunc(sc.Signals, func(g moderation.Signal) bool {
				return g.Severity == moderation.SeverityMedium || g.Severity == moderation.SeverityHigh
			}) {
				flagged++
			}
			checkSpans(t, sub, sc)
		}
		if share := float64(flagged) / float64(len(reviews)); share > tt.most {
			t.Errorf("%s: %.2f %% flagged, want at most %.1f %%", tt.file, 100*share, 100*tt.most)
		}
	}
}

func checkSpans(t *testing.T, sub moderation.Submission, sc moderation.Screening) {
	t.Helper()
	for _, g := range sc.Signals {
		text := sub.Body
		if g.Field == moderation.FieldTitle {
			text = sub.Title
		}
		if g.Start < 0 || g.End < g.Start || g.End > len([]rune(text)) || (g.Field == "") != (g.End == 0) {
			t.Errorf("span %d..%d of field %q with %d runes: %s", g.Start, g.End, g.Field, len([]rune(text)), g.Cause)
		}
	}
}

func BenchmarkScreen(b *testing.B) {
	s := screener(b, moderation.Options{Clock: time.Now})
	reviews := realReviews(b, "en-womens_clothing.jsonl", "en")
	took := make([]time.Duration, 0, b.N)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		took = append(took, s.Screen(b.Context(), reviews[i%len(reviews)]).Took)
		i++
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Nanoseconds()), "p95-ns")
}
