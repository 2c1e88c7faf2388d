package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/kinds"
)

// model is the outcome of translation for one cluster, kept so that a change is
// translated alone: fragments by unit, who depends on what, shared parents and
// their contributions, and the graph of wanted objects.
//
// It belongs to one worker and is not safe for concurrent use.
type model struct {
	settings  translate.Settings
	fragments map[translate.UnitKey]translate.Fragment
	// users lists the units that looked at an object, present or not. A Ref
	// without name stands for a whole kind.
	users map[mirror.Ref]map[translate.UnitKey]struct{}
	// offers holds every owner's version of an object. Two owners may want the
	// same object (the default certificate); the first in order is taken.
	offers map[desired.Key]map[string]*desired.Object
	// owned lists the objects of an owner.
	owned map[string][]desired.Key
	// parents holds the contributions to a shared parent, by unit. A parent is
	// kept, empty, once it has been there: it holds a VIP (l7.md §23.5).
	parents map[translate.ParentKey]map[translate.UnitKey][]translate.Contribution
	// tellers lists the units that publish something about an object or have
	// a problem with it.
	tellers map[mirror.Ref]map[translate.UnitKey]struct{}
	// shown lists the units whose publications rest on an Avi object.
	shown map[desired.Key]map[translate.UnitKey]struct{}
	graph *desired.Graph
}

func newModel(s translate.Settings) *model {
	return &model{
		settings:  s,
		fragments: map[translate.UnitKey]translate.Fragment{},
		users:     map[mirror.Ref]map[translate.UnitKey]struct{}{},
		offers:    map[desired.Key]map[string]*desired.Object{},
		owned:     map[string][]desired.Key{},
		parents:   map[translate.ParentKey]map[translate.UnitKey][]translate.Contribution{},
		tellers:   map[mirror.Ref]map[translate.UnitKey]struct{}{},
		shown:     map[desired.Key]map[translate.UnitKey]struct{}{},
		graph:     desired.NewGraph(),
	}
}

// delta is what an update of the model changed.
type delta struct {
	// keys are the Avi objects that are wanted differently, or no longer.
	keys map[desired.Key]struct{}
	// told are the Kubernetes objects about which something else is to be said.
	told map[mirror.Ref]struct{}
	// edits says that the wanted changes to shared objects are others.
	edits bool
}

func newDelta() *delta {
	return &delta{keys: map[desired.Key]struct{}{}, told: map[mirror.Ref]struct{}{}}
}

// affected returns the units that a change of an object makes dirty: those that
// looked at it, and those that it takes part in now.
func (m *model) affected(v mirror.View, ref mirror.Ref) []translate.UnitKey {
	set := map[translate.UnitKey]struct{}{}
	maps.Copy(set, m.users[ref])
	maps.Copy(set, m.users[mirror.Ref{Kind: ref.Kind}])
	maps.Copy(set, m.users[mirror.Ref{Kind: ref.Kind, Namespace: ref.Namespace}])
	if s, ok := v.EndpointSlice(ref.Namespace, ref.Name); ok && ref.Kind == kinds.EndpointSlice {
		// A unit that looked at a Service's slices did not see a new one.
		maps.Copy(set, m.users[mirror.Ref{Kind: kinds.Service, Namespace: ref.Namespace, Name: s.Body.GetServiceName()}])
	}
	for _, u := range translate.UnitsOf(v, &m.settings, ref) {
		set[u] = struct{}{}
	}
	return sortedUnits(set)
}

// update translates units again and takes over what came out differently.
func (m *model) update(v mirror.View, units []translate.UnitKey, d *delta) error {
	dirty := map[translate.ParentKey]struct{}{}
	for _, u := range units {
		f := translate.Unit(v, &m.settings, u)
		old, had := m.fragments[u]
		if had && reflect.DeepEqual(old, f) {
			continue
		}
		if err := m.replace(u, old, f, dirty, d); err != nil {
			return err
		}
		if idle(v, f) {
			delete(m.fragments, u)
			m.link(u, f.Deps, nil)
		} else {
			m.fragments[u] = f
		}
	}
	return m.assemble(dirty, d)
}

