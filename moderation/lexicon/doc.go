// Package lexicon finds listed words and phrases in a normalised text: swear
// words, slurs, threats, advertising, disclosure of incentives, words of
// praise and complaint. Entries match whole tokens, with the inflection of
// their language where the list asks for it, and lose to exceptions, so that
// "hangi" or "Scunthorpe" is no hit. It knows nothing of scores or verdicts.
//
// The lists are the text files of the words folder, one file a language:
//
//	version 1                 the version named in findings
//	[profanity high 0.6]      category, severity and weight of what follows
//	word                      the whole token, diacritics optional
//	word+                     with the endings of the language
//	word*                     with any ending
//	=word                     with its diacritics only
//	#word                     only behind a hash sign
//	^word                     whatever the language of the text
//	two words*                a phrase; each word may carry + or *
//	!word                     an exception: never a hit while the list is in use
package lexicon
