package moderation

import (
	"fmt"
	"math"
	"slices"

	"github.com/candor-ugc/candor/moderation/contact"
	"github.com/candor-ugc/candor/moderation/lexicon"
	"github.com/candor-ugc/candor/moderation/similar"
	"github.com/candor-ugc/candor/moderation/textnorm"
)

// Codes of signals.
const (
	CodeProfanity         = "profanity"
	CodeInsult            = "insult"
	CodeHate              = "hate"
	CodeThreat            = "threat"
	CodeSexual            = "sexual"
	CodeSpam              = "spam"
	CodeDirectsAway       = "directs_away"
	CodeIncentivized      = "incentivized"
	CodeEvasion           = "evasion"
	CodePhone             = "phone"
	CodeEmail             = "email"
	CodeCard              = "card"
	CodeIBAN              = "iban"
	CodeURL               = "url"
	CodeShouting          = "shouting"
	CodeGibberish         = "gibberish"
	CodeTooShort          = "too_short"
	CodeTooLong           = "too_long"
	CodeDuplicate         = "duplicate"
	CodeNearDuplicate     = "near_duplicate"
	CodeRatingMismatch    = "rating_mismatch"
	CodeBurst             = "burst"
	CodeAuthorBurst       = "author_burst"
	CodeLanguageNotServed = "language_not_served"
	CodeClassifier        = "classifier"
	// CodePictures is for information: there are photos or videos.
	CodePictures     = "pictures"
	CodePictureKnown = "picture_known"
)

var wordCauses = map[lexicon.Category]string{
	lexicon.Profanity: "Swear word",
	lexicon.Insult:    "Insult",
	lexicon.Hate:      "Slur or hate against a group",
	lexicon.Threat:    "Threat or call to harm",
	lexicon.Sexual:    "Sexual content",
	lexicon.Spam:      "Advertising phrase",
	lexicon.Away:      "Leads shoppers to another seller or channel",
	lexicon.Incentive: "The author says that the product or a reward was given for the review",
}

// wordSignals looks both fields up in the lists of the text's language, of the
// site's languages where the detection is unsure, and of English.
func (r *run) wordSignals() error {
	languages := r.listsFor()
	positive, negative := 0.0, 0.0
	r.fields(func(name string, t *textnorm.Text) {
		hits := r.matcher.Find(t, languages...)
		p, n := sentiment(hits)
		if name == FieldTitle {
			p, n = 2*p, 2*n // a title sums up
		}
		positive, negative = positive+p, negative+n
		for _, hint := range hintsOf(hits) {
			if !slices.Contains(r.out.Hints, hint) {
				r.out.Hints = append(r.out.Hints, hint)
			}
		}
		for i := range hits {
			r.wordSignal(name, t, &hits[i])
		}
	})
	for _, l := range languages {
		if v, ok := r.lists[l]; ok {
			r.out.Versions["lexicon/"+l] = v
		}
	}
	r.mismatch = contradicts(r.sub.Rating, positive, negative)
	return nil
}

const sureLanguage = 0.6

func (r *run) listsFor() []string {
	languages := make([]string, 0, 4)
	add := func(l string) {
		if l = listLanguage(l); l != "" && !slices.Contains(languages, l) {
			languages = append(languages, l)
		}
	}
	add(r.sub.Language)
	if r.sub.Language == "" || r.sub.LanguageConfidence < sureLanguage {
		for _, l := range r.sub.SiteLanguages {
			add(l)
		}
	}
	add("en")
	return languages
}

func (r *run) wordSignal(field string, t *textnorm.Text, h *lexicon.Hit) {
	cause, ok := wordCauses[h.Entry.Category]
	if !ok {
		return // praise and complaint are no signals
	}
	sig := Signal{
		Code: string(h.Entry.Category), Severity: h.Entry.Severity, Field: field,
		Start: t.Tokens[h.First].Start, End: t.Tokens[h.Last].End,
		Rule: h.Entry.Rule, Weight: h.Entry.Weight,
	}
	sig.Cause = fmt.Sprintf("%s (%s list: %q).", cause, h.Entry.Language, h.Entry.Text)
	if h.Evasion != "" {
		sig.Cause = fmt.Sprintf("%s (%s list: %q), disguised by %s.", cause, h.Entry.Language, h.Entry.Text, evasionWords[h.Evasion])
		sig.Weight = min(1, sig.Weight+0.1)
	}
	r.signal(sig)
	if h.Evasion != "" && h.Entry.Category != lexicon.Incentive {
		r.signal(Signal{
			Code: CodeEvasion, Severity: SeverityMedium, Field: field, Start: sig.Start, End: sig.End,
			Cause: "A listed word was disguised by " + evasionWords[h.Evasion] + ".", Rule: "evasion@1", Weight: 0.3,
		})
	}
	if h.Entry.Category == lexicon.Incentive {
		r.label(CodeIncentivized)
	}
}

