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
// a Service its own, a slice that of its Service, a Namespace those of its
// Services, a Node all where node ports are used. Units that are served by Pods
// have looked at all of their namespace, so that a Pod need not be asked.
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
		return l4UnitsAmong(v, s, servicesIn(v, ref.Name))
	case kinds.Node:
		if s.ServiceType == serviceTypeNodePort {
			return l4UnitsAmong(v, s, v.Services())
		}
	}
	return nil
}

// l4UnitsAmong returns the units of those Services that are taken, sorted,
// without doubles.
func l4UnitsAmong(v mirror.View, s *Settings, services []mirror.Object[*akohubv1.Service]) []UnitKey {
	var out []UnitKey
	for _, svc := range services {
		if svc.Body.GetType() != serviceTypeLoadBalancer {
			continue
		}
		if k, ok := l4UnitOf(v, s, svc); ok {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, compareUnits)
	return slices.Compact(out)
}

// servicesIn are the Services of a namespace, sorted by name.
func servicesIn(v mirror.View, namespace string) []mirror.Object[*akohubv1.Service] {
	all := v.Services()
	byNamespace := func(svc mirror.Object[*akohubv1.Service], namespace string) int {
		return strings.Compare(svc.Ref.Namespace, namespace)
	}
	from, _ := slices.BinarySearchFunc(all, namespace, byNamespace)
	// No namespace comes between a name and the same with a zero byte.
	to, _ := slices.BinarySearchFunc(all, namespace+"\x00", byNamespace)
	return all[from:to]
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
