// Package search is Candor's full-text search: language analysis, the public
// index and the desk index, query syntax, ranking, highlights, suggestions
// and the terms that stand out in a product's reviews.
//
// It is the only room that knows Bleve. It must not know where contents come
// from or what their states mean: callers hand it Documents, decide which of
// the two indexes a document belongs to, and serialise changes to one
// document. What it holds is derived and can be thrown away: [Rebuild] makes
// an equal index from the same documents.
package search
