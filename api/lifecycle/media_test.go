package lifecycle_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/mediatest"
	"github.com/candor-ugc/candor/moderation"
)

// upload uploads bytes whole.
func (n *node) upload(t testing.TB, who content.Actor, data []byte) (content.PrivateMedia, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "upload")
	noError(t, os.WriteFile(path, data, 0o600))
	return n.Upload(t.Context(), who, site, path, int64(len(data)))
}

func (n *node) photo(t testing.TB, who content.Actor, seed uint64) string {
	t.Helper()
	m, err := n.upload(t, who, mediatest.Photo(t, seed))
	noError(t, err)
	return m.ID
}

func with(body string, media ...string) lifecycle.Submission {
	s := review(body)
	for i, id := range media {
		s.Text.Media = append(s.Text.Media, content.Media{ID: id, Caption: "Photo " + strconv.Itoa(i+1), Alt: "A lamp"})
	}
	return s
}

// reach tells whether somebody gets a variant.
func (n *node) reach(t testing.TB, who content.Actor, id, variant string, a lifecycle.Access) bool {
	t.Helper()
	f, err := n.OpenMedium(t.Context(), who, site, id, variant, a, nil)
	if errors.Is(err, lifecycle.ErrNotFound) {
		return false
	}
	noError(t, err)
	_, err = io.Copy(io.Discard, f)
	noError(t, errors.Join(err, f.Close()))
	return true
}

// gallery are the ids that strangers see.
func (n *node) gallery(t testing.TB, product string) []string {
	t.Helper()
	g, err := n.Gallery(t.Context(), site, product, lifecycle.Paging{})
	noError(t, err)
	equal(t, "total of the gallery", g.Total, len(g.Items))
	var out []string
	for _, item := range g.Items {
		out = append(out, item.Media.ID)
	}
	return out
}

// signedAccess reads the signature out of an address.
func signedAccess(t testing.TB, v content.Variant) lifecycle.Access {
	t.Helper()
	_, query, _ := strings.Cut(v.URL, "?expires=")
	expires, signature, ok := strings.Cut(query, "&signature=")
	if !ok {
		t.Fatalf("address %q is not signed", v.URL)
	}
	unix, err := strconv.ParseInt(expires, 10, 64)
	noError(t, err)
	return lifecycle.Access{Signature: signature, Expires: time.Unix(unix, 0)}
}

func TestMediaFollowTheirContent(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	first, second := n.photo(t, alice, 1), n.photo(t, alice, 2)
	stranger := content.Actor{}
	var none lifecycle.Access
	for who, want := range map[string]bool{"": false, "bob": false, "alice": true, "mod": true} {
		actor := map[string]content.Actor{"bob": bob, "alice": alice, "mod": mod}[who]
		equal(t, "staged photo for "+who, n.reach(t, actor, first, media.Thumb, none), want)
	}
	done, err := n.Submit(t.Context(), alice, with("Good light", first, second))
	noError(t, err)
	equal(t, "pending photo", n.reach(t, stranger, first, media.Thumb, none), false)
	equal(t, "gallery of what is pending", n.gallery(t, lamp.ID), []string(nil))

	rev := n.decide(t, done.ID, moderation.ActionApprove, 1)
	equal(t, "public photo", n.reach(t, stranger, first, media.Full, none), true)
	equal(t, "frame of a photo", n.reach(t, stranger, first, "frame1", none), false)
	equal(t, "gallery", n.gallery(t, lamp.ID), []string{first, second})
	equal(t, "gallery of the site", n.gallery(t, ""), []string{first, second})
	_, items := n.shown(t)
	if m := items[0].Media; len(m) != 2 || m[0].ID != first || m[0].Width != 200 || m[0].Caption != "Photo 1" ||
		m[0].Placeholder == "" || len(m[0].Variants) != 4 || strings.Contains(m[0].Variants[0].URL, "?") {
		t.Errorf("media of the listing: %+v", m)
	}

	c, err := n.Case(t.Context(), mod, site, done.ID)
	noError(t, err)
	if c.Public == nil || len(c.Public.Media) != 2 {
		t.Errorf("what the moderator is told that strangers see: %+v", c.Public)
	}
	p, err := n.Withhold(t.Context(), mod, site, done.ID, lifecycle.Withholding{Medium: first, Withhold: true, Reasons: []string{"off_topic"}, Rev: rev})
	noError(t, err)
	equal(t, "withheld photo", n.reach(t, stranger, first, media.Thumb, none), false)
	equal(t, "withheld photo for its author", n.reach(t, alice, first, media.Thumb, none), true)
	equal(t, "gallery without the withheld", n.gallery(t, lamp.ID), []string{second})
	if _, items := n.shown(t); len(items) != 1 || len(items[0].Media) != 1 || items[0].Media[0].ID != second {
		t.Errorf("text with the photo that is left: %+v", items)
	}
	if m := p.Media; len(m) != 2 || !m[0].Withheld || m[1].Withheld || !slices.Equal(m[0].Reasons, []string{"off_topic"}) {
		t.Errorf("media for the moderator: %+v", m)
	}
	equal(t, "signed address", n.reach(t, stranger, first, media.Thumb, signedAccess(t, p.Media[0].Variants[0])), true)
	equal(t, "signature of another variant", n.reach(t, stranger, first, media.Small, signedAccess(t, p.Media[0].Variants[0])), false)

	_, err = n.Withhold(t.Context(), mod, site, done.ID, lifecycle.Withholding{Medium: first, Rev: p.Rev})
	noError(t, err)
	equal(t, "gallery with the photo given back", n.gallery(t, lamp.ID), []string{first, second})
	n.clock.advance(3 * time.Hour)
	noError(t, n.Withdraw(t.Context(), alice, site, done.ID, 0))
	equal(t, "withdrawn photo", n.reach(t, stranger, first, media.Thumb, none), false)
	equal(t, "gallery of nothing", n.gallery(t, ""), []string(nil))
	equal(t, "signature out of date", n.reach(t, stranger, first, media.Thumb, signedAccess(t, p.Media[0].Variants[0])), false)
	n.checked(t)
}

func TestMediaCanBeTakenOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	mine, theirs, used := n.photo(t, alice, 1), n.photo(t, bob, 2), n.photo(t, alice, 3)
	begun, err := n.BeginUpload(t.Context(), alice, site, 1000)
	noError(t, err)
	question := with("Is it bright?", used)
	question.Kind, question.Text.Rating = content.Question, 0
	_, err = n.Submit(t.Context(), alice, question)
	noError(t, err)
	for _, tt := range []struct{ name, id, code string }{
		{"somebody else's", theirs, "unknown"},
		{"of another content", used, "taken"},
		{"unknown", newID(), "unknown"},
		{"not arrived", begun, "uploading"},
	} {
		_, err := n.Submit(t.Context(), alice, with("Good light", mine, tt.id))
		var invalid content.Invalid
		if !errors.As(err, &invalid) || len(invalid) != 1 || invalid[0].Field != "media[1].id" || invalid[0].Code != tt.code {
			t.Errorf("%s: %v, want media[1].id %s", tt.name, err, tt.code)
		}
	}
	// The refused submissions gave back what they had taken.
	done, err := n.Submit(t.Context(), alice, with("Good light", mine))
	noError(t, err)
	if _, err := n.Submit(t.Context(), alice, with("Again", n.photo(t, alice, 4))); !errors.Is(err, lifecycle.ErrDuplicate) {
		t.Errorf("second review: %v", err)
	}
	n.decide(t, done.ID, moderation.ActionApprove, 1)
	equal(t, "gallery", n.gallery(t, lamp.ID), []string{mine})
}

func TestErasureDeletesFiles(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	same := mediatest.Photo(t, 7)
	own := n.photo(t, alice, 1)
	shared, err := n.upload(t, alice, same)
	noError(t, err)
	_, err = n.upload(t, bob, same)
	noError(t, err)
	done, err := n.Submit(t.Context(), alice, with("Good light", own, shared.ID))
	noError(t, err)
	n.decide(t, done.ID, moderation.ActionApprove, 1)
	n.noWork(t)
	before := n.stored(t)
	receipt, err := n.Erase(t.Context(), alice, site)
	noError(t, err)
	if receipt.Media != 2 || receipt.Files == 0 || receipt.SharedFiles == 0 {
		t.Errorf("receipt %+v", receipt)
	}
	equal(t, "files left", len(n.stored(t)), len(before)-receipt.Files)
	equal(t, "erased photo", n.reach(t, mod, own, media.Thumb, lifecycle.Access{}), false)
	equal(t, "gallery", n.gallery(t, ""), []string(nil))
	_, err = n.Erase(t.Context(), bob, site)
	noError(t, err)
	equal(t, "files left by nobody", len(n.stored(t)), 0)
	n.checked(t)
}

// stored are the names of the stored files.
func (n *node) stored(t testing.TB) (names []string) {
	t.Helper()
	for info, err := range n.files.List(t.Context(), "", "") {
		noError(t, err)
		names = append(names, info.Name)
	}
	return names
}

// noWork waits until nothing is left to do with media.
func (n *node) noWork(t testing.TB) {
	t.Helper()
	l := ledger.New(n.store)
	for {
		left, err := l.Media.Count(t.Context(), ledger.Prefix(ledger.ByOwes))
		noError(t, err)
		if left == 0 {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("work on media does not end")
		}
	}
}

func TestPicturesLikeWithheldOnesAreHeld(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	bad := n.photo(t, alice, 11)
	done, err := n.Submit(t.Context(), alice, with("Look", bad))
	noError(t, err)
	_, err = n.Withhold(t.Context(), mod, site, done.ID, lifecycle.Withholding{Medium: bad, Withhold: true, Reasons: []string{"off_topic"}, Rev: 1})
	noError(t, err)
	_, err = n.Erase(t.Context(), alice, site)
	noError(t, err)

	again, err := n.upload(t, bob, mediatest.JPEG(t, mediatest.Drawing(200, 150, 11), 40))
	noError(t, err)
	done, err = n.Submit(t.Context(), bob, with("Look here", again.ID, n.photo(t, bob, 12)))
	noError(t, err)
	c, err := n.Case(t.Context(), mod, site, done.ID)
	noError(t, err)
	if m := c.Content.Media; len(m) != 2 || m[0].Alike != bad || m[1].Alike != "" {
		t.Errorf("media %+v, want the first to look like %s", m, bad)
	}
	rec, err := ledger.New(n.store).Contents.Get(t.Context(), done.ID)
	noError(t, err)
	if rec.Screening.Risk == 0 || len(rec.Screening.Signals) == 0 {
		t.Errorf("screening %+v", rec.Screening)
	}
}
