package search

import (
	"cmp"
	"slices"
	"strings"

	"github.com/candor-ugc/candor/search/analysis"
)

// Field boosts and length normalisation. Titles and product names are short
// and alike in length, so only bodies are normalised by it.
const (
	boostTitle   = 2.0
	boostBody    = 1.0
	boostProduct = 0.5
	boostName    = 1.5
	bm25K1       = 1.2
	bm25B        = 0.6
)

// class is a kind of field. A word's best match in each class counts.
type class uint8

const (
	classBody class = iota
	classTitle
	classProduct
	classAuthor
	classes
)

func classOf(field string) class {
	switch field[:1] {
	case prefixTitle:
		return classTitle
	case fieldProduct:
		return classProduct
	case fieldName:
		return classAuthor
	}
	return classBody
}

var classBoost = [classes]float64{classBody: boostBody, classTitle: boostTitle, classProduct: boostProduct, classAuthor: boostName}

// group is one word or phrase of the query with all that satisfies it.
type group struct {
	text     string
	variants []variant
	phrases  []phrase
	idf      float64
}

// phrase is a run of positions in one field, each with its alternatives.
type phrase struct {
	field string
	words [][]string
	boost float64
}

// plan is a query's text made ready for this snapshot.
type plan struct {
	groups []group // scored; at least need of them must match
	need   int
	not    []group
	exact  []phrase // the whole query as written, for the phrase bonus
}

type planner struct {
	v        *view
	q        *Query
	families []string
	product  bool // product names are searched too
	out      plan
}

// plan resolves the parsed text against the dictionaries of the snapshot.
func (v *view) plan(q *Query, p parsed, synonyms func(site, language string) [][]string) (plan, error) {
	b := planner{v: v, q: q, families: v.families(q.Language), product: q.Subject == ""} // inside one product its name says nothing
	words := b.content(p.clauses)
	for i, c := range words {
		g, err := b.group(c, i == len(words)-1, synonyms)
		if err != nil {
			return plan{}, err
		}
		b.out.groups = append(b.out.groups, g)
	}
	b.joinNeighbours(words)
	for _, c := range p.clauses {
		if !c.not {
			continue
		}
		g, err := b.excluded(c)
		if err != nil {
			return plan{}, err
		}
		b.out.not = append(b.out.not, g)
	}
	if err := b.weigh(); err != nil {
		return plan{}, err
	}
	b.out.need = len(b.out.groups)
	if n := len(b.out.groups); n > 3 && q.Syntax != Fielded {
		b.out.need = (3*n + 3) / 4
	}
	b.wholePhrase(p.clauses)
	return b.out, nil
}

// content leaves out exclusions, and stop words when anything else remains.
func (b *planner) content(clauses []clause) []clause {
	var all, kept []clause
	for _, c := range clauses {
		if c.not {
			continue
		}
		tokens := 0
		stop := !c.any[0].phrase && c.any[0].field == "" && len(c.any) == 1
		for _, f := range b.families {
			ts := b.v.s.set.For(f).Tokens(nil, c.any[0].text)
			tokens += len(ts)
		}
		if tokens == 0 {
			continue
		}
		all = append(all, c)
		if stop && b.stopWord(c.any[0].text) {
			continue
		}
		kept = append(kept, c)
	}
	if len(kept) == 0 {
		return all
	}
	return kept
}

// stopWord asks the query's own language, and with any language whichever
// knows the word as one.
func (b *planner) stopWord(word string) bool {
	for _, f := range b.families {
		ts := b.v.s.set.For(f).Tokens(nil, word)
		if len(ts) == 1 && ts[0].Stop {
			return true
		}
	}
	return false
}

// fieldsOf are the fields an atom is looked for in, of one family.
func (b *planner) fieldsOf(a atom, family string) []string {
	switch a.field {
	case "title":
		return []string{prefixTitle + family}
	case "body":
		return []string{prefixBody + family}
	}
	return []string{prefixBody + family, prefixTitle + family}
}

