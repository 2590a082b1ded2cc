package moderation

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/candor-ugc/candor/moderation/classify"
)

// EvalFile is a labelled file as JSON Lines: {"source", "language", "text",
// "label", "detail"?}; label "ok" is the negative one.
type EvalFile struct {
	Name string
	R    io.Reader
	// Train and Test say what the file serves. A file that serves both is
	// split 80/20 by the hash of its texts, so that equal texts stay on one side.
	Train, Test bool
}

// EvalOptions configure [EvalScreening].
type EvalOptions struct {
	// Clock measures the throughput; nil means time.Now.
	Clock func() time.Time
	// Epochs over the training texts; 0 means 4.
	Epochs int
	// Labels to measure; empty means every label of the test texts.
	Labels []string
}

// EvalMetrics are those of one label against "ok", on the test texts.
type EvalMetrics struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	// MacroF1 is the mean of F1 of the label and F1 of "ok".
	MacroF1 float64 `json:"macro_f1"`
	AUC     float64 `json:"auc"`
	// N counts the test texts, Positive those with the label.
	N        int `json:"n"`
	Positive int `json:"positive"`
	// Trained counts the training texts; 0 means that lexicons alone decided.
	Trained int `json:"trained"`
}

// EvalCheck is one functionality of a HateCheck file. Contrast cases carry the
// label "ok": their figures are false hits.
type EvalCheck struct {
	Contrast bool `json:"contrast"`
	N        int  `json:"n"`
	// Flagged is the share the classifier or the lexicon flags, 0..1; for
	// cases with hate it is the recall.
	Flagged float64 `json:"flagged"`
	// Lexicon is the share with a hate or threat finding of the lexicon alone.
	Lexicon float64 `json:"lexicon"`
	// AnyWord is the share with any finding of the lexicon, swearing included.
	AnyWord float64 `json:"any_word"`
}

// EvalResult is what candor eval screening prints.
type EvalResult struct {
	// Languages by language and label. The label "abusive" is offensive or
	// hate against neither.
	Languages map[string]map[string]EvalMetrics `json:"languages"`
	// Sources is the same by the source named in the rows, with the language
	// in brackets.
	Sources map[string]map[string]EvalMetrics `json:"sources"`
	// Functionalities of HateCheck by language and functionality.
	Functionalities map[string]map[string]EvalCheck `json:"functionalities,omitempty"`
	// LexiconFalseHits is, by language, the share of HateCheck's contrast
	// cases with a hate or threat finding of the lexicon alone.
	LexiconFalseHits map[string]float64 `json:"lexicon_false_hits,omitempty"`
	// TextsPerSecond of full screening of the test texts, on one core.
	TextsPerSecond float64 `json:"texts_per_second"`
}

// Limits of an evaluation.
const (
	maxEvalLine = 1 << 20
	maxEvalRows = 5_000_000
)

// ErrEval: the files cannot be evaluated.
var ErrEval = errors.New("moderation: bad evaluation input")

type evalRow struct {
	Source   string `json:"source"`
	Language string `json:"language"`
	Text     string `json:"text"`
	Label    string `json:"label"`
	Detail   string `json:"detail"`

	hints []string
}

// LabelAbusive joins the labels offensive and hate.
const LabelAbusive = "abusive"

// labels of a row: its own and, for offensive and hate, the joint one.
func (r *evalRow) is(label string) bool {
	return r.Label == label || label == LabelAbusive && (r.Label == "offensive" || r.Label == "hate")
}

// EvalScreening trains a model for each language and label on the training
// texts and measures it on the test texts.
func EvalScreening(ctx context.Context, files []EvalFile, opt EvalOptions) (*EvalResult, error) {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Epochs <= 0 {
		opt.Epochs = 4
	}
	train, test, err := readEval(files)
	if err != nil {
		return nil, err
	}
	if len(test) == 0 {
		return nil, fmt.Errorf("%w: no test text", ErrEval)
	}
	if err := giveHints(train, test); err != nil {
		return nil, err
	}
	e := evaluation{opt: opt, train: train, test: test, result: &EvalResult{
		Languages: map[string]map[string]EvalMetrics{}, Sources: map[string]map[string]EvalMetrics{},
	}}
	if err := e.labels(ctx); err != nil {
		return nil, err
	}
	if err := e.hatecheck(); err != nil {
		return nil, err
	}
	return e.result, e.throughput(ctx)
}

