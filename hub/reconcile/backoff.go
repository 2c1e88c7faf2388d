package reconcile

import (
	"math/rand/v2"
	"time"
)

// Bounds of the wait before something that failed is tried again.
const (
	backoffFirst = time.Second
	backoffLast  = time.Minute
)

// failure is the standing of something that failed. The zero value is that of
// something that did not.
type failure struct {
	attempts int
	next     time.Time
	err      error
}

// waits says that something failed and has not gone well since.
func (f *failure) waits() bool { return f.attempts > 0 }

// due says that it is time for another attempt.
func (f *failure) due(now time.Time) bool { return !now.Before(f.next) }

// again notes one more failure and sets the time of the next attempt: a random
// time between half and all of a doubling wait, so that what failed together
// does not come back together.
func (f *failure) again(now time.Time, err error) {
	wait := min(backoffFirst<<min(f.attempts, 10), backoffLast)
	f.attempts++
	f.err = err
	f.next = now.Add(wait/2 + rand.N(wait/2+1))
}
