package sniff_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/media/sniff"
)

const (
	jpegHead = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
	pngHead  = "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90\x77\x53\xde"
	gifHead  = "GIF89a\x01\x00\x01\x00\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b"
	gifTable = "GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00\x21\xf9\x04\x01\x00\x00\x00\x00\x3b"
	webpHead = "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
	mp4Head  = "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42"
	movHead  = "\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  "
	webmHead = "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87\x81\x04\x42\x85\x81\x02"
)

var cases = []struct {
	name, head string
	format     string // what it is, or
	err        error  // why it is refused,
	says       string // and a word of that
}{
	{"jpeg", jpegHead, sniff.JPEG, nil, ""},
	{"jpeg with tables first", "\xff\xd8\xff\xdb\x00\x43\x00", sniff.JPEG, nil, ""},
	{"jpeg with fill bytes", "\xff\xd8\xff\xff\xff\xe1\x00\x10Exif", sniff.JPEG, nil, ""},
	{"jpeg cut", "\xff\xd8", "", sniff.ErrMalformed, ""},
	{"jpeg cut behind the marker's prefix", "\xff\xd8\xff", "", sniff.ErrMalformed, ""},
	{"jpeg with a scan first", "\xff\xd8\xff\xda\x00\x0c", "", sniff.ErrMalformed, ""},
	{"jpeg without a marker", "\xff\xd8text", "", sniff.ErrMalformed, ""},
	{"png", pngHead, sniff.PNG, nil, ""},
	{"png cut", pngHead[:20], "", sniff.ErrMalformed, ""},
	{"png without width", pngHead[:16] + "\x00\x00\x00\x00" + pngHead[20:], "", sniff.ErrMalformed, "size"},
	{"png with another chunk first", strings.Replace(pngHead, "IHDR", "IDAT", 1), "", sniff.ErrMalformed, ""},
	{"gif", gifHead, sniff.GIF, nil, ""},
	{"gif 87a", strings.Replace(gifHead, "89a", "87a", 1), sniff.GIF, nil, ""},
	{"gif with a colour table", gifTable, sniff.GIF, nil, ""},
	{"gif without size", gifHead[:6] + "\x00\x00" + gifHead[8:], "", sniff.ErrMalformed, "size"},
	{"gif that is a script", "GIF89a/*\x01\x00\x00\x00\x00*/=1;alert(1)", "", sniff.ErrMalformed, ""},
	{"webp", webpHead, sniff.WebP, nil, ""},
	{"webp of another chunk", strings.Replace(webpHead, "VP8L", "JUNK", 1), "", sniff.ErrMalformed, ""},
	{"mp4", mp4Head, sniff.MP4, nil, ""},
	{"mov", movHead, sniff.MOV, nil, ""},
	{"mov without a type box", "\x00\x00\x00\x08wide\x00\x01\x00\x00mdat", sniff.MOV, nil, ""},
	{"mp4 with a huge type box", "\x7f\xff\xff\xfcftypmp42\x00\x00\x00\x00isommp42", "", sniff.ErrMalformed, ""},
	{"webm", webmHead, sniff.WebM, nil, ""},
	{"webm with a long size", "\x1a\x45\xdf\xa3\x40\x20\x42\x82\x40\x04webm" + strings.Repeat("\xec\x80", 12), sniff.WebM, nil, ""},
	{"webm whose size is too long", "\x1a\x45\xdf\xa3\x00\x42\x82\x84webm", "", sniff.ErrMalformed, ""},
	{"webm without a type", "\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01", "", sniff.ErrMalformed, "type"},

	{"empty", "", "", sniff.ErrUnsupported, "empty"},
	{"nothing known", "hello, world", "", sniff.ErrUnsupported, ""},
	{"matroska", strings.Replace(strings.Replace(webmHead, "\x84webm", "\x88matroska", 1), "\x9f", "\xa3", 1), "", sniff.ErrUnsupported, "Matroska"},
	{"heic", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "", sniff.ErrUnsupported, "HEIC"},
	{"avif", "\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif", "", sniff.ErrUnsupported, "AVIF"},
	{"audio", "\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00mp42isom", "", sniff.ErrUnsupported, "audio"},
	{"svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`, "", sniff.ErrUnsupported, "SVG"},
	{"svg behind a declaration", `<?xml version="1.0"?><!-- x --><svg/>`, "", sniff.ErrUnsupported, "SVG"},
	{"html", "\xef\xbb\xbf\n <!DOCTYPE html><p>", "", sniff.ErrUnsupported, "HTML"},
	{"pdf", "%PDF-1.7\n", "", sniff.ErrUnsupported, "PDF"},
	{"zip", "PK\x03\x04\x14\x00", "", sniff.ErrUnsupported, "ZIP"},
	{"tiff", "II*\x00\x08\x00\x00\x00", "", sniff.ErrUnsupported, "TIFF"},
	{"hls playlist", "#EXTM3U\n#EXT-X-VERSION:3\nhttp://127.0.0.1/x.ts\n", "", sniff.ErrUnsupported, "playlist"},
	{"concat playlist", "ffconcat version 1.0\nfile /etc/passwd\n", "", sniff.ErrUnsupported, "playlist"},
	{"dash manifest", `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">`, "", sniff.ErrUnsupported, "playlist"},

	{"jpeg and html", jpegHead + "<HTML><script>alert(1)</script>", "", sniff.ErrPolyglot, "HTML"},
	{"jpeg and pdf", jpegHead + "\xff\xfe\x00\x20%PDF-1.4", "", sniff.ErrPolyglot, "PDF"},
	{"png and php", pngHead + "\x00\x00\x00\x20tEXt<?php system($_GET[0]);", "", sniff.ErrPolyglot, "script"},
	{"gif and zip", gifTable + "PK\x03\x04", "", sniff.ErrPolyglot, "ZIP"},
	{"mp4 and playlist", mp4Head + "\n#EXTM3U\nfile:///etc/passwd", "", sniff.ErrPolyglot, "playlist"},
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := sniff.Sniff([]byte(c.head))
			if c.err == nil {
				if err != nil || got.Format != c.format || got.ContentType == "" {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if !errors.Is(err, c.err) || got != (sniff.Sniffed{}) {
				t.Errorf("got %+v, %v, want %v", got, err, c.err)
			} else if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]sniff.Sniffed{
		jpegHead: {Kind: sniff.Photo, Format: "jpeg", ContentType: "image/jpeg"},
		webpHead: {Kind: sniff.Photo, Format: "webp", ContentType: "image/webp"},
		movHead:  {Kind: sniff.Video, Format: "mov", ContentType: "video/quicktime"},
		webmHead: {Kind: sniff.Video, Format: "webm", ContentType: "video/webm"},
	} {
		if got, err := sniff.Sniff([]byte(head)); got != want || err != nil {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

// Every file of the sample data is what its manifest says, or refused.
func TestSamples(t *testing.T) {
	t.Parallel()
	folder := samples(t)
	seen := map[string]int{}
	for _, manifest := range []string{"exif_orientation_examples", "exif_samples", "pillow_test_images"} {
		dir := filepath.Join(folder, "images", manifest)
		table, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			fields := strings.Split(line, "\t")
			if len(fields) < 3 || fields[0] == "file" {
				continue
			}
			content, err := os.ReadFile(filepath.Join(dir, fields[0]))
			if err != nil {
				t.Fatal(err)
			}
			got, err := sniff.Sniff(content)
			switch want := strings.Replace(fields[2], "apng", sniff.PNG, 1); want {
			case sniff.JPEG, sniff.PNG, sniff.GIF, sniff.WebP:
				if got.Format != want && !errors.Is(err, sniff.ErrMalformed) {
					t.Errorf("%s: got %q, %v, want %s", fields[0], got.Format, err, want)
				}
			default:
				if err == nil {
					t.Errorf("%s: got %s, which is %s", fields[0], got.Format, want)
				}
			}
			seen[got.Format]++
		}
	}
	for _, format := range []string{sniff.JPEG, sniff.PNG, sniff.GIF, sniff.WebP, ""} {
		if seen[format] < 5 {
			t.Errorf("only %d files are %q", seen[format], format)
		}
	}
}

func samples(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if folder := filepath.Join(dir, "shared", "data"); exists(folder) {
			return folder
		}
	}
	t.Skip("no folder shared/data")
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func FuzzSniff(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.head))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		got, err := sniff.Sniff(head)
		if (err == nil) != (got.Format != "") {
			t.Fatalf("%+v with %v", got, err)
		}
		if err != nil && !errors.Is(err, sniff.ErrUnsupported) && !errors.Is(err, sniff.ErrMalformed) && !errors.Is(err, sniff.ErrPolyglot) {
			t.Fatalf("an unknown error: %v", err)
		}
		// What comes behind the head changes nothing.
		if len(head) >= sniff.HeadSize {
			if again, _ := sniff.Sniff(append(head[:sniff.HeadSize:sniff.HeadSize], "<html>"...)); again != got {
				t.Fatalf("%+v became %+v", got, again)
			}
		}
	})
}
