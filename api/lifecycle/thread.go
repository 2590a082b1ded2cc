package lifecycle

import (
	"context"
	"fmt"
	"slices"

	"github.com/candor-ugc/candor/api/content"
	"github.com/candor-ugc/candor/api/ledger"
)

// maxReplies bounds the replies that a case shows.
const maxReplies = 10

// thread adds the content that a case replies to, what that replies to, and the
// public replies to the case itself.
func (s *Service) thread(ctx context.Context, rec *ledger.Record, c *Case) error {
	c.Thread, c.Replies = []content.Private{}, []content.Private{}
	for id := rec.Parent; id != ""; {
		above, err := s.load(ctx, rec.Site, id)
		if isGone(err) {
			break
		}
		if err != nil {
			return err
		}
		p, err := s.private(ctx, above, true)
		if err != nil {
			return err
		}
		c.Thread = append(c.Thread, p)
		id = above.Parent
	}
	slices.Reverse(c.Thread)
	if n := len(c.Thread); n > 0 {
		c.Parent = &c.Thread[n-1]
	}
	r := ledger.Prefix(ledger.ByParent, rec.Site, rec.ID)
	r.Limit = maxReplies
	for reply, err := range s.Ledger.Contents.Scan(ctx, r) {
		if err != nil {
			return fmt.Errorf("read replies: %w", err)
		}
		p, err := s.private(ctx, reply, true)
		if err != nil {
			return err
		}
		c.Replies = append(c.Replies, p)
	}
	return nil
}
