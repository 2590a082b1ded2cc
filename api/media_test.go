package api_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api"
	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media/mediatest"
)

// pictured submits a review with photos.
func (s *shop) pictured(as, product string, media ...string) content.Private {
	s.t.Helper()
	list := make([]fields, len(media))
	for i, id := range media {
		list[i] = fields{"id": id, "caption": "On the stove", "alt": "A kettle"}
	}
	return s.submit(as, "/products/"+product+"/reviews", fields{"rating": 5, "body": "Holds eighty degrees.", "media": list})
}

// withhold keeps a photo of a content from the public, or gives it back.
func (s *shop) withhold(as string, c content.Private, medium string, on bool) *answer {
	s.t.Helper()
	body := fields{"withhold": on, "rev": c.Rev}
	if on {
		body["reasons"] = []string{"off_topic"}
	}
	return s.do(as, http.MethodPut, "/moderation/items/"+c.ID+"/media/"+medium, body)
}

// TestPhotosOfEverybody asks as everybody for a photo of a review that waits, is
// public, and is withheld.
func TestPhotosOfEverybody(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.photo("alice", 1)
	c := s.pictured("alice", "kettle", id)
	everybody := []string{"guest", "bob", "staff", "alice", "moderator", "admin"}
	see := func(step string, who ...string) {
		t.Helper()
		never := s.get("guest", "/media/019ca000-0000-7000-8000-ffffffffffff/thumb").want(http.StatusNotFound)
		for _, as := range everybody {
			a := s.get(as, "/media/"+id+"/thumb")
			if slices.Contains(who, as) {
				a.want(http.StatusOK)
				continue
			}
			// Nobody learns that there is something.
			hidden := strings.ReplaceAll(string(a.want(http.StatusNotFound).body), id, "019ca000-0000-7000-8000-ffffffffffff")
			if hidden != string(never.body) || a.header.Get("Cache-Control") != "no-store" || a.header.Get("ETag") != "" {
				t.Errorf("%s as %s: %s %v, unlike %s", step, as, hidden, a.header, never.body)
			}
		}
		for _, as := range everybody {
			status := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[as == "alice" || as == "moderator" || as == "admin"]
			if as == "guest" {
				status = http.StatusUnauthorized
			}
			s.get(as, "/media/"+id).want(status)
			s.get(as, "/media/"+id+"/events").want(status)
		}
		s.get("foreign", "/media/"+id+"/thumb").want(http.StatusUnauthorized)
		s.get("garbage", "/media/"+id+"/thumb").want(http.StatusUnauthorized)
	}
	insiders := []string{"alice", "moderator", "admin"}
	see("waiting", insiders...)
	c = s.decide("moderator", c, "approve")
	see("public", everybody...)
	c = asPrivate(s.withhold("moderator", c, id, true).want(http.StatusOK))
	see("withheld", insiders...)
	c = asPrivate(s.withhold("moderator", c, id, false).want(http.StatusOK))
	see("given back", everybody...)
	s.do("alice", http.MethodDelete, "/contents/"+c.ID, nil).want(http.StatusNoContent)
	see("withdrawn", insiders...)
	s.do("alice", http.MethodDelete, "/media/"+id, nil).problem(http.StatusConflict, "media_in_use")
	s.do("alice", http.MethodDelete, "/me", nil).want(http.StatusOK)
	for _, as := range everybody {
		s.get(as, "/media/"+id+"/thumb").want(http.StatusNotFound)
	}
}

