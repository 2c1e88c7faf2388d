package reconcile

import (
	"sync"

	"github.com/akohub/akohub/pkg/api/v1alpha1"
)

// namesakes knows which registrations share a name on a controller: the primary
// and the secondary instances of one cluster, whose marks look alike.
type namesakes struct {
	mu sync.Mutex
	of map[string]objectPrefix
}

type objectPrefix struct {
	controller, prefix string
	// leaves says that all that the registration has is being removed.
	leaves bool
}

func newNamesakes() *namesakes { return &namesakes{of: map[string]objectPrefix{}} }

func (n *namesakes) join(cluster, controller string, reg *v1alpha1.Cluster) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.of[cluster] = objectPrefix{controller, reg.ObjectPrefix(), reg.Spec.Mode == v1alpha1.ModeOffboard}
}

func (n *namesakes) leave(cluster string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.of, cluster)
}

// any says whether another registration has the cluster's name there, and keeps
// what it has.
func (n *namesakes) any(cluster string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	own := n.of[cluster]
	for other, p := range n.of {
		if other != cluster && !p.leaves && p.controller == own.controller && p.prefix == own.prefix {
			return true
		}
	}
	return false
}
