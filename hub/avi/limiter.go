package avi

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter is the write budget of a controller for the whole fleet (decisions.md,
// 5): a token bucket that gives way. A refusal for too many requests halves the
// rate and stops everything for as long as the controller asks; while answers
// are good, the rate climbs back by a tenth each second.
type limiter struct {
	bucket *rate.Limiter
	most   rate.Limit

	mu         sync.Mutex
	pauseUntil time.Time
	changed    time.Time // when the rate was last changed
}

const (
	minRate     = 1.0 // requests a second
	recovery    = 1.1
	recoverStep = time.Second
	// maxPause bounds what a Retry-After can ask for.
	maxPause = 5 * time.Minute
	// halveStep keeps the refusals of one burst from counting more than once.
	halveStep = 500 * time.Millisecond
)

func newLimiter(perSecond float64, burst int) *limiter {
	return &limiter{bucket: rate.NewLimiter(rate.Limit(perSecond), burst), most: rate.Limit(perSecond)}
}

// wait returns when the next request may go out.
func (l *limiter) wait(ctx context.Context) error {
	for {
		l.mu.Lock()
		pause := time.Until(l.pauseUntil)
		l.mu.Unlock()
		if pause <= 0 {
			return l.bucket.Wait(ctx)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// refused notes that the controller answered 429.
func (l *limiter) refused(retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if until := now.Add(min(retryAfter, maxPause)); until.After(l.pauseUntil) {
		l.pauseUntil = until
	}
	if now.Sub(l.changed) < halveStep {
		return
	}
	l.changed = now
	l.bucket.SetLimit(max(l.bucket.Limit()/2, minRate))
}

// served notes that a request was answered.
func (l *limiter) served() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bucket.Limit() >= l.most {
		return
	}
	now := time.Now()
	if now.Sub(l.changed) < recoverStep {
		return
	}
	l.changed = now
	l.bucket.SetLimit(min(l.bucket.Limit()*recovery, l.most))
}

// current is the rate in force.
func (l *limiter) current() float64 { return float64(l.bucket.Limit()) }

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
