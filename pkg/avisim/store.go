package avisim

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// store holds the objects and their indexes. It is not safe for concurrent
// use: the Simulator's lock guards it. No write looks at objects that it
// doesn't concern: names, uuids and referrers are indexes.
type store struct {
	vocab        *vocabulary
	version      string // the controller's release
	now          func() time.Time
	seq          uint64
	writes       uint64 // how often anything changed
	lastModified int64
	serial       map[string]int // how often a name was used, for fresh uuids

	objects map[objectKey]*object
	names   map[nameKey]*object
	twins   map[nameKey][]*object   // those whose name is another's, see object.twin
	lists   map[listKey]*objectList // by type and tenant
	all     map[*objectType]*objectList

	admin        *object // tenant admin
	defaultCloud *object
	ipam         *ipam
	states       map[*object]string            // settable runtime states
	servers      map[*object]map[string]string // those of pools' servers, by address and port
	hosts        map[*object][]string          // those that a vCenter's network is on
	defaults     []*object                     // what came with a cloud or a tenant
	assume       Assumptions
	selections   *selections
	systemLimits *systemLimits // as last read
	journal      *journal      // nil unless a macro is under way
}

type objectKey struct {
	t    *objectType
	uuid string
}

type nameKey struct {
	t             *objectType
	tenant, cloud *object
	name          string
}

type listKey struct {
	t      *objectType
	tenant *object
}

// object is one stored object. Its fields change only under the store's lock.
type object struct {
	t          *objectType
	uuid, name string
	tenant     *object // admin for types that belong to no tenant; its own for admin
	cloud      *object // nil unless cloud-scoped
	body       message
	modified   int64 // microseconds since the epoch
	seq        uint64
	pos        [2]int // in the list of its tenant, and of all tenants

	out     []*object          // what the body refers to, with repeats
	in      map[*object]uint32 // who refers to it, how often
	members int                // for a tenant: how many objects it has

	// seedBody is the body at the start of an object that was seeded; nil for
	// a client's object.
	seedBody message
	// twin objects may have the name of another: networks of a vCenter.
	twin bool
	// auto objects came with a cloud or a tenant, and go with it.
	auto bool
}

func newStore(v *vocabulary, now func() time.Time) *store {
	return &store{
		vocab: v, now: now,
		serial:  map[string]int{},
		objects: map[objectKey]*object{},
		names:   map[nameKey]*object{},
		twins:   map[nameKey][]*object{},
		hosts:   map[*object][]string{},
		lists:   map[listKey]*objectList{},
		all:     map[*objectType]*objectList{},
		ipam:    newIPAM(),
		states:  map[*object]string{},
		servers: map[*object]map[string]string{},

		selections: newSelections(),
	}
}

// visibleTo says whether a tenant may read the object and refer to it.
func (o *object) visibleTo(tenant *object) bool {
	return !o.t.tenanted || o.tenant == tenant || o.t.shared && o.tenant.isAdmin()
}

func (o *object) isAdmin() bool { return o.t.name == "Tenant" && o.uuid == adminUUID }

// adminUUID is the uuid of tenant admin on every controller (avi-rest.md §6).
const adminUUID = "admin"

// tenant finds a tenant by name or uuid.
func (st *store) tenant(nameOrUUID string) *object {
	t := st.vocab.byName["Tenant"]
	if o := st.names[nameKey{t, st.admin, nil, nameOrUUID}]; o != nil {
		return o
	}
	return st.objects[objectKey{t, nameOrUUID}]
}

func (st *store) clouds() []*object {
	return st.list(st.vocab.byName["Cloud"], st.admin).items()
}

func (st *store) cloudNamed(name string) *object {
	return st.names[nameKey{st.vocab.byName["Cloud"], st.admin, nil, name}]
}

func (st *store) list(t *objectType, tenant *object) *objectList {
	return st.lists[listKey{t, tenant}]
}

// stamp is the next _last_modified: the clock's, but never the same twice.
func (st *store) stamp() int64 {
	st.lastModified = max(st.now().UnixMicro(), st.lastModified+1)
	return st.lastModified
}

// newUUID derives a uuid from what the object is called and how often that
// was used before, so that runs repeat whatever the order of writes.
func (st *store) newUUID(o *object) string {
	if o.t.name == "Tenant" && o.name == "admin" {
		return adminUUID
	}
	key := strings.Join([]string{o.t.path, nameOf(o.tenant), nameOf(o.cloud), o.name}, "\x00")
	for {
		n := st.serial[key]
		st.serial[key]++
		sum := sha256.Sum256([]byte(key + "\x00" + strconv.Itoa(n)))
		h := hex.EncodeToString(sum[:16])
		uuid := o.t.path + "-" + h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
		if st.objects[objectKey{o.t, uuid}] == nil {
			return uuid
		}
	}
}

func nameOf(o *object) string {
	if o == nil {
		return ""
	}
	return o.name
}

