package plan

import (
	"container/heap"
	"slices"

	"github.com/akohub/akohub/hub/desired"
)

// rank orders types so that what is referred to comes first, as AKO writes
// them (avi-rest.md §3). It only breaks ties: references decide.
var rank = map[string]int{
	"vsvip":                         0,
	"pkiprofile":                    1,
	"sslkeyandcertificate":          2,
	"applicationpersistenceprofile": 3,
	"pool":                          4,
	"poolgroup":                     5,
	"stringgroup":                   6,
	"httppolicyset":                 7,
	"l4policyset":                   8,
	"vsdatascriptset":               9,
	"virtualservice":                10,
}

const lastRank = 11

// urgentBy puts a deletion before the others and after all that is made.
const urgentBy = 50

// priority is where a step goes when its dependencies leave the choice: edits
// of shared objects first, since new virtual services wait for them; changes of
// pool members before new objects (decision 5); deletions last, referrers first.
func priority(s *Step) int {
	r, ok := rank[s.Key.Type]
	if !ok {
		r = lastRank
	}
	switch {
	case s.Op == Edit:
		return 0
	case s.Op == Update && s.Key.Type == "pool":
		return 1
	case s.Op == Delete:
		return 100 - r
	}
	return 2 + r
}

// order sorts steps so that each comes after those it depends on, and says so
// in After.
//
// A step depends only on what Avi would refuse it without: a create or update
// on the creation of what it refers to; the creation of a virtual service also
// on the edit of its service-engine group; a deletion on the updates and
// deletions of what referred to the object, and on the creation of what replaces
// it in another tenant. What needs an address waits for the deletion that gives
// it back (addresses.go). Everything else may run side by side, so that a
// failure stays where it is.
func order(steps map[Key]*Step) []Step {
	nodes := make([]*node, 0, len(steps))
	byKey := make(map[Key]*node, len(steps))
	var edits []*node
	for k, s := range steps {
		n := &node{step: s, priority: priority(s)}
		nodes = append(nodes, n)
		byKey[k] = n
		if s.Op == Edit {
			edits = append(edits, n)
		}
	}
	slices.SortFunc(nodes, compareNodes)
	for _, n := range nodes {
		n.link(byKey, edits)
	}
	urgent := linkAddresses(nodes)
	for n := range urgent {
		if n.step.Op == Delete {
			// Before all other deletions, so that what needs the address follows at
			// once: in between nobody answers to it.
			n.priority -= urgentBy
		}
	}
	moves := movesOf(nodes)
	for _, n := range nodes {
		if !urgent[n] {
			n.linkMoves(byKey, moves)
		}
	}
	return run(nodes)
}

type node struct {
	step     *Step
	priority int
	after    []*node
	before   []*node
	waiting  int
	index    int
	done     bool
}

func compareNodes(a, b *node) int {
	if a.priority != b.priority {
		return a.priority - b.priority
	}
	return desired.CompareKeys(a.step.Key, b.step.Key)
}

func (n *node) mustFollow(m *node) {
	if m == nil || m == n {
		return
	}
	n.after = append(n.after, m)
	m.before = append(m.before, n)
	n.waiting++
}

func (n *node) link(byKey map[Key]*node, edits []*node) {
	s := n.step
	if s.Want != nil {
		for _, ref := range s.Want.Refs {
			if m := byKey[ref]; m != nil && m.step.Op == Create {
				n.mustFollow(m)
			}
		}
		if s.Op == Create {
			for _, e := range edits {
				if DependsOnEdit(s.Want, e.step.Key) {
					n.mustFollow(e)
				}
			}
		}
	}
	if s.Have == nil || s.Op == Edit {
		return
	}
	for _, ref := range s.Have.refsOf(nil) {
		if m := byKey[ref]; m != nil && m.step.Op == Delete {
			m.mustFollow(n)
		}
	}
}

// linkMoves has a step wait for what replaces, in another tenant, the object
// that it deletes or ceases to refer to.
func (n *node) linkMoves(byKey map[Key]*node, moves moves) {
	switch s := n.step; s.Op {
	case Delete:
		moves.first(n, s.Key)
	case Update:
		for _, ref := range s.Have.refsOf(nil) {
			if m := byKey[ref]; m != nil && m.step.Op == Delete {
				moves.first(n, ref)
			}
		}
	}
}

// run is Kahn's algorithm. Objects never refer to each other in a circle; if
// they seemed to, the circle is broken at its first step rather than lost.
func run(nodes []*node) []Step {
	ready := &queue{}
	for _, n := range nodes {
		if n.waiting == 0 {
			heap.Push(ready, n)
		}
	}
	out := make([]Step, 0, len(nodes))
	for len(out) < len(nodes) {
		if ready.Len() == 0 {
			i := slices.IndexFunc(nodes, func(n *node) bool { return !n.done })
			nodes[i].waiting = 0
			heap.Push(ready, nodes[i])
		}
		n, _ := heap.Pop(ready).(*node)
		if n.done {
			continue
		}
		n.done = true
		n.index = len(out)
		s := *n.step
		s.After = nil
		for _, m := range n.after {
			if m.done && m != n {
				s.After = append(s.After, m.index)
			}
		}
		slices.Sort(s.After)
		s.After = slices.Compact(s.After)
		out = append(out, s)
		for _, m := range n.before {
			if m.waiting--; m.waiting == 0 && !m.done {
				heap.Push(ready, m)
			}
		}
	}
	return out
}

// queue is a heap of nodes that can run.
type queue []*node

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return compareNodes(q[i], q[j]) < 0 }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any) {
	if n, ok := x.(*node); ok {
		*q = append(*q, n)
	}
}
func (q *queue) Pop() any {
	old := *q
	n := old[len(old)-1]
	*q = old[:len(old)-1]
	return n
}
