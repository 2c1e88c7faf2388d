package translate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
)

// firstPolicyIndex is the index of the first policy set of a virtual service;
// lower ones are left to people (l7.md §9.5).
const firstPolicyIndex = 11

// route is a path rule of a child.
type route struct {
	claimPath
	claim *claim
	// pool is set where the rule leads to a pool, group where to a pool group.
	pool, group string
}

// child builds the child virtual service of a host with a certificate and all
// that hangs on it (l7.md §10). It returns the claims that are served by it,
// which are none if no certificate can be used.
func (b *hostBuilder) child(tenant string, claims []*claim, parent *Contribution) []*claim {
	secured := b.secured(claims)
	if len(secured) == 0 {
		return nil
	}
	name := childName(b.s, b.host)
	last := secured[len(secured)-1]
	if b.tooLong(last.claim, name) {
		return nil
	}
	var served []*claim
	var from []mirror.Ref
	var ingresses []string
	var routes []route
	for _, c := range secured {
		served = append(served, c.claim)
		from = append(from, c.ing.Ref)
		ingresses = append(ingresses, c.name())
		routes = append(routes, b.childPools(c.claim)...)
	}
	slices.Sort(ingresses)
	vs := &models.VirtualService{
		Name:                  &name,
		CreatedBy:             ptr(b.s.CreatedBy()),
		Type:                  ptr("VS_TYPE_VH_CHILD"),
		CloudRef:              ref("cloud", b.s.Cloud),
		ApplicationProfileRef: ref("applicationprofile", "System-Secure-HTTP"),
		NetworkProfileRef:     ref("networkprofile", "System-TCP-Proxy"),
		SeGroupRef:            ref("serviceenginegroup", b.s.SEGroup),
		EastWestPlacement:     ptr(false),
		IgnPoolNetReach:       ptr(false),
		VhParentVsRef:         ref(typeVirtualService, parent.Parent.Name),
		VhDomainName:          []string{b.host},
		HTTPPolicies:          b.routing(tenant, routes),
		Markers:               markers(b.s, mark(markerNamespace, last.ing.Ref.Namespace), mark(markerHost, b.host)),
		ServiceMetadata: serviceMetadata{
			NamespaceIngressName: ingresses,
			Namespace:            last.ing.Ref.Namespace,
			HostNames:            []string{b.host},
		}.text(),
	}
	// Unlike its parent the child keeps the VRF beside a tier-1 router.
	if b.s.VRF != "" {
		vs.VrfContextRef = ref("vrfcontext", b.s.VRF)
	}
	for _, cert := range last.certs {
		vs.SslKeyAndCertificateRefs = append(vs.SslKeyAndCertificateRefs, refTo(typeCertificate, *cert.Name))
	}
	b.addCertificates(last)
	b.add(tenant, typeVirtualService, name, vs, from...)
	parent.RedirectHosts = []string{b.host}
	return served
}

// addCertificates adds the certificates of the host, or the host's part of the
// default certificate, which hosts share.
func (b *hostBuilder) addCertificates(c securedClaim) {
	if !b.usesDefaultCert(c.claim) {
		for _, cert := range c.certs {
			b.add(c.tenant, typeCertificate, *cert.Name, cert, c.ing.Ref)
		}
		return
	}
	b.f.Contributions = append(b.f.Contributions, Contribution{
		Parent:       ParentKey{Tenant: c.tenant, Name: defaultCertName(b.s, false)},
		Unit:         b.f.Unit,
		Certificates: c.certs,
		From:         []mirror.Ref{c.ing.Ref},
	})
}

// childPools builds the pools of a claim, and the pool groups in front of them
// unless the cluster goes without.
func (b *hostBuilder) childPools(c *claim) []route {
	ns, ing := c.ing.Ref.Namespace, c.ing.Ref.Name
	nameOf := func(p claimPath) string { return childPoolName(b.s, ns, b.host, p.path, ing) }
	if b.s.NoPGForSNI {
		nameOf = func(p claimPath) string { return directPoolName(b.s, ns, b.host, p.path, ing) }
	}
	var out []route
	for _, p := range b.distinct(c, nameOf) {
		if b.tooLong(c, p.name) {
			continue
		}
		r := route{claimPath: p.claimPath, claim: c}
		b.add(c.tenant, typePool, p.name, b.hostPool(c, p.claimPath, p.name, true), c.ing.Ref)
		if b.s.NoPGForSNI {
			r.pool = p.name
		} else {
			r.group = p.name
			b.add(c.tenant, typePoolGroup, p.name, b.childGroup(c, p), c.ing.Ref)
		}
		out = append(out, r)
	}
	return out
}

