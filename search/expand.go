package search

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/candor-ugc/candor/search/analysis"
)

// group collects all that satisfies one clause; last says that the clause ends
// the query, where a word may be unfinished.
func (b *planner) group(c clause, last bool, synonyms func(site, language string) [][]string) (group, error) {
	g := group{text: c.any[0].text}
	for _, a := range c.any {
		if a.field == "" || a.field == "title" || a.field == "body" {
			for _, f := range b.families {
				if err := b.expand(&g, a, b.v.s.set.For(f), b.fieldsOf(a, f), last); err != nil {
					return g, err
				}
				if synonyms != nil && !a.wild && f != analysis.Undetermined {
					b.synonyms(&g, a, f, synonyms(b.q.Site, f))
				}
			}
		}
		if fields := b.plainFields(a); fields != nil {
			if err := b.expand(&g, a, b.v.s.set.For(analysis.Undetermined), fields, last); err != nil {
				return g, err
			}
		}
	}
	return g, nil
}

// expand adds what an atom may be found as in fields of one analyzer.
func (b *planner) expand(g *group, a atom, an *analysis.Analyzer, fields []string, last bool) error {
	if a.wild {
		return b.expandWild(g, a, an, fields)
	}
	tokens := an.Tokens(nil, a.text)
	if len(tokens) == 0 {
		return nil
	}
	positions := analysis.Positions(tokens)
	if a.phrase || positions > 1 {
		g.addPhrase(tokens, fields, a.phrase)
	}
	if a.phrase && positions > 1 {
		return nil
	}
	for _, t := range tokens {
		if positions > 1 && (t.Kind != analysis.Joined || t.Parts < positions) {
			continue
		}
		if a.phrase && t.Kind == analysis.Stem {
			continue
		}
		g.add(fields, t.Term, kindBoost(t.Kind))
	}
	if a.phrase || positions > 1 || b.q.Exact {
		return nil
	}
	return b.loosen(g, tokens[0].Term, an, fields, last)
}

func kindBoost(k analysis.TokenKind) float64 {
	switch k {
	case analysis.Stem:
		return boostStem
	case analysis.Joined:
		return boostJoined
	}
	return boostSurface
}

// loosen adds the continuations of an unfinished word and the typos of a
// finished one, as the body's dictionary has them.
func (b *planner) loosen(g *group, word string, an *analysis.Analyzer, fields []string, last bool) error {
	dict := fields[0]
	if last && b.q.Prefix && utf8.RuneCountInString(word) >= 2 {
		more, err := b.v.prefixed(dict, word)
		if err != nil {
			return err
		}
		for _, m := range more {
			g.add(fields, m.term, m.boost)
		}
	}
	known, err := b.v.docFreq(dict, word)
	if err != nil {
		return err
	}
	if _, stem := an.Word(word); known == 0 && stem != word {
		// An inflection nobody has used yet is not a typo.
		if known, err = b.v.docFreq(dict, stem); err != nil {
			return err
		}
	}
	typos, err := b.v.typos(dict, word, known)
	if err != nil {
		return err
	}
	// A misspelt inflection may be near a stem only.
	if _, stem := an.Word(word); len(typos) == 0 && known == 0 && stem != word && utf8.RuneCountInString(stem) > fuzzyOne {
		if typos, err = b.v.typos(dict, stem, 0); err != nil {
			return err
		}
	}
	for i, m := range typos {
		g.add(fields, m.term, m.boost)
		if i >= 3 || known > 2 {
			continue
		}
		if _, stem := an.Word(m.term); stem != m.term {
			g.add(fields, stem, m.boost*boostStem)
		}
	}
	return nil
}

func (b *planner) expandWild(g *group, a atom, an *analysis.Analyzer, fields []string) error {
	parts := strings.Split(a.text, "*")
	for i, p := range parts {
		if p == "" {
			continue
		}
		surface, _ := an.Word(p)
		parts[i] = surface
	}
	if utf8.RuneCountInString(parts[0]) < minWildcardStem {
		return &SyntaxError{Pos: a.pos, Msg: fmt.Sprintf("* needs %d letters before it", minWildcardStem)}
	}
	for _, f := range fields {
		found, err := b.v.wildcard(f, strings.Join(parts, "*"))
		if err != nil {
			return err
		}
		for _, m := range found {
			g.add([]string{f}, m.term, m.boost)
		}
	}
	return nil
}

// synonyms adds the other members of every group that holds the atom.
func (b *planner) synonyms(g *group, a atom, family string, groups [][]string) {
	an := b.v.s.set.For(family)
	own := stems(an, a.text)
	for _, members := range groups {
		if !slices.ContainsFunc(members, func(m string) bool { return stems(an, m) == own }) {
			continue
		}
		for _, m := range members[:min(len(members), maxClauses)] {
			tokens := an.Tokens(nil, m)
			if len(tokens) == 0 || stems(an, m) == own {
				continue
			}
			fields := b.fieldsOf(a, family)
			if analysis.Positions(tokens) > 1 {
				g.addPhrase(tokens, fields, false)
				continue
			}
			for _, t := range tokens {
				g.add(fields, t.Term, boostSynonym*kindBoost(t.Kind))
			}
		}
	}
}

// stems is a text's stems in order, to compare texts by.
func stems(an *analysis.Analyzer, text string) string {
	var out []string
	for _, t := range an.Tokens(nil, text) {
		switch {
		case t.Kind == analysis.Surface:
			out = append(out, t.Term)
		case t.Kind == analysis.Stem && len(out) > 0:
			out[len(out)-1] = t.Term
		}
	}
	return strings.Join(out, " ")
}

func (g *group) add(fields []string, term string, boost float64) {
	for _, f := range fields {
		c := classOf(f)
		v := variant{field: f, term: term, boost: boost * classBoost[c]}
		if c == classBody {
			v.b = bm25B
		}
		i := slices.IndexFunc(g.variants, func(o variant) bool { return o.field == f && o.term == term })
		if i < 0 {
			g.variants = append(g.variants, v)
		} else if g.variants[i].boost < v.boost {
			g.variants[i] = v
		}
	}
}

// addPhrase adds the tokens as a run; exact leaves the stems out.
func (g *group) addPhrase(tokens []analysis.Token, fields []string, exact bool) {
	var words [][]string
	for _, t := range tokens {
		if t.Kind == analysis.Joined || exact && t.Kind == analysis.Stem {
			continue
		}
		for len(words) < t.Pos {
			words = append(words, nil)
		}
		words[t.Pos-1] = append(words[t.Pos-1], t.Term)
	}
	if len(words) > maxPhraseWords {
		words = words[:maxPhraseWords]
	}
	if len(words) < 2 {
		return
	}
	for _, f := range fields {
		g.phrases = append(g.phrases, phrase{field: f, words: words, boost: classBoost[classOf(f)]})
	}
}
