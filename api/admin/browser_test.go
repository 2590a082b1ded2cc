package admin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
)

func TestKeyboardOverTwentyItems(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	s.reviews(20)
	p := s.tab(t, browser, "mira")
	p.goTo("/queue")
	ids := p.listed()
	if len(ids) != 20 {
		t.Fatalf("the list has %d items", len(ids))
	}
	p.shown(ids[0])
	want := map[string]content.State{}
	for i, id := range ids {
		p.shown(id)
		switch i % 4 {
		case 0:
			p.key("a")
			want[id] = content.Approved
		case 1:
			p.key("r")
			p.until(`document.querySelector(".decide.armed")`)
			p.key("7")
			want[id] = content.Rejected
		case 2:
			p.key("3")
			p.key("e")
			want[id] = content.ChangesRequested
		case 3:
			p.key("1")
			p.key("2")
			p.key("r")
			want[id] = content.Rejected
		}
		p.until(p.done(id))
		if i+1 < len(ids) {
			p.shown(ids[i+1])
			p.until(fmt.Sprintf(`document.activeElement.closest(".item")?.dataset.id === %q`, ids[i+1]))
		}
	}
	for id, state := range want {
		if got := s.state(id); got != state {
			t.Errorf("%s is %s, want %s", id, got, state)
		}
	}
	if got := p.listed(); strings.Join(got, " ") != strings.Join(ids, " ") {
		t.Errorf("the list moved under the hands: %v", got)
	}
	p.key("u")
	p.until("!" + p.done(ids[19]))
	if got := s.state(ids[19]); got != content.Pending {
		t.Errorf("undone: %s", got)
	}
	p.quiet()
}

func TestKeysRestWhileTyping(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	s.reviews(3)
	p := s.tab(t, browser, "mira")
	p.goTo("/queue")
	ids := p.listed()
	p.shown(ids[0])
	p.key("j")
	p.shown(ids[1])
	p.key("k")
	p.shown(ids[0])
	p.key("/")
	p.until(`document.activeElement.id === "find"`)
	p.key("araj")
	if got := eval[string](p, `document.querySelector("#find").value`); got != "araj" {
		t.Errorf("typed %q", got)
	}
	p.key("\x1b")
	p.until(`document.activeElement.closest(".item")`)
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(2))) // Ctrl
	p.key("?")
	p.until(`document.querySelector("#help").open`)
	p.key("a")
	p.key("\x1b")
	p.until(`!document.querySelector("#help").open`)
	p.key("r")
	p.until(`document.querySelector(".decide.armed")`)
	p.key("\x1b")
	p.until(`!document.querySelector(".decide.armed")`)
	for _, id := range ids {
		if got := s.state(id); got != content.Pending {
			t.Errorf("a key that should rest decided: %s", got)
		}
	}
	p.key("4")
	p.until(`document.querySelector(".decide [name=message]").value.length > 10`)
	p.quiet()
}

func TestTwoModerators(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	s.reviews(3)
	mira, omar := s.tab(t, browser, "mira"), s.tab(t, browser, "omar")
	for _, p := range []*tab{mira, omar} {
		p.goTo("/queue")
		p.until(`document.querySelector("#live").dataset.state === "on"`)
	}
	ids := mira.listed()
	for _, p := range []*tab{mira, omar} {
		p.shown(ids[0])
	}
	mira.key("c")
	omar.until(`document.querySelector("[data-claim]").textContent.includes("mira")`)
	mira.until(`document.querySelector("[data-claim]").textContent.includes("Claimed by you")`)
	mira.key("a")
	omar.until(omar.done(ids[0]))
	omar.until(`document.querySelector("[data-notice]").textContent === "Already decided by mira: Approved"`)
	if !eval[bool](omar, `[...document.querySelectorAll(".decide .buttons > button")].every(b => b.disabled)`) {
		t.Error("what is decided can be decided again")
	}

	// A decision that the other did not hear of in time is refused in place.
	omar.key("j")
	omar.shown(ids[1])
	eval[bool](omar, `(document.querySelector('.decide [name="rev"]').value = "7", true)`)
	omar.key("a")
	omar.until(`document.querySelector("[data-notice]").textContent.length > 0`)
	if got := s.state(ids[1]); got != content.Pending {
		t.Errorf("from another revision: %s", got)
	}

	fresh := s.review("zora", "Late arrival", "Written while both were at work on the list.", 4)
	omar.until(`!document.querySelector("#fresh").hidden`)
	if got := omar.listed(); len(got) != 3 {
		t.Errorf("the list grew under the hands: %v, with %s", got, fresh)
	}
	mira.quiet()
	omar.quiet()
}

func TestBulkAndUndo(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	s.reviews(6)
	p := s.tab(t, browser, "mira")
	p.goTo("/queue")
	ids := p.listed()
	p.shown(ids[0])
	for i := range 3 {
		p.shown(ids[i])
		p.key("x")
		p.key("j")
	}
	p.until(`document.querySelector("#chosen").textContent === "Selected: 3"`)
	p.shown(ids[3])
	p.key("a")
	for i := range 3 {
		p.until(p.done(ids[i]))
		if got := s.state(ids[i]); got != content.Approved {
			t.Errorf("chosen %d is %s", i, got)
		}
	}
	if got := s.state(ids[3]); got != content.Pending {
		t.Errorf("the one that was only shown is %s", got)
	}
	p.key("u")
	for i := range 3 {
		p.until("!" + p.done(ids[i]))
		if got := s.state(ids[i]); got != content.Pending {
			t.Errorf("undone %d is %s", i, got)
		}
	}
	p.key("u")
	p.until(`document.querySelector("#toast").textContent === "There is nothing to undo."`)
	p.quiet()
}

