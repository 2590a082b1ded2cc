package sniff

import "bytes"

// refusals are well-known formats that are not taken in, so that the answer can
// name what was sent.
var refusals = []struct {
	offset    int
	signature string
	name      string
}{
	{0, "%PDF-", "PDF document"},
	{0, "PK\x03\x04", "ZIP archive"},
	{0, "PK\x05\x06", "ZIP archive"},
	{0, "Rar!", "RAR archive"},
	{0, "7z\xbc\xaf", "7-Zip archive"},
	{0, "\x1f\x8b", "gzip archive"},
	{0, "BZh", "bzip2 archive"},
	{257, "ustar", "tar archive"},
	{0, "II*\x00", "TIFF image"},
	{0, "MM\x00*", "TIFF image"},
	{0, "II+\x00", "TIFF image"},
	{0, "MM\x00+", "TIFF image"},
	{0, "BM", "BMP image"},
	{0, "8BPS", "Photoshop image"},
	{0, "\x00\x00\x01\x00", "icon"},
	{0, "\xff\x0a", "JPEG XL image"},
	{0, "\x00\x00\x00\x0cJXL ", "JPEG XL image"},
	{0, "\x00\x00\x00\x0cjP  ", "JPEG 2000 image"},
	{0, "\xff\x4f\xff\x51", "JPEG 2000 image"},
	{0, "BPG\xfb", "BPG image"},
	{0, "\x8aMNG", "MNG animation"},
	{8, "AVI ", "AVI video"},
	{8, "WAVE", "audio file"},
	{0, "FLV\x01", "Flash video"},
	{0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media file"},
	{0, "\x00\x00\x01\xba", "MPEG program stream"},
	{0, "\x00\x00\x01\xb3", "MPEG video stream"},
	{0, "OggS", "Ogg file"},
	{0, "ID3", "audio file"},
	{0, "fLaC", "audio file"},
	{0, "#EXTM3U", "playlist"},
	{0, "ffconcat", "playlist"},
	{0, "#!", "script"},
	{0, "\x7fELF", "program"},
	{0, "MZ", "program"},
}

// texts are the beginnings of text formats, in lower case.
var texts = []struct{ start, name string }{
	{"<!doctype html", "HTML page"},
	{"<html", "HTML page"},
	{"<svg", "SVG drawing"},
	{"<mpd", "playlist"},
	{"<?php", "script"},
	{"<?xml", "XML document"},
	{"<script", "HTML page"},
}

// refused names the format of a file that is not taken in, "" when it is none of
// the well-known ones.
func refused(head []byte) string {
	for _, r := range refusals {
		if at(head, r.offset, r.signature) {
			return r.name
		}
	}
	start := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	start = bytes.ToLower(bytes.TrimLeft(start[:min(len(start), 1024)], " \t\r\n"))
	for _, t := range texts {
		if !bytes.HasPrefix(start, []byte(t.start)) {
			continue
		}
		if t.name == "XML document" && bytes.Contains(start, []byte("<svg")) {
			return "SVG drawing"
		}
		return t.name
	}
	return ""
}

// seconds are marks that make other programs read a file as something else than
// its signature says. Readers of PDF take a header anywhere in the first 1024
// bytes (PDF 1.7, appendix H, note 13); browsers that guess look for tags.
var seconds = []struct{ mark, name string }{
	{"%pdf-", "PDF document"},
	{"<!doctype html", "HTML page"},
	{"<html", "HTML page"},
	{"<script", "script"},
	{"<svg", "SVG drawing"},
	{"<?php", "script"},
	{"<iframe", "HTML page"},
	{"#extm3u", "playlist"},
	{"pk\x03\x04", "ZIP archive"},
}

// second names the other format of a file that was recognised, "" for an honest
// one.
func second(head []byte) string {
	lower := bytes.ToLower(head[:min(len(head), 1024)])
	for _, s := range seconds {
		if bytes.Contains(lower, []byte(s.mark)) {
			return s.name
		}
	}
	return ""
}
