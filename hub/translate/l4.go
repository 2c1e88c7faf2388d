package translate

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// Annotations of a Service that change its virtual service (l4-infra.md §1).
const (
	loadBalancerIPAnnotation     = "ako.vmware.com/load-balancer-ip"
	applicationProfileAnnotation = "ako.vmware.com/application-profile"
	disableTrafficAnnotation     = "ako.vmware.com/disable-traffic"
	sharedVIPAnnotation          = "ako.vmware.com/enable-shared-vip"
	externalDNSAnnotation        = "external-dns.alpha.kubernetes.io/hostname"
	skipNodePortAnnotation       = "skipnodeport.ako.vmware.com/enabled"
	l4RuleAnnotation             = "ako.vmware.com/l4rule"
)

// Reasons of problems with a Service.
const (
	reasonNoPorts             = "NoPorts"
	reasonInvalidIP           = "InvalidLoadBalancerIP"
	reasonIPNotSupported      = "LoadBalancerIPNotSupported"
	reasonInvalidHostname     = "InvalidHostname"
	reasonUnsupportedProtocol = "UnsupportedProtocol"
	reasonNoNodePort          = "NoNodePort"
)

// l4Unit translates a Service of type LoadBalancer to a virtual service of its
// own: VsVip, one pool a port, and a policy set that picks the pool by port and
// protocol (l4-infra.md §1). A Service that is not the hub's to serve, or is
// gone, gives nothing.
func l4Unit(d *deps, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	svc, ok := d.Service(k.Namespace, k.Name)
	if ok && takesL4(d, s, svc) && sharedVIPKey(svc) == "" {
		t := l4Service{d: d, s: s, svc: svc, tenant: namespaceTenant(d, s, k.Namespace)}
		t.build(&f)
		f.Marks = nplMark(s, svc)
	}
	f.Deps = d.refs()
	f.sort()
	return f
}

// l4Service is the translation of one Service.
type l4Service struct {
	d      *deps
	s      *Settings
	svc    mirror.Object[*akohubv1.Service]
	tenant string
}

func (t *l4Service) build(f *Fragment) {
	ns, name := t.svc.Ref.Namespace, t.svc.Ref.Name
	vsName := l4Name(t.s, ns, name)
	if unsupportedL4(f, t.d, t.svc) {
		return
	}
	ip, wish := preferredIP(f, t.s, t.svc)
	ports := servedPorts(f, t.s, t.svc, vsName, func(m portMatch) string { return l4PoolName(t.s, ns, name, m) })
	fqdns := serviceFQDNs(t.s, t.svc)
	if f.Held || len(ports) > 0 {
		publishService(f, t.svc, t.tenant, vsName, fqdns)
	}
	if len(ports) == 0 || !wish {
		return
	}

	add := func(typ, name string, body any) {
		f.Objects = append(f.Objects, Object{
			Key:  Key{Tenant: t.tenant, Type: typ, Name: name},
			Body: body,
			From: []mirror.Ref{t.svc.Ref},
		})
	}
	byName := []marker{mark(markerNamespace, ns), mark(markerServiceName, name)}
	rules := make([]l4Rule, 0, len(ports))
	for _, m := range ports {
		pool := l4PoolName(t.s, ns, name, m)
		add(typePool, pool, buildL4Pool(t.s, l4Pool{
			name:    pool,
			tenant:  t.tenant,
			port:    m,
			servers: l4Servers(f, t.d, t.s, t.svc, m),
			markers: markers(t.s, append(slices.Clone(byName), mark(markerPort, itoa(m.Number)))...),
		}))
		rules = append(rules, l4Rule{port: m, pool: pool})
	}
	protocols := protocolsOf(rules)
	add(typeL4PolicySet, vsName, buildL4PolicySet(t.s, vsName, t.tenant, rules,
		markers(t.s, append(slices.Clone(byName), mark(markerProtocol, strings.Join(protocols, ",")))...)))
	add(typeVsVip, vsName, buildVsVip(t.s, vsName, t.tenant, fqdns, vsVipOptions{StaticIP: ip}))
	vs := buildL4VirtualService(t.s, vsName, t.tenant, rules)
	vs.Markers = markers(t.s, byName...)
	vs.ServiceMetadata = serviceMetadata{NamespaceServiceName: []string{ns + "/" + name}, HostNames: fqdns}.text()
	vs.TrafficEnabled = ptr(!strings.EqualFold(t.annotation(disableTrafficAnnotation), "true"))
	if profile := t.annotation(applicationProfileAnnotation); profile != "" {
		vs.ApplicationProfileRef = ref("applicationprofile", profile)
	}
	add(typeVirtualService, vsName, vs)
}

