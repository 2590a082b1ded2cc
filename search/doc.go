// Package search is Candor's full-text search: language analysis, the public
// index and the desk index, query syntax, ranking, highlights, suggestions
// and the terms that stand out in a product's reviews.
//
// It is the only room that knows Bleve. It must not know where contents come
// from or what their states mean: callers hand it Documents, decide which of
// the two indexes a document belongs to, and serialise changes to one
// document. What it holds is derived and can be thrown away: [Rebuild] makes
// an equal index from the same documents.
//
// # What a text becomes
//
// Package [github.com/candor-ugc/candor/search/analysis] gives each word its
// folded surface and its stem. A document's title and body go into fields of
// its language, its product name into one field without language, the
// author's name, in the desk index alone, likewise. All else (site, kind,
// dates, rating, votes, state) is one packed row, which is held in memory
// and answers filters, facets and sorts: some 90 bytes a document and index.
//
// # What a query finds
//
// Simple text is words, "phrases" and -exclusions. Up to three words must all
// match, of more three quarters. Stop words count only when nothing else is
// asked for. A word matches its surface, its stem, the site's synonyms, and
// within one typo from four letters and two from eight: a word that two
// documents at most hold is taken for misspelt and finds what is near and
// commoner; a common word of six letters or more also finds its own rare
// misspellings. Model numbers match however they are spaced (GT-P1000, gt
// p1000, gtp1000). Inside one product its name is not searched, because every
// content there has it. Fielded text adds title: body: product: author: and
// kind: language: rating: state: reason: verified: media: incentivized:, OR
// between words, and * after two letters; there all words must match. There
// are no regular expressions.
//
// A query in a language finds items of that language and of none. With
// [AnyLanguage] it is analysed in every language the index holds.
//
// # How hits are ranked
//
//	score = (Σ words Σ fields best form (idf · boost · tf) + phrase) ·
//	        (1 + 0.25·helpful + 0.15·fresh)
//
// idf and tf are those of BM25 with k1 = 1.2 and, for bodies, b = 0.6. A
// word's idf is that of its commonest form, so that a rare misspelling never
// outranks the word. Boosts of fields: title 2, body 1, product name 0.5,
// author 1.5; of forms: surface 1, stem 0.85, synonym 0.7, continuation 0.6,
// one typo 0.5, two 0.3. phrase is half the idf of the rarest word for an item
// that holds the whole query in order, times the field's boost. helpful is the
// Wilson bound of the votes; fresh halves every year. Star ratings take no
// part.
//
// # Folders
//
// An index is a folder with a lock, index.json and the current generation.
// [Open] verifies every file's checksum and the version of the mapping first;
// ErrMissing, ErrCorrupt and ErrOutdated all mean Rebuild.
package search
