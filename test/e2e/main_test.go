package e2e

import (
	"os"
	"testing"

	"github.com/akohub/akohub/test/cluster"
)

// clusters are shared by all tests, one after the other; each starts with
// nothing to balance in them, see newWorld.
var clusters []*cluster.Cluster

func TestMain(m *testing.M) {
	os.Exit(cluster.Run(m, 2, cluster.Options{Name: "e2e"}, func(cs []*cluster.Cluster) { clusters = cs }))
}
