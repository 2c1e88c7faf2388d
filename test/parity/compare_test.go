package parity

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/akohub/akohub/pkg/avisim/normal"
)

// result is what a program left: Avi objects in normal form, and what it wrote
// on Kubernetes objects, by "Kind/namespace/name".
type result struct {
	name       string
	avi        normal.Dump
	kubernetes map[string]map[string]any
}

// difference is a place where ours is not AKO's.
type difference struct {
	object string // "admin/pool/NAME", "system_changes/TYPE/NAME" or "Kind/namespace/name"
	field  string // path in the object; empty: the object as a whole
	want   any    // AKO's; nil: it has none
	got    any    // ours; nil: we have none
}

func (d difference) String() string {
	field := d.field
	if field == "" {
		field = "(object)"
	}
	return fmt.Sprintf("%s\n  %s\n    AKO:  %s\n    ours: %s", d.object, field, short(d.want), short(d.got))
}

// short is a value as one line that still fits a screen.
func short(v any) string {
	if v == nil {
		return "none"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%v", v)
	}
	const most = 1200
	if len(text) > most {
		return string(text[:most]) + fmt.Sprintf("… (%d bytes)", len(text))
	}
	return string(text)
}

// compare lists where got is not want, ordered by object.
func compare(want, got map[string]any) []difference {
	var out []difference
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, object := range slices.Sorted(maps.Keys(keys)) {
		w, g := want[object], got[object]
		if !isAvi(object) {
			// The object is there, only nothing was written on it.
			w, g = written(w), written(g)
		}
		out = diff(out, object, "", w, g)
	}
	return out
}

// isAvi says whether something of a result is an object that the program makes;
// other things are there anyway, and it writes on them.
func isAvi(object string) bool {
	for _, kind := range []string{"Ingress/", "Service/", "Route/", "system_changes/"} {
		if strings.HasPrefix(object, kind) {
			return false
		}
	}
	return true
}

// written is what was written on an object; a Kubernetes object has annotations.
func written(object any) any {
	fields, ok := object.(map[string]any)
	if !ok {
		fields = make(map[string]any)
	}
	if _, ok := fields["annotations"]; !ok {
		fields["annotations"] = make(map[string]any)
	}
	return fields
}

// diff adds where got is not want, as deep in the object as it can be said.
func diff(out []difference, object, field string, want, got any) []difference {
	if reflect.DeepEqual(want, got) {
		return out
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		keys := maps.Clone(w)
		maps.Copy(keys, g)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			path := key
			if field != "" {
				path = field + "." + key
			}
			out = diff(out, object, path, w[key], g[key])
		}
		return out
	case []any:
		g, ok := got.([]any)
		if !ok || len(w) != len(g) {
			break
		}
		for i := range w {
			out = diff(out, object, fmt.Sprintf("%s[%d]", field, i), w[i], g[i])
		}
		return out
	}
	return append(out, difference{object: object, field: field, want: want, got: got})
}

// flat has the objects of a result by name, as JSON decodes them.
func (r result) flat() (map[string]any, error) {
	all := make(map[string]any)
	for tenant, types := range r.avi.Tenants {
		for typ, objects := range types {
			for _, o := range objects {
				all[fmt.Sprintf("%s/%s/%v", tenant, typ, o["name"])] = o
			}
		}
	}
	for typ, objects := range r.avi.SystemChanges {
		for name, fields := range objects {
			all[fmt.Sprintf("system_changes/%s/%s", typ, name)] = fields
		}
	}
	for name, o := range r.kubernetes {
		all[name] = o
	}
	// Numbers, and maps with other types of values, become the same on both sides.
	text, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	plain := make(map[string]any, len(all))
	return plain, json.Unmarshal(text, &plain)
}

func readDump(file string) (normal.Dump, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return normal.Dump{}, err
	}
	dump, err := normal.Parse(data)
	if err != nil {
		return normal.Dump{}, fmt.Errorf("%s: %w", file, err)
	}
	return dump, nil
}

// vips calls f for each address of a dump's VsVips: place names VsVip, position
// and family, and set changes the address in the dump.
func vips(d normal.Dump, f func(place, addr string, set func(string))) {
	for _, tenant := range slices.Sorted(maps.Keys(d.Tenants)) {
		for _, vsvip := range d.Tenants[tenant]["vsvip"] {
			list, _ := vsvip["vip"].([]any)
			for i, one := range list {
				vip, _ := one.(map[string]any)
				for _, family := range []string{"ip_address", "ip6_address"} {
					address, ok := vip[family].(map[string]any)
					if !ok {
						continue
					}
					addr, _ := address["addr"].(string)
					place := fmt.Sprintf("%s/%v[%d].%s", tenant, vsvip["name"], i, family)
					f(place, addr, func(to string) { address["addr"] = to })
				}
			}
		}
	}
}

