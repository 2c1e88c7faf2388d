package server

import (
	"sync"

	"github.com/akohub/akohub/hub/intake"
	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// registry is what intake sees of the registrations: those whose worker runs.
type registry struct {
	mu      sync.Mutex
	byName  map[string]*v1alpha1.Cluster
	changed map[string]chan struct{}
}

func newRegistry() *registry {
	return &registry{byName: map[string]*v1alpha1.Cluster{}, changed: map[string]chan struct{}{}}
}

var _ intake.Registry = (*registry)(nil)

// Lookup implements intake.Registry.
func (r *registry) Lookup(cluster string) (intake.Registration, bool) {
	_, ok := r.get(cluster)
	return intake.Registration{}, ok
}

// Watch implements intake.Registry.
func (r *registry) Watch(cluster string) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.changed[cluster]
	if !ok {
		c = make(chan struct{})
		r.changed[cluster] = c
	}
	return c
}

func (r *registry) get(cluster string) (*v1alpha1.Cluster, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.byName[cluster]
	return c, ok
}

// set notes a registration; nil: it is gone.
func (r *registry) set(cluster string, reg *v1alpha1.Cluster) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reg == nil {
		delete(r.byName, cluster)
	} else {
		r.byName[cluster] = reg
	}
	if c, ok := r.changed[cluster]; ok {
		close(c)
		delete(r.changed, cluster)
	}
}
