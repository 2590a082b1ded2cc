package admin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/candor-ugc/candor/api/content"
)

// fetched are the photos and videos that a page loaded, by what its addresses
// end with.
func (p *tab) fetched() (out []string) {
	p.t.Helper()
	for _, address := range eval[[]string](p, `performance.getEntriesByType("resource").map(r => new URL(r.name).pathname).filter(p => p.startsWith("/v1/"))`) {
		out = append(out, address[strings.LastIndexByte(address, '/')+1:])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// complete waits until all pictures that are shown have come.
func (p *tab) complete() {
	p.t.Helper()
	p.until(`[...document.querySelectorAll(".veil[open] > a img, .medium:has(.veil[open]) .strip img")].every(i => i.complete && i.naturalWidth > 0)`)
}

func TestPicturesAreBlurredUntilAskedFor(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	id := s.pictured("alice", "It boils a litre in three minutes.", s.photo("alice", 1), s.film(t, "alice"), s.photo("alice", 2))
	s.processed()
	p := s.tab(t, browser, "mira")
	p.goTo("/items/" + id)
	p.shown(id)
	height := `document.querySelector(".scroll").scrollHeight`
	before := eval[int](p, height)
	if got := p.fetched(); len(got) > 0 {
		t.Errorf("before it is asked for the page loads %v", got)
	}
	if got := eval[string](p, `getComputedStyle(document.querySelector("img.tiny")).filter`); !strings.Contains(got, "grayscale(1)") || !strings.Contains(got, "blur(") {
		t.Errorf("the placeholder is drawn with %s", got)
	}

	p.key("m")
	p.until(`document.activeElement.closest(".medium")?.id === "medium-1"`)
	p.key("\r")
	p.until(`document.querySelectorAll(".veil[open]").length === 1`)
	p.complete()
	if got := p.fetched(); !slices.Equal(got, []string{"small"}) {
		t.Errorf("one photo loads %v", got)
	}
	p.key("m")
	p.until(`document.activeElement.closest(".medium")?.id === "medium-2"`)
	p.key("s")
	p.until(`document.querySelectorAll(".veil[open]").length === 3`)
	p.complete()
	p.until(`performance.getEntriesByType("resource").some(r => r.name.includes("/poster"))`)
	if got := p.fetched(); !slices.Equal(got, []string{"frame1", "frame2", "frame3", "frame4", "frame5", "frame6", "poster", "small"}) {
		t.Errorf("all of them load %v", got)
	}
	if !eval[bool](p, `(v => v.muted && v.paused && !v.autoplay && v.readyState === 0)(document.querySelector("video"))`) {
		t.Error("the video does not wait in silence")
	}
	if got := eval[int](p, height); got != before {
		t.Errorf("the page grew from %d to %d when pictures were shown", before, got)
	}
	if got := eval[string](p, `document.querySelector('[data-do="veils"]').innerText.trim()`); !strings.HasPrefix(got, "Blur all") {
		t.Errorf("the button for all says %q", got)
	}

	eval[bool](p, `(document.querySelector("a.zoom").focus(), true)`)
	p.key("\r")
	p.until(`document.querySelector("#lightbox").open && document.querySelector("#lightbox h2").textContent === "A kettle seen from side 1"`)
	p.key(kb.ArrowRight)
	p.until(`document.querySelector("#lightbox h2").textContent === "Video 2, frame 1 of 6"`)
	p.key("a")
	p.key("\x1b")
	p.until(`!document.querySelector("#lightbox").open && document.activeElement.matches("a.zoom")`)
	p.key("s")
	p.until(`document.querySelectorAll(".veil[open]").length === 0`)
	if got := s.state(id); got != content.Pending {
		t.Errorf("a key within the enlarged picture decided: %s", got)
	}
	eval[bool](p, `(document.querySelector("#medium-2 summary").click(), document.querySelector("video").play(), true)`)
	p.until(`document.querySelector("video").readyState > 0`)
	p.quiet()
}

func TestRejectOnePhoto(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	first, second := s.photo("alice", 1), s.photo("alice", 2)
	id := s.pictured("alice", "It boils a litre in three minutes.", first, second)
	s.review("bob", "Fine", "The cord is long enough for my kitchen.", 4)
	p := s.tab(t, browser, "mira")
	p.goTo("/queue?item=" + id)
	p.shown(id)
	p.key("s")
	// What was typed beside it must outlive the decision about the photo.
	eval[bool](p, `(document.querySelector("[data-why]").open = true)`)
	p.do(chromedp.SendKeys(`.decide [name="note"]`, "second look"), chromedp.SendKeys(`.case [action$="/notes"] textarea`, "seen before"))
	eval[bool](p, `(document.activeElement.blur(), true)`)
	p.key("7")
	reject := func() {
		t.Helper()
		eval[bool](p, `(document.querySelector("#medium-1 .turn > summary, #medium-1 a.turn").focus(), true)`)
		p.key("\r")
		p.until(`document.querySelector("#medium-1 .turn[open]") && document.activeElement.matches("#medium-1 .turn > summary")`)
		p.key("\t")
		p.until(`document.activeElement.matches("#medium-1 select")`)
		p.key("Recog")
		p.until(`document.activeElement.value === "media_person"`)
		p.do(chromedp.SendKeys(`#medium-1 [name="note"]`, "a child at the window"))
		eval[bool](p, `(document.querySelector("#medium-1 .turn button").focus(), true)`)
		p.key("\r")
		p.until(`document.querySelector("#toast").textContent === "Photo 1 rejected. The text stays as it is."`)
		p.until(`document.querySelector("#medium-1.withheld")`)
	}
	reject()
	p.until(`document.querySelector('.decide [name="note"]').value === "second look" && document.querySelector('.case [action$="/notes"] textarea').value === "seen before" && document.querySelectorAll(".veil[open]").length === 2`)
	p.until(`document.activeElement.id === "medium-1" && document.querySelector('.decide [name="reason"]:checked')?.dataset.key === "7"`)
	if got := eval[string](p, `document.querySelector("#medium-1 .kept").innerText`); !strings.Contains(got, "Rejected") || !strings.Contains(got, "Recognisable person") {
		t.Errorf("the rejected photo says %q", got)
	}
	p.key("u")
	p.until(`document.querySelector("#toast").textContent === "Undone: 1."`)
	p.until(`document.querySelector("#medium-1:not(.withheld)")`)
	reject()
	p.key("a")
	p.until(p.done(id))
	if got := s.state(id); got != content.Approved {
		t.Fatalf("the text is %s", got)
	}
	if got := s.publicMedia(); !slices.Equal(got, []string{second}) {
		t.Errorf("strangers see %v, want %s alone", got, second)
	}
	if s.reach(first) || !s.reach(second) {
		t.Errorf("strangers reach the rejected photo %t, the other %t", s.reach(first), s.reach(second))
	}
	p.goTo("/items/" + id)
	p.shown(id)
	if history := eval[string](p, `document.querySelector(".history").innerText`); !strings.Contains(history, "Photo or video rejected Photo 1") || !strings.Contains(history, "a child at the window") {
		t.Errorf("the history says %q", history)
	}
	p.do(chromedp.Click(`#medium-1 [value="release"]`))
	p.until(`document.querySelector("#medium-1:not(.withheld)")`)
	if !s.reach(first) {
		t.Error("what was given back is not public")
	}
	p.quiet()
}

func TestVideoComesWhileLookedAt(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	goOn := s.files.hold()
	id := s.pictured("alice", "It boils a litre in three minutes.", s.photo("alice", 1), s.film(t, "alice"))
	p := s.tab(t, browser, "mira")
	p.goTo("/queue?item=" + id)
	p.shown(id)
	p.until(`document.querySelector("#live").dataset.state === "on"`)
	p.until(`document.querySelector("#medium-2 progress")`)
	p.key("a")
	p.until(`document.querySelector("[data-notice]").textContent.includes("Wait until it is done")`)
	if got := s.state(id); got != content.Pending {
		t.Fatalf("approved with a video that nobody saw: %s", got)
	}
	p.do(chromedp.SendKeys(`.case .stack textarea`, "half a note"))
	goOn()
	p.until(`document.querySelector('#medium-2[data-state="ready"] video')`)
	if got := eval[string](p, `document.activeElement.value`); got != "half a note" {
		t.Errorf("what was typed became %q", got)
	}
	eval[bool](p, `(document.activeElement.blur(), true)`)
	p.key("a")
	p.until(p.done(id))
	if got := s.publicMedia(); len(got) != 2 {
		t.Errorf("strangers see %v", got)
	}
	p.quiet()
}

func TestPicturesArePersianToo(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	photo := s.photo("alice", 1)
	id := s.pictured("alice", "It boils a litre in three minutes.", photo, s.film(t, "alice"))
	s.processed()
	s.withhold(id, photo)
	p := s.tab(t, browser, "mira")
	p.goTo("/items/" + id)
	p.shown(id)
	p.do(chromedp.SetValue(`.menu [name="language"]`, "fa"), chromedp.Submit(".menu form"))
	p.until(`document.documentElement.dir === "rtl"`)
	p.key("s")
	p.complete()
	for _, width := range []int64{1280, 400} {
		p.do(chromedp.EmulateViewport(width, 800))
		if eval[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
			t.Errorf("the Persian page scrolls sideways at %d", width)
		}
	}
	p.do(chromedp.EmulateViewport(1280, 800))
	if !eval[bool](p, `(() => { const box = document.querySelector("#medium-1 .veil").getBoundingClientRect(), button = document.querySelector("#medium-1 .ask").getBoundingClientRect();
		return button.left - box.left < box.right - button.right; })()`) {
		t.Error("the button to blur is not at the end of the line")
	}
	if got := eval[string](p, `document.querySelector("#medium-1 h4").innerText + document.querySelector("#medium-2 h4").innerText`); !strings.Contains(got, "۶۴۰ × ۴۸۰") || !strings.Contains(got, "۰:۰۳") {
		t.Errorf("the figures are %q", got)
	}
	// The arrow that points on, leads on.
	eval[bool](p, `(document.querySelector("a.zoom").click(), true)`)
	p.until(`document.querySelector("#lightbox").open`)
	p.key(kb.ArrowLeft)
	p.until(`document.querySelector("#lightbox h2").textContent.includes("۱ از ۶")`)
	p.quiet()
}

// displayed makes a review whose photos and videos are in every state that lasts,
// and one whose video is in work, and gives their ids.
func (s *shop) displayed(t *testing.T) []string {
	t.Helper()
	bad := s.photo("eve", 5)
	s.withhold(s.pictured("eve", "Look at this kettle, which is like no other.", bad), bad)
	kept, film := s.photo("dora", 2), s.film(t, "dora")
	s.processed()
	goOn := s.files.hold()
	broken := s.upload("dora", brokenFilm())
	every := s.pictured("dora", "It boils a litre in three minutes.", s.photo("dora", 1), kept, film, s.photo("dora", 5), broken)
	s.withhold(every, kept)
	goOn()
	s.processed()
	s.files.hold()
	return []string{every, s.pictured("ella", "The cord is long enough for my kitchen.", s.film(t, "ella"))}
}