// plainFields are the fields without a language that an atom is looked for in.
func (b *planner) plainFields(a atom) []string {
	switch {
	case a.field == "product", a.field == "" && b.product:
		return []string{fieldProduct}
	case a.field == "author" && b.v.s.kind == Desk:
		return []string{fieldName}
	}
	return nil
}

// joinNeighbours lets "gt p1000" find gtp1000: the joined form satisfies each
// of the words it is made of.
func (b *planner) joinNeighbours(words []clause) {
	plain := func(i int) (string, bool) {
		c := words[i]
		if len(c.any) != 1 || c.any[0].phrase || c.any[0].wild || c.any[0].field != "" {
			return "", false
		}
		ts := b.v.s.set.For(analysis.Undetermined).Tokens(nil, c.any[0].text)
		if len(ts) != 1 {
			return "", false
		}
		return ts[0].Term, true
	}
	for i := range words {
		joined, ok := plain(i)
		for j := i + 1; ok && j < min(i+3, len(words)); j++ {
			var next string
			if next, ok = plain(j); !ok {
				break
			}
			joined += next
			if !strings.ContainsAny(joined, "0123456789") || len(joined) > 24 {
				continue
			}
			for k := i; k <= j; k++ {
				for _, f := range b.families {
					b.out.groups[k].add(b.fieldsOf(atom{}, f), joined, boostJoined)
				}
				b.out.groups[k].add(b.plainFields(atom{}), joined, boostJoined)
			}
		}
	}
}

// excluded is what an item must not hold: the word's inflections, no typos.
func (b *planner) excluded(c clause) (group, error) {
	exact := b.q.Exact
	prefix := b.q.Prefix
	b.q.Exact, b.q.Prefix = true, false
	g, err := b.group(c, false, nil)
	b.q.Exact, b.q.Prefix = exact, prefix
	return g, err
}

// weigh drops variants that no document holds and gives every group one
// inverse document frequency, that of its commonest form: a rare misspelling
// must not outrank the word itself.
func (b *planner) weigh() error {
	for i := range b.out.groups {
		g := &b.out.groups[i]
		var most uint64
		kept := g.variants[:0]
		for _, v := range g.variants {
			df, err := b.v.docFreq(v.field, v.term)
			if err != nil {
				return err
			}
			if df == 0 {
				continue
			}
			v.df = df
			most = max(most, df)
			kept = append(kept, v)
		}
		g.variants = kept
		for _, ph := range g.phrases {
			df, err := b.phraseFreq(ph)
			if err != nil {
				return err
			}
			most = max(most, df)
		}
		g.idf = idf(b.v.docs, max(most, 1))
		slices.SortStableFunc(g.variants, func(x, y variant) int {
			return cmp.Or(cmp.Compare(classOf(x.field), classOf(y.field)), cmp.Compare(y.boost, x.boost))
		})
	}
	return nil
}

// phraseFreq is an upper bound of the documents that hold a phrase: those
// that hold its rarest word.
func (b *planner) phraseFreq(ph phrase) (uint64, error) {
	least := b.v.docs
	for _, alternatives := range ph.words {
		var most uint64
		for _, term := range alternatives {
			df, err := b.v.docFreq(ph.field, term)
			if err != nil {
				return 0, err
			}
			most = max(most, df)
		}
		least = min(least, most)
	}
	return least, nil
}

// wholePhrase is the query's words in order, stop words included, for the
// bonus of items that hold them so.
func (b *planner) wholePhrase(clauses []clause) {
	var words []string
	for _, c := range clauses {
		if c.not || len(c.any) > 1 || c.any[0].wild || c.any[0].field != "" || c.any[0].phrase {
			return
		}
		words = append(words, c.any[0].text)
	}
	if len(words) < 2 {
		return
	}
	var g group
	for _, f := range b.families {
		tokens := b.v.s.set.For(f).Tokens(nil, strings.Join(words, " "))
		g.addPhrase(tokens, b.fieldsOf(atom{}, f), false)
	}
	b.out.exact = g.phrases
}
