package parity

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/akohub/akohub/test/cluster"
)

// poolSize is how many API servers there are, and so how many scenarios run at
// the same time (see also -parallel). They take 300 MB each.
const poolSize = 2

// pool lends API servers. Scenarios use the same namespaces and names, so each
// needs one for itself, and leaves it as it was.
var pool struct {
	once     sync.Once
	clusters []*cluster.Cluster
	free     chan *cluster.Cluster
	err      error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, c := range pool.clusters {
		if err := c.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// borrow lends a clean API server until the test ends; the first call starts
// them all.
func borrow(t *testing.T) *cluster.Cluster {
	t.Helper()
	pool.once.Do(func() {
		pool.clusters, pool.err = cluster.StartN(context.Background(), poolSize, cluster.Options{Name: "parity"})
		pool.free = make(chan *cluster.Cluster, poolSize)
		for _, c := range pool.clusters {
			if pool.err == nil {
				pool.err = c.InstallCRDs(context.Background(), "crds")
			}
			pool.free <- c
		}
	})
	if pool.err != nil {
		t.Fatal(pool.err)
	}
	c := <-pool.free
	t.Cleanup(func() {
		// The test's context has ended by now.
		if err := clean(context.Background(), c); err != nil {
			t.Errorf("cleaning the API server: %v", err)
		}
		pool.free <- c
	})
	return c
}