const persian = "این کتری آب را خیلی زود جوش می‌آورد؛ شماره‌ام 0912 345 6789 است."

func TestPersian(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	id := s.review("نسرین", "کتری خوب", persian, 5)
	p := s.tab(t, browser, "mira")
	p.goTo("/items/" + id)
	p.shown(id)
	if got := eval[string](p, `getComputedStyle(document.querySelector(".body")).direction`); got != "rtl" {
		t.Errorf("Persian text runs %s", got)
	}
	if got := eval[string](p, `getComputedStyle(document.querySelector(".body")).unicodeBidi`); !strings.HasPrefix(got, "isolate") {
		t.Errorf("Persian text is not isolated: %s", got)
	}
	if got := eval[string](p, `getComputedStyle(document.documentElement).direction`); got != "ltr" {
		t.Errorf("the English page runs %s", got)
	}
	if got := eval[string](p, `document.querySelector(".body").innerText.replace(/\n?\d+\n?/g, "").slice(0, 10)`); got != persian[:len("این کتری آ")] {
		t.Errorf("shown as %q", got)
	}
	p.do(chromedp.SetValue(`.menu [name="language"]`, "fa"), chromedp.Submit(".menu form"))
	p.until(`document.documentElement.dir === "rtl"`)
	p.shown(id)
	if eval[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the Persian page scrolls sideways")
	}
	p.key("a")
	p.until(`document.querySelector(".case").dataset.state === "approved"`)
	p.quiet()
}

func TestRolesInTheBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	s.reviews(1)
	mira := s.tab(t, browser, "mira")
	mira.goTo("/settings")
	mira.until(`document.body.innerText.includes("Your role does not allow this.")`)
	if eval[bool](mira, `document.querySelector('nav a[href$="/settings"]') !== null`) {
		t.Error("a moderator is offered the settings")
	}
	ada := s.tab(t, browser, "ada")
	ada.goTo("/settings")
	ada.until(`document.querySelector('[name="languages"]') !== null`)
	ada.goTo("/queue")
	ada.until(`document.querySelector(".case") !== null`)
	ada.do(chromedp.Submit(`.menu form[action$="/sign-out"]`))
	ada.until(`document.querySelector("#password") !== null`)
	ada.goTo("/queue")
	ada.until(`document.querySelector("#password") !== null`)
}

// violation is what axe found.
type violation struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

func TestAccessibility(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	script, err := axe()
	if err != nil {
		missing(t, "axe-core is not installed; run .ci/setup test: "+err.Error())
	}
	s := open(t)
	ids := s.decided()
	s.review("نسرین", "کتری خوب", persian, 5)
	s.reviews(3)
	pictures := s.displayed(t)
	p := s.tab(t, browser, "ada")
	check := func(name string) {
		t.Helper()
		eval[bool](p, script+"; true")
		found, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](
			`axe.run({resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200) + " " + n.failureSummary)}))))`,
			chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatal(err)
		}
		var list []violation
		if err := json.Unmarshal([]byte(found), &list); err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			t.Errorf("%s: %s (%s): %s", name, v.ID, v.Help, v.Nodes[0])
		}
	}
	paths := []string{
		"/queue", "/queue?kind=question", "/items/" + ids[2], "/items/" + ids[1], "/search?q=kettle", "/search?q=nothingatall", "/author?id=alice",
		"/audit", "/statistics", "/rules", "/settings", "/password", "/nothing",
		"/items/" + pictures[0], "/items/" + pictures[0] + "?show=all&turn=medium-1", "/items/" + pictures[1], "/queue?item=" + pictures[0],
	}
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, width := range []int64{1280, 400} {
			p.do(chromedp.EmulateViewport(width, 800))
			for _, path := range paths {
				p.goTo(path)
				p.until(`document.querySelector("#main") !== null`)
				check(fmt.Sprintf("%s %s %d", path, scheme, width))
				if eval[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
					t.Errorf("%s at %d scrolls sideways", path, width)
				}
			}
		}
		p.do(chromedp.EmulateViewport(1280, 800))
		p.goTo("/queue")
		p.until(`document.querySelector(".case") !== null`)
		p.key("r")
		p.until(`document.querySelector(".decide.armed")`)
		p.key("\x1b")
		p.key("5")
		check("reasons " + scheme)
		p.key("?")
		p.until(`document.querySelector("#help").open`)
		check("help " + scheme)
	}
	stranger := s.tab(t, browser, "")
	p.quiet()
	p = stranger
	p.goTo("/sign-in")
	check("sign-in")
	p.do(chromedp.Navigate(s.server.URL + "/admin/"))
	check("start")
	p.quiet()
}

func TestHostileTextOpensNothing(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	s := open(t)
	ids := s.poison()
	p := s.tab(t, browser, "ada")
	for _, path := range pagesOf(ids) {
		p.goTo(path)
		p.until(`document.readyState === "complete"`)
	}
	p.goTo("/queue")
	for _, id := range p.listed() {
		p.shown(id)
		p.key("1")
		p.until(`document.querySelector(".decide [name=message]").value.length > 10`)
		p.key("j")
	}
	_, err := s.svc.Decide(t.Context(), content.Actor{ID: "nina", Role: content.Moderator}, site, ids[0], lifecycle.Decision{Action: "approve", Rev: s.rev(ids[0])})
	if err != nil {
		t.Fatal(err)
	}
	p.until(p.done(ids[0]))
	p.quiet()
}