func (m *model) replace(u translate.UnitKey, old, f translate.Fragment, dirty map[translate.ParentKey]struct{}, d *delta) error {
	if err := m.offer(unitOwner(u), f.Objects, d); err != nil {
		return err
	}
	// A unit whose contributions came out the same needs no assembly: an
	// endpoint change touches the unit's own pool and nothing of the parent's.
	if !reflect.DeepEqual(old.Contributions, f.Contributions) {
		for _, c := range old.Contributions {
			delete(m.parents[c.Parent], u)
			dirty[c.Parent] = struct{}{}
		}
		for _, c := range f.Contributions {
			if m.parents[c.Parent] == nil {
				m.parents[c.Parent] = map[translate.UnitKey][]translate.Contribution{}
			}
			m.parents[c.Parent][u] = append(m.parents[c.Parent][u], c)
			dirty[c.Parent] = struct{}{}
		}
	}
	m.link(u, old.Deps, f.Deps)
	m.retell(u, old, f, d)
	if !reflect.DeepEqual(old.Edits, f.Edits) {
		d.edits = true
	}
	return nil
}

// link keeps users in step with a unit's dependencies.
func (m *model) link(u translate.UnitKey, old, now []mirror.Ref) {
	for _, r := range old {
		drop(m.users, r, u)
	}
	for _, r := range now {
		add(m.users, r, u)
	}
}

// retell keeps tellers in step and notes which objects are to be looked at.
func (m *model) retell(u translate.UnitKey, old, now translate.Fragment, d *delta) {
	for _, f := range []translate.Fragment{old, now} {
		for _, p := range f.Publications {
			d.told[p.Object] = struct{}{}
			drop(m.tellers, p.Object, u)
			drop(m.shown, p.VirtualService, u)
			drop(m.shown, p.VsVip, u)
		}
		for _, p := range f.Problems {
			d.told[p.Object] = struct{}{}
			drop(m.tellers, p.Object, u)
		}
	}
	for _, p := range now.Publications {
		add(m.tellers, p.Object, u)
		add(m.shown, p.VirtualService, u)
		add(m.shown, p.VsVip, u)
	}
	for _, p := range now.Problems {
		add(m.tellers, p.Object, u)
	}
}

// retain makes sure that a shared parent exists, with or without contributions.
func (m *model) retain(parents []translate.ParentKey, d *delta) error {
	dirty := map[translate.ParentKey]struct{}{}
	for _, p := range parents {
		if _, ok := m.parents[p]; !ok {
			m.parents[p] = map[translate.UnitKey][]translate.Contribution{}
			dirty[p] = struct{}{}
		}
	}
	return m.assemble(dirty, d)
}

func (m *model) assemble(dirty map[translate.ParentKey]struct{}, d *delta) error {
	parents := slices.SortedFunc(maps.Keys(dirty), func(a, b translate.ParentKey) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name))
	})
	for _, p := range parents {
		var cs []translate.Contribution
		for _, u := range sortedUnits(m.parents[p]) {
			cs = append(cs, m.parents[p][u]...)
		}
		if err := m.offer(parentOwner(p), translate.Assemble(&m.settings, p, cs), d); err != nil {
			return err
		}
	}
	return nil
}

// offer replaces the objects of one owner.
func (m *model) offer(owner string, objects []translate.Object, d *delta) error {
	now := make([]*desired.Object, 0, len(objects))
	for _, o := range objects {
		obj, err := desired.FromTranslate(o)
		if err != nil {
			return fmt.Errorf("%s: %s %q in tenant %q: %w", owner, o.Key.Type, o.Key.Name, o.Key.Tenant, err)
		}
		now = append(now, obj)
	}
	touched := map[desired.Key]struct{}{}
	for _, k := range m.owned[owner] {
		delete(m.offers[k], owner)
		touched[k] = struct{}{}
	}
	keys := make([]desired.Key, 0, len(now))
	for _, obj := range now {
		if m.offers[obj.Key] == nil {
			m.offers[obj.Key] = map[string]*desired.Object{}
		}
		m.offers[obj.Key][owner] = obj
		touched[obj.Key] = struct{}{}
		keys = append(keys, obj.Key)
	}
	if len(keys) == 0 {
		delete(m.owned, owner)
	} else {
		m.owned[owner] = keys
	}
	for k := range touched {
		m.settle(k, d)
	}
	return nil
}

