package avisim

import (
	"fmt"
	"net/http"
)

// Runtime states of virtual services and pools.
const (
	StateUp           = "OPER_UP"
	StateDown         = "OPER_DOWN"
	StateInitializing = "OPER_INITIALIZING"
)

// SetState fixes the runtime state of a virtual service or pool, given by its
// type's path, tenant and name; "" lets it follow the servers again. It fails
// if there is no such object.
func (s *Simulator) SetState(typ, tenant, name, state string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, owner := s.vocab.byPath[typ], s.store.tenant(tenant)
	if t == nil || owner == nil {
		return fmt.Errorf("no type %q or no tenant %q", typ, tenant)
	}
	o, err := s.store.lookup(t, name, owner, nil)
	if err != nil || o == nil {
		return fmt.Errorf("no %s %q in tenant %q", typ, name, tenant)
	}
	if state == "" {
		delete(s.store.states, o)
	} else {
		s.store.states[o] = state
	}
	return nil
}

// state is the object's runtime state: as set, or as its servers say.
func (st *store) state(o *object) string {
	if s, ok := st.states[o]; ok {
		return s
	}
	switch o.t.name {
	case "Pool":
		if o.body["enabled"] == false {
			return "OPER_DISABLED"
		}
		for _, s := range messages(o.body["servers"]) {
			if s["enabled"] != false {
				return StateUp
			}
		}
		return StateDown
	case "VirtualService":
		if o.body["enabled"] == false {
			return "OPER_DISABLED"
		}
		pools := map[*object]bool{}
		st.poolsUnder(o, pools, 0)
		for p := range pools {
			if st.state(p) == StateUp {
				return StateUp
			}
		}
		if len(pools) > 0 {
			return StateDown
		}
		return StateInitializing
	}
	return StateUp
}

// maxHops is how far a pool may be from its virtual service: policy, pool
// group, pool, backup pool.
const maxHops = 5

func (st *store) poolsUnder(o *object, pools map[*object]bool, hops int) {
	if hops > maxHops {
		return
	}
	for _, r := range o.out {
		switch r.t.name {
		case "Pool":
			pools[r] = true
		case "PoolGroup", "HTTPPolicySet", "L4PolicySet", "VSDataScriptSet":
			st.poolsUnder(r, pools, hops+1)
		}
	}
}

func (st *store) runtime(o *object) map[string]any {
	status := map[string]any{"state": st.state(o), "reason": []string{}, "reason_code_string": ""}
	out := map[string]any{"oper_status": status}
	switch o.t.name {
	case "Pool":
		n, up := 0, 0
		for _, s := range messages(o.body["servers"]) {
			n++
			if s["enabled"] != false && st.state(o) == StateUp {
				up++
			}
		}
		out["num_servers"], out["num_servers_enabled"], out["num_servers_up"] = n, n, up
	case "VirtualService":
		vips := []any{}
		if vip, ok := o.body["vsvip_ref"].(*object); ok {
			for _, v := range messages(vip.body["vip"]) {
				vips = append(vips, map[string]any{"vip_id": v["vip_id"], "oper_status": status})
			}
		}
		out["vip_summary"] = vips
		out["percent_ses_up"] = 100
	}
	return out
}

// subresource answers /api/TYPE/UUID/SUB, of which only the runtime is here.
func (s *Simulator) subresource(c *call, t *objectType, uuid, sub string) error {
	if sub != "runtime" && sub != "runtime/detail" {
		return failure(http.StatusNotFound, "Not found.")
	}
	return c.get(func() error {
		s.mu.RLock()
		defer s.mu.RUnlock()
		o, err := s.find(c, t, uuid)
		if err != nil {
			return err
		}
		out := s.store.runtime(o)
		out["uuid"], out["name"] = o.uuid, o.name
		if sub == "runtime/detail" {
			return c.json(http.StatusOK, []any{out})
		}
		return c.json(http.StatusOK, out)
	})
}

// inventory answers /api/TYPE-inventory: each object with its runtime.
func (s *Simulator) inventory(c *call, path, uuid string) error {
	t := s.vocab.byPath[path]
	if t == nil {
		return failure(http.StatusNotFound, "Not found.")
	}
	return c.get(func() error {
		s.mu.RLock()
		defer s.mu.RUnlock()
		vw := c.view(s.store)
		entry := func(o *object) map[string]any {
			return map[string]any{
				"uuid": o.uuid, "config": rawJSON(vw.appendObject(nil, o)), "runtime": s.store.runtime(o),
				"health_score": map[string]any{"health_score": 100},
			}
		}
		if uuid != "" {
			o, err := s.find(c, t, uuid)
			if err != nil {
				return err
			}
			return c.json(http.StatusOK, entry(o))
		}
		tenant, err := s.reader(c, t)
		if err != nil {
			return err
		}
		page, size, err := pages(c.q)
		if err != nil {
			return err
		}
		objs, err := s.selectObjects(c, t, tenant)
		if err != nil {
			return err
		}
		results := []any{}
		for i := (page - 1) * size; i < min(page*size, len(objs)); i++ {
			results = append(results, entry(objs[i]))
		}
		return c.json(http.StatusOK, map[string]any{"count": len(objs), "results": results})
	})
}
