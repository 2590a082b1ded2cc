package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/classify"
)

type evalModelCmd struct {
	Train  []string `required:"" type:"existingfile" sep:"none" placeholder:"FILE…" help:"Labelled JSON Lines: text, language, label (ok, or anything else)."`
	Out    string   `required:"" placeholder:"FILE" help:"File to write; name it to serve with --start-model."`
	Epochs int      `default:"3" help:"How often the files are gone through."`
}

// maxStartModel bounds the file of a start model in bytes.
const maxStartModel = 64 << 20

// Run trains the model that every site begins with.
func (c *evalModelCmd) Run(s streams) error {
	if c.Epochs < 1 || c.Epochs > 20 {
		return usagef("--epochs must be from 1 to 20")
	}
	model, err := classify.New(0)
	if err != nil {
		return err
	}
	n := 0
	for range c.Epochs {
		n = 0
		for _, file := range c.Train {
			learned, err := learnFile(model, file)
			if err != nil {
				return err
			}
			n += learned
		}
	}
	if err := os.WriteFile(c.Out, model.Save(), 0o600); err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	_, err = fmt.Fprintf(s.out, "learned from %d texts; begin with it: candor serve --start-model %s\n", n, c.Out)
	return err
}

func learnFile(model *classify.Model, file string) (n int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, fmt.Errorf("train: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for number := 1; lines.Scan(); number++ {
		var row struct{ Text, Language, Label string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil || row.Text == "" || row.Label == "" {
			return n, fmt.Errorf("train: %s line %d: needs text and label", file, number)
		}
		text := moderation.LearningText("", row.Text)
		if err := model.Learn(classify.Labelled(text, row.Language, row.Label != "ok")); err != nil {
			return n, fmt.Errorf("train: %s line %d: %w", file, number, err)
		}
		n++
	}
	return n, lines.Err()
}

// startModel reads the model that every site begins with; nil without a file.
func startModel(file string) (*classify.Model, error) {
	if file == "" {
		return nil, nil
	}
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxStartModel {
		return nil, fmt.Errorf("start model %s is larger than %d bytes", file, maxStartModel)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read start model: %w", err)
	}
	m, err := classify.Load(b)
	if err != nil {
		return nil, fmt.Errorf("start model %s: %w", file, err)
	}
	return m, nil
}
