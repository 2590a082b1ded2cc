package photo

import (
	"image"

	"github.com/disintegration/imaging"
)

// orient turns a picture upright. The orientation says how the stored picture
// lies (EXIF 2.32, 4.6.4).
func orient(img *image.NRGBA, orientation int) *image.NRGBA {
	switch orientation {
	case 2:
		return imaging.FlipH(img)
	case 3:
		return imaging.Rotate180(img)
	case 4:
		return imaging.FlipV(img)
	case 5:
		return imaging.Transpose(img)
	case 6:
		return imaging.Rotate270(img)
	case 7:
		return imaging.Transverse(img)
	case 8:
		return imaging.Rotate90(img)
	}
	return img
}

// transposed are the subsampling ratios after rows became columns. Those of four
// to one have no counterpart.
var transposed = map[image.YCbCrSubsampleRatio]image.YCbCrSubsampleRatio{
	image.YCbCrSubsampleRatio444: image.YCbCrSubsampleRatio444,
	image.YCbCrSubsampleRatio420: image.YCbCrSubsampleRatio420,
	image.YCbCrSubsampleRatio422: image.YCbCrSubsampleRatio440,
	image.YCbCrSubsampleRatio440: image.YCbCrSubsampleRatio422,
}

// orientPlanes turns planes upright without converting their colours; nil when
// the picture has no planes or they cannot be turned. Where a side is odd and
// chroma is halved, chroma may move by half a pixel.
func orientPlanes(img image.Image, orientation int) image.Image {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if orientation >= 5 {
		w, h = h, w
	}
	switch img := img.(type) {
	case *image.Gray:
		if orientation == 1 {
			return img
		}
		out := image.NewGray(image.Rect(0, 0, w, h))
		turn(out.Pix, out.Stride, img.Pix, img.Stride, b.Dx(), b.Dy(), orientation)
		return out
	case *image.YCbCr:
		if orientation == 1 {
			return img
		}
		ratio := img.SubsampleRatio
		if orientation >= 5 {
			var ok bool
			if ratio, ok = transposed[ratio]; !ok {
				return nil
			}
		}
		if b.Min != (image.Point{}) {
			return nil
		}
		out := image.NewYCbCr(image.Rect(0, 0, w, h), ratio)
		turn(out.Y, out.YStride, img.Y, img.YStride, b.Dx(), b.Dy(), orientation)
		cw, ch := chroma(img.SubsampleRatio, b.Dx(), b.Dy())
		turn(out.Cb, out.CStride, img.Cb, img.CStride, cw, ch, orientation)
		turn(out.Cr, out.CStride, img.Cr, img.CStride, cw, ch, orientation)
		return out
	}
	return nil
}

// chroma is the size of the colour planes of a picture that starts at 0, 0.
func chroma(ratio image.YCbCrSubsampleRatio, w, h int) (cw, ch int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return (w + 1) / 2, h
	case image.YCbCrSubsampleRatio420:
		return (w + 1) / 2, (h + 1) / 2
	case image.YCbCrSubsampleRatio440:
		return w, (h + 1) / 2
	case image.YCbCrSubsampleRatio411:
		return (w + 3) / 4, h
	case image.YCbCrSubsampleRatio410:
		return (w + 3) / 4, (h + 1) / 2
	}
	return w, h
}

// turn copies a plane of w times h bytes into an upright one.
func turn(dst []byte, dstStride int, src []byte, srcStride, w, h, orientation int) {
	for y := range h {
		row := src[y*srcStride : y*srcStride+w]
		// Where the row's first pixel goes, and the step to its next ones.
		var at, step int
		switch orientation {
		case 2:
			at, step = y*dstStride+w-1, -1
		case 3:
			at, step = (h-1-y)*dstStride+w-1, -1
		case 4:
			at, step = (h-1-y)*dstStride, 1
		case 5:
			at, step = y, dstStride
		case 6:
			at, step = h-1-y, dstStride
		case 7:
			at, step = (w-1)*dstStride+h-1-y, -dstStride
		case 8:
			at, step = (w-1)*dstStride+y, -dstStride
		default:
			at, step = y*dstStride, 1
		}
		for _, v := range row {
			dst[at] = v
			at += step
		}
	}
}
