package avisim

import (
	"net/http"
	"strconv"
)

// systemLimits are the limits that the SystemLimits object states, by the name
// of the field, wherever in the object it is. A limit that it doesn't state, or
// states as 0, is none.
type systemLimits struct {
	modified int64
	values   map[string]int
}

// limits reads the SystemLimits object, once for each time that it is written.
func (st *store) limits() map[string]int {
	objs := st.all[st.vocab.byName["SystemLimits"]]
	if objs == nil {
		return nil
	}
	for _, o := range objs.objs {
		if o == nil {
			continue
		}
		if st.systemLimits == nil || st.systemLimits.modified != o.modified {
			values := map[string]int{}
			controller, _ := o.body["controller_limits"].(message)
			collectLimits(values, controller)
			st.systemLimits = &systemLimits{modified: o.modified, values: values}
		}
		return st.systemLimits.values
	}
	return nil
}

func collectLimits(into map[string]int, m message) {
	for name, v := range m {
		switch v := v.(type) {
		case message:
			collectLimits(into, v)
		case []any:
			// Sizing limits are a list by size of the controller: the first is
			// taken for this one's.
			if list := messages(v); len(list) > 0 {
				collectLimits(into, list[0])
			}
		default:
			if n := number(v); n > 0 {
				into[name] = n
			}
		}
	}
}

// countLimits limit how many objects of a type there are.
var countLimits = map[string]string{
	"VirtualService": "num_virtualservices", "Tenant": "num_tenants", "VrfContext": "num_vrfs", "Cloud": "num_clouds",
}

// sizeLimits limit what one object holds.
var sizeLimits = map[string][]struct {
	limit string
	size  func(st *store, w *write) int
}{
	"Pool": {
		{"servers_per_pool", lengthOf("servers")},
		{"num_servers", allServers},
	},
	"PoolGroup":   {{"pools_per_poolgroup", lengthOf("members")}},
	"StringGroup": {{"strings_per_stringgroup", lengthOf("kv")}},
	"IpAddrGroup": {{"ips_per_ipgroup", func(_ *store, w *write) int {
		return len(messages(w.body["addrs"])) + len(messages(w.body["prefixes"])) + len(messages(w.body["ranges"]))
	}}},
	"VrfContext":            {{"routes_per_vrfcontext", lengthOf("static_routes")}},
	"NetworkSecurityPolicy": {{"rules_per_networksecuritypolicy", lengthOf("rules")}},
	"NatPolicy":             {{"rules_per_nat_policy", lengthOf("rules")}},
	"HTTPPolicySet": {{"num_rules_per_http_policy", func(_ *store, w *write) int {
		n := 0
		for _, part := range []string{"http_request_policy", "http_response_policy", "http_security_policy"} {
			p, _ := w.body[part].(message)
			n += len(messages(p["rules"]))
		}
		return n
	}}},
	"VirtualService": {
		{"certificates_per_virtualservice", lengthOf("ssl_key_and_certificate_refs")},
		{"http_policies_per_vs", lengthOf("http_policies")},
		{"poolgroups_per_virtualservice", func(st *store, w *write) int { return reachable(w.refs, "PoolGroup") }},
		{"pools_per_virtualservice", func(st *store, w *write) int { return reachable(w.refs, "Pool") }},
		{"sni_children_per_parent", siblings},
	},
}

func lengthOf(field string) func(*store, *write) int {
	return func(_ *store, w *write) int {
		list, _ := w.body[field].([]any)
		return len(list)
	}
}

// allServers counts the servers of all pools, with this one as it would be.
func allServers(st *store, w *write) int {
	n := lengthOf("servers")(st, w)
	for _, o := range st.all[w.o.t].items() {
		if o != w.o {
			list, _ := o.body["servers"].([]any)
			n += len(list)
		}
	}
	return n
}

// reachable counts the objects of a type that references lead to.
func reachable(refs []*object, typeName string) int {
	seen := map[*object]bool{}
	n := 0
	var visit func(refs []*object, hops int)
	visit = func(refs []*object, hops int) {
		for _, r := range refs {
			if seen[r] || hops > maxHops {
				continue
			}
			seen[r] = true
			if r.t.name == typeName {
				n++
			}
			switch r.t.name {
			case "Pool", "PoolGroup", "HTTPPolicySet", "L4PolicySet", "VSDataScriptSet":
				visit(r.out, hops+1)
			}
		}
	}
	visit(refs, 0)
	return n
}

// siblings counts the children of the parent, with this one.
func siblings(_ *store, w *write) int {
	parent, ok := w.body["vh_parent_vs_ref"].(*object)
	if !ok {
		return 0
	}
	n := 1
	for r := range parent.in {
		if r != w.o && r.t == w.o.t && r.body["vh_parent_vs_ref"] == parent {
			n++
		}
	}
	return n
}

// checkLimits refuses a create or update that goes beyond a system limit.
func (st *store) checkLimits(w *write) error {
	if w.trusted {
		return nil
	}
	limits := st.limits()
	if len(limits) == 0 {
		return nil
	}
	t := w.o.t
	if limit := limits[countLimits[t.name]]; limit > 0 && w.old == nil && st.all[t].length() >= limit {
		return st.limitReached(t.name+": there are already", limit, countLimits[t.name])
	}
	for _, l := range sizeLimits[t.name] {
		if limit := limits[l.limit]; limit > 0 && l.size(st, w) > limit {
			return st.limitReached(t.name+" "+quote(w.o.name)+": has more than", limit, l.limit)
		}
	}
	return nil
}

func (st *store) limitReached(what string, limit int, name string) error {
	status := st.assume.LimitRefused
	if status == 0 {
		status = http.StatusBadRequest
	}
	return failure(status, "%s", what+" "+strconv.Itoa(limit)+", the system limit "+name)
}
