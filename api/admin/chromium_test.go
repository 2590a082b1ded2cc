package admin_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chromium starts a browser with an empty profile, which ends with the test.
// Without one the test fails in continuous integration, and says elsewhere how
// to get it.
func chromium(t *testing.T) context.Context {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		missing(t, "chromium is not installed; on Debian: sudo apt-get install chromium, or run .ci/setup test")
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath("chromium"), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.WindowSize(1280, 800),
	)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// axe gives the accessibility checks of axe-core.
var axe = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(filepath.Join(root, ".cache/npm/node_modules/axe-core/axe.min.js"))
	return string(b), err
})

// tab is a page of a browser that belongs to one person.
type tab struct {
	*shop
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	dialogs []string
	errors  []string
}

// tab opens a page with cookies of its own, signed in as login.
func (s *shop) tab(t *testing.T, browser context.Context, login string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	p := &tab{shop: s, t: t, ctx: ctx}
	p.do(chromedp.Navigate("about:blank"))
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatal(err)
	}
	go p.console()
	if login != "" {
		p.do(chromedp.Navigate(s.server.URL+"/admin/"+site+"/sign-in"),
			chromedp.SendKeys("#login", login), chromedp.SendKeys("#password", password), chromedp.Click("button.main"))
		p.until(`document.querySelector("header.bar") !== null`)
	}
	return p
}

// listen notes dialogs, which only hostile text could open.
func (p *tab) listen(ev any) {
	if d, ok := ev.(*page.EventJavascriptDialogOpening); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.dialogs = append(p.dialogs, d.Message)
	}
}

// console notes what a page complains of: a broken script, a refused style.
func (p *tab) console() {
	for m, err := range chromedp.Console(p.ctx) {
		if err != nil {
			return
		}
		if text := m.String(); m.IsException() || strings.Contains(text, "Content Security Policy") || strings.Contains(text, "TypeError") {
			p.mu.Lock()
			p.errors = append(p.errors, text)
			p.mu.Unlock()
		}
	}
}

// quiet fails where a dialog opened or a page complained.
func (p *tab) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.dialogs) > 0 {
		p.t.Errorf("dialogs opened: %q", p.dialogs)
	}
	if len(p.errors) > 0 {
		p.t.Errorf("the console says: %q", p.errors)
	}
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) goTo(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.server.URL + "/admin/" + site + path))
}

// until waits for an expression to become true, across pages.
func (p *tab) until(expression string) {
	p.t.Helper()
	for tries := 0; ; tries++ {
		_, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingTimeout(20*time.Second)))
		if err == nil {
			return
		}
		// The page that was asked gave way to the next one.
		gone := strings.Contains(err.Error(), "navigated") || strings.Contains(err.Error(), "context")
		if gone && tries < 20 && p.ctx.Err() == nil {
			continue
		}
		body, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`(document.querySelector("#pane") ?? document.body).innerText.slice(0, 700)`))
		p.t.Fatalf("waiting for %s: %v\n%s", expression, err, body)
	}
}

// key presses keys as a keyboard does, wherever the focus is: a page that takes
// a key for itself keeps its letter from being typed.
func (p *tab) key(keys string) {
	p.t.Helper()
	for _, r := range keys {
		events := kb.Encode(r)
		for _, e := range events {
			switch e.Type {
			case kb.KeyChar:
				continue
			case kb.KeyDown:
				for _, c := range events {
					if c.Type == kb.KeyChar {
						e.Text, e.UnmodifiedText = c.Text, c.UnmodifiedText
					}
				}
			}
			if _, err := chromedp.Call(p.ctx, input.DispatchKeyEvent, *e); err != nil {
				p.t.Fatal(err)
			}
		}
	}
}

func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// shown waits until the item's part shows an id.
func (p *tab) shown(id string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(".case")?.dataset.id === %q && !document.querySelector("#pane.loading")`, id))
}

// listed gives the ids in the list, in order.
func (p *tab) listed() []string {
	p.t.Helper()
	return eval[[]string](p, `[...document.querySelectorAll("#rows .item")].map(r => r.dataset.id)`)
}

func (p *tab) done(id string) string {
	return fmt.Sprintf(`document.querySelector('.item[data-id="%s"].done')`, id)
}
