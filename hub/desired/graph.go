package desired

import "slices"

// Graph is the set of wanted objects of a cluster. It is not safe for
// concurrent use: the tenant's one worker owns it.
type Graph struct {
	objects map[Key]*Object
	sorted  []*Object // nil after a change
}

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{objects: map[Key]*Object{}} }

// Put adds an object or replaces the one of the same key. It reports whether
// the content changed; an object that is equal but for the Kubernetes objects
// behind it is replaced without being a change.
func (g *Graph) Put(o *Object) (changed bool) {
	old, ok := g.objects[o.Key]
	if ok && old == o {
		return false
	}
	g.objects[o.Key] = o
	g.sorted = nil
	return !ok || old.Hash != o.Hash
}

// Remove takes an object out and reports whether it was there.
func (g *Graph) Remove(k Key) bool {
	if _, ok := g.objects[k]; !ok {
		return false
	}
	delete(g.objects, k)
	g.sorted = nil
	return true
}

// Get returns the object of a key.
func (g *Graph) Get(k Key) (*Object, bool) {
	o, ok := g.objects[k]
	return o, ok
}

// All returns the objects, sorted by key. The slice is shared: it must not be
// changed, and stays as it is when the graph changes.
func (g *Graph) All() []*Object {
	if g.sorted == nil {
		g.sorted = make([]*Object, 0, len(g.objects))
		for _, o := range g.objects {
			g.sorted = append(g.sorted, o)
		}
		slices.SortFunc(g.sorted, func(a, b *Object) int { return CompareKeys(a.Key, b.Key) })
	}
	return g.sorted
}

// Len returns the number of objects.
func (g *Graph) Len() int { return len(g.objects) }
