package mirror

import (
	"cmp"
	"slices"
)

// Change says that an object is not as it was when the dirty set was last
// taken. It does not say how it is now: the view does.
type Change struct {
	// Ref is the object. With an empty Name it is the kind as a whole, which
	// has become synced, or is known to be absent.
	Ref Ref
	// BodyChanged: anything that translation may read has changed, or the
	// object came or went, or is another one of the same name.
	BodyChanged bool
	// StatusChanged: the load-balancer status or one of the annotations that
	// the hub writes has changed.
	StatusChanged bool
	// Gone: the mirror no longer has the object.
	Gone bool
	// Tombstone: it is gone by its agent's explicit word, not because a
	// snapshot ended without it.
	Tombstone bool
}

// dirt is what the dirty set keeps of an object.
type dirt struct {
	body, status bool
	// tombstone is about the last removal.
	tombstone bool
}

// mark adds to the dirty set. The last mark of an object decides whether it is
// known by a tombstone to be gone.
func (m *Mirror) mark(ref Ref, d dirt) {
	if !d.body && !d.status && ref.Name != "" {
		return
	}
	old := m.dirty[ref]
	m.dirty[ref] = dirt{body: old.body || d.body, status: old.status || d.status, tombstone: d.tombstone}
	select {
	case m.changes <- struct{}{}:
	default:
	}
}

// Changes is signalled when the dirty set is not empty. One signal may stand
// for many changes, and a signal may come late: TakeDirty says what there is.
func (m *Mirror) Changes() <-chan struct{} { return m.changes }

// TakeDirty empties the dirty set and returns what was in it, sorted by kind,
// namespace and name.
func (m *Mirror) TakeDirty() []Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.dirty) == 0 {
		return nil
	}
	out := make([]Change, 0, len(m.dirty))
	for ref, d := range m.dirty {
		c := Change{Ref: ref, BodyChanged: d.body, StatusChanged: d.status}
		if ref.Name != "" {
			_, here := m.kinds[ref.Kind].stamps[key{ref.Namespace, ref.Name}]
			c.Gone = !here
			c.Tombstone = !here && d.tombstone
		}
		out = append(out, c)
	}
	// A new map, because the old one may have grown large once and would not
	// shrink.
	m.dirty = make(map[Ref]dirt)
	slices.SortFunc(out, func(a, b Change) int { return compareRefs(a.Ref, b.Ref) })
	return out
}

func compareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
