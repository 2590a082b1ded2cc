package moderation_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/moderation"
)

func evalFiles(t *testing.T, names ...string) []moderation.EvalFile {
	t.Helper()
	var out []moderation.EvalFile
	for _, name := range names {
		f, err := os.Open(filepath.Join(dataDir(t), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		out = append(out, moderation.EvalFile{Name: name, R: f, Train: true, Test: true})
	}
	return out
}

func TestEvalReachesTheTargets(t *testing.T) {
	t.Parallel()
	res, err := moderation.EvalScreening(t.Context(), evalFiles(t,
		"en-youtube_spam.jsonl", "en-davidson.jsonl", "tr-offenseval.jsonl"), moderation.EvalOptions{Labels: []string{"spam", moderation.LabelAbusive}})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + res.Table())
	if m := res.Languages["en"]["spam"]; m.F1 < 0.93 {
		t.Errorf("spam: F1 %.3f, want 0.93", m.F1)
	}
	if m := res.Languages["en"][moderation.LabelAbusive]; m.F1 < 0.93 {
		t.Errorf("offensive or hate: F1 %.3f, want 0.93", m.F1)
	}
	if m := res.Languages["tr"][moderation.LabelAbusive]; m.MacroF1 < 0.75 {
		t.Errorf("Turkish: macro F1 %.3f, want 0.75", m.MacroF1)
	}
}

func TestLexiconAloneOnContrastCases(t *testing.T) {
	t.Parallel()
	files := evalFiles(t, "en-hatecheck.jsonl", "de-multilingual_hatecheck.jsonl", "es-multilingual_hatecheck.jsonl",
		"fr-multilingual_hatecheck.jsonl", "hi-multilingual_hatecheck.jsonl")
	for i := range files {
		files[i].Train = false // the lists alone, over all cases
	}
	res, err := moderation.EvalScreening(t.Context(), files, moderation.EvalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + res.Table())
	for language, share := range res.LexiconFalseHits {
		if share > 0.10 {
			t.Errorf("%s: false hits on %.1f %% of the contrast cases, want at most 10 %%", language, 100*share)
		}
	}
	if len(res.LexiconFalseHits) != 5 {
		t.Errorf("%d languages reported, want 5", len(res.LexiconFalseHits))
	}
}

func TestEvalRefusesGarbage(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":  "hello\n",
		"no label": `{"language":"en","text":"x"}`,
		"empty":    "",
	} {
		_, err := moderation.EvalScreening(t.Context(), []moderation.EvalFile{{Name: "f", R: strings.NewReader(text), Test: true}}, moderation.EvalOptions{})
		if !errors.Is(err, moderation.ErrEval) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
