package ledgertest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/moderation"
)

var noon = time.Date(2024, 3, 20, 12, 0, 0, 0, time.UTC)

// record makes a pending review in Persian.
func record(id string) *ledger.Record {
	return &ledger.Record{
		Content: content.Content{
			ID: id, Site: "shop", Kind: content.Review, Subject: content.ProductOf("p-1"),
			Author: content.Author{ID: "ali", Handle: "h1", Name: "علی رضایی", Verified: true, VerifiedBy: "token"},
			Current: content.Version{
				Rev: 1, Rating: 5, Ratings: map[string]int{"کیفیت": 4}, Title: "خیلی خوب بود",
				Body:     "پارچه‌اش نرم است؛ دوخت تمیز.\nولی «سایز» کوچک‌تر از حد انتظار بود… 👍🏽\u200c می‌ارزد",
				Language: "fa", Media: []content.Media{{ID: "m1", Alt: "عکس"}},
				Attributes: map[string]string{"رنگ": "آبی", "size": "XL"}, At: noon,
			},
			State: content.Pending, Rev: 1, CreatedAt: noon, UpdatedAt: noon, QueuedAt: noon,
		},
		Owes: true,
	}
}

// testTableRecords follows one content through the indexes it is found by.
func testTableRecords(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	l := ledger.New(s)
	site, public := ledger.Prefix(ledger.BySite, "shop"), ledger.Prefix(ledger.ByPublic, "shop", "product", "p-1")
	author, waiting := ledger.Prefix(ledger.ByAuthor, "shop", "ali"), ledger.Prefix(ledger.ByWaiting, "shop")
	owes := ledger.Prefix(ledger.ByOwes)
	found := func(step string, want ...bool) {
		t.Helper()
		for i, r := range []ledger.Range{site, public, author, waiting, owes} {
			all, err := l.Contents.All(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(all) == 1 && all[0].ID == "c"; got != want[i] || len(all) > 1 {
				t.Errorf("%s: found by %s %v, want %v", step, r.Index, got, want[i])
			}
		}
	}
	c := record("c")
	if err := l.Contents.Insert(ctx, c); err != nil {
		t.Fatal(err)
	}
	found("submitted", true, false, true, true, true)

	got, err := l.Contents.Get(ctx, "c")
	if err != nil {
		t.Fatal(err)
	}
	if !got.Unsettled() || !reflect.DeepEqual(got.Content, c.Content) {
		t.Fatalf("read back:\n got %+v\nwant %+v", got.Content, c.Content)
	}
	if err := l.Contents.Unset(ctx, ledger.ByOwes, []ledger.Ref{{ID: "c", Rev: 1}}); err != nil {
		t.Fatal(err)
	}
	found("settled", true, false, true, true, false)
	if got, err = l.Contents.Get(ctx, "c"); err != nil || got.Unsettled() {
		t.Fatalf("settled, but owes %v, %v", got.Stored, err)
	}

	got.State, got.Shown, got.ApprovedRev, got.Rev, got.Owes = content.Approved, true, 1, 2, true
	got.Screening = &moderation.Screening{Verdict: "hold", Risk: 0.25, Took: 1500, At: noon}
	got.Events = []ledger.Event{{ID: "c/2", Content: "c", Rev: 2, Action: "approve", To: content.Approved, At: noon}}
	if err := l.Contents.Replace(ctx, got, 1); err != nil {
		t.Fatal(err)
	}
	wantErr(t, l.Contents.Replace(ctx, got, 1), ledger.ErrConflict)
	found("approved", true, true, true, false, true)
	again, err := l.Contents.Get(ctx, "c")
	if err != nil || len(again.Events) != 1 || again.Screening == nil || again.Screening.Risk != 0.25 || !again.Unsettled() {
		t.Fatalf("read back %+v, %v", again, err)
	}
	if v, ok := again.PublicVersion(); !ok || !v.Same(record("c").Current) {
		t.Fatalf("public version %+v, %v", v, ok)
	}

	again.State, again.Shown, again.Rev, again.Author, again.Owes = content.Erased, false, 3, content.Author{}, false
	if err := l.Contents.Replace(ctx, again, 2); err != nil {
		t.Fatal(err)
	}
	found("erased", true, false, false, false, false)
	if err := l.Contents.Delete(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	found("deleted", false, false, false, false, false)
}

// testTableRoundTrip stores one document in each other table, all in one call,
// and reads it back.
func testTableRoundTrip(t *testing.T, s ledger.Store) {
	l := ledger.New(s)
	var all []ledger.Put
	var checks []func()
	round(t, l.Events, &all, &checks, ledger.Event{
		ID: "c/1", Site: "shop", Content: "c", Kind: content.Review, Rev: 1, Action: "submit", To: content.Pending,
		Actor: "ali", Role: content.Shopper, Reasons: []string{"spam"}, Note: "یادداشت", At: noon,
		Previous: &content.Version{Rev: 1, Body: "پیشین", At: noon},
	}, ledger.Prefix(ledger.ByContent, "shop", "c"), ledger.Prefix(ledger.ByTime, "shop"))
	round(t, l.Revisions, &all, &checks, ledger.Revision{ID: "c/1", Site: "shop", Content: "c", Version: content.Version{Rev: 1, Body: "b", At: noon}},
		ledger.Prefix(ledger.ByContent, "shop", "c"))
	round(t, l.Slots, &all, &checks, ledger.Slot{Key: ledger.Key("shop", "p", "ali"), Content: "c", At: noon, Rev: 1}, ledger.Range{})
	round(t, l.Replays, &all, &checks, ledger.Replay{Key: ledger.Key("shop", "ali", "k"), Hash: "h", Content: "c", Body: []byte(`{"a":1}`), At: noon, Rev: 1},
		ledger.Prefix(ledger.ByTime), ledger.Range{Index: ledger.ByTime, To: ledger.Millis(noon.Add(time.Millisecond))})
	round(t, l.Votes, &all, &checks, ledger.Vote{Site: "shop", Content: "c", Voter: "ali", Value: -1, At: noon, Rev: 1, Owes: true},
		ledger.Prefix(ledger.ByContent, "shop", "c", "-"), ledger.Prefix(ledger.ByAuthor, "shop", "ali"), ledger.Prefix(ledger.ByOwes))
	round(t, l.Tallies, &all, &checks, ledger.Tally{Content: "c", Site: "shop", Subject: content.BoardOf("b"), Votes: content.Votes{Helpful: 2, Unhelpful: 1}, Changed: noon, Rev: 4},
		ledger.Prefix(ledger.ByPublic, "shop", "board", "b"))
	round(t, l.Reports, &all, &checks, ledger.Report{Report: content.Report{Site: "shop", Content: "c", Reporter: "ali", Reason: "spam", Note: "n", At: noon}, Rev: 1},
		ledger.Prefix(ledger.ByContent, "shop", "c"), ledger.Prefix(ledger.ByAuthor, "shop", "ali"))
	round(t, l.Products, &all, &checks, ledger.Product{Product: content.Product{Site: "shop", ID: "p", Name: "پیراهن", UpdatedAt: noon}, Rev: 1},
		ledger.Prefix(ledger.BySite, "shop"))
	round(t, l.Boards, &all, &checks, ledger.Board{Board: content.Board{Site: "shop", ID: "b", Name: "तख़्ता", UpdatedAt: noon}, Rev: 1},
		ledger.Prefix(ledger.BySite, "shop"))
	settings := content.DefaultSettings()
	settings.Rev = 1
	round(t, l.Settings, &all, &checks, ledger.Settings{Site: "shop", Settings: settings}, ledger.Range{})
	round(t, l.Leases, &all, &checks, ledger.Lease{Name: "sweep", Holder: "node-1", Until: noon, Rev: 1}, ledger.Range{})
	round(t, l.Identity, &all, &checks, ledger.Identity{ID: "ledger", UUID: "u", Rev: 1}, ledger.Range{})
	round(t, l.Receipts, &all, &checks, ledger.Receipt{ID: "r", Site: "shop", Contents: 3, At: noon, Rev: 1}, ledger.Prefix(ledger.BySite, "shop"))
	round(t, l.Media, &all, &checks, ledger.Medium{
		ID: "m", Site: "shop", Author: "ali", Kind: content.Video, State: content.Processing, Reason: "damaged", Progress: 0.25,
		Size: 1 << 40, SHA256: "ab", Format: "mov", Width: 1280, Height: 720, Duration: 90 * time.Second, Placeholder: "data:,عکس",
		PHash: -1, DHash: -1 << 63, Source: "ab.bin",
		Files:   []ledger.MediumFile{{Variant: "thumb", Format: "jpeg", Width: 160, Height: 90, Blob: "cd.jpg", Size: 7}},
		Content: "c", TakenAt: noon, Expires: noon, Place: &ledger.MediumPlace{Subject: content.ProductOf("p"), Published: noon, Index: 9},
		Banned: true, Work: ledger.WorkVideo, Due: noon, Holder: "node-1", Tries: 2, Pauses: 3, CreatedAt: noon, UpdatedAt: noon, Rev: 1,
	}, ledger.Prefix(ledger.BySite, "shop"), ledger.Prefix(ledger.ByAuthor, "shop", "ali"), ledger.Prefix(ledger.ByContent, "shop", "c"),
		ledger.Range{Index: ledger.ByTime, To: ledger.Millis(noon.Add(time.Millisecond))}, ledger.Prefix(ledger.ByOwes, ledger.WorkVideo),
		ledger.Prefix(ledger.ByGallery, "shop"), ledger.Prefix(ledger.ByPublic, "shop", "product", "p"), ledger.Prefix(ledger.ByBanned, "shop"))
	round(t, l.Blobs, &all, &checks, ledger.BlobRef{Blob: "cd.jpg", Medium: "m", Site: "shop", At: noon, Rev: 1},
		ledger.Prefix("", "cd.jpg"), ledger.Prefix(ledger.BySite, "shop"), ledger.Prefix(ledger.ByMedium, "m"))
	if err := s.Insert(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	for _, check := range checks {
		check()
	}
}

// round adds v to the documents to insert, and a check that it comes back equal
// by its id and from each range, alone.
func round[T any](t *testing.T, table ledger.Table[T], all *[]ledger.Put, checks *[]func(), v T, ranges ...ledger.Range) {
	put, err := table.Put(&v)
	if err != nil {
		t.Fatal(err)
	}
	*all = append(*all, put)
	*checks = append(*checks, func() {
		got, err := table.Get(t.Context(), put.Doc.ID)
		if err != nil || !reflect.DeepEqual(*got, v) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", put.Table, got, err, v)
		}
		for _, r := range ranges {
			found, err := table.All(t.Context(), r)
			if err != nil || len(found) != 1 || !reflect.DeepEqual(*found[0], v) {
				t.Errorf("%s by %q: %+v, %v", put.Table, r.Index, found, err)
			}
			if key := table.Key(&v, r.Index); key < r.From || r.To != "" && key >= r.To {
				t.Errorf("%s: key %q is outside %q to %q", put.Table, key, r.From, r.To)
			}
		}
	})
}

func testTableModify(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	l := ledger.New(s)
	refusal := errors.New("no")
	_, err := l.Leases.Modify(ctx, "sweep", func(*ledger.Lease, bool) error { return refusal })
	wantErr(t, err, refusal)
	lacks(t, s, "leases", "sweep")
	for i := int64(1); i <= 3; i++ {
		got, err := l.Leases.Modify(ctx, "sweep", func(v *ledger.Lease, found bool) error {
			if found != (i > 1) || v.Rev != i-1 {
				t.Errorf("turn %d: found %v at revision %d", i, found, v.Rev)
			}
			v.Name, v.Holder, v.Rev = "sweep", fmt.Sprint("node-", i), i
			return nil
		})
		if err != nil || got.Rev != i {
			t.Fatalf("turn %d: %+v, %v", i, got, err)
		}
	}
	_, err = l.Leases.Modify(ctx, "sweep", func(v *ledger.Lease, _ bool) error {
		v.Holder, v.Rev = "nobody", v.Rev+1
		return refusal
	})
	wantErr(t, err, refusal)
	if got, err := l.Leases.Get(ctx, "sweep"); err != nil || got.Holder != "node-3" {
		t.Fatalf("got %+v, %v", got, err)
	}
	// A document overtaken on each attempt ends as a conflict, not as a loop.
	attempts := 0
	_, err = l.Slots.Modify(ctx, "busy", func(v *ledger.Slot, found bool) error {
		other := &ledger.Slot{Key: "busy", Content: "other", Rev: v.Rev + 1}
		attempts++
		v.Key, v.Content, v.Rev = "busy", "mine", v.Rev+1
		if attempts > 5 {
			return nil
		}
		if found {
			return l.Slots.Replace(ctx, other, other.Rev-1)
		}
		return l.Slots.Insert(ctx, other)
	})
	if err != nil || attempts != 6 {
		t.Fatalf("after %d attempts: %v", attempts, err)
	}
	_, err = l.Slots.Modify(cancelled(), "busy", func(*ledger.Slot, bool) error { return nil })
	if err == nil {
		t.Fatal("modified under a context that had ended")
	}
}

// testTableTimes: times come back to the millisecond, in UTC, and sort as times
// do.
func testTableTimes(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	l := ledger.New(s)
	zone := time.FixedZone("+03:30", 12600)
	times := []time.Time{
		time.UnixMilli(0), time.UnixMilli(1), time.Date(1999, 12, 31, 23, 59, 59, 999_999_999, zone),
		noon, noon.Add(time.Millisecond), noon.Add(2*time.Millisecond + 999_999), noon.Add(time.Hour), time.Date(2999, 1, 1, 0, 0, 0, 1, zone),
	}
	for i, at := range times {
		e := &ledger.Event{ID: fmt.Sprint("c/", len(times)-i), Site: "shop", Content: "c", Rev: 1, At: at}
		if err := l.Events.Insert(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := l.Events.All(ctx, ledger.Prefix(ledger.ByTime, "shop"))
	if err != nil || len(got) != len(times) {
		t.Fatalf("%d events, %v", len(got), err)
	}
	for i, e := range got {
		if want := times[i].Truncate(time.Millisecond); !e.At.Equal(want) || e.At.Location() != time.UTC {
			t.Errorf("time %d: got %v, want %v in UTC", i, e.At, want)
		}
	}
	before := ledger.Range{Index: ledger.ByTime, From: ledger.Key("shop", ""), To: ledger.Key("shop", ledger.Millis(noon))}
	if n, err := l.Events.Count(ctx, before); n != 3 || err != nil {
		t.Errorf("%d events before noon, %v; want 3", n, err)
	}
}

func testTableLarge(t *testing.T, s ledger.Store) {
	ctx := t.Context()
	l := ledger.New(s)
	big := record("big")
	big.Current.Body = strings.Repeat("ب", ledger.MaxDocument/2)
	small := record("small")
	wantErr(t, l.Contents.Insert(ctx, big), ledger.ErrTooLarge)
	_, err := l.Contents.InsertMissing(ctx, []*ledger.Record{small, big})
	wantErr(t, err, ledger.ErrTooLarge)
	for _, id := range []string{"big", "small"} {
		_, err := l.Contents.Get(ctx, id)
		wantErr(t, err, ledger.ErrNotFound)
	}
	added, err := l.Contents.InsertMissing(ctx, []*ledger.Record{small, small})
	if err != nil || !slices.Equal(added, []bool{true, false}) {
		t.Fatalf("added %v, %v", added, err)
	}
}
