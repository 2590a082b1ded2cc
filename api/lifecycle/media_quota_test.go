package lifecycle_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
	"github.com/candor-ugc/candor/api/lifecycle"
	"github.com/candor-ugc/candor/media"
	"github.com/candor-ugc/candor/media/mediatest"
)

// begin begins uploads of one size until one is refused, and says how many were
// not.
func (n *node) begin(t testing.TB, who content.Actor, size int64) (begun int, err error) {
	t.Helper()
	for {
		if _, err := n.BeginUpload(t.Context(), who, site, size); err != nil {
			return begun, err
		}
		begun++
	}
}

func TestUploadQuotas(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		quota lifecycle.MediaQuota
		size  int64
		begun int
		want  error
		// others may go on.
		others bool
	}{
		{"files", lifecycle.MediaQuota{ShopperFiles: 3}, 1000, 3, lifecycle.ErrQuota, true},
		{"bytes", lifecycle.MediaQuota{ShopperBytes: 3000}, 1000, 3, lifecycle.ErrQuota, true},
		{"bytes, not whole", lifecycle.MediaQuota{ShopperBytes: 3999}, 1000, 3, lifecycle.ErrQuota, true},
		{"bytes of the site", lifecycle.MediaQuota{SiteBytes: 3000}, 1000, 3, lifecycle.ErrSiteQuota, false},
		{"nothing fits", lifecycle.MediaQuota{ShopperBytes: 999}, 1000, 0, lifecycle.ErrQuota, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			q := &n.Media.Quota
			for _, v := range []struct{ to, from *int64 }{{&q.ShopperBytes, &tt.quota.ShopperBytes}, {&q.SiteBytes, &tt.quota.SiteBytes}} {
				if *v.from > 0 {
					*v.to = *v.from
				}
			}
			if tt.quota.ShopperFiles > 0 {
				q.ShopperFiles = tt.quota.ShopperFiles
			}
			begun, err := n.begin(t, alice, tt.size)
			if begun != tt.begun || !errors.Is(err, tt.want) {
				t.Errorf("%d begun, then %v", begun, err)
			}
			if _, err := n.BeginUpload(t.Context(), bob, site, 900); (err == nil) != tt.others {
				t.Errorf("for another: %v", err)
			}
			if _, err := n.BeginUpload(t.Context(), alice, "elsewhere", 900); err != nil {
				t.Errorf("on another site: %v", err)
			}
			if tt.begun == 0 {
				return
			}
			// What was begun a day ago counts no more.
			n.clock.advance(24 * time.Hour)
			if _, err := n.BeginUpload(t.Context(), alice, site, tt.size); !errors.Is(err, tt.want) {
				t.Errorf("after a day to the millisecond: %v", err)
			}
			n.clock.advance(31 * time.Second)
			begun, err = n.begin(t, bob, tt.size)
			if begun < tt.begun {
				t.Errorf("a day later: %d begun, then %v", begun, err)
			}
		})
	}
}

// TestRacingUploads cannot pass a quota together.
func TestRacingUploads(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Media.Quota.ShopperFiles, n.Media.Quota.SiteBytes = 5, 3000
	for round := range 100 {
		site := fmt.Sprint("site-", round)
		var begin []func() error
		for i := range 16 {
			who := content.Actor{ID: fmt.Sprint("person-", i), Role: content.Shopper}
			begin = append(begin, func() error {
				_, err := n.BeginUpload(t.Context(), who, site, 1000)
				return err
			})
		}
		begun := 0
		for _, err := range atOnce(begin...) {
			if err == nil {
				begun++
			} else if !errors.Is(err, lifecycle.ErrQuota) && !errors.Is(err, lifecycle.ErrSiteQuota) {
				t.Error(err)
			}
		}
		if begun != 3 {
			t.Fatalf("round %d: %d began, and 3 fit", round, begun)
		}
	}
	var begin []func() error
	for range 16 {
		begin = append(begin, func() error {
			_, err := n.BeginUpload(t.Context(), alice, site, 1)
			return err
		})
	}
	begun := 0
	for _, err := range atOnce(begin...) {
		if err == nil {
			begun++
		}
	}
	equal(t, "uploads of one person", begun, 5)
}

// TestRefusedFilesCount against the quota as files and bytes, for as long as those
// that were taken in: they were sent and worked on too. What was given back to its
// owner's own trouble does not.
func TestRefusedFilesCount(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Media.Quota.ShopperFiles = 3
	for range 2 {
		if _, err := n.upload(t, alice, []byte("<html>no photo</html>")); !errors.Is(err, media.ErrUnsupported) {
			t.Fatalf("got %v", err)
		}
	}
	id := n.photo(t, alice, 1)
	noError(t, n.DeleteMedium(t.Context(), alice, site, id))
	for _, after := range []time.Duration{0, lifecycle.FailedLife + time.Second, 20 * time.Hour} {
		n.clock.advance(after)
		n.swept(t)
		if _, err := n.BeginUpload(t.Context(), alice, site, 10); !errors.Is(err, lifecycle.ErrQuota) {
			t.Errorf("%s later: %v", after, err)
		}
	}
	n.clock.advance(4 * time.Hour)
	n.swept(t)
	_, err := n.BeginUpload(t.Context(), alice, site, 10)
	noError(t, err)
	left, err := ledger.New(n.store).Media.Count(t.Context(), ledger.Range{})
	noError(t, err)
	equal(t, "media on record", left, 1)
}

// TestOwnTroubleDoesNotCount: where the store fails, the shopper may try again.
func TestOwnTroubleDoesNotCount(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.Media.Quota.ShopperFiles = 1
	f := n.breakable()
	f.set(func(string) error { return errStore }, nil)
	for range 3 {
		if _, err := n.upload(t, alice, mediatest.Photo(t, 1)); !errors.Is(err, errStore) {
			t.Fatalf("got %v", err)
		}
	}
	f.set(nil, nil)
	n.photo(t, alice, 1)
	n.noWork(t)
	n.sound(t)
}

// TestTooLargeToBegin: what is announced larger than anything that is taken is
// refused before anything is sent.
func TestTooLargeToBegin(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	if _, err := n.BeginUpload(t.Context(), alice, site, n.MaxUpload()+1); !errors.Is(err, media.ErrTooManyBytes) {
		t.Errorf("got %v", err)
	}
	_, err := n.BeginUpload(t.Context(), alice, site, n.MaxUpload())
	noError(t, err)
	if _, err := n.BeginUpload(t.Context(), stranger, site, 1); !errors.Is(err, lifecycle.ErrSignIn) {
		t.Errorf("stranger: %v", err)
	}
}
