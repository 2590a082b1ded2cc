package photo_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"testing"

	"github.com/candor-ugc/candor/media/photo"
)

// profileOf builds a profile of three primaries under D50 and a curve.
func profileOf(primaries [9]float64, curve []byte) []byte {
	fixed := func(v float64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(int32(math.Round(v*65536)))) }
	var tags, data []byte
	const count = 6
	add := func(name string, body []byte) {
		tags = append(tags, name...)
		tags = binary.BigEndian.AppendUint32(tags, uint32(132+12*count+len(data)))
		tags = binary.BigEndian.AppendUint32(tags, uint32(len(body)))
		data = append(data, body...)
	}
	for i, name := range []string{"rXYZ", "gXYZ", "bXYZ"} {
		body := []byte("XYZ \x00\x00\x00\x00")
		for row := range 3 {
			body = append(body, fixed(primaries[3*i+row])...)
		}
		add(name, body)
	}
	for _, name := range []string{"rTRC", "gTRC", "bTRC"} {
		add(name, curve)
	}
	p := make([]byte, 128)
	copy(p[12:], "mntrRGB XYZ ")
	copy(p[36:], "acsp")
	p = binary.BigEndian.AppendUint32(p, count)
	p = slices.Concat(p, tags, data)
	binary.BigEndian.PutUint32(p, uint32(len(p)))
	return p
}

// The primaries of Display P3 and sRGB, as their profiles have them.
var (
	displayP3 = [9]float64{0.51512, 0.2412, -0.00105, 0.29198, 0.69225, 0.04189, 0.1571, 0.06657, 0.78407}
	srgb      = [9]float64{0.43607, 0.22249, 0.01392, 0.38515, 0.71687, 0.09708, 0.14307, 0.06061, 0.7141}
)

// formula is sRGB's curve as a formula, power as a simple one.
func formula() []byte {
	b := []byte("para\x00\x00\x00\x00\x00\x03\x00\x00")
	for _, v := range []float64{2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045} {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(v*65536))))
	}
	return b
}

func table() []byte {
	b := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), 1024)
	for i := range 1024 {
		v := float64(i) / 1023
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(math.Round(v*65535)))
	}
	return b
}

func TestColourProfiles(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(profileOf(displayP3, formula())); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	// Computed from the chromaticities of both spaces under D65.
	for _, c := range []struct{ p3, srgb color.NRGBA }{
		{color.NRGBA{200, 100, 50, 255}, color.NRGBA{215, 93, 31, 255}},
		{color.NRGBA{60, 180, 90, 255}, color.NRGBA{0, 183, 78, 255}},
		{color.NRGBA{128, 128, 128, 255}, color.NRGBA{128, 128, 128, 255}},
		{color.NRGBA{255, 0, 0, 255}, color.NRGBA{255, 0, 0, 255}},
		{color.NRGBA{90, 90, 200, 255}, color.NRGBA{90, 90, 207, 255}},
	} {
		img := image.NewNRGBA(image.Rect(0, 0, 170, 170))
		draw.Draw(img, img.Bounds(), image.NewUniform(c.p3), image.Point{}, draw.Src)
		plain := encodeJPEG(t, img)
		icc := func(p []byte) []byte { return append([]byte("ICC_PROFILE\x00\x01\x01"), p...) }
		for name, f := range map[string]struct {
			format string
			file   []byte
			want   color.NRGBA
		}{
			"formula":  {"jpeg", withSegment(plain, 0xe2, icc(profileOf(displayP3, formula()))), c.srgb},
			"table":    {"jpeg", withSegment(plain, 0xe2, icc(profileOf(displayP3, table()))), c.srgb},
			"png":      {"png", withChunk(encodePNG(t, img), "iCCP", append([]byte("P3\x00\x00"), packed.Bytes()...)), c.srgb},
			"webp":     {"webp", riff(extended(32, 170, 170), chunk("ICCP", profileOf(displayP3, formula())), lossless(t, img)), c.srgb},
			"srgb":     {"jpeg", withSegment(plain, 0xe2, icc(profileOf(srgb, formula()))), c.p3},
			"none":     {"jpeg", plain, c.p3},
			"broken":   {"jpeg", withSegment(plain, 0xe2, icc(profileOf(displayP3, formula())[:200])), c.p3},
			"singular": {"jpeg", withSegment(plain, 0xe2, icc(profileOf([9]float64{1, 1, 1, 1, 1, 1, 1, 1, 1}, formula()))), c.p3},
		} {
			m := makeOf(t, f.file, options(f.format))
			for _, v := range []string{photo.Full, photo.Thumb} {
				img := m.picture(t, v)
				t.Run(name, func(t *testing.T) { wantColor(t, img, 80, 80, f.want, 3) })
			}
		}
	}
}