// settle puts the winning offer for an object into the graph.
func (m *model) settle(k desired.Key, d *delta) {
	offers := m.offers[k]
	if len(offers) == 0 {
		delete(m.offers, k)
		if m.graph.Remove(k) {
			d.keys[k] = struct{}{}
		}
		return
	}
	first := slices.Min(slices.Collect(maps.Keys(offers)))
	if m.graph.Put(offers[first]) {
		d.keys[k] = struct{}{}
	}
}

// edits returns the wanted changes to shared objects.
func (m *model) edits() []translate.Edit {
	var out []translate.Edit
	for _, u := range sortedUnits(m.fragments) {
		out = append(out, m.fragments[u].Edits...)
	}
	return out
}

// publications returns what is to be told about an object, in order.
func (m *model) publications(ref mirror.Ref) []translate.Publication {
	var out []translate.Publication
	for _, u := range sortedUnits(m.tellers[ref]) {
		for _, p := range m.fragments[u].Publications {
			if p.Object == ref {
				out = append(out, p)
			}
		}
	}
	return out
}

// problems returns what is wrong with an object, in order and without doubles.
func (m *model) problems(ref mirror.Ref) []translate.Problem {
	var out []translate.Problem
	for _, u := range sortedUnits(m.tellers[ref]) {
		for _, p := range m.fragments[u].Problems {
			if p.Object == ref && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// toldOf adds to told the Kubernetes objects whose status rests on an Avi object.
func (m *model) toldOf(k desired.Key, told map[mirror.Ref]struct{}) {
	for u := range m.shown[k] {
		for _, p := range m.fragments[u].Publications {
			if p.VirtualService == k || p.VsVip == k {
				told[p.Object] = struct{}{}
			}
		}
	}
}

// idle says that a fragment is worth nothing and need not be kept: nothing came
// of it and the object that the unit stands for is gone. Else the number of
// fragments would grow with time.
func idle(v mirror.View, f translate.Fragment) bool {
	if len(f.Objects)+len(f.Contributions)+len(f.Edits)+len(f.Publications)+len(f.Problems) > 0 {
		return false
	}
	for _, r := range f.Deps {
		var there bool
		switch r.Kind {
		case kinds.Ingress:
			_, there = v.Ingress(r.Namespace, r.Name)
		case kinds.Route:
			_, there = v.Route(r.Namespace, r.Name)
		case kinds.Service:
			_, there = v.Service(r.Namespace, r.Name)
		}
		if there {
			return false
		}
	}
	return true
}

func unitOwner(u translate.UnitKey) string {
	return fmt.Sprintf("unit %s %s/%s", u.Kind, u.Namespace, u.Name)
}

func parentOwner(p translate.ParentKey) string {
	return fmt.Sprintf("parent %s/%s", p.Tenant, p.Name)
}

func add[K comparable](m map[K]map[translate.UnitKey]struct{}, k K, u translate.UnitKey) {
	if m[k] == nil {
		m[k] = map[translate.UnitKey]struct{}{}
	}
	m[k][u] = struct{}{}
}

func drop[K comparable](m map[K]map[translate.UnitKey]struct{}, k K, u translate.UnitKey) {
	delete(m[k], u)
	if len(m[k]) == 0 {
		delete(m, k)
	}
}

func sortedUnits[T any](m map[translate.UnitKey]T) []translate.UnitKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b translate.UnitKey) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}
