package upload_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
)

// request is a request of version 1.0.0 that needs no connection.
func request(t testing.TB, method string, body io.Reader) (*httptest.ResponseRecorder, *http.Request) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, uploads, body)
	req.Header.Set("Tus-Resumable", "1.0.0")
	return httptest.NewRecorder(), req
}

// Whatever the headers of an upload hold, an upload of the announced length
// begins or the client is told why not, and a piece lands where it belongs or
// nowhere.
func FuzzHeaders(f *testing.F) {
	f.Add("5", "filename aGVsbG8=", "0", "hello", true)
	f.Add("10", "", "3", "hello", false)
	f.Add("-1", "a b,c d,,a", "-0", "", true)
	f.Add("0x10", "é", "99999999999999999999", "x", false)
	f.Add(" 7", "n\x00 AAAA", "1_0", "\xff", true)
	r := newRig(f, nil)
	alice := content.Actor{ID: "alice", Role: content.Shopper}
	f.Fuzz(func(t *testing.T, length, metadata, offset, body string, piece bool) {
		w, req := request(t, http.MethodPost, strings.NewReader(body))
		req.Header.Set("Upload-Length", length)
		req.Header.Set("Upload-Metadata", metadata)
		if piece {
			req.Header.Set("Content-Type", "application/offset+octet-stream")
		}
		err := r.handler.Serve(w, req, alice, "demo", "")
		if err != nil {
			if statusOf(err) >= 500 {
				t.Fatalf("POST: %v", err)
			}
			return
		}
		size, err := strconv.ParseInt(length, 10, 64)
		if err != nil || size <= 0 || size > maxBytes || w.Code != http.StatusCreated {
			t.Fatalf("%d for a length of %q", w.Code, length)
		}
		id := strings.TrimPrefix(w.Header().Get("Location"), uploads+"/")
		at := int64(0)
		if piece {
			at = int64(len(body))
		}
		if at == size {
			return // finished
		}
		w, req = request(t, http.MethodPatch, bytes.NewReader([]byte("xyz")))
		req.Header.Set("Upload-Offset", offset)
		req.Header.Set("Content-Type", "application/offset+octet-stream")
		if err := r.handler.Serve(w, req, alice, "demo", id); err != nil {
			if statusOf(err) >= 500 {
				t.Fatalf("PATCH: %v", err)
			}
		} else if n, err := strconv.ParseInt(offset, 10, 64); err != nil || n != at {
			t.Fatalf("a piece at %q was taken at %d", offset, at)
		} else {
			at += 3
		}
		if at == size {
			return
		}
		w, req = request(t, http.MethodHead, nil)
		if err := r.handler.Serve(w, req, alice, "demo", id); err != nil {
			t.Fatalf("HEAD: %v", err)
		}
		if h := w.Header(); h.Get("Upload-Offset") != strconv.FormatInt(at, 10) || h.Get("Upload-Length") != strconv.FormatInt(size, 10) || h.Get("Upload-Metadata") != metadata {
			t.Fatalf("%v after %q bytes of %q", h, body, length)
		}
		w, req = request(t, http.MethodDelete, nil)
		if err := r.handler.Serve(w, req, alice, "demo", id); err != nil {
			t.Fatalf("DELETE: %v", err)
		}
	})
}