// TestWithholdOverHTTP refuses what is not complete.
func TestWithholdOverHTTP(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.photo("alice", 1)
	c := s.pictured("alice", "kettle", id)
	path := "/moderation/items/" + c.ID + "/media/" + id
	for _, tt := range []struct {
		as     string
		body   any
		status int
		code   string
	}{
		{"guest", fields{"withhold": true}, 401, "sign_in"},
		{"alice", fields{"withhold": true}, 403, "forbidden"},
		{"staff", fields{"withhold": true}, 403, "forbidden"},
		{"moderator", fields{"rev": 1, "reasons": []string{"off_topic"}}, 422, "invalid"},
		{"moderator", fields{"withhold": true, "rev": 1}, 422, "invalid"},
		{"moderator", fields{"withhold": true, "rev": 1, "reasons": []string{"ugly"}}, 422, "invalid"},
		{"moderator", fields{"withhold": true, "rev": 7, "reasons": []string{"off_topic"}}, 409, "conflict"},
		{"moderator", fields{"withhold": false, "rev": 1}, 409, "transition"},
		{"moderator", fields{"withhold": true, "rev": 1, "because": "x"}, 422, "invalid"},
		{"moderator", fields{"withhold": true, "rev": 1, "reasons": []string{"off_topic"}, "message": strings.Repeat("x", 2001)}, 422, "invalid"},
		{"moderator", "{", 400, "malformed_json"},
	} {
		s.do(tt.as, http.MethodPut, path, tt.body).problem(tt.status, tt.code)
	}
	s.withhold("moderator", c, "019ca000-0000-7000-8000-ffffffffffff", true).problem(http.StatusNotFound, "not_found")
	s.do("omar", http.MethodPost, "/moderation/items/"+c.ID+"/claim", nil).want(http.StatusOK)
	if p := s.withhold("moderator", c, id, true).problem(http.StatusConflict, "claimed"); p.By != "omar" {
		t.Errorf("claimed by %q", p.By)
	}
	a := s.do("omar", http.MethodPut, path, fields{"withhold": true, "rev": 1, "reasons": []string{"off_topic"}, "message": " Not this kettle. "}).want(http.StatusOK)
	if p := asPrivate(a); p.Rev != 2 || a.header.Get("ETag") != lifecycle.RevTag(2) || !p.Media[0].Withheld {
		t.Errorf("withheld: %s", a.body)
	}
	if st := asPrivate(s.get("alice", "/contents/"+c.ID)).Media[0].Statement; st == nil || st.Message != "Not this kettle." || st.AppealUntil == nil {
		t.Errorf("the author is told %+v", st)
	}
}

// TestFileHeaders: what caches and browsers are told, and conditional requests.
func TestFileHeaders(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.photo("alice", 1)
	c := s.pictured("alice", "kettle", id)
	path := "/media/" + id + "/small"
	private := s.get("alice", path).want(http.StatusOK)
	if private.header.Get("Cache-Control") != "private, no-cache" || private.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("what waits: %v", private.header)
	}
	s.decide("moderator", c, "approve")
	for _, as := range []string{"guest", "alice"} {
		if got := s.get(as, path).want(http.StatusOK).header.Get("Cache-Control"); !strings.HasPrefix(got, "public") {
			t.Errorf("what is public, as %s: %s", as, got)
		}
	}
	a := s.get("guest", path).want(http.StatusOK)
	for name, want := range map[string]string{
		"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
		"Content-Disposition": `inline; filename="` + id + `-small.jpg"`, "Cross-Origin-Resource-Policy": "cross-origin", "Vary": "Accept",
		"Accept-Ranges": "bytes", "Content-Length": fmt.Sprint(len(a.body)), "Access-Control-Allow-Origin": "*", "Set-Cookie": "",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	tag := a.header.Get("ETag")
	for _, match := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if a := s.get("guest", path, header{"If-None-Match", match}).want(http.StatusNotModified); len(a.body) != 0 || a.header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %v", match, a.header)
		}
	}
	s.get("guest", path, header{"If-None-Match", `"x"`}).want(http.StatusOK)
	head := s.do("guest", http.MethodHead, path, nil).want(http.StatusOK)
	if len(head.body) != 0 || head.header.Get("Content-Length") != fmt.Sprint(len(a.body)) || head.header.Get("ETag") != tag {
		t.Errorf("HEAD: %v", head.header)
	}
	// A tag does not open what one may not see.
	s.get("guest", "/media/"+s.photo("bob", 2)+"/small", header{"If-None-Match", "*"}).want(http.StatusNotFound)
	s.do("guest", http.MethodHead, "/media/"+id+"/frame1", nil).want(http.StatusNotFound)
}

