package classify

import (
	"math"

	"github.com/candor-ugc/candor/moderation/textnorm"
)

// maxFeatures bounds the features of one text.
const maxFeatures = 20_000

// feature is a hash bucket and its value.
type feature struct {
	at    uint32
	value float32
}

// Features extracts the features of texts, reusing its memory. It is not safe
// for concurrent use.
type Features struct {
	text   textnorm.Text
	hashes []uint32
	list   []feature
	table  []slot
	stamp  uint32
}

// slot counts one bucket within the current text.
type slot struct {
	stamp uint32
	index uint32
}

const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
	tableBits = 15
)

// of reads a text into features of 2^bits buckets.
func (f *Features) of(text *textnorm.Text, hints []string, bits uint) []feature {
	f.hashes = f.hashes[:0]
	for _, hint := range hints {
		h := uint32(0x51ed)
		for i := range len(hint) {
			h = (h ^ uint32(hint[i])) * fnvPrime
		}
		f.hashes = append(f.hashes, h, h*5+1, h*7+2) // three buckets outweigh a single gram
	}
	var last uint32
	for i := range text.Tokens {
		if len(f.hashes) >= maxFeatures {
			break
		}
		word := text.Fold(i)
		h := hash(fnvOffset, word)
		f.hashes = append(f.hashes, h*3+1, (last*31+h)*7+2)
		last = h
		f.grams(word)
		if t := &text.Tokens[i]; t.Upper == t.Runes && t.Runes > 2 {
			f.hashes = append(f.hashes, 0xcafe0001)
		}
		if t := &text.Tokens[i]; t.Marks&^textnorm.Folded != 0 {
			f.hashes = append(f.hashes, 0xbeef0000+uint32(t.Marks))
		}
	}
	f.shape(text)
	return f.count(bits)
}

// grams adds the character 3- to 5-grams of a word with its borders marked.
func (f *Features) grams(word []byte) {
	var buf [66]byte
	buf[0] = '<'
	n := 1 + copy(buf[1:65], word)
	buf[n] = '>'
	n++
	for i := range n {
		if buf[i]&0xC0 == 0x80 {
			continue // a gram begins at a rune
		}
		h := uint32(fnvOffset)
		runes := 0
		for j := i; j < n; j++ {
			if buf[j]&0xC0 != 0x80 {
				if runes++; runes > 3 {
					f.hashes = append(f.hashes, h)
				}
				if runes > 5 {
					break
				}
			}
			h = (h ^ uint32(buf[j])) * fnvPrime
			if j == n-1 && runes >= 3 {
				f.hashes = append(f.hashes, h)
			}
		}
	}
}

// shape adds what is no word: links, signs, length.
func (f *Features) shape(text *textnorm.Text) {
	signs := map[rune]uint32{'!': 0, '?': 1, '$': 2, '%': 3, '#': 4, '@': 5, '/': 6, ':': 7, '.': 8, '"': 9, '*': 10}
	var counts [11]int
	for i, r := range text.Runes {
		if r < 0x80 {
			if k, ok := signs[r]; ok {
				counts[k]++
			}
			if r == '/' && i > 0 && text.Runes[i-1] == '/' {
				f.hashes = append(f.hashes, 0xabcd0001)
			}
		} else if r >= 0x1F300 && r <= 0x1FAFF {
			f.hashes = append(f.hashes, hash(uint32(r), nil)*11+5)
		}
	}
	for k, n := range counts {
		if n > 0 {
			f.hashes = append(f.hashes, 0xdead0000+uint32(k)*16+uint32(min(n, 4)))
		}
	}
	f.hashes = append(f.hashes, 0xfeed0000+uint32(math.Log2(float64(len(text.Tokens)+1))))
}

func hash(h uint32, b []byte) uint32 {
	for _, c := range b {
		h = (h ^ uint32(c)) * fnvPrime
	}
	return h
}

// count merges equal buckets, damps their counts and scales to length one.
func (f *Features) count(bits uint) []feature {
	if f.table == nil {
		f.table = make([]slot, 1<<tableBits)
	}
	f.stamp++
	f.list = f.list[:0]
	mask := uint32(1)<<bits - 1
	for _, h := range f.hashes {
		h ^= h >> 15
		h *= 0x2c1b3c6d
		h ^= h >> 12
		at := h & mask
		for p := (at * 0x9E3779B1) >> (32 - tableBits); ; p = (p + 1) & (1<<tableBits - 1) {
			s := &f.table[p]
			if s.stamp != f.stamp {
				*s = slot{f.stamp, uint32(len(f.list))}
				f.list = append(f.list, feature{at, 1})
				break
			}
			if f.list[s.index].at == at {
				f.list[s.index].value++
				break
			}
		}
	}
	var norm float64
	for i := range f.list {
		v := 1.0
		if c := f.list[i].value; c > 1 {
			v = 1 + math.Log(float64(c))
		}
		f.list[i].value = float32(v)
		norm += v * v
	}
	scale := float32(1 / math.Sqrt(max(norm, 1)))
	for i := range f.list {
		f.list[i].value *= scale
	}
	return f.list
}
