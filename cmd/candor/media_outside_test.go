package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What is served is looked at by programs that did not make it.

// showVideos waits for videos, publishes those that could be made, and looks at
// them as a stranger.
func showVideos(t *testing.T, c, moderator client, videos []sampleFile) {
	t.Helper()
	var ready []sampleFile
	for _, v := range videos {
		v.medium = c.settled(t, v.ID)
		t.Logf("%s: %s %s, %d x %d, %.1f s", v.name, v.State, v.Reason, v.Width, v.Height, v.Duration)
		switch {
		case v.State == "ready":
			ready = append(ready, v)
		case v.Reason == "" || v.Reason == "internal":
			t.Errorf("%s: failed for no clear reason: %q", v.name, v.Reason)
		}
	}
	if len(ready) < 8 {
		t.Errorf("%d videos are ready", len(ready))
	}
	for n, part := range slices.Collect(slices.Chunk(ready, 10)) {
		publish(t, c, moderator, fmt.Sprintf("video-%d", n), part)
	}
	stranger := c.as("")
	for _, p := range ready {
		names := []string{}
		for _, v := range p.Variants {
			names = append(names, v.Variant)
			a := fetch(t, stranger, v, "image/webp,*/*")
			what := p.name + " " + v.Variant
			if v.Variant == "video" {
				checkServed(t, stranger, v, a, what, "", "video/mp4", false)
				checkFilm(t, what, a.body, v)
				continue
			}
			checkServed(t, stranger, v, a, what, "", "image/jpeg", false)
			if config, _, err := image.DecodeConfig(bytes.NewReader(a.body)); err != nil || config.Width != v.Width || config.Height != v.Height {
				t.Errorf("%s: is %d x %d, said %d x %d: %v", what, config.Width, config.Height, v.Width, v.Height, err)
			}
		}
		if want := []string{"thumb", "small", "poster", "video"}; !slices.Equal(names, want) {
			t.Errorf("%s: strangers are shown %q", p.name, names)
		}
		frame := variant{URL: "/v1/sites/shop/media/" + p.ID + "/frame1"}
		if a := fetch(t, stranger, frame, ""); a.status != http.StatusNotFound {
			t.Errorf("%s: a stranger got %d for a key frame", p.name, a.status)
		}
	}
}

// checkFilm asks ffprobe what a served video is.
func checkFilm(t *testing.T, what string, film []byte, v variant) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "served.mp4")
	if err := os.WriteFile(path, film, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), mediaTool(t, "ffprobe"), "-v", "error", "-of", "json", "-show_format", "-show_streams", path).Output()
	if err != nil {
		t.Errorf("%s: ffprobe: %v", what, err)
		return
	}
	var found struct {
		Format struct {
			Name string `json:"format_name"`
		}
		Streams []struct {
			Kind          string `json:"codec_type"`
			Codec         string `json:"codec_name"`
			Pixels        string `json:"pix_fmt"`
			Width, Height int
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	pictures := 0
	for _, s := range found.Streams {
		switch {
		case s.Kind == "video" && s.Codec == "h264" && s.Pixels == "yuv420p" && s.Width == v.Width && s.Height == v.Height:
			pictures++
		case s.Kind == "audio" && s.Codec == "aac":
		default:
			t.Errorf("%s: stream %+v", what, s)
		}
	}
	if pictures != 1 || min(v.Width, v.Height) > 720 || max(v.Width, v.Height) > 1280 || !strings.Contains(found.Format.Name, "mp4") {
		t.Errorf("%s: %s", what, out)
	}
	if moov, mdat := bytes.Index(film, []byte("moov")), bytes.Index(film, []byte("mdat")); moov > mdat {
		t.Errorf("%s: a browser has to load all of it before it plays", what)
	}
}

// telling are the tags that tell something of a camera, a place or a person, or
// hold a picture or a text of their own.
var telling = regexp.MustCompile(`(?i)gps|geo|location|latitude|longitude|make|model|serial|software|thumbnail|preview(image|data)|comment|` +
	`artist|author|owner|copyright|creator|title|description$|keyword|date|time(stamp|zone)|lens|unique|documentid|xmp|iptc|exif|profile`)

// harmless are tags whose names are like those, and what they may say.
var harmless = map[string]*regexp.Regexp{
	// Of the file on this disk, and of exiftool itself.
	"FileModifyDate": nil, "FileAccessDate": nil, "FileInodeChangeDate": nil, "ExifToolVersion": nil, "ExifByteOrder": regexp.MustCompile("^$"),
	// Of the structure of an MP4 file, which every one has.
	"CreateDate": noDate, "ModifyDate": noDate, "TrackCreateDate": noDate, "TrackModifyDate": noDate,
	"MediaCreateDate": noDate, "MediaModifyDate": noDate,
	"HandlerDescription": regexp.MustCompile("^(Video|Sound)Handler$"), "ColorProfiles": regexp.MustCompile("^nclx$"),
}

var noDate = regexp.MustCompile("^0000:00:00 00:00:00$")

// checkMetadata asks exiftool what it finds in a store's files.
func checkMetadata(t *testing.T, store string) {
	t.Helper()
	kept := map[string]int{}
	for path := range regular(t, store) {
		kept[filepath.Ext(path)]++
	}
	t.Logf("stored: %v", kept)
	if kept[".jpg"] < 300 || kept[".webp"] < 180 || kept[".mp4"] < 8 || len(kept) != 3 {
		t.Errorf("stored files by ending: %v", kept)
	}
	out, err := exec.CommandContext(t.Context(), mediaTool(t, "exiftool"), "-json", "-G0", "-a", "-q", "-r", store).Output()
	if err != nil {
		t.Fatalf("exiftool: %v", err)
	}
	var files []map[string]any
	if err := json.Unmarshal(out, &files); err != nil {
		t.Fatal(err)
	}
	if all := kept[".jpg"] + kept[".webp"] + kept[".mp4"]; len(files) != all {
		t.Errorf("exiftool looked at %d of %d files", len(files), all)
	}
	for _, f := range files {
		for tag, value := range f {
			group, name, _ := strings.Cut(tag, ":")
			if slices.Contains([]string{"EXIF", "XMP", "IPTC", "Photoshop", "MakerNotes", "ICC_Profile", "MPF", "APP0", "APP1", "PNG"}, group) {
				t.Errorf("%v has %s = %v", f["SourceFile"], tag, value)
				continue
			}
			if !telling.MatchString(name) {
				continue
			}
			if may, known := harmless[name]; !known || may != nil && !may.MatchString(fmt.Sprint(value)) {
				t.Errorf("%v has %s = %v", f["SourceFile"], tag, value)
			}
		}
	}
}
