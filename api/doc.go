// Package api is Candor's HTTP: one route table, binding of requests, problem
// documents and rendering.
//
// It knows how a request becomes a call of a verb and how an error becomes a
// problem. What may happen to a content is decided in lifecycle, who asks in
// auth; the ledger engines, the indexes and the rules are none of its business.
package api
