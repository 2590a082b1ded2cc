package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/search/language"
)

type evalCmd struct {
	Screening evalScreeningCmd `cmd:"" help:"How well screening and the text model tell labelled texts apart."`
	Model     evalModelCmd     `cmd:"" help:"Train the text model that every site begins with."`
	Language  evalLanguageCmd  `cmd:"" help:"How often the language of a text is named rightly."`
	Media     evalMediaCmd     `cmd:"" help:"What becomes of every photo and video of a folder, and how long it takes."`
}

type evalScreeningCmd struct {
	Train []string `type:"existingfile" sep:"none" placeholder:"FILE…" help:"Labelled JSON Lines to learn from: text, language, label."`
	Test  []string `required:"" type:"existingfile" sep:"none" placeholder:"FILE…" help:"Labelled JSON Lines to measure on. A file that is in both is split 80/20 by the hash of its texts."`
	JSON  bool     `name:"json" help:"Print one JSON object."`
}

// spreadFiles lets a flag take several files at once, as a shell's pattern
// gives them: "--train a b" becomes "--train a --train b".
func spreadFiles(args []string) []string {
	if len(args) < 2 || args[0] != "eval" || args[1] != "screening" && args[1] != "model" {
		return args
	}
	var out []string
	flag := ""
	for i, a := range args {
		switch {
		case i < 2:
		case a == "--train" || a == "--test":
			flag = a
			continue
		case strings.HasPrefix(a, "-"):
			flag = ""
		case flag != "":
			out = append(out, flag)
		}
		out = append(out, a)
	}
	return out
}

// Run trains on the one set of files and measures on the other.
func (c *evalScreeningCmd) Run(ctx context.Context, s streams) (err error) {
	var files []moderation.EvalFile
	var open []*os.File
	defer func() {
		for _, f := range open {
			err = errors.Join(err, f.Close())
		}
	}()
	names := slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.Train, c.Test))))
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("eval: %w", err)
		}
		open = append(open, f)
		files = append(files, moderation.EvalFile{
			Name: filepath.Base(name), R: f, Train: slices.Contains(c.Train, name), Test: slices.Contains(c.Test, name),
		})
	}
	result, err := moderation.EvalScreening(ctx, files, moderation.EvalOptions{})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(result)
	}
	_, err = io.WriteString(s.out, result.Table())
	return err
}

type evalLanguageCmd struct {
	Files     []string `arg:"" type:"existingfile" help:"Text files, one sentence a line, each named by its language: en.txt, tr.txt."`
	JSON      bool     `name:"json" help:"Print one JSON object."`
	MinLength int      `default:"20" help:"Shortest sentence that counts, in characters."`
}

// languageResult is what eval language prints.
type languageResult struct {
	Overall   float64            `json:"overall"`
	Languages map[string]float64 `json:"languages"`
	Sentences map[string]int     `json:"sentences"`
}

// Run names the language of every sentence and compares. The written forms of
// Norwegian count as one language, and so do Tagalog and Filipino.
func (c *evalLanguageCmd) Run(_ context.Context, s streams) error {
	detector := language.Load()
	out := languageResult{Languages: map[string]float64{}, Sentences: map[string]int{}}
	right, all := 0, 0
	for _, file := range c.Files {
		code := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		r, n, err := c.measure(detector, file, code)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		right, all = right+r, all+n
		out.Languages[code], out.Sentences[code] = float64(r)/float64(n), n
	}
	if all == 0 {
		return usagef("no sentence of %d characters or more in these files", c.MinLength)
	}
	out.Overall = float64(right) / float64(all)
	if c.JSON {
		return json.NewEncoder(s.out).Encode(out)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "language\tsentences\taccuracy")
	for _, code := range slices.Sorted(maps.Keys(out.Languages)) {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%.4f\n", code, out.Sentences[code], out.Languages[code])
	}
	_, _ = fmt.Fprintf(w, "overall\t%d\t%.4f\n", all, out.Overall)
	return w.Flush()
}

func (c *evalLanguageCmd) measure(d *language.Detector, file, code string) (right, all int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, fmt.Errorf("eval: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if utf8.RuneCountInString(text) < max(c.MinLength, 1) {
			continue
		}
		all++
		if got, _ := d.Detect(text); sameLanguage(got, code) {
			right++
		}
	}
	return right, all, lines.Err()
}

// sameLanguage compares codes, with the names that one language has.
func sameLanguage(a, b string) bool {
	one := func(code string) string {
		switch code {
		case "nb", "nn", "no":
			return "no"
		case "tl", "fil":
			return "fil"
		}
		return code
	}
	return one(a) == one(b)
}
