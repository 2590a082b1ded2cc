package lifecycle_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/moderation"
)

// An author whose photo alone was turned down is told why, and is heard by
// somebody else.
func TestAppealsAboutPhotos(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		granted bool
		outcome string
	}{
		{"granted", true, ""},
		{"dismissed", false, "dismissed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			photo := n.photo(t, alice, 1)
			done, err := n.Submit(t.Context(), alice, with("Good light", photo))
			noError(t, err)
			rev := n.decide(t, done.ID, moderation.ActionApprove, 1)
			if _, err := n.Appeal(t.Context(), alice, site, done.ID, "Nothing was turned down."); !errors.Is(err, moderation.ErrTransition) {
				t.Errorf("appeal against nothing: %v", err)
			}
			p, err := n.Withhold(t.Context(), mod, site, done.ID, lifecycle.Withholding{Medium: photo, Withhold: true, Reasons: []string{"media"}, Rev: rev})
			noError(t, err)

			st := n.mine(t, done.ID).Media[0].Statement
			if st == nil || st.Restriction != "withheld" || len(st.Reasons) != 1 || st.AppealUntil == nil || st.MayEdit ||
				!slices.ContainsFunc(st.Explanation, func(s string) bool { return strings.Contains(s, "photo or video") }) {
				t.Fatalf("statement %+v", st)
			}
			_, err = n.Appeal(t.Context(), alice, site, done.ID, "It shows my own living room.")
			noError(t, err)
			equal(t, "waiting", n.Waiting(site), 1)
			rev = p.Rev + 1
			release := lifecycle.Withholding{Medium: photo, Rev: rev}
			if _, err := n.Withhold(t.Context(), mod, site, done.ID, release); !errors.Is(err, lifecycle.ErrSomebodyElse) {
				t.Errorf("who withheld it decides about the appeal: %v", err)
			}
			if tt.granted {
				p, err = n.Withhold(t.Context(), mod2, site, done.ID, release)
			} else {
				p, err = n.Decide(t.Context(), mod2, site, done.ID, lifecycle.Decision{Action: "uphold", Rev: rev})
			}
			noError(t, err)
			equal(t, "waiting after the decision", n.Waiting(site), 0)
			equal(t, "withheld", p.Media[0].Withheld, !tt.granted)
			outcome := ""
			if st := n.mine(t, done.ID).Media[0].Statement; st != nil {
				outcome = st.Appeal
			}
			equal(t, "outcome", outcome, tt.outcome)
			equal(t, "photo for strangers", n.reach(t, content.Actor{}, photo, "thumb", lifecycle.Access{}), tt.granted)
			n.checked(t)
		})
	}
}

// mine is a content as Alice sees her own.
func (n *node) mine(t testing.TB, id string) content.Private {
	t.Helper()
	item, err := n.Content(t.Context(), alice, site, id)
	noError(t, err)
	var p content.Private
	noError(t, json.Unmarshal(item.Body, &p))
	return p
}
