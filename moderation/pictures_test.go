package moderation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candor-ugc/candor/moderation"
	"github.com/candor-ugc/candor/moderation/rules"
)

// Hashes as those of photos are: about half of the bits are set, the highest too.
const (
	phash = 0xb4d2_96a5_5a69_4b1e
	dhash = 0xc3a5_1e78_b4d2_695a
)

// far turns a number of a hash's bits over.
func far(hash uint64, n int) uint64 { return hash ^ (1<<n - 1) }

// rejected is a list of rejected pictures by site.
type rejected map[string][]moderation.KnownPicture

func (r rejected) Near(_ context.Context, site string, phash uint64, within int) ([]moderation.KnownPicture, error) {
	var near []moderation.KnownPicture
	for _, k := range r[site] {
		if bits.OnesCount64(k.PHash^phash) <= within {
			near = append(near, k)
		}
	}
	return near, nil
}

type lookalikes func(context.Context) ([]moderation.KnownPicture, error)

func (f lookalikes) Near(ctx context.Context, _ string, _ uint64, _ int) ([]moderation.KnownPicture, error) {
	return f(ctx)
}

// pictured is a harmless review of a trusted author, with pictures.
func pictured(pictures ...moderation.Picture) moderation.Submission {
	sub := review("en", "A fine and simple kettle for the office kitchen")
	sub.Author.Approved = 50
	sub.Pictures = pictures
	return sub
}

func photoOf(p, d uint64) moderation.Picture {
	return moderation.Picture{ID: "photo-1", Kind: moderation.PicturePhoto, PHash: p, DHash: d, Ready: true}
}

func find(sc moderation.Screening, code string) (found []moderation.Signal) {
	for _, s := range sc.Signals {
		if s.Code == code {
			found = append(found, s)
		}
	}
	return found
}

func TestKnownPictures(t *testing.T) {
	t.Parallel()
	unready, video := photoOf(phash, dhash), photoOf(phash, dhash)
	unready.Ready = false
	video.Kind = moderation.PictureVideo
	itself := photoOf(phash, dhash)
	itself.ID = "bad-1"
	known := []moderation.KnownPicture{{ID: "bad-1", PHash: phash, DHash: dhash}}
	for name, tt := range map[string]struct {
		picture moderation.Picture
		known   []moderation.KnownPicture
		alike   string // "" for none
	}{
		"the same":                 {photoOf(phash, dhash), known, "bad-1"},
		"a video":                  {video, known, "bad-1"},
		"both at the limit":        {photoOf(far(phash, 10), far(dhash, 10)), known, "bad-1"},
		"pHash beyond the limit":   {photoOf(far(phash, 11), dhash), known, ""},
		"dHash beyond the limit":   {photoOf(phash, far(dhash, 11)), known, ""},
		"both beyond the limit":    {photoOf(far(phash, 11), far(dhash, 11)), known, ""},
		"another picture":          {photoOf(^uint64(phash), dhash), known, ""},
		"hashes exchanged":         {photoOf(dhash, phash), known, ""},
		"not processed yet":        {unready, known, ""},
		"nothing rejected":         {photoOf(phash, dhash), nil, ""},
		"the rejected one itself":  {itself, known, ""},
		"rejected on another site": {photoOf(phash, dhash), []moderation.KnownPicture{}, ""},
		"the nearest of several": {photoOf(phash, dhash), []moderation.KnownPicture{
			{ID: "bad-3", PHash: phash, DHash: far(dhash, 11)},
			{ID: "bad-2", PHash: far(phash, 2), DHash: far(dhash, 1)},
			{ID: "bad-4", PHash: far(phash, 1), DHash: far(dhash, 3)},
			{ID: "bad-1", PHash: far(phash, 3), DHash: dhash},
		}, "bad-1"},
		// What is of one colour has hashes of few bits, like everything of one colour.
		"black":                       {photoOf(0, 0), []moderation.KnownPicture{{ID: "bad-1"}}, ""},
		"white, as a camera sees it":  {photoOf(1<<63, 0x7f), []moderation.KnownPicture{{ID: "bad-1", PHash: 1 << 63, DHash: 0x7f}}, ""},
		"plain to dHash alone":        {photoOf(phash, ^uint64(0x7f)), []moderation.KnownPicture{{ID: "bad-1", PHash: phash, DHash: ^uint64(0x7f)}}, ""},
		"just enough to see in dHash": {photoOf(phash, 0xff), []moderation.KnownPicture{{ID: "bad-1", PHash: phash, DHash: 0xff}}, "bad-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := allOpen()
			opt.Lookalikes = rejected{"demo": tt.known, "elsewhere": known}
			sc := screener(t, opt).Screen(t.Context(), pictured(tt.picture))
			found := find(sc, moderation.CodePictureKnown)
			if sc.Failed || sc.Verdict != moderation.VerdictHold {
				t.Fatalf("%+v", sc)
			}
			if tt.alike == "" {
				if len(found) > 0 || sc.Risk != 0 {
					t.Errorf("found %+v, risk %v", found, sc.Risk)
				}
				return
			}
			if len(found) != 1 {
				t.Fatalf("found %q", codes(sc))
			}
			s := found[0]
			if s.Media != tt.picture.ID || s.Alike != tt.alike || s.Severity != moderation.SeverityHigh || s.Field != "" ||
				!strings.Contains(s.Cause, tt.picture.Kind) || !strings.Contains(s.Cause, tt.alike) || s.Rule != "pictures@1" || sc.Risk < 0.5 {
				t.Errorf("risk %v, signal %+v", sc.Risk, s)
			}
		})
	}
}

