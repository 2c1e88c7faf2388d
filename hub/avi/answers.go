package avi

import (
	"context"
	"maps"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// answersFor is how long an answer serves others that ask the same: the
	// clusters of a controller, whose refreshes come within that time of each
	// other.
	answersFor = 2 * time.Minute
	// answersKept is how long one serves those who may not ask themselves, as
	// the user's roles differ between tenants.
	answersKept = 15 * time.Minute
)

// Answers are what a controller said of things that are the same for many of its
// clusters: of itself, of its clouds, of who has objects in which tenant. They
// save requests; nothing is written by them without having been read again.
//
// What is asked for at the same time is asked once. Errors are kept only where
// they are answers. A nil *Answers keeps nothing. It is safe for concurrent use.
type Answers struct {
	now    func() time.Time
	flight singleflight.Group

	mu   sync.Mutex
	kept map[string]answer
}

type answer struct {
	value any
	asked time.Time
}

// NewAnswers returns Answers without any, by a clock; nil: time.Now.
func NewAnswers(now func() time.Time) *Answers {
	if now == nil {
		now = time.Now
	}
	return &Answers{now: now, kept: map[string]answer{}}
}

// recent returns an answer to what was asked less than a time ago.
func (a *Answers) recent(key string, within time.Duration) (any, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	x, ok := a.kept[key]
	return x.value, ok && a.now().Sub(x.asked) < within
}

// keep notes an answer to what was asked at a time, and forgets those of no more
// use.
func (a *Answers) keep(key string, value any, asked time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	maps.DeleteFunc(a.kept, func(_ string, x answer) bool { return now.Sub(x.asked) >= answersKept })
	a.kept[key] = answer{value, asked}
}

// shared returns a recent answer to a question, or asks. What it returns is
// others', too, and must not be changed. worth says whether an answer is to be
// kept.
func shared[T any](ctx context.Context, a *Answers, key string, within time.Duration, worth func(T) bool, ask func(context.Context) (T, error)) (T, error) {
	if a == nil {
		return ask(ctx)
	}
	if v, ok := a.recent(key, within); ok {
		out, _ := v.(T)
		return out, nil
	}
	mine := false
	done := a.flight.DoChan(key, func() (any, error) {
		mine = true
		asked := a.now()
		out, err := ask(ctx)
		if err == nil && worth(out) {
			a.keep(key, out, asked)
		}
		return out, err
	})
	var out T
	var err error
	select {
	case r := <-done:
		out, _ = r.Val.(T)
		err = r.Err
	case <-ctx.Done():
		return out, &Error{Class: Canceled, Op: "waiting for an answer", Err: ctx.Err()}
	}
	if err != nil && !mine && (ClassOf(err) == Canceled || forbidden(err) || ClassOf(err) == NoTenant) {
		// That was who asked, and not what was asked.
		out, err = ask(ctx)
	}
	if forbidden(err) {
		if v, ok := a.recent(key, answersKept); ok {
			out, _ = v.(T)
			return out, nil
		}
	}
	return out, err
}

func anyAnswer[T any](T) bool { return true }

// question is the key of what is asked.
func question(tenant, path string, query url.Values) string {
	return tenant + "\x00" + path + "?" + query.Encode()
}
