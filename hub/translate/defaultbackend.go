package translate

import (
	"github.com/vmware/alb-sdk/go/models"

	"github.com/akohub/akohub/hub/mirror"
	akohubv1 "github.com/akohub/akohub/proto/akohub/v1"
)

// ingressUnit translates an Ingress without any host. With a default backend it
// gets a virtual service with an address of its own, which takes every request
// that comes to it: a shared address already has hosts of others. AKO makes
// nothing of such an Ingress (l7.md §5.4). Without one its owner is told what
// is missing.
func ingressUnit(v mirror.View, s *Settings, k UnitKey) Fragment {
	f := Fragment{Unit: k}
	d := newDeps(v)
	if ing, ok := d.Ingress(k.Namespace, k.Name); ok && !s.OpenShift {
		src := ingressSource{ing}
		b := &hostBuilder{d: d, s: s, host: generatedHost(s, ing.Ref), f: &f}
		if len(src.hosts(s)) == 0 && b.accept(src) {
			b.hostless(src)
		}
	}
	f.Deps = d.refs()
	f.sort()
	return f
}

func (b *hostBuilder) hostless(ing ingressSource) {
	if len(ing.Body.GetRules()) > 0 {
		b.f.problem(ing.Ref, ing.UID, reasonNoRules,
			"no rule names a host, and cloud %q has no DNS sub-domain to make one in: the rules are skipped, name a host", b.s.Cloud)
	}
	switch backend := ing.Body.GetDefaultBackend(); {
	case backend == nil:
		if len(ing.Body.GetRules()) == 0 {
			b.f.problem(ing.Ref, ing.UID, reasonNoRules, "the Ingress has neither rules nor a default backend")
		}
	case backend.GetServiceName() == "":
		b.resourceBackend(ing.from(), "spec.defaultBackend", backend)
	case isTrue(ing.Body.GetMeta().GetAnnotations()[passthroughAnnotation]):
		b.f.problem(ing.Ref, ing.UID, reasonNoRules,
			"TLS passthrough needs a host to know connections by: spec.defaultBackend is not served, add a rule with a host")
	default:
		b.defaultService(ing, backend)
	}
}

// defaultService builds the virtual service of a default backend. It listens to
// HTTPS too if an entry of spec.tls has a certificate that can be used; plain
// requests are not redirected then, since there is no host to redirect to.
func (b *hostBuilder) defaultService(ing ingressSource, to *akohubv1.IngressBackend) {
	name := defaultBackendName(b.s, ing.Ref.Namespace, ing.Ref.Name)
	c := b.newClaim(ing.from())
	c.tls = b.defaultServiceTLS(ing)
	if b.tooLong(c, name) {
		return
	}
	b.own = name
	hosts := sortedNames([]string{b.host})
	vs := parentService(b.s, ParentKey{Tenant: c.tenant, Name: name})
	vs.Type = ptr("VS_TYPE_NORMAL")
	vs.EastWestPlacement = ptr(false)
	vs.PoolRef = ref(typePool, name)
	vs.Services = []*models.Service{service(b.s, 80, false)}
	vs.Markers = markers(b.s, mark(markerNamespace, ing.Ref.Namespace), mark(markerIngressName, ing.Ref.Name))
	vs.ServiceMetadata = serviceMetadata{
		NamespaceIngressName: []string{c.name()},
		Namespace:            ing.Ref.Namespace,
		HostNames:            hosts,
	}.text()
	if c.tls != nil {
		if show := b.certificates(c); show != nil {
			vs.Services = append(vs.Services, service(b.s, 443, true))
			vs.ApplicationProfileRef = ref("applicationprofile", "System-Secure-HTTP")
			vs.SslKeyAndCertificateRefs = certificateRefs(show.certs)
			b.addCertificates(&virtualHost{tenant: c.tenant, certs: show.certs, showing: c})
		}
	}
	b.add(c.tenant, typeVirtualService, name, vs, ing.Ref)
	b.add(c.tenant, typePool, name, b.pool(c, ingressBackend(to), name, markers(b.s,
		mark(markerNamespace, ing.Ref.Namespace),
		mark(markerIngressName, ing.Ref.Name),
		mark(markerServiceName, to.GetServiceName())), false), ing.Ref)
	b.add(c.tenant, typeVsVip, name, buildVsVip(b.s, name, c.tenant, hosts, vsVipOptions{WithoutPeers: b.s.EVH}), ing.Ref)
	b.f.Publications = append(b.f.Publications, Publication{
		Object:         ing.Ref,
		UID:            ing.UID,
		Host:           b.host,
		VirtualService: Key{Tenant: c.tenant, Type: typeVirtualService, Name: name},
		VsVip:          Key{Tenant: c.tenant, Type: typeVsVip, Name: name},
		Annotate:       b.host != "",
		Status:         true,
	})
}

// defaultServiceTLS returns where the certificate of a default backend is:
// the first entry of spec.tls counts, whatever hosts it lists.
func (b *hostBuilder) defaultServiceTLS(ing ingressSource) *claimTLS {
	if isTrue(ing.Body.GetMeta().GetAnnotations()[enableTLSAnnotation]) {
		return &claimTLS{secret: defaultSecret(b.s)}
	}
	if tls := ing.Body.GetTls(); len(tls) > 0 {
		return &claimTLS{secret: ing.secretOf(tls[0])}
	}
	return nil
}
