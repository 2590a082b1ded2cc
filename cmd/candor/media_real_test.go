package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"image"
	_ "image/jpeg" // what is served
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	_ "golang.org/x/image/webp" // the same

	"github.com/candor-ugc/candor/api/content"
)

// mostMemory bounds the server and its photo workers together, in bytes, while
// files of all kinds come in at once.
const mostMemory = 600 << 20

// unlimited lets one shopper upload as much as a test needs.
var unlimited = []string{"--shopper-uploads", "100000", "--shopper-uploads-mb", "100000"}

// sampleFile is a file of the samples and what the service made of it.
type sampleFile struct {
	name string
	medium
}

// TestRealMedia takes every sample photo and video through a running server,
// from upload to strangers' eyes. What is served must be upright, of the size
// that the samples' own list says, and without metadata.
func TestRealMedia(t *testing.T) {
	t.Parallel()
	folder := realData(t)
	for _, tool := range []string{"exiftool", "ffmpeg", "ffprobe"} {
		mediaTool(t, tool)
	}
	data := newData(t)
	server := serveApart(t, built(t), data, unlimited...)
	stop := watchMemory(t, server)
	c := newClient(t, server.url, tokenOf(t, data, "alice", content.Shopper))

	photos, videos := sendSamples(t, c, folder)
	if len(photos) < 180 || len(videos) < 8 {
		t.Errorf("%d photos and %d videos were taken in", len(photos), len(videos))
	}
	sizes := sampleSizes(t, folder)
	moderator := c.as(tokenOf(t, data, "mod", content.Moderator))
	stranger := c.as("")
	for n, part := range slices.Collect(slices.Chunk(photos, 10)) {
		publish(t, c, moderator, fmt.Sprintf("photo-%d", n), part)
	}
	showPhotos(t, stranger, photos, sizes, false)
	compareUpright(t, stranger, photos)
	showVideos(t, c, moderator, videos)
	if os.Getenv("CANDOR_TEST_ALL") == "" {
		// That of the largest takes longest; the service is stopped amid them.
		photos = slices.DeleteFunc(photos, func(p sampleFile) bool { return p.Width*p.Height > 1_000_000 })
	}
	for _, p := range photos {
		eventually(t, "the WebP of "+p.name, func() bool {
			return fetch(t, stranger, p.Variants[0], "image/webp").header.Get("Content-Type") == "image/webp"
		})
	}
	showPhotos(t, stranger, photos, sizes, true)
	t.Logf("%d photos looked at as WebP", len(photos))

	seen := stop()
	t.Logf("most memory in %d looks: without ffmpeg %v; in all %v; of ffmpeg %d MiB", seen.looks, seen.own, seen.all, seen.ffmpeg.ffmpeg>>20)
	if used := seen.own.server + seen.own.workers; used > mostMemory {
		t.Errorf("the server and its photo workers used %d MiB", used>>20)
	}
	server.interrupt(t)
	checkMetadata(t, filepath.Join(data, "media"))
	command(t, "check", "media", "--data", data).must(t)
}

// sendSamples uploads all files, the smallest first, four at a time as a busy
// shop sees them.
func sendSamples(t *testing.T, c client, folder string) (photos, videos []sampleFile) {
	t.Helper()
	var files []string
	for _, kind := range []string{"images", "videos"} {
		for path := range regular(t, filepath.Join(folder, kind)) {
			files = append(files, path)
		}
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Compare(fileSize(t, a), fileSize(t, b)) })
	outcomes := make([]medium, len(files))
	eachOf(len(files), func(i int) { outcomes[i] = sendSample(t, c, files[i]) })
	refused := 0
	for i, m := range outcomes {
		name, err := filepath.Rel(folder, files[i])
		if err != nil {
			t.Fatal(err)
		}
		switch s := (sampleFile{filepath.ToSlash(name), m}); m.Kind {
		case "photo":
			photos = append(photos, s)
		case "video":
			videos = append(videos, s)
		default:
			refused++
		}
	}
	t.Logf("%d photos and %d videos taken in, %d files refused", len(photos), len(videos), refused)
	return photos, videos
}

// eachOf does something n times, four at a time.
func eachOf(n int, do func(i int)) {
	var work sync.WaitGroup
	for first := range 4 {
		work.Go(func() {
			for i := first; i < n; i += 4 {
				do(i)
			}
		})
	}
	work.Wait()
}

// internals are words that no client should read.
var internals = regexp.MustCompile(`(?i)panic|goroutine|runtime|internal|/tmp|/data|\.go\b|ffmpeg|ffprobe|exit status|moov|worker`)

// sendSample uploads a file; one that is refused gives no medium.
func sendSample(t *testing.T, c client, path string) (m medium) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return m
	}
	a, err := c.upload(filepath.Base(path), file)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return m
	}
	if a.status != http.StatusCreated {
		refusedMedia(t, path, len(file), a)
		return m
	}
	m = decoded[medium](t, a, http.StatusCreated, path)
	if m.Kind == "photo" && (m.State != "ready" || len(m.Variants) != 4 || !strings.HasPrefix(m.Placeholder, "data:image/png;base64,")) {
		t.Errorf("%s: %s", path, a.body)
	}
	return m
}

