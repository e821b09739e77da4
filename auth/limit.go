package auth

import (
	"net/netip"
	"sync"
	"time"
)

// A limiter lets each client address do so much per second, and some at once.
type limiter struct {
	perSecond, burst float64
	mu               sync.Mutex
	clients          map[string]*bucket
	swept            time.Time
}

type bucket struct {
	left float64
	at   time.Time
}

func newLimiter(perSecond, burst float64) *limiter {
	return &limiter{perSecond: perSecond, burst: burst, clients: map[string]*bucket{}}
}

// take returns 0 when the client may go on, and otherwise how long to wait.
func (l *limiter) take(address string) time.Duration {
	now := time.Now()
	// A household or an office has a whole IPv6 /64 to itself.
	if ip, err := netip.ParseAddr(address); err == nil && ip.Is6() && !ip.Is4In6() {
		if p, err := ip.WithZone("").Prefix(64); err == nil {
			address = p.String()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	full := time.Duration(l.burst / l.perSecond * float64(time.Second))
	if now.Sub(l.swept) > full {
		for k, b := range l.clients {
			if now.Sub(b.at) > full {
				delete(l.clients, k)
			}
		}
		l.swept = now
	}
	b := l.clients[address]
	if b == nil {
		b = &bucket{left: l.burst, at: now}
		l.clients[address] = b
	}
	b.left = min(l.burst, b.left+now.Sub(b.at).Seconds()*l.perSecond)
	b.at = now
	if b.left < 1 {
		return time.Duration((1 - b.left) / l.perSecond * float64(time.Second))
	}
	b.left--
	return 0
}
