// Package rules compiles and runs a site's own moderation rules, written as
// expr-lang expressions over a submission and its signals:
//
//	kind == "review" && author.approved < 3 && has("url")
//
// A rule can hold, propose a rejection, label or route; it can run in the
// shadow, where it is counted and changes nothing, and it can be replayed over
// past decisions. Sources, programs and running time are bounded: loops,
// ranges and patterns that are not constant are refused when compiling.
//
// There is no star rating in the environment, and no signal that depends on
// one: what a shopper thinks of a product is no ground for a rule.
package rules
