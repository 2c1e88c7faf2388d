package reconcile

import (
	"cmp"
	"errors"
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
	offers
	bars bars
	// parents holds the contributions to a shared parent, by unit. A parent is
	// kept, empty, once it has been there: it holds a VIP (l7.md §23.5).
	parents map[translate.ParentKey]map[translate.UnitKey][]translate.Contribution
	// redirects are the parents of which a host has been redirected: what does it
	// is kept as the parent is.
	redirects map[translate.ParentKey]struct{}
	// tellers lists the units that publish something about an object or have
	// a problem with it.
	tellers map[mirror.Ref]map[translate.UnitKey]struct{}
	// shown lists the units whose publications rest on an Avi object.
	shown map[desired.Key]map[translate.UnitKey]struct{}
	// editors are the units that change shared objects.
	editors map[translate.UnitKey]struct{}
	// unserved are the units that ask for something that translation does not
	// have yet, or that nobody can have, with the objects that they had before.
	unserved map[translate.UnitKey]map[desired.Key]struct{}
	// unmarked are annotations that were asked for and are to go, with empty
	// values, by object.
	unmarked map[mirror.Ref]map[string]string
	// defects are objects that could not be made, by owner: a fault of
	// translation, not of a user.
	defects map[string]error
	graph   *desired.Graph
	// tenants counts the wanted objects of each tenant, referrers lists the
	// wanted objects that refer to one.
	tenants   map[string]int
	referrers map[desired.Key]map[desired.Key]struct{}
	// recount says that something has changed that limits on numbers are about.
	recount bool
}

func newModel(s translate.Settings) *model {
	return &model{
		settings:  s,
		fragments: map[translate.UnitKey]translate.Fragment{},
		users:     map[mirror.Ref]map[translate.UnitKey]struct{}{},
		offers:    newOffers(),
		bars:      newBars(),
		parents:   map[translate.ParentKey]map[translate.UnitKey][]translate.Contribution{},
		redirects: map[translate.ParentKey]struct{}{},
		tellers:   map[mirror.Ref]map[translate.UnitKey]struct{}{},
		shown:     map[desired.Key]map[translate.UnitKey]struct{}{},
		editors:   map[translate.UnitKey]struct{}{},
		unserved:  map[translate.UnitKey]map[desired.Key]struct{}{},
		unmarked:  map[mirror.Ref]map[string]string{},
		defects:   map[string]error{},
		graph:     desired.NewGraph(),
		tenants:   map[string]int{},
		referrers: map[desired.Key]map[desired.Key]struct{}{},
	}
}

// delta is what an update of the model changed.
type delta struct {
	// keys are the Avi objects that are wanted differently, or no longer.
	keys map[desired.Key]struct{}
	// spared are those of them that are no longer wanted since their unit asks
	// for something that translation does not have yet. They are not known to
	// be unwanted by their owner.
	spared map[desired.Key]struct{}
	// told are the Kubernetes objects about which something else is to be said.
	told map[mirror.Ref]struct{}
	// edits says that the wanted changes to shared objects are others.
	edits bool
	// unserved says that a unit began or ceased to ask for something that
	// translation does not have.
	unserved bool
	// parents are to be assembled again.
	parents map[translate.ParentKey]struct{}
}

