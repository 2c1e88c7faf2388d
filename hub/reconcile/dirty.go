package reconcile

import (
	"slices"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/kinds"
)

// maxPending bounds the changes that wait for a group of units that cannot be
// translated. Beyond it the whole group is looked at when it can be.
const maxPending = 50_000

// translate takes over what became dirty, as far as the kinds that it depends
// on are complete; the rest stays pending.
func (w *worker) translate() {
	w.takeDirty()
	var waits []string
	var open []group
	w.mirror.Read(func(v mirror.View) {
		w.takeRoutes(v)
		for _, g := range groups {
			if miss := missing(v, g, &w.model.settings); len(miss) > 0 {
				waits = append(waits, miss...)
				continue
			}
			open = append(open, g)
		}
		if w.asked == nil && v.Synced(kinds.Namespace) {
			w.asked = translate.NamespaceTenants(v, &w.model.settings)
		}
		for _, g := range open {
			w.advanceGroup(v, g)
		}
	})
	complete := !slices.ContainsFunc(groups, func(g group) bool {
		return g != groupRoutes && !slices.Contains(open, g)
	})
	if complete && !w.complete {
		// What had to be kept as unknown is known now.
		w.full = true
	}
	w.complete = complete
	w.noteWaits(waits)
}

// takeDirty moves the mirror's dirty set to what is pending for each group.
func (w *worker) takeDirty() {
	for _, c := range w.mirror.TakeDirty() {
		if c.Ref.Name == "" {
			// A kind is complete now: its objects' changes were marked by
			// themselves.
			continue
		}
		w.news[c.Ref] = struct{}{}
		if !c.BodyChanged && !c.Gone {
			continue
		}
		if c.Ref.Kind == kinds.Namespace {
			w.asked = nil
		}
		for _, g := range groups {
			w.postpone(g, c)
		}
	}
}

func (w *worker) postpone(g group, c mirror.Change) {
	p := w.pending[g]
	if p == nil {
		p = map[mirror.Ref]mirror.Change{}
		w.pending[g] = p
	}
	if old, ok := p[c.Ref]; ok {
		c = merge(old, c)
	}
	p[c.Ref] = c
	if len(p) > maxPending {
		delete(w.pending, g)
		w.opened[g] = false
	}
}

// merge joins two changes of one object that were not handled yet. An object
// that went unseen at any time is not known to have been taken away.
func merge(a, b mirror.Change) mirror.Change {
	b.BodyChanged = a.BodyChanged || b.BodyChanged
	b.StatusChanged = a.StatusChanged || b.StatusChanged
	if b.Gone && a.Gone {
		b.Tombstone = a.Tombstone || b.Tombstone
	}
	return b
}

// advanceGroup translates what is dirty of a group whose kinds are complete, or
// all of it if that was not done yet.
func (w *worker) advanceGroup(v mirror.View, g group) {
	if w.opened[g] {
		implicit, explicit := w.dirtyUnits(v, g)
		w.update(v, implicit, false)
		w.update(v, explicit, true)
		w.pending[g] = emptied(w.pending[g])
		return
	}
	units := map[translate.UnitKey]struct{}{}
	for _, u := range translate.AllUnits(v, &w.model.settings) {
		if groupOf(u.Kind) == g {
			units[u] = struct{}{}
		}
	}
	for u := range w.model.fragments {
		if groupOf(u.Kind) == g {
			units[u] = struct{}{}
		}
	}
	w.update(v, sortedUnits(units), false)
	w.pending[g] = emptied(w.pending[g])
	w.opened[g] = true
	w.full = true
	w.lookAtMarked(v, g)
}

func (w *worker) update(v mirror.View, units []translate.UnitKey, explicit bool) {
	if len(units) == 0 {
		return
	}
	d := newDelta()
	w.model.update(v, units, d)
	w.takeDelta(d, explicit)
}

// takeDelta notes what has to be planned and told after an update of the model.
func (w *worker) takeDelta(d *delta, explicit bool) {
	w.changed = w.changed || len(d.keys) > 0 || d.edits
	for k := range d.keys {
		w.undone[k] = struct{}{}
		// Another content may be taken.
		delete(w.failed, k)
		delete(w.refused, k)
		_, wanted := w.model.graph.Get(k)
		_, spared := d.spared[k]
		if explicit && !wanted && !spared && w.observed[k] != nil {
			w.explicit[k] = struct{}{}
		} else {
			delete(w.explicit, k)
		}
	}
	for ref := range d.told {
		w.news[ref], w.told[ref] = struct{}{}, struct{}{}
	}
	w.edits = w.edits || d.edits
	if d.unserved {
		// What may be deleted has changed.
		w.full = true
	}
}

// dirtyUnits sorts the units that pending changes make dirty into those whose
// objects may vanish only with the brake on (something is gone without having
// been seen to go) and the others.
func (w *worker) dirtyUnits(v mirror.View, g group) (implicit, explicit []translate.UnitKey) {
	isImplicit := map[translate.UnitKey]bool{}
	set := map[translate.UnitKey]struct{}{}
	for ref, c := range w.pending[g] {
		for _, u := range w.model.affected(v, ref) {
			if groupOf(u.Kind) != g {
				continue
			}
			set[u] = struct{}{}
			if c.Gone && !c.Tombstone {
				isImplicit[u] = true
			}
		}
	}
	for _, u := range sortedUnits(set) {
		if isImplicit[u] {
			implicit = append(implicit, u)
		} else {
			explicit = append(explicit, u)
		}
	}
	return implicit, explicit
}

// noteWaits keeps for people which kinds are waited for.
func (w *worker) noteWaits(waits []string) {
	slices.Sort(waits)
	waits = slices.Compact(waits)
	w.mu.Lock()
	w.status.Waits = waits
	w.mu.Unlock()
}

// emptied empties a map. One that was large is replaced, since looking at it
// costs as much as it once held.
func emptied[K comparable, V any](m map[K]V) map[K]V {
	if m == nil || len(m) > 64 {
		return map[K]V{}
	}
	clear(m)
	return m
}