var evasionWords = map[string]string{
	lexicon.EvasionLeet:       "digits or symbols for letters",
	lexicon.EvasionRepeat:     "repeated letters",
	lexicon.EvasionSpacing:    "letters set apart",
	lexicon.EvasionConfusable: "look-alike letters of another script",
	lexicon.EvasionHidden:     "invisible characters",
	lexicon.EvasionStyled:     "styled letters",
	lexicon.EvasionCensored:   "asterisks",
}

func (r *run) label(code string) {
	if !slices.Contains(r.out.Labels, code) {
		r.out.Labels = append(r.out.Labels, code)
	}
}

// sentiment adds up words of praise and complaint; a negation turns the next
// three words, and in Turkish and Persian, where it follows, the one before.
func sentiment(hits []lexicon.Hit) (positive, negative float64) {
	for i := range hits {
		h := &hits[i]
		if h.Entry.Category != lexicon.Positive && h.Entry.Category != lexicon.Negative {
			continue
		}
		good := h.Entry.Category == lexicon.Positive
		for k := range hits {
			n := &hits[k]
			if n.Entry.Category != lexicon.Negation || n.First >= h.First && n.Last <= h.Last {
				continue
			}
			before, after := h.First-n.Last, n.First-h.Last
			if before >= 1 && before <= 3 || after == 1 && (n.Entry.Language == "tr" || n.Entry.Language == "fa" || n.Entry.Language == "hi") {
				good = !good
				break
			}
		}
		if good {
			positive += h.Entry.Weight
		} else {
			negative += h.Entry.Weight
		}
	}
	return positive, negative
}

// minSentiment is what the words must outweigh the others by, in either
// direction alike.
const minSentiment = 0.6

// contradicts: five or four stars on a complaint, or one or two on praise.
func contradicts(rating int, positive, negative float64) bool {
	switch {
	case rating >= 4:
		return negative-2*positive >= minSentiment
	case rating == 1 || rating == 2:
		return positive-2*negative >= minSentiment
	default:
		return false
	}
}

var contactCauses = map[string]struct {
	severity, cause string
	weight          float64
}{
	contact.Phone: {SeverityHigh, "Telephone number.", 0.6},
	contact.Email: {SeverityHigh, "E-mail address.", 0.6},
	contact.Card:  {SeverityHigh, "Payment card number.", 0.8},
	contact.IBAN:  {SeverityHigh, "Bank account number (IBAN).", 0.8},
	contact.URL:   {SeverityMedium, "Link", 0.45},
}

func (r *run) contactSignals() error {
	regions := r.sub.Regions
	if len(regions) == 0 {
		regions = contact.RegionsOf(r.sub.Language)
	}
	r.contacts = contact.Options{Regions: regions, Own: r.sub.ShopDomains}
	r.fields(r.contactIn)
	return nil
}

// contactIn looks for ways to get in touch in one text.
func (r *run) contactIn(name string, t *textnorm.Text) {
	for _, f := range contact.Scan(t.Runes, r.contacts) {
		c := contactCauses[f.Kind]
		sig := Signal{
			Code: f.Kind, Severity: c.severity, Field: name, Start: f.Start, End: f.End,
			Cause: c.cause, Rule: "contact@1", Weight: c.weight,
		}
		if f.Kind == contact.URL {
			sig.Cause = fmt.Sprintf("Link to %s.", f.Host)
		}
		if f.Obfuscated {
			sig.Cause = "Written around a filter: " + sig.Cause
			sig.Weight += 0.15
		}
		r.signal(sig)
	}
}

func (r *run) languageSignals() error {
	const sure = 0.7
	if len(r.sub.SiteLanguages) == 0 || r.sub.Language == "" || r.sub.LanguageConfidence < sure || len(r.body.Tokens) < 4 {
		return nil
	}
	if slices.ContainsFunc(r.sub.SiteLanguages, func(l string) bool { return listLanguage(l) == listLanguage(r.sub.Language) }) {
		return nil
	}
	r.signal(Signal{
		Code: CodeLanguageNotServed, Severity: SeverityMedium, Rule: "language@1", Weight: 0.3,
		Cause: fmt.Sprintf("The text seems to be in %q, which this site does not serve.", r.sub.Language),
	})
	return nil
}

