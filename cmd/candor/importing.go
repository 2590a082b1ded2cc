package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
)

type importCmd struct {
	dataFlags
	Site  string        `required:"" help:"Site to take the contents in."`
	State content.State `default:"pending" enum:"pending,approved" help:"What they become: pending for moderation, or approved and public at once."`
	URL   string        `name:"url" placeholder:"http://…" help:"Send to a running service instead of opening the ledger."`
	Token string        `help:"Token of an administrator, with --url."`
	Files []string      `arg:"" type:"existingfile" help:"JSON Lines files."`
}

// sink takes rows in, here or at a running service.
type sink interface {
	row(ctx context.Context, line []byte, seen int, file string, number int) error
	close(ctx context.Context) (lifecycle.Imported, error)
}

// Run takes the files in, one after the other. Lines that cannot be used are
// told on standard error and do not stop it.
func (c *importCmd) Run(ctx context.Context, logs logFlags, s streams) error {
	if (c.URL == "") != (c.Token == "") {
		return usagef("--url and --token go together")
	}
	bar, err := newProgress(s.err, "importing", c.Files)
	if err != nil {
		return err
	}
	into, stop, err := c.open(ctx, logs, s, bar)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, file := range c.Files {
		if err = readRows(ctx, file, into, bar); err != nil {
			break
		}
	}
	done, closeErr := into.close(ctx)
	bar.finish()
	err = errors.Join(err, closeErr, stop())
	_, printErr := fmt.Fprintf(s.out, "added %d, there already %d, rejected %d, in %s\n",
		done.Added, done.Skipped, done.Rejected, time.Since(began).Round(time.Millisecond))
	return errors.Join(err, printErr)
}

func (c *importCmd) open(ctx context.Context, logs logFlags, s streams, bar *progress) (sink, func() error, error) {
	report := func(r lifecycle.Rejected) {
		bar.note(fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Reason))
	}
	if c.URL != "" {
		return newRemote(c, report), func() error { return nil }, nil
	}
	sites, err := openSites(c.dataFlags)
	if err != nil {
		return nil, nil, err
	}
	if err := needSite(sites, c.Site); err != nil {
		sites.Close()
		return nil, nil, err
	}
	n, err := openNode(ctx, nodeOptions{data: c.dataFlags, sites: sites, log: logs.logger(s.err), resting: true, progress: func(string, int) {}})
	if errors.Is(err, ledger.ErrInUse) {
		err = fmt.Errorf("%w; while the service runs, import with --url and --token", err)
	}
	if err != nil {
		sites.Close()
		return nil, nil, err
	}
	im, err := n.svc.Import(ctx, c.Site, c.State)
	if err != nil {
		return nil, nil, errors.Join(err, n.close())
	}
	im.Report = report
	stop := func() error {
		defer sites.Close()
		return n.close()
	}
	return &local{im}, stop, nil
}

// maxLine bounds a line of an import in bytes.
const maxLine = 2 << 20

// readRows hands the lines of one file to a sink. How often a line was seen
// before is counted within its file, so that a copy of the file adds nothing.
func readRows(ctx context.Context, file string, into sink, bar *progress) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewReaderSize(f, 1<<20)
	seen := map[[16]byte]int{}
	name := filepath.Base(file)
	for number := 1; ; number++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("import %s line %d: %w", name, number, err)
		}
		bar.add(len(line))
		if text := bytes.TrimSpace(line); len(text) > 0 {
			key := lineKey(text)
			if err := into.row(ctx, text, seen[key], name, number); err != nil {
				return fmt.Errorf("import %s line %d: %w", name, number, err)
			}
			seen[key]++
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// readLine reads a line whole, or as much of it as shows that it is too long.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line) <= maxLine {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// local imports into the ledger that this process has opened.
type local struct{ im *lifecycle.Importer }

func (l *local) row(ctx context.Context, line []byte, seen int, file string, number int) error {
	if lifecycle.IsExportLine(line) {
		return l.im.Restore(ctx, line, file, number)
	}
	row, err := lifecycle.ParseImportRow(line, seen)
	if err != nil {
		l.im.Reject(file, number, err.Error())
		return nil
	}
	return l.im.Add(ctx, row, file, number)
}

func (l *local) close(ctx context.Context) (lifecycle.Imported, error) { return l.im.Close(ctx) }

// remote imports through a running service, in chunks.
type remote struct {
	cmd    *importCmd
	report func(lifecycle.Rejected)
	body   bytes.Buffer
	lines  []lifecycle.Rejected // where each line of the body came from
	done   lifecycle.Imported
	client *http.Client
}

// chunk is about how much is sent at once, in bytes.
const chunk = 4 << 20

func newRemote(c *importCmd, report func(lifecycle.Rejected)) *remote {
	return &remote{cmd: c, report: report, client: &http.Client{Timeout: 10 * time.Minute}}
}

// row adds a line with its key: the service sees only a part of the file, so how
// often a line came before is counted here.
func (r *remote) row(ctx context.Context, line []byte, seen int, file string, number int) error {
	row, err := lifecycle.ParseImportRow(line, seen)
	if err != nil {
		r.done.Rejected++
		r.report(lifecycle.Rejected{File: file, Line: number, Reason: err.Error()})
		return nil //nolint:nilerr // a line that cannot be used does not stop the import
	}
	key, err := json.Marshal(row.Key)
	if err != nil {
		return err
	}
	r.body.WriteString(`{"key":`)
	r.body.Write(key)
	r.body.WriteByte(',')
	r.body.Write(bytes.TrimPrefix(line, []byte("{")))
	r.body.WriteByte('\n')
	r.lines = append(r.lines, lifecycle.Rejected{File: file, Line: number})
	if r.body.Len() < chunk {
		return nil
	}
	return r.send(ctx)
}

func (r *remote) close(ctx context.Context) (lifecycle.Imported, error) { return r.done, r.send(ctx) }

func (r *remote) send(ctx context.Context) error {
	if len(r.lines) == 0 {
		return nil
	}
	address := strings.TrimSuffix(r.cmd.URL, "/") + "/v1/sites/" + url.PathEscape(r.cmd.Site) + "/import?state=" + string(r.cmd.State)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(r.body.Bytes()))
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+r.cmd.Token)
	req.Header.Set("Content-Type", "application/x-ndjson")
	res, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the service answered %s: %s", res.Status, bytes.TrimSpace(answer[:min(len(answer), 500)]))
	}
	var part lifecycle.Imported
	if err := json.Unmarshal(answer, &part); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	r.done.Added += part.Added
	r.done.Skipped += part.Skipped
	r.done.Rejected += part.Rejected
	for _, rej := range part.Reasons {
		if at := rej.Line - 1; at >= 0 && at < len(r.lines) {
			rej.File, rej.Line = r.lines[at].File, r.lines[at].Line
		}
		r.report(rej)
	}
	r.body.Reset()
	r.lines = r.lines[:0]
	return nil
}
