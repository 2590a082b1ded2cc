package lifecycle

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

const (
	// maxWindows bounds the subjects whose submissions are counted.
	maxWindows = 50_000
	// usualLife is how long what is usual for a subject is believed.
	usualLife = time.Hour
	// maxUsual bounds the contents that are counted for it.
	maxUsual = 5_000
	// maxAuthorBurst is how many of an author's latest submissions are looked at:
	// more make no difference.
	maxAuthorBurst = 20
)

// windows count the submissions for each subject by hour, over the last day. They
// are of this process alone and start empty: a burst across a restart is seen
// late, never wrongly.
type windows struct {
	once     sync.Once
	subjects *otter.Cache[string, *window]
}

type window struct {
	mu    sync.Mutex
	hours [24]int
	last  int64 // the hour, since 1970, of the newest count
	// usual is how many submissions a day the subject gets, as of read.
	usual float64
	read  time.Time
}

func (w *windows) of(key string) *window {
	w.once.Do(func() {
		w.subjects = otter.Must(&otter.Options[string, *window]{MaximumSize: maxWindows})
	})
	v, _ := w.subjects.SetIfAbsent(key, &window{})
	return v
}

// add counts a submission and gives the ones before it, of the last hour or so
// and of the last 24.
func (w *window) add(now time.Time) (hour, day int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := now.Unix() / 3600
	for past := max(w.last+1, h-23); past <= h; past++ {
		w.hours[past%24] = 0
	}
	w.last = max(w.last, h)
	for _, n := range w.hours {
		day += n
	}
	hour = w.hours[h%24]
	w.hours[h%24]++
	return hour, day
}

// recent counts what was submitted lately for a record's subject and by its
// author, this one not included, and counts it in.
func (s *Service) recent(ctx context.Context, rec *ledger.Record) (moderation.Recent, error) {
	now := s.Now()
	var out moderation.Recent
	w := s.windows.of(ledger.Key(rec.Site, string(rec.Subject.Type), rec.Subject.ID))
	out.SubjectHour, out.SubjectDay = w.add(now)
	var err error
	if out.SubjectMeanDay, err = s.usual(ctx, rec, w, now); err != nil {
		return out, err
	}
	if rec.Author.ID == "" {
		return out, nil
	}
	r := ledger.Prefix(ledger.ByAuthor, rec.Site, rec.Author.ID)
	r.Reverse, r.Limit = true, maxAuthorBurst
	for other, err := range s.Ledger.Contents.Scan(ctx, r) {
		if err != nil {
			return out, fmt.Errorf("count what an author wrote lately: %w", err)
		}
		age := now.Sub(other.CreatedAt)
		if age < time.Hour {
			out.AuthorHour++
		}
		if age < 24*time.Hour {
			out.AuthorDay++
		}
	}
	return out, nil
}

// usual is how many submissions a day a subject gets in the long run, 0 where
// nothing is known.
func (s *Service) usual(ctx context.Context, rec *ledger.Record, w *window, now time.Time) (float64, error) {
	w.mu.Lock()
	usual, fresh := w.usual, now.Sub(w.read) < usualLife
	w.mu.Unlock()
	if fresh {
		return usual, nil
	}
	r := ledger.Prefix(ledger.ByPublic, rec.Site, string(rec.Subject.Type), rec.Subject.ID)
	r.Limit = 1
	first, err := s.Ledger.Contents.All(ctx, r)
	if err != nil {
		return 0, fmt.Errorf("read what is usual: %w", err)
	}
	usual = 0
	if len(first) > 0 {
		r.Limit = maxUsual
		n, err := s.Ledger.Contents.Count(ctx, r)
		if err != nil {
			return 0, fmt.Errorf("read what is usual: %w", err)
		}
		usual = float64(n) / max(now.Sub(first[0].CreatedAt).Hours()/24, 1)
	}
	w.mu.Lock()
	w.usual, w.read = usual, now
	w.mu.Unlock()
	return usual, nil
}
