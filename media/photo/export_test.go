package photo

import (
	"image"

	"github.com/disintegration/imaging"
)

// Upright turns a picture as the full variant is turned.
func Upright(img *image.YCbCr, orientation int) image.Image {
	if turned := orientPlanes(img, orientation); turned != nil {
		return turned
	}
	r := renderer{header: header{orientation: orientation}, options: Options{Output: "jpeg"}}
	return r.finish(imaging.Clone(img))
}
