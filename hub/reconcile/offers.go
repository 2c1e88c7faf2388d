package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/desired"
	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/hub/translate"
	"github.com/akohub/akohub/pkg/kinds"
)

// reasonCollision tells an owner that the name of an Avi object is another's.
const reasonCollision = "NameCollision"

// offers are the objects that units and shared parents want, by owner.
//
// Names on Avi are put together of the names in Kubernetes, so that two units
// can come to the same name for different objects: Service c of namespace a-b
// and Service b-c of namespace a. One of them has it then, the older, and of the
// same age the one whose owner sorts first; the other yields as a whole until
// the name is free, since what it would refer to by that name is not its own.
type offers struct {
	// byKey holds every owner's version of an object.
	byKey map[desired.Key]map[string]*desired.Object
	// owned lists the objects of an owner.
	owned map[string][]desired.Key
	ranks map[string]rank
	// yielded are the units that came too late for a name.
	yielded map[string]collision
}

// rank decides who has a name.
type rank struct {
	// created is in seconds; parents are there before all units.
	created int64
	unit    *translate.UnitKey
}

// collision is a name that an owner would need and another one has.
type collision struct {
	key    desired.Key
	winner []mirror.Ref
	loser  []mirror.Ref
}

func newOffers() offers {
	return offers{
		byKey:   map[desired.Key]map[string]*desired.Object{},
		owned:   map[string][]desired.Key{},
		ranks:   map[string]rank{},
		yielded: map[string]collision{},
	}
}

// age is when the oldest of the Kubernetes objects behind objects was created,
// in seconds.
func age(v mirror.View, objects []translate.Object) int64 {
	oldest := int64(math.MaxInt64)
	seen := map[mirror.Ref]struct{}{}
	for _, o := range objects {
		for _, r := range o.From {
			if _, ok := seen[r]; ok {
				continue
			}
			seen[r] = struct{}{}
			if created, ok := createdOf(v, r); ok {
				oldest = min(oldest, created)
			}
		}
	}
	return oldest
}

// createdOf is when an object was created, in seconds, if it is of a kind that
// stands for something on the controller.
func createdOf(v mirror.View, r mirror.Ref) (int64, bool) {
	switch r.Kind {
	case kinds.Ingress:
		o, ok := v.Ingress(r.Namespace, r.Name)
		return o.Body.GetMeta().GetCreationSeconds(), ok
	case kinds.Service:
		o, ok := v.Service(r.Namespace, r.Name)
		return o.Body.GetMeta().GetCreationSeconds(), ok
	case kinds.Route:
		o, ok := v.Route(r.Namespace, r.Name)
		return o.Body.GetMeta().GetCreationSeconds(), ok
	}
	return 0, false
}

// offer replaces the objects of one owner; unit is nil for a shared parent.
func (m *model) offer(owner string, unit *translate.UnitKey, objects []translate.Object, created int64, d *delta) {
	now := m.convert(owner, objects)
	touched := map[desired.Key]struct{}{}
	for _, k := range m.owned[owner] {
		delete(m.byKey[k], owner)
		touched[k] = struct{}{}
	}
	keys := make([]desired.Key, 0, len(now))
	for _, obj := range now {
		if m.byKey[obj.Key] == nil {
			m.byKey[obj.Key] = map[string]*desired.Object{}
		}
		m.byKey[obj.Key][owner] = obj
		touched[obj.Key] = struct{}{}
		keys = append(keys, obj.Key)
	}
	m.recount = m.recount || !slices.Equal(keys, m.owned[owner])
	m.owned[owner] = keys
	m.ranks[owner] = rank{created: created, unit: unit}
	m.decide(owner, touched, d)
	for k := range touched {
		m.settle(k, d)
	}
	if len(keys) == 0 {
		delete(m.owned, owner)
		delete(m.ranks, owner)
	}
}

// decide finds out who has which name, where an owner's objects have changed.
func (m *model) decide(owner string, touched map[desired.Key]struct{}, d *delta) {
	rivals := map[string]struct{}{}
	for k := range touched {
		for o := range m.byKey[k] {
			if o != owner {
				m.gather(o, rivals)
			}
		}
	}
	_, late := m.yielded[owner]
	if len(rivals) == 0 && !late {
		return
	}
	m.gather(owner, rivals)
	taken := map[desired.Key]string{}
	for _, o := range slices.SortedFunc(maps.Keys(rivals), m.compareOwners) {
		c, yields := m.collides(o, taken)
		if !yields && !m.ownerBarred(o) {
			for _, k := range m.owned[o] {
				taken[k] = o
			}
		}
		m.yield(o, c, yields, touched, d)
	}
}

