package lexicon_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/candor-ugc/candor/moderation/lexicon"
	"github.com/candor-ugc/candor/moderation/textnorm"
)

func find(t *testing.T, s *lexicon.Set, in string, languages ...string) (cats []string, evasions []string) {
	t.Helper()
	var x textnorm.Text
	x.Reset(in, languages[0])
	for _, h := range s.NewMatcher().Find(&x, languages...) {
		switch h.Entry.Category {
		case lexicon.Positive, lexicon.Negative, lexicon.Negation:
			continue
		}
		cats = append(cats, string(h.Entry.Category))
		if h.Evasion != "" {
			evasions = append(evasions, h.Evasion)
		}
	}
	return cats, evasions
}

func TestFind(t *testing.T) {
	t.Parallel()
	set, err := lexicon.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		in, language string
		want         string // one category, "" for no hit at all
		evasion      string
	}{
		{"this is shit", "en", "profanity", ""},
		{"sh!t quality", "en", "profanity", "leet"},
		{"a pile of 5h1te", "en", "profanity", "leet"},
		{"fuuuuuck this", "en", "profanity", "repeat"},
		{"f u c k this", "en", "profanity", "spacing"},
		{"f.u.c.k you", "en", "profanity", "spacing"},
		{"what the fu.ck", "en", "profanity", "spacing"},
		{"f**k off", "en", "profanity", "censored"},
		{"fu\u200bck", "en", "profanity", ""},
		{"ѕhіt", "en", "profanity", "confusable"},
		{"ⓢⓗⓘⓣ", "en", "profanity", ""},
		{"Scunthorpe in Essex, a classic cocktail", "en", "", ""},
		{"the Samsung A55 in class 5, assess the bass", "en", "", ""},
		{"Moby Dick is on my shelf", "en", "", ""},
		{"a chink in the armour", "en", "", ""},
		{"I got it in exchange for an honest review", "en", "incentivized", ""},
		{"please check out my channel", "en", "spam", ""},
		{"Hangi beden almalıyım", "tr", "", ""},
		{"çok şık, sık sık kullanıyorum, sıkıntı yok", "tr", "", ""},
		{"sik sik kullaniyorum cok sik durdu, sikinti yok", "tr", "", ""},
		{"siktir git buradan", "tr", "profanity", ""},
		{"OROSPU çocukları", "tr", "profanity", ""},
		{"orospu cocugunun teki", "tr", "profanity", ""},
		{"ŞEREFSİZLER", "tr", "insult", ""},
		{"serefsizler", "tr", "insult", ""},
		{"göğüs amacı, amca, ambalaj", "tr", "", ""},
		{"این گوشی عالیه، هیچ کس ناراضی نیست", "fa", "", ""},
		{"کس\u200cکش عوضی", "fa", "profanity", ""},
		{"مادرجنده", "fa", "profanity", ""},
		{"चूतिया बनाया", "hi", "profanity", ""},
		{"bahut bekar, chutiya banaya", "hi", "profanity", ""},
		{"महात्मा गांधी की किताब", "hi", "", ""},
		{"jævla dritt", "nb", "profanity", ""},
		{"god fart, slutt på strøm", "nb", "", ""},
		{"putang ina ang bagal", "fil", "profanity", ""},
		{"ang bobo mo", "fil", "profanity", ""},
		{"Die Matratze ist dick und schön", "de", "", ""},
		{"Du Arschloch!", "de", "profanity", ""},
		{"Scheißteil", "de", "profanity", ""},
		{"quelle merde", "fr", "profanity", ""},
		{"une tapette à souris", "fr", "", ""},
		{"vaya mierda", "es", "profanity", ""},
		{"sombrero de paja negro", "es", "", ""},
		{"nothing but fuck in a Turkish text", "tr", "profanity", ""},
	} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			got, evasions := find(t, set, tt.in, tt.language)
			if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.Contains(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
			if tt.evasion != "" && !slices.Contains(evasions, tt.evasion) {
				t.Errorf("evasions %q, want %q", evasions, tt.evasion)
			}
		})
	}
}

func TestLoadRefusesBadLists(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no version":       "[profanity high 0.5]\nword\n",
		"unknown category": "version 1\n[nonsense high 0.5]\nword\n",
		"bad severity":     "version 1\n[profanity huge 0.5]\nword\n",
		"bad weight":       "version 1\n[profanity high 5]\nword\n",
		"no section":       "version 1\nword\n",
		"no word":          "version 1\n[profanity high 0.5]\n=\n",
		"empty":            "",
	} {
		fsys := fstest.MapFS{"w/xx.txt": {Data: []byte(text)}}
		if name == "empty" {
			fsys = fstest.MapFS{}
		}
		if _, err := lexicon.LoadFS(fsys, "w"); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
