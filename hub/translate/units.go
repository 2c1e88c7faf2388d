package translate

import (
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
)

// infraKey is the one unit of the cluster's infrastructure.
var infraKey = UnitKey{Kind: UnitInfra}

// UnitsOf returns the units that an object takes part in as it stands now,
// sorted. Only objects that units don't look for by name are asked for here:
// an Ingress or Route joins the units of its hosts, a Service of type
// LoadBalancer is a unit. Objects that units look up (Secrets, Namespaces, IngressClasses,
// Services behind hosts, and the endpoint slices of those) are found by
// Fragment.Deps, whether they were there or not.
//
// A new EndpointSlice of a Service is not in any Deps: its Service is (see
// deps.EndpointSlices), so a change of a slice is to be looked up there as a
// change of its Service too.
func UnitsOf(v mirror.View, s *Settings, ref mirror.Ref) []UnitKey {
	var out []UnitKey
	switch ref.Kind {
	case kinds.Ingress, kinds.Route:
		src, ok := sourceOf(v, s, ref)
		switch {
		case !ok:
		case strict(s):
			out = reuseUnits(v, s, src)
		default:
			out = sourceUnits(s, src)
		}
	default:
		out = l4UnitsOf(v, s, ref)
	}
	return sortUnits(out)
}

// AllUnits returns every unit of the cluster, sorted.
func AllUnits(v mirror.View, s *Settings) []UnitKey {
	out := []UnitKey{infraKey, routesKey}
	for _, src := range allSources(v, s) {
		out = append(out, sourceUnits(s, src)...)
	}
	for _, svc := range v.Services() {
		out = append(out, l4UnitsOf(v, s, svc.Ref)...)
	}
	return sortUnits(out)
}

// sourceUnits are the units of an Ingress or Route: its hosts, or the object
// itself if it has none, for its default backend or so that its owner can be
// told.
func sourceUnits(s *Settings, src source) []UnitKey {
	hosts := src.hosts(s)
	out := make([]UnitKey, 0, len(hosts))
	for _, host := range hosts {
		out = append(out, UnitKey{Kind: UnitHost, Name: host})
	}
	if len(out) == 0 {
		o := src.from()
		kind := UnitIngress
		if o.isRoute() {
			kind = UnitHostlessRoute
		}
		out = append(out, UnitKey{Kind: kind, Namespace: o.ref.Namespace, Name: o.ref.Name})
	}
	return out
}

func sortUnits(us []UnitKey) []UnitKey {
	slices.SortFunc(us, compareUnits)
	return slices.Compact(us)
}

// Unit translates one unit. It is pure: equal views and settings give equal
// fragments. A unit that has nothing to it any more gives an empty fragment,
// with what it looked for in Deps.
func Unit(v mirror.View, s *Settings, k UnitKey) Fragment {
	f := translateUnit(v, s, k)
	f.Marks = nplMarks(v, s, &f)
	return f
}

func translateUnit(v mirror.View, s *Settings, k UnitKey) Fragment {
	switch k.Kind {
	case UnitHost:
		return hostUnit(v, s, k)
	case UnitIngress:
		return ingressUnit(v, s, k)
	case UnitHostlessRoute:
		return hostlessRouteUnit(v, s, k)
	case UnitL4:
		return l4Unit(newDeps(v), s, k)
	case UnitL4Shared:
		return l4SharedUnit(newDeps(v), s, k)
	case UnitInfra:
		return infraUnit(newDeps(v), s, k)
	case UnitRoutes:
		return routesUnit(newDeps(v), s, k)
	}
	return Fragment{Unit: k}
}

// Assemble builds the whole objects of a shared parent from all contributions
// to it, in any order; they are sorted by key.
//
// Without contributions a shared virtual service is built empty: AKO keeps it,
// and with it the VIP, when its last host goes (l7.md §23.5). A caller that
// wants it gone does not ask. The default certificate goes with its last user.
func Assemble(s *Settings, p ParentKey, cs []Contribution) []Object {
	cs = slices.Clone(cs)
	slices.SortFunc(cs, func(a, b Contribution) int { return compareUnits(a.Unit, b.Unit) })
	switch {
	case p.Name == defaultCertName(s, false):
		return sharedCertificates(p, cs)
	case strings.HasPrefix(p.Name, passthroughPrefix(s)):
		return passthroughParent(s, p, gather(cs))
	case s.EVH:
		return enhancedParent(s, p, gather(cs))
	}
	return sniParent(s, p, gather(cs))
}
