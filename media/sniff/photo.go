package sniff

import "encoding/binary"

// jpeg wants a marker after the start of image. Fill bytes may precede it
// (ITU-T T.81, B.1.1.2).
func jpeg(head []byte) error {
	i := 2
	for i < len(head) && head[i] == 0xff {
		i++
	}
	if i == 2 || i >= len(head) {
		return malformed(JPEG, "no marker follows the start")
	}
	// Tables, applications, comments and frames may come first; a scan or the
	// end of the image may not.
	switch m := head[i]; {
	case m >= 0xc0 && m <= 0xcf, m >= 0xdb && m <= 0xdd, m >= 0xe0 && m <= 0xef, m == 0xfe:
		return nil
	}
	return malformed(JPEG, "an unexpected marker follows the start")
}

// png wants the header chunk, of its fixed length (PNG, 5.3 and 11.2.1).
func png(head []byte) error {
	if !at(head, 8, "\x00\x00\x00\x0dIHDR") || len(head) < 26 {
		return malformed(PNG, "no header chunk")
	}
	w, h := binary.BigEndian.Uint32(head[16:]), binary.BigEndian.Uint32(head[20:])
	if w == 0 || h == 0 || w > 1<<31-1 || h > 1<<31-1 {
		return malformed(PNG, "impossible size")
	}
	return nil
}

// gif wants a screen of some size, and a block behind the screen descriptor and
// the global colour table (GIF89a, 18).
func gif(head []byte) error {
	if len(head) < 13 {
		return malformed(GIF, "no screen descriptor")
	}
	if binary.LittleEndian.Uint16(head[6:]) == 0 || binary.LittleEndian.Uint16(head[8:]) == 0 {
		return malformed(GIF, "impossible size")
	}
	next := 13
	if flags := head[10]; flags&0x80 != 0 {
		next += 3 << (flags&7 + 1)
	}
	if next >= len(head) {
		return malformed(GIF, "no image")
	}
	switch head[next] {
	case 0x21, 0x2c: // extension, image
		return nil
	}
	return malformed(GIF, "no block follows the screen descriptor")
}

// webp wants one of the three first chunks (RFC 9649, 2.5 to 2.7).
func webp(head []byte) error {
	if at(head, 12, "VP8 ") || at(head, 12, "VP8L") || at(head, 12, "VP8X") {
		return nil
	}
	return malformed(WebP, "no image chunk")
}
