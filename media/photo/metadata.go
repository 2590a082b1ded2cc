package photo

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
)

// maxProfile bounds a colour profile, in bytes. Those of cameras have a few
// hundred, those of presses a megabyte or two, which are not applied anyway.
const maxProfile = 4 << 20

// orientation finds the EXIF orientation, 1 to 8, in a TIFF structure; 1 when
// there is none or it makes no sense (EXIF 2.32, 4.6.4; TIFF 6.0, section 2).
func orientation(exif []byte) int {
	const upright = 1
	exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	if len(exif) < 8 {
		return upright
	}
	var order binary.ByteOrder
	switch string(exif[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	at := int64(order.Uint32(exif[4:]))
	if at+2 > int64(len(exif)) {
		return upright
	}
	count := int64(order.Uint16(exif[at:]))
	for i := range count {
		entry := at + 2 + 12*i
		if entry+12 > int64(len(exif)) {
			break
		}
		if order.Uint16(exif[entry:]) != 0x0112 {
			continue
		}
		value := uint32(order.Uint16(exif[entry+8:]))
		if order.Uint16(exif[entry+2:]) == 4 { // LONG, which some writers use
			value = order.Uint32(exif[entry+8:])
		}
		if value >= 1 && value <= 8 {
			return int(value)
		}
		break
	}
	return upright
}

// iccParts collects the parts of a colour profile in a JPEG file (ICC.1:2022,
// B.4).
type iccParts struct {
	parts [256][]byte
	count int
	size  int
}

func (p *iccParts) add(segment []byte) {
	const mark = "ICC_PROFILE\x00"
	if len(segment) < len(mark)+2 || string(segment[:len(mark)]) != mark {
		return
	}
	number, count := segment[len(mark)], segment[len(mark)+1]
	if number == 0 || number > count || p.parts[number] != nil {
		return
	}
	p.parts[number] = segment[len(mark)+2:]
	p.count = int(count)
	p.size += len(p.parts[number])
}

// join gives the profile, nil when parts are missing or it is too long.
func (p *iccParts) join() []byte {
	if p.count == 0 || p.size > maxProfile {
		return nil
	}
	profile := make([]byte, 0, p.size)
	for i := 1; i <= p.count; i++ {
		if p.parts[i] == nil {
			return nil
		}
		profile = append(profile, p.parts[i]...)
	}
	return profile
}

// pngProfile unpacks an iCCP chunk: a name, a zero, a method, a zlib stream.
func pngProfile(chunk []byte) []byte {
	i := bytes.IndexByte(chunk, 0)
	if i < 0 || i+2 > len(chunk) || chunk[i+1] != 0 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(chunk[i+2:]))
	if err != nil {
		return nil
	}
	// A profile that cannot be read is as good as none.
	profile, err := io.ReadAll(io.LimitReader(z, maxProfile+1))
	if err != nil || len(profile) > maxProfile {
		return nil
	}
	return profile
}

// webpFile is what a walk over the chunks of a WebP file found (RFC 9649, 2).
type webpFile struct {
	animated      bool
	width, height int // of an animation's canvas
	frames        []webpFrame
	exif, profile []byte
}

// webpFrame is one frame of an animation: where it goes, and its chunks.
type webpFrame struct {
	x, y, width, height int
	chunks              []byte
}

// maxFrameChunks bounds how many frames of an animation are noted.
const maxFrameChunks = 100_000

func webpWalk(data []byte) (w webpFile) {
	for name, body := range riffChunks(data[min(12, len(data)):]) {
		switch {
		case name == "VP8X" && len(body) >= 10:
			w.animated = body[0]&2 != 0
			w.width, w.height = uint24(body[4:])+1, uint24(body[7:])+1
		case name == "ANMF" && len(body) >= 16 && len(w.frames) < maxFrameChunks:
			w.frames = append(w.frames, webpFrame{
				x: 2 * uint24(body), y: 2 * uint24(body[3:]),
				width: uint24(body[6:]) + 1, height: uint24(body[9:]) + 1, chunks: body[16:],
			})
		case name == "EXIF":
			w.exif = body
		case name == "ICCP" && len(body) <= maxProfile:
			w.profile = body
		}
	}
	return w
}

// riffChunks gives the chunks that are wholly there.
func riffChunks(data []byte) func(yield func(name string, body []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for len(data) >= 8 {
			size := int64(binary.LittleEndian.Uint32(data[4:]))
			if size > int64(len(data)-8) || !yield(string(data[:4]), data[8:8+size]) {
				return
			}
			data = data[min(8+size+size&1, int64(len(data))):]
		}
	}
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// still makes a file of its own of a frame, for decoders of still pictures.
func (f webpFrame) still() []byte {
	var chunks []byte
	for name, body := range riffChunks(f.chunks) {
		switch name {
		case "ALPH":
			extended := make([]byte, 10)
			extended[0] = 1 << 4 // has alpha
			putUint24(extended[4:], f.width-1)
			putUint24(extended[7:], f.height-1)
			chunks = appendChunk(chunks, "VP8X", extended)
			chunks = appendChunk(chunks, name, body)
		case "VP8 ", "VP8L":
			chunks = appendChunk(chunks, name, body)
		}
	}
	file := append([]byte("RIFF\x00\x00\x00\x00WEBP"), chunks...)
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)-8))
	return file
}

func appendChunk(b []byte, name string, body []byte) []byte {
	b = append(b, name...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func putUint24(b []byte, v int) { b[0], b[1], b[2] = byte(v), byte(v>>8), byte(v>>16) }
