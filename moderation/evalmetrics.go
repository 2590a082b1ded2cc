package moderation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/candor-ugc/candor/moderation/lexicon"
	"github.com/candor-ugc/candor/moderation/textnorm"
)

// scoredText is a text's score and whether it truly has the label.
type scoredText struct {
	score    float64
	positive bool
}

// metricsOf counts at the threshold; the area under the curve is the
// Mann-Whitney statistic with ties counted half.
func metricsOf(scores []scoredText, threshold float64) EvalMetrics {
	var tp, fp, fn, tn float64
	for _, s := range scores {
		switch flagged := s.score >= threshold; {
		case flagged && s.positive:
			tp++
		case flagged:
			fp++
		case s.positive:
			fn++
		default:
			tn++
		}
	}
	m := EvalMetrics{N: len(scores), Positive: int(tp + fn), AUC: auc(scores)}
	m.Precision, m.Recall = ratio(tp, tp+fp), ratio(tp, tp+fn)
	m.F1 = ratio(2*tp, 2*tp+fp+fn)
	m.MacroF1 = (m.F1 + ratio(2*tn, 2*tn+fp+fn)) / 2
	return m
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func auc(scores []scoredText) float64 {
	s := slices.Clone(scores)
	slices.SortFunc(s, func(a, b scoredText) int { return cmp.Compare(a.score, b.score) })
	var rankSum, pos float64
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j].score == s[i].score {
			j++
		}
		mean := float64(i+j+1) / 2
		for ; i < j; i++ {
			if s[i].positive {
				rankSum += mean
				pos++
			}
		}
	}
	neg := float64(len(s)) - pos
	return ratio(rankSum-pos*(pos+1)/2, pos*neg)
}

// bestThreshold maximises macro F1.
func bestThreshold(scores []scoredText) float64 {
	best, at := -1.0, 0.5
	for t := 0.05; t < 0.96; t += 0.01 {
		if m := metricsOf(scores, t); m.MacroF1 > best {
			best, at = m.MacroF1, t
		}
	}
	return at
}

// wordCategories are the lexicon's categories that stand for a label.
func wordCategories(label string) []lexicon.Category {
	switch label {
	case "spam":
		return []lexicon.Category{lexicon.Spam, lexicon.Away}
	case "hate":
		return []lexicon.Category{lexicon.Hate, lexicon.Threat}
	case "deceptive":
		return nil
	default:
		return []lexicon.Category{lexicon.Hate, lexicon.Threat, lexicon.Profanity, lexicon.Insult, lexicon.Sexual}
	}
}

// lexiconScores serve where there was nothing to train on.
func lexiconScores(rows []evalRow, label string) []scoredText {
	out := make([]scoredText, len(rows))
	set, err := lexicons()
	if err != nil {
		return out
	}
	m, want := set.NewMatcher(), wordCategories(label)
	var text textnorm.Text
	for i := range rows {
		text.Reset(rows[i].Text, rows[i].Language)
		for _, h := range m.Find(&text, listLanguage(rows[i].Language), "en") {
			if slices.Contains(want, h.Entry.Category) {
				out[i].score = max(out[i].score, 0.5+h.Entry.Weight/2)
			}
		}
		out[i].positive = rows[i].is(label)
	}
	return out
}

// giveHints adds what the lexicons find to every row.
func giveHints(lists ...[]evalRow) error {
	set, err := lexicons()
	if err != nil {
		return err
	}
	m := set.NewMatcher()
	var text textnorm.Text
	for _, rows := range lists {
		for i := range rows {
			text.Reset(rows[i].Text, rows[i].Language)
			rows[i].hints = hintsOf(m.Find(&text, listLanguage(rows[i].Language), "en"))
		}
	}
	return nil
}

// hatecheck reports by functionality for sources that name them. Files of
// HateCheck name the functionality in detail and end it in _h or _nh.
func (e *evaluation) hatecheck() error {
	set, err := lexicons()
	if err != nil {
		return err
	}
	type tally struct {
		contrast                      bool
		n, flagged, lexicon, anyWords float64
	}
	tallies := map[string]map[string]*tally{}
	m := set.NewMatcher()
	var text textnorm.Text
	for i := range e.test {
		r := &e.test[i]
		if !strings.Contains(r.Source, "hatecheck") || r.Detail == "" {
			continue
		}
		if tallies[r.Language] == nil {
			tallies[r.Language] = map[string]*tally{}
		}
		t := tallies[r.Language][r.Detail]
		if t == nil {
			t = &tally{contrast: r.Label == "ok"}
			tallies[r.Language][r.Detail] = t
		}
		text.Reset(r.Text, r.Language)
		hate, abusive := false, false
		for _, h := range m.Find(&text, listLanguage(r.Language), "en") {
			hate = hate || slices.Contains(wordCategories("hate"), h.Entry.Category)
			abusive = abusive || slices.Contains(wordCategories(LabelAbusive), h.Entry.Category)
		}
		flagged := hate
		if model := e.models[r.Language+"/hate"]; model != nil {
			flagged = flagged || model.model.ProbabilityOf(&text, r.hints...) >= model.threshold
		}
		t.n++
		t.flagged += count(flagged)
		t.lexicon += count(hate)
		t.anyWords += count(abusive)
	}
	if len(tallies) == 0 {
		return nil
	}
	e.result.Functionalities, e.result.LexiconFalseHits = map[string]map[string]EvalCheck{}, map[string]float64{}
	for language, byName := range tallies {
		e.result.Functionalities[language] = map[string]EvalCheck{}
		var n, hits float64
		for name, t := range byName {
			e.result.Functionalities[language][name] = EvalCheck{
				Contrast: t.contrast, N: int(t.n),
				Flagged: ratio(t.flagged, t.n), Lexicon: ratio(t.lexicon, t.n), AnyWord: ratio(t.anyWords, t.n),
			}
			if t.contrast {
				n += t.n
				hits += t.lexicon
			}
		}
		e.result.LexiconFalseHits[language] = ratio(hits, n)
	}
	return nil
}

func count(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// throughput screens the test texts one after the other.
func (e *evaluation) throughput(ctx context.Context) error {
	s, err := NewScreener(Options{Clock: e.opt.Clock})
	if err != nil {
		return err
	}
	const most = 20_000
	n := min(len(e.test), most)
	begin := e.opt.Clock()
	for i := range n {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("evaluate screening: %w", err)
		}
		r := &e.test[i]
		s.Screen(ctx, Submission{Site: "eval", Kind: "review", Language: r.Language, LanguageConfidence: 1, Body: r.Text})
	}
	if took := e.opt.Clock().Sub(begin); took > 0 {
		e.result.TextsPerSecond = float64(n) / took.Seconds()
	}
	return nil
}