func TestFileRanges(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.photo("alice", 1)
	s.decide("moderator", s.pictured("alice", "kettle", id), "approve")
	path := "/media/" + id + "/full"
	whole := s.get("guest", path).want(http.StatusOK)
	n := len(whole.body)
	for spec, want := range map[string][]byte{
		"bytes=0-9": whole.body[:10], "bytes=10-": whole.body[10:], "bytes=-7": whole.body[n-7:], fmt.Sprintf("bytes=%d-%d", n-1, n+50): whole.body[n-1:],
	} {
		a := s.get("guest", path, header{"Range", spec}).want(http.StatusPartialContent)
		if !bytes.Equal(a.body, want) || !strings.HasSuffix(a.header.Get("Content-Range"), fmt.Sprint("/", n)) {
			t.Errorf("%s: %d bytes, %s", spec, len(a.body), a.header.Get("Content-Range"))
		}
	}
	for _, spec := range []string{fmt.Sprintf("bytes=%d-", n), "bytes=x-", "bytes=9-3"} {
		s.get("guest", path, header{"Range", spec}).want(http.StatusRequestedRangeNotSatisfiable)
	}
	if a := s.get("guest", path, header{"Range", "lines=0-9"}, header{"If-Range", `"x"`}).want(http.StatusOK); !bytes.Equal(a.body, whole.body) {
		t.Error("a range of another file")
	}
	a := s.get("guest", path, header{"Range", "bytes=0-9"}, header{"If-Range", whole.header.Get("ETag")})
	if a.want(http.StatusPartialContent); len(a.body) != 10 {
		t.Errorf("%d bytes of the same file", len(a.body))
	}
	if several := s.get("guest", path, header{"Range", "bytes=0-1,5-6"}).want(http.StatusOK); !bytes.Equal(several.body, whole.body) {
		t.Errorf("two ranges: %v", several.header)
	}
	// No cache may keep a refusal in the place of the file.
	for _, refused := range []*answer{
		s.get("guest", path, header{"If-Match", `"x"`}).want(http.StatusPreconditionFailed),
		s.get("guest", path, header{"Range", "bytes=x"}).want(http.StatusRequestedRangeNotSatisfiable),
	} {
		if refused.header.Get("Cache-Control") != "no-store" || refused.header.Get("ETag") != "" {
			t.Errorf("%d: %v", refused.status, refused.header)
		}
	}
}

// TestFileFormats: WebP is for those who name it.
func TestFileFormats(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.photo("alice", 1)
	s.decide("moderator", s.pictured("alice", "kettle", id), "approve")
	for accept, want := range map[string]string{
		"": "image/jpeg", "*/*": "image/jpeg", "image/*": "image/jpeg", "image/webp": "image/webp", "image/WebP": "image/webp",
		"image/avif,image/webp,image/apng,image/*,*/*;q=0.8": "image/webp", "image/webp;q=0": "image/jpeg", "image/webp;q=0.0, */*": "image/jpeg",
		"image/webp;q=0.001": "image/webp", "image/webp;q=x": "image/jpeg", "text/html, image/webp ; q=0.5": "image/webp", "image/webpx": "image/jpeg",
		",,;;=": "image/jpeg", "image/jpeg, image/webp;q=0": "image/jpeg",
	} {
		a := s.get("guest", "/media/"+id+"/thumb", header{"Accept", accept}).want(http.StatusOK)
		if got := a.header.Get("Content-Type"); got != want || http.DetectContentType(a.body) != want || a.header.Get("Vary") != "Accept" {
			t.Errorf("Accept %q: %s that is %s, varies by %q", accept, got, http.DetectContentType(a.body), a.header.Get("Vary"))
		}
	}
	tags := map[string]bool{}
	for _, accept := range []string{"image/webp", "*/*"} {
		tags[s.get("guest", "/media/"+id+"/thumb", header{"Accept", accept}).header.Get("ETag")] = true
	}
	if len(tags) != 2 {
		t.Errorf("both formats have the tags %v", tags)
	}
}

