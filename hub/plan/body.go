package plan

import (
	"maps"
	"slices"

	"github.com/akohub/akohub/hub/desired"
)

// Body is what an update sends: the observed object with everything in it that
// the cluster manages replaced by what is wanted. What others set stays, the
// defaults that a read shows are left out (they are filled in again), and so
// is what only the controller may set. _last_modified goes along, so that a
// write in between is a conflict (412) and not lost (promise 6).
func Body(want *desired.Object, have *Observed) map[string]any {
	def := desired.Type(want.Key.Type)
	if def == nil {
		return want.Body
	}
	observed := normalTop(def, have.Body)
	body := make(map[string]any, len(want.Body)+8)
	mine := make(map[string]bool, len(managed[want.Key.Type]))
	for _, name := range managed[want.Key.Type] {
		mine[name] = !slices.Contains(want.Keep, name)
	}
	for name, v := range have.Body {
		f := def.Fields[name]
		if f == nil || f.ReadOnly || assigned[name] {
			continue
		}
		if n, counts := observed[name]; !counts || mine[name] || isSystemDefault(n) {
			continue
		}
		body[name] = writable(f, v)
	}
	for name, v := range want.Body {
		if !slices.Contains(want.Keep, name) {
			body[name] = v
		}
	}
	for _, name := range []string{"cloud_config_cksum", "vsvip_cloud_config_cksum"} {
		_, had := have.Body[name]
		if _, wanted := want.Body[name]; had && !wanted {
			// An AKO that takes over again must not take this object for the
			// one that it wrote (l4-infra.md §4.3).
			body[name] = "0"
		}
	}
	if v, ok := have.Body["tenant_ref"]; ok && want.Body["tenant_ref"] == nil {
		body["tenant_ref"] = v
	}
	if want.Key.Type == "vsvip" && !slices.Contains(want.Keep, "vip") {
		body["vip"] = vips(want.Body["vip"], have.Body["vip"])
		if body["vip"] == nil {
			delete(body, "vip")
		}
	}
	if have.LastModified != "" {
		body["_last_modified"] = have.LastModified
	}
	return body
}

// writable returns a value without the fields that only the controller sets.
func writable(f *desired.Field, v any) any {
	if f.Def == nil {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			nested := f.Def.Fields[name]
			if nested == nil || nested.ReadOnly {
				continue
			}
			out[name] = writable(nested, e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = writable(f, e)
		}
		return out
	}
	return v
}

// vips returns the addresses of a VsVip as an update sends them: as wanted,
// without the address that the controller allocated (it keeps it), and with the
// observed network where it is the wanted one (l7.md §17.5).
func vips(want, have any) any {
	wanted, _ := want.([]any)
	observed, _ := have.([]any)
	if len(wanted) == 0 {
		return nil
	}
	byID := make(map[any]map[string]any, len(observed))
	for _, e := range observed {
		if m, ok := e.(map[string]any); ok {
			byID[m["vip_id"]] = m
		}
	}
	out := make([]any, len(wanted))
	for i, e := range wanted {
		out[i] = e
		w, ok := e.(map[string]any)
		if !ok {
			continue
		}
		h := byID[w["vip_id"]]
		network, ok := h["ipam_network_subnet"].(map[string]any)
		if ok && sameNetwork(w["ipam_network_subnet"], network) {
			w = maps.Clone(w)
			w["ipam_network_subnet"] = writable(vipNetworkField(), network)
			out[i] = w
		}
	}
	return out
}

func vipNetworkField() *desired.Field {
	return desired.Type("vsvip").Fields["vip"].Def.Fields["ipam_network_subnet"]
}

func sameNetwork(want any, have map[string]any) bool {
	w, ok := want.(map[string]any)
	if !ok {
		return false
	}
	a, okA := parseRef(w["network_ref"])
	b, okB := parseRef(have["network_ref"])
	return okA && okB && equalRef(a, b)
}

func parseRef(v any) (desired.Ref, bool) {
	s, ok := v.(string)
	if !ok {
		return desired.Ref{}, false
	}
	return desired.ParseRef(s)
}
