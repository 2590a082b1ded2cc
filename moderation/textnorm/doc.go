// Package textnorm turns what people type into what they mean: lower case,
// compatibility forms, look-alike letters, invisible characters, and cuts it
// into tokens, with a map from every normalised byte back to the original
// rune. It knows no words and judges nothing.
//
// Two forms are kept side by side. The exact form keeps diacritics (Turkish
// "şık" stays different from "sik"), the folded form drops them, so that a
// word list can say which of the two it means.
package textnorm
