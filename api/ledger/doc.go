// Package ledger is where the truth is kept: documents in tables, each with an
// id, a revision and ordered keys to find it by.
//
// A [Store] is an engine; it promises little on purpose, so that every
// MongoDB-compatible server and an embedded file can keep it: single documents
// change atomically, changes name the revision they start from, and what was
// acknowledged is durable. [Ledger] puts Candor's own tables on top, once for
// all engines, so both hold the same documents under the same ids.
//
// The room knows the nouns and how they are found again. It must not know HTTP,
// search, which change is allowed when, or what a change owes to others beyond
// the note that it owes something.
package ledger
