package sniff

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
)

// movieBrands are the major brands of ISO base media files that hold a film.
// HEIC, AVIF and audio files have the same structure and other brands
// (mp4ra.org, brands).
var movieBrands = map[string]string{
	"isom": MP4, "iso2": MP4, "iso3": MP4, "iso4": MP4, "iso5": MP4, "iso6": MP4, "iso7": MP4, "iso8": MP4, "iso9": MP4,
	"mp41": MP4, "mp42": MP4, "mp71": MP4, "avc1": MP4, "av01": MP4, "hvc1": MP4,
	"M4V ": MP4, "M4VH": MP4, "M4VP": MP4, "MSNV": MP4, "NDSC": MP4, "dash": MP4, "XAVC": MP4,
	"3gp4": MP4, "3gp5": MP4, "3gp6": MP4, "3gp7": MP4, "3gs7": MP4, "3ge6": MP4, "3g2a": MP4, "3g2b": MP4, "3g2c": MP4,
	"qt  ": MOV,
}

// otherBrands name what else comes in ISO base media files.
var otherBrands = map[string]string{
	"heic": "HEIC image", "heix": "HEIC image", "heim": "HEIC image", "heis": "HEIC image", "hevc": "HEIC image", "hevx": "HEIC image",
	"mif1": "HEIF image", "msf1": "HEIF image", "avif": "AVIF image", "avis": "AVIF image", "crx ": "Canon raw image",
	"jp2 ": "JPEG 2000 image", "jpx ": "JPEG 2000 image", "M4A ": "audio file", "M4B ": "audio file", "M4P ": "audio file", "F4V ": "Flash video",
}

// movie tells ISO base media and QuickTime files apart by their first box. It
// gives "" and no error for what is neither.
func movie(head []byte) (string, error) {
	if len(head) < 16 {
		return "", nil
	}
	size, box := binary.BigEndian.Uint32(head), string(head[4:8])
	switch box {
	case "ftyp":
		// Major brand, minor version, and compatible brands of four bytes each.
		if size < 16 || size > 1024 || size%4 != 0 {
			return "", malformed("ISO media", "impossible type box")
		}
		brand := string(head[8:12])
		if format, ok := movieBrands[brand]; ok {
			return format, nil
		}
		if name, ok := otherBrands[brand]; ok {
			return "", fmt.Errorf("%w: %s", ErrUnsupported, name)
		}
		return "", fmt.Errorf("%w: ISO media of brand %q", ErrUnsupported, brand)
	case "moov", "mdat", "wide":
		// QuickTime files before 2001 have no type box. Size 0 is "to the end",
		// 1 is "64 bits follow".
		if size == 1 || size >= 8 || (size == 0 && box == "mdat") {
			return MOV, nil
		}
		return "", malformed(MOV, "impossible box size")
	}
	return "", nil
}

// webm wants the document type in the EBML header. Matroska has the same
// signature and may hold anything (RFC 8794, 11.2; RFC 9559).
func webm(head []byte) error {
	const docType = "\x42\x82"
	header, ok := ebmlBody(head[4:])
	if !ok {
		return malformed(WebM, "impossible header")
	}
	_, rest, ok := bytes.Cut(header, []byte(docType))
	if !ok {
		return malformed(WebM, "no document type")
	}
	text, ok := ebmlBody(rest)
	if !ok {
		return malformed(WebM, "impossible document type")
	}
	switch name := strings.TrimRight(string(text), "\x00"); name {
	case "webm":
		return nil
	case "matroska":
		return fmt.Errorf("%w: Matroska video", ErrUnsupported)
	default:
		return fmt.Errorf("%w: EBML document %q", ErrUnsupported, name)
	}
}

// ebmlBody gives the body of an element, of whose head the id was read already:
// a size whose first byte tells its length by leading zeros (RFC 8794, 4.4).
func ebmlBody(b []byte) ([]byte, bool) {
	if len(b) == 0 || b[0] == 0 {
		return nil, false
	}
	length := bits.LeadingZeros8(b[0]) + 1
	if len(b) < length {
		return nil, false
	}
	size := uint64(b[0]) & (0xff >> length)
	for _, c := range b[1:length] {
		size = size<<8 | uint64(c)
	}
	body := b[length:]
	if size == 0 || size > uint64(len(body)) {
		return nil, false
	}
	return body[:size], true
}