func readEval(files []EvalFile) (train, test []evalRow, err error) {
	for _, f := range files {
		sc := bufio.NewScanner(f.R)
		sc.Buffer(nil, maxEvalLine)
		for n := 1; sc.Scan(); n++ {
			if len(strings.TrimSpace(sc.Text())) == 0 {
				continue
			}
			var r evalRow
			if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
				return nil, nil, fmt.Errorf("%w: %s line %d: %w", ErrEval, f.Name, n, err)
			}
			if r.Label == "" || r.Language == "" {
				return nil, nil, fmt.Errorf("%w: %s line %d: label or language missing", ErrEval, f.Name, n)
			}
			toTest := f.Test && (!f.Train || heldOut(r.Text))
			if toTest {
				test = append(test, r)
			} else if f.Train {
				train = append(train, r)
			}
			if len(train)+len(test) > maxEvalRows {
				return nil, nil, fmt.Errorf("%w: more than %d rows", ErrEval, maxEvalRows)
			}
		}
		if err := sc.Err(); err != nil {
			return nil, nil, fmt.Errorf("%w: %s: %w", ErrEval, f.Name, err)
		}
	}
	return train, test, nil
}

// heldOut takes a fifth of the texts by their hash.
func heldOut(text string) bool { return textHash(text)%5 == 0 }

func textHash(text string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, text) // a hash never fails
	return h.Sum64() >> 8
}

type evaluation struct {
	opt         EvalOptions
	train, test []evalRow
	result      *EvalResult
	models      map[string]*trained // by language and label
}

// trained is a model with the threshold that served best on texts it had not
// learned.
type trained struct {
	model     *classify.Model
	threshold float64
	n         int
}

func keysOf(rows []evalRow) (languages []string, labels map[string][]string) {
	seen := map[string]map[string]bool{}
	for i := range rows {
		r := &rows[i]
		if seen[r.Language] == nil {
			seen[r.Language] = map[string]bool{}
			languages = append(languages, r.Language)
		}
		if r.Label != "ok" {
			seen[r.Language][r.Label] = true
		}
		if r.is(LabelAbusive) {
			seen[r.Language][LabelAbusive] = true
		}
	}
	slices.Sort(languages)
	labels = map[string][]string{}
	for l, set := range seen {
		for label := range set {
			labels[l] = append(labels[l], label)
		}
		slices.Sort(labels[l])
	}
	return languages, labels
}

// rowsFor keeps what belongs to a label: its rows and the "ok" rows of the
// sources that know the label at all, since another source's "ok" may mean
// something else.
func rowsFor(rows []evalRow, language, label string) []evalRow {
	sources := map[string]bool{}
	for i := range rows {
		if rows[i].Language == language && rows[i].is(label) {
			sources[rows[i].Source] = true
		}
	}
	var out []evalRow
	for i := range rows {
		r := &rows[i]
		if r.Language == language && sources[r.Source] && (r.is(label) || r.Label == "ok") {
			out = append(out, *r)
		}
	}
	return out
}

func (e *evaluation) labels(ctx context.Context) error {
	e.models = map[string]*trained{}
	languages, labels := keysOf(e.test)
	for _, language := range languages {
		e.result.Languages[language] = map[string]EvalMetrics{}
		for _, label := range labels[language] {
			if len(e.opt.Labels) > 0 && !slices.Contains(e.opt.Labels, label) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("evaluate screening: %w", err)
			}
			model, err := trainLabel(rowsFor(e.train, language, label), label, e.opt.Epochs)
			if err != nil {
				return err
			}
			e.models[language+"/"+label] = model
			e.measure(language, label, model)
		}
	}
	return nil
}

