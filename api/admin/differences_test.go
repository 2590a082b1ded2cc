package admin

import (
	"fmt"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

func TestPhotosAreComparedWithWhatIsPublic(t *testing.T) {
	t.Parallel()
	all, err := loadTexts()
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{words: all.byLang["en"]}
	approved, edited := time.Unix(1, 0), time.Unix(2, 0)
	face := func(ids ...string) (out []content.PublicMedia) {
		for _, id := range ids {
			out = append(out, content.PublicMedia{ID: id, Caption: "about " + id})
		}
		return out
	}
	own := func(ids ...string) (out []content.PrivateMedia) {
		for _, m := range face(ids...) {
			// w is withheld
			out = append(out, content.PrivateMedia{PublicMedia: m, State: content.Ready, Withheld: m.ID == "w"})
		}
		return out
	}
	version := func(at time.Time, ids ...string) (out content.Version) {
		for _, m := range face(ids...) {
			out.Media = append(out.Media, content.Media{ID: m.ID, Caption: m.Caption})
		}
		out.At = at
		return out
	}
	for name, c := range map[string]struct {
		public []content.PublicMedia
		before content.Version // the last edit
		now    []content.PrivateMedia
		want   string
	}{
		"one edit":                   {face("a"), version(approved, "a", "w"), own("w", "b"), "Added: 1 [{+about b+}] Removed: 1 [[-about a-]] "},
		"one edit, withheld removed": {face("a"), version(approved, "a", "w"), own("a"), "Removed: 1 [[-about w-]] "},
		"two edits":                  {face("a", "b"), version(edited, "c"), own("b", "c"), "Added: 1 [{+about c+}] Removed: 1 [[-about a-]] "},
		"two edits, withheld stays":  {face("a"), version(edited, "a", "w", "c"), own("w", "a"), ""},
		"another order":              {face("a", "b"), version(edited), own("b", "a"), "In another order [] "},
		"the same":                   {face("a", "b"), version(edited), own("a", "b"), ""},
	} {
		private := content.Private{Media: c.now, State: content.Pending}
		public := content.Public{Media: c.public, UpdatedAt: approved}
		got := ""
		for _, d := range v.differences(&lifecycle.Case{Content: private, Public: &public, Revisions: []content.Version{c.before}}) {
			for _, m := range d.Media {
				var words []string
				for _, w := range m.Captions {
					words = append(words, flat(w))
				}
				got += fmt.Sprint(m.Text, " ", words, " ")
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