// aligner brings what can't be the same in two simulators, addresses and uuids,
// from AKO's to ours, so that the rest can be compared. It lives as long as a
// scenario: a status may show an address of an earlier step.
type aligner struct {
	addresses map[string]string // AKO's address → ours
	names     map[string]string // AKO's uuid → name of the virtual service
	asked     map[string]bool   // addresses that the scenario asks for
	cluster   string            // uuid of our controller cluster
}

func newAligner(clusterUUID string) *aligner {
	return &aligner{
		addresses: make(map[string]string), names: make(map[string]string), asked: make(map[string]bool), cluster: clusterUUID,
	}
}

// ask notes the addresses that an object asks for: those are compared exactly.
func (a *aligner) ask(value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, one := range v {
			if text, ok := one.(string); ok && (key == "loadBalancerIP" || key == "ako.vmware.com/load-balancer-ip") {
				a.asked[text] = true
			}
			a.ask(one)
		}
	case []any:
		for _, one := range v {
			a.ask(one)
		}
	}
}

// dumps replaces in want each address that was not asked for by the one that got
// has at the same place.
func (a *aligner) dumps(want, got normal.Dump) {
	have := make(map[string]string)
	vips(got, func(place, addr string, _ func(string)) { have[place] = addr })
	vips(want, func(place, addr string, set func(string)) {
		ours, ok := have[place]
		if !ok || a.asked[addr] || a.asked[ours] {
			return
		}
		a.addresses[addr] = ours
		set(ours)
	})
}

// statuses does the same for what is written on Kubernetes objects, and puts our
// uuids in place of AKO's where both are of the same virtual service: vsNames has
// ours. One uuid of AKO's can only be one virtual service, and two can't be one.
func (a *aligner) statuses(want, got map[string]map[string]any, vsNames map[string]string) {
	taken := make(map[string]string) // in this step: virtual service → AKO's uuid
	for _, object := range slices.Sorted(maps.Keys(want)) {
		walkStrings(want[object]["status"], func(addr string) string {
			if ours, ok := a.addresses[addr]; ok {
				return ours
			}
			return addr
		})
		akos, ours := annotationsOf(want[object]), annotationsOf(got[object])
		for _, where := range slices.Sorted(maps.Keys(akos)) {
			a.annotations(akos[where], ours[where], vsNames, taken)
		}
	}
}

// annotationsOf are the places of an object where annotations stand: on itself,
// and on an OpenShift Route once more as the reason of the condition of a host.
func annotationsOf(object map[string]any) map[string]map[string]any {
	out := make(map[string]map[string]any)
	if on, ok := object["annotations"].(map[string]any); ok {
		out[""] = on
	}
	hosts := make(map[string]int)
	eachCondition(object, func(host string, condition map[string]any) {
		if reason, ok := condition["reason"].(map[string]any); ok {
			hosts[host]++
			out[fmt.Sprintf("%s %d", host, hosts[host])] = reason
		}
	})
	return out
}

// annotations puts our uuids in place of AKO's, see statuses.
func (a *aligner) annotations(want, got map[string]any, vsNames, taken map[string]string) {
	if _, ok := want[annotationCluster]; ok {
		want[annotationCluster] = a.cluster
	}
	hosts, _ := want[annotationHosts].(map[string]any)
	gotHosts, _ := got[annotationHosts].(map[string]any)
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		akos, _ := hosts[host].(string)
		ours, _ := gotHosts[host].(string)
		name, ok := vsNames[ours]
		if !ok {
			continue
		}
		if before, ok := a.names[akos]; ok && before != name {
			hosts[host] = "uuid of virtual service " + before + ", not of " + name
			continue
		}
		if other, ok := taken[name]; ok && other != akos {
			hosts[host] = "uuid of another virtual service than " + name
			continue
		}
		a.names[akos], taken[name] = name, akos
		hosts[host] = ours
	}
}

// walkStrings changes all strings below a value.
func walkStrings(value any, change func(string) string) {
	switch v := value.(type) {
	case map[string]any:
		for key, one := range v {
			if text, ok := one.(string); ok {
				v[key] = change(text)
				continue
			}
			walkStrings(one, change)
		}
	case []any:
		for i, one := range v {
			if text, ok := one.(string); ok {
				v[i] = change(text)
				continue
			}
			walkStrings(one, change)
		}
	}
}

// report is differences as text, at most a screen or two.
func report(differences []difference) string {
	const most = 40
	var b strings.Builder
	for i, d := range differences {
		if i == most {
			fmt.Fprintf(&b, "… and %d more\n", len(differences)-most)
			break
		}
		fmt.Fprintln(&b, d)
	}
	return b.String()
}
