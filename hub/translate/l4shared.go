package translate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// UnitL4Shared is the unit of a shared VIP: the Services of a namespace that
// carry the same key. Namespace is theirs and Name is the key.
const UnitL4Shared UnitKind = "l4shared"

// reasonSharedVIPConflict is that Services disagree about the VIP they share.
const reasonSharedVIPConflict = "SharedVIPConflict"

// sharedVIPKey is the key by which Services of a namespace share a VIP; empty:
// the Service has one of its own.
func sharedVIPKey(svc mirror.Object[*akohubv1.Service]) string {
	return svc.Body.GetMeta().GetAnnotations()[sharedVIPAnnotation]
}

// l4SharedUnit translates the Services that share a VIP to one virtual service
// with a pool for each port of each (l4-infra.md §1.9). Where they disagree
// about what they share, there is none, and each owner is told.
func l4SharedUnit(d *deps, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	members := sharedMembers(d, s, k)
	if len(members) > 0 && sharedAgree(&f, d, s, k, members) {
		buildShared(&f, d, s, k, members)
	}
	f.Deps = d.refs()
	f.sort()
	return f
}

// sharedMembers are the Services of a shared VIP, oldest first, whatever their
// class. Only they are noted: a Service that joins says so by UnitsOf.
func sharedMembers(d *deps, s *Settings, k UnitKey) []mirror.Object[*akohubv1.Service] {
	if s.Layer7Only || k.Name == "" || !namespaceAccepted(d, s, k.Namespace) {
		return nil
	}
	var out []mirror.Object[*akohubv1.Service]
	for _, svc := range d.v.Services() {
		if svc.Ref.Namespace == k.Namespace && svc.Body.GetType() == serviceTypeLoadBalancer && sharedVIPKey(svc) == k.Name {
			d.note(svc.Ref)
			out = append(out, svc)
		}
	}
	slices.SortFunc(out, func(a, b mirror.Object[*akohubv1.Service]) int {
		return cmp.Or(
			cmp.Compare(a.Body.GetMeta().GetCreationSeconds(), b.Body.GetMeta().GetCreationSeconds()),
			strings.Compare(a.Ref.Name, b.Ref.Name),
		)
	})
	return out
}

// sharedAgree says whether the members agree, and tells them if not.
func sharedAgree(f *Fragment, d *deps, s *Settings, k UnitKey, members []mirror.Object[*akohubv1.Service]) bool {
	first := members[0]
	why := ""
	if other, ok := d.Service(k.Namespace, k.Name); ok && sharedVIPKey(other) == "" && takesL4(d, s, other) {
		why = "a Service of the same name has a virtual service of its own"
	}
	for _, m := range members {
		switch {
		case !ourClass(s, m.Body):
			why = "Service " + m.Ref.Name + " has another load-balancer class"
		case m.Body.GetLoadBalancerIp() != first.Body.GetLoadBalancerIp(),
			m.Body.GetMeta().GetAnnotations()[loadBalancerIPAnnotation] != first.Body.GetMeta().GetAnnotations()[loadBalancerIPAnnotation]:
			why = "Services " + first.Ref.Name + " and " + m.Ref.Name + " ask for different addresses"
		}
		if why != "" {
			break
		}
	}
	if why == "" {
		return true
	}
	for _, m := range members {
		if ourClass(s, m.Body) {
			f.problem(m.Ref, m.UID, reasonSharedVIPConflict, "the shared VIP %q is not served: %s", k.Name, why)
		}
	}
	return false
}

