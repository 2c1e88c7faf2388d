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

// route is a path rule of a virtual host.
type route struct {
	claimPath
	claim *claim
	// pool is set where the rule leads to a pool, group where to a pool group.
	pool, group string
}

// pathPools builds the pools of a claim, and the pool groups in front of them
// unless the cluster goes without for hosts with certificates.
func (b *hostBuilder) pathPools(c *claim, secure bool) []route {
	direct := b.s.NoPGForSNI && !b.s.EVH && secure && !c.isRoute()
	var out []route
	for _, p := range b.distinct(c, func(p claimPath) string { return pathGroupName(b.s, c.ref.Namespace, b.host, p.path, c.ref.Name) }) {
		if b.tooLong(c, p.name) {
			continue
		}
		members := b.pathMembers(c, p.claimPath, direct)
		if len(members) == 0 {
			continue
		}
		r := route{claimPath: p.claimPath, claim: c}
		if direct {
			r.pool = members[0].pool
		} else {
			r.group = p.name
			b.add(c.tenant, typePoolGroup, p.name, b.pathGroup(c, p, members), c.ref)
		}
		out = append(out, r)
	}
	return out
}

// poolMember is a pool of a path and its share of the requests.
type poolMember struct {
	pool   string
	weight int32
}

// pathMembers builds the pools of a path, one for each Service. The name of an
// Ingress's has the Service in it only with EVH.
func (b *hostBuilder) pathMembers(c *claim, p claimPath, direct bool) []poolMember {
	var out []poolMember
	for _, to := range p.backends {
		service := ""
		if b.s.EVH || c.isRoute() {
			service = to.service
		}
		name := pathPoolName(b.s, c.ref.Namespace, b.host, p.path, c.ref.Name, service)
		if direct {
			name += directSuffix
		}
		if b.tooLong(c, name) {
			continue
		}
		b.hostPool(c, p, to, name, hostPoolOptions{WithService: true})
		out = append(out, poolMember{pool: name, weight: to.weight})
	}
	return out
}

// pathGroup builds the pool group of a path.
func (b *hostBuilder) pathGroup(c *claim, p namedPath, ms []poolMember) *models.PoolGroup {
	name := p.name
	members := make([]*models.PoolGroupMember, 0, len(ms))
	for _, m := range ms {
		members = append(members, member(m.pool, m.weight))
	}
	slices.SortFunc(members, func(x, y *models.PoolGroupMember) int { return strings.Compare(*x.PoolRef, *y.PoolRef) })
	return &models.PoolGroup{
		Name:                   &name,
		TenantRef:              ref("tenant", c.tenant),
		CloudRef:               ref("cloud", b.s.Cloud),
		CreatedBy:              ptr(b.s.CreatedBy()),
		ImplicitPriorityLabels: ptr(false),
		Members:                members,
		Markers: withPaths(markers(b.s,
			mark(markerNamespace, c.ref.Namespace),
			mark(markerHost, b.host),
			mark(markerIngressName, c.ref.Name)), p.path),
	}
}

// member is a pool in a group, with its weight.
func member(pool string, weight int32) *models.PoolGroupMember {
	return &models.PoolGroupMember{PoolRef: ref(typePool, pool), Ratio: ptr(uint32(weight))}
}

// routing builds the policy sets with the path rules, one a namespace, and
// returns their names as the virtual service refers to them: a child orders
// them by their first path (l7.md §12.2, "Policy index rules").
func (b *hostBuilder) routing(vh *virtualHost) []string {
	type policySet struct {
		namespace string
		routes    []route
	}
	var sets []policySet
	owners := ownersOf(vh.byAge(), pathKey)
	for _, r := range vh.routes {
		ns := r.claim.ref.Namespace
		if owners[pathKey(r.claimPath)].ref.Namespace != ns {
			continue // see routing's comment
		}
		i := slices.IndexFunc(sets, func(s policySet) bool { return s.namespace == ns })
		if i < 0 {
			i, sets = len(sets), append(sets, policySet{namespace: ns})
		}
		sets[i].routes = append(sets[i].routes, r)
	}
	if !dedicated(b.s) {
		slices.SortFunc(sets, func(x, y policySet) int {
			return cmp.Or(strings.Compare(x.routes[0].path, y.routes[0].path), strings.Compare(x.namespace, y.namespace))
		})
	}
	var out []string
	for _, set := range sets {
		name := routingPolicyName(b.s, set.namespace, b.host)
		if b.tooLong(set.routes[0].claim, name) {
			continue
		}
		b.addRouting(vh, name, set.routes)
		out = append(out, name)
	}
	return out
}

// addRouting adds the policy set of a namespace: the longest path first, those
// without path last, and equal lengths in the order of the claims (l7.md §18).
func (b *hostBuilder) addRouting(vh *virtualHost, name string, routes []route) {
	var paths, ingresses []string
	var from []mirror.Ref
	for _, r := range routes {
		paths = append(paths, r.path)
		ingresses = append(ingresses, r.claim.ref.Name)
		from = append(from, r.claim.ref)
	}
	var rules []*models.HTTPRequestRule
	for _, r := range inOrder(routes) {
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
	// Unlike those of pools, these markers leave out a path that is empty.
	b.add(vh.tenant, typeHTTPPolicySet, name, policySet(b.s, name, vh.tenant, rules, markers(b.s,
		mark(markerNamespace, routes[0].claim.ref.Namespace),
		b.hostMarker(vh),
		mark(markerIngressName, ingresses...),
		mark(markerPath, paths...))), from...)
}

// inOrder sorts routes as rules are tried: the longest path first. Of the same
// path the exact one comes first, and then the oldest claim's, which thereby
// has it.
func inOrder(routes []route) []route {
	place := map[string]int{}
	for i, r := range routes {
		if _, ok := place[r.path]; !ok {
			place[r.path] = i
		}
	}
	exactFirst := func(r route) int {
		if r.exact {
			return 0
		}
		return 1
	}
	out := slices.Clone(routes)
	slices.SortStableFunc(out, func(x, y route) int {
		return cmp.Or(
			len(y.path)-len(x.path),
			place[x.path]-place[y.path],
			exactFirst(x)-exactFirst(y),
			byAge(x.claim.origin, y.claim.origin),
		)
	})
	return out
}

// match is on the path alone: the virtual service has its host to itself.
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
