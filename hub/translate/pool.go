package translate

import (
	"cmp"
	"slices"

	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
)

// hostPoolOptions are what pools of a path differ in.
type hostPoolOptions struct {
	// WithService puts the Service's name into the markers. Those of an Ingress's
	// plain host on the shared virtual service don't have it.
	WithService bool
	// Beside says that the pool is for plain requests beside a certificate.
	Beside bool
}

// hostPool builds the pool of a path's Service and adds it (l7.md §17.6).
func (b *hostBuilder) hostPool(c *claim, p claimPath, to backend, name string, o hostPoolOptions) {
	ms := []marker{
		mark(markerNamespace, c.ref.Namespace),
		mark(markerHost, b.host),
		mark(markerIngressName, c.ref.Name),
	}
	if o.WithService {
		ms = append(ms, mark(markerServiceName, to.service))
	}
	pool := b.pool(c, to, name, withPaths(markers(b.s, ms...), p.path), o.Beside)
	b.reencrypt(c, pool)
	b.add(c.tenant, typePool, name, pool, c.ref)
}

// reencrypt has the pool of a claim speak TLS to its servers, if the claim says
// so, and check them (l7.md §15.3).
func (b *hostBuilder) reencrypt(c *claim, pool *models.Pool) {
	if c.reencrypt == nil {
		return
	}
	pool.SniEnabled = ptr(true)
	pool.SslProfileRef = ref("sslprofile", "System-Standard")
	if c.reencrypt.ca == "" {
		return
	}
	name := pkiProfileName(b.s, *pool.Name)
	if b.tooLong(c, name) {
		return
	}
	pool.PkiProfileRef = ref(typePKIProfile, name)
	b.add(c.tenant, typePKIProfile, name, &models.PKIprofile{
		Name:      &name,
		TenantRef: ref("tenant", c.tenant),
		CreatedBy: ptr(b.s.CreatedBy()),
		CrlCheck:  ptr(false),
		CaCerts:   []*models.SSLCertificate{{Certificate: ptr(c.reencrypt.ca)}},
		Markers:   pool.Markers,
	}, c.ref)
}

// pool builds the pool of a backend. beside: it is for plain requests beside a
// certificate.
func (b *hostBuilder) pool(c *claim, to backend, name string, ms []*models.RoleFilterMatchLabel, beside bool) *models.Pool {
	pool := &models.Pool{
		Name:                   &name,
		TenantRef:              ref("tenant", c.tenant),
		CloudRef:               ref("cloud", b.s.Cloud),
		CreatedBy:              ptr(b.s.CreatedBy()),
		GracefulDisableTimeout: ptr(int32(1)),
		SniEnabled:             ptr(false),
		HealthMonitorRefs:      []string{refTo("healthmonitor", "System-TCP")},
		Servers:                b.servers(c, to),
		PlacementNetworks:      placementNetworks(b.s),
		Markers:                ms,
		ServiceMetadata: serviceMetadata{
			IngressName:           c.ref.Name,
			Namespace:             c.ref.Namespace,
			HostNames:             sortedNames([]string{b.host}),
			PoolRatio:             to.weight,
			InsecureEdgeTermAllow: beside,
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
// A label that several objects claim is the oldest one's. The pools of the
// others are there all the same, and come in when it goes. AKO puts all of them
// into the group, which then takes turns between applications.
func (b *hostBuilder) plainPools(claims []*claim, parent *Contribution) {
	owners := ownersOf(claims, b.plainLabel)
	for _, c := range claims {
		for _, p := range b.distinct(c, func(p claimPath) string {
			return insecurePoolName(b.s, b.host, p.path, c.ref.Namespace, c.ref.Name, "")
		}) {
			label := b.plainLabel(p.claimPath)
			if b.tooLong(c, label) {
				continue
			}
			for _, m := range b.plainMembers(c, p.claimPath, label) {
				if owners[label] == c {
					parent.Members = append(parent.Members, m)
				}
			}
		}
	}
}

// plainMembers builds the pools of a path of a plain host, one for each Service,
// and their memberships.
func (b *hostBuilder) plainMembers(c *claim, p claimPath, label string) []*models.PoolGroupMember {
	var out []*models.PoolGroupMember
	for _, to := range p.backends {
		service := ""
		if c.isRoute() {
			service = to.service
		}
		name := insecurePoolName(b.s, b.host, p.path, c.ref.Namespace, c.ref.Name, service)
		if b.tooLong(c, name) {
			continue
		}
		b.hostPool(c, p, to, name, hostPoolOptions{WithService: c.isRoute(), Beside: c.tls != nil})
		m := member(name, to.weight)
		m.PriorityLabel = ptr(label)
		out = append(out, m)
	}
	return out
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
			b.problem(c, reasonDuplicateHostPath,
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
	b.problem(c, reasonNameTooLong,
		"the Avi name %s has %d bytes, Avi takes %d: shorten the path, or the name of the %s or of its namespace; %s goes without it",
		name, len(name), maxNameLength, c.kind(), b.what())
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
