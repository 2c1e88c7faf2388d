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

// failure is the standing of something that failed.
type failure struct {
	attempts int
	next     time.Time
	err      error
}

// again notes one more failure and sets the time of the next attempt: full
// jitter between half and all of a doubling wait, so that what failed together
// does not come back together.
func (f *failure) again(now time.Time, err error) {
	wait := backoffFirst << min(f.attempts, 10)
	wait = min(wait, backoffLast)
	f.attempts++
	f.err = err
	f.next = now.Add(wait/2 + rand.N(wait/2+1))
}
