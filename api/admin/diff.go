package admin

import (
	"strings"
	"unicode"
)

// change is a stretch of a text that was kept, taken out or put in.
type change struct {
	Text string
	// Kind is same, gone, new, or skip for words left out because they did not
	// change.
	Kind string
}

// Limits of the comparison: beyond maxWords words the texts are shown one after
// the other. nearby is how many unchanged words stand around a change.
const (
	maxWords = 2500
	nearby   = 12
)

// compare tells two texts apart word by word, by their longest common
// subsequence.
func compare(before, after string) []change {
	a, b := words(before), words(after)
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start && end < len(b)-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	var out []change
	add := func(kind string, list []string) {
		for _, w := range list {
			if n := len(out); n > 0 && out[n-1].Kind == kind {
				out[n-1].Text += w
			} else {
				out = append(out, change{Text: w, Kind: kind})
			}
		}
	}
	context := func(list []string, first, last bool) {
		head, tail := nearby*2, nearby*2
		if first {
			head = 0
		}
		if last {
			tail = 0
		}
		if len(list) <= head+tail+4 {
			add("same", list)
			return
		}
		add("same", list[:head])
		out = append(out, change{Text: "…", Kind: "skip"})
		add("same", list[len(list)-tail:])
	}
	context(a[:start], true, false)
	middleA, middleB := a[start:len(a)-end], b[start:len(b)-end]
	if len(middleA) > maxWords || len(middleB) > maxWords {
		add("gone", middleA)
		add("new", middleB)
	} else {
		steps(middleA, middleB, func(kind string, list []string) {
			if kind == "same" {
				context(list, false, false)
				return
			}
			add(kind, list)
		})
	}
	context(a[len(a)-end:], false, true)
	return phrases(out)
}

// phrases joins changes that only space keeps apart: two words that replace two
// others are read as one phrase for another.
func phrases(list []change) []change {
	var out []change
	var gone, fresh string
	flush := func() {
		if gone != "" {
			out = append(out, change{Text: gone, Kind: "gone"})
		}
		if fresh != "" {
			out = append(out, change{Text: fresh, Kind: "new"})
		}
		gone, fresh = "", ""
	}
	for i, c := range list {
		changed := i+1 < len(list) && (list[i+1].Kind == "gone" || list[i+1].Kind == "new")
		switch {
		case c.Kind == "gone":
			gone += c.Text
		case c.Kind == "new":
			fresh += c.Text
		case c.Kind == "same" && strings.TrimSpace(c.Text) == "" && gone != "" && fresh != "" && changed:
			gone, fresh = gone+c.Text, fresh+c.Text
		default:
			flush()
			out = append(out, c)
		}
	}
	flush()
	return out
}

// steps walks through the longest common subsequence in runs.
func steps(a, b []string, step func(kind string, list []string)) {
	width := len(b) + 1
	length := make([]uint16, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i*width+j] = length[(i+1)*width+j+1] + 1
			} else {
				length[i*width+j] = max(length[(i+1)*width+j], length[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		from, fromB := i, j
		for i < len(a) && j < len(b) && a[i] == b[j] {
			i, j = i+1, j+1
		}
		if i > from {
			step("same", a[from:i])
			continue
		}
		for i < len(a) && (j == len(b) || a[i] != b[j] && length[(i+1)*width+j] >= length[i*width+j+1]) {
			i++
		}
		if i > from {
			step("gone", a[from:i])
			continue
		}
		for j < len(b) && (i == len(a) || a[i] != b[j] && length[(i+1)*width+j] < length[i*width+j+1]) {
			j++
		}
		step("new", b[fromB:j])
	}
}

// words cuts a text into words and what stands between them; joined they are
// the text again.
func words(s string) []string {
	var out []string
	start, inWord := 0, false
	for i, r := range s {
		word := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '\u200c' || r == '\u200d'
		if i > start && (word != inWord || !word) {
			out = append(out, s[start:i])
			start = i
		}
		inWord = word
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}
