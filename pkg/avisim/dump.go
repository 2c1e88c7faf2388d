package avisim

import "github.com/akohub/akohub/pkg/avisim/normal"

// Dump is the controller's state in normal form; see package normal.
type Dump = normal.Dump

// Dump returns what clients wrote, normalized: their objects by tenant and
// type, and what they changed in objects that the seed had. Fields that the
// controller fills in are left out, except the addresses that it allocated.
func (s *Simulator) Dump() Dump {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := Dump{Tenants: map[string]map[string][]map[string]any{}, SystemChanges: map[string]map[string]map[string]any{}}
	for t, l := range s.store.all {
		byTenant := map[*object][]map[string]any{}
		for _, o := range l.items() {
			if o.seedBody == nil {
				byTenant[o.tenant] = append(byTenant[o.tenant], plain(o.body).(map[string]any))
				continue
			}
			if changed := s.store.changes(o); len(changed) > 0 {
				if d.SystemChanges[t.path] == nil {
					d.SystemChanges[t.path] = map[string]map[string]any{}
				}
				name := o.name
				if o.cloud != nil {
					name = o.cloud.name + "/" + name
				}
				d.SystemChanges[t.path][name] = normal.Fields(t.path, changed)
			}
		}
		for tenant, objs := range byTenant {
			if d.Tenants[tenant.name] == nil {
				d.Tenants[tenant.name] = map[string][]map[string]any{}
			}
			d.Tenants[tenant.name][t.path] = normal.Objects(t.path, objs)
		}
	}
	return d
}

// changes are the top-level fields of a seeded object that differ from the
// seed; a default spelled out is no difference.
func (st *store) changes(o *object) map[string]any {
	out := map[string]any{}
	for _, f := range o.t.def.fields {
		now, was := st.effective(o, f, o.body), st.effective(o, f, o.seedBody)
		if equal(now, was) {
			continue
		}
		out[f.name] = plain(o.body[f.name])
	}
	return out
}

func (st *store) effective(o *object, f *field, body message) any {
	v, ok := body[f.name]
	if !ok || st.isImplied(o, f.name, v) {
		return f.fallback
	}
	if list, isList := v.([]any); isList && len(list) == 0 {
		return nil
	}
	return v
}

// equal compares canonical values; references are equal if they are to the
// same object.
func equal(a, b any) bool {
	switch a := a.(type) {
	case message:
		b, ok := b.(message)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			w, ok := b[k]
			if !ok || !equal(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	default:
		switch b.(type) {
		case message, []any:
			return false
		}
		return a == b
	}
}