func (t *l4Service) annotation(key string) string { return t.svc.Body.GetMeta().GetAnnotations()[key] }

// unsupportedL4 says whether a Service asks for settings that translation does
// not have yet and that decide where the VIP is: rather no objects than wrong
// ones. An L4Rule is told of too, but without it the Service is served as if
// the rule had not been accepted (l4-infra.md §1.10, §1.11).
func unsupportedL4(f *Fragment, d *deps, svc mirror.Object[*akohubv1.Service]) bool {
	annotations := svc.Body.GetMeta().GetAnnotations()
	setting := annotations[infraSettingAnnotation]
	if setting == "" {
		if ns, ok := d.Namespace(svc.Ref.Namespace); ok {
			setting = ns.Body.GetMeta().GetAnnotations()[infraSettingAnnotation]
		}
	}
	if setting != "" {
		f.problem(svc.Ref, svc.UID, reasonUnsupportedMode,
			"AviInfraSetting %s is asked for, which this version of akohub does not serve: nothing is made for the Service", setting)
		return true
	}
	if rule := annotations[l4RuleAnnotation]; rule != "" {
		f.problem(svc.Ref, svc.UID, reasonUnsupportedMode,
			"L4Rule %s is asked for, which this version of akohub does not apply: the Service is served without it", rule)
	}
	return false
}

// servedPorts are the ports of a Service that can be served, in its order; the
// owner is told of the others. A port whose pool would have too long a name is
// left out alone, as with AKO. One that the mode can't serve keeps the whole
// Service from being changed: what is there stays, as with AKO too
// (l4-infra.md §0 "Max Avi object name", §1.4).
func servedPorts(f *Fragment, s *Settings, svc mirror.Object[*akohubv1.Service], vsName string, poolName func(portMatch) string) []portMatch {
	ports := svc.Body.GetPorts()
	if len(ports) == 0 {
		f.problem(svc.Ref, svc.UID, reasonNoPorts,
			"the Service has no ports, so there is nothing to balance: add an entry to spec.ports")
		return nil
	}
	if nameTooLong(vsName) {
		f.problem(svc.Ref, svc.UID, reasonNameTooLong,
			"the Avi name %q has %d bytes, Avi takes %d: shorten the name of the Service or of its namespace",
			vsName, len(vsName), maxNameLength)
		return nil
	}
	out := make([]portMatch, 0, len(ports))
	for _, p := range ports {
		m := matchOf(p)
		switch name := l4RuleName(poolName(m)); {
		case l4Protocols[m.Protocol].match == "":
			f.problem(svc.Ref, svc.UID, reasonUnsupportedProtocol,
				"port %d has the protocol %s: only TCP, UDP and SCTP can be served, and nothing is changed for the Service until then",
				m.Number, m.Protocol)
			f.Held = true
			return nil
		case m.Protocol == protocolSCTP && s.ServiceType == serviceTypeNodePortLocal:
			f.problem(svc.Ref, svc.UID, reasonUnsupportedProtocol,
				"port %d has the protocol SCTP, which cannot be served in the mode NodePortLocal: nothing is changed for the Service until then",
				m.Number)
			f.Held = true
			return nil
		case nameTooLong(name):
			f.problem(svc.Ref, svc.UID, reasonNameTooLong,
				"the Avi name %q has %d bytes, Avi takes %d: port %d is left out; shorten the name of the Service or of its namespace",
				name, len(name), maxNameLength, m.Number)
		default:
			out = append(out, m)
		}
	}
	return out
}