// TestAddressesThatAreSigned: their query opens them, whatever is beside it, and
// opens nothing else.
func TestAddressesThatAreSigned(t *testing.T) {
	t.Parallel()
	s := open(t)
	m := as[content.PrivateMedia](s.get("alice", "/media/"+s.photo("alice", 1)).want(http.StatusOK))
	fetch := func(as, url string) *answer { return s.send(s.request(as, http.MethodGet, url, nil)) }
	for _, v := range m.Variants {
		a := fetch("guest", v.URL).want(http.StatusOK)
		if a.header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: %v", v.Name, a.header)
		}
		fetch("bob", v.URL).want(http.StatusOK)
		fetch("guest", v.URL+"&width=100").want(http.StatusOK)
		fetch("guest", strings.Replace(v.URL, site, other, 1)).want(http.StatusNotFound)
		bare, query, _ := strings.Cut(v.URL, "?")
		for _, q := range []string{"", "?", "?expires=1", "?signature=x", "?" + strings.Replace(query, "expires=1", "expires=2", 1), "?" + query + "x"} {
			fetch("guest", bare+q).want(http.StatusNotFound)
		}
		for _, q := range []string{"?expires=soon&signature=x", "?expires=99999999999999999999&signature=x", "?expires=1&signature=" + strings.Repeat("x", 2000), "?expires=%zz"} {
			fetch("guest", bare+q).problem(http.StatusBadRequest, "invalid_parameter")
		}
		for _, q := range []string{"?expires=-1&signature=x", "?expires=9223372036854775807&signature=x", "?expires=0&signature=x"} {
			fetch("guest", bare+q).want(http.StatusNotFound)
		}
	}
}

// TestNothingPublicIsSigned reads every public address, as a stranger and as a
// shopper, of a site that has photos everywhere.
func TestNothingPublicIsSigned(t *testing.T) {
	t.Parallel()
	s := open(t)
	c := s.decide("moderator", s.pictured("alice", "kettle", s.photo("alice", 1)), "approve")
	s.edit("alice", c, fields{"body": "Another text that waits.", "media": []fields{{"id": s.photo("alice", 2)}}}).want(http.StatusOK)
	question := s.decide("moderator", s.submit("carol", "/products/kettle/questions", fields{"body": "Is it loud?", "media": []fields{{"id": s.photo("carol", 3)}}}), "approve")
	s.decide("moderator", s.submit("bob", "/contents/"+question.ID+"/replies", fields{"body": "It is not.", "media": []fields{{"id": s.photo("bob", 4)}}}), "approve")
	s.decide("moderator", s.submit("dave", "/boards/lounge/topics", fields{"title": "Kettles", "body": "Show yours.", "media": []fields{{"id": s.photo("dave", 5)}}}), "approve")
	fill := strings.NewReplacer(":product", "kettle", ":board", "lounge", ":notice", "none", ":medium", "none", ":variant", "thumb")
	query := map[string]string{"search": "?q=degrees", "suggest": "?q=holds", "summaries": "?products=kettle"}
	shown := 0
	for _, r := range api.Routes() {
		if r.Method != http.MethodGet || r.Role != "" {
			continue
		}
		for _, id := range []string{c.ID, question.ID} {
			path := fill.Replace(strings.ReplaceAll(strings.TrimPrefix(r.Path, "/v1/sites/:site"), ":id", id))
			path += query[path[strings.LastIndex(path, "/")+1:]]
			for _, as := range []string{"guest", "omar"} {
				if as == "omar" && strings.HasPrefix(path, "/contents/") {
					as = "staff" // moderators see what waits
				}
				a := s.get(as, path)
				if bytes.Contains(a.body, []byte("signature=")) || bytes.Contains(a.body, []byte("frame1")) {
					t.Errorf("%s as %s: %s", path, as, a.body)
				}
				shown += bytes.Count(a.body, []byte(`"variant":"thumb"`))
			}
		}
	}
	if shown < 20 {
		t.Errorf("only %d photos were looked at", shown)
	}
}

