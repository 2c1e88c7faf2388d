package translate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
)

// parts are all contributions to a parent, put together.
type parts struct {
	fqdns    []string
	redirect []string
	members  []*models.PoolGroupMember
	from     []mirror.Ref
}

func gather(cs []Contribution) parts {
	var p parts
	for _, c := range cs {
		p.fqdns = append(p.fqdns, c.FQDNs...)
		p.redirect = append(p.redirect, c.RedirectHosts...)
		p.members = append(p.members, c.Members...)
		p.from = append(p.from, c.From...)
	}
	slices.Sort(p.redirect)
	p.redirect = slices.Compact(p.redirect)
	slices.SortFunc(p.members, func(a, b *models.PoolGroupMember) int {
		return cmp.Or(strings.Compare(*a.PoolRef, *b.PoolRef), strings.Compare(*a.PriorityLabel, *b.PriorityLabel))
	})
	p.members = slices.CompactFunc(p.members, func(a, b *models.PoolGroupMember) bool { return *a.PoolRef == *b.PoolRef })
	p.from = sortRefs(p.from)
	return p
}

// sharedParent builds a shared virtual service and what hangs on it: the VsVip
// with the names of all hosts; the pool group of the plain hosts and the data
// script that picks from it; the redirect of hosts with certificates from port
// 80 to 443 (l7.md §9). Pool group and data script are there even if no plain
// host is.
func sharedParent(s *Settings, key ParentKey, cs []Contribution) []Object {
	p := gather(cs)
	name, tenant := key.Name, key.Tenant
	fqdns := append([]string{autoFQDNForParent(s, tenant, name)}, p.fqdns...)
	vs := &models.VirtualService{
		Name:                  &name,
		TenantRef:             ref("tenant", tenant),
		CloudRef:              ref("cloud", s.Cloud),
		CreatedBy:             ptr(s.CreatedBy()),
		Type:                  ptr("VS_TYPE_VH_PARENT"),
		ApplicationProfileRef: ref("applicationprofile", "System-HTTP"),
		NetworkProfileRef:     ref("networkprofile", "System-TCP-Proxy"),
		SeGroupRef:            ref("serviceenginegroup", s.SEGroup),
		VsvipRef:              ref(typeVsVip, name),
		Services:              []*models.Service{service(80, false), service(443, true)},
		VsDatascripts: []*models.VSDataScripts{{
			Index:              ptr(int32(0)),
			VsDatascriptSetRef: ref(typeDataScriptSet, name),
		}},
		Markers:         markers(s),
		ServiceMetadata: serviceMetadata{}.text(),
	}
	if s.T1LR == "" {
		vs.VrfContextRef = ref("vrfcontext", s.VRF)
	}
	if s.EnableRHI {
		vs.EnableRhi = ptr(true)
	}
	group := &models.PoolGroup{
		Name:                   &name,
		TenantRef:              ref("tenant", tenant),
		CloudRef:               ref("cloud", s.Cloud),
		CreatedBy:              ptr(s.CreatedBy()),
		ImplicitPriorityLabels: ptr(true),
		Members:                p.members,
		Markers:                markers(s),
	}
	bodies := map[string]any{
		typeVirtualService: vs,
		typeVsVip:          buildVsVip(s, name, tenant, fqdns, vsVipOptions{}),
		typePoolGroup:      group,
		typeDataScriptSet:  dataScriptSet(s, name, tenant),
	}
	if len(p.redirect) > 0 {
		vs.HTTPPolicies = []*models.HTTPPolicies{{
			Index:            ptr(int32(firstPolicyIndex)),
			HTTPPolicySetRef: ref(typeHTTPPolicySet, name),
		}}
		bodies[typeHTTPPolicySet] = policySet(s, name, tenant, redirectRules(name, p.redirect), markers(s))
	}
	out := make([]Object, 0, len(bodies))
	for typ, body := range bodies {
		out = append(out, Object{Key: Key{Tenant: tenant, Type: typ, Name: name}, Body: body, From: p.from})
	}
	sortObjects(out)
	return out
}

func service(port uint32, ssl bool) *models.Service {
	return &models.Service{Port: &port, PortRangeEnd: ptr(port), EnableSsl: &ssl, EnableHttp2: ptr(false)}
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

// dataScriptSet builds the script that sends a plain request to the pool of its
// host and path: it asks the pool group for the label "host/path" in lower
// case, and the group, whose labels are implicit, takes the longest of its
// members' labels that the asked one begins with.
func dataScriptSet(s *Settings, name, tenant string) *models.VSDataScriptSet {
	return &models.VSDataScriptSet{
		Name:          &name,
		TenantRef:     ref("tenant", tenant),
		CreatedBy:     ptr(s.CreatedBy()),
		PoolGroupRefs: []string{refTo(typePoolGroup, name)},
		Datascript: []*models.VSDataScript{{
			Evt:    ptr("VS_DATASCRIPT_EVT_HTTP_REQ"),
			Script: ptr(strings.ReplaceAll(hostPathScript, "$GROUP", strconv.Quote(name))),
		}},
		Markers: markers(s),
	}
}

// hostPathScript is an Avi DataScript (Lua). "MODIFIED" reads the host as
// policies before the script have left it.
const hostPathScript = `-- akohub: pick the pool of the request's host and path.
local host = avi.http.get_host_tokens("MODIFIED", 1) or ""
local port = string.find(host, ":", 1, true)
if port then
  host = string.sub(host, 1, port - 1)
end
local path = avi.http.get_path_tokens(1) or ""
avi.poolgroup.select($GROUP, string.lower(host .. "/" .. path))
`

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
