package watch

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
)

// store is where a client-go reflector puts what it sees: nowhere but through
// the target. It lives as long as one reflector, and so does its context.
type store struct {
	ctx context.Context //nolint:containedctx // client-go's interface has no room for one
	r   *reflector
}

var _ cache.TransformingStore = (*store)(nil)

// Transformer reduces objects while a list is still arriving, so that no list
// of whole objects is ever held.
func (s *store) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return s.reduce(obj), nil }
}

// reduce returns nil for an object that cannot be reduced: one odd object must
// not stop its kind.
func (s *store) reduce(obj any) *object {
	switch o := obj.(type) {
	case *object:
		return o
	case runtime.Object:
		out, err := s.r.target.transform(o)
		if err == nil {
			return out
		}
		s.r.log.Error("cannot convert object", "error", err)
	}
	return nil
}

func (s *store) Add(obj any) error { return s.Update(obj) }

func (s *store) Update(obj any) error {
	if o := s.reduce(obj); o != nil {
		return s.r.target.upsert(s.ctx, o)
	}
	return nil
}

func (s *store) Delete(obj any) error {
	if o := s.reduce(obj); o != nil {
		return s.r.target.remove(s.ctx, o.key)
	}
	return nil
}

func (s *store) Replace(list []any, _ string) error {
	objs := make([]*object, 0, len(list))
	for i, obj := range list {
		list[i] = nil // the list is ours; let go of what is reduced
		if o := s.reduce(obj); o != nil {
			objs = append(objs, o)
		}
	}
	s.r.troubled, s.r.absent = false, false
	return s.r.target.replace(s.ctx, objs)
}

func (s *store) Resync() error { return nil }
