package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
)

// uploadTime bounds the receiving of an upload in one request; who needs longer
// resumes.
const uploadTime = 10 * time.Minute

// maxReceiving bounds the uploads that arrive whole at once.
const maxReceiving = 64

// postMedia takes in one photo or video as the part "file" of a form. It waits
// in a temporary file until it is whole, so that a slow client holds neither
// memory nor a worker.
func postMedia(c *call) error {
	most := c.svc.MaxUpload()
	if most == 0 {
		return lifecycle.ErrNoUploads
	}
	if c.Request.ContentLength > most+maxJSON {
		return c.explainMedia(media.ErrTooManyBytes)
	}
	done, err := c.svc.Expect(c, c.who, c.site)
	if err != nil {
		return err
	}
	defer done()
	if !c.api.receiving.TryAcquire(1) {
		return lifecycle.ErrBusy
	}
	defer c.api.receiving.Release(1)
	ctx, cancel := context.WithTimeout(c, uploadTime)
	defer cancel()
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(uploadTime))
	part, err := filePart(c.Request)
	if err != nil {
		return err
	}
	path, size, err := c.spool(part, most)
	if path != "" {
		defer func() {
			if err := os.Remove(path); err != nil {
				c.api.Log.Warn("temporary file left", "err", err)
			}
		}()
	}
	if err != nil {
		return err
	}
	m, err := c.svc.Upload(ctx, c.who, c.site, path, size)
	if err != nil {
		return c.explainMedia(err)
	}
	c.Header("Location", content.MediumPath(c.site, m.ID, ""))
	return c.send(http.StatusCreated, m)
}

// filePart finds the part that holds the file.
func filePart(r *http.Request) (*multipart.Part, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, &detailError{err: errMediaType, text: "the body must be multipart/form-data with the part file"}
	}
	form, err := r.MultipartReader()
	if err != nil {
		return nil, &detailError{err: errForm, text: "the form has no boundary"}
	}
	part, err := form.NextPart()
	if err != nil {
		return nil, &detailError{err: errForm, text: "the form ends without the part file"}
	}
	if part.FormName() != "file" {
		return nil, &detailError{err: errForm, field: "file", text: "must be the first part of the form"}
	}
	return part, nil
}

// spool writes a part to a temporary file, which the caller removes.
func (c *call) spool(part io.Reader, most int64) (path string, size int64, err error) {
	file, err := os.CreateTemp(c.api.SpoolDir, "candor-upload-*")
	if err != nil {
		return "", 0, fmt.Errorf("receive upload: %w", err)
	}
	path = file.Name()
	defer func() {
		if closed := file.Close(); closed != nil && err == nil {
			err = fmt.Errorf("receive upload: %w", closed)
		}
	}()
	body := &watched{r: io.LimitReader(part, most+1)}
	size, err = io.Copy(file, body)
	switch {
	case body.err != nil:
		return path, 0, &detailError{err: errForm, text: "the form could not be read to its end"}
	case err != nil:
		return path, 0, fmt.Errorf("receive upload: %w", err)
	case size > most:
		return path, 0, c.explainMedia(media.ErrTooManyBytes)
	case size == 0:
		return path, 0, &detailError{err: errForm, field: "file", text: "must not be empty"}
	}
	return path, size, nil
}

