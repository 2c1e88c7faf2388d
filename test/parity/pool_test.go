package parity

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/akohub/akohub/test/cluster"
)

// kind is what a scenario's API server looks like.
type kind struct {
	// size is how many of them there may be, and so how many of its scenarios
	// run at the same time (see also -parallel). They take 300 MB each.
	size int
	// crds are installed, files or folders.
	crds []string
}

// The value of "cluster" in a config.yaml.
const (
	plain     = "plain"
	openshift = "openshift"
)

// The network plugins' resources are no sign of anything. The Route resource is:
// a cluster that has it is an OpenShift cluster, to the agent's chart as well.
var kinds = map[string]kind{
	plain:     {size: 2, crds: []string{"crds/*.yaml"}},
	openshift: {size: 2, crds: []string{"crds/*.yaml", "crds/openshift/*.yaml"}},
}

// pool lends API servers. Scenarios use the same namespaces and names, so each
// needs one for itself, and leaves it as it was.
type pool struct {
	kind
	name  string
	slots chan struct{} // one taken for each that is lent

	mu      sync.Mutex
	number  int // of those that were begun
	started []*cluster.Cluster
	free    []*cluster.Cluster
}

var pools = makePools()

func makePools() map[string]*pool {
	out := make(map[string]*pool, len(kinds))
	for name, k := range kinds {
		out[name] = &pool{kind: k, name: name, slots: make(chan struct{}, k.size)}
	}
	return out
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, p := range pools {
		for _, c := range p.started {
			if err := c.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = max(code, 1)
			}
		}
	}
	os.Exit(code)
}

// borrow lends a clean API server until the test ends. It is started when none
// is free and there may be one more.
func (p *pool) borrow(t *testing.T) *cluster.Cluster {
	t.Helper()
	p.slots <- struct{}{}
	t.Cleanup(func() { <-p.slots })
	c, err := p.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's context has ended by now.
		if err := clean(context.Background(), c); err != nil {
			t.Errorf("cleaning the API server: %v", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free = append(p.free, c)
	})
	return c
}

// take is an API server that nobody else uses.
func (p *pool) take(ctx context.Context) (*cluster.Cluster, error) {
	p.mu.Lock()
	if last := len(p.free) - 1; last >= 0 {
		defer p.mu.Unlock()
		c := p.free[last]
		p.free = p.free[:last]
		return c, nil
	}
	p.number++
	name := fmt.Sprintf("parity-%s-%d", p.name, p.number)
	p.mu.Unlock()
	c, err := cluster.Start(ctx, cluster.Options{Name: name})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.started = append(p.started, c)
	p.mu.Unlock()
	var crds []string
	for _, pattern := range p.crds {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		crds = append(crds, found...)
	}
	return c, c.InstallCRDs(ctx, crds...)
}
