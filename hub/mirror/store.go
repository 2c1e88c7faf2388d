package mirror

import (
	"cmp"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"
)

type message = proto.Message

// key names an object within its kind.
type key struct {
	namespace string
	name      string
}

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
}

func compareObjects[T any](a, b Object[T]) int {
	return cmp.Or(cmp.Compare(a.Ref.Namespace, b.Ref.Namespace), cmp.Compare(a.Ref.Name, b.Ref.Name))
}

// table is a store whose type of body does not matter.
type table interface {
	// accepts says whether a body is of the table's type.
	accepts(body message) bool
	// put adds or replaces an object; a nil body removes it.
	put(k key, uid string, body message)
	// body returns the body of an object, or nil.
	body(k key) message
	// bulk announces many changes.
	bulk()
}

// store keeps the objects of one kind that have a body of type T.
type store[T message] struct {
	kind    string
	objects map[key]Object[T]
	indexes []*index[T]

	// sorted is made by the first reader that wants it, and from then on kept
	// in order by writers, until a bulk change makes sorting again cheaper.
	sortMu sync.Mutex
	sorted []Object[T]
	valid  bool
}

func (s *store[T]) accepts(body message) bool {
	_, ok := body.(T)
	return ok
}

func (s *store[T]) body(k key) message {
	if o, ok := s.objects[k]; ok {
		return o.Body
	}
	return nil
}

func (s *store[T]) bulk() {
	s.sorted, s.valid = nil, false
}

func (s *store[T]) put(k key, uid string, body message) {
	old, had := s.objects[k]
	typed, has := body.(T)
	if !has {
		if had {
			delete(s.objects, k)
			if s.valid {
				s.sorted = removeSorted(s.sorted, old)
			}
			for _, ix := range s.indexes {
				ix.update(&old, nil)
			}
		}
		return
	}
	obj := Object[T]{Ref: Ref{Kind: s.kind, Namespace: k.namespace, Name: k.name}, UID: uid, Body: typed}
	s.objects[k] = obj
	if s.valid {
		s.sorted = insertSorted(s.sorted, obj)
	}
	oldp := &old
	if !had {
		oldp = nil
	}
	for _, ix := range s.indexes {
		ix.update(oldp, &obj)
	}
}

func (s *store[T]) get(namespace, name string) (Object[T], bool) {
	o, ok := s.objects[key{namespace, name}]
	return o, ok
}

// list returns all objects, sorted. Writers are kept out by the mirror's lock;
// readers that come at the same time take turns in sorting.
func (s *store[T]) list() []Object[T] {
	s.sortMu.Lock()
	defer s.sortMu.Unlock()
	if !s.valid {
		s.sorted = make([]Object[T], 0, len(s.objects))
		for _, o := range s.objects {
			s.sorted = append(s.sorted, o)
		}
		slices.SortFunc(s.sorted, compareObjects)
		s.valid = true
	}
	return slices.Clip(s.sorted)
}

// index finds objects by values computed from them; each list is sorted.
type index[T message] struct {
	values func(Object[T]) []string
	lists  map[string][]Object[T]
}

func newIndex[T message](values func(Object[T]) []string) *index[T] {
	return &index[T]{values: values, lists: make(map[string][]Object[T])}
}

func (ix *index[T]) update(old, cur *Object[T]) {
	var keep []string
	if cur != nil {
		keep = ix.values(*cur)
		for _, v := range keep {
			ix.lists[v] = insertSorted(ix.lists[v], *cur)
		}
	}
	if old == nil {
		return
	}
	for _, v := range ix.values(*old) {
		if slices.Contains(keep, v) {
			continue
		}
		if list := removeSorted(ix.lists[v], *old); len(list) > 0 {
			ix.lists[v] = list
		} else {
			delete(ix.lists, v)
		}
	}
}

func (ix *index[T]) find(value string) []Object[T] {
	return slices.Clip(ix.lists[value])
}

// insertSorted puts an object in its place, over an older one of the same key.
func insertSorted[T any](list []Object[T], o Object[T]) []Object[T] {
	i, found := slices.BinarySearchFunc(list, o, compareObjects)
	if found {
		list[i] = o
		return list
	}
	return slices.Insert(list, i, o)
}

func removeSorted[T any](list []Object[T], o Object[T]) []Object[T] {
	if i, found := slices.BinarySearchFunc(list, o, compareObjects); found {
		return slices.Delete(list, i, i+1)
	}
	return list
}
