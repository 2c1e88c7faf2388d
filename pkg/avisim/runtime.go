package avisim

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// Runtime states of virtual services and pools.
const (
	StateUp           = "OPER_UP"
	StateDown         = "OPER_DOWN"
	StateInitializing = "OPER_INITIALIZING"
	StateDisabled     = "OPER_DISABLED"
)

// SetState fixes the runtime state of a virtual service or pool, given by its
// type's path, tenant and name; "" lets it follow the servers again. It fails
// if there is no such object.
func (s *Simulator) SetState(typ, tenant, name, state string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.named(typ, tenant, name)
	if err != nil {
		return err
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
			return StateDisabled
		}
		states := map[string]int{}
		for _, s := range messages(o.body["servers"]) {
			states[st.serverState(o, s)]++
		}
		return best(states)
	case "PoolGroup":
		states := map[string]int{}
		for _, m := range messages(o.body["members"]) {
			if pool, ok := m["pool_ref"].(*object); ok {
				states[st.state(pool)]++
			}
		}
		return best(states)
	case "VirtualService":
		if o.body["enabled"] == false {
			return StateDisabled
		}
		pools := map[*object]bool{}
		st.poolsUnder(o, pools, 0)
		if len(pools) == 0 {
			return StateInitializing
		}
		states := map[string]int{}
		for p := range pools {
			states[st.state(p)]++
		}
		return best(states)
	}
	return StateUp
}

// best is the state of what has parts: up if any is, else coming up if any is,
// else down.
func best(states map[string]int) string {
	switch {
	case states[StateUp] > 0:
		return StateUp
	case states[StateInitializing] > 0:
		return StateInitializing
	}
	return StateDown
}

// serverKey is how a server of a pool is called: "10.0.0.1:80", with the
// pool's port where the server has none of its own.
func serverKey(pool *object, server message) string {
	ip, _ := server["ip"].(message)
	addr, _ := ip["addr"].(string)
	port := number(server["port"])
	if port == 0 {
		port = number(pool.body["default_server_port"])
	}
	if port == 0 {
		port = 80 // the published default
	}
	return net.JoinHostPort(addr, strconv.Itoa(port))
}

func (st *store) serverState(pool *object, server message) string {
	if server["enabled"] == false {
		return StateDisabled
	}
	if s, ok := st.servers[pool][serverKey(pool, server)]; ok {
		return s
	}
	return StateUp
}

// SetServerState fixes the runtime state of one server of a pool, called
// "10.0.0.1:80"; "" makes it up again. It fails if there is no such pool. A
// server need not be there yet.
func (s *Simulator) SetServerState(tenant, pool, server, state string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.named("pool", tenant, pool)
	if err != nil {
		return err
	}
	switch {
	case state == "":
		delete(s.store.servers[o], server)
	case s.store.servers[o] == nil:
		s.store.servers[o] = map[string]string{server: state}
	default:
		s.store.servers[o][server] = state
	}
	return nil
}

// named finds an object by its type's path, tenant and name. The store's lock
// is held.
func (s *Simulator) named(typ, tenant, name string) (*object, error) {
	t, owner := s.vocab.byPath[typ], s.store.tenant(tenant)
	if t == nil || owner == nil {
		return nil, fmt.Errorf("no type %q or no tenant %q", typ, tenant)
	}
	o, err := s.store.lookup(t, name, owner, nil)
	if err != nil || o == nil {
		return nil, fmt.Errorf("no %s %q in tenant %q", typ, name, tenant)
	}
	return o, nil
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
	status := map[string]any{"state": st.state(o), "reason": st.reasons(o), "reason_code_string": ""}
	out := map[string]any{"oper_status": status}
	switch o.t.name {
	case "Pool":
		n, enabled, up := 0, 0, 0
		for _, s := range messages(o.body["servers"]) {
			n++
			switch st.serverState(o, s) {
			case StateUp:
				enabled++
				up++
			case StateDisabled:
			default:
				enabled++
			}
		}
		out["num_servers"], out["num_servers_enabled"], out["num_servers_up"] = n, enabled, up
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

// runtimeTypes have a runtime, and an inventory.
var runtimeTypes = map[string]bool{"VirtualService": true, "Pool": true, "PoolGroup": true, "ServiceEngineGroup": true, "VsVip": true}

// serverRuntimes are the servers of a pool with their states.
func (st *store) serverRuntimes(pool *object) []any {
	out := []any{}
	for _, s := range messages(pool.body["servers"]) {
		ip, _ := s["ip"].(message)
		_, port, _ := net.SplitHostPort(serverKey(pool, s))
		out = append(out, map[string]any{
			"ip_addr": plain(ip), "port": json.Number(port), "pool_uuid": pool.uuid,
			"oper_status": map[string]any{"state": st.serverState(pool, s), "reason": []string{}},
		})
	}
	return out
}

// subresource answers /api/TYPE/UUID/SUB, of which only the runtime is here.
func (s *Simulator) subresource(c *call, t *objectType, uuid, sub string) error {
	servers := t.name == "Pool" && (sub == "runtime/server" || sub == "runtime/server/detail")
	if !runtimeTypes[t.name] || sub != "runtime" && sub != "runtime/detail" && !servers {
		return failure(http.StatusNotFound, "Not found.")
	}
	return c.get(func() error {
		s.mu.RLock()
		defer s.mu.RUnlock()
		o, err := s.find(c, t, uuid)
		if err != nil {
			return err
		}
		if servers {
			list := s.store.serverRuntimes(o)
			return c.json(http.StatusOK, map[string]any{"count": len(list), "results": list})
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
	if t == nil || !runtimeTypes[t.name] {
		return failure(http.StatusNotFound, "Not found.")
	}
	return c.get(func() error {
		s.mu.RLock()
		defer s.mu.RUnlock()
		vw := c.view(s.store)
		entry := func(o *object) map[string]any {
			return map[string]any{
				"uuid": o.uuid, "config": rawJSON(vw.appendObject(nil, o)), "runtime": s.store.runtime(o),
				"health_score": map[string]any{"health_score": s.store.score(o)},
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
		out := map[string]any{"count": len(objs)}
		if page*size < len(objs) {
			out["next"] = c.nextPage(t.path+"-inventory", page)
		}
		results := []any{}
		for i := (page - 1) * size; i < min(page*size, len(objs)); i++ {
			results = append(results, entry(objs[i]))
		}
		out["results"] = results
		return c.json(http.StatusOK, out)
	})
}
