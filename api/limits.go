package api

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"extranet/portal"
)

// limits gives each caller its own bucket of requests, in this process: it costs no
// I/O, and holds with Redis gone. A caller is its token or person, never an address.
type limits struct {
	perSecond rate.Limit
	burst     int

	mu      sync.Mutex
	buckets map[string]*bucket
	swept   time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

func newLimits(perSecond float64) *limits {
	return &limits{perSecond: rate.Limit(perSecond), burst: max(1, int(2*perSecond)), buckets: map[string]*bucket{}}
}

// take counts one request of the caller's and says in the RateLimit headers what is left
// (draft-ietf-httpapi-ratelimit-headers-10). One too many is TooMany, with Retry-After.
func (l *limits) take(h http.Header, by portal.Caller) error {
	if l.perSecond == 0 {
		return nil
	}
	now := time.Now()
	b := l.of(strconv.FormatInt(by.PartnerID, 10)+" "+by.Name+" "+by.PersonID.String(), now)
	ok := b.AllowN(now, 1)
	left := max(0, b.TokensAt(now))
	h["Ratelimit-Policy"] = []string{fmt.Sprintf(`"caller";q=%d;w=2`, l.burst)}
	h["Ratelimit"] = []string{`"caller";r=` + strconv.Itoa(int(left)) + `;t=` + strconv.Itoa(ceilSeconds(time.Duration((float64(l.burst)-left)/float64(l.perSecond)*float64(time.Second))))}
	if !ok {
		h.Set("Retry-After", strconv.Itoa(max(1, ceilSeconds(time.Duration((1-left)/float64(l.perSecond)*float64(time.Second))))))
		return portal.Errorf(portal.TooMany, "more than %g requests a second; wait for Retry-After, then go on", float64(l.perSecond))
	}
	return nil
}

func (l *limits) of(caller string, now time.Time) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute { // a bucket untouched for a minute is full again
		for k, b := range l.buckets {
			if now.Sub(b.used) > time.Minute {
				delete(l.buckets, k)
			}
		}
		l.swept = now
	}
	b := l.buckets[caller]
	if b == nil {
		b = &bucket{Limiter: rate.NewLimiter(l.perSecond, l.burst)}
		l.buckets[caller] = b
	}
	b.used = now
	return b
}
