package avi

import (
	"context"
	"sync"
)

// gate bounds the requests in flight and shares them between tenants: whoever
// waits is served in turns, one of each tenant, so that one tenant's storm
// doesn't starve another. Background work goes only when nobody else waits
// (decisions.md, 11).
type gate struct {
	mu     sync.Mutex
	free   int
	queues [2]turns // foreground, background
}

// turns are the waiters of one urgency, a queue a tenant.
type turns struct {
	tenants []string // whose turn it is, in order; only those with waiters
	waiting map[string][]chan struct{}
}

func newGate(n int) *gate {
	g := &gate{free: n}
	for i := range g.queues {
		g.queues[i].waiting = map[string][]chan struct{}{}
	}
	return g
}

type backgroundKey struct{}

// Background marks the requests made under the context as not urgent: a
// refresh that nobody waits for.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

func isBackground(ctx context.Context) bool {
	b, _ := ctx.Value(backgroundKey{}).(bool)
	return b
}

// enter returns when the tenant may make a request; leave must follow.
func (g *gate) enter(ctx context.Context, tenant string) error {
	urgency := 0
	if isBackground(ctx) {
		urgency = 1
	}
	g.mu.Lock()
	if g.free > 0 && (urgency == 0 || len(g.queues[0].tenants) == 0) {
		g.free--
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	g.queues[urgency].add(tenant, turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	removed := g.queues[urgency].remove(tenant, turn)
	g.mu.Unlock()
	if !removed { // the turn came at the same time: pass it on
		g.leave()
	}
	return ctx.Err()
}

// leave lets the next waiter in.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.queues {
		if turn, ok := g.queues[i].next(); ok {
			close(turn)
			return
		}
	}
	g.free++
}

func (t *turns) add(tenant string, turn chan struct{}) {
	if len(t.waiting[tenant]) == 0 {
		t.tenants = append(t.tenants, tenant)
	}
	t.waiting[tenant] = append(t.waiting[tenant], turn)
}

// next takes the first waiter of the tenant whose turn it is, and puts the
// tenant at the end of the line.
func (t *turns) next() (chan struct{}, bool) {
	if len(t.tenants) == 0 {
		return nil, false
	}
	tenant := t.tenants[0]
	t.tenants = t.tenants[1:]
	turn := t.waiting[tenant][0]
	if rest := t.waiting[tenant][1:]; len(rest) > 0 {
		t.waiting[tenant] = rest
		t.tenants = append(t.tenants, tenant)
	} else {
		delete(t.waiting, tenant)
	}
	return turn, true
}

func (t *turns) remove(tenant string, turn chan struct{}) bool {
	for i, w := range t.waiting[tenant] {
		if w != turn {
			continue
		}
		rest := append(append([]chan struct{}{}, t.waiting[tenant][:i]...), t.waiting[tenant][i+1:]...)
		if len(rest) > 0 {
			t.waiting[tenant] = rest
			return true
		}
		delete(t.waiting, tenant)
		for j, name := range t.tenants {
			if name == tenant {
				t.tenants = append(append([]string{}, t.tenants[:j]...), t.tenants[j+1:]...)
				break
			}
		}
		return true
	}
	return false
}
