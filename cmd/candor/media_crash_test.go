package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
)

// TestMediaCrash kills a server at random moments while photos and videos come
// in, whole and piece by piece, are processed, submitted and published. After
// each kill everything acknowledged must be there, and strangers must get every
// variant that they are shown. In the end nothing is stored that nobody needs.
func TestMediaCrash(t *testing.T) {
	t.Parallel()
	mediaTool(t, "ffmpeg")
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	seed := crashSeed(t)
	binary := built(t)
	data := newData(t)
	catalogue(t, data)
	w := newMediaWitness(t, data)
	moments := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		server := serveApart(t, binary, data, unlimited...)
		c := newClient(t, server.url, "")
		w.round = round
		w.compare(t, c)
		w.retry(t, c)
		w.await(t, c, round-2)
		w.disturb(t, c, server, seed, time.Duration(100+moments.IntN(900))*time.Millisecond)
		w.verify(t)
		if t.Failed() {
			t.Fatalf("after kill %d of %d", round+1, rounds)
		}
	}
	unknown := w.age(t)
	server := serveApart(t, binary, data, unlimited...)
	defer func() {
		if t.Failed() {
			t.Logf("the last server said:\n%s", server.log)
		}
	}()
	c := newClient(t, server.url, "")
	w.compare(t, c)
	w.complete(t, c)
	w.await(t, c, rounds)
	w.compare(t, c)
	for _, id := range unknown {
		eventually(t, "the end of "+id+", which nobody knows", func() bool {
			a, err := c.as(w.moderator).ask(http.MethodGet, "/media/"+id, nil)
			return err == nil && a.status == http.StatusNotFound
		})
	}
	server.interrupt(t)
	w.verify(t)
	w.tidied(t)
	t.Logf("done: %v; %d uploads that nobody knows", w.counts, len(unknown))
	for _, what := range []string{"photo", "video", "piece", "resumed", "submit", "approve"} {
		if w.counts[what] == 0 && !testing.Short() {
			t.Errorf("no %s was acknowledged: the test did not test it", what)
		}
	}
}

// takenIn is an upload that a server acknowledged.
type takenIn struct {
	id, author, sum string
	video           bool
	round           int
}

// pieces is an upload that comes piece by piece.
type pieces struct {
	author, path string
	file         []byte
	video        bool
	arrived      int // bytes that were acknowledged
}

// picturedReview is a submission with photos or videos.
type picturedReview struct {
	author, product, key string
	media                []string
	// asked is whether somebody tried to approve it, approved whether that was
	// acknowledged.
	asked, approved bool
}

// mediaWitness remembers what servers acknowledged.
type mediaWitness struct {
	data      string
	moderator string
	movies    [][]byte
	round     int

	mu      sync.Mutex
	serial  int
	media   map[string]*takenIn
	staged  []*takenIn // no review has them, and none was asked to
	gone    map[string]bool
	reviews map[string]*picturedReview
	written map[string]int // submissions by author
	// What got no answer.
	lostReviews []*picturedReview
	lostPieces  []*pieces
	counts      map[string]int
}

func newMediaWitness(t *testing.T, data string) *mediaWitness {
	t.Helper()
	w := &mediaWitness{
		data: data, moderator: tokenOf(t, data, "mod", content.Moderator), media: map[string]*takenIn{}, gone: map[string]bool{},
		reviews: map[string]*picturedReview{}, written: map[string]int{}, counts: map[string]int{},
	}
	for i, source := range []string{"testsrc", "testsrc2", "smptebars"} {
		w.movies = append(w.movies, film(t, fmt.Sprintf("%d.mp4", i), "-f", "lavfi", "-i", source+"=size=128x96:rate=10:duration=0.4",
			"-pix_fmt", "yuv420p", "-preset", "ultrafast"))
	}
	return w
}

func (w *mediaWitness) token(sub string) string {
	return tokenOf(failing{}, w.data, sub, content.Shopper)
}

// disturb works from many sides until the server is killed.
func (w *mediaWitness) disturb(t *testing.T, c client, server *process, seed uint64, life time.Duration) {
	t.Helper()
	var acts []func() error
	for i, act := range []func(*rand.Rand, client) error{w.form, w.form, w.piece, w.piece, w.attach, w.attach, w.approve, w.drop} {
		r := rand.New(rand.NewPCG(seed, uint64(w.round*100+i+1)))
		acts = append(acts, func() error {
			<-time.After(time.Duration(r.IntN(30)) * time.Millisecond) // a person's pause
			err := act(r, c)
			if errors.Is(err, errAnswer) {
				t.Error(err)
			}
			return err
		})
	}
	untilKilled(server, life, acts)
}

