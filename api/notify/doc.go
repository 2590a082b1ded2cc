// Package notify tells others what has happened: at present the moderators who
// are at work, live.
//
// It is handed news and passes it on; it never asks the ledger and never
// decides whether something may be told. News of a site goes to listeners of
// that site alone.
package notify
