package avisim

import "maps"

// clone copies the store with everything in it: what happens to one is not
// seen in the other.
func (st *store) clone() *store {
	c := &cloner{objs: make(map[*object]*object, len(st.objects))}
	out := *st
	out.serial = maps.Clone(st.serial)
	out.objects = make(map[objectKey]*object, len(st.objects))
	for k, o := range st.objects {
		out.objects[k] = c.object(o)
	}
	out.names = make(map[nameKey]*object, len(st.names))
	for k, o := range st.names {
		out.names[nameKey{k.t, c.object(k.tenant), c.object(k.cloud), k.name}] = c.object(o)
	}
	out.lists = make(map[listKey]*objectList, len(st.lists))
	for k, l := range st.lists {
		out.lists[listKey{k.t, c.object(k.tenant)}] = c.list(l)
	}
	out.all = make(map[*objectType]*objectList, len(st.all))
	for t, l := range st.all {
		out.all[t] = c.list(l)
	}
	for old, o := range c.objs {
		if old != nil {
			c.fill(o, old)
		}
	}
	out.admin, out.defaultCloud = c.object(st.admin), c.object(st.defaultCloud)
	out.defaults = make([]*object, len(st.defaults))
	for i, o := range st.defaults {
		out.defaults[i] = c.object(o)
	}
	out.states = make(map[*object]string, len(st.states))
	for o, s := range st.states {
		out.states[c.object(o)] = s
	}
	out.servers = make(map[*object]map[string]string, len(st.servers))
	for o, s := range st.servers {
		out.servers[c.object(o)] = maps.Clone(s)
	}
	out.ipam = c.ipam(st.ipam)
	out.selections = newSelections()
	return &out
}

type cloner struct{ objs map[*object]*object }

// object returns the copy of o, which is filled in later.
func (c *cloner) object(o *object) *object {
	if o == nil {
		return nil
	}
	n := c.objs[o]
	if n == nil {
		n = &object{}
		c.objs[o] = n
	}
	return n
}

func (c *cloner) fill(n, o *object) {
	*n = *o
	n.tenant, n.cloud = c.object(o.tenant), c.object(o.cloud)
	n.body, _ = c.value(o.body).(message)
	if o.seedBody != nil {
		n.seedBody, _ = c.value(o.seedBody).(message)
	}
	n.out = make([]*object, len(o.out))
	for i, r := range o.out {
		n.out[i] = c.object(r)
	}
	n.in = make(map[*object]uint32, len(o.in))
	for r, k := range o.in {
		n.in[c.object(r)] = k
	}
}

func (c *cloner) value(v any) any {
	switch v := v.(type) {
	case message:
		out := make(message, len(v))
		for k, e := range v {
			out[k] = c.value(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = c.value(e)
		}
		return out
	case *object:
		return c.object(v)
	default:
		return v
	}
}

func (c *cloner) list(l *objectList) *objectList {
	out := &objectList{slot: l.slot, holes: l.holes, objs: make([]*object, len(l.objs))}
	for i, o := range l.objs {
		out.objs[i] = c.object(o)
	}
	return out
}

func (c *cloner) ipam(m *ipam) *ipam {
	out := newIPAM()
	key := func(k addressKey) addressKey { return addressKey{c.object(k.cloud), c.object(k.vrf), k.addr} }
	for k, o := range m.taken {
		out.taken[key(k)] = c.object(o)
	}
	for o, as := range m.owned {
		copied := make([]allocation, len(as))
		for i, a := range as {
			a.key, a.network = key(a.key), c.object(a.network)
			copied[i] = a
		}
		out.owned[c.object(o)] = copied
	}
	return out
}

// Snapshot is the state of a simulator's objects at one moment.
type Snapshot struct{ store *store }

// Snapshot keeps the objects as they are now, to be restored later, any
// number of times. It costs as much memory as the objects do.
func (s *Simulator) Snapshot() *Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &Snapshot{s.store.clone()}
}

// Restore puts the objects back to a snapshot of this simulator. Sessions,
// faults and the request log stay. Versions go on from where they are: an
// object that was read since must not look unchanged by accident.
func (s *Simulator) Restore(sn *Snapshot) {
	st := sn.store.clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	st.lastModified = max(st.lastModified, s.store.lastModified)
	s.store = st
}
