// Package content holds the nouns of Candor: what shoppers write about
// products and on boards, who wrote it, in which state it is, and how ratings
// add up.
//
// It does no I/O, reads no clock and makes no ids: time and ids are passed in.
// It knows nothing of HTTP, of storage engines, of search or of moderation
// rules; it imports the standard library alone, so that every other room may
// import it.
package content
