package classify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// ErrModel: the bytes are no model of this package, or a damaged one.
var ErrModel = errors.New("classify: bad model data")

const (
	magic         = "CNDRMDL"
	formatVersion = 1
	headSize      = len(magic) + 2 + 8*10
)

// Save encodes the model: magic, format, size, ten numbers, then the buckets
// that are not zero as (bucket, weight, square), and a CRC-32 (Castagnoli).
func (m *Model) Save() []byte {
	m.mu.RLock()
	defer m.mu.RUnlock()
	b := make([]byte, 0, headSize+16)
	b = append(b, magic...)
	b = append(b, formatVersion, byte(m.bits))
	for _, v := range []float64{m.bias, m.biasSq, m.calib.A, m.calib.B, m.calib.Sa, m.calib.Sb} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	for _, v := range []uint64{m.seen[0], m.seen[1], m.version} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint64(b, m.calib.N)
	for i := range m.weights {
		if m.squares[i] == 0 {
			continue
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(i))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.weights[i]))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(m.squares[i]))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli()))
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// Load decodes a saved model; anything else gives an error wrapping
// [ErrModel].
func Load(data []byte) (*Model, error) {
	if len(data) < headSize+4 || string(data[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: no model", ErrModel)
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if crc32.Checksum(body, castagnoli()) != sum {
		return nil, fmt.Errorf("%w: checksum differs", ErrModel)
	}
	if body[len(magic)] != formatVersion {
		return nil, fmt.Errorf("%w: format %d, want %d", ErrModel, body[len(magic)], formatVersion)
	}
	m, err := New(uint(body[len(magic)+1]))
	if err != nil || body[len(magic)+1] == 0 {
		return nil, fmt.Errorf("%w: size", ErrModel)
	}
	at := len(magic) + 2
	next := func() uint64 {
		v := binary.LittleEndian.Uint64(body[at:])
		at += 8
		return v
	}
	for _, p := range []*float64{&m.bias, &m.biasSq, &m.calib.A, &m.calib.B, &m.calib.Sa, &m.calib.Sb} {
		if *p = math.Float64frombits(next()); !finite(*p) {
			return nil, fmt.Errorf("%w: number out of range", ErrModel)
		}
	}
	m.seen[0], m.seen[1], m.version, m.calib.N = next(), next(), next(), next()
	rest := body[at:]
	if len(rest)%12 != 0 {
		return nil, fmt.Errorf("%w: length", ErrModel)
	}
	for ; len(rest) > 0; rest = rest[12:] {
		i := binary.LittleEndian.Uint32(rest)
		w := math.Float32frombits(binary.LittleEndian.Uint32(rest[4:]))
		s := math.Float32frombits(binary.LittleEndian.Uint32(rest[8:]))
		if int(i) >= len(m.weights) || !finite(float64(w)) || !finite(float64(s)) || s <= 0 {
			return nil, fmt.Errorf("%w: bucket", ErrModel)
		}
		m.weights[i], m.squares[i] = w, s
	}
	return m, nil
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
