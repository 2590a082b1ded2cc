package lexicon

import "strings"

// endings are the inflections that "+" allows, folded. One ending is taken
// whole, except in the languages of chained.
var endings = map[string]string{
	"en":  "s es ed d er ers ing in y ies z ish",
	"de":  "e en er es em n s in innen st t",
	"fr":  "s e es x",
	"es":  "s es a o as os ito ita itos itas azo on ona",
	"nb":  "en er ene a e t et s ens n r te",
	"fil": "ng s in an",
	"fa":  "ها های هایی ی ای م ت ش ان ام ات اش تر ترین یم ید ند",
	"hi":  "ा ी े ों ें ो ियों ियां iyo iyon o on e i a s",
	// Turkish morphemes; a word may carry several of them.
	"tr": "lar ler in un im um i u si su ya ye a e da de ta te dan den tan ten la le yla yle ca ce ci cu li lu lik luk siz suz " +
		"dir dur tir tur mis mus ki yi yu niz nuz miz muz sin sun siniz sunuz yim yum yiz yuz n m nin nun na ne ni nu lari leri",
}

// chained languages put several endings in a row.
var chained = map[string]bool{"tr": true}

const maxChain = 5

func suffixSet(language string) map[string]bool {
	set := map[string]bool{}
	for s := range strings.FieldsSeq(endings[language]) {
		set[s] = true
	}
	return set
}

// inflects reports whether rest is an ending of the language (by number).
func (s *Set) inflects(language int, rest string) bool {
	set := s.suffixes[language]
	if !chained[s.languages[language]] {
		return set[rest]
	}
	return chain(set, rest, maxChain)
}

func chain(set map[string]bool, rest string, left int) bool {
	if set[rest] {
		return true
	}
	if left <= 1 {
		return false
	}
	for i := 1; i < len(rest) && i <= 6; i++ {
		if set[rest[:i]] && chain(set, rest[i:], left-1) {
			return true
		}
	}
	return false
}
