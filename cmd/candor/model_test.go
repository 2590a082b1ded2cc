package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
)

func TestSitesBeginWithTheStartModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	labelled, model := filepath.Join(dir, "labelled.jsonl"), filepath.Join(dir, "start.model")
	var rows strings.Builder
	for i := range 60 {
		fmt.Fprintf(&rows, `{"language":"en","label":"spam","text":"subscribe to my channel number %d now and win"}`+"\n", i)
		fmt.Fprintf(&rows, `{"language":"en","label":"ok","text":"the handle of kettle %d stays cool while it boils"}`+"\n", i)
	}
	if err := os.WriteFile(labelled, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := command(t, "eval", "model", "--train", labelled, "--out", model).must(t); !strings.Contains(r.out, "learned from 120 texts") {
		t.Errorf("training said %q", r.out)
	}
	data := newData(t)
	url, stop := serveHere(t, data, "--start-model", model)
	defer stop()
	shopper := newClient(t, url, tokenOf(t, data, "alice", content.Shopper))
	moderator := newClient(t, url, tokenOf(t, data, "mira", content.Moderator))
	probability := func(text string) float64 {
		a, err := shopper.ask(http.MethodPost, "/products/lamp/questions", map[string]any{"body": text, "language": "en"})
		if err != nil || a.status != http.StatusCreated {
			t.Fatalf("%d %v %s", a.status, err, a.body)
		}
		var c content.Private
		if err := json.Unmarshal(a.body, &c); err != nil {
			t.Fatal(err)
		}
		if a, err = moderator.ask(http.MethodGet, "/moderation/items/"+c.ID, nil); err != nil || a.status != http.StatusOK {
			t.Fatalf("%d %v %s", a.status, err, a.body)
		}
		var item struct{ Screening struct{ Probability float64 } }
		if err := json.Unmarshal(a.body, &item); err != nil {
			t.Fatal(err)
		}
		return item.Screening.Probability
	}
	bad, good := probability("Please subscribe to my channel and win a lamp!"), probability("Does the handle stay cool while it boils water?")
	if bad < 0 || bad <= good {
		t.Errorf("spam %.3f, an honest question %.3f", bad, good)
	}
	if err := os.WriteFile(model, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := command(t, "serve", "--addr", "127.0.0.1:0", "--data", newData(t), "--start-model", model); r.code != exitFailed || !strings.Contains(r.errs, "start model") {
		t.Errorf("a damaged model: %d %s", r.code, r.errs)
	}
}