// sketch gives the sketch of title and body; ok is false where there is no word.
func (d *desk) sketch() (similar.Sketch, bool) {
	d.sketcher.Reset()
	for _, t := range []*textnorm.Text{&d.title, &d.body} {
		for i := range t.Tokens {
			d.sketcher.Add(t.Fold(i))
		}
	}
	sk := d.sketcher.Sketch()
	return sk, sk.Tokens > 0
}

// nearEnough is the similarity from which texts count as copies, and
// minStranger the words a text of somebody else must have: "good product" is
// written by many.
const (
	nearEnough  = 0.7
	minStranger = 8
)

func (r *run) duplicateSignals() error {
	sk, ok := r.sketch()
	if !ok {
		return nil
	}
	subject := r.sub.SubjectType + "/" + r.sub.Subject
	for _, m := range r.opt.Memory.Lookup(r.sub.Site, r.sub.ID, sk, nearEnough) {
		if !counts(m, r.sub.AuthorID, sk.Tokens) {
			continue
		}
		same := sameAuthor(m, r.sub.AuthorID)
		sig := Signal{Code: CodeNearDuplicate, Severity: SeverityMedium, Rule: "duplicates@1", Weight: 0.4}
		if m.Near == 1 {
			sig.Code, sig.Severity, sig.Weight = CodeDuplicate, SeverityHigh, 0.55
		}
		whose, where := "another author", "for another product"
		if same {
			whose = "the same author"
		}
		if m.Record.Subject == subject {
			where = "for the same product"
		}
		if same && sk.Tokens < minStranger {
			sig.Severity, sig.Weight = SeverityLow, 0.2
		}
		sig.Cause = fmt.Sprintf("%.0f %% the same words as %s by %s %s.", 100*m.Near, m.Record.ID, whose, where)
		r.signal(sig)
		r.out.Cluster = clusterOf(m)
		return nil
	}
	return nil
}

func sameAuthor(m similar.Match, author string) bool {
	return author != "" && m.Record.Author == author
}

// counts: a copy of a short text means something only with the same author.
func counts(m similar.Match, author string, tokens int) bool {
	return sameAuthor(m, author) || tokens >= minStranger
}

func clusterOf(m similar.Match) string {
	if m.Record.Cluster != "" {
		return m.Record.Cluster
	}
	return m.Record.ID
}

// Bursts: how unlikely the number of submissions must be, and how many it
// takes at least.
const (
	burstChance     = 1e-4
	burstLeast      = 5
	burstUnknown    = 12.0 // submissions a day where the subject has no history
	authorBurstHour = 5
	authorBurstDay  = 15
)

func (r *run) burstSignals() error {
	c := r.sub.Recent
	mean := c.SubjectMeanDay
	if mean <= 0 {
		mean = burstUnknown
	}
	for _, w := range []struct {
		name string
		n    int
		mean float64
	}{{"hour", c.SubjectHour, mean / 24}, {"24 hours", c.SubjectDay, mean}} {
		if w.n >= burstLeast && poissonTail(w.n, w.mean) < burstChance {
			r.signal(Signal{
				Code: CodeBurst, Severity: SeverityMedium, Rule: "bursts@1", Weight: 0.3,
				Cause: fmt.Sprintf("%d submissions for this product in the last %s; %.1f are usual.", w.n, w.name, w.mean),
			})
			break
		}
	}
	if c.AuthorHour >= authorBurstHour || c.AuthorDay >= authorBurstDay {
		r.signal(Signal{
			Code: CodeAuthorBurst, Severity: SeverityMedium, Rule: "bursts@1", Weight: 0.3,
			Cause: fmt.Sprintf("The author sent %d texts in the last hour and %d in the last 24 hours.", c.AuthorHour, c.AuthorDay),
		})
	}
	return nil
}

// poissonTail is the probability of n or more events where mean are expected.
func poissonTail(n int, mean float64) float64 {
	term := math.Exp(-mean)
	below := 0.0
	for k := range n {
		below += term
		term *= mean / float64(k+1)
	}
	return max(0, 1-below)
}

func (r *run) detectorSignals() error {
	sub := *r.sub
	sub.Rating = 0 // no ground for a verdict, so not theirs to see
	for _, d := range r.opt.Detectors {
		signals, err := d.Detect(r.ctx, sub)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Name(), err)
		}
		for _, sig := range signals {
			r.signal(sig)
		}
	}
	return nil
}