func buildShared(f *Fragment, d *deps, s *Settings, k UnitKey, members []mirror.Object[*akohubv1.Service]) {
	vsName := l4Name(s, k.Namespace, k.Name)
	group := []marker{mark(markerNamespace, k.Namespace), mark(markerGatewayName, k.Name)}
	var (
		rules []l4Rule
		fqdns []string
		from  []mirror.Ref
		taken = map[string]string{}
		pubs  []func()
	)
	for _, svc := range members {
		if unsupportedL4(f, d, svc) || !checkL4Service(f, s, svc, longestSharedName(s, k, svc, vsName)) {
			continue
		}
		names := sharedFQDNs(s, svc)
		fqdns = append(fqdns, names...)
		from = append(from, svc.Ref)
		for _, p := range svc.Body.GetPorts() {
			m := matchOf(p)
			listener := m.Protocol + "-" + itoa(m.Number)
			if owner, ok := taken[listener]; ok {
				f.problem(svc.Ref, svc.UID, reasonSharedVIPConflict,
					"port %d/%s of the shared VIP %q belongs to Service %s already", m.Number, m.Protocol, k.Name, owner)
				continue
			}
			taken[listener] = svc.Ref.Name
			pool := sharedPoolName(s, k, svc.Ref.Name, m)
			rules = append(rules, l4Rule{port: m, pool: pool})
			f.Objects = append(f.Objects, Object{
				Key: Key{Tenant: s.Tenant, Type: typePool, Name: pool},
				Body: buildL4Pool(s, l4Pool{
					name:    pool,
					tenant:  s.Tenant,
					port:    m,
					servers: l4Servers(f, d, s, svc, m),
					markers: markers(s, append(slices.Clone(group), mark(markerServiceName, svc.Ref.Name),
						mark(markerProtocol, m.Protocol), mark(markerPort, itoa(m.Number)))...),
					metadata: serviceMetadata{
						NamespaceServiceName: []string{k.Namespace + "/" + svc.Ref.Name},
						HostNames:            names,
					},
				}),
				From: []mirror.Ref{svc.Ref},
			})
		}
		pubs = append(pubs, func() { publishService(f, svc, s.Tenant, vsName, names) })
	}
	if len(rules) == 0 {
		return
	}
	for _, publish := range pubs {
		publish()
	}
	slices.SortFunc(rules, func(a, b l4Rule) int {
		return strings.Compare(a.port.Protocol+"-"+itoa(a.port.Number), b.port.Protocol+"-"+itoa(b.port.Number))
	})
	sortRefs(from)
	add := func(typ string, body any) {
		f.Objects = append(f.Objects, Object{Key: Key{Tenant: s.Tenant, Type: typ, Name: vsName}, Body: body, From: from})
	}
	vs := buildL4VirtualService(s, vsName, s.Tenant, rules)
	vs.Markers = markers(s, group...)
	vs.ServiceMetadata = serviceMetadata{HostNames: sortedNames(fqdns)}.text()
	add(typeVirtualService, vs)
	add(typeVsVip, buildVsVip(s, vsName, s.Tenant, fqdns, vsVipOptions{StaticIP: preferredIP(f, s, members[0])}))
	add(typeL4PolicySet, buildL4PolicySet(s, vsName, s.Tenant, rules, markers(s, group...)))
}

// sharedPoolName is the name of the pool of a Service's port behind a shared
// VIP.
func sharedPoolName(s *Settings, k UnitKey, service string, port portMatch) string {
	return encode(s, s.namePrefix()+k.Namespace+"-"+service+"-"+k.Name+"-"+port.Protocol+"-"+itoa(port.Number))
}

func longestSharedName(s *Settings, k UnitKey, svc mirror.Object[*akohubv1.Service], vsName string) string {
	longest := vsName
	for _, p := range svc.Body.GetPorts() {
		if n := l4RuleName(sharedPoolName(s, k, svc.Ref.Name, matchOf(p))); len(n) > len(longest) {
			longest = n
		}
	}
	return longest
}

// sharedFQDNs are the DNS names of a Service behind a shared VIP. Unlike with
// a VIP of its own, external-dns's annotation counts whenever the cloud has a
// DNS profile.
func sharedFQDNs(s *Settings, svc mirror.Object[*akohubv1.Service]) []string {
	if subDomain(s) == "" {
		return nil
	}
	if name := svc.Body.GetMeta().GetAnnotations()[externalDNSAnnotation]; name != "" {
		return []string{name}
	}
	if name := autoFQDNForService(s, svc.Ref.Namespace, svc.Ref.Name); name != "" {
		return []string{name}
	}
	return nil
}