// trainLabel trains on four fifths, chooses the threshold on the rest and then
// trains anew on everything. It returns nil where there is nothing to learn.
func trainLabel(rows []evalRow, label string, epochs int) (*trained, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	var learn, tune []evalRow
	for _, r := range rows {
		if textHash(r.Text)/5%5 == 0 {
			tune = append(tune, r)
		} else {
			learn = append(learn, r)
		}
	}
	probe, err := learnRows(learn, label, epochs)
	if err != nil {
		return nil, err
	}
	threshold := 0.5
	if scores := scored(probe, tune, label); len(scores) > 0 {
		threshold = bestThreshold(scores)
	}
	model, err := learnRows(rows, label, epochs)
	if err != nil {
		return nil, err
	}
	return &trained{model: model, threshold: threshold, n: len(rows)}, nil
}

func learnRows(rows []evalRow, label string, epochs int) (*classify.Model, error) {
	model, err := classify.New(0)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	order := rng.Perm(len(rows))
	for range epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			r := &rows[i]
			if err := model.Learn(classify.Labelled(r.Text, r.Language, r.is(label), r.hints...)); err != nil {
				return nil, err
			}
		}
	}
	return model, nil
}

func scored(model *classify.Model, rows []evalRow, label string) []scoredText {
	out := make([]scoredText, len(rows))
	for i := range rows {
		out[i] = scoredText{model.Probability(rows[i].Text, rows[i].Language, rows[i].hints...), rows[i].is(label)}
	}
	return out
}

func (e *evaluation) measure(language, label string, t *trained) {
	rows := rowsFor(e.test, language, label)
	var scores []scoredText
	threshold, n := 0.5, 0
	if t != nil {
		scores, threshold, n = scored(t.model, rows, label), t.threshold, t.n
	} else {
		scores = lexiconScores(rows, label)
	}
	m := metricsOf(scores, threshold)
	m.Trained = n
	e.result.Languages[language][label] = m
	bySource := map[string][]scoredText{}
	for i, r := range rows {
		bySource[r.Source] = append(bySource[r.Source], scores[i])
	}
	for source, s := range bySource {
		source += " (" + language + ")"
		if e.result.Sources[source] == nil {
			e.result.Sources[source] = map[string]EvalMetrics{}
		}
		m := metricsOf(s, threshold)
		m.Trained = n
		e.result.Sources[source][label] = m
	}
}

// Table renders the result for people.
func (r *EvalResult) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-36s %-10s %9s %7s %7s %8s %7s %7s\n", "language or source", "label", "precision", "recall", "F1", "macro F1", "AUC", "n")
	for _, group := range []map[string]map[string]EvalMetrics{r.Languages, r.Sources} {
		for _, name := range sortedKeys(group) {
			for _, label := range sortedKeys(group[name]) {
				m := group[name][label]
				fmt.Fprintf(&b, "%-36s %-10s %9.3f %7.3f %7.3f %8.3f %7.3f %7d\n", name, label, m.Precision, m.Recall, m.F1, m.MacroF1, m.AUC, m.N)
			}
		}
	}
	for _, language := range sortedKeys(r.Functionalities) {
		fmt.Fprintf(&b, "\nHateCheck %s: lexicon's false hits on contrast cases %.1f %%\n", language, 100*r.LexiconFalseHits[language])
		fmt.Fprintf(&b, "%-36s %-10s %9s %7s %8s %7s\n", "functionality", "case", "flagged", "lexicon", "any word", "n")
		for _, name := range sortedKeys(r.Functionalities[language]) {
			c := r.Functionalities[language][name]
			kind := "hate"
			if c.Contrast {
				kind = "contrast"
			}
			fmt.Fprintf(&b, "%-36s %-10s %9.3f %7.3f %8.3f %7d\n", name, kind, c.Flagged, c.Lexicon, c.AnyWord, c.N)
		}
	}
	fmt.Fprintf(&b, "\n%.0f texts/s\n", r.TextsPerSecond)
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare)
	return keys
}
