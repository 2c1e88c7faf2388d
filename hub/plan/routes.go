package plan

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/akohub/akohub/hub/translate"
)

// routeLabel is the key of the label by which a static route is a cluster's
// (l4-infra.md §2.12.3).
const routeLabel = "clustername"

// mergeRoutes puts a cluster's static routes into those of a VRF context, and
// says whether that changes them. A route is the cluster's if its label says
// exactly so; all others stay. Of the cluster's own, one that leads where it
// should stays as it is, whoever numbered it, so that neither a restart nor a
// move from AKO writes anything.
func mergeRoutes(body map[string]any, want *translate.Routes) (routes []any, due bool) {
	list, _ := body["static_routes"].([]any)
	open := map[string]translate.StaticRoute{}
	for _, r := range want.Routes {
		open[routeTo(r.Prefix, r.NextHop)] = r
	}
	routes = make([]any, 0, len(list)+len(open))
	for _, e := range list {
		r, _ := e.(map[string]any)
		if !routeOf(r, want.Cluster) || want.Former && !numberedAtAll(r, want.Cluster) {
			routes = append(routes, e)
			continue
		}
		prefix, hop, ok := parseRoute(r)
		if ok && slices.Contains(want.Keep, hop.String()) {
			routes = append(routes, e)
			continue
		}
		to := routeTo(prefix, hop)
		wanted, ok := open[to]
		if !ok || !numbered(r, want.Cluster, wanted.Index) {
			due = true
			continue
		}
		delete(open, to)
		routes = append(routes, e)
	}
	for _, r := range want.Routes {
		if _, ok := open[routeTo(r.Prefix, r.NextHop)]; ok {
			routes = append(routes, newRoute(want.Cluster, r))
			due = true
		}
	}
	return routes, due
}

// routeOf says whether a route is a cluster's: by the whole name, since one
// cluster's may be the start of another's.
func routeOf(r map[string]any, cluster string) bool {
	labels, _ := r["labels"].([]any)
	return slices.ContainsFunc(labels, func(e any) bool {
		key, value := label(e)
		return key == routeLabel && value == cluster
	})
}

var routeNumber = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}-([0-9]+)$`)

// numbered says whether a route's ID has AKO's form with this index.
func numbered(r map[string]any, cluster string, index int) bool {
	id, _ := r["route_id"].(string)
	rest, ok := strings.CutPrefix(id, cluster+"-")
	m := routeNumber.FindStringSubmatch(rest)
	return ok && m != nil && m[2] == strconv.Itoa(index)
}

// numberedAtAll says whether a route's ID has AKO's form for the cluster.
func numberedAtAll(r map[string]any, cluster string) bool {
	id, _ := r["route_id"].(string)
	rest, ok := strings.CutPrefix(id, cluster+"-")
	return ok && routeNumber.MatchString(rest)
}

// Marks returns the clusters whose marks an object of others carries, with
// repeats: of a service-engine group those of its labels, of a VRF context those
// that have static routes there by label and by ID.
func Marks(typ string, body map[string]any) []string {
	var out []string
	switch typ {
	case "serviceenginegroup":
		out = labelled(body, func(string) bool { return true })
	case "vrfcontext":
		list, _ := body["static_routes"].([]any)
		for _, e := range list {
			r, _ := e.(map[string]any)
			out = append(out, labelled(r, func(cluster string) bool { return numberedAtAll(r, cluster) })...)
		}
	}
	return out
}

// labelled returns the clusters that the labels in a body name.
func labelled(body map[string]any, counts func(cluster string) bool) []string {
	var out []string
	list, _ := body["labels"].([]any)
	for _, e := range list {
		if key, value := label(e); key == routeLabel && value != "" && counts(value) {
			out = append(out, value)
		}
	}
	return out
}

func routeTo(prefix netip.Prefix, hop netip.Addr) string {
	return prefix.String() + " " + hop.String()
}

func parseRoute(r map[string]any) (prefix netip.Prefix, hop netip.Addr, ok bool) {
	p, _ := r["prefix"].(map[string]any)
	bits, okBits := intOf(p["mask"])
	addr, errAddr := netip.ParseAddr(addrOf(p["ip_addr"]))
	hop, errHop := netip.ParseAddr(addrOf(r["next_hop"]))
	if !okBits || errAddr != nil || errHop != nil {
		return netip.Prefix{}, netip.Addr{}, false
	}
	prefix = netip.PrefixFrom(addr, bits)
	return prefix, hop, prefix.IsValid()
}

func addrOf(v any) string {
	m, _ := v.(map[string]any)
	text, _ := m["addr"].(string)
	return text
}

func intOf(v any) (int, bool) {
	switch n := v.(type) {
	case json.Number:
		i, err := strconv.Atoi(n.String())
		return i, err == nil
	case float64:
		return int(n), true
	case int:
		return n, true
	}
	return 0, false
}

func newRoute(cluster string, r translate.StaticRoute) map[string]any {
	addr := func(a netip.Addr) map[string]any {
		family := "V4"
		if a.Is6() {
			family = "V6"
		}
		return map[string]any{"addr": a.String(), "type": family}
	}
	return map[string]any{
		"route_id": r.ID,
		"prefix":   map[string]any{"ip_addr": addr(r.Prefix.Addr()), "mask": json.Number(strconv.Itoa(r.Prefix.Bits()))},
		"next_hop": addr(r.NextHop),
		"labels":   []any{map[string]any{"key": routeLabel, "value": cluster}},
	}
}
