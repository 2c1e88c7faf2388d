package translate

import (
	"slices"
	"strconv"

	"github.com/akohub/akohub/hub/mirror"
)

// hostBuilder puts together the fragment of one virtual host.
type hostBuilder struct {
	d    *deps
	s    *Settings
	host string
	// own names all objects where no host is asked for (defaultbackend.go);
	// host is only what to call it then, and may be empty.
	own string
	f   *Fragment
	// standings has what became of each path; nil: nobody asks.
	standings map[PathClaim]PathStanding
}

// what is the host as problems call it.
func (b *hostBuilder) what() string {
	if b.own != "" {
		return "the default backend"
	}
	return "host " + strconv.Quote(b.host)
}

// hostUnit translates all that is asked for of one host (l7.md §8–§15). Namespaces
// may send the same host to different tenants; each tenant has its own objects
// then.
func hostUnit(v mirror.View, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	b := &hostBuilder{d: newDeps(v), s: s, host: k.Name, f: &f}
	b.build()
	f.Deps = b.d.refs()
	f.sort()
	return f
}

func (b *hostBuilder) build() {
	byTenant := map[string][]*claim{}
	for _, src := range sourcesOf(b.d, b.s, b.host) {
		if !b.allowed(src) {
			continue
		}
		if c := b.claimOf(src); c != nil {
			byTenant[c.tenant] = append(byTenant[c.tenant], c)
		}
	}
	tenants := make([]string, 0, len(byTenant))
	for tenant := range byTenant {
		tenants = append(tenants, tenant)
	}
	slices.Sort(tenants)
	for _, tenant := range tenants {
		b.tenantHost(tenant, b.undisputed(byTenant[tenant]))
	}
}

// tenantHost builds the host for a tenant, in the way that the cluster has
// chosen. The claims go together, the oldest first.
func (b *hostBuilder) tenantHost(tenant string, claims []*claim) {
	switch {
	case claims[0].passthrough:
		b.passthroughHost(tenant, claims)
	case dedicated(b.s):
		b.dedicatedHost(tenant, claims)
	case b.s.EVH:
		b.enhancedHost(tenant, claims)
	default:
		b.sniHost(tenant, claims)
	}
}

// sniHost builds the host's part of a shared virtual service, and its child if
// it has a certificate. A plain host is pools of the shared virtual service
// (l7.md §9, §10).
func (b *hostBuilder) sniHost(tenant string, claims []*claim) {
	var plain, secure []*claim
	for _, c := range claims {
		if c.servesPlain() {
			plain = append(plain, c)
		}
		if c.tls != nil {
			secure = append(secure, c)
		}
	}
	parent := b.contribution(tenant, sharedParentName(b.s, b.host, ""), claims)
	vs := Key{Tenant: tenant, Type: typeVirtualService, Name: parent.Parent.Name}
	b.reportDuplicates(plain, b.plainLabel)
	b.plainPools(plain, &parent)
	vh := b.virtualHost(tenant, childName(b.s, b.host), secure)
	if vh != nil {
		b.addVirtualHost(vh, b.sniChild(vh, parent.Parent.Name), parent.Parent.Name)
		if vh.plain == plainRedirected {
			b.reportUnreached(plain, vh)
			parent.RedirectHosts = []string{b.host}
		}
	}
	for _, c := range plain {
		if vh == nil || !slices.Contains(vh.claims, c) {
			b.publish(c, vs, parent.Parent.Name)
		}
	}
	if vh != nil || len(plain) > 0 {
		parent.FQDNs = []string{b.host}
	}
	b.f.Contributions = append(b.f.Contributions, parent)
}

// reportUnreached tells the owners of what is served on port 80 that requests
// don't come there.
func (b *hostBuilder) reportUnreached(plain []*claim, vh *virtualHost) {
	for _, c := range plain {
		if c == vh.decides {
			continue
		}
		if c.tls == nil {
			b.noteAll(c, PathStanding{Owner: vh.decides.ref})
		}
		what, remedy := "redirected to HTTPS", "give it a certificate too"
		if vh.plain == plainRefused {
			what = "refused"
		}
		if c.tls != nil {
			remedy = "their insecureEdgeTerminationPolicy differs"
		}
		b.problem(c, reasonHostConflict, "plain requests for host %q are %s for %s: the paths of this %s are not reached by them; %s",
			b.host, what, vh.decides.title(), c.kind(), remedy)
	}
}

// enhancedHost builds the host's child, whether it has a certificate or not,
// and its part of the shared virtual service, which shows the certificates of
// all its children (l7.md §12).
func (b *hostBuilder) enhancedHost(tenant string, claims []*claim) {
	parent := b.contribution(tenant, sharedParentName(b.s, b.host, claims[0].ref.Namespace), claims)
	if vh := b.virtualHost(tenant, childName(b.s, b.host), claims); vh != nil {
		b.addVirtualHost(vh, b.enhancedChild(vh, parent.Parent.Name), parent.Parent.Name)
		parent.FQDNs = []string{b.host}
		for _, cert := range vh.certs {
			parent.CertificateNames = append(parent.CertificateNames, *cert.Name)
		}
	}
	b.f.Contributions = append(b.f.Contributions, parent)
}

// dedicatedHost builds a virtual service, with an address, for the host alone
// (l7.md §11, §13).
func (b *hostBuilder) dedicatedHost(tenant string, claims []*claim) {
	name := dedicatedName(b.s, b.host)
	vh := b.virtualHost(tenant, name, claims)
	if vh == nil {
		return
	}
	b.addVirtualHost(vh, b.dedicatedService(vh), name)
	vip := buildVsVip(b.s, name, tenant, []string{b.host}, vsVipOptions{WithoutPeers: b.s.EVH})
	b.add(tenant, typeVsVip, name, vip, vh.from...)
}

// contribution starts the host's part of a shared parent.
func (b *hostBuilder) contribution(tenant, parent string, claims []*claim) Contribution {
	c := Contribution{Parent: ParentKey{Tenant: tenant, Name: parent}, Unit: b.f.Unit}
	for _, cl := range claims {
		c.From = append(c.From, cl.ref)
	}
	c.From = sortRefs(c.From)
	return c
}

// publish says where the host of a claim is served.
func (b *hostBuilder) publish(c *claim, vs Key, vsVip string) {
	b.f.Publications = append(b.f.Publications, Publication{
		Object:         c.ref,
		UID:            c.uid,
		Host:           b.host,
		VirtualService: vs,
		VsVip:          Key{Tenant: vs.Tenant, Type: typeVsVip, Name: vsVip},
		Annotate:       c.shown,
		Status:         c.shown,
	})
}
