package translate

import (
	"cmp"
	"slices"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// pathRatio is the weight of the pool of an Ingress path (l7.md §8.2).
const pathRatio = 100

// hostPool builds the pool of a path (l7.md §17.6). Pools of a plain host on
// the shared virtual service don't carry the Service's name in their markers,
// those of a child do.
func (b *hostBuilder) hostPool(c *claim, p claimPath, name string, withService bool) *models.Pool {
	ms := []marker{
		mark(markerNamespace, c.ing.Ref.Namespace),
		mark(markerHost, b.host),
		mark(markerIngressName, c.ing.Ref.Name),
	}
	if withService {
		ms = append(ms, mark(markerServiceName, p.backend.GetServiceName()))
	}
	return b.pool(c, p.backend, name, withPaths(markers(b.s, ms...), p.path))
}

// pool builds the pool of a backend of an Ingress.
func (b *hostBuilder) pool(c *claim, backend *akohubv1.IngressBackend, name string, ms []*models.RoleFilterMatchLabel) *models.Pool {
	pool := &models.Pool{
		Name:                   &name,
		TenantRef:              ref("tenant", c.tenant),
		CloudRef:               ref("cloud", b.s.Cloud),
		CreatedBy:              ptr(b.s.CreatedBy()),
		GracefulDisableTimeout: ptr(int32(1)),
		SniEnabled:             ptr(false),
		HealthMonitorRefs:      []string{refTo("healthmonitor", "System-TCP")},
		Servers:                b.servers(c, backend),
		PlacementNetworks:      placementNetworks(b.s),
		Markers:                ms,
		ServiceMetadata: serviceMetadata{
			IngressName: c.ing.Ref.Name,
			Namespace:   c.ing.Ref.Namespace,
			HostNames:   sortedNames([]string{b.host}),
			PoolRatio:   pathRatio,
		}.text(),
	}
	if b.s.T1LR != "" {
		pool.Tier1Lr = &b.s.T1LR
	} else {
		pool.VrfRef = ref("vrfcontext", b.s.VRF)
	}
	return pool
}

// withPaths adds the marker of paths. Unlike other markers it keeps a value
// that is empty: a path may be.
func withPaths(ms []*models.RoleFilterMatchLabel, paths ...string) []*models.RoleFilterMatchLabel {
	values := slices.Clone(paths)
	slices.Sort(values)
	ms = append(ms, &models.RoleFilterMatchLabel{Key: ptr(markerPath), Values: slices.Compact(values)})
	slices.SortFunc(ms, func(a, b *models.RoleFilterMatchLabel) int { return cmp.Compare(*a.Key, *b.Key) })
	return ms
}

// plainPools builds the pools of a plain host and the members by which the
// shared pool group finds them: labelled with host and path in lower case, the
// longest that fits a request is taken. Path types play no part (l7.md §9.2).
//
// A label that several Ingresses claim is the oldest one's. The pools of the
// others are there all the same, and come in when it goes. AKO puts all of them
// into the group, which then takes turns between applications.
func (b *hostBuilder) plainPools(claims []*claim, parent *Contribution) {
	owners := ownersOf(claims, b.plainLabel)
	for _, c := range claims {
		for _, p := range b.distinct(c, func(p claimPath) string {
			return insecurePoolName(b.s, b.host, p.path, c.ing.Ref.Namespace, c.ing.Ref.Name)
		}) {
			label := b.plainLabel(p.claimPath)
			if b.tooLong(c, p.name) || b.tooLong(c, label) {
				continue
			}
			b.add(c.tenant, typePool, p.name, b.hostPool(c, p.claimPath, p.name, false), c.ing.Ref)
			if owners[label] != c {
				continue
			}
			m := member(p.name)
			m.PriorityLabel = &label
			parent.Members = append(parent.Members, m)
		}
	}
}

// namedPath is a path with the name of the pool that it gets.
type namedPath struct {
	claimPath
	name string
}

// distinct returns the paths of a claim that have pools of their own. Where an
// Ingress gives several paths of a host the same name, by repeating a path or
// because "/" in it reads as "_", the last one counts and takes its place at
// the end, as with AKO (l7.md §2.4).
func (b *hostBuilder) distinct(c *claim, nameOf func(claimPath) string) []namedPath {
	var out []namedPath
	for _, p := range c.paths {
		name := nameOf(p)
		if i := slices.IndexFunc(out, func(o namedPath) bool { return o.name == name }); i >= 0 {
			b.f.problem(c.ing.Ref, c.ing.UID, reasonDuplicateHostPath,
				"path %q of host %q takes the place of path %q: both have the name %s", p.path, b.host, out[i].path, name)
			out = slices.Delete(out, i, i+1)
		}
		out = append(out, namedPath{claimPath: p, name: name})
	}
	return out
}

// tooLong says whether Avi would refuse a name, and tells the owner.
func (b *hostBuilder) tooLong(c *claim, name string) bool {
	if !nameTooLong(name) {
		return false
	}
	b.f.problem(c.ing.Ref, c.ing.UID, reasonNameTooLong,
		"the Avi name %s has %d bytes, Avi takes %d: shorten the path, or the name of the Ingress or of its namespace; %s goes without it",
		name, len(name), maxNameLength, b.what())
	return true
}

// add puts an object into the fragment.
func (b *hostBuilder) add(tenant, typ, name string, body any, from ...mirror.Ref) {
	b.f.Objects = append(b.f.Objects, Object{
		Key:  Key{Tenant: tenant, Type: typ, Name: name},
		Body: body,
		From: sortRefs(slices.Clone(from)),
	})
}
