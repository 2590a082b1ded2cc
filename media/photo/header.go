package photo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"

	"github.com/candor-ugc/candor/media/sniff"
)

// header is what a file says of itself before its pixels are decoded.
type header struct {
	width, height int
	frames        int
	orientation   int    // EXIF, 1 to 8
	profile       []byte // ICC, nil if there is none
	// decodeBytes is what decoding needs for one pixel, and keptBytes what the
	// decoded picture takes, in bytes.
	decodeBytes, keptBytes float64
	// planes says that the decoded picture is of planes, not of RGB.
	planes bool
}

// inspect reads the header of a file.
func inspect(data []byte, format string, maxFrames int) (header, error) {
	h := header{frames: 1, orientation: 1}
	var err error
	switch format {
	case sniff.JPEG:
		err = h.jpeg(data)
	case sniff.PNG:
		err = h.png(data)
	case sniff.GIF:
		err = h.gif(data, maxFrames)
	case sniff.WebP:
		err = h.webp(data)
	default:
		err = fmt.Errorf("%w: format %q", ErrFeature, format)
	}
	return h, err
}

// check holds the header against the limits.
func (h header) check(o Options) error {
	if h.width <= 0 || h.height <= 0 {
		return fmt.Errorf("%w: no pixels", ErrDamaged)
	}
	if h.width > maxSide || h.height > maxSide || int64(h.width)*int64(h.height) > o.Pixels {
		return fmt.Errorf("%w: %d x %d", ErrTooLarge, h.width, h.height)
	}
	if h.frames > o.Frames {
		return fmt.Errorf("%w: more than %d", ErrFrames, o.Frames)
	}
	return nil
}

// memory estimates from above what the whole job needs, in bytes.
func (h header) memory(o Options) int64 {
	pixels := float64(h.width) * float64(h.height)
	kept := h.keptBytes
	if h.planes && h.profile != nil || o.Output == sniff.WebP {
		kept += 4 // another one in RGB
	}
	if h.orientation != 1 {
		kept += max(4, h.keptBytes) // another one upright
	}
	// The encoded file is below one byte a pixel. Between the two passes of
	// resizing there is a picture of the new width and the old height.
	need := pixels*max(h.decodeBytes, kept+1) + 4*float64(min(h.width, keepSharp*sizes[0].side))*float64(h.height) + 32<<20
	if o.Output == sniff.WebP {
		// libwebp copies the pixels and makes planes of them.
		need += 12*min(pixels, float64(max(o.WebPPixels, int64(sizes[0].side*sizes[0].side)))) + 64<<20
	}
	return int64(need)
}

func damaged(err error) error { return fmt.Errorf("%w: %w", ErrDamaged, err) }

// jpeg walks the segments before the first scan, and lets the decoder's own
// reader say the size.
func (h *header) jpeg(data []byte) error {
	config, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return jpegError(err)
	}
	h.width, h.height = config.Width, config.Height
	// What it is when no frame header was found: four whole components with
	// their coefficients.
	h.decodeBytes, h.keptBytes, h.planes = 4*5, 4, true
	exif, profile := []byte(nil), iccParts{}
	for marker, body := range jpegSegments(data) {
		switch {
		case marker == 0xe1 && exif == nil && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			exif = body[6:]
		case marker == 0xe2:
			profile.add(body)
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			h.decodeBytes, h.keptBytes = jpegBytes(marker, body)
		}
	}
	h.orientation = orientation(exif)
	h.profile = profile.join()
	return nil
}

// jpegSegments gives the marker segments up to the first scan.
func jpegSegments(data []byte) func(yield func(marker byte, body []byte) bool) {
	return func(yield func(byte, []byte) bool) {
		for i := 2; i+4 <= len(data); {
			if data[i] != 0xff || data[i+1] == 0xff || data[i+1] == 0 {
				i++ // fill bytes, and what careless writers leave between segments
				continue
			}
			marker := data[i+1]
			if marker == 0xd8 || marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 {
				i += 2 // no length follows
				continue
			}
			length := int(binary.BigEndian.Uint16(data[i+2:]))
			if marker == 0xda || marker == 0xd9 || length < 2 || i+2+length > len(data) {
				return
			}
			if !yield(marker, data[i+4:i+2+length]) {
				return
			}
			i += 2 + length
		}
	}
}