// watched tells an error of reading from one of writing.
type watched struct {
	r   io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// explainMedia adds the limits in force to an error about them.
func (c *call) explainMedia(err error) error {
	l, ok := c.svc.MediaLimits()
	if !ok {
		return err
	}
	var text string
	switch {
	case errors.Is(err, media.ErrTooManyBytes) && c.svc.MaxUpload() > l.PhotoBytes:
		text = fmt.Sprintf("photos may have %d MiB, videos %d MiB", l.PhotoBytes>>20, l.VideoBytes>>20)
	case errors.Is(err, media.ErrTooManyBytes):
		text = fmt.Sprintf("photos may have %d MiB", l.PhotoBytes>>20)
	case errors.Is(err, media.ErrTooManyPixels):
		text = fmt.Sprintf("photos may have %d megapixels", l.PhotoPixels/1_000_000)
	case errors.Is(err, media.ErrTooManyFrames):
		text = fmt.Sprintf("animations may have %d frames", l.PhotoFrames)
	case errors.Is(err, media.ErrVideoLimit):
		text = fmt.Sprintf("videos may last %s and have one picture of up to 4096x2304", l.VideoDuration)
	default:
		return err
	}
	return &detailError{err: err, field: "file", text: text}
}

func getMedium(c *call) error {
	m, err := c.svc.Medium(c, c.who, c.site, c.Param("medium"))
	if err != nil {
		return err
	}
	return c.send(http.StatusOK, m)
}

func deleteMedium(c *call) error {
	if err := c.svc.DeleteMedium(c, c.who, c.site, c.Param("medium")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// watchTime bounds how long the progress of one upload is watched.
const watchTime = 30 * time.Minute

// watchMedium streams the progress of an upload as server-sent events, until it
// is ready or has failed.
func watchMedium(c *call) error {
	ctx, cancel := context.WithTimeout(c, watchTime)
	defer cancel()
	defer context.AfterFunc(c.api.stopping, cancel)()
	control := http.NewResponseController(c.Writer)
	begun := false
	return c.svc.MediaProgress(ctx, c.who, c.site, c.Param("medium"), func(m content.PrivateMedia) error {
		if !begun {
			begun = true
			c.Header("Content-Type", "text/event-stream")
			c.Header("Cache-Control", "private, no-store")
			c.Header("X-Accel-Buffering", "no") // proxies would keep it back
			c.Status(http.StatusOK)
		}
		b, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("encode progress: %w", err)
		}
		_, err = fmt.Fprintf(c.Writer, "event: progress\ndata: %s\n\n", b)
		if err = errors.Join(err, control.Flush()); err != nil {
			return fmt.Errorf("send progress: %w", err)
		}
		return nil
	})
}

// getMediaFile serves one variant. What is public never changes under its
// address, so browsers may keep it for good. Caches that serve many ask again
// after a minute: what was withheld or erased since must not live on in them.
// Everything else is for the asker alone.
func getMediaFile(c *call) error {
	access, err := c.access()
	if err != nil {
		return err
	}
	variant := c.Param("variant")
	f, err := c.svc.OpenMedium(c, c.who, c.site, c.Param("medium"), variant, access, c.takes)
	if err != nil {
		return err
	}
	defer func() {
		if err := f.Close(); err != nil {
			c.api.Log.Warn("file not closed", "err", err)
		}
	}()
	h := c.Writer.Header()
	h.Set("Content-Type", f.ContentType)
	h.Set("ETag", `"`+strings.TrimSuffix(f.Name, filepath.Ext(f.Name))[:32]+`"`)
	// Whatever a browser takes it for, it may neither run nor load anything.
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", `inline; filename="`+c.Param("medium")+"-"+variant+filepath.Ext(f.Name)+`"`)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if f.Negotiated {
		h.Add("Vary", "Accept")
	}
	if f.Public {
		h.Set("Cache-Control", "public, max-age=31536000, s-maxage=60, immutable")
	} else {
		h.Set("Cache-Control", "private, no-cache")
		h.Set("Referrer-Policy", "no-referrer")
	}
	if strings.Contains(c.Request.Header.Get("Range"), ",") {
		c.Request.Header.Del("Range") // several parts at once are nobody's need
	}
	http.ServeContent(&patient{c.Writer}, c.Request, "", time.Time{}, f)
	return nil
}

// sendTime is how long a client may take for some of a file.
const sendTime = time.Minute

// patient lets a client take any time for a file, as long as it goes on.
type patient struct{ http.ResponseWriter }

// WriteHeader keeps caches from taking a refusal for the file.
func (p *patient) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		p.Header().Set("Cache-Control", "no-store")
		for _, name := range []string{"Content-Type", "ETag", "Content-Disposition"} {
			p.Header().Del(name)
		}
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *patient) Write(b []byte) (int, error) {
	// Where the connection has no deadlines, it lasts as long as it lasts.
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(sendTime))
	return p.ResponseWriter.Write(b)
}

// access reads the signature of an address.
func (c *call) access() (lifecycle.Access, error) {
	if c.Request.URL.RawQuery == "" {
		return lifecycle.Access{}, nil
	}
	p := c.query()
	a := lifecycle.Access{Signature: p.text("signature")}
	if expires := p.text("expires"); expires != "" {
		unix, err := strconv.ParseInt(expires, 10, 64)
		if err != nil {
			p.bad.Add("expires", "invalid", "must be the one that came with the address")
		}
		a.Expires = time.Unix(unix, 0)
	}
	return a, p.err()
}

// takes reports whether the asker's browser names a media type among those that
// it takes. A wildcard says nothing about newer formats.
func (c *call) takes(contentType string) bool {
	for part := range strings.SplitSeq(strings.Join(c.Request.Header.Values("Accept"), ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil || kind != contentType {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		return params["q"] == "" || err == nil && q > 0
	}
	return false
}

// listGallery lists the public photos and videos of a product, or of the site.
func listGallery(c *call) error {
	p, err := c.paging()
	if err != nil {
		return err
	}
	page, err := c.svc.Gallery(c, c.site, c.Param("product"), p)
	if err != nil {
		return err
	}
	c.linkNext(page.Next)
	return c.publicJSON(page)
}

// withholding is the request to keep one photo or video from the public, or to
// give it back.
type withholding struct {
	Withhold *bool    `json:"withhold"`
	Reasons  []string `json:"reasons"`
	Message  string   `json:"message"`
	Note     string   `json:"note"`
	Rev      int64    `json:"rev"`
}

func putWithheld(c *call) error {
	var req withholding
	if err := c.bind(&req); err != nil {
		return err
	}
	if req.Withhold == nil {
		var e content.Invalid
		e.Add("withhold", "required", "must be true or false")
		return e
	}
	p, err := c.svc.Withhold(c, c.who, c.site, c.Param("id"), lifecycle.Withholding{
		Medium: c.Param("medium"), Withhold: *req.Withhold, Reasons: req.Reasons,
		Message: strings.TrimSpace(req.Message), Note: strings.TrimSpace(req.Note), Rev: req.Rev,
	})
	if err != nil {
		return err
	}
	c.Header("ETag", lifecycle.RevTag(p.Rev))
	return c.send(http.StatusOK, p)
}

// resume hands a request to the uploads that can be resumed.
func resume(c *call) error {
	uploads := c.api.uploads.Load()
	if uploads == nil {
		return lifecycle.ErrNoUploads
	}
	err := uploads.Serve(c.Writer, c.Request, c.who, c.site, c.Param("id"))
	if err != nil {
		return c.explainMedia(err)
	}
	return nil
}
