package moderation

import (
	"time"

	"github.com/candor-ugc/candor/moderation/rules"
)

// AuthorHistory is what is known of an author on the site.
type AuthorHistory struct {
	Approved  int       `json:"approved" bson:"approved"`
	Rejected  int       `json:"rejected" bson:"rejected"`
	Pending   int       `json:"pending" bson:"pending"`
	FirstSeen time.Time `json:"first_seen" bson:"first_seen"`
}

// Recent counts what was submitted lately, for bursts. Zero means not known
// and raises nothing.
type Recent struct {
	// SubjectHour and SubjectDay: submissions for the same subject in the
	// last hour and the last 24 hours, this one not counted.
	SubjectHour int `json:"subject_hour" bson:"subject_hour"`
	SubjectDay  int `json:"subject_day" bson:"subject_day"`
	// SubjectMeanDay is the subject's own long-run mean of submissions a day.
	SubjectMeanDay float64 `json:"subject_mean_day" bson:"subject_mean_day"`
	// AuthorHour and AuthorDay: by the same author.
	AuthorHour int `json:"author_hour" bson:"author_hour"`
	AuthorDay  int `json:"author_day" bson:"author_day"`
}

// Submission is a text to be screened, with its pictures. Language is a BCP 47 primary tag as
// detected elsewhere, "" when unknown; LanguageConfidence is 0..1.
type Submission struct {
	ID                 string        `json:"id" bson:"id"`
	Site               string        `json:"site" bson:"site"`
	Kind               string        `json:"kind" bson:"kind"`
	Language           string        `json:"language" bson:"language"`
	LanguageConfidence float64       `json:"language_confidence" bson:"language_confidence"`
	Title              string        `json:"title" bson:"title"`
	Body               string        `json:"body" bson:"body"`
	Rating             int           `json:"rating" bson:"rating"` // 1..5, 0 for none
	SubjectType        string        `json:"subject_type" bson:"subject_type"`
	Subject            string        `json:"subject" bson:"subject"`
	AuthorID           string        `json:"author_id" bson:"author_id"`
	Author             AuthorHistory `json:"author" bson:"author"`
	// SiteLanguages the site serves; empty serves all.
	SiteLanguages []string `json:"site_languages" bson:"site_languages"`
	// Regions as ISO 3166-1 alpha-2, for phone numbers.
	Regions []string `json:"regions" bson:"regions"`
	// ShopDomains are the site's own; links to them are no advertising.
	ShopDomains []string `json:"shop_domains" bson:"shop_domains"`
	// Pictures are never written: JSON and BSON do not hold every hash.
	Pictures []Picture `json:"-" bson:"-"`
	Recent   Recent    `json:"recent" bson:"recent"`
	At       time.Time `json:"at" bson:"at"`
}

// Severities of a signal.
const (
	SeverityInfo   = "info"
	SeverityLow    = "low"
	SeverityMedium = "medium"
	SeverityHigh   = "high"
)

// Fields of a signal; "" where it is about the submission as a whole.
const (
	FieldTitle = "title"
	FieldBody  = "body"
)

// Verdicts.
const (
	VerdictHold    = "hold"
	VerdictApprove = "approve"
	VerdictReject  = "reject"
)

// Signal is one finding. Start and End are rune offsets in the original text
// of Field, End exclusive; both are 0 where the finding has no single place.
type Signal struct {
	Code     string `json:"code" bson:"code"`
	Severity string `json:"severity" bson:"severity"`
	Field    string `json:"field" bson:"field"`
	Start    int    `json:"start" bson:"start"`
	End      int    `json:"end" bson:"end"`
	// Cause is a plain English sentence for moderators.
	Cause string `json:"cause" bson:"cause"`
	// Rule is what found it, with its version: "lexicon/tr@3".
	Rule string `json:"rule" bson:"rule"`
	// Weight is the finding's part in the risk, 0..1; 0 for labels.
	Weight float64 `json:"weight" bson:"weight"`
	// Media is the id of the photo or video that the finding is about, Alike of
	// the rejected one that it looks like.
	Media string `json:"media,omitempty" bson:"media,omitempty"`
	Alike string `json:"alike,omitempty" bson:"alike,omitempty"`
}

// Screening is what the machine says about a submission.
type Screening struct {
	Verdict string   `json:"verdict" bson:"verdict"`
	Risk    float64  `json:"risk" bson:"risk"` // 0..1
	Signals []Signal `json:"signals" bson:"signals"`
	Labels  []string `json:"labels" bson:"labels"`
	// Reasons are the codes an automatic rejection rests on.
	Reasons []string `json:"reasons,omitempty" bson:"reasons,omitempty"`
	// Route is the team or queue a rule sends the item to.
	Route string `json:"route,omitempty" bson:"route,omitempty"`
	// Blind: an automatic decision was possible but a person decides without
	// being told, so that the machine's precision can be measured.
	Blind bool `json:"blind,omitempty" bson:"blind,omitempty"`
	// Proposed is what the machine would have decided alone.
	Proposed string `json:"proposed,omitempty" bson:"proposed,omitempty"`
	// RuleHits are the site's rules that were true, shadow ones included.
	RuleHits []rules.Hit `json:"rule_hits,omitempty" bson:"rule_hits,omitempty"`
	// Env is what the rules saw but title and body, kept for replaying rules
	// over past decisions; the caller fills the texts in from the content.
	Env rules.Env `json:"-" bson:"env"`
	// Probability of a rejection by the classifier, 0..1; -1 without a model.
	Probability float64 `json:"probability" bson:"probability"`
	// Hints are what the classifier was told of the lexicons' findings; they
	// go back with the decision when the model learns.
	Hints []string `json:"hints,omitempty" bson:"hints,omitempty"`
	// Cluster is the id of the group of near-equal texts, "" for none.
	Cluster  string            `json:"cluster,omitempty" bson:"cluster,omitempty"`
	Versions map[string]string `json:"versions" bson:"versions"`
	Failed   bool              `json:"failed" bson:"failed"`
	// Cause says why the verdict is what it is, or what failed.
	Cause string        `json:"cause" bson:"cause"`
	At    time.Time     `json:"at" bson:"at"`
	Took  time.Duration `json:"took" bson:"took"`
}
