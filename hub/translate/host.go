package translate

import (
	"slices"
	"strconv"
	"strings"

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
}

// what is the host as problems call it.
func (b *hostBuilder) what() string {
	if b.own != "" {
		return "the default backend"
	}
	return "host " + strconv.Quote(b.host)
}

// hostUnit translates all Ingress rules of one host (l7.md §8–§14). Namespaces
// may send the same host to different tenants; each tenant has its own objects
// then.
func hostUnit(v mirror.View, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	b := &hostBuilder{d: newDeps(v), s: s, host: k.Name, f: &f}
	byTenant := map[string][]*claim{}
	for _, ing := range ingressesOf(b.d, s, b.host) {
		if !b.allowed(ing) {
			continue
		}
		if c := b.claimOf(ing); c != nil {
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
	f.Deps = b.d.refs()
	f.sort()
	return f
}

// tenantHost builds the host for a tenant, in the way that the cluster has
// chosen. The claims go together, the oldest first.
func (b *hostBuilder) tenantHost(tenant string, claims []*claim) {
	switch {
	case claims[0].passthrough:
		b.passthroughHost(tenant, claims)
	case dedicated(b.s):
		b.reportDuplicates(claims, pathKey)
		b.dedicatedHost(tenant, claims)
	case b.s.EVH:
		b.reportDuplicates(claims, pathKey)
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
		if c.secret == nil {
			plain = append(plain, c)
		} else {
			secure = append(secure, c)
		}
	}
	parent := b.contribution(tenant, sharedParentName(b.s, b.host, ""), claims)
	vs := Key{Tenant: tenant, Type: typeVirtualService, Name: parent.Parent.Name}
	b.reportDuplicates(plain, b.plainLabel)
	b.plainPools(plain, &parent)
	for _, c := range plain {
		b.publish(c, vs, parent.Parent.Name)
	}
	b.reportDuplicates(secure, pathKey)
	if vh := b.virtualHost(tenant, childName(b.s, b.host), secure); vh != nil {
		b.addVirtualHost(vh, b.sniChild(vh, parent.Parent.Name), parent.Parent.Name)
		for _, c := range plain {
			b.f.problem(c.ing.Ref, c.ing.UID, reasonHostConflict,
				"requests for host %q are redirected to HTTPS for Ingress %s, which has a certificate: the paths of this Ingress are not reached; add spec.tls",
				b.host, vh.showing.name())
		}
		parent.RedirectHosts = []string{b.host}
		parent.FQDNs = []string{b.host}
	}
	if len(plain) > 0 {
		parent.FQDNs = []string{b.host}
	}
	b.f.Contributions = append(b.f.Contributions, parent)
}

// enhancedHost builds the host's child, whether it has a certificate or not,
// and its part of the shared virtual service, which shows the certificates of
// all its children (l7.md §12).
func (b *hostBuilder) enhancedHost(tenant string, claims []*claim) {
	parent := b.contribution(tenant, sharedParentName(b.s, b.host, claims[0].ing.Ref.Namespace), claims)
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
		c.From = append(c.From, cl.ing.Ref)
	}
	c.From = sortRefs(c.From)
	return c
}

// publish says where the host of an Ingress is served. Generated and wildcard
// hosts are served but get no status, as with AKO (l7.md §8.1).
func (b *hostBuilder) publish(c *claim, vs Key, vsVip string) {
	tell := c.written && !strings.HasPrefix(b.host, "*")
	b.f.Publications = append(b.f.Publications, Publication{
		Object:         c.ing.Ref,
		UID:            c.ing.UID,
		Host:           b.host,
		VirtualService: vs,
		VsVip:          Key{Tenant: vs.Tenant, Type: typeVsVip, Name: vsVip},
		Annotate:       tell,
		Status:         tell,
	})
}