// insert adds a new object. The caller has made sure that the name is free.
func (st *store) insert(o *object, refs []*object) {
	st.seq++
	o.seq = st.seq
	if o.uuid == "" {
		o.uuid = st.newUUID(o)
	}
	o.modified = st.stamp()
	st.objects[objectKey{o.t, o.uuid}] = o
	st.index(o)
	st.addToLists(o)
	st.link(o, refs)
	o.tenant.members++
	st.selections.changed(o)
	st.undoable(func() { st.remove(o) })
}

// index makes the object known by name; a few types may go without one.
func (st *store) index(o *object) {
	switch {
	case o.twin:
		st.twins[o.nameKey()] = append(st.twins[o.nameKey()], o)
	case o.name != "":
		st.names[o.nameKey()] = o
	}
}

func (st *store) addToLists(o *object) {
	l := st.lists[listKey{o.t, o.tenant}]
	if l == nil {
		l = &objectList{slot: 0}
		st.lists[listKey{o.t, o.tenant}] = l
	}
	l.add(o)
	l = st.all[o.t]
	if l == nil {
		l = &objectList{slot: 1}
		st.all[o.t] = l
	}
	l.add(o)
}

func (o *object) nameKey() nameKey { return nameKey{o.t, o.tenant, o.cloud, o.name} }

// replace gives an object a new body (and name).
func (st *store) replace(o *object, name string, body message, refs []*object) {
	st.undoable(st.undoReplace(o))
	if name != o.name {
		st.unindex(o)
		o.name = name
		st.index(o)
		st.selections.clear() // others may have been asked for by this name
	}
	o.body = body
	o.modified = st.stamp()
	st.unlink(o)
	st.link(o, refs)
	st.selections.changed(o)
}

// remove takes out an object that nobody refers to.
func (st *store) remove(o *object) {
	st.undoable(st.undoRemove(o))
	st.unlink(o)
	delete(st.objects, objectKey{o.t, o.uuid})
	st.unindex(o)
	delete(st.states, o)
	delete(st.servers, o)
	delete(st.hosts, o)
	compact := st.journal == nil // else it may have to come back to its place
	st.lists[listKey{o.t, o.tenant}].remove(o, compact)
	st.all[o.t].remove(o, compact)
	o.tenant.members--
	st.selections.removed(o)
}

func (st *store) unindex(o *object) {
	if st.names[o.nameKey()] == o {
		delete(st.names, o.nameKey())
	}
	if o.twin {
		key := o.nameKey()
		st.twins[key] = slices.DeleteFunc(st.twins[key], func(t *object) bool { return t == o })
		if len(st.twins[key]) == 0 {
			delete(st.twins, key)
		}
	}
}

func (st *store) link(o *object, refs []*object) {
	st.writes++
	o.out = refs
	if o.cloud != nil {
		o.out = append(o.out, o.cloud)
	}
	for _, target := range o.out {
		if target.in == nil {
			target.in = map[*object]uint32{}
		}
		target.in[o]++
	}
}

func (st *store) unlink(o *object) {
	st.writes++
	for _, target := range o.out {
		if target.in[o]--; target.in[o] == 0 {
			delete(target.in, o)
		}
	}
	o.out = nil
}

// referrers are the objects that refer to o, sorted by type and name: except
// itself, and except what came with a cloud and goes with it.
func (o *object) referrers() []*object {
	var out []*object
	for r := range o.in {
		goesAlong := r.auto && r.cloud == o && len(r.in) == 0
		if r != o && !goesAlong {
			out = append(out, r)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.t != b.t {
			return a.t.name < b.t.name
		}
		if a.name != b.name {
			return a.name < b.name
		}
		return a.seq < b.seq
	})
	return out
}

// objectList is a list in order of creation with removal in constant time: a
// removed object leaves a hole, and holes are closed when they are the most.
type objectList struct {
	slot  int // which of an object's positions is this list's
	objs  []*object
	holes int
}

func (l *objectList) add(o *object) {
	o.pos[l.slot] = len(l.objs)
	l.objs = append(l.objs, o)
}

func (l *objectList) putBack(o *object) {
	l.objs[o.pos[l.slot]] = o
	l.holes--
}

func (l *objectList) remove(o *object, compact bool) {
	l.objs[o.pos[l.slot]] = nil
	l.holes++
	if compact && l.holes > 32 && l.holes*2 > len(l.objs) {
		kept := l.objs[:0]
		for _, o := range l.objs {
			if o != nil {
				o.pos[l.slot] = len(kept)
				kept = append(kept, o)
			}
		}
		clear(l.objs[len(kept):])
		l.objs, l.holes = kept, 0
	}
}

// length is how many objects there are.
func (l *objectList) length() int {
	if l == nil {
		return 0
	}
	return len(l.objs) - l.holes
}

// items returns the objects in order; the slice is the caller's.
func (l *objectList) items() []*object {
	if l == nil {
		return nil
	}
	out := make([]*object, 0, len(l.objs)-l.holes)
	for _, o := range l.objs {
		if o != nil {
			out = append(out, o)
		}
	}
	return out
}