// preferredAddress is the address that a Service asks for as it is written, and
// where: spec.loadBalancerIP, else the annotation (l4-infra.md §1.5).
func preferredAddress(svc *akohubv1.Service) (text, where string) {
	if text := svc.GetLoadBalancerIp(); text != "" {
		return text, "spec.loadBalancerIP"
	}
	return svc.GetMeta().GetAnnotations()[loadBalancerIPAnnotation], "the annotation " + loadBalancerIPAnnotation
}

// preferredIP returns the address that a Service asks for, or the zero value,
// and whether it may be served.
//
// A wish that can't be granted is told to the owner. A Service that has an
// address keeps it and is served on: what is not asked for is not changed. One
// that has none gets none before the wish is corrected, since an address once
// given stays.
func preferredIP(f *Fragment, s *Settings, svc mirror.Object[*akohubv1.Service]) (netip.Addr, bool) {
	text, where := preferredAddress(svc.Body)
	if text == "" {
		return netip.Addr{}, true
	}
	ip, err := netip.ParseAddr(text)
	switch {
	case err == nil && ip.Zone() == "" && takesStaticIP(s):
		return ip, true
	case err == nil && ip.Zone() == "":
		f.problem(svc.Ref, svc.UID, reasonIPNotSupported,
			"%s asks for %s, but on clouds of type %s an address cannot be asked for: it is ignored", where, text, s.CloudType)
		return netip.Addr{}, true
	case len(svc.Body.GetStatus()) > 0:
		f.problem(svc.Ref, svc.UID, reasonInvalidIP,
			"%s is %q, which is no IP address: correct or remove it; until then the Service keeps the address it has", where, text)
		return netip.Addr{}, true
	}
	f.Held = true
	f.problem(svc.Ref, svc.UID, reasonInvalidIP,
		"%s is %q, which is no IP address: correct or remove it; until then nothing is made for the Service", where, text)
	return netip.Addr{}, false
}

// serviceFQDNs returns the DNS names of a Service with a virtual service of its
// own: external-dns's annotation as it stands, else a generated one
// (l4-infra.md §1.6).
func serviceFQDNs(s *Settings, svc mirror.Object[*akohubv1.Service]) []string {
	if !autoFQDNEnabled(s) {
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

// l4Servers are the servers of a port. A Service can ask for its endpoints even
// where nodes are used otherwise (l4-infra.md §1.8).
func l4Servers(f *Fragment, d *deps, s *Settings, svc mirror.Object[*akohubv1.Service], port portMatch) []*models.Server {
	if s.ServiceType == serviceTypeNodePort {
		if _, skip := svc.Body.GetMeta().GetAnnotations()[skipNodePortAnnotation]; skip {
			return serverModels(endpointServers(d, s, svc, port))
		}
		if nodePortOf(svc.Body, port) == 0 {
			f.problem(svc.Ref, svc.UID, reasonNoNodePort,
				"port %d has no node port, through which the cluster's backends are reached: its pool has no servers; "+
					"set spec.allocateLoadBalancerNodePorts, or the annotation %s", port.Number, skipNodePortAnnotation)
		}
	}
	return buildServers(d, s, svc.Ref.Namespace, svc.Ref.Name, port)
}

// publishService says what the Service's status and annotations carry: the
// first name in order, and annotations only with a name (l4-infra.md §1.12).
//
// A name that Kubernetes would refuse in a status is told to the owner, and what
// the Service shows stays, as with AKO, whose write fails.
func publishService(f *Fragment, svc mirror.Object[*akohubv1.Service], tenant, vsName string, fqdns []string) {
	host := ""
	if len(fqdns) > 0 {
		host = slices.Min(fqdns)
	}
	keep := host != "" && !validStatusHost(host)
	if keep {
		f.problem(svc.Ref, svc.UID, reasonInvalidHostname,
			"the DNS name %q is not one that a status can carry: give a single name in the annotation %s",
			host, externalDNSAnnotation)
	}
	f.Publications = append(f.Publications, Publication{
		Object:         svc.Ref,
		UID:            svc.UID,
		Host:           host,
		VirtualService: Key{Tenant: tenant, Type: typeVirtualService, Name: vsName},
		VsVip:          Key{Tenant: tenant, Type: typeVsVip, Name: vsName},
		Status:         !keep,
		Annotate:       !keep && host != "",
		Keep:           keep,
	})
}
