// Command mongowire is a small server for the MongoDB wire protocol, for the
// tests of the ledger's MongoDB engine on machines without MongoDB.
//
// It embeds FerretDB on SQLite behind a proxy that passes one command at a
// time, because FerretDB loses acknowledged updates when commands race. The
// first line on standard output is the connection string; the server stops
// when standard input closes or on SIGTERM or SIGINT. Its data does not
// outlive it and is not synced to disk.
//
// It knows nothing about Candor. README.md beside this file says which
// commands it answers differently from MongoDB.
package main
