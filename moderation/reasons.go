package moderation

import (
	"maps"
	"slices"
	"sync"
)

// Ground is the legal or contractual ground a restriction rests on, in the
// terms of article 17(3) of the EU Digital Services Act (2022/2065).
type Ground string

// The grounds.
const (
	// GroundTerms: incompatible with the site's published terms, art. 17(3)(e).
	GroundTerms Ground = "terms"
	// GroundIllegal: allegedly illegal content, art. 17(3)(d).
	GroundIllegal Ground = "illegal"
)

// Text is what an author reads about a reason, in one language.
type Text struct {
	// Title is a few words for lists and buttons.
	Title string `json:"title" bson:"title"`
	// Body is the template sentence; it holds no placeholders.
	Body string `json:"body" bson:"body"`
}

// Reason is one published ground for a decision.
type Reason struct {
	Code string `json:"code" bson:"code"`
	// Final: the author cannot mend it by editing.
	Final  bool   `json:"final" bson:"final"`
	Ground Ground `json:"ground" bson:"ground"`
	// Texts by language: en, tr, fa, hi, nb, fil.
	Texts map[string]Text `json:"texts" bson:"texts"`
}

// ReasonLanguages lists the languages that every reason is written in.
func ReasonLanguages() []string { return []string{"en", "tr", "fa", "hi", "nb", "fil"} }

// In gives the text in a language, or in English where there is none.
func (r Reason) In(language string) Text { return r.Texts[textLanguage(language)] }

// textLanguage gives the language of the texts for a tag.
func textLanguage(language string) string {
	language = listLanguage(language)
	if slices.Contains(ReasonLanguages(), language) {
		return language
	}
	return "en"
}

// Reasons lists the published reasons in the order moderators see them.
func Reasons() []Reason {
	return slices.Concat(conductReasons(), pictureReasons(), qualityReasons())
}

// reasonIndex is built once: look-ups are frequent, the table is not small.
var reasonIndex = sync.OnceValue(func() map[string]Reason {
	index := map[string]Reason{}
	for _, r := range Reasons() {
		index[r.Code] = r
	}
	return index
})

// ReasonByCode finds a reason.
func ReasonByCode(code string) (Reason, bool) {
	r, ok := reasonIndex()[code]
	return r.clone(), ok
}

func (r Reason) clone() Reason {
	r.Texts = maps.Clone(r.Texts)
	return r
}
