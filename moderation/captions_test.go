package moderation_test

import (
	"strings"
	"testing"

	"github.com/candor-ugc/candor/moderation"
)

// TestCaptionsAreScreened: what is written to a picture is looked at like a text,
// and findings name the picture instead of a place in the text.
func TestCaptionsAreScreened(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		caption, alt string
		code, cause  string // "" for nothing
	}{
		"nothing written":        {"", "", "", ""},
		"plain words":            {"The lamp on my desk", "A lamp", "", ""},
		"a link":                 {"More at cheap-lamps.example.com", "", moderation.CodeURL, "Link to cheap-lamps.example.com, in the caption of a photo."},
		"an address":             {"", "write to me@lamps.example.com", moderation.CodeEmail, "E-mail address, in the alternative text of a photo."},
		"a disguised swear word": {"what a piece of sh1t", "", moderation.CodeProfanity, ", in the caption of a photo."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := photoOf(phash, dhash)
			p.Caption, p.Alt = tt.caption, tt.alt
			sc := screener(t, allOpen()).Screen(t.Context(), pictured(p))
			if sc.Failed {
				t.Fatalf("%+v", sc)
			}
			if tt.code == "" {
				if sc.Risk != 0 {
					t.Errorf("found %q", codes(sc))
				}
				return
			}
			found := find(sc, tt.code)
			if len(found) != 1 || sc.Risk == 0 {
				t.Fatalf("found %q, risk %v", codes(sc), sc.Risk)
			}
			s := found[0]
			if s.Media != p.ID || s.Field != "" || s.Start != 0 || s.End != 0 || !strings.HasSuffix(s.Cause, tt.cause) {
				t.Errorf("signal %+v", s)
			}
		})
	}
	t.Run("and not what comes after", func(t *testing.T) {
		t.Parallel()
		p, other := photoOf(phash, dhash), photoOf(phash, dhash)
		p.Caption, other.ID = "see cheap-lamps.example.com", "another"
		sub := pictured(p, other)
		sub.Body = "aaaaAAAA BUY NOW"
		for _, s := range screener(t, allOpen()).Screen(t.Context(), sub).Signals {
			if (s.Media != "") != (s.Code == moderation.CodeURL) || s.Media == other.ID {
				t.Errorf("signal %+v", s)
			}
		}
	})
}
