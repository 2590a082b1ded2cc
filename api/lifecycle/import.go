package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// maxImportedAge is the longest time that an imported content may have waited
// elsewhere for it to count here.
const maxImportedAge = 30 * 24 * time.Hour

// maxImportedVotes bounds the votes that an imported content may bring.
const maxImportedVotes = 10_000_000

// importBatch is how many contents are written and indexed at once.
const importBatch = 1000

// Imported counts what came of an import.
type Imported struct {
	// Added contents are new, Skipped were there already, Rejected were not
	// usable.
	Added    int        `json:"added"`
	Skipped  int        `json:"skipped"`
	Rejected int        `json:"rejected"`
	Reasons  []Rejected `json:"reasons"`
}

// Rejected says why a line was not taken in.
type Rejected struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// maxRejected bounds how many rejected lines are told one by one.
const maxRejected = 1000

func (i *Imported) reject(file string, line int, reason string) {
	i.Rejected++
	if len(i.Reasons) < maxRejected {
		i.Reasons = append(i.Reasons, Rejected{File: file, Line: line, Reason: reason})
	}
}

// Importer takes in contents of another system, keeping their dates, ratings
// and votes. It is used by one goroutine; what it was given is durable and
// indexed when [Importer.Close] has returned nil.
type Importer struct {
	// Report is called with every rejected line, and OnBatch with the progress
	// after each batch; both may be nil.
	Report  func(Rejected)
	OnBatch func(Imported)

	s     *Service
	site  string
	state content.State
	at    time.Time

	done     Imported
	batch    []*ledger.Record
	named    map[string]node // rows that later ones may name as their parent
	tallies  []*ledger.Tally
	products map[string]string // ids seen, and the names they go by
	added    []*ledger.Product
	subjects map[content.Subject]bool
	boards   map[string]bool // boards that are known to exist
	// restored are documents of the table restoring that are not written yet.
	restored  []ledger.Doc
	restoring string
	indexing  *errgroup.Group
	ictx      context.Context
}

// Import prepares an import into a site. state is pending or approved: what rows
// without a state of their own become. Approved contents are public at once, as
// they were where they come from.
func (s *Service) Import(ctx context.Context, site string, state content.State) (*Importer, error) {
	if state != content.Pending && state != content.Approved {
		return nil, fmt.Errorf("import: the state must be pending or approved, not %q", state)
	}
	im := &Importer{
		s: s, site: site, state: state, at: s.now(), products: map[string]string{}, subjects: map[content.Subject]bool{},
		named: map[string]node{}, boards: map[string]bool{}, done: Imported{Reasons: []Rejected{}},
	}
	im.indexing, im.ictx = errgroup.WithContext(ctx)
	im.indexing.SetLimit(1)
	return im, nil
}

// Reject notes a line that could not be read.
func (im *Importer) Reject(file string, line int, reason string) {
	im.done.reject(file, line, reason)
	if im.Report != nil {
		im.Report(Rejected{File: file, Line: line, Reason: reason})
	}
}

// Add takes a row in. What is wrong with the row is noted and no error; an error
// means that the import cannot go on.
func (im *Importer) Add(ctx context.Context, row *ImportRow, file string, line int) error {
	recs, err := im.records(ctx, row)
	if err != nil {
		im.Reject(file, line, err.Error())
		return nil
	}
	im.batch = append(im.batch, recs...)
	if len(im.batch) >= importBatch {
		return im.flush(ctx)
	}
	return nil
}

// Close writes and indexes the rest and says what came of the import.
func (im *Importer) Close(ctx context.Context) (Imported, error) {
	err := im.flush(ctx)
	err = errors.Join(err, im.indexing.Wait())
	if err == nil {
		err = im.finishRestore(ctx)
	}
	for subject := range im.subjects {
		im.s.shelf.Drop(im.site, subject)
	}
	return im.done, err
}

// node is what a reply needs to know of its parent.
type node struct {
	id, root string
	depth    int
	kind     content.Kind
	subject  content.Subject
}

func nodeOf(rec *ledger.Record) node {
	return node{rec.ID, rec.Root, rec.Depth, rec.Kind, rec.Subject}
}

// records turns a row into contents, the row's own first.
func (im *Importer) records(ctx context.Context, row *ImportRow) ([]*ledger.Record, error) {
	created := time.Time{}
	if row.Created != nil {
		created = row.Created.UTC().Truncate(time.Millisecond)
	}
	var parent node
	if row.Kind.IsReply() {
		var err error
		if parent, err = im.parent(ctx, row.Parent); err != nil {
			return nil, err
		}
	}
	if row.Kind == content.Topic {
		if err := im.board(ctx, row.Board); err != nil {
			return nil, err
		}
	}
	tallies := len(im.tallies)
	rec, err := im.record(row, row.Key, created, parent)
	if err != nil {
		return nil, err
	}
	recs := []*ledger.Record{rec}
	for i, a := range row.Answers {
		part := &ImportRow{Kind: content.Answer, Body: a.Body, Language: row.Language, State: row.State}
		if a.From != "" {
			part.Attributes = map[string]string{"from": a.From}
		}
		answer, err := im.record(part, fmt.Sprintf("%s/answer/%d", row.Key, i), created, nodeOf(rec))
		if err != nil {
			im.tallies = im.tallies[:tallies]
			return nil, fmt.Errorf("answers[%d]: %w", i, err)
		}
		recs = append(recs, answer)
	}
	if row.named {
		im.named[row.Key] = nodeOf(rec)
	}
	return recs, nil
}

