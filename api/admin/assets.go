package admin

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
)

//go:embed assets/*
var assetFiles embed.FS

// asset is one file of the view.
type asset struct {
	kind string
	body []byte
}

// assets are the files by the name under which they are served, which holds
// their hash: a browser may keep them for ever.
type assets struct {
	byName map[string]asset
	// Style, Script and Icon are the addresses that the pages name.
	Style, Script, Icon string
}

// served are the files of the view, and what each is put together from.
var served = map[string][]string{
	"admin.css": {"admin.css", "media.css"}, "admin.js": {"admin.js", "keys.js", "live.js", "media.js"}, "icon.svg": {"icon.svg"},
}

func loadAssets() (assets, error) {
	a := assets{byName: map[string]asset{}}
	for file, address := range map[string]*string{"admin.css": &a.Style, "admin.js": &a.Script, "icon.svg": &a.Icon} {
		ext := path.Ext(file)
		var body strings.Builder
		for _, name := range served[file] {
			b, err := assetFiles.ReadFile("assets/" + name)
			if err != nil {
				return a, fmt.Errorf("read assets: %w", err)
			}
			body.WriteString(lean(string(b), ext))
		}
		sum := sha256.Sum256([]byte(body.String()))
		name := file[:len(file)-len(ext)] + "." + hex.EncodeToString(sum[:6]) + ext
		var kind string
		switch ext {
		case ".css":
			kind = "text/css; charset=utf-8"
		case ".js":
			kind = "text/javascript; charset=utf-8"
		case ".svg":
			kind = "image/svg+xml"
		}
		a.byName[name] = asset{kind: kind, body: []byte(body.String())}
		*address = "/admin/_/" + name
	}
	return a, nil
}

// lean leaves out what only readers of the source need: indentation, empty lines
// and lines of comment, and in style sheets the space around signs. Texts that
// hold these signs with space, or several lines, must not stand in the files.
func lean(source, ext string) string {
	var out strings.Builder
	comment := false
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		comment = comment || ext == ".css" && strings.HasPrefix(line, "/*")
		if !comment && line != "" && (ext != ".js" || !strings.HasPrefix(line, "//")) {
			if ext == ".css" {
				line = tight.Replace(line)
			}
			out.WriteString(line + "\n")
		}
		comment = comment && !strings.HasSuffix(line, "*/")
	}
	return out.String()
}

var tight = strings.NewReplacer(": ", ":", ", ", ",", "; ", ";", " { ", "{", " {", "{", "{ ", "{", "; }", "}", " }", "}", " > ", ">")

func (a assets) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := a.byName[name]
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(f.body) // the browser is gone when this fails
}
