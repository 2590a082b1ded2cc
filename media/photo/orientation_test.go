package photo_test

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"testing"

	"github.com/candor-ugc/candor/media/photo"
)

// lying gives the picture that is upright again after an orientation: the
// inverse of what a viewer does.
func lying(img *image.NRGBA, orientation int) *image.NRGBA {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if orientation >= 5 {
		w, h = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			// Where the stored pixel x, y is seen (EXIF 2.32, 4.6.4).
			seen := [...]image.Point{
				1: {x, y}, 2: {w - 1 - x, y}, 3: {w - 1 - x, h - 1 - y}, 4: {x, h - 1 - y},
				5: {y, x}, 6: {h - 1 - y, x}, 7: {h - 1 - y, w - 1 - x}, 8: {y, w - 1 - x},
			}[orientation]
			out.SetNRGBA(x, y, img.NRGBAAt(seen.X, seen.Y))
		}
	}
	return out
}

func TestOrientation(t *testing.T) {
	t.Parallel()
	upright := corners(80, 48)
	for orientation := 1; orientation <= 8; orientation++ {
		stored := lying(upright, orientation)
		little, big := exif(binary.LittleEndian, orientation), exif(binary.BigEndian, orientation)
		gray := image.NewGray(stored.Bounds())
		draw.Draw(gray, gray.Bounds(), stored, image.Point{}, draw.Src)
		for name, file := range map[string][]byte{
			"jpeg": withSegment(encodeJPEG(t, stored), 0xe1, append([]byte("Exif\x00\x00"), little...)),
			"grey": withSegment(encodeJPEG(t, gray), 0xe1, append([]byte("Exif\x00\x00"), big...)),
			"png":  withChunk(encodePNG(t, stored), "eXIf", big),
			"webp": webpWith(t, stored, little),
		} {
			t.Run(fmt.Sprint(name, orientation), func(t *testing.T) {
				t.Parallel()
				format := name
				if name == "grey" {
					format = "jpeg"
				}
				m := makeOf(t, file, options(format))
				if m.Width != 80 || m.Height != 48 {
					t.Errorf("%d x %d", m.Width, m.Height)
				}
				img := m.picture(t, photo.Full)
				if name == "grey" {
					wantColor(t, img, 20, 12, color.NRGBA{76, 76, 76, 255}, 8)
					wantColor(t, img, 60, 12, color.NRGBA{150, 150, 150, 255}, 8)
					wantColor(t, img, 60, 36, color.NRGBA{29, 29, 29, 255}, 8)
					wantColor(t, img, 20, 36, color.NRGBA{255, 255, 255, 255}, 8)
					return
				}
				wantCorners(t, img, 12)
			})
		}
	}
}

// All ways to halve colours survive all turns, with odd sides too.
func TestOrientationOfPlanes(t *testing.T) {
	t.Parallel()
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		for orientation := 1; orientation <= 8; orientation++ {
			stored := lying(corners(83, 51), orientation)
			img := toPlanes(stored, ratio)
			wantCorners(t, photo.Upright(img, orientation), 12)
		}
	}
}

// toPlanes converts to a subsampling that encoders rarely make.
func toPlanes(img *image.NRGBA, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	out := image.NewYCbCr(img.Bounds(), ratio)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c := img.NRGBAAt(x, y)
			i := out.COffset(x, y)
			out.Y[out.YOffset(x, y)], out.Cb[i], out.Cr[i] = color.RGBToYCbCr(c.R, c.G, c.B)
		}
	}
	return out
}
