package avisim

import (
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateLimit is the limit a client address: a controller allows about 32
// requests a second, then delays, then answers 429 (decisions.md 5).
type RateLimit struct {
	// PerSecond is the allowed rate; 0 means 32.
	PerSecond float64
	// Burst is how many may come at once; 0 means PerSecond.
	Burst int
	// MaxDelay is how long a request is held back before it is refused; 0
	// means 1 s.
	MaxDelay time.Duration
}

type limiter struct {
	limit *RateLimit
	now   func() time.Time

	mu      sync.Mutex
	clients map[string]*rate.Limiter
}

func newLimiter(limit *RateLimit, now func() time.Time) *limiter {
	l := &limiter{now: now, clients: map[string]*rate.Limiter{}}
	if limit != nil {
		copied := *limit
		if copied.PerSecond == 0 {
			copied.PerSecond = 32
		}
		if copied.Burst == 0 {
			copied.Burst = int(math.Ceil(copied.PerSecond))
		}
		if copied.MaxDelay == 0 {
			copied.MaxDelay = time.Second
		}
		l.limit = &copied
	}
	return l
}

// maxClients bounds the addresses that are remembered.
const maxClients = 10_000

func (l *limiter) admit(c *call) error {
	if l.limit == nil {
		return nil
	}
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		host = c.r.RemoteAddr
	}
	l.mu.Lock()
	client := l.clients[host]
	if client == nil {
		if len(l.clients) >= maxClients {
			clear(l.clients)
		}
		client = rate.NewLimiter(rate.Limit(l.limit.PerSecond), l.limit.Burst)
		l.clients[host] = client
	}
	now := l.now()
	reservation := client.ReserveN(now, 1)
	l.mu.Unlock()
	wait := reservation.DelayFrom(now)
	if wait > l.limit.MaxDelay {
		reservation.CancelAt(now)
		setRetryAfter(c, wait)
		return failure(http.StatusTooManyRequests, "Request was throttled. Expected available in %d seconds.", seconds(wait))
	}
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.r.Context().Done():
		return errDropped
	}
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

func setRetryAfter(c *call, d time.Duration) {
	c.header.Set("Retry-After", strconv.Itoa(max(1, seconds(d))))
}
