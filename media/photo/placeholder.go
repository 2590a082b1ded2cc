package photo

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"

	"github.com/disintegration/imaging"
)

// placeholder is a picture of a few pixels as a data URI, which a page shows
// blurred until the real one has come: about 150 characters, and no script is
// needed to draw it.
func placeholder(img image.Image) (string, error) {
	w, h := 4, 4
	switch b := img.Bounds(); {
	case 5*b.Dx() > 6*b.Dy():
		h = 3
	case 5*b.Dy() > 6*b.Dx():
		w = 3
	}
	tiny := imaging.Resize(img, w, h, imaging.Box)
	// Without an alpha channel the file is smaller.
	rgb := &image.RGBA{Pix: tiny.Pix, Stride: tiny.Stride, Rect: tiny.Rect}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, rgb); err != nil {
		return "", fmt.Errorf("encode placeholder: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
