package search

import (
	"context"
	"time"
)

// Kind says which flavour of index a folder holds.
type Kind string

const (
	// Public holds approved text alone: no state, reasons, author name or risk
	// is indexed or searchable.
	Public Kind = "public"
	// Desk holds everything, for moderators.
	Desk Kind = "desk"
)

// Document is one content as the index sees it. ID and Site are required.
type Document struct {
	ID          string
	Site        string
	ContentKind string // review, comment, question, answer, topic, post
	SubjectType string // product or board
	Subject     string
	Parent      string
	AuthorID    string
	AuthorName  string // searched in the desk index alone
	Language    string // BCP 47; aliases are understood, "" is undetermined
	Title       string
	Body        string
	ProductName string // searched together with the text

	Rating       int // 1 to 5; 0 is none
	Verified     bool
	Media        bool
	Incentivized bool
	Helpful      float64 // Wilson lower bound of the votes, 0 to 1

	// Desk only; ignored by the public index.
	State   string
	Reasons []string
	Risk    float64

	Created   time.Time
	Published time.Time // zero: never published; sorts by Created then
	Rev       int64
}

// Text is what highlights are cut from.
type Text struct {
	Title, Body, ProductName string
}

// Options tune an index. The zero value works.
type Options struct {
	// Now is the clock for freshness; nil means time.Now.
	Now func() time.Time
	// Synonyms returns a site's synonym groups for one language, for example
	// {{"tv", "television"}}. It is asked once a search and language and must
	// be fast; nil means none.
	Synonyms func(site, language string) [][]string
	// Texts hands over the current texts of contents for highlights, missing
	// ones left out. With it the index stores no text, which makes it smaller
	// and faster; nil means the index stores the text itself. Changing it
	// between set and nil makes an existing index ErrOutdated.
	Texts func(ctx context.Context, ids []string) (map[string]Text, error)
}

// Syntax is the query language of Query.Text.
type Syntax string

const (
	// Simple is for shoppers: words, "phrases", -exclusion. Nothing in it is
	// ever an error except its size.
	Simple Syntax = "simple"
	// Fielded is for moderators: Simple plus field:value, OR, and wildcards.
	Fielded Syntax = "fielded"
)

// AnyLanguage as Query.Language searches the items of every language.
const AnyLanguage = "any"

// Sort orders of Query.Sort.
const (
	SortRelevance = "relevance"
	SortNewest    = "newest"
	SortOldest    = "oldest"
	SortHighest   = "highest"
	SortLowest    = "lowest"
	SortHelpful   = "helpful"
)

// Query is one search, always inside one site.
type Query struct {
	Site   string // required
	Text   string // empty: everything the filters let through
	Syntax Syntax // "" is Simple
	// Language the text is written in; hits are items of that language and
	// items of undetermined language. "" and "any" search all languages.
	Language string

	// Filters. Lists are alternatives; nil or empty lets everything through.
	Languages    []string
	Kinds        []string
	Ratings      []int
	SubjectType  string
	Subject      string
	Verified     *bool
	Media        *bool
	Incentivized *bool
	States       []string // desk only
	Reasons      []string // desk only
	AuthorID     string
	From, To     time.Time // of Published, or Created where never published; From <= t < To

	Sort      string // "" is relevance
	Limit     int    // 1 to 100; 0 is 20
	After     string // Result.Next of the page before
	Facets    bool
	Highlight bool
	Explain   bool
	// Prefix treats the last word as unfinished, as while typing.
	Prefix bool
	// Exact switches typo tolerance off.
	Exact bool
}

// Result is one page.
type Result struct {
	Hits   []Hit
	Total  uint64
	Facets map[string][]FacetCount // by field: kind, language, rating, …
	Next   string                  // "" on the last page
	Took   time.Duration
}

// Hit is one found content.
type Hit struct {
	ID          string
	Score       float64
	Fragments   []Fragment
	Explanation *Explanation // only with Query.Explain
}

// Fragment shows where a hit matched.
type Fragment struct {
	Field  string  // title, body or product
	Ranges []Range // matched words, as bytes of the original text
	HTML   string  // snippet: <mark> round the matched words, everything else escaped
}

// Range is a half-open range of bytes.
type Range struct{ Start, End int }

// FacetCount is one value of a facet.
type FacetCount struct {
	Value string
	Count int
}

// Match is a hit without anything but its score.
type Match struct {
	ID    string
	Score float64
}

// Explanation is a tree that tells how a score came about.
type Explanation struct {
	Value    float64
	Message  string
	Children []Explanation
}

// SuggestQuery asks what already answers a question that is being typed.
type SuggestQuery struct {
	Site     string // required
	Product  string // required
	Text     string
	Language string // "" and "any": all languages
	Limit    int    // of each list; 0 is 5, at most 20
}

// Suggestions are similar questions, and reviews and answers whose text
// answers the question, best first.
type Suggestions struct {
	Questions []Hit
	Answers   []Hit
	Took      time.Duration
}

// Term stands out in a product's reviews against the shop's other products.
type Term struct {
	Text     string // as shoppers most often write it
	Language string
	Count    int     // reviews of the product that hold it
	Rated    int     // those with a rating
	Positive int     // those rated 4 or 5
	Share    float64 // Positive / Rated, 0 when none is rated
	Score    float64 // how much it stands out; larger is more
}
