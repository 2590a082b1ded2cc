package lifecycle_test

import (
	"testing"
	"time"

	"github.com/candor-ugc/candor/api/content"
)

// What was written before a product was renamed is found by its new name.
func TestRenamedProductsAreFound(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.published(t, alice, "Gives a good light.")
	equal(t, "found by the first name", n.found(t, "lamp"), 1)
	_, err := n.PutProduct(t.Context(), content.Actor{ID: "ada", Role: content.Admin}, content.Product{Site: site, ID: lamp.ID, Name: "Zephyr lantern"})
	noError(t, err)
	for n.found(t, "zephyr") != 1 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("not found by the new name")
		}
	}
}
