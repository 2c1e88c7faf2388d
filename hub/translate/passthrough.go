package translate

import (
	"slices"
	"strings"

	"github.com/vmware/alb-sdk/go/models"
)

// passthroughHost builds the host's part of a pair of shared virtual services
// that don't end TLS: a pool group with a pool for each Service (l7.md §14).
// Paths can't be told apart then.
func (b *hostBuilder) passthroughHost(tenant string, claims []*claim) {
	group := passthroughGroupName(b.s, b.host)
	parent := b.contribution(tenant, passthroughParentName(b.s, b.host), claims)
	if b.tooLong(claims[0], group) {
		return
	}
	owners := map[string]*claim{}
	ports := map[string]string{}
	var members []*models.PoolGroupMember
	for _, c := range claims {
		for _, p := range c.paths {
			service := p.backend.GetServiceName()
			switch owner := owners[service]; {
			case owner == nil:
			case owner.ing.Ref.Namespace == c.ing.Ref.Namespace && ports[service] == portText(p.backend):
				continue
			default:
				b.f.problem(c.ing.Ref, c.ing.UID, reasonDuplicateHostPath,
					"Service %s/%s, port %s, is not reached: behind passthrough host %q another Service or port of the same name is there already, by Ingress %s",
					c.ing.Ref.Namespace, service, portText(p.backend), b.host, owner.name())
				continue
			}
			owners[service], ports[service] = c, portText(p.backend)
			name := passthroughPoolName(b.s, b.host, service)
			if b.tooLong(c, name) {
				continue
			}
			b.add(tenant, typePool, name, b.pool(c, p.backend, name,
				markers(b.s, mark(markerHost, b.host), mark(markerServiceName, service))), c.ing.Ref)
			members = append(members, member(name))
		}
	}
	b.reportSpread(claims, owners)
	slices.SortFunc(members, func(x, y *models.PoolGroupMember) int { return strings.Compare(*x.PoolRef, *y.PoolRef) })
	b.add(tenant, typePoolGroup, group, &models.PoolGroup{
		Name:                   &group,
		TenantRef:              ref("tenant", tenant),
		CloudRef:               ref("cloud", b.s.Cloud),
		CreatedBy:              ptr(b.s.CreatedBy()),
		ImplicitPriorityLabels: ptr(false),
		Members:                members,
		Markers:                markers(b.s, mark(markerHost, b.host)),
	}, parent.From...)
	parent.FQDNs = []string{b.host}
	parent.RedirectHosts = []string{b.host}
	parent.PoolGroups = []string{group}
	vs := Key{Tenant: tenant, Type: typeVirtualService, Name: parent.Parent.Name}
	for _, c := range claims {
		b.publish(c, vs, parent.Parent.Name)
	}
	b.f.Contributions = append(b.f.Contributions, parent)
}

// reportSpread tells that several Services take turns behind the host.
func (b *hostBuilder) reportSpread(claims []*claim, services map[string]*claim) {
	if len(services) < 2 {
		return
	}
	for _, c := range claims {
		b.f.problem(c.ing.Ref, c.ing.UID, reasonDuplicateHostPath,
			"paths of host %q can't be told apart with TLS passthrough: its %d Services take turns", b.host, len(services))
	}
}

// passthroughParent builds a pair of virtual services at one address: one that
// hands TLS connections to the host's pool group, and one that redirects plain
// requests to it. Both stay when their last host goes (l7.md §14.3).
func passthroughParent(s *Settings, key ParentKey, p parts) []Object {
	insecure := ParentKey{Tenant: key.Tenant, Name: key.Name + insecureSuffix}
	redirects := len(p.redirect) > 0 || p.empty
	vs := parentService(s, key)
	vs.ApplicationProfileRef = ref("applicationprofile", "System-L4-Application")
	vs.Services = []*models.Service{portRange(443)}
	vs.RemoveListeningPortOnVsDown = ptr(true)
	vs.VsDatascripts = []*models.VSDataScripts{{
		Index:              ptr(int32(0)),
		VsDatascriptSetRef: ref(typeDataScriptSet, key.Name),
	}}
	if redirects {
		vs.ServiceMetadata = serviceMetadata{PassthroughChildRef: insecure.Name}.text()
	}
	out := key.objects(p.from, map[string]any{
		typeVirtualService: vs,
		typeVsVip:          buildVsVip(s, key.Name, key.Tenant, p.fqdns, vsVipOptions{}),
		typeDataScriptSet:  serverNameScriptSet(s, key.Name, key.Tenant, p.groups),
	})
	if !redirects {
		return out
	}
	plain := parentService(s, insecure)
	plain.VsvipRef = ref(typeVsVip, key.Name)
	plain.Services = []*models.Service{portRange(80)}
	plain.ServiceMetadata = serviceMetadata{PassthroughParentRef: key.Name}.text()
	bodies := map[string]any{typeVirtualService: plain}
	if set := redirectSet(s, plain, key.Tenant, p.redirect); set != nil {
		bodies[typeHTTPPolicySet] = set
	}
	out = append(out, insecure.objects(p.from, bodies)...)
	sortObjects(out)
	return out
}

// portRange is a port of a passthrough virtual service, the same in all modes.
func portRange(port uint32) *models.Service {
	return &models.Service{Port: &port, PortRangeEnd: ptr(port), EnableSsl: ptr(false), EnableHttp2: ptr(false)}
}
