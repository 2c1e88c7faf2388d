package avisim

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// connections are those of the servers that the simulator runs itself.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func newConnections() *connections { return &connections{open: map[net.Conn]struct{}{}} }

// track is an http.Server's ConnState.
func (cs *connections) track(c net.Conn, state http.ConnState) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	switch state {
	case http.StateNew:
		cs.open[c] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(cs.open, c)
	}
}

// connKey is where a request's context has its connection.
type connKey struct{}

// drop closes all connections but the one that the context is of.
func (cs *connections) drop(ctx context.Context) {
	keep, _ := ctx.Value(connKey{}).(net.Conn)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		if c != keep {
			_ = c.Close() // it is to be broken; how it ends doesn't matter
		}
	}
}

// ChangeLeader does what a fail-over does: open connections are cut (what was
// under way on them is carried out or not, and not answered), every login is
// forgotten, and the cluster's runtime shows a leader that just came up.
func (s *Simulator) ChangeLeader() { s.changeLeader(context.Background()) }

func (s *Simulator) changeLeader(ctx context.Context) {
	now := s.opts.Now()
	s.leader.Store(&now)
	s.leaders.Add(1)
	s.sessions.expire()
	s.connections.drop(ctx)
}

// SetClusterState fixes what the cluster's runtime shows as its state, e.g.
// "CLUSTER_UP_HA_COMPROMISED" or "CLUSTER_STARTING"; "" is
// CLUSTER_UP_NO_HA.
func (s *Simulator) SetClusterState(state string) { s.cluster.Store(&state) }