// refusedMedia checks how a file was refused.
func refusedMedia(t testing.TB, name string, size int, a answer) (code string) {
	t.Helper()
	p := decoded[struct{ Code, Detail string }](t, a, a.status, name)
	known := strings.HasPrefix(p.Code, "media_") || size == 0 && p.Code == "malformed_form"
	if a.status < 400 || a.status > 499 || !known || internals.Match(a.body) {
		t.Errorf("%s: status %d: %s", name, a.status, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: refused as %s", name, got)
	}
	return p.Code
}

// sampleSizes are the upright sizes of photos, as the lists beside them say.
func sampleSizes(t *testing.T, folder string) map[string]image.Point {
	t.Helper()
	lists, err := filepath.Glob(filepath.Join(folder, "images", "*", "MANIFEST.tsv"))
	if err != nil || len(lists) == 0 {
		t.Fatalf("no lists of photos: %v", err)
	}
	out := map[string]image.Point{}
	for _, list := range lists {
		r := csv.NewReader(bytes.NewReader(fileBytes(t, list)))
		r.Comma, r.LazyQuotes = '\t', true
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			w, err := strconv.Atoi(row[3])
			if err != nil {
				continue // the list does not know
			}
			h, err := strconv.Atoi(row[4])
			if err != nil {
				t.Fatal(err)
			}
			if orientation, err := strconv.Atoi(row[5]); err == nil && orientation >= 5 {
				w, h = h, w
			}
			out["images/"+filepath.Base(filepath.Dir(list))+"/"+row[0]] = image.Pt(w, h)
		}
	}
	return out
}

// publish submits a review with photos or videos and approves it.
func publish(t *testing.T, author, moderator client, product string, files []sampleFile) {
	t.Helper()
	var ids []string
	for _, f := range files {
		ids = append(ids, f.ID)
	}
	review := send[pictured](t, author, http.MethodPost, "/products/"+product+"/reviews", map[string]any{
		"rating": 5, "body": "As I saw it.", "media": named(ids),
	}, http.StatusCreated)
	for _, f := range files {
		if status := fetch(t, author.as(""), f.Variants[0], "").status; status != http.StatusNotFound {
			t.Errorf("%s: a stranger got %d before it was approved", f.name, status)
		}
	}
	send[pictured](t, moderator, http.MethodPost, "/moderation/items/"+review.ID+"/decision",
		map[string]any{"action": "approve", "rev": review.Rev}, http.StatusOK)
	page := get[struct{ Items []pictured }](t, author.as(""), "/products/"+product+"/reviews")
	if len(page.Items) != 1 || len(page.Items[0].Media) != len(files) {
		t.Fatalf("%s: %d reviews are listed, want one with %d photos or videos", product, len(page.Items), len(files))
	}
	shown := map[string][]variant{}
	for _, m := range page.Items[0].Media {
		shown[m.ID] = m.Variants
	}
	for i := range files {
		files[i].Variants = shown[files[i].ID] // those have no signatures
	}
	if shown := pagesOf[galleryItem](t, author.as(""), "/products/"+product+"/media"); len(shown) != len(files) {
		t.Errorf("%s: the gallery shows %d of %d", product, len(shown), len(files))
	}
}

// fetch gets a variant without its signature, as a browser that takes some
// format.
func fetch(t testing.TB, c client, v variant, accept string, header ...string) answer {
	t.Helper()
	path, _, _ := strings.Cut(v.path(), "?")
	if accept != "" {
		header = append(header, "Accept", accept)
	}
	a, err := c.ask(http.MethodGet, path, nil, header...)
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return a
}

// showPhotos looks at every photo as a stranger.
func showPhotos(t *testing.T, stranger client, photos []sampleFile, sizes map[string]image.Point, webp bool) {
	t.Helper()
	format, accept := "jpeg", "image/jpeg,*/*"
	if webp {
		format, accept = "webp", "image/avif,image/webp,*/*"
	}
	eachOf(len(photos), func(i int) {
		p := photos[i]
		want, known := sizes[p.name]
		if full := image.Pt(p.Width, p.Height); known && full != want {
			t.Errorf("%s: served as %v, is %v", p.name, full, want)
		}
		for _, v := range p.Variants {
			a := fetch(t, stranger, v, accept)
			what := fmt.Sprintf("%s as %s %s", p.name, v.Variant, format)
			checkServed(t, stranger, v, a, what, accept, "image/"+format, webp)
			img, decodedAs, err := image.Decode(bytes.NewReader(a.body))
			if err != nil || decodedAs != format {
				t.Errorf("%s: decoded as %s: %v", what, decodedAs, err)
				continue
			}
			side := map[string]int{"thumb": 160, "small": 480, "large": 1280, "full": 1 << 16}[v.Variant]
			if got := img.Bounds().Size(); got != image.Pt(v.Width, v.Height) || !fits(got, image.Pt(p.Width, p.Height), side) {
				t.Errorf("%s: is %v, said %d x %d, of %d x %d", what, got, v.Width, v.Height, p.Width, p.Height)
			}
		}
		if webp {
			checkServed(t, stranger, p.Variants[0], fetch(t, stranger, p.Variants[0], ""), p.name+" as JPEG", "", "image/jpeg", true)
		}
	})
}

