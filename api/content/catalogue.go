package content

import "time"

// Product is an entry of a site's catalogue.
type Product struct {
	Site        string `bson:"site" json:"-"`
	ID          string `bson:"id" json:"id"`
	Name        string `bson:"name" json:"name"`
	URL         string `bson:"url,omitempty" json:"url,omitempty"`
	Image       string `bson:"image,omitempty" json:"image,omitempty"`
	Brand       string `bson:"brand,omitempty" json:"brand,omitempty"`
	GTIN        string `bson:"gtin,omitempty" json:"gtin,omitempty"`
	Description string `bson:"description,omitempty" json:"description,omitempty"`
	// Group joins the variants of one product.
	Group string `bson:"group,omitempty" json:"group,omitempty"`
	// Provisional products came into being with a submission; strangers learn of
	// them when something about them is published.
	Provisional bool      `bson:"provisional,omitempty" json:"-"`
	UpdatedAt   time.Time `bson:"updated_at" json:"updated_at"`
}

// Board is a place for discussion on a site.
type Board struct {
	Site        string    `bson:"site" json:"-"`
	ID          string    `bson:"id" json:"id"`
	Name        string    `bson:"name" json:"name"`
	Description string    `bson:"description,omitempty" json:"description,omitempty"`
	Language    string    `bson:"language,omitempty" json:"language,omitempty"`
	UpdatedAt   time.Time `bson:"updated_at" json:"updated_at"`
}

// Settings are what the administrators of a site may change while it runs.
type Settings struct {
	// Languages are the languages the site serves, most used first.
	Languages []string `bson:"languages" json:"languages"`
	// UnknownProducts lets a product come into being with its first submission.
	UnknownProducts bool `bson:"unknown_products" json:"unknown_products"`
	// PriorMean (1 to 5) and PriorWeight (0 to 1000) are C and m of the Bayesian
	// score: what a product without reviews is taken for, and how many reviews
	// that opinion weighs.
	PriorMean   float64 `bson:"prior_mean" json:"prior_mean"`
	PriorWeight float64 `bson:"prior_weight" json:"prior_weight"`
	// ReportsToRequeue is how many newcomers must report a public content to put
	// it back into the queue; people whose reports were right before weigh more.
	// 0 never does.
	ReportsToRequeue int `bson:"reports_to_requeue" json:"reports_to_requeue"`
	// Synonyms are groups of words, by language, that searches take for each
	// other.
	Synonyms map[string][][]string `bson:"synonyms" json:"synonyms"`
	// Regions are the countries (ISO 3166-1) whose telephone numbers are looked
	// for; none takes those of the text's language. Domains are the shop's own,
	// which may be linked to.
	Regions []string `bson:"regions" json:"regions"`
	Domains []string `bson:"domains" json:"domains"`
	Rev     int64    `bson:"rev" json:"rev"`
}

// DefaultSettings are in force until an administrator changes them.
func DefaultSettings() Settings {
	return Settings{
		Languages:        []string{"en", "tr", "fa", "hi", "nb", "fil"},
		UnknownProducts:  true,
		PriorMean:        3.5,
		PriorWeight:      7,
		ReportsToRequeue: 3,
		Synonyms:         map[string][][]string{},
		Regions:          []string{},
		Domains:          []string{},
	}
}

// Report is what one shopper told the moderators of one content.
type Report struct {
	Site     string    `bson:"site" json:"-"`
	Content  string    `bson:"content" json:"content"`
	Reporter string    `bson:"reporter" json:"reporter"`
	Reason   string    `bson:"reason" json:"reason"`
	Note     string    `bson:"note,omitempty" json:"note,omitempty"`
	At       time.Time `bson:"at" json:"at"`
}

// ReportReasons are the reasons a shopper may give.
func ReportReasons() []string {
	return []string{"spam", "offensive", "personal_data", "off_topic", "fake", "illegal", "other"}
}