// jpegBytes is what decoding needs for a pixel, and what the picture takes: a
// byte for each sample, four more for each coefficient of a progressive frame,
// and four for the conversion of four components.
func jpegBytes(marker byte, frame []byte) (decode, kept float64) {
	if len(frame) < 6 || len(frame) < 6+3*int(frame[5]) || frame[5] == 0 {
		return 4 * 5, 4
	}
	samples, maxH, maxV := 0.0, byte(1), byte(1)
	for i := range int(frame[5]) {
		hv := frame[6+3*i+1]
		samples += float64(hv>>4) * float64(hv&15)
		maxH, maxV = max(maxH, hv>>4), max(maxV, hv&15)
	}
	kept = samples / (float64(maxH) * float64(maxV))
	decode = kept
	if marker == 0xc2 || marker == 0xc6 || marker == 0xca || marker == 0xce {
		decode *= 5
	}
	if frame[5] == 4 {
		return decode + 4 + 4, 4
	}
	return decode, kept
}

// png walks the chunks of the whole file: EXIF may come last.
func (h *header) png(data []byte) error {
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return pngError(err)
	}
	h.width, h.height = config.Width, config.Height
	h.decodeBytes, h.keptBytes = 4, 4
	switch config.ColorModel {
	case color.GrayModel:
		h.decodeBytes, h.keptBytes, h.planes = 1, 1, true
	case color.NRGBAModel, color.RGBAModel:
	case color.RGBA64Model, color.NRGBA64Model:
		h.decodeBytes = 8 + 4 // converted
	default: // a palette or 16 bits of grey
		h.decodeBytes = 2 + 4
	}
	if len(data) > 28 && data[28] == 1 {
		h.decodeBytes += 8 // interlaced: a pass beside the whole
	}
	frames := 0
	for i := 8; i+12 <= len(data); {
		length := int64(binary.BigEndian.Uint32(data[i:]))
		if length > int64(len(data)-i-12) {
			break // the decoder says what is wrong
		}
		body := data[i+8 : i+8+int(length)]
		switch string(data[i+4 : i+8]) {
		case "eXIf":
			h.orientation = orientation(body)
		case "iCCP":
			h.profile = pngProfile(body)
		case "fcTL":
			frames++
		}
		i += 12 + int(length)
	}
	h.frames = max(1, frames)
	return nil
}

// gif counts the frames without decoding them, up to one more than are allowed.
func (h *header) gif(data []byte, maxFrames int) error {
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return damaged(err)
	}
	h.width, h.height = config.Width, config.Height
	h.decodeBytes, h.keptBytes = 1+4, 4
	h.frames = max(1, gifFrames(data, maxFrames+1))
	return nil
}

// gifFrames counts image descriptors, at most limit of them.
func gifFrames(data []byte, limit int) int {
	table := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	if len(data) < 13 {
		return 0
	}
	frames := 0
	for i := 13 + table(data[10]); i < len(data) && frames < limit; {
		switch data[i] {
		case 0x21: // extension: a label, then sub-blocks
			i += 2
		case 0x2c: // image: a descriptor, a colour table, a code size, sub-blocks
			if i+9 >= len(data) {
				return frames
			}
			frames++
			i += 10 + table(data[i+9]) + 1
		default:
			return frames
		}
		for i < len(data) && data[i] != 0 {
			i += 1 + int(data[i])
		}
		i++
	}
	return frames
}

// webp walks the chunks: the decoder knows neither metadata nor animation.
func (h *header) webp(data []byte) error {
	w := webpWalk(data)
	h.frames = max(1, len(w.frames))
	if w.animated {
		if len(w.frames) == 0 {
			return fmt.Errorf("%w: no frame", ErrDamaged)
		}
		h.width, h.height = w.width, w.height
	} else {
		config, err := webp.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return damaged(err)
		}
		h.width, h.height = config.Width, config.Height
	}
	// Lossless pictures pass through transforms, lossy ones may have alpha; both
	// are drawn into one of four bytes a pixel.
	h.decodeBytes, h.keptBytes = 4+8, 4
	h.orientation = orientation(w.exif)
	h.profile = w.profile
	return nil
}
