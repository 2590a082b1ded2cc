package photo

import (
	"encoding/binary"
	"image"
	"math"
	"sync"
)

// Colours: a picture without a profile is taken for sRGB. One with a profile of
// three primaries and their curves (Display P3 of phones, Adobe RGB and ProPhoto
// of cameras) is converted to sRGB; what sRGB cannot show is clipped. Profiles
// made of tables, and those of greys and inks, are not applied.

// matrix is three by three, row by row.
type matrix [9]float64

// sRGB's primaries under D50, the white of profiles (IEC 61966-2-1, adapted as
// in ICC.1:2022, annex E).
var srgbToXYZ = matrix{
	0.4360747, 0.3850649, 0.1430804,
	0.2225045, 0.7168786, 0.0606169,
	0.0139322, 0.0971045, 0.7141733,
}

// conversion turns colours of a profile into sRGB.
type conversion struct {
	linear [3][256]float32 // a sample's light, 0 to 1
	mix    [9]float32      // light of the profile to light of sRGB
}

// toSRGB makes the conversion for a profile; nil when none is needed, or the
// profile cannot be applied.
func toSRGB(profile []byte) *conversion {
	p, ok := parseProfile(profile)
	if !ok || p.isSRGB() {
		return nil
	}
	inverse, ok := srgbToXYZ.inverse()
	if !ok {
		return nil
	}
	c := &conversion{}
	for i, v := range inverse.times(p.toXYZ) {
		c.mix[i] = float32(v)
	}
	for channel := range 3 {
		for v := range 256 {
			c.linear[channel][v] = float32(p.curves[channel](float64(v) / 255))
		}
	}
	return c
}

// encodeSteps is how finely light is told apart when it becomes a sample again:
// enough for less than half a step of a sample in the dark, where sRGB is
// steepest.
const encodeSteps = 8192

var encodeTable = sync.OnceValue(func() *[encodeSteps + 1]byte {
	var table [encodeSteps + 1]byte
	for i := range table {
		table[i] = byte(math.Round(255 * srgbEncode(float64(i)/encodeSteps)))
	}
	return &table
})

// apply converts a picture in place.
func (c *conversion) apply(img *image.NRGBA) {
	if c == nil {
		return
	}
	table := encodeTable()
	sample := func(light float32) byte {
		return table[int(min(max(light, 0), 1)*encodeSteps+0.5)]
	}
	for i := 0; i+3 < len(img.Pix); i += 4 {
		p := img.Pix[i : i+3 : i+3]
		r, g, b := c.linear[0][p[0]], c.linear[1][p[1]], c.linear[2][p[2]]
		p[0] = sample(c.mix[0]*r + c.mix[1]*g + c.mix[2]*b)
		p[1] = sample(c.mix[3]*r + c.mix[4]*g + c.mix[5]*b)
		p[2] = sample(c.mix[6]*r + c.mix[7]*g + c.mix[8]*b)
	}
}

// profile is a colour space of three primaries.
type profile struct {
	toXYZ  matrix
	curves [3]func(float64) float64 // sample to light, both 0 to 1
}

// isSRGB says whether converting would change nothing that can be seen.
func (p profile) isSRGB() bool {
	for i, v := range p.toXYZ {
		if math.Abs(v-srgbToXYZ[i]) > 0.005 {
			return false
		}
	}
	for _, curve := range p.curves {
		for v := 0.1; v < 1; v += 0.1 {
			if math.Abs(srgbEncode(curve(v))-v) > 0.008 { // two steps of 255
				return false
			}
		}
	}
	return true
}

// parseProfile reads a profile of the form matrix and curves (ICC.1:2022, 7 and
// 8.3.3). False stands for any other.
func parseProfile(b []byte) (p profile, ok bool) {
	if len(b) < 132 || string(b[36:40]) != "acsp" || string(b[16:20]) != "RGB " || string(b[20:24]) != "XYZ " {
		return p, false
	}
	for i, name := range []string{"rXYZ", "gXYZ", "bXYZ"} {
		tag := profileTag(b, name)
		if len(tag) < 20 || string(tag[:4]) != "XYZ " {
			return p, false
		}
		for row := range 3 {
			p.toXYZ[3*row+i] = s15Fixed16(tag[8+4*row:])
		}
	}
	for i, name := range []string{"rTRC", "gTRC", "bTRC"} {
		if p.curves[i], ok = parseCurve(profileTag(b, name)); !ok {
			return p, false
		}
	}
	_, ok = p.toXYZ.inverse()
	return p, ok
}

