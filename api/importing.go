package api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// maxImport bounds the body of one import request in bytes; larger imports come
// in several requests.
const maxImport = 32 << 20

// postImport takes in contents of another system, one JSON object a line.
func postImport(c *call) error {
	p := c.query()
	state := p.oneOf("state", string(content.Pending), string(content.Approved))
	if state == "" {
		state = string(content.Pending)
	}
	if err := p.err(); err != nil {
		return err
	}
	im, err := c.svc.Import(c, c.site, content.State(state))
	if err != nil {
		return err
	}
	body := http.MaxBytesReader(nil, c.Request.Body, maxImport)
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 64<<10), 2<<20)
	seen := map[string]int{}
	n := 0
	var failed error
	for lines.Scan() && failed == nil {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		row, err := lifecycle.ParseImportRow(line, seen[string(line)])
		seen[string(line)]++
		if err != nil {
			im.Reject("", n, err.Error())
			continue
		}
		failed = im.Add(c, row, "", n)
	}
	done, err := im.Close(c)
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	if err := lines.Err(); err != nil {
		return importReadError(err, n)
	}
	return c.send(http.StatusOK, done)
}

func importReadError(err error, line int) error {
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return &detailError{err: errTooLarge, text: fmt.Sprintf("at most %d bytes are read at once; lines up to %d were taken in", maxImport, line)}
	case errors.Is(err, bufio.ErrTooLong):
		return &detailError{err: errTooLarge, text: fmt.Sprintf("line %d is too long; the lines before were taken in", line+1)}
	}
	return &detailError{err: errBody, text: fmt.Sprintf("the body ended early; lines up to %d were taken in", line)}
}
