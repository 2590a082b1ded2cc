package admin

import (
	"slices"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

// fieldChange is what became of one field.
type fieldChange struct {
	Name string
	// Changes is empty where Before and After, or Media, say it.
	Changes       []change
	Before, After string
	Media         []mediaChange
}

// mediaChange is what became of some photos and videos: each has its caption, or
// how that changed.
type mediaChange struct {
	Text     string
	Captions [][]change
}

// differences says what an edit changed of what is public, or of what the
// author was asked to change.
func (v *visit) differences(c *lifecycle.Case) []fieldChange {
	now := c.Content
	was, ok := previous(c)
	if !ok {
		return nil
	}
	var out []fieldChange
	if was.Rating != now.Rating {
		out = append(out, fieldChange{Name: v.words.T("field.rating"), Before: v.words.N(was.Rating), After: v.words.N(now.Rating)})
	}
	if was.Title != now.Title {
		out = append(out, fieldChange{Name: v.words.T("field.title"), Changes: compare(was.Title, now.Title)})
	}
	if was.Body != now.Body {
		out = append(out, fieldChange{Name: v.words.T("field.body"), Changes: compare(was.Body, now.Body)})
	}
	if list := v.mediaChanges(was.Media, now.Media); len(list) > 0 {
		out = append(out, fieldChange{Name: v.words.T("field.media"), Media: list})
	}
	return out
}

// previous is what the present version is compared with, where it is with any.
func previous(c *lifecycle.Case) (was content.Version, ok bool) {
	n := len(c.Revisions)
	switch {
	case c.Content.State == content.Approved:
		return was, false
	case c.Public != nil && n > 0 && c.Revisions[n-1].At.Equal(c.Public.UpdatedAt):
		return c.Revisions[n-1], true // the public version, with what is withheld of it
	case c.Public != nil:
		was = content.Version{Title: c.Public.Title, Body: c.Public.Body, Rating: c.Public.Rating}
		for _, m := range c.Public.Media {
			was.Media = append(was.Media, content.Media{ID: m.ID, Caption: m.Caption, Alt: m.Alt})
		}
		for i, m := range c.Content.Media {
			// What somebody withheld has been seen, and is nothing new.
			if m.Withheld {
				was.Media = slices.Insert(was.Media, min(i, len(was.Media)), described(m))
			}
		}
		return was, true
	case n > 0 && c.Content.State == content.Pending:
		return c.Revisions[n-1], true
	}
	return was, false
}

// described is what the author wrote about a photo or video.
func described(m content.PrivateMedia) content.Media {
	return content.Media{ID: m.ID, Caption: m.Caption, Alt: m.Alt}
}

// mediaChanges says which photos and videos came, went, or are described
// otherwise.
func (v *visit) mediaChanges(was []content.Media, present []content.PrivateMedia) []mediaChange {
	now := make([]content.Media, len(present))
	for i, m := range present {
		now[i] = described(m)
	}
	in := func(list []content.Media, id string) int {
		return slices.IndexFunc(list, func(m content.Media) bool { return m.ID == id })
	}
	var added, removed, words [][]change
	var before, after []string // what stayed, in its order
	for _, m := range was {
		if in(now, m.ID) < 0 {
			removed = append(removed, []change{{Text: v.wordsOf(m), Kind: "gone"}})
		} else {
			before = append(before, m.ID)
		}
	}
	for _, m := range now {
		i := in(was, m.ID)
		if i < 0 {
			added = append(added, []change{{Text: v.wordsOf(m), Kind: "new"}})
			continue
		}
		after = append(after, m.ID)
		if was[i].Caption != m.Caption {
			words = append(words, compare(was[i].Caption, m.Caption))
		}
		if was[i].Alt != m.Alt {
			words = append(words, compare(was[i].Alt, m.Alt))
		}
	}
	var out []mediaChange
	add := func(key string, list [][]change) {
		if len(list) > 0 {
			out = append(out, mediaChange{Text: v.words.T(key, "n", len(list)), Captions: list})
		}
	}
	add("diff.media.added", added)
	add("diff.media.removed", removed)
	add("diff.media.words", words)
	if !slices.Equal(before, after) {
		out = append(out, mediaChange{Text: v.words.T("diff.media.order")})
	}
	return out
}

// wordsOf are the author's words about a photo or video.
func (v *visit) wordsOf(m content.Media) string {
	switch {
	case m.Caption != "":
		return m.Caption
	case m.Alt != "":
		return m.Alt
	}
	return v.words.T("diff.media.bare")
}
