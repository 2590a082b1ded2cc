package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// What the witness of TestMediaCrash says after each kill.

// retry sends the reviews again that got no answer.
func (w *mediaWitness) retry(t *testing.T, c client) {
	t.Helper()
	lost := w.lostReviews
	w.lostReviews = nil
	for _, p := range lost {
		if err := w.submit(c, p); err != nil {
			t.Errorf("repeat a submission after a crash: %v", err)
		}
	}
}

// complete brings everything to its end that a crash interrupted.
func (w *mediaWitness) complete(t *testing.T, c client) {
	t.Helper()
	for _, u := range w.lostPieces {
		if err := w.proceed(c, u, len(u.file)); err != nil {
			t.Errorf("complete an upload: %v", err)
		}
	}
	w.lostPieces = nil
	w.retry(t, c)
	if n := len(w.lostReviews); n > 0 {
		t.Errorf("%d submissions cannot be repeated", n)
	}
}

// await waits for the videos that came in a round or before: too many crashes in
// their midst would be taken for their doing.
func (w *mediaWitness) await(t *testing.T, c client, round int) {
	t.Helper()
	for id, m := range w.media {
		if m.video && m.round <= round && !w.gone[id] {
			if got := c.as(w.moderator).settled(t, id); got.State != "ready" {
				t.Errorf("the video %s is %s: %s", id, got.State, got.Reason)
			}
		}
	}
}

// compare looks at what strangers see: all that was approved, and of every photo
// and video that is shown every variant.
func (w *mediaWitness) compare(t *testing.T, c client) {
	t.Helper()
	shown := map[string][]medium{} // by review
	listed, inGalleries := map[string]medium{}, map[string]bool{}
	for _, product := range crashProducts {
		for _, p := range pagesOf[pictured](t, c, "/products/"+product+"/reviews") {
			shown[p.ID] = p.Media
			for _, m := range p.Media {
				listed[m.ID] = m
			}
		}
		for _, g := range pagesOf[galleryItem](t, c, "/products/"+product+"/media") {
			inGalleries[g.Media.ID] = true
			listed[g.Media.ID] = g.Media
		}
	}
	for _, g := range pagesOf[galleryItem](t, c, "/media") {
		listed[g.Media.ID] = g.Media
	}
	for id, list := range shown {
		p := w.reviews[id]
		if p == nil {
			continue // its answer was lost and is still to come
		}
		if !p.asked {
			t.Errorf("%s is public and nobody approved it", id)
		}
		var ids []string
		for _, m := range list {
			ids = append(ids, m.ID)
			if !inGalleries[m.ID] {
				t.Errorf("no gallery shows %s of %s", m.ID, id)
			}
		}
		if !slices.Equal(ids, p.media) {
			t.Errorf("%s shows %q, was sent with %q", id, ids, p.media)
		}
	}
	for id, p := range w.reviews {
		if _, public := shown[id]; p.approved && !public {
			t.Errorf("%s was approved and is not listed", id)
		}
	}
	var all []variant
	for _, m := range listed {
		if len(m.Variants) != 4 {
			t.Errorf("%s is shown in %d variants", m.ID, len(m.Variants))
		}
		all = append(all, m.Variants...)
	}
	eachOf(len(all), func(i int) {
		a := fetch(t, c, all[i], "image/webp")
		if tag := strings.Trim(a.header.Get("ETag"), `"`); a.status != http.StatusOK || tag == "" || !strings.HasPrefix(sumOf(a.body), tag) {
			t.Errorf("%s: status %d, ETag %s, %d bytes", all[i].URL, a.status, tag, len(a.body))
		}
	})
}

// galleryItem is one photo or video of a gallery.
type galleryItem struct {
	Media   medium
	Content struct{ ID string }
}

// pagesOf reads all pages of a listing.
func pagesOf[T any](t testing.TB, c client, path string) (out []T) {
	t.Helper()
	cursor := ""
	for {
		page := get[struct {
			Items []T
			Next  *string
		}](t, c, path+"?limit=100"+cursor)
		out = append(out, page.Items...)
		if page.Next == nil {
			return out
		}
		cursor = "&cursor=" + *page.Next
	}
}

