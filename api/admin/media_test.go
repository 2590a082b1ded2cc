package admin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

var omar = content.Actor{ID: "omar", Name: "Omar", Role: content.Moderator}

// withhold rejects one photo or video.
func (s *shop) withhold(item, medium string) {
	s.t.Helper()
	w := lifecycle.Withholding{Medium: medium, Withhold: true, Reasons: []string{"media"}, Rev: s.rev(item)}
	if _, err := s.svc.Withhold(s.t.Context(), omar, site, item, w); err != nil {
		s.t.Fatal(err)
	}
}

// edit changes the photos and videos of a review.
func (s *shop) edit(author, item string, media ...content.Media) {
	s.t.Helper()
	who := content.Actor{ID: author, Name: author, Role: content.Shopper}
	if _, err := s.svc.Edit(s.t.Context(), who, site, item, s.rev(item), lifecycle.Edit{Media: &media}); err != nil {
		s.t.Fatal(err)
	}
}

// loaded are the addresses of pictures that a page loads by itself: those that
// are not in the page, nor within what is closed.
func loaded(t *testing.T, page string) (out []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	attr := func(n *html.Node, key string) (string, bool) {
		i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
		if i < 0 {
			return "", false
		}
		return n.Attr[i].Val, true
	}
	for n := range doc.Descendants() {
		src, ok := attr(n, "src")
		if !ok || n.Data != "img" && n.Data != "video" || strings.HasPrefix(src, "data:") {
			continue
		}
		closed := false
		for p := range n.Ancestors() {
			class, _ := attr(p, "class")
			_, open := attr(p, "open")
			closed = closed || p.Data == "details" && !open || class == "strip"
		}
		if !closed {
			out = append(out, src)
		}
	}
	return out
}

