package shelf

import "github.com/candor-ugc/candor/api/content"

// Sort is the order of a listing. Every order is total: contents that are equal
// in it come newest first.
type Sort string

// The sorts. Newest and Oldest go by the time of publication, Highest and
// Lowest by stars with unrated contents last, Helpful by [content.Votes.Helpfulness],
// Relevant by [Query.Matches].
const (
	Newest   Sort = "newest"
	Oldest   Sort = "oldest"
	Highest  Sort = "highest"
	Lowest   Sort = "lowest"
	Helpful  Sort = "helpful"
	Relevant Sort = "relevant"
)

// Limits of a page, in items.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// Query asks for one page of a listing.
type Query struct {
	Site    string
	Subject content.Subject
	// Kind is what to list. It is ignored when Parent is set: then the direct
	// replies to that content are listed, of any kind.
	Kind   content.Kind
	Parent string
	// Sort is Newest when empty.
	Sort Sort
	// Ratings and Languages keep contents with one of these stars (0: unrated)
	// and exactly one of these languages; empty keeps all.
	Ratings   []int
	Languages []string
	// Verified, Media and Incentivized keep contents that have, or with false
	// have not, a verified purchase, photos or videos, an incentive; nil keeps
	// both.
	Verified, Media, Incentivized *bool
	// Limit is the most items of the page, 1 to MaxLimit; 0 is DefaultLimit.
	Limit int
	// Cursor is Page.Next of the page before; empty for the first page.
	Cursor string
	// Matches, when not nil, keeps the contents named in it and gives their
	// relevance. It is read while List runs and not kept.
	Matches map[string]float64
	// Text is what Matches answer. It ties cursors to that text.
	Text string
}

// Page is one page of a listing. It is shared: its slices must not be changed.
type Page struct {
	// Body is the page as JSON: {"items": [...], "total": n, "facets": {...},
	// "next": "..." or null}, with items as content.Public and facets as Facets.
	Body []byte
	// ETag is a strong entity tag of Body, with its quotes.
	ETag string
	// Next is the cursor of the following page, empty on the last.
	Next string
	// Total counts the contents on all pages.
	Total int
	// IDs are the ids of the items in their order.
	IDs []string
}

// Facets count the contents that each further filter would keep: every facet
// counts with all filters applied but its own.
type Facets struct {
	// Rating always has the keys "1" to "5"; unrated contents are not counted.
	Rating map[string]int `json:"rating"`
	// Language has a key for each language that occurs.
	Language     map[string]int `json:"language"`
	Verified     int            `json:"verified"`
	Media        int            `json:"media"`
	Incentivized int            `json:"incentivized"`
}

// SummaryPage is the summary of one product. It is shared: Body must not be
// changed.
type SummaryPage struct {
	// Body is Summary as JSON, ETag a strong entity tag of it with its quotes.
	Body    []byte
	ETag    string
	Summary content.Summary
}
