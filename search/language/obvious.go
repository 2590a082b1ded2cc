package language

import (
	"math/bits"

	"github.com/candor-ugc/candor/search/analysis"
)

const (
	// obviousWords is the least number of words of an obvious text, obviousShare
	// the least part of them that are function words of its language, and
	// obviousLead by how many it is ahead of every other language.
	obviousWords = 8
	obviousShare = 0.3
	obviousLead  = 4
)

// obvious names the language of a text that its function words leave no doubt
// about, at a hundredth of what asking the models costs: most reviews of a few
// sentences. Texts with particles of mixed speech are never obvious.
func (d *Detector) obvious(words []string) (code string, confidence float64, ok bool) {
	if len(words) < obviousWords {
		return "", 0, false
	}
	var counts [32]int
	for _, w := range words {
		if filipino[w] && !filipinoShared[w] || romanHindi[w] && !romanShared[w] {
			return "", 0, false
		}
		for left := d.speakers[analysis.Fold(w)]; left != 0; left &= left - 1 {
			counts[bits.TrailingZeros32(left)]++
		}
	}
	best := 0
	for i := range d.names {
		if counts[i] > counts[best] {
			best = i
		}
	}
	if share := float64(counts[best]) / float64(len(words)); share < obviousShare {
		return "", 0, false
	}
	for i, other := range d.names {
		if i != best && !same(other, d.names[best]) && counts[best]-counts[i] < obviousLead {
			return "", 0, false
		}
	}
	code = d.names[best]
	if analysis.Key(code) == "nb" {
		return "", 0, false // which Norwegian it is needs a closer look
	}
	return code, 0.99, true
}