func TestPhotosWithoutScript(t *testing.T) {
	t.Parallel()
	s := open(t)
	first, second := s.photo("alice", 1), s.photo("alice", 2)
	id := s.pictured("alice", "It boils a litre in three minutes.", first, second)
	mira := s.signedIn("mira")
	path := "/items/" + id
	page := mira.get(path).body
	for _, want := range []string{
		`data-id="` + first + `"`, "Photo 2", "640 × 480", "Caption 1", "A kettle seen from side 2", `src="data:image/png;base64,`, `value="media_unclear"`,
		`name="show" value="all"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the item lacks %q", want)
		}
	}
	if got := loaded(t, page); len(got) > 0 {
		t.Errorf("the page loads %q before anybody asked for it", got)
	}
	if got := loaded(t, mira.get(path+"?show=all").body); len(got) != 2 || !strings.HasPrefix(got[0], "/v1/sites/shop/media/"+first+"/small?expires=") {
		t.Errorf("asked for, the page loads %q", got)
	}

	form := func(do, rev string, more ...string) url.Values {
		return url.Values{"do": {do}, "rev": {rev}, "reason": more, "note": {"a face in the window"}, "message": {"Please ask her first."}, "next": {"/admin/shop" + path}}
	}
	refused := mira.send(path+"/media/"+first, form("withhold", "1"))
	if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.body, "Reasons: is needed") ||
		!strings.Contains(refused.body, ">a face in the window</textarea>") || !strings.Contains(refused.body, ">Please ask her first.</textarea>") || strings.Count(refused.body, `class="turn" open`) != 1 {
		t.Errorf("without a reason: %d %s", refused.status, between(refused.body, `class="flash`, "</div>"))
	}
	for name, c := range map[string]struct {
		path string
		form url.Values
		want int
	}{
		"an old revision":   {first, form("withhold", "7", "media"), http.StatusConflict},
		"somebody's medium": {s.photo("bob", 3), form("withhold", "1", "media"), http.StatusNotFound},
		"nothing to do":     {first, form("", "1", "media"), http.StatusBadRequest},
		"not withheld":      {first, form("release", "1"), http.StatusConflict},
	} {
		if r := mira.send(path+"/media/"+c.path, c.form); r.status != c.want {
			t.Errorf("%s: %d, want %d", name, r.status, c.want)
		}
	}

	r := mira.send(path+"/media/"+first, form("withhold", "1", "media_person"))
	if r.status != http.StatusSeeOther || !strings.HasPrefix(r.header.Get("Location"), "/admin/shop"+path+"?said=") {
		t.Fatalf("reject: %d to %q", r.status, r.header.Get("Location"))
	}
	page = mira.get(r.header.Get("Location")).body
	flash := between(page, `class="flash`, "</div>")
	if !strings.Contains(flash, "Photo 1 rejected. The text stays as it is.") || !strings.Contains(flash, `name="item" value="`+id+`.2"`) {
		t.Errorf("after it: %s", flash)
	}
	for _, want := range []string{"Rejected: hidden from the public", "Recognisable person", "Please ask her first.", "Give back", `<b>Photo or video rejected</b> <a href="#medium-1">Photo 1</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the item lacks %q", want)
		}
	}
	if !strings.Contains(mira.get("/audit").body, "Photo or video rejected") {
		t.Error("the audit does not name it")
	}

	mira.send(path+"/decision", url.Values{"action": {"approve"}, "rev": {"2"}})
	if got := s.publicMedia(); !slices.Equal(got, []string{second}) || s.reach(first) || s.state(id) != content.Approved {
		t.Errorf("strangers see %v of %s, the rejected photo: %t", got, s.state(id), s.reach(first))
	}
	back := url.Values{"do": {"release"}, "rev": {"3"}, "next": {r.header.Get("Location")}}
	r = mira.send(path+"/media/"+first, back)
	if got := s.publicMedia(); r.status != http.StatusSeeOther || len(got) != 2 || strings.Count(r.header.Get("Location"), "said=") != 1 {
		t.Errorf("give back: %d to %s, strangers see %v", r.status, r.header.Get("Location"), got)
	}
	flash = between(mira.get(r.header.Get("Location")).body, `class="flash`, "</div>")
	if !strings.Contains(flash, "Photo 1 given back.") || !strings.Contains(flash, `name="next" value="`+strings.ReplaceAll(r.header.Get("Location"), "&", "&amp;")) {
		t.Errorf("after it: %s", flash)
	}
	r = mira.send("/undo", url.Values{"item": {id + ".4"}, "next": {r.header.Get("Location")}})
	page = mira.get(r.header.Get("Location")).body
	if got := s.publicMedia(); !slices.Equal(got, []string{second}) || !strings.Contains(page, "Please ask her first.") || !strings.Contains(page, "Recognisable person") {
		t.Errorf("undone: %d to %s, strangers see %v", r.status, r.header.Get("Location"), got)
	}
}

func TestQueueCountsPhotos(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.pictured("alice", "It boils a litre in three minutes.", s.photo("alice", 1), s.photo("alice", 2))
	id := s.pictured("bob", "The cord is long enough for my kitchen.", s.film(t, "bob"))
	s.review("carol", "Fine", "Nothing to add to what others say of it.", 4)
	mira := s.signedIn("mira")
	page := mira.get("/queue?reason=pictures").body
	list := between(page, `<ol class="rows"`, "</ol>")
	for want, n := range map[string]int{`aria-label="Photos: 2"`: 1, `aria-label="Videos: 1"`: 1, `aria-label="Photos: `: 1, "<li": 2, "<img": 0, "Photos or videos": 0} {
		if got := strings.Count(list, want); got != n {
			t.Errorf("the list has %d of %s, want %d", got, want, n)
		}
	}
	if got := loaded(t, page); len(got) > 0 {
		t.Errorf("the queue loads %q", got)
	}
	if !strings.Contains(mira.get("/author?id=bob").body, `aria-label="Videos: 1"`) || !strings.Contains(mira.get("/search?q=cord").body, `aria-label="Videos: 1"`) {
		t.Error("other lists do not count the video")
	}
	s.processed()
	page = mira.get("/queue?item=" + id).body
	if !strings.Contains(page, `class="turn" href="/admin/shop/items/`+id+`?turn=medium-1#medium-1"`) {
		t.Error("the queue does not lead to the form")
	}
	if !strings.Contains(mira.get("/items/"+id+"?turn=medium-1").body, `class="turn" open`) {
		t.Error("the form is not open")
	}
}

func TestWeightWithPhotos(t *testing.T) {
	t.Parallel()
	s := open(t)
	var last string
	about := []string{"spout pours without a drop", "handle stays cool", "cord reaches the table", "lid opens with one hand", "display is easy to read"}
	for i := range 25 {
		who := fmt.Sprintf("shopper-%02d", i)
		ids := []string{s.photo(who, uint64(i+10))}
		if i == 24 {
			ids = append(ids, s.photo(who, 1), s.photo(who, 2), s.film(t, who))
			s.processed()
		}
		last = s.pictured(who, fmt.Sprintf("%d weeks on, the %s, and I have used it %d times.", i+2, about[i%len(about)], 7*i+3), ids...)
	}
	if total := s.weight("/queue?item=" + last); total > maxWeight {
		t.Errorf("the queue weighs %d bytes with three photos and a video beside it", total)
	}
}

func TestPendingVideo(t *testing.T) {
	t.Parallel()
	s := open(t)
	goOn := s.files.hold()
	photo, film := s.photo("alice", 1), s.film(t, "alice")
	id := s.pictured("alice", "It boils a litre in three minutes.", photo, film)
	mira := s.signedIn("mira")
	page := mira.get("/items/" + id).body
	if !strings.Contains(page, "<progress") || !strings.Contains(page, "processed") || strings.Contains(page, "<video") {
		t.Errorf("a video in work: %s", between(page, `id="medium-2"`, "</li>"))
	}
	r := mira.send("/items/"+id+"/decision", url.Values{"action": {"approve"}, "rev": {"1"}})
	if r.status != http.StatusConflict || !strings.Contains(r.body, "Wait until it is done, or reject it alone") {
		t.Errorf("approve: %d %s", r.status, between(r.body, `class="flash`, "</div>"))
	}
	s.withhold(id, film)
	mira.send("/items/"+id+"/decision", url.Values{"action": {"approve"}, "rev": {"2"}})
	if got := s.publicMedia(); !slices.Equal(got, []string{photo}) {
		t.Errorf("strangers see %v", got)
	}
	r = mira.send("/items/"+id+"/media/"+film, url.Values{"do": {"release"}, "rev": {"3"}})
	if r.status != http.StatusConflict || !strings.Contains(r.body, "Wait until it is done") {
		t.Errorf("give back what nobody has seen: %d", r.status)
	}
	goOn()
	s.processed()
	page = mira.get("/items/" + id).body
	if !strings.Contains(page, ` controls muted playsinline preload="none"`) || strings.Count(page, "/frame") != 6 || !strings.Contains(page, "0:03") || strings.Contains(page, "autoplay") {
		t.Errorf("the video: %s", between(page, `id="medium-2"`, "</li>"))
	}
}

func TestFailedVideo(t *testing.T) {
	t.Parallel()
	s := open(t)
	if !s.svc.Media.Processor.TakesVideos() {
		missing(t, "ffmpeg is not installed; run .ci/setup test")
	}
	goOn := s.files.hold()
	film := s.upload("alice", brokenFilm())
	id := s.pictured("alice", "It boils a litre in three minutes.", film)
	goOn()
	s.processed()
	page := s.signedIn("mira").get("/items/" + id).body
	if !strings.Contains(page, "Cannot be shown, nor published. The file is damaged.") || strings.Contains(page, "<video") || strings.Contains(page, `class="turn"`) {
		t.Errorf("a failed video: %s", between(page, `id="medium-1"`, "</li>"))
	}
}

func TestPhotoLikeARejectedOne(t *testing.T) {
	t.Parallel()
	s := open(t)
	bad := s.photo("alice", 5)
	first := s.pictured("alice", "It boils a litre in three minutes.", bad)
	before := s.pictured("bob", "The cord is long enough for my kitchen.", s.photo("bob", 6), s.photo("bob", 5))
	s.withhold(first, bad)
	after := s.pictured("carol", "The lid closes well and the handle stays cool.", s.photo("carol", 5))
	mira := s.signedIn("mira")
	for id, name := range map[string]string{before: "Photo 2", after: "Photo 1"} {
		page := mira.get("/items/" + id).body
		found := between(page, `<aside class="evidence"`, "</aside>")
		if !strings.Contains(found, "Like a rejected picture") || !strings.Contains(found, `">`+name+"</a><p>Looks like a picture that was rejected before</p>") {
			t.Errorf("%s: the findings say %s", name, found)
		}
		if strings.Count(page, `<p class="alike">`) != 1 || !strings.Contains(page, `<span class="ref" title="Findings">1</span></h4>`) {
			t.Errorf("%s is not marked", name)
		}
	}
}

func TestDifferenceOfPhotos(t *testing.T) {
	t.Parallel()
	s := open(t)
	ids := []string{s.photo("alice", 1), s.photo("alice", 2), s.photo("alice", 3)}
	id := s.pictured("alice", "It boils a litre in three minutes.", ids...)
	s.withhold(id, ids[2])
	if _, err := s.svc.Decide(t.Context(), omar, site, id, lifecycle.Decision{Action: "approve", Rev: 2}); err != nil {
		t.Fatal(err)
	}
	fresh := content.Media{ID: s.photo("alice", 4), Caption: "From above"}
	kept := content.Media{ID: ids[2], Caption: "Caption 3", Alt: "A kettle seen from side 3"}
	s.edit("alice", id, content.Media{ID: ids[0], Caption: "Caption one", Alt: "A kettle seen from side 1"}, kept, fresh)
	diff := between(s.signedIn("mira").get("/items/"+id).body, `<div class="diff">`, "</section>")
	for _, want := range []string{
		"Added: 1", "<ins>From above</ins>", "Removed: 1", "<del>Caption 2</del>", "Described differently: 1", "Caption <del>1</del><ins>one</ins>",
	} {
		if !strings.Contains(diff, want) {
			t.Errorf("the difference lacks %q: %s", want, diff)
		}
	}
	if strings.Contains(diff, "order") || strings.Contains(diff, "Caption 3") {
		t.Errorf("what stayed is shown as changed: %s", diff)
	}
}

func TestAppealAboutAPhoto(t *testing.T) {
	t.Parallel()
	s := open(t)
	bad := s.photo("alice", 1)
	id := s.pictured("alice", "It boils a litre in three minutes.", bad)
	s.withhold(id, bad)
	if _, err := s.svc.Decide(t.Context(), omar, site, id, lifecycle.Decision{Action: "approve", Rev: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.svc.Appeal(t.Context(), content.Actor{ID: "alice", Name: "alice", Role: content.Shopper}, site, id, "It shows nobody."); err != nil {
		t.Fatal(err)
	}
	page := s.signedIn("mira").get("/items/" + id).body
	if !strings.Contains(page, "The author appeals against the rejection of a photo or video") || !strings.Contains(page, "It shows nobody.") {
		t.Errorf("the appeal: %s", between(page, `class="appeal"`, "</blockquote>"))
	}
	form := url.Values{"do": {"release"}, "rev": {"4"}}
	path := "/items/" + id + "/media/" + bad
	if r := s.signedIn("omar").send(path, form); r.status != http.StatusForbidden || !strings.Contains(r.body, "Somebody else has to decide") {
		t.Errorf("who rejected it gives it back: %d", r.status)
	}
	if r := s.signedIn("mira").send(path, form); r.status != http.StatusSeeOther || !s.reach(bad) {
		t.Errorf("somebody else gives it back: %d", r.status)
	}
}
