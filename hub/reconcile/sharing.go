package reconcile

import (
	"sync"
	"time"

	"github.com/akohub/akohub/hub/avi"
)

// sharing keeps what the clusters of a controller would each ask it for.
type sharing struct {
	now func() time.Time

	mu sync.Mutex
	of map[string]*avi.Answers
}

func newSharing(now func() time.Time) *sharing {
	return &sharing{now: now, of: map[string]*avi.Answers{}}
}

// answers returns those of a controller. Controllers are few, so none is
// forgotten.
func (s *sharing) answers(controller string) *avi.Answers {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.of[controller]
	if a == nil {
		a = avi.NewAnswers(s.now)
		s.of[controller] = a
	}
	return a
}

// clusters counts those on a cluster's controller, itself included.
func (c *claims) clusters(cluster string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	me, n := c.members[cluster], 0
	for _, m := range c.members {
		if me != nil && m.controller == me.controller {
			n++
		}
	}
	return n
}
