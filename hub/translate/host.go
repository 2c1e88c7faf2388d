package translate

import (
	"slices"
	"strings"

	"github.com/akohub/akohub/hub/mirror"
)

// hostBuilder puts together the fragment of one virtual host.
type hostBuilder struct {
	d    *deps
	s    *Settings
	host string
	f    *Fragment
}

// hostUnit translates all Ingress rules of one host (l7.md §8–§10). A plain
// host becomes pools of the shared virtual service, a host with a certificate
// a child virtual service. Namespaces may send the same host to different
// tenants; each tenant has its own objects then.
func hostUnit(v mirror.View, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	b := &hostBuilder{d: newDeps(v), s: s, host: k.Name, f: &f}
	byTenant := map[string][]*claim{}
	for _, ing := range ingressesOf(b.d, s, b.host) {
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
		b.sharedHost(tenant, byTenant[tenant])
	}
	f.Deps = b.d.refs()
	f.sort()
	return f
}

// sharedHost builds the host's part of a shared virtual service of a tenant,
// and its child if it has a certificate.
func (b *hostBuilder) sharedHost(tenant string, claims []*claim) {
	b.reportDuplicates(claims)
	var plain, secure []*claim
	for _, c := range claims {
		if c.secret == nil {
			plain = append(plain, c)
		} else {
			secure = append(secure, c)
		}
	}
	parent := Contribution{
		Parent: ParentKey{Tenant: tenant, Name: sharedParentName(b.s, b.host)},
		Unit:   b.f.Unit,
	}
	for _, c := range claims {
		parent.From = append(parent.From, c.ing.Ref)
	}
	parent.From = sortRefs(parent.From)
	vs := Key{Tenant: tenant, Type: typeVirtualService, Name: parent.Parent.Name}
	for _, c := range plain {
		b.plainPools(c, &parent)
		b.publish(c, vs, parent.Parent)
	}
	served := b.child(tenant, secure, &parent)
	if len(plain) > 0 || len(served) > 0 {
		parent.FQDNs = []string{b.host}
	}
	child := Key{Tenant: tenant, Type: typeVirtualService, Name: childName(b.s, b.host)}
	for _, c := range served {
		b.publish(c, child, parent.Parent)
	}
	b.f.Contributions = append(b.f.Contributions, parent)
}

// publish says where the host of an Ingress is served. Generated and wildcard
// hosts are served but get no status, as with AKO (l7.md §8.1).
func (b *hostBuilder) publish(c *claim, vs Key, parent ParentKey) {
	tell := c.written && !strings.HasPrefix(b.host, "*")
	b.f.Publications = append(b.f.Publications, Publication{
		Object:         c.ing.Ref,
		UID:            c.ing.UID,
		Host:           b.host,
		VirtualService: vs,
		VsVip:          Key{Tenant: parent.Tenant, Type: typeVsVip, Name: parent.Name},
		Annotate:       tell,
		Status:         tell,
	})
}

// reportDuplicates tells the owners of Ingresses that claim the same path of
// the host. No winner is chosen: all of them are built (l7.md §8.4).
func (b *hostBuilder) reportDuplicates(claims []*claim) {
	owners := map[string][]*claim{}
	for _, c := range claims {
		for _, p := range c.paths {
			if cs := owners[p.path]; len(cs) == 0 || cs[len(cs)-1] != c {
				owners[p.path] = append(cs, c)
			}
		}
	}
	for path, cs := range owners {
		if len(cs) < 2 {
			continue
		}
		names := make([]string, 0, len(cs))
		for _, c := range cs {
			names = append(names, c.name())
		}
		slices.Sort(names)
		for _, c := range cs {
			b.f.problem(c.ing.Ref, c.ing.UID, reasonDuplicateHostPath,
				"%s%s is claimed by more than one Ingress: %s", b.host, path, strings.Join(names, ", "))
		}
	}
}