// gather adds an owner and all with whom it shares a name, over any number of
// others, to a set.
func (m *model) gather(owner string, set map[string]struct{}) {
	if _, ok := set[owner]; ok {
		return
	}
	set[owner] = struct{}{}
	for _, k := range m.owned[owner] {
		for o := range m.byKey[k] {
			m.gather(o, set)
		}
	}
}

// compareOwners orders by who may have a name first.
func (m *model) compareOwners(a, b string) int {
	x, y := m.ranks[a], m.ranks[b]
	if (x.unit == nil) != (y.unit == nil) {
		if x.unit == nil {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(x.created, y.created), cmp.Compare(a, b))
}

// collides says whether an owner wants another object than the one that has its
// name already.
func (m *model) collides(owner string, taken map[desired.Key]string) (collision, bool) {
	if m.ranks[owner].unit == nil {
		// Parents have names of their own form and come first.
		return collision{}, false
	}
	keys := slices.SortedFunc(slices.Values(m.owned[owner]), desired.CompareKeys)
	for _, k := range keys {
		other, ok := taken[k]
		if !ok {
			continue
		}
		mine, its := m.byKey[k][owner], m.byKey[k][other]
		if mine.Hash != its.Hash {
			return collision{key: k, winner: its.From, loser: mine.From}, true
		}
	}
	return collision{}, false
}

// yield notes whether an owner goes without its objects.
func (m *model) yield(owner string, c collision, yields bool, touched map[desired.Key]struct{}, d *delta) {
	old, was := m.yielded[owner]
	for _, refs := range [][]mirror.Ref{old.loser, c.loser} {
		for _, r := range refs {
			d.told[r] = struct{}{}
		}
	}
	if yields {
		m.yielded[owner] = c
	} else {
		delete(m.yielded, owner)
	}
	if was == yields {
		return
	}
	for _, k := range m.owned[owner] {
		touched[k] = struct{}{}
	}
	u := m.ranks[owner].unit
	if u == nil {
		return
	}
	f := m.fragments[*u]
	for _, p := range f.Publications {
		d.told[p.Object] = struct{}{}
	}
	m.withdraw(*u, f.Contributions, d)
	if !m.hasYielded(*u) {
		m.contribute(*u, f.Contributions, d)
	}
}

func (m *model) hasYielded(u translate.UnitKey) bool {
	if m.barred(u) {
		return true
	}
	if len(m.yielded) == 0 {
		return false
	}
	_, ok := m.yielded[unitOwner(u)]
	return ok
}

// settle puts what is wanted under a name into the graph.
func (m *model) settle(k desired.Key, d *delta) {
	var best string
	for o := range m.byKey[k] {
		if _, late := m.yielded[o]; late || m.ownerBarred(o) {
			continue
		}
		if best == "" || m.compareOwners(o, best) < 0 {
			best = o
		}
	}
	if len(m.byKey[k]) == 0 {
		delete(m.byKey, k)
	}
	if best == "" {
		m.remove(k, d)
		return
	}
	m.put(m.byKey[k][best], d)
}

// collisions returns a problem for each name that the units of an object cannot
// have, and for what bars them otherwise.
func (m *model) collisions(ref mirror.Ref) []translate.Problem {
	out := m.barProblems(ref)
	for _, owner := range slices.Sorted(maps.Keys(m.yielded)) {
		c := m.yielded[owner]
		if !slices.Contains(c.loser, ref) {
			continue
		}
		var names []string
		for _, r := range c.winner {
			names = append(names, fmt.Sprintf("%s %s/%s", title(r.Kind), r.Namespace, r.Name))
		}
		by := strings.Join(names, ", ")
		if by == "" {
			by = "the cluster itself"
		}
		out = append(out, translate.Problem{Object: ref, Reason: reasonCollision, Message: fmt.Sprintf(
			"the Avi name %q (%s) belongs to %s already, which comes to the same name: give one of them another name; nothing is made until then",
			c.key.Name, c.key.Type, by)})
	}
	return out
}

// title is a kind as people write it.
func title(kind string) string {
	switch kind {
	case kinds.Ingress:
		return "Ingress"
	case kinds.Service:
		return "Service"
	case kinds.Route:
		return "Route"
	}
	return kind
}
