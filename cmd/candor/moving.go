package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
)

type exportCmd struct {
	dataFlags
	Site   string `required:"" help:"Site to export."`
	Out    string `placeholder:"FILE" help:"File to write; standard output by default."`
	Resume bool   `help:"Go on where the file of a broken-off export ends."`
}

// Run writes every document of a site, one JSON object a line.
func (c *exportCmd) Run(ctx context.Context, s streams) (err error) {
	if c.Resume && c.Out == "" {
		return usagef("--resume needs --out")
	}
	sites := newSites(c.dataFlags)
	defer sites.Close()
	if err := needSite(sites, c.Site); err != nil {
		return err
	}
	store, err := openLedger(ctx, c.ledgerSpec())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	out, after, finish, err := c.output(s.out)
	if err != nil {
		return err
	}
	bar, err := newProgress(s.err, "exporting", nil)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	n := 0
	for line, err := range lifecycle.Export(ctx, store, c.Site, after) {
		if err == nil {
			err = enc.Encode(line)
		}
		if err != nil {
			return errors.Join(err, finish())
		}
		n++
		bar.add(1)
	}
	bar.finish()
	_, printErr := fmt.Fprintf(s.err, "exported %d documents\n", n)
	return errors.Join(printErr, finish())
}

// output opens where the export goes, and finds the last whole line of what is
// to be resumed.
func (c *exportCmd) output(stdout io.Writer) (out io.Writer, after *lifecycle.ExportLine, finish func() error, err error) {
	if c.Out == "" {
		w := bufio.NewWriterSize(stdout, 1<<16)
		return w, nil, w.Flush, nil
	}
	flag := os.O_RDWR | os.O_CREATE
	if !c.Resume {
		flag |= os.O_EXCL
	}
	f, err := os.OpenFile(c.Out, flag, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, nil, nil, fmt.Errorf("%s exists; remove it, or go on with it by --resume", c.Out)
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("export: %w", err)
	}
	after, end, err := lastLine(f)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("export: %w", err), f.Close())
	}
	w := bufio.NewWriterSize(f, 1<<16)
	return w, after, func() error { return errors.Join(w.Flush(), f.Sync(), f.Close()) }, nil
}

// lastLine gives the last whole line of an export and where it ends.
func lastLine(f *os.File) (*lifecycle.ExportLine, int64, error) {
	r := bufio.NewReaderSize(f, 1<<20)
	var last []byte
	var end int64
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // what follows the last line break was broken off
		}
		if err != nil {
			return nil, 0, err
		}
		last = append(last[:0], line...)
		end += int64(len(line))
	}
	if len(last) == 0 {
		return nil, 0, nil
	}
	var after lifecycle.ExportLine
	if err := json.Unmarshal(bytes.TrimSpace(last), &after); err != nil {
		return nil, 0, fmt.Errorf("the file is not an export: %w", err)
	}
	return &after, end, nil
}

type copyCmd struct {
	From string `required:"" placeholder:"LEDGER" help:"Ledger to read: bolt:FILE or mongodb://…"`
	To   string `required:"" placeholder:"LEDGER" help:"Ledger to fill."`
}

// copyBatch is how many documents are written at once.
const copyBatch = 500

// Run copies every document of every table. What is there already stays, so a
// copy that was broken off can be run again.
func (c *copyCmd) Run(ctx context.Context, s streams) (err error) {
	if c.From == c.To {
		return usagef("--from and --to name the same ledger")
	}
	from, err := openLedger(ctx, c.From)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := openLedger(ctx, c.To)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	bar, err := newProgress(s.err, "copying", nil)
	if err != nil {
		return err
	}
	began := time.Now()
	copied, there := 0, 0
	for _, schema := range ledger.Schemas() {
		a, b, err := copyTable(ctx, from, to, schema.Table, bar)
		copied, there = copied+a, there+b
		if err != nil {
			return fmt.Errorf("copy %s: %w", schema.Table, err)
		}
	}
	bar.finish()
	// Indexes that were made before the copy must not pass for its own.
	if _, err := markOpened(ctx, to); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "copied %d documents, %d were there already, in %s\n", copied, there, time.Since(began).Round(time.Millisecond))
	return err
}

func copyTable(ctx context.Context, from, to ledger.Store, table string, bar *progress) (copied, there int, err error) {
	batch := make([]ledger.Doc, 0, copyBatch)
	flush := func() error {
		added, err := to.InsertMissing(ctx, table, batch)
		if err != nil {
			return err
		}
		for _, ok := range added {
			if ok {
				copied++
			} else {
				there++
			}
		}
		bar.add(len(batch))
		batch = batch[:0]
		return nil
	}
	for raw, err := range from.Scan(ctx, table, ledger.Range{}) {
		if err != nil {
			return copied, there, err
		}
		d, err := ledger.ParseDoc(raw)
		if err != nil {
			return copied, there, err
		}
		if batch = append(batch, d); len(batch) == copyBatch {
			if err := flush(); err != nil {
				return copied, there, err
			}
		}
	}
	if len(batch) == 0 {
		return copied, there, nil
	}
	err = flush()
	return copied, there, err
}