// fits reports whether a picture is another one made smaller, to so many pixels
// at its longer side, or left as it is. Rounding may take or add a pixel.
func fits(p, of image.Point, side int) bool {
	longer := max(of.X, of.Y)
	if longer <= side {
		return p == of
	}
	near := func(n, of int) bool { return n*longer-of*side <= longer && of*side-n*longer <= longer || n == 1 }
	return max(p.X, p.Y) == side && near(p.X, of.X) && near(p.Y, of.Y)
}

// checkServed checks how a public variant came.
func checkServed(t *testing.T, stranger client, v variant, a answer, what, accept, contentType string, negotiated bool) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Errorf("%s: status %d: %.300s", what, a.status, a.body)
		return
	}
	for name, want := range map[string]string{
		"Content-Type":           contentType,
		"Content-Length":         strconv.Itoa(len(a.body)),
		"Cache-Control":          "public, max-age=31536000, s-maxage=60, immutable",
		"X-Content-Type-Options": "nosniff",
		"Accept-Ranges":          "bytes",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", what, name, got, want)
		}
	}
	if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "sandbox") {
		t.Errorf("%s: Content-Security-Policy is %q", what, csp)
	}
	vary := slices.ContainsFunc(a.header.Values("Vary"), func(s string) bool { return strings.EqualFold(s, "accept") })
	if negotiated && !vary {
		t.Errorf("%s: Vary is %q", what, a.header.Values("Vary"))
	}
	tag := a.header.Get("ETag")
	if same := fetch(t, stranger, v, accept, "If-None-Match", tag); len(tag) < 18 || same.status != http.StatusNotModified {
		t.Errorf("%s: asked again with %s: status %d", what, tag, same.status)
	}
	from, to := len(a.body)/3, len(a.body)/2
	part := fetch(t, stranger, v, accept, "Range", fmt.Sprintf("bytes=%d-%d", from, to))
	ranged := fmt.Sprintf("bytes %d-%d/%d", from, to, len(a.body))
	if part.status != http.StatusPartialContent || part.header.Get("Content-Range") != ranged || !bytes.Equal(part.body, a.body[from:to+1]) {
		t.Errorf("%s: bytes %d to %d: status %d, %s, %d bytes", what, from, to, part.status, part.header.Get("Content-Range"), len(part.body))
	}
}

// compareUpright holds the photos that were taken with the camera held in eight
// ways against the one that needs no turning.
func compareUpright(t *testing.T, stranger client, photos []sampleFile) {
	t.Helper()
	shapes := map[string]map[string]image.Image{}
	for _, p := range photos {
		name, ok := strings.CutPrefix(p.name, "images/exif_orientation_examples/")
		if !ok {
			continue
		}
		shape, orientation, _ := strings.Cut(strings.TrimSuffix(name, ".jpg"), "_")
		i := slices.IndexFunc(p.Variants, func(v variant) bool { return v.Variant == "small" })
		img, _, err := image.Decode(bytes.NewReader(fetch(t, stranger, p.Variants[i], "").body))
		if err != nil {
			t.Fatal(err)
		}
		if shapes[shape] == nil {
			shapes[shape] = map[string]image.Image{}
		}
		shapes[shape][orientation] = img
	}
	for _, shape := range []string{"Landscape", "Portrait"} {
		if got := slices.Sorted(maps.Keys(shapes[shape])); len(got) != 9 {
			t.Errorf("%s: %q", shape, got)
			continue
		}
		upright := shapes[shape]["1"]
		if d := difference(upright, upright, true); d < 10 {
			t.Errorf("%s and its mirror image differ by %.1f only", shape, d)
		}
		for orientation, img := range shapes[shape] {
			if d := difference(img, upright, false); d > 3 {
				t.Errorf("%s %s differs by %.1f", shape, orientation, d)
			}
		}
	}
}

// difference is the mean distance of the samples of two pictures, 0 to 255; 255
// for pictures of different sizes. The second may be mirrored first.
func difference(a, b image.Image, mirrored bool) float64 {
	r := a.Bounds()
	if r != b.Bounds() {
		return 255
	}
	distance := func(x, y uint32) int { return cmp.Compare(x, y) * (int(x>>8) - int(y>>8)) }
	sum := 0
	for y := range r.Dy() {
		for x := range r.Dx() {
			other := x
			if mirrored {
				other = r.Dx() - 1 - x
			}
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(other, y).RGBA()
			sum += distance(r1, r2) + distance(g1, g2) + distance(b1, b2)
		}
	}
	return float64(sum) / float64(3*r.Dx()*r.Dy())
}
