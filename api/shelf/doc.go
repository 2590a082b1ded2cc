// Package shelf keeps the published contents of a site in memory, ordered, one
// row a subject (a product or a board), and answers every listing and every
// rating summary from there.
//
// A row is derived data. It is loaded from a [Source] when it is first asked
// for, kept in step by [Shelf.Refresh], and thrown away whenever memory is
// short, a refresh fails or somebody drops it. Only contents with a public
// version are ever held or counted.
//
// Everything handed out is shared between callers and with the shelf: pages,
// their bodies and the encoded items must not be changed. They stay as they are
// while the shelf moves on.
//
// The room knows nothing of HTTP, of storage engines, of search or of
// moderation rules; relevance comes in as numbers.
package shelf
