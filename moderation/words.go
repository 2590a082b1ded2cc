package moderation

import (
	"slices"
	"sync"

	"github.com/candor-ugc/candor/moderation/lexicon"
)

// lexicons compiles the built-in lists once for all screeners.
var lexicons = sync.OnceValues(lexicon.Load)

// listLanguage gives the name of the word list for a language tag.
func listLanguage(language string) string {
	switch language {
	case "no", "nn":
		return "nb"
	case "tl":
		return "fil"
	default:
		return language
	}
}

// hintsOf names what the classifier learns of a lexicon's findings: category
// and severity, each once.
func hintsOf(hits []lexicon.Hit) []string {
	var out []string
	for _, h := range hits {
		switch h.Entry.Category {
		case lexicon.Positive, lexicon.Negative, lexicon.Negation, lexicon.Incentive:
			continue
		}
		if hint := string(h.Entry.Category) + "/" + h.Entry.Severity; !slices.Contains(out, hint) {
			out = append(out, hint)
		}
	}
	return out
}
