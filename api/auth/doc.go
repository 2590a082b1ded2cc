// Package auth tells who is asking: it keeps the sites and their keys, and turns
// a bearer token into an actor with a role on one site.
//
// A storefront with accounts of its own signs its shoppers in by minting tokens
// with the site's secret, or by publishing its keys as a JWKS. The package knows
// nothing of HTTP routes and never decides what an actor may do with a content.
package auth
