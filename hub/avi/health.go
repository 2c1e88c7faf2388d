package avi

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Ask reads one JSON object at a path below /api, such as
// "virtualservice?page_size=1" split into path and query.
func (c *Client) Ask(ctx context.Context, tenant, path string, query url.Values) (map[string]any, error) {
	return c.get(ctx, tenant, path, names(query))
}

// Username is the one that the client logs in with.
func (c *Client) Username() string { return c.cfg.Username }

// Health is what the client has noticed of the controller by the way.
type Health struct {
	// Rate is how many requests a second the client allows itself now, Most
	// what it allows itself at most.
	Rate, Most float64
	// Skew is how far the controller's clock is ahead of ours, as of its last
	// answer; it is exact to about a second. Known is false before any answer.
	Skew  time.Duration
	Known bool
}

// Health tells what the client has noticed of the controller by the way.
func (c *Client) Health() Health {
	h := Health{Rate: c.limiter.current(), Most: float64(c.limiter.most)}
	h.Skew, h.Known = c.clock.skew()
	return h
}

// clock compares the controller's time with ours.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
	known bool
}

// note takes over the time of an answer that came just now.
func (k *clock) note(h http.Header, now time.Time) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	k.mu.Lock()
	k.ahead, k.known = at.Sub(now), true
	k.mu.Unlock()
}

func (k *clock) skew() (time.Duration, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ahead, k.known
}