// What is answered beyond what was asked is no hit.
func TestLookalikesAreMeasuredAgain(t *testing.T) {
	t.Parallel()
	opt := allOpen()
	opt.Lookalikes = lookalikes(func(context.Context) ([]moderation.KnownPicture, error) {
		return []moderation.KnownPicture{{ID: "bad-1", PHash: far(phash, 11), DHash: dhash}}, nil
	})
	if sc := screener(t, opt).Screen(t.Context(), pictured(photoOf(phash, dhash))); sc.Failed || len(find(sc, moderation.CodePictureKnown)) > 0 {
		t.Errorf("%+v", sc)
	}
}

// Whatever the site decides by machine: what has pictures is not published by
// it, and what looks like a rejected picture is not even turned down by it.
func TestPicturesAreForPeople(t *testing.T) {
	t.Parallel()
	known := rejected{"demo": {{ID: "bad-1", PHash: phash, DHash: dhash}}}
	fine, bad := photoOf(^uint64(phash), ^uint64(dhash)), photoOf(phash, dhash)
	unready := moderation.Picture{ID: "v", Kind: moderation.PictureVideo}
	reject := ruleFunc(func(context.Context) ([]rules.Hit, error) {
		return []rules.Hit{{Rule: "r", Name: "r", Action: rules.ActionReject, Argument: "spam"}}, nil
	})
	for _, mode := range []string{"", moderation.ModeEverything, moderation.ModeFirst, moderation.ModeBands, moderation.ModeTrusted} {
		approves := mode == moderation.ModeFirst || mode == moderation.ModeBands || mode == moderation.ModeTrusted
		for name, tt := range map[string]struct {
			pictures []moderation.Picture
			rules    moderation.RuleRunner
			without  bool // nobody knows of rejected pictures
			approve  bool
			reject   bool
		}{
			"none":                     {approve: approves},
			"fine":                     {pictures: []moderation.Picture{fine}},
			"fine, nothing known":      {pictures: []moderation.Picture{fine}, without: true},
			"not processed":            {pictures: []moderation.Picture{unready}},
			"fine, a rule rejects":     {pictures: []moderation.Picture{fine}, rules: reject, reject: true},
			"rejected before":          {pictures: []moderation.Picture{fine, bad}},
			"the same, a rule rejects": {pictures: []moderation.Picture{bad, fine}, rules: reject},
		} {
			opt := allOpen()
			opt.Classifier, opt.Rules = readyModel{}, tt.rules
			opt.Policy = func(string, string) moderation.Policy {
				return moderation.Policy{Mode: mode, AutoApprove: true, AutoReject: true, ApproveBelow: 0.9, RejectAbove: 0.95}
			}
			if !tt.without {
				opt.Lookalikes = known
			}
			sc := screener(t, opt).Screen(t.Context(), pictured(tt.pictures...))
			want := moderation.VerdictHold
			switch {
			case tt.approve:
				want = moderation.VerdictApprove
			case tt.reject:
				want = moderation.VerdictReject
			}
			if sc.Verdict != want || sc.Proposed != want || sc.Failed || sc.Blind {
				t.Errorf("mode %q, %s: %+v, want %s", mode, name, sc, want)
			}
			if info := find(sc, moderation.CodePictures); len(info) != min(1, len(tt.pictures)) {
				t.Errorf("mode %q, %s: %+v", mode, name, sc.Signals)
			}
		}
	}
}

