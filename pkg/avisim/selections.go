package avisim

import (
	"slices"
	"sort"
	"sync"
)

// selections remembers what queries found, and keeps it true: a write looks
// only at whether the object that it concerns is still, or now, what each
// query asks for. So a page costs no more with many objects than with few,
// also after a write.
//
// Readers share the store's lock and so need one for the map; writers have the
// store to themselves.
type selections struct {
	mu     sync.Mutex
	byType map[*objectType]map[string]*selection
}

func newSelections() *selections {
	return &selections{byType: map[*objectType]map[string]*selection{}}
}

// selection is the answer to one query: the objects in order of creation.
type selection struct {
	match func(*object) bool
	objs  []*object
	// volatile ones depend on other objects too, or on another order: they are
	// good for as long as nothing is written.
	volatile bool
	writes   uint64
}

// maxSelections is how many are remembered for a type.
const maxSelections = 32

func (sl *selections) get(t *objectType, key string, writes uint64) *selection {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	s := sl.byType[t][key]
	if s == nil || s.volatile && s.writes != writes {
		return nil
	}
	return s
}

func (sl *selections) put(t *objectType, key string, s *selection) {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	if sl.byType[t] == nil || len(sl.byType[t]) >= maxSelections {
		sl.byType[t] = map[string]*selection{}
	}
	sl.byType[t][key] = s
}

// clear forgets all.
func (sl *selections) clear() {
	sl.mu.Lock()
	defer sl.mu.Unlock()
	clear(sl.byType)
}

// shapesRights are the types whose objects decide what a user may see.
var shapesRights = map[string]bool{"User": true, "Role": true, "Tenant": true}

// changed brings the selections up to date with an object that was written.
func (sl *selections) changed(o *object) {
	if shapesRights[o.t.name] {
		sl.clear()
		return
	}
	for _, s := range sl.byType[o.t] {
		if s.volatile {
			continue
		}
		i, there := s.find(o)
		switch wanted := s.match(o); {
		case wanted && !there:
			s.objs = slices.Insert(s.objs, i, o)
		case !wanted && there:
			s.objs = slices.Delete(s.objs, i, i+1)
		}
	}
}

// removed takes an object out of the selections.
func (sl *selections) removed(o *object) {
	if shapesRights[o.t.name] {
		sl.clear()
		return
	}
	for _, s := range sl.byType[o.t] {
		if s.volatile {
			continue
		}
		if i, there := s.find(o); there {
			s.objs = slices.Delete(s.objs, i, i+1)
		}
	}
}

// find says where the object is, or would be.
func (s *selection) find(o *object) (int, bool) {
	n := len(s.objs)
	if n == 0 || s.objs[n-1].seq < o.seq {
		return n, false // the newest: no need to search
	}
	i := sort.Search(n, func(i int) bool { return s.objs[i].seq >= o.seq })
	return i, i < n && s.objs[i] == o
}
