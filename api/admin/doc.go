// Package admin is the moderators' view of Candor under /admin/: pages that the
// server renders, a style sheet and a script of its own.
//
// Every action works by a plain form; the script adds the keyboard, keeps the
// place in the list and shows what other moderators do. The package decides
// nothing: it asks the verbs of package lifecycle, which check rights and
// revisions themselves. What a shopper wrote reaches a page through
// html/template alone. It must not know how contents are stored or indexed.
package admin