// profileTag finds a tag's data, nil when it is not there.
func profileTag(b []byte, name string) []byte {
	count := int64(binary.BigEndian.Uint32(b[128:]))
	for i := int64(0); i < min(count, 100) && 132+12*i+12 <= int64(len(b)); i++ {
		entry := b[132+12*i:]
		if string(entry[:4]) != name {
			continue
		}
		start, size := int64(binary.BigEndian.Uint32(entry[4:])), int64(binary.BigEndian.Uint32(entry[8:]))
		if start+size > int64(len(b)) {
			return nil
		}
		return b[start : start+size]
	}
	return nil
}

// parseCurve reads a curve: a table or a power (10.6), or a formula (10.18).
func parseCurve(tag []byte) (func(float64) float64, bool) {
	if len(tag) < 12 {
		return nil, false
	}
	switch string(tag[:4]) {
	case "curv":
		return tableCurve(tag)
	case "para":
		return formulaCurve(tag)
	}
	return nil, false
}

func tableCurve(tag []byte) (func(float64) float64, bool) {
	count := int64(binary.BigEndian.Uint32(tag[8:]))
	if count > 1<<16 || int64(len(tag)) < 12+2*count {
		return nil, false
	}
	switch count {
	case 0:
		return func(v float64) float64 { return v }, true
	case 1:
		gamma := float64(binary.BigEndian.Uint16(tag[12:])) / 256
		return func(v float64) float64 { return math.Pow(v, gamma) }, gamma > 0
	}
	table := make([]float64, count)
	for i := range table {
		table[i] = float64(binary.BigEndian.Uint16(tag[12+2*i:])) / 65535
	}
	return func(v float64) float64 {
		at := v * float64(count-1)
		i := min(int(at), int(count)-2)
		return table[i] + (table[i+1]-table[i])*(at-float64(i))
	}, true
}

func formulaCurve(tag []byte) (func(float64) float64, bool) {
	form := int(binary.BigEndian.Uint16(tag[8:]))
	counts := []int{1, 3, 4, 5, 7}
	if form >= len(counts) || len(tag) < 12+4*counts[form] {
		return nil, false
	}
	// g, a, b, c, d, e, f as the standard names them; what a form leaves out is
	// the identity.
	n := [7]float64{1, 1, 0, 0, 0, 0, 0}
	for i := range counts[form] {
		n[i] = s15Fixed16(tag[12+4*i:])
	}
	g, a, b, c, d, e, f := n[0], n[1], n[2], n[3], n[4], n[5], n[6]
	switch form {
	case 0:
		d = math.Inf(-1)
	case 1, 2:
		// Below -b/a the curve is constant: zero, or c.
		if a == 0 {
			return nil, false
		}
		d, e, f, c = -b/a, c, c, 0
	}
	return func(v float64) float64 {
		light := c*v + f
		if v >= d {
			light = math.Pow(max(a*v+b, 0), g) + e
		}
		if math.IsNaN(light) {
			return 0
		}
		return min(max(light, 0), 1)
	}, true
}

func s15Fixed16(b []byte) float64 {
	return float64(int32(binary.BigEndian.Uint32(b))) / 65536
}

// srgbEncode is the curve from light to sample (IEC 61966-2-1).
func srgbEncode(light float64) float64 {
	if light <= 0.0031308 {
		return 12.92 * light
	}
	return 1.055*math.Pow(light, 1/2.4) - 0.055
}

func (m matrix) times(n matrix) (out matrix) {
	for row := range 3 {
		for col := range 3 {
			for k := range 3 {
				out[3*row+col] += m[3*row+k] * n[3*k+col]
			}
		}
	}
	return out
}

// inverse is by cofactors; false when there is none.
func (m matrix) inverse() (out matrix, ok bool) {
	det := m[0]*(m[4]*m[8]-m[5]*m[7]) - m[1]*(m[3]*m[8]-m[5]*m[6]) + m[2]*(m[3]*m[7]-m[4]*m[6])
	if math.Abs(det) < 1e-9 {
		return out, false
	}
	out = matrix{
		m[4]*m[8] - m[5]*m[7], m[2]*m[7] - m[1]*m[8], m[1]*m[5] - m[2]*m[4],
		m[5]*m[6] - m[3]*m[8], m[0]*m[8] - m[2]*m[6], m[2]*m[3] - m[0]*m[5],
		m[3]*m[7] - m[4]*m[6], m[1]*m[6] - m[0]*m[7], m[0]*m[4] - m[1]*m[3],
	}
	for i := range out {
		out[i] /= det
	}
	return out, true
}
