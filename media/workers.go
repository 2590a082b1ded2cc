package media

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/candor-ugc/candor/media/photo"
	"github.com/candor-ugc/candor/media/worker"
)

// workerWord is the argument that makes a program serve photo jobs.
const workerWord = "media-worker"

const photoOp = "photo"

// WorkerMain does nothing, unless this process was started by a Processor as one
// of its workers: then it serves until its input ends, and exits. A program that
// makes a Processor calls it before anything else.
func WorkerMain() {
	if len(os.Args) != 3 || os.Args[1] != workerWord {
		return
	}
	var s workerSettings
	if err := json.Unmarshal([]byte(os.Args[2]), &s); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "media worker:", err)
		os.Exit(2)
	}
	server := worker.Server{Handler: handlePhoto, Code: photo.Code, MaxData: s.MaxData, Memory: s.Memory}
	os.Exit(server.Main())
}

// workerSettings cross to a worker with its start.
type workerSettings struct {
	MaxData int64 `json:"max_data"`
	Memory  int64 `json:"memory"`
}

func (s workerSettings) args() ([]string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return []string{workerWord, string(text)}, nil
}

func handlePhoto(r worker.Request) (any, [][]byte, error) {
	if r.Op != photoOp {
		return nil, nil, fmt.Errorf("unknown job %q", r.Op)
	}
	var o photo.Options
	if err := json.Unmarshal(r.Params, &o); err != nil {
		return nil, nil, fmt.Errorf("read job: %w", err)
	}
	result, files, err := photo.Make(r.Data, o, r.Reserve)
	return result, files, err
}
