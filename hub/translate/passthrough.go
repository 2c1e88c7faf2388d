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
	t := &turns{owners: map[string]*claim{}, ports: map[string]string{}}
	for _, c := range claims {
		b.noteAll(c, PathStanding{Owner: c.ref, Shared: true})
		for _, p := range c.paths {
			b.passthroughPools(t, c, p)
		}
	}
	b.reportSpread(claims, t)
	members := t.members
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
	if slices.ContainsFunc(claims, func(c *claim) bool { return c.plain == plainRedirected }) {
		parent.RedirectHosts = []string{b.host}
	}
	parent.PoolGroups = []string{group}
	vs := Key{Tenant: tenant, Type: typeVirtualService, Name: parent.Parent.Name}
	for _, c := range claims {
		b.publish(c, vs, parent.Parent.Name)
	}
	b.f.Contributions = append(b.f.Contributions, parent)
}

// turns are the Services behind a passthrough host, which take turns.
type turns struct {
	members []*models.PoolGroupMember
	// owners and ports say by whom a Service is there, and with which port.
	owners map[string]*claim
	ports  map[string]string
	// paths is how many paths lead to them.
	paths int
}

// passthroughPools builds the pools of a path, one for each Service that is not
// there yet.
func (b *hostBuilder) passthroughPools(t *turns, c *claim, p claimPath) {
	before := len(t.owners)
	for _, to := range p.backends {
		port := to.port.text()
		switch owner := t.owners[to.service]; {
		case owner == nil:
		case owner.ref.Namespace == c.ref.Namespace && t.ports[to.service] == port:
			continue
		default:
			b.problem(c, reasonDuplicateHostPath,
				"Service %s/%s, port %s, is not reached: behind passthrough host %q another Service or port of the same name is there already, by %s",
				c.ref.Namespace, to.service, port, b.host, owner.title())
			continue
		}
		t.owners[to.service], t.ports[to.service] = c, port
		name := passthroughPoolName(b.s, b.host, to.service)
		if b.tooLong(c, name) {
			continue
		}
		b.add(c.tenant, typePool, name, b.pool(c, to, name,
			markers(b.s, mark(markerHost, b.host), mark(markerServiceName, to.service)), false), c.ref)
		t.members = append(t.members, member(name, to.weight))
	}
	if len(t.owners) > before {
		t.paths++
	}
}

// reportSpread tells that the Services of several paths take turns behind the
// host. Those of one path are meant to.
func (b *hostBuilder) reportSpread(claims []*claim, t *turns) {
	if t.paths < 2 {
		return
	}
	for _, c := range claims {
		b.problem(c, reasonDuplicateHostPath,
			"paths of host %q can't be told apart with TLS passthrough: its %d Services take turns", b.host, len(t.owners))
	}
}

// passthroughParent builds a pair of virtual services at one address: one that
// hands TLS connections to the host's pool group, and, from the first host on
// that asks for it, one that redirects plain requests to it. They stay when their
// last host goes (l7.md §14.2, §14.3).
func passthroughParent(s *Settings, key ParentKey, p parts) []Object {
	insecure := ParentKey{Tenant: key.Tenant, Name: key.Name + insecureSuffix}
	redirects := len(p.redirect) > 0 || p.keepsRedirect
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