// parent finds what a row replies to: a row with that key before it, or a
// content with that id.
func (im *Importer) parent(ctx context.Context, key string) (node, error) {
	if n, ok := im.named[key]; ok {
		return n, nil
	}
	rec, err := im.s.load(ctx, im.site, key)
	if errors.Is(err, ErrNotFound) {
		return node{}, fmt.Errorf("parent: %.60q was not imported before", key)
	}
	if err != nil {
		return node{}, fmt.Errorf("parent: %w", err)
	}
	return nodeOf(rec), nil
}

func (im *Importer) record(row *ImportRow, key string, created time.Time, parent node) (*ledger.Record, error) {
	state := row.State
	if state == "" {
		state = im.state
	}
	if state != content.Pending && state != content.Approved {
		return nil, fmt.Errorf("state: must be pending or approved, not %q", state)
	}
	text := content.Version{
		Rev: 1, Ratings: row.Ratings, Title: content.Clean(row.Title), Body: content.Clean(row.Body),
		Language: row.Language, Attributes: row.Attributes, Incentivized: row.Incentivized,
	}
	if row.Rating != nil {
		text.Rating = *row.Rating
	}
	for k, v := range text.Attributes {
		text.Attributes[k] = content.Clean(v)
	}
	if row.Kind == content.Topic && text.Title == "" {
		text.Title = firstWords(text.Body)
	}
	if err := text.Validate(row.Kind, true); err != nil {
		return nil, err
	}
	rec := &ledger.Record{Content: content.Content{
		ID: importID(im.site, key, created), Site: im.site, Kind: row.Kind, State: state, Rev: 1, Current: text,
		CreatedAt: created, UpdatedAt: im.at,
		Author: content.Author{ID: row.Author.ID, Name: content.Clean(row.Author.Name), Staff: row.Author.Staff},
	}}
	if created.IsZero() {
		rec.CreatedAt = im.at
	}
	rec.Current.At = rec.CreatedAt
	if parent.id != "" {
		rec.Kind, rec.Subject = parent.kind.ReplyKind(), parent.subject
		rec.Parent, rec.Root, rec.Depth = parent.id, parent.root, parent.depth+1
		if rec.Root == "" {
			rec.Root = parent.id
		}
		if rec.Depth > content.MaxDepth {
			return nil, fmt.Errorf("parent: %w", ErrTooDeep)
		}
	}
	return rec, im.complete(row, rec)
}

// complete adds to a record what depends on other things than its text.
func (im *Importer) complete(row *ImportRow, rec *ledger.Record) error {
	if rec.Author.ID != "" && !content.ValidPerson(rec.Author.ID) || len([]rune(rec.Author.Name)) > content.MaxName {
		return errors.New("author: the id must be 1 to 128 printable characters, the name at most 80")
	}
	if rec.Author.ID != "" {
		rec.Author.Handle = im.s.Handle(im.site, rec.Author.ID)
	}
	if row.Verified || row.Author.Verified {
		rec.Author.Verified, rec.Author.VerifiedBy = true, "import"
	}
	switch {
	case row.Kind == content.Topic:
		rec.Subject = content.BoardOf(row.Board)
	case !row.Kind.IsReply():
		rec.Subject = content.ProductOf(row.Product.ID)
	}
	if rec.Subject.ID != "" && !content.ValidID(rec.Subject.ID) {
		return errors.New("product: the id must be 1 to 128 printable characters without a slash")
	}
	if rec.State == content.Approved {
		rec.Shown, rec.ApprovedRev, rec.PublishedAt = true, 1, rec.CreatedAt
	} else {
		// What waited there waits on here; an old archive does not jump the queue.
		rec.QueuedAt = im.at
		if age := im.at.Sub(rec.CreatedAt); age > 0 && age < maxImportedAge {
			rec.QueuedAt = rec.CreatedAt
		}
	}
	if row.Product.ID != "" {
		im.product(row.Product)
	}
	votes := row.Votes
	votes.Helpful += row.HelpfulVotes
	if min(votes.Helpful, votes.Unhelpful) < 0 || max(votes.Helpful, votes.Unhelpful, row.HelpfulVotes) > maxImportedVotes {
		return fmt.Errorf("votes: must be from 0 to %d", maxImportedVotes)
	}
	if rec.CreatedAt.After(im.at.AddDate(0, 0, 1)) || rec.CreatedAt.Year() < 1990 {
		return errors.New("created_at: must be from 1990 on and not in the future")
	}
	if votes != (content.Votes{}) {
		im.tallies = append(im.tallies, &ledger.Tally{
			Content: rec.ID, Site: im.site, Subject: rec.Subject, Votes: votes, Base: votes, Changed: im.at, Rev: 1,
		})
	}
	rec.Owes, rec.Salt = true, im.s.NewID()
	rec.Events = []ledger.Event{{
		ID: rec.ID + "/1", Site: rec.Site, Content: rec.ID, Kind: rec.Kind, Rev: 1, Action: "import",
		To: rec.State, Actor: "import", Role: content.Admin, Version: 1, TextHash: textHash(rec.Salt, rec.Current), At: im.at,
	}}
	return nil
}

