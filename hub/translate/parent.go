package translate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
)

// vhEnhanced is the type of virtual hosting in which parents show the
// certificates and children may match on more than the host.
const vhEnhanced = "VS_TYPE_VH_ENHANCED"

// parts are all contributions to a parent, put together: lists are sorted,
// without doubles.
type parts struct {
	fqdns        []string
	redirect     []string
	members      []*models.PoolGroupMember
	groups       []string
	certificates []string
	from         []mirror.Ref
	// keepsRedirect: see Contribution.
	keepsRedirect bool
}

func gather(cs []Contribution) parts {
	var p parts
	for _, c := range cs {
		p.fqdns = append(p.fqdns, c.FQDNs...)
		p.redirect = append(p.redirect, c.RedirectHosts...)
		p.members = append(p.members, c.Members...)
		p.groups = append(p.groups, c.PoolGroups...)
		p.certificates = append(p.certificates, c.CertificateNames...)
		p.from = append(p.from, c.From...)
		p.keepsRedirect = p.keepsRedirect || c.KeepsRedirect
	}
	for _, names := range []*[]string{&p.redirect, &p.groups, &p.certificates} {
		*names = sortedNames(*names)
	}
	slices.SortFunc(p.members, func(a, b *models.PoolGroupMember) int {
		return cmp.Or(strings.Compare(*a.PoolRef, *b.PoolRef), strings.Compare(*a.PriorityLabel, *b.PriorityLabel))
	})
	p.members = slices.CompactFunc(p.members, func(a, b *models.PoolGroupMember) bool { return *a.PoolRef == *b.PoolRef })
	p.from = sortRefs(p.from)
	return p
}

// objects are those of a parent that carry its name, sorted.
func (key ParentKey) objects(from []mirror.Ref, bodies map[string]any) []Object {
	out := make([]Object, 0, len(bodies))
	for typ, body := range bodies {
		out = append(out, Object{Key: Key{Tenant: key.Tenant, Type: typ, Name: key.Name}, Body: body, From: from})
	}
	sortObjects(out)
	return out
}

// parentService is what all shared virtual services have in common (l7.md
// §17.1, §17.3).
func parentService(s *Settings, key ParentKey) *models.VirtualService {
	vs := &models.VirtualService{
		Name:                  ptr(key.Name),
		TenantRef:             ref("tenant", key.Tenant),
		CloudRef:              ref("cloud", s.Cloud),
		CreatedBy:             ptr(s.CreatedBy()),
		ApplicationProfileRef: ref("applicationprofile", "System-HTTP"),
		NetworkProfileRef:     ref("networkprofile", "System-TCP-Proxy"),
		SeGroupRef:            ref("serviceenginegroup", s.SEGroup),
		VsvipRef:              ref(typeVsVip, key.Name),
		Markers:               markers(s),
		ServiceMetadata:       serviceMetadata{}.text(),
	}
	placeParent(s, vs)
	return vs
}

// placeParent says where a virtual service with an address of its own lives,
// and whether its address is told to routers.
func placeParent(s *Settings, vs *models.VirtualService) {
	if s.T1LR == "" {
		vs.VrfContextRef = ref("vrfcontext", s.VRF)
	}
	if s.EnableRHI {
		vs.EnableRhi = ptr(true)
	}
}

// sniParent builds a shared virtual service and what hangs on it: the VsVip
// with the names of all hosts; the pool group of the plain hosts and the data
// script that picks from it; the redirect of hosts with certificates from port
// 80 to 443 (l7.md §9). Pool group and data script are there even if no plain
// host is.
func sniParent(s *Settings, key ParentKey, p parts) []Object {
	name, tenant := key.Name, key.Tenant
	vs := parentService(s, key)
	vs.Type = ptr("VS_TYPE_VH_PARENT")
	vs.Services = []*models.Service{service(s, 80, false), service(s, 443, true)}
	vs.VsDatascripts = []*models.VSDataScripts{{
		Index:              ptr(int32(0)),
		VsDatascriptSetRef: ref(typeDataScriptSet, name),
	}}
	bodies := map[string]any{
		typeVirtualService: vs,
		typeVsVip:          parentVsVip(s, key, p, vsVipOptions{}),
		typePoolGroup: &models.PoolGroup{
			Name:                   &name,
			TenantRef:              ref("tenant", tenant),
			CloudRef:               ref("cloud", s.Cloud),
			CreatedBy:              ptr(s.CreatedBy()),
			ImplicitPriorityLabels: ptr(true),
			Members:                p.members,
			Markers:                markers(s),
		},
		typeDataScriptSet: hostPathScriptSet(s, name, tenant, p.members),
	}
	if set := redirectSet(s, vs, tenant, p.redirect); set != nil {
		bodies[typeHTTPPolicySet] = set
	}
	return key.objects(p.from, bodies)
}

