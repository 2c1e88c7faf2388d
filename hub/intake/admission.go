package intake

import (
	"container/list"
	"sync"
)

// admission lets a bounded number of clusters send a snapshot at a time, first
// come, first served. A session holds one ticket at most, so that a cluster of
// many kinds does not stand in the queue many times.
type admission struct {
	mu      sync.Mutex
	free    int
	waiting *list.List // of *ticket
}

// ticket is a place in the queue, and then the right to send one snapshot.
type ticket struct {
	// ready is closed when the ticket is admitted.
	ready chan struct{}
	place *list.Element // nil: admitted or returned
	held  bool
}

func newAdmission(slots int) *admission {
	return &admission{free: slots, waiting: list.New()}
}

// ask takes a place in the queue.
func (a *admission) ask() *ticket {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := &ticket{ready: make(chan struct{})}
	if a.free > 0 {
		a.free--
		t.held = true
		close(t.ready)
		return t
	}
	t.place = a.waiting.PushBack(t)
	return t
}

// give returns a ticket, whether it was admitted or not. A second return does
// nothing.
func (a *admission) give(t *ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.place != nil {
		a.waiting.Remove(t.place)
		t.place = nil
		return
	}
	if !t.held {
		return
	}
	t.held = false
	front := a.waiting.Front()
	if front == nil {
		a.free++
		return
	}
	next := a.waiting.Remove(front).(*ticket)
	next.place = nil
	next.held = true
	close(next.ready)
}

// queued returns how many tickets wait.
func (a *admission) queued() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waiting.Len()
}