// TestPagesOfOtherOriginsUpload: what browsers ask before they send pieces, and
// what their pages may read.
func TestPagesOfOtherOriginsUpload(t *testing.T) {
	t.Parallel()
	s := open(t)
	origin := header{"Origin", "https://shop.example"}
	for _, path := range []string{"/uploads", "/uploads/019ca000-0000-7000-8000-000000000001", "/media", "/media/x/thumb", "/media/x/events"} {
		a := s.do("guest", http.MethodOptions, path, nil, origin, header{"Access-Control-Request-Method", "PATCH"},
			header{"Access-Control-Request-Headers", "tus-resumable,upload-length,upload-metadata,upload-offset,authorization,content-type"}).want(http.StatusNoContent)
		if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
		for name, want := range map[string][]string{
			"Access-Control-Allow-Methods":  {"GET", "HEAD", "POST", "PATCH", "DELETE"},
			"Access-Control-Allow-Headers":  {"Authorization", "Content-Type", "Range", "Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Offset", "X-HTTP-Method-Override"},
			"Access-Control-Expose-Headers": {"Location", "Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Expires", "Retry-After", "Content-Range", "ETag"},
		} {
			for _, w := range want {
				if !slices.Contains(strings.Split(a.header.Get(name), ", "), w) {
					t.Errorf("%s: %s lacks %s: %s", path, name, w, a.header.Get(name))
				}
			}
		}
		if strings.HasPrefix(path, "/uploads") && (a.header.Get("Tus-Version") != "1.0.0" || a.header.Get("Tus-Extension") == "" || a.header.Get("Tus-Max-Size") == "") {
			t.Errorf("%s does not say what is spoken: %v", path, a.header)
		}
	}
	// The answers themselves, refusals too, can be read by pages.
	for _, a := range []*answer{
		s.upload("alice", mediatest.Photo(t, 1)).want(http.StatusCreated), s.upload("alice", []byte("x")), s.upload("guest", mediatest.Photo(t, 1)),
		s.do("alice", http.MethodPost, "/uploads", nil, origin, header{"Tus-Resumable", "1.0.0"}, header{"Upload-Length", "10"}),
		s.do("alice", http.MethodPost, "/uploads", nil, origin),
	} {
		if a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Location") {
			t.Errorf("%s: %v", a.what, a.header)
		}
	}
	s.noWork()
}

// TestProgressOverHTTP streams what becomes of an upload.
func TestProgressOverHTTP(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := s.photo("alice", 1)
	a := s.get("alice", "/media/"+id+"/events").want(http.StatusOK)
	if a.header.Get("Content-Type") != "text/event-stream" || a.header.Get("Cache-Control") != "private, no-store" || a.header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("%v", a.header)
	}
	if text := string(a.body); !strings.HasPrefix(text, "event: progress\ndata: {") || !strings.HasSuffix(text, "}\n\n") || !strings.Contains(text, `"state":"ready"`) {
		t.Errorf("%q", text)
	}
	s.do("alice", http.MethodHead, "/media/"+id+"/events", nil).want(http.StatusOK)
}

// TestClientWords: a name or type that a client gives is never served.
func TestClientWords(t *testing.T) {
	t.Parallel()
	s := open(t)
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreatePart(map[string][]string{
		"Content-Disposition": {`form-data; name="file"; filename="../../<script>.html"`}, "Content-Type": {"text/html"},
	})
	if err == nil {
		_, err = part.Write(mediatest.Photo(t, 1))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a := s.do("alice", http.MethodPost, "/media", b.String(), header{"Content-Type", w.FormDataContentType()}).want(http.StatusCreated)
	if bytes.Contains(a.body, []byte("script")) {
		t.Errorf("%s", a.body)
	}
	m := as[content.PrivateMedia](a)
	if a.header.Get("Location") != under("/media/"+m.ID) {
		t.Errorf("Location %q", a.header.Get("Location"))
	}
	f := s.get("alice", "/media/"+m.ID+"/full").want(http.StatusOK)
	if f.header.Get("Content-Type") != "image/jpeg" || strings.Contains(f.header.Get("Content-Disposition"), "script") {
		t.Errorf("%v", f.header)
	}
	s.noWork()
}