// slow is a line that takes its time, so that a kill comes in the middle.
type slow struct{ r io.Reader }

func (s slow) Read(p []byte) (int, error) {
	<-time.After(time.Millisecond)
	return s.r.Read(p[:min(len(p), 2<<10)])
}

// next is a new file of a new shopper, or of one who has sent one before.
func (w *mediaWitness) next(r *rand.Rand) (author, name string, file []byte, video bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	author = fmt.Sprintf("author-%d", w.serial/2)
	if r.IntN(8) == 0 {
		// Of the same movie the same files are made, which are shared then.
		return author, "movie.mp4", stamped(w.movies[r.IntN(len(w.movies))], uint64(w.serial)), true
	}
	return author, "photo.jpg", drawn(failing{}, uint64(w.serial), 200+r.IntN(200), 150+r.IntN(150)), false
}

func sumOf(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

func (w *mediaWitness) take(id, author string, file []byte, video bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &takenIn{id: id, author: author, sum: sumOf(file), video: video, round: w.round}
	w.media[id] = m
	w.staged = append(w.staged, m)
	w.counts[map[bool]string{false: "photo", true: "video"}[video]]++
}

// form uploads a file in one request.
func (w *mediaWitness) form(r *rand.Rand, c client) error {
	author, name, file, video := w.next(r)
	a, err := c.as(w.token(author)).uploadBy(name, file, func(r io.Reader) io.Reader { return slow{r} })
	if err != nil {
		return err
	}
	var m medium
	if err := as(a, http.StatusCreated, &m); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	w.take(m.ID, author, file, video)
	return nil
}

// piece begins an upload by tus, or goes on with one that was cut off.
func (w *mediaWitness) piece(r *rand.Rand, c client) error {
	w.mu.Lock()
	var u *pieces
	if n := len(w.lostPieces); n > 0 {
		u, w.lostPieces = w.lostPieces[n-1], w.lostPieces[:n-1]
	}
	w.mu.Unlock()
	if u == nil {
		u = &pieces{}
		u.author, _, u.file, u.video = w.next(r)
		a, err := c.as(w.token(u.author)).raw(http.MethodPost, "/uploads", nil, 0,
			"Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(u.file)))
		if err != nil {
			return err
		}
		if a.status != http.StatusCreated {
			return fmt.Errorf("begin pieces: %w: status %d: %s", errAnswer, a.status, a.body)
		}
		u.path = "/uploads/" + filepath.Base(a.header.Get("Location"))
	}
	err := w.proceed(c, u, 1+len(u.file)/(2+r.IntN(5)))
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lostPieces = append(w.lostPieces, u)
	}
	return err
}

// proceed asks how much has arrived, and sends the rest in pieces.
func (w *mediaWitness) proceed(c client, u *pieces, most int) error {
	c = c.as(w.token(u.author))
	id := filepath.Base(u.path)
	a, err := c.raw(http.MethodHead, u.path, nil, 0, "Tus-Resumable", "1.0.0")
	if err != nil {
		return err
	}
	if a.status == http.StatusNotFound {
		// The last piece had arrived, only the answer had not.
		var m medium
		if a, err = c.ask(http.MethodGet, "/media/"+id, nil); err != nil {
			return err
		}
		if err := as(a, http.StatusOK, &m); err != nil || m.State == "failed" || m.State == "uploading" {
			return fmt.Errorf("%w: the upload %s is gone, its medium is %s: %w", errAnswer, id, a.body, err)
		}
		w.take(id, u.author, u.file, u.video)
		return nil
	}
	offset, err := strconv.Atoi(a.header.Get("Upload-Offset"))
	if err != nil || a.status != http.StatusOK || offset < u.arrived || offset > len(u.file) {
		return fmt.Errorf("%w: %s: HEAD gives %d and offset %q, acknowledged were %d of %d",
			errAnswer, id, a.status, a.header.Get("Upload-Offset"), u.arrived, len(u.file))
	}
	w.mu.Lock()
	if offset > 0 && offset < len(u.file) {
		w.counts["resumed"]++
	}
	w.mu.Unlock()
	// A HEAD of what has arrived whole has finished it.
	for offset < len(u.file) {
		part := u.file[offset:min(offset+most, len(u.file))]
		a, err := c.raw(http.MethodPatch, u.path, slow{bytes.NewReader(part)}, len(part), "Tus-Resumable", "1.0.0",
			"Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.Itoa(offset))
		if err != nil {
			return err
		}
		offset += len(part)
		if a.status != http.StatusNoContent || a.header.Get("Upload-Offset") != strconv.Itoa(offset) {
			return fmt.Errorf("piece: %w: status %d, offset %q, want %d: %s", errAnswer, a.status, a.header.Get("Upload-Offset"), offset, a.body)
		}
		w.mu.Lock()
		u.arrived = offset
		w.counts["piece"]++
		w.mu.Unlock()
	}
	w.take(id, u.author, u.file, u.video)
	return nil
}

// attach submits a review with all that a shopper has uploaded so far.
func (w *mediaWitness) attach(r *rand.Rand, c client) error {
	w.mu.Lock()
	if len(w.staged) == 0 {
		w.mu.Unlock()
		return nil
	}
	p := &picturedReview{author: w.staged[r.IntN(len(w.staged))].author}
	w.staged = slices.DeleteFunc(w.staged, func(m *takenIn) bool {
		if m.author == p.author {
			p.media = append(p.media, m.id)
		}
		return m.author == p.author
	})
	n := w.written[p.author]
	w.written[p.author]++
	p.product, p.key = crashProducts[n], fmt.Sprintf("%s-%d", p.author, n)
	w.mu.Unlock()
	return w.submit(c, p)
}

// submit sends a review. Where a crash had come while it was taken in, it has to
// be sent again later.
func (w *mediaWitness) submit(c client, p *picturedReview) error {
	a, err := c.as(w.token(p.author)).ask(http.MethodPost, "/products/"+p.product+"/reviews",
		map[string]any{"rating": 4, "body": "As on my pictures.", "media": named(p.media)}, "Idempotency-Key", p.key)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.lostReviews = append(w.lostReviews, p)
		return err
	}
	if a.status == http.StatusConflict && bytes.Contains(a.body, []byte(`"in_flight"`)) {
		w.lostReviews = append(w.lostReviews, p)
		w.counts["in flight"]++
		return nil
	}
	var made item
	if err := as(a, http.StatusCreated, &made); err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	w.reviews[made.ID] = p
	w.counts["submit"]++
	return nil
}

// approve publishes a review, once its videos are ready.
func (w *mediaWitness) approve(r *rand.Rand, c client) error {
	w.mu.Lock()
	var open []string
	for id, p := range w.reviews {
		if !p.approved {
			open = append(open, id)
		}
	}
	w.mu.Unlock()
	if len(open) == 0 {
		return nil
	}
	slices.Sort(open)
	id := open[r.IntN(len(open))]
	c = c.as(w.moderator)
	a, err := c.ask(http.MethodGet, "/moderation/items/"+id, nil)
	if err != nil {
		return err
	}
	var found struct{ Content item }
	if err := as(a, http.StatusOK, &found); err != nil {
		return fmt.Errorf("look at a review: %w", err)
	}
	w.mu.Lock()
	w.reviews[id].asked = true
	w.mu.Unlock()
	if found.Content.State == "pending" {
		a, err = c.ask(http.MethodPost, "/moderation/items/"+id+"/decision", map[string]any{"action": "approve", "rev": found.Content.Rev})
		if err != nil || a.status == http.StatusConflict {
			return err
		}
		if err := as(a, http.StatusOK, &found.Content); err != nil {
			return fmt.Errorf("approve: %w", err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reviews[id].approved = true
	w.counts["approve"]++
	return nil
}

// drop deletes an upload that no review has, now and then.
func (w *mediaWitness) drop(r *rand.Rand, c client) error {
	w.mu.Lock()
	if len(w.staged) == 0 || r.IntN(8) > 0 {
		w.mu.Unlock()
		return nil
	}
	i := r.IntN(len(w.staged))
	m := w.staged[i]
	w.staged = slices.Delete(w.staged, i, i+1)
	w.gone[m.id] = true
	w.mu.Unlock()
	a, err := c.as(w.token(m.author)).ask(http.MethodDelete, "/media/"+m.id, nil)
	if err != nil {
		return err
	}
	if a.status != http.StatusNoContent {
		return fmt.Errorf("delete an upload: %w: status %d: %s", errAnswer, a.status, a.body)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts["drop"]++
	return nil
}
