package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/shelf"
	"github.com/candor-ugc/candor/search"
)

// maxMatches bounds how many contents of one subject a text may match; a page
// of a listing is sorted and counted over all of them.
const maxMatches = 10_000

// Listing asks for public contents of one subject.
type Listing struct {
	shelf.Query
	// Text keeps contents that match it, "" keeps all.
	Text string
	// QueryLanguage is the language Text is written in, "" for any.
	QueryLanguage string
}

// List gives one page of what is public about a subject: ErrNotFound for an
// unknown product or board, and the errors of shelf.List and search.
func (s *Service) List(ctx context.Context, q Listing) (*shelf.Page, error) {
	if q.Text != "" {
		if err := s.matches(ctx, &q); err != nil {
			return nil, err
		}
	}
	page, err := s.shelf.List(ctx, q.Query)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	if page.Total == 0 {
		if err := s.subjectExists(ctx, q.Site, q.Subject); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// matches narrows a listing to the contents that its text finds.
func (s *Service) matches(ctx context.Context, q *Listing) error {
	if err := s.settler.flush(ctx); err != nil {
		return err
	}
	found, err := s.Public.Matches(ctx, search.Query{
		Site: q.Site, Text: q.Text, Language: q.QueryLanguage,
		SubjectType: string(q.Subject.Type), Subject: q.Subject.ID, Kinds: []string{string(q.Kind)},
	}, maxMatches)
	if err != nil {
		return fmt.Errorf("find in listing: %w", err)
	}
	q.Query.Text = q.Text
	q.Matches = make(map[string]float64, len(found))
	for _, m := range found {
		q.Matches[m.ID] = m.Score
	}
	if q.Sort == "" {
		q.Sort = shelf.Relevant
	}
	return nil
}

// subjectExists tells an empty listing from an unknown subject.
func (s *Service) subjectExists(ctx context.Context, site string, subject content.Subject) error {
	if subject.Type == content.BoardSubject {
		_, err := s.Board(ctx, site, subject.ID)
		return err
	}
	_, err := s.PublicProduct(ctx, site, subject.ID)
	return err
}

// Summary gives how the reviews of a product add up: ErrNotFound.
func (s *Service) Summary(ctx context.Context, site, product string) (*shelf.SummaryPage, error) {
	page, err := s.shelf.Summary(ctx, site, product)
	if err != nil {
		return nil, fmt.Errorf("summary: %w", err)
	}
	if page.Summary.Count == 0 && page.Summary.Questions == 0 {
		if _, err := s.PublicProduct(ctx, site, product); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// Item is one content in the form the asker may see.
type Item struct {
	Body []byte
	ETag string
	// Private is whether Body holds more than strangers may see.
	Private bool
}

// Content gives one content: to its author and to moderators what was written
// last, with its state; to everybody else what is public, or ErrNotFound.
func (s *Service) Content(ctx context.Context, who content.Actor, site, id string) (Item, error) {
	rec, err := s.load(ctx, site, id)
	if err != nil {
		return Item{}, err
	}
	moderator := who.May(content.Moderator)
	if moderator || who.Known() && rec.Author.ID == who.ID {
		p, err := s.private(ctx, rec, moderator)
		if err != nil {
			return Item{}, err
		}
		body, err := json.Marshal(p)
		if err != nil {
			return Item{}, fmt.Errorf("encode content: %w", err)
		}
		return Item{Body: body, ETag: RevTag(rec.Rev), Private: true}, nil
	}
	if err := s.visible(ctx, rec); err != nil {
		return Item{}, err
	}
	body, etag, ok, err := s.shelf.Item(ctx, site, rec.Subject, id)
	if err != nil {
		return Item{}, fmt.Errorf("content: %w", err)
	}
	if !ok {
		return Item{}, ErrNotFound
	}
	return Item{Body: body, ETag: etag}, nil
}

// RevTag is the entity tag of a content as its author sees it.
func RevTag(rev int64) string { return `"` + strconv.FormatInt(rev, 10) + `"` }

// BodyTag is a strong entity tag of an encoded body.
func BodyTag(body []byte) string {
	h := fnv.New64a()
	_, _ = h.Write(body) // a hash never fails to write
	return `"` + strconv.FormatUint(h.Sum64(), 36) + "-" + strconv.Itoa(len(body)) + `"`
}

// Replies lists the public replies to a public content: ErrNotFound.
func (s *Service) Replies(ctx context.Context, id string, q shelf.Query) (*shelf.Page, error) {
	rec, err := s.publicRecord(ctx, q.Site, id)
	if err != nil {
		return nil, err
	}
	q.Subject, q.Parent = rec.Subject, rec.ID
	page, err := s.shelf.List(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("replies: %w", err)
	}
	return page, nil
}

// private is a record as its author, or a moderator, sees it.
func (s *Service) private(ctx context.Context, rec *ledger.Record, moderator bool) (content.Private, error) {
	if moderator {
		return s.view(ctx, rec, forModerator)
	}
	return s.view(ctx, rec, forAuthor)
}

// viewer is who a record is shown to with its state.
type viewer int

const (
	forAuthor viewer = iota
	// forModerator shows the author's id, and which pictures look like withheld
	// ones.
	forModerator
	// forStaff shows media at their public addresses alone.
	forStaff
)

func (s *Service) view(ctx context.Context, rec *ledger.Record, who viewer) (content.Private, error) {
	votes, err := s.votes(ctx, rec.ID)
	if err != nil {
		return content.Private{}, err
	}
	replies, err := s.Ledger.Contents.Count(ctx, ledger.Prefix(ledger.ByParent, rec.Site, rec.ID))
	if err != nil {
		return content.Private{}, fmt.Errorf("count replies: %w", err)
	}
	// The record may be on its way to others, who see less.
	shown := *rec
	if err := s.join(ctx, &shown, who != forStaff); err != nil {
		return content.Private{}, err
	}
	if who == forModerator {
		s.markAlike(ctx, &shown)
	}
	p := shown.Private(votes, replies, who == forModerator)
	p.Waits = who == forModerator && rec.Waits()
	p.Statement = s.statement(rec)
	for _, list := range [][]content.PrivateMedia{p.Media, p.PublicMedia} {
		for i, m := range list {
			if w, withheld := rec.WithheldMedium(m.ID); withheld {
				list[i].Statement = s.mediaStatement(rec, w)
			}
		}
	}
	return p, nil
}

// Mine lists what somebody wrote, in any state, newest first: ErrSignIn.
func (s *Service) Mine(ctx context.Context, who content.Actor, site string, p Paging) (List[content.Private], error) {
	if !who.May(content.Shopper) {
		return List[content.Private]{}, ErrSignIn
	}
	r := ledger.Prefix(ledger.ByAuthor, site, who.ID)
	r.Reverse = true
	return pageOf(ctx, s.Ledger.Contents, r, p, func(rec *ledger.Record) (content.Private, error) {
		return s.private(ctx, rec, false)
	})
}

// isGone reports whether an error means that a thing is not there for the asker.
func isGone(err error) bool { return errors.Is(err, ErrNotFound) }
