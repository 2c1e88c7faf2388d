package translate

import (
	"slices"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// infraKey is the one unit of the cluster's infrastructure.
var infraKey = UnitKey{Kind: UnitInfra}

// UnitsOf returns the units that an object takes part in as it stands now,
// sorted. Only objects that units don't look for by name are asked for here:
// an Ingress joins the units of its hosts, a Service of type LoadBalancer is a
// unit. Objects that units look up (Secrets, Namespaces, IngressClasses,
// Services behind Ingresses, and the endpoint slices of those) are found by
// Fragment.Deps, whether they were there or not.
//
// A new EndpointSlice of a Service is not in any Deps: its Service is (see
// deps.EndpointSlices), so a change of a slice is to be looked up there as a
// change of its Service too.
func UnitsOf(v mirror.View, s *Settings, ref mirror.Ref) []UnitKey {
	var out []UnitKey
	switch ref.Kind {
	case kinds.Ingress:
		if ing, ok := v.Ingress(ref.Namespace, ref.Name); ok {
			out = ingressUnits(s, ing)
		}
	default:
		out = l4UnitsOf(v, s, ref)
	}
	return sortUnits(out)
}

// AllUnits returns every unit of the cluster, sorted.
func AllUnits(v mirror.View, s *Settings) []UnitKey {
	out := []UnitKey{infraKey}
	for _, ing := range v.Ingresses() {
		out = append(out, ingressUnits(s, ing)...)
	}
	for _, svc := range v.Services() {
		out = append(out, l4UnitsOf(v, s, svc.Ref)...)
	}
	return sortUnits(out)
}

// ingressUnits are the units of an Ingress: its hosts, or the Ingress itself
// if it has none, so that its owner can be told.
func ingressUnits(s *Settings, ing mirror.Object[*akohubv1.Ingress]) []UnitKey {
	hosts := hostsOf(s, ing)
	out := make([]UnitKey, 0, len(hosts))
	for _, host := range hosts {
		out = append(out, UnitKey{Kind: UnitHost, Name: host})
	}
	if len(out) == 0 {
		out = append(out, UnitKey{Kind: UnitIngress, Namespace: ing.Ref.Namespace, Name: ing.Ref.Name})
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
	switch k.Kind {
	case UnitHost:
		return hostUnit(v, s, k)
	case UnitIngress:
		return ingressUnit(v, s, k)
	case UnitL4:
		return l4Unit(newDeps(v), s, k)
	case UnitL4Shared:
		return l4SharedUnit(newDeps(v), s, k)
	case UnitInfra:
		return infraUnit(newDeps(v), s, k)
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
	if p.Name == defaultCertName(s, false) {
		return sharedCertificates(p, cs)
	}
	return sharedParent(s, p, cs)
}

// ingressUnit tells the owner of an Ingress without any host what is missing.
func ingressUnit(v mirror.View, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	d := newDeps(v)
	ing, ok := d.Ingress(k.Namespace, k.Name)
	if ok && !ing.Body.GetMeta().GetDeleting() && namespaceAccepted(d, s, k.Namespace) {
		_, ours, problem := classOf(d, ing)
		switch {
		case problem != nil:
			f.Problems = append(f.Problems, *problem)
		case !ours:
		case len(ing.Body.GetRules()) == 0:
			f.problem(ing.Ref, ing.UID, reasonNoRules,
				"the Ingress has no rules: spec.defaultBackend is not served, add a rule with a host")
		case len(hostsOf(s, ing)) == 0:
			f.problem(ing.Ref, ing.UID, reasonNoRules,
				"no rule names a host, and cloud %q has no DNS sub-domain to make one in: name a host", s.Cloud)
		}
	}
	f.Deps = d.refs()
	f.sort()
	return f
}
