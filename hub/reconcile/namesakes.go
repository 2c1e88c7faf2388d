package reconcile

import "sync"

// namesakes knows which registrations share a name on a controller: the primary
// and the secondary instances of one cluster, whose marks look alike.
type namesakes struct {
	mu sync.Mutex
	of map[string]objectPrefix
}

type objectPrefix struct{ controller, prefix string }

func newNamesakes() *namesakes { return &namesakes{of: map[string]objectPrefix{}} }

func (n *namesakes) join(cluster, controller, prefix string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.of[cluster] = objectPrefix{controller, prefix}
}

func (n *namesakes) leave(cluster string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.of, cluster)
}

// any says whether another registration has the cluster's name there.
func (n *namesakes) any(cluster string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	own := n.of[cluster]
	for other, p := range n.of {
		if other != cluster && p == own {
			return true
		}
	}
	return false
}
