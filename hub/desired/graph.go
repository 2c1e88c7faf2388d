package desired

import "slices"

// Graph is the set of wanted objects of a cluster. It is not safe for
// concurrent use: the tenant's one worker owns it.
type Graph struct {
	objects map[Key]*Object
	sorted  []*Object        // as it was given out
	touched map[Key]struct{} // keys for which sorted is out of date
}

// NewGraph returns an empty graph.
func NewGraph() *Graph {
	return &Graph{objects: map[Key]*Object{}, touched: map[Key]struct{}{}}
}

// Put adds an object or replaces the one of the same key. It reports whether
// the content changed; an object that is equal but for the Kubernetes objects
// behind it is replaced without being a change.
func (g *Graph) Put(o *Object) (changed bool) {
	old, ok := g.objects[o.Key]
	if ok && old == o {
		return false
	}
	g.objects[o.Key] = o
	g.touched[o.Key] = struct{}{}
	return !ok || old.Hash != o.Hash
}

// Remove takes an object out and reports whether it was there.
func (g *Graph) Remove(k Key) bool {
	if _, ok := g.objects[k]; !ok {
		return false
	}
	delete(g.objects, k)
	g.touched[k] = struct{}{}
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
	if len(g.touched) == 0 {
		return g.sorted
	}
	if len(g.touched) > len(g.objects)/16 {
		g.sorted = make([]*Object, 0, len(g.objects))
		for _, o := range g.objects {
			g.sorted = append(g.sorted, o)
		}
		slices.SortFunc(g.sorted, func(a, b *Object) int { return CompareKeys(a.Key, b.Key) })
	} else {
		g.sorted = g.patched()
	}
	clear(g.touched)
	return g.sorted
}

// patched returns a copy of the sorted list with the few touched keys put
// right: one changed object must not cost a sort of all.
func (g *Graph) patched() []*Object {
	out := slices.Clone(g.sorted)
	for k := range g.touched {
		at, found := slices.BinarySearchFunc(out, k, func(o *Object, k Key) int { return CompareKeys(o.Key, k) })
		o, wanted := g.objects[k]
		switch {
		case found && wanted:
			out[at] = o
		case found:
			out = slices.Delete(out, at, at+1)
		case wanted:
			out = slices.Insert(out, at, o)
		}
	}
	return out
}

// Len returns the number of objects.
func (g *Graph) Len() int { return len(g.objects) }
