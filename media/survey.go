package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"
)

// Surveyed says what became of one file of a folder.
type Surveyed struct {
	File        string // path below the folder
	Info        Info   // when Err is nil
	Derivatives []Derivative
	Err         error // why it was refused
	Time        time.Duration
}

// Survey sends every file below a folder through a processor, in the order of
// their paths. The sequence ends with an error when the folder cannot be read or
// the context is over; that a file is refused is no such error.
func Survey(ctx context.Context, p *Processor, folder string) iter.Seq2[Surveyed, error] {
	return func(yield func(Surveyed, error) bool) {
		stop := errors.New("stopped")
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if !d.Type().IsRegular() {
				return nil
			}
			start := time.Now()
			s := survey(ctx, p, path)
			s.Time = time.Since(start)
			if s.File, err = filepath.Rel(folder, path); err != nil {
				return err
			}
			if !yield(s, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(Surveyed{}, fmt.Errorf("survey %s: %w", folder, err))
		}
	}
}

// survey sends one file through, by what it is.
func survey(ctx context.Context, p *Processor, path string) (s Surveyed) {
	file, err := os.Open(path)
	if err != nil {
		return Surveyed{Err: err}
	}
	defer func() { s.Err = errors.Join(s.Err, file.Close()) }()
	head, err := io.ReadAll(io.LimitReader(file, HeadSize))
	if err != nil {
		return Surveyed{Err: err}
	}
	sniffed, err := Sniff(head)
	if err != nil {
		return Surveyed{Err: err}
	}
	if sniffed.Kind == KindVideo {
		s.Info, s.Derivatives, s.Err = p.Video(ctx, path, nil)
		return s
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Surveyed{Err: err}
	}
	s.Info, s.Derivatives, s.Err = p.Photo(ctx, file)
	return s
}

// Outcome says in a few words what became of the file.
func (s Surveyed) Outcome() string {
	if s.Err != nil {
		return "refused: " + s.Err.Error()
	}
	what := fmt.Sprintf("served: %s %d x %d", s.Info.Format, s.Info.Width, s.Info.Height)
	if s.Info.Kind == KindVideo {
		return what + fmt.Sprintf(", %.1f s", s.Info.Duration.Seconds())
	}
	if s.Info.Frames > 1 {
		return what + fmt.Sprintf(", the first of %d frames", s.Info.Frames)
	}
	return what
}

// PrintSurvey writes the table of a survey: file, time, outcome. It says how
// many files were served and refused.
func PrintSurvey(w io.Writer, files iter.Seq2[Surveyed, error]) (served, refused int, err error) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for s, err := range files {
		if err != nil {
			return served, refused, errors.Join(err, table.Flush())
		}
		if s.Err != nil {
			refused++
		} else {
			served++
		}
		if _, err := fmt.Fprintf(table, "%s\t%d ms\t%s\n", s.File, s.Time.Milliseconds(), s.Outcome()); err != nil {
			return served, refused, err
		}
	}
	return served, refused, table.Flush()
}
