package reconcile

import (
	"context"
	"slices"
	"sync"
)

// lanes lets one worker at a time write to an Avi tenant, also where several
// clusters share a tenant.
type lanes struct {
	mu   sync.Mutex
	lane map[string]chan struct{}
}

func newLanes() *lanes { return &lanes{lane: map[string]chan struct{}{}} }

// enter takes the lanes of the tenants of a controller and returns how to leave
// them. Lanes are taken in one order, so that no two workers wait for each other.
func (l *lanes) enter(ctx context.Context, controller string, tenants []string) (leave func(), err error) {
	tenants = slices.Compact(slices.Sorted(slices.Values(tenants)))
	var taken []chan struct{}
	leave = func() {
		for _, c := range taken {
			<-c
		}
	}
	for _, t := range tenants {
		c := l.get(controller + "/" + t)
		select {
		case c <- struct{}{}:
			taken = append(taken, c)
		case <-ctx.Done():
			leave()
			return nil, ctx.Err()
		}
	}
	return leave, nil
}

func (l *lanes) get(name string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.lane[name]
	if !ok {
		c = make(chan struct{}, 1)
		l.lane[name] = c
	}
	return c
}
