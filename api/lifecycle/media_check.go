package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/blob"
)

// CheckMedia reads every stored file of every photo and video and compares it
// with its name, holds the media against the contents that took them, and looks
// for files that nothing refers to. found is told each problem, step is called
// after each medium. With repair, smaller variants are made anew of the largest
// one, media that lost that are given up so that no content shows them, and
// left-over files are deleted.
func (s *Service) CheckMedia(ctx context.Context, repair bool, found func(Problem), step func()) (checked int, err error) {
	if s.Media == nil {
		return 0, nil
	}
	c := &mediaChecker{s: s, repair: repair, found: found, unnoted: map[string]bool{}}
	for m, err := range s.Ledger.Media.Scan(ctx, ledger.Range{}) {
		if err == nil {
			err = c.one(ctx, m)
		}
		if err != nil {
			return checked, fmt.Errorf("check media: %w", err)
		}
		checked++
		step()
	}
	for rec, err := range s.Ledger.Contents.Scan(ctx, ledger.Range{}) {
		if err == nil {
			err = c.content(ctx, rec)
		}
		if err != nil {
			return checked, fmt.Errorf("check media: %w", err)
		}
	}
	return checked, c.orphans(ctx)
}

type mediaChecker struct {
	s      *Service
	repair bool
	found  func(Problem)
	// unnoted are files whose need was found not to be noted, and is known.
	unnoted map[string]bool
}

func (c *mediaChecker) say(mended bool, format string, args ...any) {
	c.found(Problem{Text: fmt.Sprintf(format, args...), Mended: mended})
}

// one verifies one medium and its files.
func (c *mediaChecker) one(ctx context.Context, m *ledger.Medium) error {
	if !slices.Contains(content.MediumStates(), m.State) {
		c.say(false, "%s: unknown state %q", m.ID, m.State)
		return nil
	}
	if m.Content != "" && m.Expires.IsZero() && m.State != content.Failed {
		if err := c.owner(ctx, m); err != nil {
			return err
		}
	}
	if m.Source != "" {
		if bad, err := c.broken(ctx, m, m.Source); err != nil || bad != "" {
			if err != nil {
				return err
			}
			return c.giveUp(ctx, m, fmt.Sprintf("the uploaded file is %s", bad), m.Source)
		}
	}
	broken, looked := map[string]string{}, map[string]bool{}
	for _, f := range m.Files {
		if looked[f.Blob] {
			continue // several variants of a small photo are one file
		}
		looked[f.Blob] = true
		bad, err := c.broken(ctx, m, f.Blob)
		if err != nil {
			return err
		}
		if bad != "" {
			broken[f.Blob] = bad
		}
	}
	if len(broken) > 0 {
		return c.files(ctx, m, broken)
	}
	return nil
}

// broken says what is wrong with a file, "" for nothing, and notes the need of
// it where that was lost.
func (c *mediaChecker) broken(ctx context.Context, m *ledger.Medium, name string) (string, error) {
	key := ledger.Key(name, m.ID)
	if _, err := c.s.Ledger.Blobs.Get(ctx, key); errors.Is(err, ledger.ErrNotFound) {
		c.say(c.repair, "%s: the need of %s is not noted", m.ID, name)
		c.unnoted[name] = true
		if c.repair {
			ref := &ledger.BlobRef{Blob: name, Medium: m.ID, Site: m.Site, At: c.s.now(), Rev: 1}
			if err := c.s.Ledger.Blobs.Insert(ctx, ref); err != nil && !errors.Is(err, ledger.ErrExists) {
				return "", err
			}
		}
	} else if err != nil {
		return "", err
	}
	switch err := blob.Verify(ctx, c.s.Media.Store, name); {
	case err == nil:
		return "", nil
	case errors.Is(err, blob.ErrNotFound):
		return "missing", nil
	case errors.Is(err, blob.ErrDamaged):
		return "damaged", nil
	default:
		return "", err
	}
}

// owner verifies that the content that took a medium exists.
func (c *mediaChecker) owner(ctx context.Context, m *ledger.Medium) error {
	_, err := c.s.load(ctx, m.Site, m.Content)
	if !isGone(err) {
		return err
	}
	c.say(c.repair, "%s: belongs to %s, which does not exist", m.ID, m.Content)
	if !c.repair {
		return nil
	}
	return c.s.changeMedium(ctx, m.ID, func(m *ledger.Medium) { m.Expires = c.s.now() })
}

// files mends broken files of a medium that is ready. Of a photo every variant
// can be made anew while the largest is whole; of a video nothing can.
func (c *mediaChecker) files(ctx context.Context, m *ledger.Medium, broken map[string]string) error {
	full := fileOf(m, media.Full, nil)
	if m.Kind != content.Photo || full == nil || broken[full.Blob] != "" {
		names := ""
		for _, f := range m.Files {
			if bad := broken[f.Blob]; bad != "" {
				names += fmt.Sprintf(" %s (%s)", f.Variant, bad)
			}
		}
		return c.giveUp(ctx, m, "files that cannot be made anew:"+names, slices.Collect(maps.Keys(broken))...)
	}
	if same, err := c.stillNames(ctx, m.ID, slices.Collect(maps.Keys(broken))); err != nil || !same {
		return err
	}
	for name, bad := range broken {
		c.say(c.repair, "%s: %s is %s", m.ID, name, bad)
		// What is there under the name keeps the right file from its place.
		if c.repair {
			if err := c.s.Media.Store.Delete(ctx, name); err != nil {
				return err
			}
		}
	}
	if !c.repair {
		return nil
	}
	return c.remake(ctx, m, full)
}

