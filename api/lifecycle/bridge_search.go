package lifecycle

import (
	"context"
	"iter"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/search"
)

// publicDocument is a record as the public index sees it: its approved version
// alone, and whether it has one to show.
func publicDocument(rec *ledger.Record, votes content.Votes, productName string) (search.Document, bool) {
	v, ok := rec.PublicVersion()
	if !ok {
		return search.Document{}, false
	}
	d := document(rec, v, votes, productName)
	public, _ := rec.Public(votes, 0)
	d.Media = len(public.Media) > 0
	return d, true
}

// deskDocument is a record as moderators search for it: what was written last,
// in whatever state.
func deskDocument(rec *ledger.Record, votes content.Votes, productName string) search.Document {
	d := document(rec, rec.Current, votes, productName)
	d.AuthorID, d.AuthorName = rec.Author.ID, rec.Author.Name
	d.State, d.Reasons = string(rec.State), rec.Reasons
	if rec.Screening != nil {
		d.Risk = rec.Screening.Risk
	}
	return d
}

func document(rec *ledger.Record, v content.Version, votes content.Votes, productName string) search.Document {
	return search.Document{
		ID: rec.ID, Site: rec.Site, ContentKind: string(rec.Kind),
		SubjectType: string(rec.Subject.Type), Subject: rec.Subject.ID, Parent: rec.Parent,
		AuthorID: rec.Author.Handle, Language: v.Language, Title: v.Title, Body: v.Body, ProductName: productName,
		Rating: v.Rating, Verified: rec.Author.Verified, Media: len(v.Media) > 0, Incentivized: v.Incentivized,
		Helpful: votes.Helpfulness(), Created: rec.CreatedAt, Published: rec.PublishedAt, Rev: rec.Rev,
	}
}

// PublicDocuments gives everything public for a rebuild of the public index.
func (s *Service) PublicDocuments(ctx context.Context) iter.Seq2[search.Document, error] {
	return s.documents(ctx, ledger.Range{Index: ledger.ByPublic}, publicDocument)
}

// DeskDocuments gives everything that was not erased for a rebuild of the desk
// index.
func (s *Service) DeskDocuments(ctx context.Context) iter.Seq2[search.Document, error] {
	return s.documents(ctx, ledger.Range{}, func(rec *ledger.Record, v content.Votes, name string) (search.Document, bool) {
		return deskDocument(rec, v, name), rec.State != content.Erased
	})
}

type toDocument func(rec *ledger.Record, votes content.Votes, productName string) (search.Document, bool)

func (s *Service) documents(ctx context.Context, r ledger.Range, convert toDocument) iter.Seq2[search.Document, error] {
	return func(yield func(search.Document, error) bool) {
		for rec, err := range s.Ledger.Contents.Scan(ctx, r) {
			var votes content.Votes
			if err == nil {
				votes, err = s.votes(ctx, rec.ID)
			}
			if err != nil {
				yield(search.Document{}, err)
				return
			}
			if err := s.below(ctx, rec); err != nil {
				yield(search.Document{}, err)
				return
			}
			d, ok := convert(rec, votes, s.productName(ctx, rec.Site, rec.Subject))
			if ok && !yield(d, nil) {
				return
			}
		}
	}
}