func newDelta() *delta {
	return &delta{
		keys: map[desired.Key]struct{}{}, spared: map[desired.Key]struct{}{}, told: map[mirror.Ref]struct{}{},
		parents: map[translate.ParentKey]struct{}{},
	}
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
func (m *model) update(v mirror.View, units []translate.UnitKey, d *delta) {
	for _, u := range units {
		f := translate.Unit(v, &m.settings, u)
		old, had := m.fragments[u]
		if had && reflect.DeepEqual(old, f) {
			continue
		}
		m.replace(v, u, old, f, d)
		if idle(v, f) {
			delete(m.fragments, u)
			m.link(u, f.Deps, nil)
		}
	}
	m.assemble(d)
}

func (m *model) replace(v mirror.View, u translate.UnitKey, old, f translate.Fragment, d *delta) {
	m.fragments[u] = f
	born := m.bars.born[u]
	m.noteBorn(v, u, f)
	m.recount = m.recount || m.bars.born[u] != born
	m.link(u, old.Deps, f.Deps)
	m.retell(u, old, f, d)
	m.unmark(v, u, old.Marks, f.Marks)
	if !reflect.DeepEqual(old.Edits, f.Edits) {
		d.edits = true
		mark(m.editors, u, len(f.Edits) > 0)
	}
	m.noteUnserved(u, f.Held || f.Unserved(), d)
	// A unit whose contributions came out the same needs no assembly: an
	// endpoint change touches the unit's own pool and nothing of the parent's.
	if !reflect.DeepEqual(old.Contributions, f.Contributions) {
		m.withdraw(u, old.Contributions, d)
		if !m.hasYielded(u) {
			m.contribute(u, f.Contributions, d)
		}
	}
	m.offer(unitOwner(u), &u, m.granted(u, f.Objects), age(v, f.Objects), d)
}

// noteUnserved keeps unserved in step. What a unit had before it asked for
// something that translation does not have is spared, until it does so no more.
func (m *model) noteUnserved(u translate.UnitKey, is bool, d *delta) {
	had, was := m.unserved[u]
	d.unserved = d.unserved || is != was
	if !is {
		for k := range had {
			d.keys[k] = struct{}{}
		}
		delete(m.unserved, u)
		return
	}
	if had == nil {
		had = map[desired.Key]struct{}{}
		m.unserved[u] = had
	}
	for _, k := range m.owned[unitOwner(u)] {
		had[k] = struct{}{}
		d.spared[k] = struct{}{}
	}
}

// withdraw takes a unit's contributions from their parents.
func (m *model) withdraw(u translate.UnitKey, cs []translate.Contribution, d *delta) {
	m.recount = m.recount || len(cs) > 0
	for _, c := range cs {
		us, there := m.parents[c.Parent]
		if !there {
			// A unit that was barred never got that far, and what isn't there is not
			// made for what goes.
			continue
		}
		delete(us, u)
		d.parents[c.Parent] = struct{}{}
	}
}

// contribute adds a unit's contributions to their parents.
func (m *model) contribute(u translate.UnitKey, cs []translate.Contribution, d *delta) {
	m.recount = m.recount || len(cs) > 0
	for _, c := range cs {
		if m.parents[c.Parent] == nil {
			m.parents[c.Parent] = map[translate.UnitKey][]translate.Contribution{}
		}
		m.parents[c.Parent][u] = append(m.parents[c.Parent][u], c)
		d.parents[c.Parent] = struct{}{}
	}
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
		for _, x := range f.Marks {
			d.told[x.Object] = struct{}{}
			drop(m.tellers, x.Object, u)
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
	for _, x := range now.Marks {
		add(m.tellers, x.Object, u)
	}
}

// retain makes sure that shared parents exist, with or without contributions,
// and that of redirects go on redirecting.
func (m *model) retain(parents, redirects []translate.ParentKey, d *delta) {
	for _, p := range parents {
		if _, ok := m.parents[p]; !ok {
			m.parents[p] = map[translate.UnitKey][]translate.Contribution{}
			d.parents[p] = struct{}{}
		}
	}
	for _, p := range redirects {
		_, there := m.parents[p]
		if _, ok := m.redirects[p]; there && !ok {
			m.redirects[p] = struct{}{}
			d.parents[p] = struct{}{}
		}
	}
	m.assemble(d)
}

// assemble builds the parents again whose contributions have changed.
func (m *model) assemble(d *delta) {
	for len(d.parents) > 0 {
		parents := slices.SortedFunc(maps.Keys(d.parents), compareParents)
		// A parent may take a name from a unit, whose contributions go then.
		clear(d.parents)
		for _, p := range parents {
			var cs []translate.Contribution
			for _, u := range sortedUnits(m.parents[p]) {
				cs = append(cs, m.parents[p][u]...)
			}
			if slices.ContainsFunc(cs, func(c translate.Contribution) bool { return len(c.RedirectHosts) > 0 }) {
				m.redirects[p] = struct{}{}
			}
			if _, ok := m.redirects[p]; ok {
				cs = append(cs, translate.Contribution{Parent: p, KeepsRedirect: true})
			}
			m.offer(parentOwner(p), nil, translate.Assemble(&m.settings, p, cs), 0, d)
		}
	}
}

// put and remove keep the graph, and what is known by it, in step.
func (m *model) put(o *desired.Object, d *delta) {
	old, had := m.graph.Get(o.Key)
	if had && old == o {
		return
	}
	if had {
		m.unrefer(old)
	} else {
		m.tenants[o.Key.Tenant]++
		m.recount = true
	}
	for _, to := range o.Refs {
		if m.referrers[to] == nil {
			m.referrers[to] = map[desired.Key]struct{}{}
		}
		m.referrers[to][o.Key] = struct{}{}
	}
	if m.graph.Put(o) {
		d.keys[o.Key] = struct{}{}
	}
}

func (m *model) remove(k desired.Key, d *delta) {
	old, had := m.graph.Get(k)
	if !had {
		return
	}
	m.recount = true
	m.unrefer(old)
	if m.tenants[k.Tenant]--; m.tenants[k.Tenant] == 0 {
		delete(m.tenants, k.Tenant)
	}
	m.graph.Remove(k)
	d.keys[k] = struct{}{}
}

func (m *model) unrefer(o *desired.Object) {
	for _, to := range o.Refs {
		delete(m.referrers[to], o.Key)
		if len(m.referrers[to]) == 0 {
			delete(m.referrers, to)
		}
	}
}

// edits returns the wanted changes to shared objects.
func (m *model) edits() []translate.Edit {
	var out []translate.Edit
	for _, u := range sortedUnits(m.editors) {
		out = append(out, m.fragments[u].Edits...)
	}
	return out
}

// defect returns the first of what translation could not make.
func (m *model) defect() error {
	if len(m.defects) == 0 {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(m.defects)))
	return fmt.Errorf("a fault of akohub itself, please report it: %w", m.defects[first])
}

// publications returns what is to be told about an object, in order.
func (m *model) publications(ref mirror.Ref) []translate.Publication {
	var out []translate.Publication
	for _, u := range sortedUnits(m.tellers[ref]) {
		if m.hasYielded(u) {
			continue
		}
		for _, p := range m.fragments[u].Publications {
			if p.Object == ref {
				out = append(out, m.published(u, p))
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
	return append(out, m.collisions(ref)...)
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

// fixedOfVsVip are the fields that stay as they are where another IPAM than
// Avi's has registered the addresses (l4-infra.md §1.5).
var fixedOfVsVip = []string{"vip", "bgp_peer_labels"}

// convert turns what an owner wants into canonical objects. What cannot be is
// left out and noted, so that its siblings go on.
func (m *model) convert(owner string, objects []translate.Object) []*desired.Object {
	out := make([]*desired.Object, 0, len(objects))
	var errs []error
	for _, o := range objects {
		obj, err := desired.FromTranslate(o)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s %q in tenant %q: %w", owner, o.Key.Type, o.Key.Name, o.Key.Tenant, err))
			continue
		}
		if m.settings.FixedVIPs && o.Key.Type == "vsvip" {
			obj.Keep = fixedOfVsVip
		}
		out = append(out, obj)
	}
	if len(errs) > 0 {
		m.defects[owner] = errors.Join(errs...)
	} else {
		delete(m.defects, owner)
	}
	return out
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

func mark[K comparable](m map[K]struct{}, k K, there bool) {
	if there {
		m[k] = struct{}{}
	} else {
		delete(m, k)
	}
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

func compareParents(a, b translate.ParentKey) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name))
}
