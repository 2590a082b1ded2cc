// Package classify learns from moderators' decisions which texts they reject.
//
// A text becomes hashed features: character 3- to 5-grams inside words, words
// and pairs of words (the hashing trick, Weinberger et al. 2009), normalised
// to length one. Online logistic regression with AdaGrad steps (Duchi et al.
// 2011) learns from one example at a time, and Platt's sigmoid (1999),
// fitted on examples the model had not yet learned, turns scores into
// probabilities. A decision that a machine took is refused as an example: see
// [Example]. The package knows neither verdicts nor policies.
package classify