// childGroup builds the pool group of a path, with its one pool.
func (b *hostBuilder) childGroup(c *claim, p namedPath) *models.PoolGroup {
	return &models.PoolGroup{
		Name:                   ptr(p.name),
		TenantRef:              ref("tenant", c.tenant),
		CloudRef:               ref("cloud", b.s.Cloud),
		CreatedBy:              ptr(b.s.CreatedBy()),
		ImplicitPriorityLabels: ptr(false),
		Members: []*models.PoolGroupMember{{
			PoolRef: ref(typePool, p.name),
			Ratio:   ptr(uint32(pathRatio)),
		}},
		Markers: withPaths(markers(b.s,
			mark(markerNamespace, c.ing.Ref.Namespace),
			mark(markerHost, b.host),
			mark(markerIngressName, c.ing.Ref.Name)), p.path),
	}
}

// routing builds the policy sets with the path rules, one a namespace, and
// returns them as the child refers to them: ordered by their first path
// (l7.md §12.2, "Policy index rules").
func (b *hostBuilder) routing(tenant string, routes []route) []*models.HTTPPolicies {
	type policySet struct {
		namespace string
		routes    []route
	}
	var sets []policySet
	for _, r := range routes {
		ns := r.claim.ing.Ref.Namespace
		i := slices.IndexFunc(sets, func(s policySet) bool { return s.namespace == ns })
		if i < 0 {
			i, sets = len(sets), append(sets, policySet{namespace: ns})
		}
		sets[i].routes = append(sets[i].routes, r)
	}
	slices.SortFunc(sets, func(x, y policySet) int {
		return cmp.Or(strings.Compare(x.routes[0].path, y.routes[0].path), strings.Compare(x.namespace, y.namespace))
	})
	var out []*models.HTTPPolicies
	for _, set := range sets {
		name := routingPolicyName(b.s, set.namespace, b.host)
		if b.tooLong(set.routes[0].claim, name) {
			continue
		}
		b.addRouting(tenant, name, set.routes)
		out = append(out, &models.HTTPPolicies{
			Index:            ptr(int32(firstPolicyIndex + len(out))),
			HTTPPolicySetRef: ref(typeHTTPPolicySet, name),
		})
	}
	return out
}

// addRouting adds the policy set of a namespace: the longest path first, those
// without path last, and equal lengths in the order of the Ingresses (l7.md
// §18).
func (b *hostBuilder) addRouting(tenant, name string, routes []route) {
	var paths, ingresses []string
	var from []mirror.Ref
	for _, r := range routes {
		paths = append(paths, r.path)
		ingresses = append(ingresses, r.claim.ing.Ref.Name)
		from = append(from, r.claim.ing.Ref)
	}
	sorted := slices.Clone(routes)
	slices.SortStableFunc(sorted, func(x, y route) int { return len(y.path) - len(x.path) })
	var rules []*models.HTTPRequestRule
	for _, r := range sorted {
		rule := ruleName(name, len(rules))
		if b.tooLong(r.claim, rule) {
			continue
		}
		rules = append(rules, &models.HTTPRequestRule{
			Index:           ptr(int32(len(rules))),
			Name:            &rule,
			Enable:          ptr(true),
			Match:           r.match(),
			SwitchingAction: r.action(),
		})
	}
	b.add(tenant, typeHTTPPolicySet, name, policySet(b.s, name, tenant, rules, withPaths(markers(b.s,
		mark(markerNamespace, routes[0].claim.ing.Ref.Namespace),
		mark(markerHost, b.host),
		mark(markerIngressName, ingresses...)), paths...)), from...)
}

// match is on the path alone: the child has its host to itself.
func (r route) match() *models.MatchTarget {
	if r.path == "" {
		return &models.MatchTarget{}
	}
	criteria := "BEGINS_WITH"
	if r.exact {
		criteria = "EQUALS"
	}
	return &models.MatchTarget{Path: &models.PathMatch{
		MatchCriteria: &criteria,
		MatchCase:     ptr("SENSITIVE"),
		MatchStr:      []string{r.path},
	}}
}

func (r route) action() *models.HttpswitchingAction {
	if r.pool != "" {
		return &models.HttpswitchingAction{Action: ptr("HTTP_SWITCHING_SELECT_POOL"), PoolRef: ref(typePool, r.pool)}
	}
	return &models.HttpswitchingAction{
		Action:       ptr("HTTP_SWITCHING_SELECT_POOLGROUP"),
		PoolGroupRef: ref(typePoolGroup, r.group),
	}
}

// policySet builds a policy set of request rules. Both kinds of policies are
// there, even if empty (l7.md §17.8).
func policySet(s *Settings, name, tenant string, rules []*models.HTTPRequestRule, ms []*models.RoleFilterMatchLabel) *models.HTTPPolicySet {
	return &models.HTTPPolicySet{
		Name:               &name,
		TenantRef:          ref("tenant", tenant),
		CreatedBy:          ptr(s.CreatedBy()),
		HTTPRequestPolicy:  &models.HTTPRequestPolicy{Rules: rules},
		HTTPSecurityPolicy: &models.HttpsecurityPolicy{},
		Markers:            ms,
	}
}
