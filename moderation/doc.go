// Package moderation screens what shoppers write, explains the result, orders
// the waiting items and says which decisions are possible from which state.
//
// It is a leaf: it knows neither HTTP, storage nor the other rooms, and it
// never reads a clock or a random source of its own. Callers hand in a
// [Submission] whose language was detected elsewhere and get back a
// [Screening]. Whatever goes wrong inside (a panic, a stalled classifier, a
// rule that runs out of time) ends in a hold with a cause, never in an
// approval.
//
// Pictures are not looked at here: they come as perceptual hashes, which are
// compared with those of rejected ones. What has pictures is never approved by
// machine.
//
// Star ratings travel through a submission for one purpose, the label that
// tells a moderator that stars and text seem to contradict each other. They
// are no input to the verdict or to the risk.
package moderation