// enhancedParent builds a shared virtual service of enhanced virtual hosting:
// the VsVip with the names of all hosts, and the certificates of all children.
// Routing and redirects are the children's (l7.md §12.1).
func enhancedParent(s *Settings, key ParentKey, p parts) []Object {
	vs := parentService(s, key)
	vs.Type = ptr("VS_TYPE_VH_PARENT")
	vs.VhType = ptr(vhEnhanced)
	vs.Services = []*models.Service{service(s, 80, false), service(s, 443, true)}
	for _, name := range p.certificates {
		vs.SslKeyAndCertificateRefs = append(vs.SslKeyAndCertificateRefs, refTo(typeCertificate, name))
	}
	return key.objects(p.from, map[string]any{
		typeVirtualService: vs,
		typeVsVip:          parentVsVip(s, key, p, vsVipOptions{WithoutPeers: true}),
	})
}

// parentVsVip builds the VsVip of a parent that generates a name for itself.
func parentVsVip(s *Settings, key ParentKey, p parts, opts vsVipOptions) *models.VsVip {
	fqdns := append([]string{autoFQDNForParent(s, key.Tenant, key.Name)}, p.fqdns...)
	return buildVsVip(s, key.Name, key.Tenant, fqdns, opts)
}

// service is a port that a virtual service listens to. EVH goes without the end
// of the range (l7.md §17.3).
func service(s *Settings, port uint32, ssl bool) *models.Service {
	sv := &models.Service{Port: &port, EnableSsl: &ssl, EnableHttp2: ptr(false)}
	if !s.EVH {
		sv.PortRangeEnd = ptr(port)
	}
	return sv
}

// redirectSet builds the policy set that sends hosts from HTTP to HTTPS, named
// like its virtual service, and attaches it; nil: there are no such hosts.
func redirectSet(s *Settings, vs *models.VirtualService, tenant string, hosts []string) *models.HTTPPolicySet {
	if len(hosts) == 0 {
		return nil
	}
	vs.HTTPPolicies = []*models.HTTPPolicies{{
		Index:            ptr(int32(firstPolicyIndex)),
		HTTPPolicySetRef: ref(typeHTTPPolicySet, *vs.Name),
	}}
	return policySet(s, *vs.Name, tenant, redirectRules(*vs.Name, hosts), markers(s))
}

// redirectRules send the hosts from HTTP to HTTPS, in one rule (l7.md §9.3).
func redirectRules(policySet string, hosts []string) []*models.HTTPRequestRule {
	return []*models.HTTPRequestRule{{
		Index:  ptr(int32(0)),
		Name:   ptr(ruleName(policySet, 0)),
		Enable: ptr(true),
		Match: &models.MatchTarget{
			HostHdr: &models.HostHdrMatch{MatchCriteria: ptr("HDR_EQUALS"), Value: hosts},
			VsPort:  &models.PortMatch{MatchCriteria: ptr("IS_IN"), Ports: []int64{80}},
		},
		RedirectAction: &models.HTTPRedirectAction{
			Protocol:   ptr("HTTPS"),
			Port:       ptr(uint32(443)),
			StatusCode: ptr("HTTP_REDIRECT_STATUS_CODE_302"),
		},
	}}
}

// sharedCertificates are the default certificate and its alternate. They are
// there as long as a host uses them. All contributions carry the same ones;
// while a change of the Secret is still under way, the first unit's count.
func sharedCertificates(key ParentKey, cs []Contribution) []Object {
	if len(cs) == 0 {
		return nil
	}
	from := gather(cs).from
	var out []Object
	for _, cert := range cs[0].Certificates {
		out = append(out, Object{Key: Key{Tenant: key.Tenant, Type: typeCertificate, Name: *cert.Name}, Body: cert, From: from})
	}
	sortObjects(out)
	return out
}
