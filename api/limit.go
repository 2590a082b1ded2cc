package api

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"github.com/candor-ugc/candor/api/content"
)

// limiter bounds how often one person, or one address while unknown, may change
// something. It forgets who has been quiet, so its memory is bounded.
type limiter struct {
	perMinute int
	now       func() time.Time
	buckets   *otter.Cache[string, *rate.Limiter]
}

func newLimiter(perMinute int, now func() time.Time) *limiter {
	return &limiter{perMinute: perMinute, now: now, buckets: otter.Must(&otter.Options[string, *rate.Limiter]{
		MaximumSize: 100_000, ExpiryCalculator: otter.ExpiryAccessing[string, *rate.Limiter](5 * time.Minute),
	})}
}

// allow takes one token, says in the RateLimit headers (IETF draft
// ratelimit-headers) what is left, and fails with errRate when none was.
func (l *limiter) allow(c *gin.Context, site string, who content.Actor) error {
	if l.perMinute <= 0 {
		return nil
	}
	key := site + "\x1f" + who.ID
	if !who.Known() {
		key = site + "\x1faddress " + c.ClientIP()
	}
	bucket, _ := l.buckets.SetIfAbsent(key, rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute))
	now := l.now()
	ok := bucket.AllowN(now, 1)
	left := max(bucket.TokensAt(now), 0)
	wait := int(math.Ceil((1 - left) * 60 / float64(l.perMinute)))
	c.Header("RateLimit-Policy", fmt.Sprintf(`"writes";q=%d;w=60`, l.perMinute))
	c.Header("RateLimit", fmt.Sprintf(`"writes";r=%d;t=%d`, int(left), max(wait, 0)))
	if ok {
		return nil
	}
	c.Header("Retry-After", strconv.Itoa(max(wait, 1)))
	return &detailError{err: errRate, text: fmt.Sprintf("at most %d changes a minute; try again in %d s", l.perMinute, max(wait, 1))}
}
