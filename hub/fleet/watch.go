package fleet

import (
	"sort"
	"sync"
)

// Watch tells one reader which clusters' registrations changed. Names pile up
// as a set, so a slow reader costs nothing and misses nothing; what is in
// force is asked of the Fleet.
type Watch struct {
	fleet *Fleet
	c     chan struct{}

	mu    sync.Mutex
	names map[string]struct{}
}

// Watch returns a new Watch. Every registered cluster counts as changed at
// first.
func (f *Fleet) Watch() *Watch {
	w := &Watch{fleet: f, c: make(chan struct{}, 1), names: map[string]struct{}{}}
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.byName {
		w.names[name] = struct{}{}
	}
	if len(w.names) > 0 {
		w.c <- struct{}{}
	}
	f.watches[w] = struct{}{}
	return w
}

// C is signalled when Take has something to give. It is never closed.
func (w *Watch) C() <-chan struct{} { return w.c }

// Take returns the names that were added, changed or removed since the last
// call, sorted. Fleet.Get says what became of them.
func (w *Watch) Take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]string, 0, len(w.names))
	for n := range w.names {
		out = append(out, n)
	}
	clear(w.names)
	sort.Strings(out)
	return out
}

// Close ends the watch.
func (w *Watch) Close() {
	w.fleet.mu.Lock()
	defer w.fleet.mu.Unlock()
	delete(w.fleet.watches, w)
}

func (w *Watch) mark(names []string) {
	w.mu.Lock()
	for _, n := range names {
		w.names[n] = struct{}{}
	}
	w.mu.Unlock()
	select {
	case w.c <- struct{}{}:
	default: // it has yet to be seen
	}
}