// remake makes all smaller variants of a photo anew, in both formats, and keeps
// the largest as it is.
func (c *mediaChecker) remake(ctx context.Context, m *ledger.Medium, full *ledger.MediumFile) error {
	from, _, err := c.s.Media.Store.Open(ctx, full.Blob)
	if err != nil {
		return err
	}
	_, made, err := c.s.Media.Processor.Into(keeper{c.s, m.Site, m.ID}).Photo(ctx, from)
	if err = errors.Join(err, from.Close()); err != nil {
		return err
	}
	was := m.Files
	kept := []ledger.MediumFile{*full}
	err = c.s.changeMedium(ctx, m.ID, func(m *ledger.Medium) {
		m.Files = slices.Clone(kept)
		addFiles(m, slices.DeleteFunc(slices.Clone(made), func(d media.Derivative) bool { return d.Variant == media.Full }))
		m.Work, m.Due, m.Holder, m.Tries, m.Pauses = ledger.WorkWebP, c.s.now(), "", 0, 0
	})
	if err != nil {
		return err
	}
	defer c.s.wakeMedia()
	now, err := c.s.Ledger.Media.Get(ctx, m.ID)
	if err != nil {
		return err
	}
	// What is no longer named is no longer needed, the new largest neither.
	for _, d := range made {
		was = append(was, ledger.MediumFile{Blob: d.Blob})
	}
	for _, f := range was {
		if !slices.ContainsFunc(now.Files, func(o ledger.MediumFile) bool { return o.Blob == f.Blob }) {
			if _, err := c.s.drop(ctx, f.Blob, m.ID); err != nil {
				return err
			}
		}
	}
	return c.settle(ctx, m)
}

// stillNames reports whether a medium names any of some files yet: while one was
// read, others may have replaced it.
func (c *mediaChecker) stillNames(ctx context.Context, id string, files []string) (bool, error) {
	m, err := c.s.Ledger.Media.Get(ctx, id)
	if err != nil {
		return false, ignoreMissing(err)
	}
	return namesFile(m, files), nil
}

func namesFile(m *ledger.Medium, files []string) bool {
	return slices.Contains(files, m.Source) ||
		slices.ContainsFunc(m.Files, func(f ledger.MediumFile) bool { return slices.Contains(files, f.Blob) })
}

// giveUp makes a medium a failed one, so that no content shows it any more, unless
// it has got other files meanwhile.
func (c *mediaChecker) giveUp(ctx context.Context, m *ledger.Medium, why string, files ...string) error {
	if same, err := c.stillNames(ctx, m.ID, files); err != nil || !same {
		return err
	}
	c.say(c.repair, "%s: %s", m.ID, why)
	if !c.repair {
		return nil
	}
	still := func(m *ledger.Medium) bool { return namesFile(m, files) }
	err := c.s.changeWhile(ctx, m.ID, still, func(m *ledger.Medium) {
		m.State, m.Reason, m.Work, m.Holder, m.Source, m.Files, m.Place = content.Failed, "missing", "", "", "", nil, nil
	})
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := c.s.releaseFiles(ctx, m.ID); err != nil {
		return err
	}
	return c.settle(ctx, m)
}

// settle brings what is derived in step with a medium that changed.
func (c *mediaChecker) settle(ctx context.Context, m *ledger.Medium) error {
	if m.Content == "" {
		return nil
	}
	rec, err := c.s.load(ctx, m.Site, m.Content)
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	c.s.settle(ctx, rec.Site, rec.Subject, rec.ID)
	if !c.s.Ledger.Shared() || !rec.Shown {
		return nil
	}
	// Other nodes follow contents and their votes, and neither has changed.
	_, err = c.s.recount(ctx, rec)
	return err
}

// content holds the media that a content names against the ledger.
func (c *mediaChecker) content(ctx context.Context, rec *ledger.Record) error {
	if !rec.Pictured || rec.State == content.Erased {
		return nil
	}
	for _, id := range mediaOf(rec) {
		m, err := c.s.loadMedium(ctx, rec.Site, id)
		switch {
		case isGone(err):
			c.say(false, "%s: names %s, which does not exist; it is shown without", rec.ID, id)
		case err != nil:
			return err
		case m.Content != rec.ID:
			c.say(false, "%s: names %s, which is not its own; it is shown without", rec.ID, id)
		}
	}
	places, err := c.s.places(ctx, rec)
	if err != nil {
		return err
	}
	list, err := c.s.Ledger.Media.All(ctx, ledger.Prefix(ledger.ByContent, rec.Site, rec.ID))
	if err != nil {
		return err
	}
	for _, m := range list {
		if samePlace(m.Place, places[m.ID]) {
			continue
		}
		c.say(c.repair, "%s: galleries do not show %s as it is", rec.ID, m.ID)
		if c.repair {
			return c.s.placeMedia(ctx, rec)
		}
	}
	return nil
}

// orphans looks for files that nothing refers to.
func (c *mediaChecker) orphans(ctx context.Context) error {
	before := c.s.Now().Add(-orphanGrace)
	if !c.s.Ledger.Shared() {
		before = c.s.Now().Add(time.Hour) // nobody else is at work
	}
	if c.repair {
		_, err := c.s.collectOrphans(ctx, before, func(what string) { c.say(true, "%s", what) })
		return err
	}
	for ref, err := range c.s.staleNotes(ctx, before) {
		if err != nil {
			return err
		}
		c.say(false, "%s", staleNote(ref))
	}
	for name, err := range c.s.orphanFiles(ctx, before) {
		if err != nil {
			return err
		}
		if !c.unnoted[name] {
			c.say(false, "%s", orphanFile(name))
		}
	}
	return nil
}
