package translate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	"github.com/akohub/akohub/pkg/kinds"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// loadBalancerClass is the class of Services that are for Avi.
const loadBalancerClass = "ako.vmware.com/avi-lb"

const serviceTypeLoadBalancer = "LoadBalancer"

// takesL4 says whether a Service is one to make a virtual service for: its type
// and class, and whether its namespace is served (l4-infra.md §1.1).
func takesL4(v mirror.View, s *Settings, svc mirror.Object[*akohubv1.Service]) bool {
	return !s.Layer7Only &&
		svc.Body.GetType() == serviceTypeLoadBalancer &&
		ourClass(s, svc.Body) &&
		namespaceAccepted(v, s, svc.Ref.Namespace)
}

// ourClass says whether a Service's load-balancer class is ours. Another class
// is somebody else's and no problem.
func ourClass(s *Settings, svc *akohubv1.Service) bool {
	if svc.LoadBalancerClass == nil {
		return s.DefaultLBController
	}
	return svc.GetLoadBalancerClass() == loadBalancerClass
}

// l4UnitsOf returns the L4 units that an object takes part in as it stands now:
// a Service its own, a slice or Pod those of its Services, a Namespace those of
// its Services, a Node all where node ports are used.
func l4UnitsOf(v mirror.View, s *Settings, ref mirror.Ref) []UnitKey {
	if s.Layer7Only {
		return nil
	}
	switch ref.Kind {
	case kinds.Service:
		if svc, ok := v.Service(ref.Namespace, ref.Name); ok {
			if k, ok := l4UnitOf(v, s, svc); ok {
				return []UnitKey{k}
			}
		}
	case kinds.EndpointSlice:
		if slice, ok := v.EndpointSlice(ref.Namespace, ref.Name); ok {
			return l4UnitsOf(v, s, mirror.Ref{Kind: kinds.Service, Namespace: ref.Namespace, Name: slice.Body.GetServiceName()})
		}
	case kinds.Namespace:
		return l4UnitsWhere(v, s, func(svc mirror.Object[*akohubv1.Service]) bool {
			return svc.Ref.Namespace == ref.Name
		})
	case kinds.Node:
		if s.ServiceType == serviceTypeNodePort {
			return allL4Units(v, s)
		}
	case kinds.Pod:
		if s.ServiceType != serviceTypeNodePortLocal {
			return nil
		}
		return l4UnitsWhere(v, s, func(svc mirror.Object[*akohubv1.Service]) bool {
			sel := svc.Body.GetSelector()
			return svc.Ref.Namespace == ref.Namespace && len(sel) > 0 && slices.ContainsFunc(
				v.PodsOf(ref.Namespace, sel),
				func(p mirror.Object[*akohubv1.Pod]) bool { return p.Ref.Name == ref.Name })
		})
	}
	return nil
}

// allL4Units returns every L4 unit of a cluster, sorted.
func allL4Units(v mirror.View, s *Settings) []UnitKey {
	return l4UnitsWhere(v, s, func(mirror.Object[*akohubv1.Service]) bool { return true })
}

// l4UnitsWhere returns the units of the Services that are taken and for which
// want holds, sorted, without doubles.
func l4UnitsWhere(v mirror.View, s *Settings, want func(mirror.Object[*akohubv1.Service]) bool) []UnitKey {
	if s.Layer7Only {
		return nil
	}
	var out []UnitKey
	for _, svc := range v.Services() {
		if svc.Body.GetType() != serviceTypeLoadBalancer || !want(svc) {
			continue
		}
		if k, ok := l4UnitOf(v, s, svc); ok {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, compareUnits)
	return slices.Compact(out)
}

// l4UnitOf is the unit of a Service: that of its shared VIP where it names one,
// else its own. To a shared VIP a Service matters whatever its class is, since
// a foreign class is a conflict there (l4-infra.md §1.9).
func l4UnitOf(v mirror.View, s *Settings, svc mirror.Object[*akohubv1.Service]) (UnitKey, bool) {
	if key := sharedVIPKey(svc); key != "" {
		ok := !s.Layer7Only && svc.Body.GetType() == serviceTypeLoadBalancer && namespaceAccepted(v, s, svc.Ref.Namespace)
		return UnitKey{Kind: UnitL4Shared, Namespace: svc.Ref.Namespace, Name: key}, ok
	}
	return UnitKey{Kind: UnitL4, Namespace: svc.Ref.Namespace, Name: svc.Ref.Name}, takesL4(v, s, svc)
}

// compareUnits orders units by kind, namespace and name.
func compareUnits(a, b UnitKey) int {
	return cmp.Or(
		strings.Compare(string(a.Kind), string(b.Kind)),
		strings.Compare(a.Namespace, b.Namespace),
		strings.Compare(a.Name, b.Name),
	)
}
