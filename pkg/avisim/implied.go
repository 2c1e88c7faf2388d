package avisim

import (
	"encoding/json"
	"strings"
)

// keepSensitive puts back what a read hides, or leaves out (omitted).
func keepSensitive(def *definition, body, old message, omitted bool) {
	for _, f := range def.fields {
		v, ok := body[f.name]
		if !f.sensitive || v != sensitiveText && (ok || !omitted) {
			continue
		}
		if v, ok := old[f.name]; ok {
			body[f.name] = v
		} else {
			delete(body, f.name)
		}
	}
}

// stripEchoes removes from a body what equals the default and wasn't written
// before. An element of a list is compared with the one that it was read from:
// the one at its place, unless another fits better.
func stripEchoes(st *store, o *object, def *definition, body, old message) {
	for name, v := range body {
		f := def.byName[name]
		was, had := old[name]
		if !had {
			if f.fallback != nil && f.fallback == v || o != nil && v != nil && st.isImplied(o, name, v) {
				delete(body, name)
			}
			continue
		}
		switch v := v.(type) {
		case message:
			if was, ok := was.(message); ok {
				stripEchoes(st, nil, f.def, v, was)
			}
		case []any:
			was := messages(was)
			for i, a := range messages(v) {
				if b := origin(a, was, i); b != nil {
					stripEchoes(st, nil, f.def, a, b)
				}
			}
		}
	}
}

// origin finds the element that a was read from: one that has nothing but
// what a has too, best at a's own place; or else the one at its place.
func origin(a message, was []message, place int) message {
	if place < len(was) && covers(a, was[place]) {
		return was[place]
	}
	for _, b := range was {
		if covers(a, b) {
			return b
		}
	}
	if place < len(was) {
		return was[place]
	}
	return nil
}

// covers says whether a has all that b has.
func covers(a, b any) bool {
	switch b := b.(type) {
	case message:
		a, ok := a.(message)
		if !ok {
			return false
		}
		for k, v := range b {
			if w, ok := a[k]; !ok || !covers(w, v) {
				return false
			}
		}
		return true
	case []any:
		a, ok := a.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range b {
			if !covers(a[i], b[i]) {
				return false
			}
		}
		return true
	default:
		return equal(a, b)
	}
}

// isImplied says whether v is the object that the controller fills in for an
// absent reference.
func (st *store) isImplied(o *object, name string, v any) bool {
	ref, ok := v.(*object)
	return ok && (name == "cloud_ref" && ref == o.cloud || ref == st.implied(o, name))
}

// impliedRefs are the references that the controller fills in when the client
// leaves them out: by type and field, the name of the object. Assumed, from
// the defaults that the user interface shows.
var impliedRefs = map[string]map[string]string{
	"VirtualService": {
		"vrf_context_ref":         "global",
		"se_group_ref":            "Default-Group",
		"application_profile_ref": "System-HTTP",
		"network_profile_ref":     "System-TCP-Proxy",
		"analytics_profile_ref":   "System-Analytics-Profile",
	},
	"VsVip":   {"vrf_context_ref": "global"},
	"Pool":    {"vrf_ref": "global"},
	"Network": {"vrf_context_ref": "global"},
}

// implied returns the object that stands for an absent reference, or nil.
func (st *store) implied(o *object, name string) *object {
	wanted, ok := impliedRefs[o.t.name][name]
	if !ok {
		return nil
	}
	if vip, ok := o.body["vsvip_ref"].(*object); ok && name == "vrf_context_ref" {
		return st.vrfOf(vip.t, vip.tenant, vip.cloud, vip.body)
	}
	if o.t.name != "Network" && strings.HasPrefix(name, "vrf") {
		if _, ok := o.body["tier1_lr"]; ok {
			return nil // placed by the tier-1 router, not by a VRF (l4-infra.md §1.5)
		}
	}
	f := o.t.def.byName[name]
	if f == nil || f.target == nil {
		return nil
	}
	target, err := st.lookup(f.target, wanted, o.tenant, o.cloud)
	if err != nil {
		return nil
	}
	return target
}

// plain turns a body back into what a client could have sent: references as
// "/api/type/uuid#name".
func plain(v any) any {
	switch v := v.(type) {
	case message:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = plain(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e)
		}
		return out
	case *object:
		return "/api/" + v.t.path + "/" + v.uuid + "#" + v.name
	case json.Number, string, bool:
		return v
	default:
		return v
	}
}
