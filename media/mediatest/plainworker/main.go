// Plainworker serves photo jobs for tests and does nothing else. Built without
// the race detector it is ten times as fast as the test program started again,
// of which the detector would see nothing anyway.
package main

import (
	"os"

	"github.com/candor-ugc/candor/media"
)

func main() {
	media.WorkerMain()
	os.Exit(2) // not started by a Processor
}