// withLedger opens a ledger that no process has open.
func withLedger(t *testing.T, data string, do func(*ledger.Ledger)) {
	t.Helper()
	store, err := openLedger(context.Background(), "bolt:"+filepath.Join(data, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	do(ledger.New(store))
}

// verify holds what was acknowledged against the ledger and the files as they
// lie on disk.
func (w *mediaWitness) verify(t *testing.T) {
	t.Helper()
	media, records := map[string]*ledger.Medium{}, map[string]*ledger.Record{}
	withLedger(t, w.data, func(l *ledger.Ledger) {
		every(t, l.Media, func(m *ledger.Medium) { media[m.ID] = m })
		every(t, l.Contents, func(r *ledger.Record) { records[r.ID] = r })
	})
	for id, sent := range w.media {
		m := media[id]
		switch {
		case w.gone[id]:
		case m == nil:
			t.Errorf("the upload %s was acknowledged and is gone", id)
		case m.State == content.Failed, m.State == content.Uploading, m.Author != sent.author, m.SHA256 != sent.sum:
			t.Errorf("the upload %s of %s with %s is %s (%s), of %s, with %s", id, sent.author, sent.sum, m.State, m.Reason, m.Author, m.SHA256)
		}
	}
	for id, m := range media {
		w.count(m, records)
		for _, f := range m.Files {
			info, err := os.Stat(filepath.Join(w.data, "media", f.Blob[:2], f.Blob))
			if err != nil || info.Size() != f.Size {
				t.Errorf("%s of %s: %v", f.Variant, id, err)
			}
		}
	}
	for id, p := range w.reviews {
		rec := records[id]
		if rec == nil || len(rec.Current.Media) != len(p.media) {
			t.Errorf("the review %s was acknowledged: %+v", id, rec)
			continue
		}
		if _, public := rec.PublicVersion(); p.approved != public && (p.approved || !p.asked) {
			t.Errorf("the review %s: approved %t, public %t", id, p.approved, public)
		}
		for _, name := range p.media {
			if m := media[name]; m == nil || m.Content != id {
				t.Errorf("%s has not got its %s: %+v", id, name, m)
			}
		}
	}
}

// count notes in the midst of what the kill came.
func (w *mediaWitness) count(m *ledger.Medium, records map[string]*ledger.Record) {
	switch {
	case m.State == content.Uploading:
		w.counts["kills amid upload"]++
	case m.Work == ledger.WorkVideo && m.Holder != "":
		w.counts["kills amid video"]++
	case m.Work == ledger.WorkWebP && m.Holder != "":
		w.counts["kills amid WebP"]++
	}
	if m.Content != "" && records[m.Content] == nil {
		w.counts["kills amid submit"]++
	}
}

// age makes everything on disk older: the time of uploads of which nobody was
// told, whose ids it gives, is over then, and requests that the kill ended no
// longer count as being carried out.
func (w *mediaWitness) age(t *testing.T) (unknown []string) {
	t.Helper()
	known := map[string]bool{}
	for id := range w.media {
		known[id] = !w.gone[id]
	}
	for _, u := range w.lostPieces {
		known[filepath.Base(u.path)] = true
	}
	ctx, past := context.Background(), time.Now().Add(-25*time.Hour)
	withLedger(t, w.data, func(l *ledger.Ledger) {
		every(t, l.Media, func(m *ledger.Medium) {
			from := m.Rev
			m.TakenAt, m.Rev = past, from+1
			if !known[m.ID] {
				unknown = append(unknown, m.ID)
				m.Expires = past
			}
			noError(t, l.Media.Replace(ctx, m, from))
		})
		every(t, l.Slots, func(s *ledger.Slot) {
			from := s.Rev
			s.At, s.Rev = past, from+1
			noError(t, l.Slots.Replace(ctx, s, from))
		})
		every(t, l.Replays, func(r *ledger.Replay) {
			from := r.Rev
			r.At, r.Rev = past, from+1
			noError(t, l.Replays.Replace(ctx, r, from))
		})
		every(t, l.Leases, func(x *ledger.Lease) {
			from := x.Rev
			x.Until, x.Rev = past, from+1
			noError(t, l.Leases.Replace(ctx, x, from))
		})
	})
	for path := range regular(t, filepath.Join(w.data, "media", "unfinished")) {
		w.counts["unfinished files"]++
		noError(t, os.Chtimes(path, past, past))
	}
	return unknown
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tidied checks that nothing is left that nobody needs, once check has repaired
// what it does.
func (w *mediaWitness) tidied(t *testing.T) {
	t.Helper()
	first := command(t, "check", "--data", w.data)
	for line := range strings.Lines(first.errs) {
		if strings.Contains(line, "nothing refers to this file") || strings.Contains(line, "which does not name it") {
			w.counts["orphans"]++ // a crash came between a file and its record
		} else if first.code != exitDone && !strings.Contains(line, "not everything is right") {
			t.Errorf("check: %s", line)
		}
	}
	command(t, "check", "media", "--repair", "--data", w.data).must(t)
	command(t, "check", "media", "--data", w.data).must(t)
	command(t, "check", "--data", w.data).must(t)
	needed := map[string]bool{}
	withLedger(t, w.data, func(l *ledger.Ledger) {
		every(t, l.Media, func(m *ledger.Medium) {
			for _, f := range m.Files {
				needed[f.Blob] = true
			}
			needed[m.Source] = true
			if w.media[m.ID] == nil || m.State != content.Ready {
				t.Errorf("%s is left as %s", m.ID, m.State)
			}
		})
		every(t, l.Blobs, func(ref *ledger.BlobRef) {
			if !needed[ref.Blob] {
				t.Errorf("%s is noted to need %s", ref.Medium, ref.Blob)
			}
		})
	})
	for _, folder := range []string{"media", "tmp"} {
		for path := range regular(t, filepath.Join(w.data, folder)) {
			if !needed[filepath.Base(path)] {
				t.Errorf("%s is left", path)
			}
		}
	}
}