// takeSlots keeps the authors of imported reviews from reviewing the same
// product again. A slot that is taken already stays as it is.
func (im *Importer) takeSlots(ctx context.Context, batch []*ledger.Record) error {
	var slots []*ledger.Slot
	for _, rec := range batch {
		if rec.Kind != content.Review || rec.Author.ID == "" {
			continue
		}
		rec.Slot = reviewSlot(rec)
		slots = append(slots, &ledger.Slot{Key: rec.Slot, Content: rec.ID, At: im.at, Rev: 1})
	}
	if len(slots) == 0 {
		return nil
	}
	if _, err := im.s.Ledger.Slots.InsertMissing(ctx, slots); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	return nil
}

// board checks that a topic's board exists.
func (im *Importer) board(ctx context.Context, id string) error {
	if im.boards[id] {
		return nil
	}
	if _, err := im.s.Board(ctx, im.site, id); err != nil {
		if isGone(err) {
			return fmt.Errorf("board: %.60q does not exist", id)
		}
		return fmt.Errorf("board: %w", err)
	}
	im.boards[id] = true
	return nil
}

// firstWords makes a title of a text that has none.
func firstWords(s string) string {
	r := []rune(s)
	return content.Clean(string(r[:min(len(r), 80)]))
}

// product notes a product that rows name; a name given later is kept too.
func (im *Importer) product(p importProduct) {
	if _, seen := im.products[p.ID]; seen {
		return
	}
	name := content.Clean(p.Name)
	if name == "" {
		name = p.ID
	}
	if r := []rune(name); len(r) > content.MaxTitle {
		name = string(r[:content.MaxTitle])
	}
	im.products[p.ID] = name
	im.added = append(im.added, &ledger.Product{Rev: 1, Product: content.Product{
		Site: im.site, ID: p.ID, Name: name, UpdatedAt: im.at,
	}})
}

// flush writes the batch to the ledger, then indexes it while the next batch is
// being read.
func (im *Importer) flush(ctx context.Context) error {
	batch, tallies, products := im.batch, im.tallies, im.added
	im.batch, im.tallies, im.added = nil, nil, nil
	if len(products) > 0 {
		if _, err := im.s.Ledger.Products.InsertMissing(ctx, products); err != nil {
			return fmt.Errorf("import products: %w", err)
		}
	}
	if len(batch) == 0 {
		return nil
	}
	// The sweeper takes what has owed for long to be left over: that counts from
	// now, not from when the import began.
	now := im.s.now()
	for _, rec := range batch {
		rec.UpdatedAt, rec.Events[0].At = now, now
		if rec.State == content.Pending {
			sc, err := im.s.screen(ctx, rec)
			if err != nil {
				return err
			}
			rec.Screening = &sc
		} else if rec.Current.Language == "" {
			rec.Current.Language, _ = im.s.Detect(rec.Current.Title + "\n" + rec.Current.Body)
		}
	}
	if err := im.takeSlots(ctx, batch); err != nil {
		return err
	}
	// Sums first: a content that is there has its votes.
	if len(tallies) > 0 {
		if _, err := im.s.Ledger.Tallies.InsertMissing(ctx, tallies); err != nil {
			return fmt.Errorf("import votes: %w", err)
		}
	}
	added, err := im.s.Ledger.Contents.InsertMissing(ctx, batch)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	fresh := make([]*ledger.Record, 0, len(batch))
	for i, rec := range batch {
		if !added[i] {
			im.done.Skipped++
			continue
		}
		im.done.Added++
		im.subjects[rec.Subject] = true
		rec.Stored = ledger.Keys{ledger.ByOwes: im.s.Ledger.Contents.Key(rec, ledger.ByOwes)}
		fresh = append(fresh, rec)
	}
	if im.OnBatch != nil {
		im.OnBatch(im.done)
	}
	if im.ictx.Err() != nil {
		return im.indexing.Wait()
	}
	im.indexing.Go(func() error {
		for _, rec := range fresh {
			im.s.enqueue(rec)
		}
		return im.s.settleRecords(im.ictx, fresh, nil)
	})
	return nil
}