func TestPicturesAreExplained(t *testing.T) {
	t.Parallel()
	opt := allOpen()
	plain := screener(t, opt).Screen(t.Context(), pictured())
	opt.Lookalikes = rejected{}
	sc := screener(t, opt).Screen(t.Context(), pictured(photoOf(phash, dhash), photoOf(dhash, phash), moderation.Picture{ID: "v", Kind: "video"}))
	info := find(sc, moderation.CodePictures)
	if len(info) != 1 || info[0].Severity != moderation.SeverityInfo || info[0].Weight != 0 || info[0].Media != "" ||
		!strings.Contains(info[0].Cause, "Photos: 2, videos: 1.") || !strings.Contains(info[0].Cause, "not compared with rejected ones: 1.") {
		t.Errorf("%+v", info)
	}
	if !strings.Contains(sc.Cause, "people see photos and videos before") || sc.Risk != plain.Risk {
		t.Errorf("cause %q, risk %v, without pictures %v", sc.Cause, sc.Risk, plain.Risk)
	}
	if sc.Env.Pictures != 3 || plain.Env.Pictures != 0 {
		t.Errorf("rules see %d and %d pictures", sc.Env.Pictures, plain.Env.Pictures)
	}
	opt.Lookalikes = rejected{"demo": {{ID: "bad-1", PHash: phash, DHash: dhash}}}
	sc = screener(t, opt).Screen(t.Context(), pictured(photoOf(phash, dhash)))
	if !strings.Contains(sc.Cause, "moderators rejected") {
		t.Errorf("cause %q", sc.Cause)
	}
}

// Findings in the text are bounded; they do not push out those in pictures.
func TestPicturesBesideManyFindings(t *testing.T) {
	t.Parallel()
	opt := allOpen()
	opt.Lookalikes = rejected{"demo": {{ID: "bad-1", PHash: phash, DHash: dhash}}}
	sub := pictured(photoOf(phash, dhash))
	sub.Title = strings.Repeat("shit! ", 1000)
	sub.Body = sub.Title
	sc := screener(t, opt).Screen(t.Context(), sub)
	if len(sc.Signals) != 300 || len(find(sc, moderation.CodePictureKnown)) != 1 || sc.Verdict != moderation.VerdictHold {
		t.Errorf("%d signals, %s", len(sc.Signals), sc.Cause)
	}
}

func TestLookalikesFailClosed(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	for name, tt := range map[string]struct {
		do    lookalikes
		cause string
	}{
		"fails":     {func(context.Context) ([]moderation.KnownPicture, error) { return nil, errors.New("killed") }, "pictures: picture photo-1: killed"},
		"panics":    {func(context.Context) ([]moderation.KnownPicture, error) { panic("boom") }, "pictures: panic: boom"},
		"stalls":    {func(context.Context) ([]moderation.KnownPicture, error) { <-stuck; return nil, nil }, "did not end in time"},
		"times out": {func(ctx context.Context) ([]moderation.KnownPicture, error) { <-ctx.Done(); return nil, ctx.Err() }, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := allOpen()
			opt.Lookalikes = tt.do
			if name == "stalls" || name == "times out" {
				opt.Timeout = time.Millisecond
			}
			sc := screener(t, opt).Screen(t.Context(), pictured(photoOf(phash, dhash)))
			if sc.Verdict != moderation.VerdictHold || !sc.Failed || !strings.Contains(sc.Cause, tt.cause) {
				t.Errorf("verdict %q, failed %v, cause %q, want %q in it", sc.Verdict, sc.Failed, sc.Cause, tt.cause)
			}
		})
	}
}

func TestPicturesConcurrently(t *testing.T) {
	t.Parallel()
	opt := allOpen()
	opt.Lookalikes = rejected{"demo": {{ID: "bad-1", PHash: phash, DHash: dhash}}}
	s := screener(t, opt)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				p := photoOf(far(phash, i%20), dhash)
				p.ID = fmt.Sprintf("%d-%d", g, i)
				found := find(s.Screen(context.Background(), pictured(photoOf(dhash, phash), p)), moderation.CodePictureKnown)
				if alike := i%20 <= 10; alike != (len(found) == 1) || alike && found[0].Media != p.ID {
					t.Errorf("%s: %+v", p.ID, found)
				}
			}
		})
	}
	wg.Wait()
}

// Hashes above the largest signed number cannot be stored as they are.
func TestPicturesAreNotWritten(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(pictured(photoOf(phash, dhash)))
	if err != nil || strings.Contains(strings.ToLower(string(b)), "picture") {
		t.Errorf("%s, %v", b, err)
	}
	f, ok := reflect.TypeFor[moderation.Submission]().FieldByName("Pictures")
	if !ok || f.Tag.Get("json") != "-" || f.Tag.Get("bson") != "-" {
		t.Errorf("tags %q", f.Tag)
	}
}
