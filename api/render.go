package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/candor-ugc/candor/api/lifecycle"
)

const jsonType = "application/json; charset=utf-8"

// send writes JSON that only the asker may see.
func (c *call) send(status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	c.Header("Cache-Control", "private, no-store")
	c.Data(status, jsonType, b)
	return nil
}

// public writes an encoded body that everybody may see, or 304 where the client
// has it. Caches may keep it but must ask before they use it again: what is
// removed must not live on in them.
func (c *call) public(body []byte, etag string) error {
	h := c.Writer.Header()
	h.Set("Cache-Control", "public, no-cache")
	h.Set("ETag", etag)
	if matches(c.Request.Header.Get("If-None-Match"), etag) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return nil
	}
	c.Data(http.StatusOK, jsonType, body)
	return nil
}

// publicJSON is public for what is not encoded yet.
func (c *call) publicJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return c.public(b, lifecycle.BodyTag(b))
}

// matches compares an If-None-Match header with an entity tag, weakly (RFC 9110,
// section 13.1.2).
func matches(header, etag string) bool {
	if header == "" {
		return false
	}
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// linkNext names the next page in a Link header (RFC 8288).
func (c *call) linkNext(next lifecycle.Cursor) {
	if next == "" {
		return
	}
	q := c.Request.URL.Query()
	q.Set("cursor", string(next))
	u := url.URL{Path: c.Request.URL.Path, RawQuery: q.Encode()}
	c.Header("Link", "<"+u.String()+`>; rel="next"`)
}

// query reads the parameters of the address. What cannot be read must not count
// as absent: a filter that is silently dropped shows more than was asked for.
func (c *call) query() *params {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	p := &params{Values: values}
	if err != nil {
		p.bad.Add(brokenParam(c.Request.URL.RawQuery), "invalid", "must be written with percent-encoding")
	}
	return p
}

// brokenParam names the first parameter that cannot be read.
func brokenParam(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if _, err := url.ParseQuery(pair); err != nil {
			name, _, _ := strings.Cut(pair, "=")
			if name, err = url.QueryUnescape(name); err == nil && name != "" && utf8.ValidString(name) {
				return name
			}
		}
	}
	return "query"
}

// bind reads the JSON body into a request type.
func (c *call) bind(v any) error {
	b, err := readBody(c.Request, maxJSON)
	if err != nil {
		return err
	}
	return decode(b, v)
}
