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
	for _, svc := range servicesIn(d.v, k.Namespace) {
		if svc.Body.GetType() == serviceTypeLoadBalancer && sharedVIPKey(svc) == k.Name {
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

// sharedAgree says whether the members agree, and tells them if not: a foreign
// class, another address than the oldest asks for, another AviInfraSetting or
// L4Rule. One that asks for no address takes the others' (l4-infra.md §1.9).
func sharedAgree(f *Fragment, d *deps, s *Settings, k UnitKey, members []mirror.Object[*akohubv1.Service]) bool {
	why := ""
	if other, ok := d.Service(k.Namespace, k.Name); ok && sharedVIPKey(other) == "" && takesL4(d, s, other) {
		why = "a Service of the same name has a virtual service of its own"
	}
	first := members[0]
	address, _ := preferredAddress(first.Body)
	for _, m := range members {
		mine, _ := preferredAddress(m.Body)
		switch {
		case why != "":
		case !ourClass(s, m.Body):
			why = "Service " + m.Ref.Name + " has another load-balancer class"
		case mine != "" && mine != address:
			why = "Services " + first.Ref.Name + " and " + m.Ref.Name + " ask for different addresses"
		case annotationOf(m, infraSettingAnnotation) != annotationOf(first, infraSettingAnnotation):
			why = "Services " + first.Ref.Name + " and " + m.Ref.Name + " name different AviInfraSettings"
		case annotationOf(m, l4RuleAnnotation) != annotationOf(first, l4RuleAnnotation):
			why = "Services " + first.Ref.Name + " and " + m.Ref.Name + " name different L4Rules"
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

func annotationOf(svc mirror.Object[*akohubv1.Service], name string) string {
	return svc.Body.GetMeta().GetAnnotations()[name]
}

// sharedVIP is the translation of the Services that share a VIP.
type sharedVIP struct {
	f      *Fragment
	d      *deps
	s      *Settings
	k      UnitKey
	vsName string
	group  []marker
	rules  []l4Rule
	fqdns  []string
	from   []mirror.Ref
	// taken says which Service has a port.
	taken map[l4Listener]string
	// waiting publish the members that can't be served as they are.
	waiting []func()
}

// l4Listener is a port of a virtual service.
type l4Listener struct {
	protocol string
	port     int32
}

func buildShared(f *Fragment, d *deps, s *Settings, k UnitKey, members []mirror.Object[*akohubv1.Service]) {
	t := sharedVIP{
		f: f, d: d, s: s, k: k,
		vsName: l4Name(s, k.Namespace, k.Name),
		group:  []marker{mark(markerNamespace, k.Namespace), mark(markerGatewayName, k.Name)},
		taken:  map[l4Listener]string{},
	}
	ip, wish := preferredIP(f, s, members[0])
	for _, svc := range members {
		f.Marks = append(f.Marks, nplMark(s, svc)...)
		t.member(svc, wish)
	}
	if len(t.rules) == 0 {
		for _, publish := range t.waiting {
			if f.Held {
				publish()
			}
		}
		return
	}
	f.Held = false // the others are served
	slices.SortFunc(t.rules, func(a, b l4Rule) int {
		return strings.Compare(a.port.Protocol+"-"+itoa(a.port.Number), b.port.Protocol+"-"+itoa(b.port.Number))
	})
	sortRefs(t.from)
	add := func(typ string, body any) {
		f.Objects = append(f.Objects, Object{Key: Key{Tenant: s.Tenant, Type: typ, Name: t.vsName}, Body: body, From: t.from})
	}
	vs := buildL4VirtualService(s, t.vsName, s.Tenant, t.rules)
	vs.Markers = markers(s, t.group...)
	vs.ServiceMetadata = serviceMetadata{HostNames: sortedNames(t.fqdns)}.text()
	add(typeVirtualService, vs)
	add(typeVsVip, buildVsVip(s, t.vsName, s.Tenant, t.fqdns, vsVipOptions{StaticIP: ip}))
	add(typeL4PolicySet, buildL4PolicySet(s, t.vsName, s.Tenant, t.rules, markers(s, t.group...)))
}

// member adds a Service and its pools. A member that can't be served does not
// keep the others from it.
//
// Its status, and what its pools say, carry its generated name even where the
// annotation of external-dns puts another one into DNS: so it is with AKO, and
// what a GSLB made of it is known by that name (l4-infra.md §1.9).
func (t *sharedVIP) member(svc mirror.Object[*akohubv1.Service], wish bool) {
	if unsupportedL4(t.f, t.d, svc) {
		return
	}
	s, k := t.s, t.k
	ports := servedPorts(t.f, s, svc, t.vsName, func(m portMatch) string { return sharedPoolName(s, k, svc.Ref.Name, m) })
	var names []string
	if name := autoFQDNForService(s, svc.Ref.Namespace, svc.Ref.Name); name != "" {
		names = []string{name}
	}
	if len(ports) == 0 || !wish {
		t.waiting = append(t.waiting, func() { publishService(t.f, svc, s.Tenant, t.vsName, names) })
		return
	}
	had := len(t.rules)
	for _, m := range ports {
		listener := l4Listener{m.Protocol, m.Number}
		if owner, ok := t.taken[listener]; ok {
			t.f.problem(svc.Ref, svc.UID, reasonSharedVIPConflict,
				"port %d/%s of the shared VIP %q belongs to Service %s already", m.Number, m.Protocol, k.Name, owner)
			continue
		}
		t.taken[listener] = svc.Ref.Name
		pool := sharedPoolName(s, k, svc.Ref.Name, m)
		t.rules = append(t.rules, l4Rule{port: m, pool: pool})
		t.f.Objects = append(t.f.Objects, Object{
			Key: Key{Tenant: s.Tenant, Type: typePool, Name: pool},
			Body: buildL4Pool(s, l4Pool{
				name:    pool,
				tenant:  s.Tenant,
				port:    m,
				servers: l4Servers(t.f, t.d, s, svc, m),
				markers: markers(s, append(slices.Clone(t.group), mark(markerServiceName, svc.Ref.Name),
					mark(markerProtocol, m.Protocol), mark(markerPort, itoa(m.Number)))...),
				metadata: serviceMetadata{
					NamespaceServiceName: []string{k.Namespace + "/" + svc.Ref.Name},
					HostNames:            names,
				},
			}),
			From: []mirror.Ref{svc.Ref},
		})
	}
	if len(t.rules) > had {
		t.fqdns = append(t.fqdns, sharedFQDNs(s, svc, names)...)
		t.from = append(t.from, svc.Ref)
		publishService(t.f, svc, s.Tenant, t.vsName, names)
	}
}

// sharedPoolName is the name of the pool of a Service's port behind a shared
// VIP.
func sharedPoolName(s *Settings, k UnitKey, service string, port portMatch) string {
	return encode(s, s.namePrefix()+k.Namespace+"-"+service+"-"+k.Name+"-"+port.Protocol+"-"+itoa(port.Number))
}

// sharedFQDNs are the DNS names of a Service behind a shared VIP. Unlike with
// a VIP of its own, external-dns's annotation counts whenever the cloud has a
// DNS profile.
func sharedFQDNs(s *Settings, svc mirror.Object[*akohubv1.Service], generated []string) []string {
	if name := annotationOf(svc, externalDNSAnnotation); name != "" && subDomain(s) != "" {
		return []string{name}
	}
	return generated
}
