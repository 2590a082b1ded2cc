package admin

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
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

func loadAssets() (assets, error) {
	a := assets{byName: map[string]asset{}}
	for file, address := range map[string]*string{"admin.css": &a.Style, "admin.js": &a.Script, "icon.svg": &a.Icon} {
		b, err := assetFiles.ReadFile("assets/" + file)
		if err != nil {
			return a, fmt.Errorf("read assets: %w", err)
		}
		sum := sha256.Sum256(b)
		ext := path.Ext(file)
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
		a.byName[name] = asset{kind: kind, body: b}
		*address = "/admin/_/" + name
	}
	return a, nil
}

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
