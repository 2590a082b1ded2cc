package shelf

import "testing"

// A page or summary that was begun before the row changed is not kept after.
func TestCacheRefusesWhatWasBegunBefore(t *testing.T) {
	t.Parallel()
	var c cache
	l := listing{sort: Newest}
	_, early := c.page(l)
	if freed := c.clear(); freed != 0 {
		t.Errorf("an empty cache grew by %d", freed)
	}
	if grown := c.keep(l, &Page{}, early); grown != 0 {
		t.Errorf("an early page took %d bytes", grown)
	}
	c.keepSum(&SummaryPage{}, 3, 7, early)
	p, now := c.page(l)
	if s, _ := c.sum(3, 7); p != nil || s != nil {
		t.Error("what was begun before the change is served after it")
	}
	grown := c.keep(l, &Page{}, now)
	c.keepSum(&SummaryPage{}, 3, 7, now)
	p, _ = c.page(l)
	if s, _ := c.sum(3, 7); p == nil || s == nil || grown <= 0 {
		t.Error("nothing is kept")
	}
	if again := c.keep(l, &Page{}, now); again != 0 {
		t.Errorf("the same page took %d bytes more", again)
	}
	if freed := c.clear(); freed != -grown {
		t.Errorf("kept %d bytes, freed %d", grown, -freed)
	}
}
